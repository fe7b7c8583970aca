//! Calls that the policy does not allow, in a component that is allowed others.

use serde_json::json;

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
    covered(
        "55",
        "each function, and the line that would grant it",
        "tests/grants.rs::each_refusal_says_the_line_that_allows_the_call",
        CommandLine::Row("every call, where nothing is granted"),
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
