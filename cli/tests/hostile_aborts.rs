//! Signals that end the program in the middle of what a component does, and programs that loop beside others.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Child;

use crate::support::jobs::{Job, RUN, Ran, names};
use crate::support::{Site, interrupt, shown};
use flip_wasm_tests::EVERYTHING;
use flip_wasm_tests::hostile::guest;
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

/// A process for each, as many as these machines bear. They end in order when they are told to.
#[test]
fn programs_that_loop_without_end_beside_a_benign_one() {
    let text = "(call $say (i32.const 1) (i32.const 0) (i32.const 0)) (loop $again (br $again))";
    let wasm = wat::parse_str(guest::process(text)).unwrap();
    let site = Site::new();
    site.write("hostile.wasm", &wasm);
    let before = site.files();
    let start = |number: usize| {
        let out = format!("{number}.safetensors");
        let args = ["filter", "hostile.wasm", "--in", "update.safetensors", "--out", &out];
        let mut child = site.start(&[&args[..], &["--limits", "call-time=10m"]].concat());
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        assert!(line.contains("INFO"), "{line}");
        (child, log)
    };
    let mut hostile: Vec<_> = (0..16).map(start).collect();
    let benign = Site::new();
    let args = ["filter", "percentile-privacy", "--args", crate::support::ARGS, "--in", "update.safetensors"];
    let output = benign.output(&[&args[..], &["--out", "out.safetensors"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let filtered =
        crate::support::fixtures().join("standard-job/expected/filtered/site-1_round-0.safetensors");
    let update = |path| {
        let file = flip_runtime::safetensors::open(path, Default::default()).unwrap();
        file.dxo.tensors().unwrap().values().map(|tensor| tensor.to_bytes().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(update(&benign.path("out.safetensors")), update(&filtered));
    for (child, _) in &mut hostile {
        assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
        interrupt(child);
    }
    for (mut child, mut log) in hostile {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
    }
    assert_eq!(site.files(), before);
}
