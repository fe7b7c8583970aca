//! Hostile components at the server of a job, through `flip-wasm run`, where the table of `tests/hostile/` is no data
//! that both the library and the command line could be given.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::PROGRAM;
use crate::support::jobs::{Job, RUN, Ran};
use flip_wasm_tests::EVERYTHING;
use flip_wasm_tests::hostile::{boundary, gone, irregular, quotas};
use serde_json::{Value, json};

#[test]
fn interests_that_are_all_the_same_megabyte_end_at_the_limit() {
    let job = Job::new().with("hostile", &boundary::aliasing(), "", &json!({}));
    let job = job.on("benign", "", &json!({"go": [{"say": "here"}]})).event("go");
    let ran = job.run(&[]);
    ran.assert_code(5);
    assert!(ran.log.contains("limit call-bytes reached: "), "{}", ran.log);
    // It could not be set up, so nothing ran.
    assert!(ran.told("benign").is_empty() && job.names().is_empty(), "{}", ran.log);
}

#[test]
fn many_short_calls_end_at_the_limit() {
    let limits = r#"directories = { job = "read" }
        limits = { total-time = "200ms" }"#;
    let short = json!({"again": [100, {"stat": ["job", "none"]}]});
    let mut job = Job::new().on("hostile", limits, &json!({"tick": [short]}));
    job = job.on("benign", "", &json!({"end": [{"say": "here"}]}));
    for _ in 0..5_000 {
        job = job.event("tick");
    }
    let ran = job.event("end").run(&[]);
    ran.assert_code(5);
    assert!(ran.summary.contains("server, hostile: "), "{}", ran.summary);
    assert!(ran.summary.contains("limit total-time reached: 200ms allowed"), "{}", ran.summary);
    let told = ran.told("hostile");
    assert!(!told.is_empty() && told.len() < 5_000, "{} calls", told.len());
    assert!(told.iter().all(|told| told.starts_with("not found: ")), "{}", told[0]);
    assert_eq!(ran.told("benign"), ["here"]);
}

#[test]
fn directories_that_one_keeps_open_leave_the_others_theirs() {
    let job = Job::new().on("greedy", EVERYTHING, &json!({"go": [{"keep-open": ["job", 200]}]}));
    let job = job.on("other", EVERYTHING, &json!({"go": [{"write": ["job", "a", "mine"]}]})).event("go");
    let ran = job.run(&[]);
    ran.assert_code(0);
    let told = ran.told("greedy");
    let expected = "quota exceeded: limit open-files reached: 128 allowed";
    assert!(told.len() == 1 && told[0].starts_with(expected), "{told:?}");
    assert_eq!(ran.told("other"), ["ok"]);
    assert_eq!(job.text("workspace/server/job-1/a"), "mine");
}

/// The program may have 200 files open: those that nobody has a handle of would be more.
#[test]
fn directories_without_a_handle_are_closed() {
    let granted = "directories = { job = \"read\" }\nlimits = { handles = 20 }";
    let mut errands = vec![json!({"keep-open": ["job", 30]})];
    errands.extend(vec![json!({"open": "job"}); 400]);
    let job = Job::new().on("hostile", granted, &json!({"go": errands})).event("go");
    job.write_down();
    let mut shell = job.site.prepared("sh", &[]);
    shell.args(["-c", "ulimit -n 200 && exec \"$@\"", "sh", PROGRAM]).args(RUN);
    let ran = Ran::of(shell.output().unwrap());
    ran.assert_code(0);
    let told = ran.told("hostile");
    assert_eq!(told.len(), 401);
    assert!(told.iter().all(|told| told.starts_with("quota exceeded: limit handles")), "{}", ran.log);
}

#[test]
fn files_that_an_earlier_component_began_are_nobodys() {
    let begun = json!([{"stage": ["job", "half", "secret"]}, {"keep-open": ["job", 20]}]);
    let looks = json!([{"entries": ["job", "", null, 9]}]);
    let job = Job::new().on("earlier", EVERYTHING, &json!({"go": begun}));
    let job = job.on("later", EVERYTHING, &json!({"go": looks})).event("go");
    let ran = job.run(&[]);
    ran.assert_code(0);
    assert_eq!(ran.told("earlier"), ["ok", "ok"]);
    assert_eq!(ran.told("later"), ["ok []"]);
    assert!(job.names().is_empty(), "{:?}", job.names());
}

/// Whoever waits for it has an own time, which is up meanwhile.
#[test]
fn a_caller_with_the_last_of_its_time_ended_its_peer() {
    let asks = json!([{"handle-evaluation-event": ["generator", "evaluate"]}, {"say": "never"}]);
    let gate = json!({"read-until": ["job", "gate", "open"]});
    let evaluates = json!([{"write": ["job", "begun", "x"]}, gate, {"say": "done"}]);
    let granted = "peers = [\"results-generator\"]\nlimits = { call-time = \"2s\" }";
    let job = Job::new().on("asking", granted, &json!({"go": asks}));
    let files = "directories = { job = \"read-write\" }";
    let job = job.on("generator", files, &json!({"evaluate": evaluates, "again": [{"say": "again"}]}));
    let job = job.event("go").event("again");
    let folder = job.path("workspace/server/job-1");
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..30_000 {
                if folder.join("begun").exists() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(2_500));
            fs::write(folder.join("gate"), "open").unwrap();
        });
        job.run(&[])
    });
    ran.assert_code(5);
    assert_eq!(ran.told("generator")[2..], ["done", "again"], "{}", ran.log);
    assert!(
        ran.summary.contains("server, asking: go: asking: limit call-time reached: 2s"),
        "{}",
        ran.summary
    );
    assert!(!ran.told("asking").contains(&"never"), "{}", ran.log);
}

#[test]
fn two_handlers_that_fire_at_each_other_end_at_the_limit() {
    let granted = "events = [\"a\", \"b\"]\nlimits = { events = 50 }";
    let job = Job::new().on("one", granted, &json!({"a": [{"fire": "b"}]}));
    let job = job.on("other", granted, &json!({"b": [{"fire": "a"}], "end": [{"say": "here"}]}));
    let ran = job.event("a").event("end").run(&[]);
    ran.assert_code(0);
    let (one, mut other) = (ran.told("one"), ran.told("other"));
    assert_eq!(other.pop(), Some("here"), "the run went on");
    let refused = |told: &[&str]| told.iter().filter(|told| !told.starts_with("ok")).count();
    assert!(one.len() < 100 && other.len() < 100, "{} and {}", one.len(), other.len());
    assert_eq!(refused(&one) + refused(&other), 1, "{}", ran.log);
    assert!(ran.log.contains("INFO quota exceeded: limit events"), "{}", ran.log);
}

#[test]
fn of_a_flood_of_system_panics_the_first_is_kept() {
    let granted = "events = [\"_fatal_system_error\"]\nlimits = { events = 50 }";
    let mut errands: Vec<_> = [json!({"system-panic": "the first"})].into();
    errands.extend(vec![json!({"system-panic": "x".repeat(4_000)}); 200]);
    let job = Job::new().on("hostile", granted, &json!({"go": errands}));
    let told = json!({"_fatal_system_error": [{"say": "told"}], "later": [{"say": "never"}]});
    let job = job.on("other", "", &told).event("go").event("later");
    let ran = job.run(&["--report", "report.json"]);
    ran.assert_code(5);
    assert_eq!(ran.told("hostile").len(), 201);
    let fatal = "  server: system panic of hostile: the first\n";
    assert!(ran.summary.contains(fatal) && !ran.summary.contains("xxx"), "{}", ran.summary);
    let report: Value = serde_json::from_str(&job.text("report.json")).unwrap();
    assert_eq!(report["places"][0]["fatal"], json!({"component": "hostile", "reason": "the first"}));
    // What is later in the trace did not happen.
    let other = ran.told("other");
    assert!(other.iter().all(|told| *told == "told") && other.len() <= 50, "{other:?}");
}

/// In memory where the machine has a place for that, as in the library's own test.
#[test]
fn a_directory_of_a_million_entries_is_listed_in_pages() {
    let memory = Path::new("/dev/shm");
    let entries = if memory.is_dir() { 1_000_000 } else { 50_000 };
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    // The net of a trace that names none.
    let images = folder.path().join("default");
    fs::create_dir(&images).unwrap();
    quotas::fill(&images, entries);
    let before = format!("{:07}", entries - 11);
    let errands = json!([
        {"entries": ["images", "", null, u32::MAX]},
        {"entries": ["images", "", before, u32::MAX]},
        {"usage": ["images", ""]},
    ]);
    let job = Job::new().on("hostile", EVERYTHING, &json!({"go": errands})).event("go");
    let ran = job.run(&["--images", folder.path().to_str().unwrap()]);
    ran.assert_code(0);
    let told = ran.told("hostile");
    assert_eq!((told.len(), told[0]), (3, "ok 1024 entries"));
    assert!(told[1].ends_with(&format!("file {:07} 0]", entries - 1)), "{}", told[1]);
    assert_eq!(told[1].matches("file ").count(), 10);
    assert_eq!(told[2], format!("ok {entries} files, 0 directories, 0 bytes"));
}

#[test]
fn a_directory_that_is_deleted_root_and_all_while_it_is_listed_ends_it() {
    let try_once = || {
        let job = Job::new().on("hostile", EVERYTHING, &json!({"go": [gone::listing()]})).event("go");
        // The net of a trace that names none.
        let images = job.path("workspace/images/default");
        fs::create_dir_all(&images).unwrap();
        quotas::fill(&images, gone::FILES);
        let begun = job.path("workspace/server").join(gone::BEGUN);
        let ran = std::thread::scope(|scope| {
            scope.spawn(|| gone::delete_after(&begun, &images));
            job.run(&[])
        });
        ran.assert_code(0);
        let told = ran.told("hostile");
        assert_eq!(told.len(), 1, "{}", ran.log);
        gone::came_short(told[0])
    };
    assert!((0..gone::TRIES).any(|_| try_once()), "it was never listed while it was deleted");
}

#[test]
fn what_is_no_regular_file_is_refused_and_never_waited_for() {
    let (asked, expected): (Vec<_>, Vec<_>) = irregular::asked().into_iter().unzip();
    let job = Job::new().on("hostile", EVERYTHING, &json!({"go": asked})).event("go");
    let _socket = irregular::plant(&job.path("workspace/server/job-1"));
    let ran = job.run(&[]);
    ran.assert_code(0);
    assert_eq!(ran.told("hostile"), expected);
    assert_eq!(job.text("workspace/server/job-1/pipe"), "x");
    assert_eq!(job.names(), ["directory", "pipe"]);
}

/// The folder of devices in the place of a net's images.
#[test]
fn a_device_is_no_file_and_is_never_read() {
    let (asked, expected): (Vec<_>, Vec<_>) = irregular::asked_of_devices("images").into_iter().unzip();
    let granted = r#"directories = { images = "read" }"#;
    let job = Job::new().on("hostile", granted, &json!({"go": asked})).event("go");
    let ran = job.run(&["--images", "/", "--net-id", "dev"]);
    ran.assert_code(0);
    assert_eq!(ran.told("hostile"), expected);
}

#[test]
fn components_that_call_each_other_are_unavailable_and_no_hang() {
    let granted = "peers = [\"results-generator\"]";
    let call = |id: &str| json!({"handle-evaluation-event": [id, "evaluate"]});
    let job = Job::new().on("outer", granted, &json!({"go": [call("outer"), call("inner")]}));
    let inner = json!({"evaluate": [call("outer"), call("inner"), {"say": "went on"}]});
    let ran = job.on("inner", granted, &inner).event("go").run(&[]);
    ran.assert_code(5);
    let busy = |told: &str| told.starts_with("unavailable: ") && told.contains("is being called already");
    let (outer, inner) = (ran.told("outer"), ran.told("inner"));
    assert!(outer.len() == 2 && busy(outer[0]) && outer[1] == "ok", "{outer:?}");
    assert!(inner.len() == 3 && busy(inner[0]) && busy(inner[1]) && inner[2] == "went on", "{inner:?}");
}

#[test]
fn a_handler_that_fires_its_own_event_ends_at_the_limit() {
    let granted = "events = [\"a\"]\nlimits = { events = 50 }";
    let job = Job::new().on("hostile", granted, &json!({"a": [{"fire": "a"}, {"fire": "a"}]}));
    let job = job.on("other", "", &json!({"end": [{"say": "here"}]}));
    let ran = job.event("a").event("end").run(&[]);
    ran.assert_code(0);
    let told = ran.told("hostile");
    assert_eq!(told.iter().filter(|told| **told == "ok").count(), 50, "{told:?}");
    assert!(told.iter().any(|told| told.starts_with("quota exceeded: limit events")), "{told:?}");
    assert_eq!(ran.told("other"), ["here"]);
}
