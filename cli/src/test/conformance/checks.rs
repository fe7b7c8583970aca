//! The checks, by name.

use serde_json::{Value, json};
use similar::TextDiff;

use super::{Subject, data, ended_by_the_host, scenario, told};
use crate::test::case::Case;
use crate::test::expected::{Answered, ErrorSpec, Gives, HostSpec};
use crate::test::runner::{Ended, Given, Observed};

/// A check.
pub struct Check {
    /// Its name, by which it is skipped.
    pub name: &'static str,
    /// What must hold.
    pub what: &'static str,
    /// The role that it is for; every role without one.
    pub role: Option<&'static str>,
    /// Says why it does not hold.
    pub run: fn(&Subject<'_>) -> anyhow::Result<Vec<String>>,
}

/// Every check.
pub const ALL: &[Check] = &[
    Check {
        name: "args",
        what: "args that it does not know are refused, not trapped on",
        role: None,
        run: args,
    },
    Check { name: "determinism", what: "the same calls do the same", role: None, run: determinism },
    Check { name: "windows", what: "the host's window does not matter", role: None, run: windows },
    Check { name: "abort", what: "a run that is being aborted ends by itself", role: None, run: abort },
    Check { name: "local-dev", what: "a developer's machine is left alone", role: None, run: local_dev },
    Check { name: "failures", what: "a call into the host that fails is no trap", role: None, run: failures },
    Check { name: "calls", what: "a call does not depend on those before", role: FILTER, run: repeated },
    Check { name: "types", what: "names, order, dtypes and shapes stay", role: FILTER, run: types },
    Check { name: "odd-data", what: "odd data is filtered, left, or refused", role: FILTER, run: odd_data },
    Check {
        name: "phases",
        what: "in phases it does the same, however many instances share the data",
        role: FILTER,
        run: phases,
    },
    Check {
        name: "memory",
        what: "it needs at most a quarter of a large update's size",
        role: FILTER,
        run: memory,
    },
];

const FILTER: Option<&str> = Some("dxo-filter");

/// The elements of a large update: 64 MiB of float32.
const LARGE: u64 = 16 << 20;

/// The elements of an update that several instances share: five windows of float32, and a bit.
const SHARED: u64 = (5 << 16) + 3;
/// The bytes of a window, below which no tensor is cut.
const WINDOW: u64 = 256 << 10;

fn standard(subject: &Subject<'_>) -> anyhow::Result<Case> {
    Ok(scenario::case(subject, scenario::calls(subject, 1)?))
}

/// The lines in which two runs differ.
fn difference(what: &str, one: &Observed, other: &Observed) -> anyhow::Result<Vec<String>> {
    let (one, other) = (told(one)?, told(other)?);
    if one == other {
        return Ok(Vec::new());
    }
    let diff = TextDiff::from_lines(&one, &other).unified_diff().context_radius(2).to_string();
    let lines: Vec<_> = diff.lines().take(40).map(|line| format!("  {line}")).collect();
    Ok(vec![format!("{what}\n{}", lines.join("\n"))])
}

fn args(subject: &Subject<'_>) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut attempts = vec![("an unknown arg".to_owned(), with(subject, "no_such_arg", json!(1)), true)];
    for name in subject.args.keys() {
        let odd = json!({"odd": [null]});
        attempts.push((format!("an object as {name}"), with(subject, name, odd), true));
        attempts.push((format!("null as {name}"), with(subject, name, Value::Null), false));
    }
    for (what, args, must_refuse) in attempts {
        // A call shows how the configuration ended, where it was no refusal.
        let calls = scenario::calls(subject, 1)?;
        let observed = subject.observe(&Case { args, ..scenario::case(subject, calls) })?;
        match &observed.refused_args {
            Some(_) => {}
            None if must_refuse && ended_by_the_host(&observed).is_empty() => {
                found.push(format!("{what} is accepted"));
            }
            None if observed.steps.len() <= 1 => {
                found.extend(ended_by_the_host(&observed).into_iter().map(|why| format!("{what}: {why}")));
            }
            None => {}
        }
    }
    Ok(found)
}

fn with(subject: &Subject<'_>, name: &str, value: Value) -> indexmap::IndexMap<String, Value> {
    let mut args = subject.args.clone();
    args.insert(name.to_owned(), value);
    args
}

fn determinism(subject: &Subject<'_>) -> anyhow::Result<Vec<String>> {
    let case = standard(subject)?;
    let first = subject.observe(&case)?;
    let mut found: Vec<_> = ended_by_the_host(&first);
    found.extend(
        first.refused_args.iter().map(|why| format!("it refuses its args, give others with --args: {why}")),
    );
    // Another one in between, with other data.
    subject.observe(&scenario::case(subject, scenario::calls(subject, 2)?))?;
    found.extend(difference("a second instance does something else", &first, &subject.observe(&case)?)?);
    Ok(found)
}

fn windows(subject: &Subject<'_>) -> anyhow::Result<Vec<String>> {
    let case = standard(subject)?;
    let whole = subject.observe(&case)?;
    let mut found = Vec::new();
    for bytes in ["4KiB", "10000B", "64KiB"] {
        let mut limits = serde_json::to_value(subject.limits())?;
        if let Some(limits) = limits.as_object_mut() {
            limits.insert("call-bytes".to_owned(), json!(bytes));
        }
        let limits = Some(limits);
        let observed = subject.observe(&Case { limits, ..case.clone() })?;
        found.extend(difference(
            &format!("with call-bytes={bytes} it does something else"),
            &whole,
            &observed,
        )?);
    }
    Ok(found)
}

fn abort(subject: &Subject<'_>) -> anyhow::Result<Vec<String>> {
    let mut case = standard(subject)?;
    case.context.aborted = true;
    let observed = subject.observe(&case)?;
    let mut found = ended_by_the_host(&observed);
    // The hub may be told how the run ends.
    let [before, after] = &observed.objects;
    if observed.tree_before != observed.tree || before != after {
        found.push("it changed files or objects, although the run is being aborted".to_owned());
    }
    Ok(found)
}

fn local_dev(subject: &Subject<'_>) -> anyhow::Result<Vec<String>> {
    let mut case = standard(subject)?;
    case.context.local_dev = true;
    let observed = subject.observe(&case)?;
    let mut found = ended_by_the_host(&observed);
    let [before, after] = &observed.objects;
    if before != after {
        found.push("it uploaded something".to_owned());
    }
    let gone = observed.tree_before.keys().filter(|path| !observed.tree.contains_key(*path));
    found.extend(gone.map(|path| format!("it deleted {path}")));
    Ok(found)
}

/// Each call into the host fails in turn.
fn failures(subject: &Subject<'_>) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for step in scenario::calls(subject, 1)? {
        let case = scenario::case(subject, vec![step]);
        let observed = subject.observe(&case)?;
        let calls = observed.steps.first().map(|step| step.noted.host.clone()).unwrap_or_default();
        for call in calls {
            let call = call.split(" = ").next().unwrap_or_default();
            let call = call.rsplit_once(" x ").map_or(call, |(call, _)| call).to_owned();
            let mut failing = case.clone();
            let error = ErrorSpec::Unavailable("it is down, for this check".to_owned());
            let answered = Answered { call: call.clone(), answers: Some(error), after: None };
            failing.calls.iter_mut().for_each(|step| step.host = vec![HostSpec::Answered(answered.clone())]);
            let ended = ended_by_the_host(&subject.observe(&failing)?);
            found.extend(ended.into_iter().map(|why| format!("where this fails: {call}: {why}")));
        }
    }
    Ok(found)
}

fn repeated(subject: &Subject<'_>) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for kind in scenario::kinds(subject)? {
        let (one, other) = (data::plain(kind, 1), data::plain(kind, 2));
        let alone = subject.observe(&scenario::case(subject, vec![scenario::filtering(one.clone())]))?;
        let calls = [other, one].map(scenario::filtering).to_vec();
        let mut after = subject.observe(&scenario::case(subject, calls))?;
        after.steps.drain(..1.min(after.steps.len()));
        found.extend(difference("after another update it does something else", &alone, &after)?);
    }
    Ok(found)
}

fn types(subject: &Subject<'_>) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for kind in scenario::kinds(subject)? {
        let given = data::plain(kind, 1);
        let dxo = given.dxo(std::path::Path::new("")).map_err(anyhow::Error::msg)?;
        let observed = subject.observe(&scenario::case(subject, vec![scenario::filtering(given)]))?;
        let Some(Ended::Filtered(out)) = observed.steps.first().map(|step| &step.ended) else { continue };
        let types = |dxo: &flip_runtime::Dxo| {
            let tensors = dxo.tensors().into_iter().flatten();
            let types =
                tensors.map(|(name, tensor)| format!("{name}: {} {:?}", tensor.dtype(), tensor.shape()));
            types.collect::<Vec<_>>()
        };
        if dxo.kind() != out.kind() || types(&dxo) != types(out) {
            found.push(format!("it was given {:?}, and lets out {:?}", types(&dxo), types(out)));
        }
    }
    Ok(found)
}

fn odd_data(subject: &Subject<'_>) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for kind in scenario::kinds(subject)? {
        for (what, dxo) in data::odd(kind) {
            let observed = subject.observe(&scenario::case(subject, vec![scenario::filtering(dxo)]))?;
            let ended = observed.steps.first().map(|step| &step.ended);
            let allowed = match ended {
                Some(Ended::Plain(gives)) => matches!(
                    gives,
                    Gives::Unchanged(_) | Gives::PassedBy(_) | Gives::Refused(_) | Gives::Error(_)
                ),
                ended => matches!(ended, Some(Ended::Filtered(_))),
            };
            if !allowed {
                let why = ended_by_the_host(&observed).join("; ");
                found.push(format!("{kind} with {what}: {why}"));
            }
        }
    }
    Ok(found)
}

/// For a filter that does not work in phases, there is nothing to tell apart.
fn phases(subject: &Subject<'_>) -> anyhow::Result<Vec<String>> {
    let mut cases = vec![standard(subject)?];
    for kind in scenario::kinds(subject)? {
        cases.push(scenario::case(subject, vec![scenario::filtering(data::large(kind, SHARED))]));
    }
    let mut found = Vec::new();
    for case in cases {
        let alone = subject.observe(&case)?;
        for (instances, part) in [(1, WINDOW), (2, WINDOW), (3, 1), (2, 3 * WINDOW)] {
            let given = Given { share: Some((instances, part)), ..subject.given };
            let what = format!("in phases, shared by {instances}, it does something else");
            found.extend(difference(&what, &alone, &subject.observe_with(&case, given)?)?);
        }
    }
    Ok(found)
}

fn memory(subject: &Subject<'_>) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for kind in scenario::kinds(subject)? {
        let calls = vec![scenario::filtering(data::large(kind, LARGE))];
        let observed = subject.observe(&scenario::case(subject, calls))?;
        found.extend(ended_by_the_host(&observed).into_iter().map(|why| format!("{kind}: {why}")));
        if observed.usage.peak_memory > LARGE {
            found.push(format!(
                "{kind}: {} bytes for an update of {}",
                observed.usage.peak_memory,
                LARGE * 4
            ));
        }
    }
    Ok(found)
}
