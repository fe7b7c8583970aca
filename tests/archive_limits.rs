//! The limits on archives that a component has made, and the memory that they take.

use flip_runtime::Limits;
use flip_wasm_tests::{Site, on_go, spent};
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;

fn within(limits: Limits) -> Site {
    let mut site = Site::granting_everything();
    site.limits = limits;
    site
}

fn archive(key: &str) -> Value {
    json!({"put-archive": [key, "job", ""]})
}

fn is_made(outcome: &str) -> bool {
    outcome.starts_with("ok ")
}

#[test]
fn archive_entries_are_those_of_one_archive() {
    let site = within(Limits { archive_entries: 3, ..Limits::default() });
    site.write("job/a/b", "");
    site.write("job/c", "");
    let outcomes = site.run(vec![archive("1.zip"), archive("2.zip")]);
    assert!(outcomes.iter().all(|outcome| is_made(outcome)), "{outcomes:?}");
    site.write("job/a/d", "");
    let outcomes = site.run(vec![archive("3.zip"), json!({"head": "3.zip"})]);
    assert_eq!(outcomes[0], spent("archive-entries", "3"));
    assert!(outcomes[1].starts_with("not found: "), "{outcomes:?}");
}

#[test]
fn archive_depth_is_that_of_directories_inside_each_other() {
    let site = within(Limits { archive_depth: 2, ..Limits::default() });
    site.write("job/1/2/file", "");
    let outcomes = site.run(vec![archive("1.zip")]);
    assert!(is_made(&outcomes[0]), "{outcomes:?}");
    site.write("job/1/2/3/file", "");
    let inner = json!({"put-archive": ["3.zip", "job", "1"]});
    let outcomes = site.run(vec![archive("2.zip"), inner]);
    assert_eq!(outcomes[0], spent("archive-depth", "2"));
    assert!(is_made(&outcomes[1]), "the depth is counted from what is archived: {outcomes:?}");
}

#[test]
fn an_archive_was_made_of_memory_that_counted_nowhere() {
    let site = within(Limits { memory: 32 * MIB, ..Limits::default() });
    site.write("job/a", "x");
    let outcomes = site.run(vec![archive("a.zip"), json!({"head": "a.zip"})]);
    assert_eq!(outcomes[0], spent("memory", "32.0 MiB"));
    assert!(outcomes[1].starts_with("not found: "), "{outcomes:?}");
}

#[test]
fn the_memory_of_an_archive_is_given_back_however_it_ends() {
    // There is room for one: of four parts, of sixteen threads, and of the component.
    let site = within(Limits { memory: 68 * MIB, archive_entries: 2, ..Limits::default() });
    site.write("job/a/b", "x");
    site.write("job/c/d", "x");
    let errands = json!([
        {"put-archive": ["1.zip", "job", "a"]},
        {"put-archive": ["too-many.zip", "job", ""]},
        {"put-archive": ["2.zip", "job", "a"]},
    ]);
    let (mut runner, _) = site.runner(on_go(errands));
    runner.handle_event("go", &site.context).unwrap();
    let usage = runner.usage();
    assert!((32 * MIB..=68 * MIB).contains(&usage.peak_memory), "{}", usage.peak_memory);
    assert_eq!((usage.most.archive_entries, usage.most.archive_depth), (2, 1));
    assert!(usage.most.host_bytes < MIB, "it is nothing that the host keeps: {}", usage.most.host_bytes);
    let stored: Vec<_> = usage.stored.iter().map(|stored| stored.key.as_str()).collect();
    assert_eq!(stored, ["1.zip", "2.zip"]);
}
