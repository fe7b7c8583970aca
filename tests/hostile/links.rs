//! Links that lie in the directories of a component of a job: none leads out.

use serde_json::{Value, json};

use super::errands::Errands;
use crate::EVERYTHING;

/// Links out of the folder `job`, to what is there and to what is not, straight and by another; the last leads to
/// nothing.
pub const OUT: [(&str, &str); 4] = [
    ("relative-file", "../outside/secret"),
    ("relative-folder", "../outside"),
    ("chain", "relative-folder"),
    ("dangling", "../outside/nothing"),
];

/// Every way to look at `path`, or through it at `secret`.
pub fn looks(path: &str) -> Vec<Value> {
    let below = format!("{path}/secret");
    vec![
        json!({"read": ["job", path, 0, 9]}),
        json!({"read": ["job", below, 0, 9]}),
        json!({"stat": ["job", below]}),
        json!({"entries": ["job", path, null, 9]}),
        json!({"tensor": ["job", path, 0, [1]]}),
        json!({"tensor": ["job", below, 0, [1]]}),
        json!({"usage": ["job", below]}),
        json!({"put-archive": ["key", "job", path]}),
    ]
}

/// What is made takes a link's place, and leaves its target alone; what would go through one goes nowhere.
pub(super) fn links_of_the_operator() -> Errands {
    let looked_at =
        |path: &'static str| [json!({"read": ["job", path, 0, 9]}), json!({"tensor": ["job", path, 0, [6]]})];
    let inside = ["link/secret", "file", "etc/passwd"].into_iter().flat_map(looked_at);
    Errands::granting(EVERYTHING)
        .file("outside/secret", "secret")
        .link("job/link", "../outside")
        .link("job/file", "../outside/secret")
        .link("job/replaced", "../outside/secret")
        .link("job/etc", "/etc")
        .told("not found: ", inside)
        .told(
            "not found: ",
            [json!({"write": ["job", "link/new", "x"]}), json!({"write": ["job", "etc/x", "x"]})],
        )
        .told("invalid argument: ", ["link/", "file/"].into_iter().flat_map(looked_at))
        .told("ok", [json!({"write": ["job", "replaced", "mine"]})])
        .leaves("job/replaced", "mine")
}

/// What can be had without being root: links to devices, which lead out.
pub(super) fn devices() -> Errands {
    const DEVICES: [(&str, &str); 4] = [
        ("job/zero", "/dev/zero"),
        ("job/tty", "/dev/tty"),
        ("job/mem", "/proc/self/mem"),
        ("job/environ", "/proc/self/environ"),
    ];
    let errands = Errands::granting(EVERYTHING);
    DEVICES.into_iter().fold(errands, |errands, (path, device)| {
        let name = path.trim_start_matches("job/");
        errands.link(path, device).told("not found: ", [json!({"read": ["job", name, 0, 1_000_000]})])
    })
}

pub(super) fn writes_through_a_link() -> Errands {
    Errands::granting(EVERYTHING)
        .file("outside/secret", "secret")
        .file("outside/deep/secret", "secret")
        .link("job/directory", "../outside")
        .file("job/mine", "mine")
        .told(
            "not found: ",
            [
                json!({"write": ["job", "directory/new", "x"]}),
                json!({"write": ["job", "directory/secret", "x"]}),
                json!({"create-dir-all": ["job", "directory/new"]}),
                json!({"rename": ["job", "mine", "job", "directory/new"]}),
                json!({"rename": ["job", "directory/secret", "job", "new"]}),
            ],
        )
        .told(
            "invalid argument: ",
            [
                json!({"remove": ["job", "directory/secret"]}),
                json!({"remove": ["job", "directory/deep/secret"]}),
            ],
        )
}

pub(super) fn links_in_a_circle() -> Errands {
    let asked = [
        json!({"read": ["job", "a", 0, 9]}),
        json!({"read": ["job", "a/secret", 0, 9]}),
        json!({"stat": ["job", "a/secret"]}),
        json!({"entries": ["job", "a", null, 9]}),
        json!({"tensor": ["job", "a", 0, [1]]}),
        json!({"usage": ["job", "a/secret"]}),
        json!({"put-archive": ["key", "job", "a"]}),
    ];
    Errands::granting(EVERYTHING)
        .link("job/a", "b")
        .link("job/b", "a")
        .link("job/self", ".")
        .told("invalid argument: a", asked)
        .told("ok 1 files", [json!({"remove": ["job", "a"]})])
        .removes("job/a")
}
