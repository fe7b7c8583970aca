//! Calls that the policy does not allow, in a component that is allowed others.

use serde_json::{Value, json};

use super::errands::Errands;
use super::table::{Attack, CommandLine, Expected, covered, errands};

pub const ATTACKS: &[Attack] = &[
    errands(
        "55",
        "every call, where nothing is granted",
        nothing_granted,
        "",
        Expected::Told("not permitted: "),
    ),
    errands(
        "55",
        "objects under another prefix, and what is granted of other objects only",
        other_objects,
        "",
        Expected::Told("invalid argument: "),
    ),
    errands(
        "55",
        "events and deletions beside those that are granted",
        other_events_and_deletions,
        "",
        Expected::Told("not permitted: "),
    ),
    errands(
        "55",
        "figures and failures of another model and another site, where the hub may be told of any",
        other_models,
        "",
        Expected::Harmless("they are sent: a grant of the hub is one of the call, not of whom it tells of"),
    ),
    covered(
        "55",
        "each function, and the line that would grant it",
        "tests/grants.rs::each_refusal_says_the_line_that_allows_the_call",
        CommandLine::Test("cli/tests/hostile_grants.rs::each_refusal_says_the_line_that_allows_the_call"),
    ),
];

fn nothing_granted() -> Errands {
    let asked = [
        ("not permitted: directories", json!({"open": "job"})),
        ("not permitted: directories", json!({"read": ["workspace", "secret", 0, 9]})),
        ("not permitted: directories", json!({"clear": "job"})),
        ("not permitted: object-store", json!({"put": ["key", "x"]})),
        ("not permitted: object-store", json!({"get": ["key", 0, 9]})),
        ("not permitted: object-store", json!({"head": "key"})),
        ("not permitted: hub", json!({"update-status": "id"})),
        ("not permitted: hub", json!({"send-metric": ["site-1", "id", "loss", 0.5, 1]})),
        ("not permitted: hub", json!({"send-exception": ["site-1", "id", "text"]})),
        ("not permitted: events", json!({"fire": "_end_run"})),
        // It has no answer: the log says that nothing came of it.
        ("ok", json!({"system-panic": "stop"})),
        ("not permitted: peers", json!({"get-results-persistor": "persist_and_cleanup"})),
        ("not permitted: peers", json!({"get-results-generator": "json_generator"})),
        ("not permitted: peers", json!({"get-model-persistor": "persistor"})),
    ];
    let errands = Errands::granting("").file("workspace/secret", "secret");
    asked.into_iter().fold(errands, |errands, (told, errand)| errands.told(told, [errand]))
}

const OWN_OBJECTS: &str = r#"
    object-store = ["put", "get"]
    object-prefixes = ["own"]
"#;

fn other_objects() -> Errands {
    Errands::granting(OWN_OBJECTS)
        .told("invalid argument: ", [json!({"put": ["own/../x", "x"]})])
        .told("not permitted: object-prefixes", [json!({"put": ["other/x", "x"]})])
        .told("not permitted: object-prefixes", [json!({"put": ["owner/x", "x"]})])
        .told("not permitted: object-prefixes", [json!({"get": ["other/x", 0, 9]})])
        .told("not permitted: object-store", [json!({"head": "own/x"})])
        .told("ok own/x of 1 bytes", [json!({"put": ["own/x", "x"]})])
}

/// The contract knows a job's id and its site, and no model's: the id that the hub has for one is an arg of a component.
fn other_models() -> Errands {
    Errands::granting(r#"hub = ["send-metric", "send-exception"]"#)
        .told("ok", [json!({"send-metric": ["another-site", "another-model", "loss", 0.5, 1]})])
        .told("ok", [json!({"send-exception": ["another-site", "another-model", "text"]})])
        .told("not permitted: hub", [json!({"update-status": "another-model"})])
}

const OWN_FILES: &str = r#"
    directories = { job = "read-write" }
    cleanup = ["job/own/*"]
    events = ["a"]
"#;

fn other_events_and_deletions() -> Errands {
    Errands::granting(OWN_FILES)
        .file("job/own/mine", "mine")
        .file("job/other/kept", "kept")
        .told(
            "not permitted: cleanup",
            [json!({"remove": ["job", "other"]}), json!({"remove": ["job", "own"]})],
        )
        .told("not permitted: events", [json!({"fire": "_end_run"}), json!({"fire": "aa"})])
        .told("ok", [json!({"remove": ["job", "own/mine"]}), json!({"fire": "a"})])
        .removes("job/own/mine")
}

/// What has to be granted for each function: the lines before, the call, the line that is missing.
pub fn refusals() -> Vec<(&'static str, Value, &'static str)> {
    const READ: &str = r#"directories = { job = "read" }"#;
    const WRITE: &str = r#"directories = { job = "read-write" }"#;
    vec![
        ("", json!({"open": "job"}), READ),
        ("", json!({"open": "workspace"}), r#"directories = { workspace = "read" }"#),
        ("", json!({"open": "images"}), r#"directories = { images = "read" }"#),
        (READ, json!({"write": ["job", "b", "x"]}), WRITE),
        (READ, json!({"stage": ["job", "b", "x"]}), WRITE),
        (READ, json!({"create-dir-all": ["job", "b"]}), WRITE),
        (READ, json!({"rename": ["job", "a", "job", "b"]}), WRITE),
        (READ, json!({"remove": ["job", "a"]}), r#"cleanup = ["job/a"]"#),
        (READ, json!({"remove": ["job", "d/a"]}), r#"cleanup = ["job/d/a"]"#),
        (READ, json!({"clear": "job"}), r#"cleanup = ["job/*"]"#),
        ("", json!({"put": ["key", "x"]}), r#"object-store = ["put"]"#),
        (READ, json!({"put-archive": ["key", "job", ""]}), r#"object-store = ["put-archive"]"#),
        ("", json!({"get": ["there", 0, 1]}), r#"object-store = ["get"]"#),
        ("", json!({"head": "there"}), r#"object-store = ["head"]"#),
        ("", json!({"update-status": "id"}), r#"hub = ["update-status"]"#),
        ("", json!({"send-metric": ["site-1", "id", "loss", 1.0, 0]}), r#"hub = ["send-metric"]"#),
        ("", json!({"send-exception": ["site-1", "id", "x"]}), r#"hub = ["send-exception"]"#),
        ("", json!({"fire": "a"}), r#"events = ["a"]"#),
        ("", json!({"fire": "_fatal_system_error"}), r#"events = ["_fatal_system_error"]"#),
        ("", json!({"get-results-generator": "generator"}), r#"peers = ["results-generator"]"#),
        ("", json!({"handle-evaluation-event": ["generator", "a"]}), r#"peers = ["results-generator"]"#),
        ("", json!({"all-tasks-failed": "generator"}), r#"peers = ["results-generator"]"#),
        ("", json!({"get-results-persistor": "persistor"}), r#"peers = ["results-persistor"]"#),
        ("", json!({"execute": "persistor"}), r#"peers = ["results-persistor"]"#),
        ("", json!({"get-model-persistor": "models"}), r#"peers = ["model-persistor"]"#),
        ("", json!({"model-inventory": "models"}), r#"peers = ["model-persistor"]"#),
    ]
}

/// The same where something stands under the key already: the lines before, a call that they allow, the one that they do
/// not, and the line that allows both.
pub fn refusals_beside_grants() -> Vec<(&'static str, Value, Value, &'static str)> {
    const BOTH: &str = r#"directories = { job = "read", workspace = "read" }"#;
    let open = |root: &str| json!({"open": root});
    vec![
        (
            BOTH,
            open("workspace"),
            open("images"),
            r#"directories = { job = "read", workspace = "read", images = "read" }"#,
        ),
        (
            BOTH,
            open("workspace"),
            json!({"write": ["job", "b", "x"]}),
            r#"directories = { job = "read-write", workspace = "read" }"#,
        ),
        (
            concat!(r#"directories = { job = "read", workspace = "read" }"#, "\n", r#"cleanup = ["job/*"]"#),
            json!({"clear": "job"}),
            json!({"clear": "workspace"}),
            r#"cleanup = ["job/*", "workspace/*"]"#,
        ),
        (
            r#"object-store = ["get"]"#,
            json!({"get": ["there", 0, 1]}),
            json!({"put": ["key", "x"]}),
            r#"object-store = ["get", "put"]"#,
        ),
        (
            concat!(r#"object-store = ["put", "head"]"#, "\n", r#"object-prefixes = ["there"]"#),
            json!({"head": "there"}),
            json!({"put": ["key", "x"]}),
            r#"object-prefixes = ["there", "key"]"#,
        ),
        (
            r#"hub = ["send-metric"]"#,
            json!({"send-metric": ["site-1", "id", "loss", 1.0, 0]}),
            json!({"update-status": "id"}),
            r#"hub = ["send-metric", "update-status"]"#,
        ),
        (r#"events = ["b"]"#, json!({"fire": "b"}), json!({"fire": "a"}), r#"events = ["b", "a"]"#),
        (
            r#"peers = ["model-persistor"]"#,
            json!({"get-model-persistor": "models"}),
            json!({"get-results-generator": "generator"}),
            r#"peers = ["model-persistor", "results-generator"]"#,
        ),
    ]
}

/// Each way to ask for what is not granted, whether it is there or not.
pub fn asking_whether_there_is(name: &str) -> Vec<Value> {
    vec![
        json!({"write": ["job", name, "x"]}),
        json!({"remove": ["job", name]}),
        json!({"rename": ["job", name, "job", "b"]}),
        json!({"get": [name, 0, 1]}),
        json!({"head": name}),
        json!({"get-results-generator": name}),
    ]
}

/// The policy with a line more, in the place of one for the same key.
pub fn with_line(policy: &str, line: &str) -> String {
    let key = line.split_once(" = ").unwrap().0;
    let others = policy.lines().filter(|other| !other.starts_with(&format!("{key} = ")));
    others.chain([line]).collect::<Vec<_>>().join("\n")
}
