//! Another process swaps a directory for a link, tens of thousands of times, while `flip-wasm run` works there.

use std::collections::BTreeSet;
use std::fs;

use crate::support::jobs::{Job, RUN, Ran, names};
use flip_wasm_tests::EVERYTHING;
use flip_wasm_tests::hostile::races::{self, Swapped};
use serde_json::{Value, json};

/// A component does these again and again while `swapped` in the folder of its job is swapped for a link to the
/// outside. `then` looks at what each run has left.
fn while_swapped(errands: Vec<Value>, mut then: impl FnMut(&Job, &Ran)) {
    let count = errands.len();
    let job = Job::new().on("hostile", EVERYTHING, &json!({"go": errands})).event("go");
    job.write_down();
    for folder in ["outside", "spare"] {
        fs::create_dir(job.path(folder)).unwrap();
    }
    job.write("outside/secret", "SECRET");
    let swapped = job.path("workspace/server/job-1/swapped");
    Swapped::new(swapped, job.path("spare"), job.path("outside")).during(|| {
        let ran = Ran::of(job.site.output(&RUN));
        ran.assert_code(0);
        assert_eq!(ran.told("hostile").len(), count, "{}", ran.log);
        ran.told("hostile").into_iter().for_each(races::assert_inside);
        then(&job, &ran);
    });
    assert_eq!(names(&job.path("outside")), ["secret"]);
    assert_eq!(job.text("outside/secret"), "SECRET");
}

fn again(errands: [Value; 3]) {
    let mut seen = BTreeSet::new();
    while_swapped(errands.into_iter().cycle().take(900).collect(), |_, ran| {
        // Something was there, or nothing was.
        seen.extend(ran.told("hostile").iter().map(|told| told.starts_with("not found: ")));
    });
    assert_eq!(seen.len(), 2, "it was never swapped while it was looked at");
}

#[test]
fn nothing_of_the_outside_is_read() {
    again(races::read());
}

#[test]
fn nothing_of_the_outside_is_listed() {
    again(races::listed());
}

#[test]
fn nothing_of_the_outside_is_written() {
    again(races::written());
}

#[test]
fn nothing_of_the_outside_is_deleted() {
    again(races::deleted());
}

#[test]
fn nothing_of_the_outside_is_zipped() {
    let errands = (0..40).map(|number| json!({"put-archive": [format!("{number}.zip"), "job", ""]}));
    let mut zips = 0;
    while_swapped(errands.collect(), |job, ran| {
        let store = job.path("workspace/store");
        let made = ran.told("hostile").iter().filter(|told| told.starts_with("ok")).count();
        assert_eq!(names(&store).len(), made, "{}", ran.log);
        zips += made;
        for name in names(&store) {
            races::assert_archive_inside(&name, fs::read(store.join(&name)).unwrap());
        }
        fs::remove_dir_all(store).unwrap();
    });
    assert!(zips > 0, "nothing was zipped");
}
