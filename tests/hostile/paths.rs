//! Paths that are none, and every function that takes one.

use serde_json::{Value, json};

/// They, and what a component is told of them.
pub fn no_paths() -> Vec<(String, &'static str)> {
    let dots = "invalid argument: the path has a part . or ..";
    let empty = "invalid argument: the path is absolute, ends in a slash or has an empty part";
    let character = "invalid argument: the path has a control character or a backslash in it";
    let long = "invalid argument: the path is longer than 4096 bytes or has more than 128 parts";
    let part = "invalid argument: the path has a part longer than 255 bytes";
    let staged = "invalid argument: the path has a part that names a file in the making";
    let short = [
        ("..", dots),
        ("a/..", dots),
        ("../job/a", dots),
        ("../outside/secret", dots),
        ("d/../../images", dots),
        (".", dots),
        ("./a", dots),
        ("d/.", dots),
        ("/etc/passwd", empty),
        ("//etc", empty),
        ("/", empty),
        ("a/", empty),
        ("d//a", empty),
        ("a\0b", character),
        ("a\nb", character),
        ("\u{1b}[2J", character),
        ("d\\a", character),
        ("a\\..\\b", character),
        ("..\\outside", character),
        (".flip-wasm-1.tmp", staged),
    ];
    let long = [
        ("../".repeat(1_000), dots),
        ("d/".repeat(200) + "a", long),
        ("d/".repeat(10_000) + "a", long),
        ("a".repeat(5_000), long),
        ("a".repeat(256), part),
    ];
    short.into_iter().map(|(path, told)| (path.to_owned(), told)).chain(long).collect()
}

/// Each function of files, of deletions and of objects that takes a path, with this one; `a` is there.
pub fn in_every_function(path: &str) -> Vec<Value> {
    vec![
        json!({"read": ["job", path, 0, 9]}),
        json!({"stat": ["job", path]}),
        json!({"entries": ["job", path, null, 9]}),
        json!({"tensor": ["job", path, 0, [1]]}),
        json!({"write": ["job", path, "x"]}),
        json!({"create-dir-all": ["job", path]}),
        json!({"rename": ["job", path, "job", "b"]}),
        json!({"rename": ["job", "a", "job", path]}),
        json!({"usage": ["job", path]}),
        json!({"remove": ["job", path]}),
        json!({"put-archive": ["key", "job", path]}),
    ]
}
