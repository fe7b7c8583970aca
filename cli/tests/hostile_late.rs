//! A hub and an object store that do what they are asked and answer late, while the time of a call is up at one moment
//! after the other, through `flip-wasm run`: what is left is whole, or is not there.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::thread;
use std::time::Duration;

use crate::support::jobs::Job;
use crate::support::services::Services;
use flip_wasm_tests::EVERYTHING;
use flip_wasm_tests::servers::Fault;
use serde_json::{Value, json};

/// How late the servers are, in hundredths of the call's time. A service has three quarters of it.
const LATE: [u64; 7] = [0, 40, 65, 75, 80, 100, 130];

/// How many milliseconds a call may take: more, where the machine is so busy that no request is made in less.
const TIMES: [u64; 3] = [500, 4_000, 20_000];

/// What the component was told, which is nothing where its call was given up, and what it asked for.
struct Asked {
    told: String,
    /// Of the model, or the object, of this name.
    name: String,
}

/// A component for each lateness asks for this, of a model or an object of its own.
fn run(asked: fn(&str) -> Value, stored: Option<&str>, time: u64) -> (Services, Vec<Asked>) {
    let services = Services::new();
    services.fail(move |seen| {
        // The model's or the object's name says how late its answer is.
        let name = seen.path.split('/').find_map(|part| part.strip_prefix("late-"))?;
        Some(Fault::Late(Duration::from_millis(name.parse::<u64>().ok()? * time / 100)))
    });
    let granted = format!("{EVERYTHING}\nlimits = {{ call-time = \"{time}ms\" }}");
    let names = LATE.map(|late| format!("late-{late}"));
    let job = names
        .iter()
        .fold(Job::new(), |job, name| job.on(name, &granted, &json!({"go": [asked(name), {"open": "job"}]})));
    let job = job.event("go");
    job.write("workspace/server/job-1/a", "hello");
    if let Some(stored) = stored {
        for name in &names {
            let object = services.s3.object(name);
            std::fs::create_dir_all(object.parent().unwrap()).unwrap();
            std::fs::write(object, stored).unwrap();
        }
    }
    let ran = services.run(&job, &[]);
    assert!([0, 5, 7].contains(&ran.code) && !ran.log.contains("panicked"), "{}\n{}", ran.summary, ran.log);
    assert_eq!(job.names(), ["a"]);
    let asked = names.into_iter().map(|name| {
        let told = ran.told(&name).first().map(ToString::to_string).unwrap_or_default();
        Asked { told, name }
    });
    (services, asked.collect())
}

/// Asks until some answers came in time and others did not, and looks at each of them, and at what is left.
#[track_caller]
fn assert_each(asked: fn(&str) -> Value, stored: Option<&str>, check: fn(&Services, &Asked)) {
    let mut ways = BTreeSet::new();
    for time in TIMES {
        let (services, all) = run(asked, stored, time);
        for one in &all {
            check(&services, one);
            if !one.told.is_empty() {
                let in_time = one.told.starts_with("ok");
                assert!(in_time || one.told.starts_with("unavailable: "), "{}: {}", one.name, one.told);
                ways.insert(in_time);
            }
        }
        let known = |name: &String| LATE.iter().any(|late| name.ends_with(&format!("/late-{late}")));
        let objects = services.objects();
        assert!(objects.iter().all(known), "{objects:?}");
        if ways.len() == 2 {
            return;
        }
    }
    panic!("all were told the same: {ways:?}");
}

/// What the object holds; none where it is not there.
fn object(services: &Services, name: &str) -> Option<Vec<u8>> {
    std::fs::read(services.s3.object(name)).ok()
}

fn assert_archived(services: &Services, asked: &Asked) {
    let object = object(services, &asked.name);
    assert!(object.is_some() || !asked.told.starts_with("ok"), "{}: {}", asked.name, asked.told);
    if let Some(object) = object {
        let mut zip = zip::ZipArchive::new(Cursor::new(object)).unwrap();
        let text = std::io::read_to_string(zip.by_name("a").unwrap()).unwrap();
        assert_eq!(text, "hello", "{}", asked.name);
    }
}

fn assert_told(services: &Services, asked: &Asked) {
    let log = services.hub.log.lock().unwrap();
    let of_model = format!("{} status", asked.name);
    let times = log.iter().filter(|(what, _)| *what == of_model).count();
    assert!(times <= 1, "{}: it was told {times} times", asked.name);
    assert!(times == 1 || !asked.told.starts_with("ok"), "{}: {}", asked.name, asked.told);
}

fn assert_put(services: &Services, asked: &Asked) {
    let object = object(services, &asked.name);
    assert!(object.as_ref().is_none_or(|object| object == b"whole"), "{}: {object:?}", asked.name);
    assert!(object.is_some() || !asked.told.starts_with("ok"), "{}: {}", asked.name, asked.told);
}

fn assert_kept(services: &Services, asked: &Asked) {
    assert_eq!(object(services, &asked.name).unwrap(), b"kept", "{}", asked.name);
}

#[test]
fn an_archive_whose_time_is_up_is_whole_or_not_there() {
    assert_each(|name| json!({"put-archive": [name, "job", ""]}), None, assert_archived);
}

#[test]
fn the_hub_is_told_once_or_never_by_a_call_whose_time_is_up() {
    assert_each(|name| json!({"update-status": name}), None, assert_told);
}

#[test]
fn an_object_whose_time_is_up_is_whole_or_not_there() {
    assert_each(|name| json!({"put": [name, "whole"]}), None, assert_put);
}

/// At the same time: each waits for most of it.
#[test]
fn an_object_that_is_read_by_a_call_whose_time_is_up_is_as_it_was() {
    thread::scope(|scope| {
        scope.spawn(|| assert_each(|name| json!({"get": [name, 0, 9]}), Some("kept"), assert_kept));
        scope.spawn(|| assert_each(|name| json!({"head": name}), Some("kept"), assert_kept));
    });
}
