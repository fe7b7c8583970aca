//! Signals that end the program in the middle of what a component does, and programs that loop beside others.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

use crate::support::jobs::{Job, RUN, Ran, names};
use crate::support::{PROGRAM, Site, assert_no_panic, interrupt, shown};
use flip_wasm_tests::hostile::roles::ones;
use flip_wasm_tests::hostile::{guest, quotas};
use flip_wasm_tests::servers::Fault;
use flip_wasm_tests::servers::s3::{S3, env};
use flip_wasm_tests::{EVERYTHING, MISBEHAVING_PHASES};
use serde_json::{Value, json};

/// Interrupts it when it has logged so many lines, and waits for its end.
fn interrupted_after(mut child: Child, lines: usize) -> Ran {
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while text.lines().count() < lines {
        assert!(log.read_line(&mut text).unwrap() > 0, "it ended: {text}");
    }
    interrupt(&child);
    log.read_to_string(&mut text).unwrap();
    assert_no_panic(&text);
    Ran { log: text, ..Ran::of(child.wait_with_output().unwrap()) }
}

/// What changes files, objects and the hub, in turn.
fn calls() -> [Value; 9] {
    [
        json!({"write": ["job", "a", "whole"]}),
        json!({"stage": ["job", "half", "never whole"]}),
        json!({"put": ["a", "whole"]}),
        json!({"put-archive": ["b", "images", ""]}),
        json!({"rename": ["job", "a", "job", "b"]}),
        json!({"write": ["job", "a", "whole"]}),
        json!({"remove": ["images", "1"]}),
        json!({"clear": "images"}),
        json!({"update-status": "id"}),
    ]
}

/// It waits in each place in turn for what never comes, and there the signal meets it.
#[test]
fn a_signal_between_any_two_calls_leaves_nothing_half_done() {
    for moment in 0..=calls().len() {
        let mut errands = vec![json!({"say": "begins"})];
        errands.extend(calls());
        errands.insert(moment + 1, json!({"read-until": ["job", "gate", "never"]}));
        let job = Job::new().on("hostile", EVERYTHING, &json!({"go": errands}));
        let job = job.on("later", EVERYTHING, &json!({"go": [{"write": ["job", "late", "x"]}]})).event("go");
        for name in ["1", "2"] {
            fs::create_dir_all(job.path("workspace/images/default").join(name)).unwrap();
            job.write(&format!("workspace/images/default/{name}/scan"), "scan");
        }
        job.write_down();
        let ran = interrupted_after(job.site.start(&RUN), moment + 1);
        ran.assert_code(130);
        let told = ran.told("hostile");
        let (before, after) = told.split_at(moment + 1);
        assert!(before[1..].iter().all(|told| told.starts_with("ok")), "after call {moment}: {told:?}");
        assert!(
            after.iter().all(|told| *told == "the run is being aborted"),
            "after call {moment}: {told:?}"
        );
        assert_whole(&job, moment);
    }
}

/// What is there is whole, and what came after the signal did not happen.
fn assert_whole(job: &Job, moment: usize) {
    let expected = match moment {
        0 => &[][..],
        1..=4 => &["a"],
        5 => &["b"],
        _ => &["a", "b"],
    };
    assert_eq!(job.names(), expected, "after call {moment}");
    for name in expected {
        assert_eq!(job.text(&format!("workspace/server/job-1/{name}")), "whole");
    }
    let objects = match moment {
        0..=2 => &[][..],
        3 => &["a"],
        _ => &["a", "b"],
    };
    assert_eq!(names(&job.path("workspace/store")), objects, "after call {moment}");
    let images = match moment {
        0..=6 => &["1", "2"][..],
        7 => &["2"],
        _ => &[],
    };
    assert_eq!(names(&job.path("workspace/images/default")), images, "after call {moment}");
    assert_eq!(job.path("workspace/hub.jsonl").exists(), moment == 9, "after call {moment}");
}

/// The server has read nothing of it, and never answers.
#[test]
fn a_signal_in_the_middle_of_an_upload_ends_it() {
    let s3 = S3::new();
    s3.server.fail(|_| Some(Fault::Stall));
    let errands =
        json!([{"say": "begins"}, {"put-archive": ["key", "job", ""]}, {"write": ["job", "late", "x"]}]);
    let job = Job::new().on("hostile", EVERYTHING, &json!({"go": errands})).event("go");
    job.write("workspace/server/job-1/a", "kept");
    job.write_down();
    let aws = env(&s3.server.address);
    let variables: Vec<_> = aws.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut command = job.site.prepared(PROGRAM, &variables);
    command.args(RUN).args(["--store", "s3://bucket/results"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while s3.server.seen().is_empty() {
        std::thread::yield_now();
    }
    let ran = interrupted_after(child, 1);
    ran.assert_code(130);
    assert_eq!(ran.told("hostile")[1..], ["the run is being aborted"; 2], "{}", ran.log);
    s3.assert_nothing_left();
    assert_eq!(
        (job.names(), job.text("workspace/server/job-1/a")),
        (vec!["a".to_owned()], "kept".to_owned())
    );
}

/// Where the machine is busy, the signal may come when nothing is left: it is tried again.
#[test]
fn a_signal_in_the_middle_of_deleting_a_tree_ends_it() {
    const FILES: usize = 40_000;
    let left = (0..20).map(|_| {
        let errands = json!([{"say": "begins"}, {"clear": "images"}, {"write": ["job", "late", "x"]}]);
        let job = Job::new().on("hostile", EVERYTHING, &json!({"go": errands})).event("go");
        let images = job.path("workspace/images/default");
        fs::create_dir_all(&images).unwrap();
        quotas::fill(&images, FILES as u32);
        job.write_down();
        let ran = interrupted_after(job.site.start(&RUN), 1);
        ran.assert_code(130);
        let told = ran.told("hostile");
        let left = names(&images).len();
        assert!(told[1] == "the run is being aborted" || left == 0, "{left}: {told:?}");
        left
    });
    assert!(left.into_iter().any(|left| (1..FILES).contains(&left)), "it was never in the middle of it");
}

/// Processes that end with the test, however that ends.
struct Looping(Vec<Child>);

impl Drop for Looping {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|child| drop(child.kill()));
    }
}

/// A process for each, and all of them start at the same time: those that loop leave the others little. They end in
/// order when they are told to.
#[test]
fn programs_that_loop_without_end_beside_a_benign_one() {
    let text = "(call $say (i32.const 1) (i32.const 0) (i32.const 0)) (loop $again (br $again))";
    let wasm = wat::parse_str(guest::process(text)).unwrap();
    let site = Site::new().hostile();
    site.write("hostile.wasm", &wasm);
    let before = site.files();
    let start = |number: usize| {
        let out = format!("{number}.safetensors");
        let args = ["filter", "hostile.wasm", "--in", "update.safetensors", "--out", &out];
        site.start(&[&args[..], &["--limits", "call-time=10m"]].concat())
    };
    let benign = Site::new();
    let args = ["filter", "percentile-privacy", "--args", crate::support::ARGS, "--in", "update.safetensors"];
    let benign_one = || benign.output(&[&args[..], &["--out", "out.safetensors"]].concat());
    // It is compiled once, and not while all loop.
    assert_eq!(benign_one().status.code(), Some(0));
    let mut hostile = Looping((0..64).map(start).collect());
    let logs = hostile.0.iter_mut().map(|child| {
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        assert!(line.contains("INFO"), "{line}");
        log
    });
    let logs: Vec<_> = logs.collect();
    fs::remove_file(benign.path("out.safetensors")).unwrap();
    let output = benign_one();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let filtered =
        crate::support::fixtures().join("standard-job/expected/filtered/site-1_round-0.safetensors");
    let update = |path| {
        let file = flip_runtime::safetensors::open(path, Default::default()).unwrap();
        file.dxo.tensors().unwrap().values().map(|tensor| tensor.to_bytes().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(update(&benign.path("out.safetensors")), update(&filtered));
    for child in &mut hostile.0 {
        assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
        interrupt(child);
    }
    for (child, mut log) in hostile.0.iter_mut().zip(logs) {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
        assert_no_panic(&text);
    }
    assert_eq!(site.files(), before);
}

/// Enough for two parts: on one core alone nobody shares it.
#[test]
fn a_signal_ends_those_that_are_made_to_share_the_work() {
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1) {
        return;
    }
    let site = Site::new().hostile();
    site.write("guest.wasm", MISBEHAVING_PHASES);
    site.write("policy.toml", b"[components.guest]\ndirectories = { job = \"read\" }\n");
    site.write_dxo("update.safetensors", ones(3 << 19));
    let before = site.files();
    let filter =
        ["filter", "guest.wasm", "--args", r#"{"deed": "hang-in-helper"}"#, "--policy", "policy.toml"];
    let files = ["--in", "update.safetensors", "--out", "out.safetensors"];
    let ran = interrupted_after(site.start(&[&filter[..], &files].concat()), 1);
    ran.assert_code(130);
    assert!(ran.log.contains("hangs"), "{}", ran.log);
    assert_eq!(site.files(), before);
}
