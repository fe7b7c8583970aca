//! Paths that lead out, links, and rights.

use std::fs;
use std::os::unix::fs::MetadataExt;

use flip_runtime::Limits;
use serde_json::{Value, json};

use super::table::{Attack, Ended, Expected, elsewhere, host, nothing};
use crate::{EVERYTHING, Site};

pub const ATTACKS: &[Attack] = &[
    host(
        "26",
        "paths with .., absolute, with empty parts, NUL, control characters, backslashes, 5 000 bytes, 10 000 parts",
        paths_that_lead_out,
        "",
        Expected::Told("invalid argument: "),
    ),
    host(
        "26",
        "%2e%2e, C:, COM1, COM¹, name:stream, twins by case and by normal form",
        names_that_look_odd,
        "",
        Expected::Harmless("plain names here: each is a file of its own inside the directory"),
    ),
    elsewhere(
        "26",
        "each of these paths in every function",
        "tests/storage.rs::a_path_that_could_lead_out_is_refused_by_every_function",
    ),
    host(
        "26",
        "object keys that leave the prefix",
        keys_that_leave,
        "",
        Expected::Told("invalid argument: "),
    ),
    host(
        "27",
        "a link to the outside that the operator left, also with a slash behind it",
        links_of_the_operator,
        "",
        Expected::Told("not found: "),
    ),
    elsewhere("27", "each way to look through a link", "tests/links.rs::a_link_out_leads_nowhere"),
    elsewhere(
        "27",
        "writing and moving through a link",
        "tests/links.rs::nothing_is_written_or_moved_through_a_link_out",
    ),
    elsewhere("27", "links in a circle", "tests/links.rs::links_in_a_circle_are_no_hang"),
    nothing("28", "symbolic and hard links that a guest makes", "the contract has no call that makes one"),
    host(
        "28",
        "a move into a directory that is read-only, and out of it",
        moves_across_grants,
        "",
        Expected::Told("not permitted: "),
    ),
    host(
        "29",
        "writing, replacing, moving, making directories where reading is granted",
        writes_where_reading_is_granted,
        "",
        Expected::Told("not permitted: "),
    ),
    host(
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
    elsewhere(
        "30",
        "pipes, sockets and directories in the place of a file",
        "tests/storage.rs::what_is_no_regular_file_is_refused_and_never_waited_for",
    ),
    host("30", "a device in the place of a file", devices, "", Expected::Told("not found: ")),
    host(
        "55",
        "files of another directory, and of another site's",
        files_of_others,
        "",
        Expected::Told("not permitted: "),
    ),
    elsewhere(
        "55",
        "asking whether something is there that is not granted",
        "tests/grants.rs::a_refusal_does_not_tell_whether_something_is_there",
    ),
];

/// Every one of these must be told the same kind of thing; the first answer stands for them.
fn all_told(site: &Site, errands: Vec<Value>, start: &str) -> Ended {
    let outcomes = site.run(errands.clone());
    for (outcome, errand) in outcomes.iter().zip(&errands) {
        assert!(outcome.starts_with(start), "{errand:.200}: {outcome}");
    }
    Ok(outcomes.into_iter().next().unwrap_or_default())
}

pub(super) fn within(limits: Limits) -> Site {
    granting(EVERYTHING, limits)
}

pub(super) fn granting(policy: &str, limits: Limits) -> Site {
    let mut site = Site::granting(policy);
    site.limits = limits;
    site
}

fn bad_paths() -> Vec<String> {
    let mut paths: Vec<String> = [
        "..",
        "a/..",
        "a/../../b",
        "../outside/secret",
        "/etc/passwd",
        "//etc",
        ".",
        "./a",
        "a//b",
        "a/",
        "/",
        "a\0b",
        "a\nb",
        "\u{1b}[2J",
        "a\\..\\b",
        "..\\outside",
        ".flip-wasm-1.tmp",
    ]
    .map(str::to_owned)
    .into();
    paths.extend(["x".repeat(5_000), "x".repeat(256), "a/".repeat(10_000) + "a", "../".repeat(1_000)]);
    paths
}

fn paths_that_lead_out(limits: Limits) -> Ended {
    let site = within(limits);
    site.write("outside/secret", "secret");
    let errands = bad_paths().into_iter().flat_map(|path| {
        [
            json!({"read": ["job", path, 0, 9]}),
            json!({"write": ["job", path, "x"]}),
            json!({"remove": ["job", path]}),
            json!({"entries": ["job", path, null, 9]}),
        ]
    });
    let told = all_told(&site, errands.collect(), "invalid argument: ");
    assert_eq!((site.names("job").len(), site.names("outside").len()), (0, 1));
    told
}

fn names_that_look_odd(limits: Limits) -> Ended {
    let site = within(limits);
    let names = [
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
    let errands = names.map(|name| json!({"write": ["job", name, name]}));
    all_told(&site, errands.to_vec(), "ok")?;
    assert_eq!(site.names("job").len(), names.len());
    for name in names {
        assert_eq!(site.read(&format!("job/{name}")), name);
    }
    Ok("written".to_owned())
}

fn keys_that_leave(limits: Limits) -> Ended {
    let site = within(limits);
    let keys = ["", ".", "..", "../a", "a/../../b", "/a", "a/", "a//b", "a\0b", "a\nb"];
    let errands = keys.into_iter().flat_map(|key| {
        [
            json!({"put": [key, "x"]}),
            json!({"put-archive": [key, "job", ""]}),
            json!({"get": [key, 0, 9]}),
            json!({"head": key}),
        ]
    });
    all_told(&site, errands.collect(), "invalid argument: ")
}

fn links_of_the_operator(limits: Limits) -> Ended {
    let site = within(limits);
    site.write("outside/secret", "secret");
    site.link("../outside", "job/link");
    site.link("../outside/secret", "job/file");
    let mut told = String::new();
    for path in ["link/secret", "link/", "file/", "file"] {
        for errand in [json!({"read": ["job", path, 0, 9]}), json!({"tensor": ["job", path, 0, [6]]})] {
            told = site.does(errand);
            assert!(
                told.starts_with("not found: ") || told.starts_with("invalid argument: "),
                "{path}: {told}"
            );
        }
    }
    // What is made takes the link's place, and leaves its target alone.
    assert_eq!(site.does(json!({"write": ["job", "file", "mine"]})), "ok");
    assert_eq!(site.read("outside/secret"), "secret");
    Ok(told)
}

const READ_ONLY: &str = r#"directories = { job = "read", workspace = "read-write" }"#;

fn moves_across_grants(limits: Limits) -> Ended {
    let site = granting(READ_ONLY, limits);
    site.write("job/kept", "kept");
    site.write("workspace/mine", "mine");
    let told = all_told(
        &site,
        vec![
            json!({"rename": ["job", "kept", "workspace", "taken"]}),
            json!({"rename": ["workspace", "mine", "job", "kept"]}),
            json!({"rename": ["job", "kept", "job", "renamed"]}),
        ],
        "not permitted: ",
    );
    assert_eq!(
        (site.names("job"), site.names("workspace")),
        (vec!["kept".to_owned()], vec!["mine".to_owned()])
    );
    told
}

fn writes_where_reading_is_granted(limits: Limits) -> Ended {
    let site = granting(READ_ONLY, limits);
    site.write("job/kept", "kept");
    let state = || {
        let metadata = fs::metadata(site.path("job/kept")).unwrap();
        let folder = fs::metadata(site.path("job")).unwrap();
        (metadata.mtime_nsec(), metadata.ino(), metadata.mode(), folder.mtime_nsec(), site.read("job/kept"))
    };
    let before = state();
    let told = all_told(
        &site,
        vec![
            json!({"write": ["job", "kept", ""]}),
            json!({"write": ["job", "new", "x"]}),
            json!({"stage": ["job", "kept", "x"]}),
            json!({"create-dir-all": ["job", "new/folder"]}),
            json!({"remove": ["job", "kept"]}),
            json!({"clear": "job"}),
        ],
        "not permitted: ",
    );
    assert_eq!(state(), before);
    told
}

fn deletes_without_a_grant(limits: Limits) -> Ended {
    let site = granting(READ_ONLY, limits);
    site.write("workspace/kept", "kept");
    let errands = vec![json!({"remove": ["workspace", "kept"]}), json!({"clear": "workspace"})];
    let told = all_told(&site, errands, "not permitted: ");
    assert_eq!(site.read("workspace/kept"), "kept");
    told
}

/// What can be had without being root: links to devices, which lead out, and a pipe.
fn devices(limits: Limits) -> Ended {
    let site = within(limits);
    let mut told = String::new();
    for device in ["/dev/zero", "/dev/tty", "/proc/self/mem", "/proc/self/environ"] {
        let name = device.rsplit('/').next().unwrap();
        site.link(device, &format!("job/{name}"));
        told = site.does(json!({"read": ["job", name, 0, 1_000_000]}));
        assert!(
            told.starts_with("not found: ") || told.starts_with("invalid argument: "),
            "{device}: {told}"
        );
    }
    Ok(told)
}

fn files_of_others(limits: Limits) -> Ended {
    let site = granting(r#"directories = { job = "read" }"#, limits);
    site.write("images/patient-1/scan.dcm", "scan");
    let errands = vec![
        json!({"read": ["images", "patient-1/scan.dcm", 0, 9]}),
        json!({"read": ["images", "patient-2/scan.dcm", 0, 9]}),
        json!({"entries": ["images", "", null, 9]}),
        json!({"open": "safehouse"}),
    ];
    all_told(&site, errands, "not permitted: ")
}
