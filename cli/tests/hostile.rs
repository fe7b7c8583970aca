//! Hostile filters and updates, from the table in `tests/hostile/`, through `flip-wasm filter`: the exit code
//! says what kind of failure it was, the error names the limit, nothing is left behind, the update is as it was,
//! nothing has panicked, and a benign filter gives its right answer afterwards.

use std::fs;

use crate::support::{Site, shown};
use flip_wasm_tests::hostile::{Attack, Expected, FAMILIES, How, limits, sent, tensors};

/// The exit code, and what is said of it: on the standard error, save what became of the data.
fn expected(attack: &Attack) -> (i32, String) {
    match attack.expected {
        Expected::Limit(limit) => (5, format!("limit {limit} reached: ")),
        Expected::Trap(reason) => (5, reason.to_owned()),
        Expected::Failed(told) => (5, told.to_owned()),
        Expected::NotPermitted(line) => (4, format!("not permitted: {line} under [components.")),
        Expected::Refused(reason) => (3, reason.to_owned()),
        Expected::NotLoaded(reason) => (6, reason.to_owned()),
        Expected::Logged(text) => (0, text.to_owned()),
        Expected::Unchanged(reason) => (0, format!(": unchanged, {reason}; wrote ")),
        Expected::Told(_) | Expected::Out(_) | Expected::Harmless(_) => (0, String::new()),
    }
}

/// The name that stands in a history.
const FILTER: &str = "MisbehavingFilter.wasm";

/// Whether the log has no more lines of the component than it may have, as the notice that others are dropped does not
/// say by itself. Where the log must hold a text, there is a line of it.
fn logged_as_allowed(attack: &Attack, log: &[u8]) -> bool {
    let own = format!(" component=\"{}\"", FILTER.trim_end_matches(".wasm"));
    let lines = String::from_utf8_lossy(log).lines().filter(|line| line.ends_with(&*own)).count() as u64;
    let least = u64::from(matches!(attack.expected, Expected::Logged(_)));
    (least..=limits(attack.limits).log_lines).contains(&lines)
}

/// The component that is run, and its args; none where it is no attack of a filter.
fn component(attack: &Attack, site: &Site) -> Option<(&'static str, String)> {
    if let How::Update(bytes) = attack.how {
        site.write("update.safetensors", &bytes());
        return Some(("percentile-privacy", "{}".to_owned()));
    }
    let (wasm, args) = attack.filter()?;
    site.write(FILTER, &wasm);
    // The update that the library filters, in the place of the recorded one.
    site.write_dxo("update.safetensors", flip_wasm_tests::update());
    Some((FILTER, args))
}

/// Whether that went out which must go out.
fn sent_as_expected(attack: &Attack, site: &Site) -> bool {
    match attack.expected {
        Expected::Out(out) => sent(&site.read_dxo("out.safetensors")) == out,
        _ if attack.leaves_the_data() => {
            tensors(&site.read_dxo("out.safetensors")) == tensors(&site.read_dxo("update.safetensors"))
        }
        _ => true,
    }
}

/// Why it did not end as it should; none where it did, or is no attack of a filter.
fn attempt(attack: &Attack) -> Option<String> {
    let site = Site::new().hostile();
    let (component, args) = component(attack, &site)?;
    if !attack.grants.is_empty() {
        let policy = format!("[components.MisbehavingFilter]\n{}\n", attack.grants);
        site.write("policy.toml", policy.as_bytes());
    }
    let before = (site.files(), fs::read(site.path("update.safetensors")).unwrap());
    let mut command = vec!["filter", component, "--args", &args];
    command.extend(["--in", "update.safetensors", "--out", "out.safetensors"]);
    if !attack.limits.is_empty() {
        command.extend(["--limits", attack.limits]);
    }
    if !attack.grants.is_empty() {
        command.extend(["--policy", "policy.toml"]);
    }
    let output = site.output(&command);
    let named = format!("row {}, {}: {}", attack.row, attack.name, shown(&output));
    let (code, text) = expected(attack);
    let mut files = site.files();
    files.retain(|name| code != 0 || name != "out.safetensors");
    let left = (files, fs::read(site.path("update.safetensors")).unwrap());
    let told =
        if matches!(attack.expected, Expected::Unchanged(_)) { &output.stdout } else { &output.stderr };
    let said = String::from_utf8_lossy(told).contains(&text);
    // Escapes would reach a terminal, a line of its own could pass for the program's.
    let plain = ![&output.stdout, &output.stderr].iter().any(|stream| stream.contains(&0x1b));
    if output.status.code() != Some(code) || !said || !plain || left != before {
        return Some(named);
    }
    if !logged_as_allowed(attack, &output.stderr) {
        return Some(format!("{named}: the log has too many lines of it, or none"));
    }
    (!sent_as_expected(attack, &site)).then(|| format!("{named}: something else went out"))
}

#[test]
fn hostile_filters_end_with_their_exit_code_and_leave_nothing() {
    let attacks: Vec<_> = FAMILIES.iter().flat_map(|(_, attacks)| *attacks).collect();
    assert!(attacks.iter().filter(|attack| attack.filter().is_some()).count() > 60);
    // Two processes at a time: each waits for the end of its call.
    let (some, others) = attacks.split_at(attacks.len() / 2);
    let failures: Vec<_> = std::thread::scope(|scope| {
        let halves = [some, others].map(|half| {
            scope.spawn(move || half.iter().filter_map(|attack| attempt(attack)).collect::<Vec<_>>())
        });
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn hostile_limits_are_those_of_the_command_line() {
    for attack in FAMILIES.iter().flat_map(|(_, attacks)| *attacks) {
        // What the command line would not take panics here.
        let _ = limits(attack.limits);
    }
}
