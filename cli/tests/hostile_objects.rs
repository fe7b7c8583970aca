//! A store that is a directory, as `flip-wasm run` makes one, with links in it that somebody else has planted.

use std::fs;

use crate::support::jobs::{Job, RUN, Ran};
use flip_wasm_tests::hostile::objects::{LINKS, OWN, left, plant, reads, swapped_errands, writes};
use flip_wasm_tests::hostile::races::{Swapped, TRIES, assert_inside};
use serde_json::{Value, json};

/// A component asks for these of each link, and is told of each what begins like this.
#[track_caller]
fn assert_told(asked: fn(&str) -> Vec<Value>, told: &str) {
    let mut job = Job::new();
    for (link, _) in LINKS {
        job = job.on(&format!("at-{link}"), OWN, &json!({"go": asked(link)}));
    }
    let job = job.event("go");
    let workspace = job.path("workspace");
    plant(&workspace);
    let before = left(&workspace);
    let ran = job.run(&["--audit", "audit.jsonl"]);
    ran.assert_code(0);
    assert!(!ran.log.contains("SECRET") && !ran.log.contains("OTHERS"), "{}", ran.log);
    for (link, _) in LINKS {
        let outcomes = ran.told(&format!("at-{link}"));
        assert_eq!(outcomes.len(), asked(link).len(), "{}", ran.log);
        for (errand, outcome) in asked(link).iter().zip(outcomes) {
            assert!(outcome.starts_with(told), "{errand}: {outcome}");
        }
    }
    assert_eq!(left(&workspace), before);
}

#[test]
fn no_object_is_read_through_a_link_in_the_store() {
    assert_told(reads, "not found: ");
}

#[test]
fn no_object_is_stored_through_a_link_in_the_store() {
    assert_told(writes, "invalid argument: ");
}

#[test]
fn nothing_of_the_outside_is_stored_or_read() {
    let job = Job::new();
    let workspace = job.path("workspace");
    plant(&workspace);
    let outside =
        || left(&workspace).into_iter().filter(|(name, _)| name.starts_with("outside")).collect::<Vec<_>>();
    let before = outside();
    fs::create_dir(job.path("spare")).unwrap();
    let (mut round, mut read) = (0, 0);
    // Each run stores under names of its own.
    let args = |round| json!({"on": {"go": swapped_errands(round)}}).to_string();
    let job = job.on("hostile", OWN, &json!({"go": swapped_errands(0)})).event("go");
    job.write_down();
    let config = job.text("job/config_fed_server.json");
    let swapped =
        Swapped::new(workspace.join("store/own/swapped"), job.path("spare"), workspace.join("outside"));
    swapped.during(TRIES, || {
        round += 1;
        job.write("job/config_fed_server.json", config.replace(&args(0), &args(round)));
        let ran = Ran::of(job.site.output(&RUN));
        ran.assert_code(0);
        assert_eq!(ran.told("hostile").len(), swapped_errands(round).len(), "{}", ran.log);
        ran.told("hostile").into_iter().for_each(assert_inside);
        read += ran.told("hostile").iter().filter(|told| **told == r#"ok "mine""#).count();
    });
    assert_eq!(outside(), before);
    assert!(read > 0, "nothing was ever read");
}
