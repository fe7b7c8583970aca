//! Every file of the corpus, and a fixed number of changes of it, through each target. What fuzzing found is a
//! file there, so that it stays found.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

mod mutator;

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use flip_wasm_fuzz::{TARGETS, Target};
use mutator::Mutator;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What any input may take at a time, in bytes: variables in place, plain values, blocks, what a target holds.
const SMALL: usize = 64 << 20;
/// And for each byte of it.
const PER_BYTE: usize = 400;

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    // The order of a directory is anyone's guess.
    paths.sort_unstable();
    assert!(!paths.is_empty(), "{target} has no corpus");
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Runs a target on one input; one that fails is kept, with the command that runs it again.
fn run(name: &str, target: Target, input: &[u8], from: &str) {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let done = catch_unwind(|| target(input));
    let held = HEAP.peak_usage().saturating_sub(before);
    if done.is_ok() && held <= SMALL + PER_BYTE * input.len() {
        return;
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{:016x}", Mutator::digest(input)));
    std::fs::write(&kept, input).unwrap();
    let what = if done.is_ok() { format!("held {held} bytes") } else { "broke its word".to_owned() };
    panic!(
        "{name} {what} on {} bytes, {from}; they are in {}: put them into fuzz/corpus/{name}",
        input.len(),
        kept.display()
    );
}

/// The corpus of a target, and so many changes of each of its files.
fn drive(name: &str, changes: usize) {
    // The heap of the whole process is counted: there is one at a time.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let files = corpus(name);
    for (at, (path, file)) in files.iter().enumerate() {
        let title = path.file_name().unwrap().to_string_lossy();
        run(name, target, file, &format!("the file {title}"));
        let mut mutator = Mutator::new(&title);
        for change in 0..changes {
            let (_, other) = &files[(at + change) % files.len()];
            run(name, target, &mutator.change(file, other), &format!("change {change} of the file {title}"));
        }
    }
}

#[test]
fn checkpoints() {
    drive("checkpoint", 200);
}

#[test]
fn components() {
    drive("component", 200);
}

#[test]
fn job_configs() {
    drive("job_config", 200);
}

#[test]
fn json_texts() {
    drive("json", 200);
}

/// Few: each that can be is compiled.
#[test]
fn loaded_components() {
    drive("load", 10);
}

#[test]
fn policies() {
    drive("policy", 200);
}

#[test]
fn reports() {
    drive("report", 200);
}

#[test]
fn safetensors_files() {
    drive("safetensors", 200);
}

#[test]
fn traces() {
    drive("trace", 200);
}

#[test]
fn every_target_has_a_program_and_a_corpus_of_small_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = 0;
    for (name, _) in TARGETS {
        assert!(root.join("fuzz_targets").join(name).with_extension("rs").is_file(), "{name}");
        for (path, file) in corpus(name) {
            assert!(file.len() < 20_000, "{} has {} bytes", path.display(), file.len());
            all += file.len();
        }
    }
    assert!(all < 500_000, "the corpus has {all} bytes");
    let folders = std::fs::read_dir(root.join("corpus")).unwrap().count();
    let programs = std::fs::read_dir(root.join("fuzz_targets")).unwrap().count();
    assert_eq!((folders, programs), (TARGETS.len(), TARGETS.len()));
}
