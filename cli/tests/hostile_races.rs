//! Another process swaps a directory for a link, tens of thousands of times, while `flip-wasm run` works there.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::jobs::{Job, RUN, Ran, names};
use flip_wasm_tests::EVERYTHING;
use flip_wasm_tests::hostile::races::{self, Swapped, TRIES};
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
    Swapped::new(swapped, job.path("spare"), job.path("outside")).during(TRIES, || {
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
    let mut seen = BTreeSet::new();
    while_swapped(errands.collect(), |job, ran| {
        let store = job.path("workspace/store");
        let made = ran.told("hostile").iter().filter(|told| told.starts_with("ok")).count();
        assert_eq!(names(&store).len(), made, "{}", ran.log);
        for name in names(&store) {
            // What lies in the directory was there, or was not.
            seen.insert(races::assert_archive_inside(&name, fs::read(store.join(&name)).unwrap()));
        }
        fs::remove_dir_all(store).unwrap();
    });
    assert_eq!(seen.len(), 2, "it was never swapped while it was zipped");
}

/// As the library is tried with a directory, the program is with a file.
#[test]
fn a_file_that_becomes_a_link_is_not_zipped() {
    let errands: Vec<_> =
        (0..40).map(|number| json!({"put-archive": [format!("{number}.zip"), "job", ""]})).collect();
    let job = Job::new().on("hostile", EVERYTHING, &json!({"go": errands})).event("go");
    job.write_down();
    job.write("secret", "SECRET");
    let (file, next) = (job.path("workspace/server/job-1/file"), job.path("next"));
    let (over, mut read) = (AtomicBool::new(false), 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                symlink(job.path("secret"), &next).unwrap();
                fs::rename(&next, &file).unwrap();
                fs::write(&next, "mine").unwrap();
                fs::rename(&next, &file).unwrap();
            }
        });
        for _ in 0..10 {
            let ran = Ran::of(job.site.output(&RUN));
            ran.assert_code(0);
            let store = job.path("workspace/store");
            for name in names(&store) {
                let zip = fs::File::open(store.join(&name)).unwrap();
                let mut zip = zip::ZipArchive::new(zip).unwrap();
                let Ok(mut entry) = zip.by_name("file") else { continue };
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                assert!(!text.contains("SECRET"), "{name} holds the secret");
                read += 1;
            }
            fs::remove_dir_all(store).unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(read > 0, "it was never zipped");
}
