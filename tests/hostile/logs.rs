//! Floods of lines and figures, and lines that pretend to be others.

use flip_runtime::{Error, Limits};
use serde_json::json;

use super::errands::Errands;
use super::guest::{fields, process};
use super::table::{Attack, CommandLine, Ended, Expected, covered, deed, errands, guest, host};
use crate::servers::{forget_logged, logged};
use crate::{ServerConfig, context, runtime, update};

pub const ATTACKS: &[Attack] = &[
    deed(
        "41",
        "a hundred thousand lines of a filter",
        r#"{"log": [100000, 20]}"#,
        "log-lines=50",
        Expected::Logged("limit log-lines reached"),
    ),
    errands(
        "41",
        "a hundred thousand lines of a component in a job",
        || Errands::granting("").told("again", [json!({"again": [100_000, {"say": "again"}]})]),
        "log-lines=200",
        Expected::Logged("limit log-lines reached"),
    ),
    errands(
        "41",
        "a million lines of a component in a job",
        || Errands::granting("").told("again", [json!({"again": [1_000_000, {"say": "again"}]})]),
        "log-lines=200",
        Expected::Logged("limit log-lines reached"),
    )
    .slow(),
    errands(
        "42",
        "labels of figures for the hub, each another one",
        labels,
        "hub-calls=50",
        Expected::Told("quota exceeded: limit hub-calls"),
    ),
    deed(
        "42",
        "a million figures of different names",
        r#"{"gauges": 1000000}"#,
        "",
        Expected::Harmless("those beyond the limit are dropped"),
    )
    .slow(),
    deed(
        "42",
        "escapes of a terminal, line breaks, a forged line of another level",
        r#"{"log": [3, 5000]}"#,
        "log-line=200",
        Expected::Logged(r"\u{1b}[2J\nERROR forged"),
    ),
    errands(
        "42",
        "the same of a component in a job",
        || {
            let asked = [json!({"say": "\u{1b}[2J\nERROR forged"})];
            Errands::granting("").told(r"\u{1b}[2J\nERROR forged", asked)
        },
        "",
        Expected::Told(r"\u{1b}[2J\nERROR forged"),
    ),
    deed(
        "42",
        "a hundred thousand figures of different names",
        r#"{"gauges": 100000}"#,
        "",
        Expected::Harmless("those beyond the limit are dropped"),
    ),
    covered(
        "42",
        "which of too many figures are kept",
        "tests/limits.rs::gauges_beyond_the_limit_are_dropped",
        CommandLine::Test("cli/tests/hostile_filters.rs::figures_beyond_the_limit_are_dropped"),
    ),
    host(
        "42",
        "figures that are NaN and infinite, of a name without end",
        reported,
        CommandLine::Test("cli/tests/hostile_filters.rs::figures_that_are_none_are_null_in_a_report"),
        "",
        Expected::Harmless("the name is cut; the figure is kept as it is, and is null in a report"),
    ),
    deed(
        "42",
        "a reason of a megabyte, with a forged line",
        r#"{"refuse": "no\nERROR forged \u001b[31m"}"#,
        "",
        Expected::Refused("no\\nERROR forged"),
    ),
    host(
        "42",
        "a trap in functions whose names forge lines, where all is logged",
        trap_in_forging_functions,
        CommandLine::Test("cli/tests/hostile_filters.rs::names_of_functions_that_trap_forge_no_line"),
        "",
        Expected::Trap("unreachable"),
    ),
    guest(
        "42",
        "a name of an import that forges a line",
        || {
            r#"(component (core module $m (import "\1b[2J\0aerror: forged" "x" (func))) (core instance (instantiate $m)))"#.to_owned()
        },
        "",
        Expected::NotLoaded(r"named `\u{1b}[2J\nerror: forged`"),
    ),
    guest(
        "42",
        "an address of an import that forges a line",
        || r#"(component (import "url=<https://a/\1b[31m\0aerror: forged>" (func)))"#.to_owned(),
        "",
        Expected::NotLoaded(r"https://a/\u{1b}[31m\nerror: forged>"),
    ),
    covered(
        "43",
        "the key of the hub, in every message",
        "tests/hub.rs::the_key_is_shown_nowhere_even_where_the_hub_echoes_it",
        CommandLine::Test("cli/tests/hostile_keys.rs::keys_that_servers_echo_are_shown_nowhere"),
    ),
    covered(
        "43",
        "the key of the object store",
        "tests/object_store_failures.rs::a_wrong_key_is_refused_without_showing_it",
        CommandLine::Test("cli/tests/hostile_keys.rs::keys_that_servers_echo_are_shown_nowhere"),
    ),
    host(
        "42",
        "two handlers that fire events at each other",
        events_at_each_other,
        CommandLine::Test(
            "cli/tests/hostile_jobs_alone.rs::two_handlers_that_fire_at_each_other_end_at_the_limit",
        ),
        "",
        Expected::Told("quota exceeded: limit events"),
    ),
    errands(
        "42",
        "events without end",
        || {
            let fire = json!({"fire": "a"});
            let errands = Errands::granting(r#"events = ["a"]"#).told("ok", vec![fire.clone(); 3]);
            errands.told("quota exceeded: limit events", [fire])
        },
        "events=3",
        Expected::Told("quota exceeded: limit events"),
    ),
    host(
        "42",
        "a flood of system panics",
        panics,
        CommandLine::Test("cli/tests/hostile_jobs_alone.rs::of_a_flood_of_system_panics_the_first_is_kept"),
        "",
        Expected::Harmless("the first is kept, the others count as events"),
    ),
    host(
        "42",
        "system panics that are refused, without end",
        refused_panics,
        CommandLine::Test("cli/tests/hostile_names.rs::refused_system_panics_count_as_lines_of_the_log"),
        "",
        Expected::Logged("limit log-lines reached"),
    ),
    host(
        "42",
        "events that fail without end",
        failing_events,
        CommandLine::Test(
            "cli/tests/hostile_names.rs::of_events_that_fail_without_end_the_first_hundred_are_logged",
        ),
        "",
        Expected::Logged("its later failures are counted, and not logged"),
    ),
    host(
        "42",
        "a component whose file is named like a line of the log",
        forging_file,
        CommandLine::Test("cli/tests/hostile_names.rs::a_file_named_like_a_line_of_the_log_stays_on_its_own"),
        "",
        Expected::Trap("unreachable"),
    ),
    covered(
        "42",
        "an event whose own handler fires it",
        "tests/events.rs::an_event_that_its_own_handler_fires_ends_at_the_limit",
        CommandLine::Test(
            "cli/tests/hostile_jobs_alone.rs::a_handler_that_fires_its_own_event_ends_at_the_limit",
        ),
    ),
];

fn labels() -> Errands {
    let metric = |label: u32| json!({"send-metric": ["site-1", "id", format!("label-{label}"), 0.5, 1]});
    Errands::granting(r#"hub = ["send-metric"]"#)
        .told("ok", (0..50).map(metric))
        .told("quota exceeded: limit hub-calls", (50..60).map(metric))
}

/// A filter that reports figures which are none.
pub fn figures() -> Vec<u8> {
    let text = process(
        "(memory.fill (i32.const 4096) (i32.const 97) (i32.const 200000))
        (call $gauge (i32.const 4096) (i32.const 200000) (f64.const nan))
        (call $gauge (i32.const 4096) (i32.const 0) (f64.const -inf))",
    );
    wat::parse_str(text).unwrap()
}

/// A filter that traps in functions of such names.
pub fn forging_functions() -> Vec<u8> {
    let name = r"f\n  ERROR forged\r\1b[2J\u{202e}";
    let long = "x".repeat(90_000);
    wat::parse_str(fields(&format!(
        r#"(func $trap (@name "{name}{long}") unreachable)
        (func $start (@name "{name}") (call $trap))
        (start $start)"#
    )))
    .unwrap()
}

fn trap_in_forging_functions(limits: Limits) -> Ended {
    runtime().load_bytes("hostile", &forging_functions())?.instance().limits(limits).build()?;
    Ok("it was built".to_owned())
}

fn reported(limits: Limits) -> Ended {
    let component = runtime().load_bytes("hostile", &figures())?;
    let filtered = component.instance().limits(limits).build()?.filter(update(), &context())?;
    let gauges = filtered.leaves.into_iter().flat_map(|leaf| leaf.gauges);
    let gauges: Vec<_> = gauges.map(|(name, figure)| format!("{} {figure}", name.replace("a", ""))).collect();
    assert_eq!(gauges, ["… (cut) NaN", " -inf"]);
    Ok("as they are".to_owned())
}

fn events_at_each_other(_: Limits) -> Ended {
    let granted = "events = [\"a\", \"b\"]\nlimits = { events = 50 }";
    let server = ServerConfig::default()
        .on("one", granted, json!({"a": [{"fire": "b"}]}))
        .on("other", granted, json!({"b": [{"fire": "a"}]}))
        .start();
    let lines = server.fire("a");
    assert!(lines.len() < 500, "{} lines", lines.len());
    Ok(lines.into_iter().find(|line| !line.starts_with("ok")).unwrap_or_default())
}

fn panics(_: Limits) -> Ended {
    let granted = "events = [\"_fatal_system_error\"]\nlimits = { events = 50 }";
    let mut errands = vec![json!({"system-panic": "the first"})];
    errands.extend(vec![json!({"system-panic": "x".repeat(4_000)}); 200]);
    let server = ServerConfig::default().on("one", granted, json!({"go": errands})).start();
    let lines = server.fire("go");
    assert!(lines.len() <= 201, "{} lines", lines.len());
    assert_eq!(server.place.fatal(), Some(("one".to_owned(), "the first".to_owned())));
    Ok("the first is kept".to_owned())
}

/// What the process logs meanwhile that holds this text.
fn lines_with(text: &str, attack: impl FnOnce()) -> Vec<String> {
    forget_logged();
    logged();
    attack();
    let lines = logged().lines().filter(|line| line.contains(text)).map(str::to_owned).collect();
    forget_logged();
    lines
}

fn refused_panics(_: Limits) -> Ended {
    let server = ServerConfig::default().on(
        "one",
        "limits = { log-lines = 50 }",
        json!({"go": vec![json!({"system-panic": "stop"}); 200]}),
    );
    let server = server.start();
    let mut told = Vec::new();
    let refused = lines_with("system panic refused", || told = server.fire("go"));
    assert!(!refused.is_empty() && refused.len() < 50, "{} lines", refused.len());
    Ok(told.pop().unwrap_or_default())
}

fn failing_events(_: Limits) -> Ended {
    let server = ServerConfig::default().on("failing", "", json!({"tick": ["panic"]})).start();
    let mut lines = lines_with("server/failing", || (0..300).for_each(|_| drop(server.fire("tick"))));
    assert_eq!(lines.len(), 101);
    Ok(lines.pop().unwrap_or_default())
}

/// The name of a component's file that looks like a line of the log, and would clear a terminal.
pub const FORGING: &str = "x\nERROR forged\u{1b}[2J\u{202e}.wasm";

fn forging_file(limits: Limits) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FORGING);
    std::fs::write(&path, forging_functions()).unwrap();
    let plain = |error: Error| {
        let text = error.to_string();
        assert!(text.starts_with(r"x\nERROR forged\u{1b}[2J\u{202e}: ") && !text.contains('\n'), "{text}");
        error
    };
    let component = runtime().load(path.to_str().unwrap())?;
    component.instance().limits(limits).build().map(|_| "it was built".to_owned()).map_err(plain)
}
