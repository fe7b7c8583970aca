//! Paths that lead out, links, and rights.

use flip_runtime::Limits;
use serde_json::json;

use super::errands::Errands;
use super::links;
use super::objects;
use super::paths::{in_every_function, no_paths};
use super::table::{Attack, CommandLine, Expected, covered, errands, host, nothing};
use crate::{EVERYTHING, Site};

pub const ATTACKS: &[Attack] = &[
    errands(
        "26",
        "paths with .., absolute, with empty parts, NUL, control characters, backslashes, 5 000 bytes, 10 000 parts",
        paths_that_lead_out,
        "",
        Expected::Told("invalid argument: "),
    ),
    errands(
        "26",
        "%2e%2e, C:, COM1, COM¹, name:stream, twins by case and by normal form",
        names_that_look_odd,
        "",
        Expected::Harmless("plain names here: each is a file of its own inside the directory"),
    ),
    covered(
        "26",
        "each of these paths in every function",
        "tests/storage.rs::a_path_that_could_lead_out_is_refused_by_every_function",
        CommandLine::Row(
            "paths with .., absolute, with empty parts, NUL, control characters, backslashes, 5 000 bytes, 10 000 parts",
        ),
    ),
    errands(
        "26",
        "object keys that leave the prefix",
        objects::keys_that_leave,
        "",
        Expected::Told("invalid argument: "),
    ),
    covered(
        "26",
        "a component's file that a job names outside of its folder, to be told its digest",
        "tests/job_paths.rs::a_component_outside_of_the_jobs_folder_is_not_looked_at",
        CommandLine::Test(
            "cli/tests/hostile_components.rs::a_component_outside_of_the_jobs_folder_is_not_looked_at",
        ),
    ),
    covered(
        "26",
        "a folder of models that a job names outside of the app's, to be told what lies there",
        "tests/job_paths.rs::a_folder_of_models_outside_of_the_apps_is_refused",
        CommandLine::Test(
            "cli/tests/hostile_components.rs::a_folder_of_models_outside_of_the_apps_is_refused",
        ),
    ),
    errands(
        "26",
        "an empty path, in each function that takes one",
        empty_paths,
        "",
        Expected::Harmless("it is the directory itself, to be looked at or archived, and no file"),
    ),
    errands(
        "26",
        "object keys with %2e, %2f and backslashes, where a prefix is granted",
        objects::keys_that_look_like_others,
        "",
        Expected::Harmless("a percent sign is one like any other character; a backslash is in no key"),
    ),
    errands(
        "27",
        "a link to the outside that the operator left, also with a slash behind it",
        links::links_of_the_operator,
        "",
        Expected::Told("not found: "),
    ),
    covered(
        "27",
        "each way to look through a link",
        "tests/links.rs::a_link_out_leads_nowhere",
        CommandLine::Test("cli/tests/hostile_grants.rs::a_link_out_leads_nowhere"),
    ),
    errands(
        "27",
        "writing, moving and deleting through a link",
        links::writes_through_a_link,
        "",
        Expected::Told("not found: "),
    ),
    errands("27", "links in a circle", links::links_in_a_circle, "", Expected::Told("invalid argument: ")),
    host(
        "27",
        "reading objects through links in a store that is a directory: out of it, to the objects of others, in a circle",
        |limits| objects::through_links(limits, objects::reads, "not found: "),
        CommandLine::Test("cli/tests/hostile_objects.rs::no_object_is_read_through_a_link_in_the_store"),
        "",
        Expected::Told("not found: "),
    ),
    host(
        "27",
        "storing objects and archives through links in a store that is a directory",
        |limits| objects::through_links(limits, objects::writes, "invalid argument: "),
        CommandLine::Test("cli/tests/hostile_objects.rs::no_object_is_stored_through_a_link_in_the_store"),
        "",
        Expected::Told("invalid argument: "),
    ),
    nothing("28", "symbolic and hard links that a guest makes", "the contract has no call that makes one"),
    errands(
        "28",
        "a move into a directory that is read-only, and out of it",
        moves_across_grants,
        "",
        Expected::Told("not permitted: "),
    ),
    errands(
        "28",
        "a move of what may not be deleted to where it may be",
        moves_to_where_all_is_deleted,
        "",
        Expected::Told("not permitted: "),
    ),
    errands(
        "29",
        "writing, replacing, moving, making directories where reading is granted",
        writes_where_reading_is_granted,
        "",
        Expected::Told("not permitted: "),
    ),
    errands(
        "29",
        "deleting where writing is granted and deleting is not",
        deletes_without_a_grant,
        "",
        Expected::Told("not permitted: "),
    ),
    nothing(
        "29",
        "set-times, chmod, truncate",
        "the contract has no such call; a file is replaced as a whole",
    ),
    covered(
        "30",
        "pipes, sockets and directories in the place of a file",
        "tests/storage.rs::what_is_no_regular_file_is_refused_and_never_waited_for",
        CommandLine::Test(
            "cli/tests/hostile_jobs_alone.rs::what_is_no_regular_file_is_refused_and_never_waited_for",
        ),
    ),
    covered(
        "30",
        "devices in the place of files",
        "tests/storage.rs::a_device_is_no_file_and_is_never_read",
        CommandLine::Test("cli/tests/hostile_jobs_alone.rs::a_device_is_no_file_and_is_never_read"),
    ),
    errands(
        "30",
        "links to devices and to the process itself in the place of files",
        links::devices,
        "",
        Expected::Told("not found: "),
    ),
    errands(
        "55",
        "files of another directory, and of another site's",
        files_of_others,
        "",
        Expected::Told("not permitted: "),
    ),
    covered(
        "55",
        "asking whether something is there that is not granted",
        "tests/grants.rs::a_refusal_does_not_tell_whether_something_is_there",
        CommandLine::Test("cli/tests/hostile_grants.rs::a_refusal_does_not_tell_whether_something_is_there"),
    ),
];

pub(super) fn granting(policy: &str, limits: Limits) -> Site {
    let mut site = Site::granting(policy);
    site.limits = limits;
    site
}

fn paths_that_lead_out() -> Errands {
    let errands = Errands::granting(EVERYTHING)
        .file("outside/secret", "secret")
        .file("images/a", "kept")
        .file("job/a", "kept")
        .file("job/d/a", "kept");
    no_paths().into_iter().fold(errands, |errands, (path, told)| errands.told(told, in_every_function(&path)))
}

const ODD_NAMES: [&str; 14] = [
    "%2e%2e",
    "%00",
    "C:",
    "COM1",
    "COM¹",
    "name:stream",
    "name",
    "NAME",
    "\u{e9}",
    "e\u{301}",
    "...",
    "~",
    "-rf",
    " ",
];

fn names_that_look_odd() -> Errands {
    let errands = Errands::granting(EVERYTHING);
    let errands = errands.told("ok", ODD_NAMES.map(|name| json!({"write": ["job", name, name]})));
    ODD_NAMES.iter().fold(errands, |errands, name| errands.leaves(format!("job/{name}"), name))
}

/// Each function that takes a path, with none: looked at and archived it is the directory, and nothing else is it.
fn empty_paths() -> Errands {
    let errands = Errands::granting(EVERYTHING).file("job/a", "kept");
    in_every_function("").into_iter().fold(errands, |errands, errand| {
        let looks = ["stat", "entries", "usage", "put-archive"].iter().any(|name| errand.get(name).is_some());
        errands.told(if looks { "ok " } else { "invalid argument: the path is empty" }, [errand])
    })
}

const READ_ONLY: &str = r#"directories = { job = "read", workspace = "read-write" }"#;

fn moves_to_where_all_is_deleted() -> Errands {
    Errands::granting("directories = { workspace = \"read-write\" }\ncleanup = [\"workspace/save/*\"]")
        .file("workspace/models/a", "kept")
        .file("workspace/save/a", "old")
        .told("not permitted: cleanup", [json!({"rename": ["workspace", "models", "workspace", "save/x"]})])
        .told("not permitted: cleanup", [json!({"rename": ["workspace", "models", "workspace", "save"]})])
        .told("ok", [json!({"rename": ["workspace", "save/a", "workspace", "save/b"]})])
        .told("ok", [json!({"rename": ["workspace", "save/b", "workspace", "save/a"]})])
        .leaves("workspace/models/a", "kept")
}

fn moves_across_grants() -> Errands {
    let moves = [
        json!({"rename": ["job", "kept", "workspace", "taken"]}),
        json!({"rename": ["workspace", "mine", "job", "kept"]}),
        json!({"rename": ["job", "kept", "job", "renamed"]}),
    ];
    let errands = Errands::granting(READ_ONLY).file("job/kept", "kept").file("workspace/mine", "mine");
    errands.told("not permitted: directories", moves)
}

fn writes_where_reading_is_granted() -> Errands {
    let errands = Errands::granting(READ_ONLY).file("job/kept", "kept");
    let errands = errands.told(
        "not permitted: directories",
        [
            json!({"write": ["job", "kept", ""]}),
            json!({"write": ["job", "new", "x"]}),
            json!({"stage": ["job", "kept", "x"]}),
            json!({"create-dir-all": ["job", "new/folder"]}),
        ],
    );
    errands.told("not permitted: cleanup", [json!({"remove": ["job", "kept"]}), json!({"clear": "job"})])
}

fn deletes_without_a_grant() -> Errands {
    let asked = [json!({"remove": ["workspace", "kept"]}), json!({"clear": "workspace"})];
    Errands::granting(READ_ONLY).file("workspace/kept", "kept").told("not permitted: cleanup", asked)
}

fn files_of_others() -> Errands {
    let asked = [
        json!({"read": ["images", "patient-1/scan.dcm", 0, 9]}),
        json!({"read": ["images", "patient-2/scan.dcm", 0, 9]}),
        json!({"entries": ["images", "", null, 9]}),
        json!({"open": "safehouse"}),
    ];
    let errands = Errands::granting(r#"directories = { job = "read" }"#);
    errands.file("images/patient-1/scan.dcm", "scan").told("not permitted: directories", asked)
}
