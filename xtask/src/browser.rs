//! The pages of reports in headless Chromium.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::process::{cargo, command, root, run, target};
use crate::{demo, setup};

/// The oldest Node that the tests are for.
const OLDEST: u32 = 20;
/// The recorded job as it is, and with a filter that refuses: how its configuration of the sites is edited, and
/// the exit code.
const JOBS: [(&str, &str, &str, i32); 2] =
    [("recorded", "", "", 0), ("recorded-refused", "\"gamma\": 2.0", "\"gamma\": 0", 3)];

/// Opens every page, of reports that were made up and of runs.
pub fn test() -> Result<()> {
    let tests = ready()?;
    let reports = reports()?;
    run(command("node", &["--test"]).current_dir(tests).env("FLIP_WASM_REPORTS", reports))
}

/// The pictures of the book: their names, the reports, and which part of the page; its first screens without one.
const PICTURES: [(&str, &str, Option<&str>); 5] = [
    ("recorded", "recorded", None),
    ("recorded-refused", "recorded-refused", None),
    ("recorded-timeline", "recorded", Some("#timeline")),
    ("recorded-component", "recorded", Some(".component:has(h4:has-text(\"persist_and_cleanup\"))")),
    ("recorded-storage", "recorded", Some("#storage")),
];

/// Makes the pictures of the book: the pages of the recorded job, and of one whose updates were refused.
pub fn pictures() -> Result<()> {
    let tests = ready()?;
    let reports = reports()?;
    let pictures = root().join("docs/src/report");
    fs::create_dir_all(&pictures)?;
    for (name, report, part) in PICTURES {
        let page = reports.join(format!("{report}.html"));
        let picture = pictures.join(format!("{name}.png"));
        run(command("node", &["picture.js"]).current_dir(&tests).arg(page).arg(picture).args(part))?;
    }
    Ok(())
}

/// What the tests are run with.
fn ready() -> Result<PathBuf> {
    setup::node(OLDEST)?;
    setup::chromium()?;
    let tests = root().join("tests/browser");
    run(command("npm", &["ci"]).current_dir(&tests))?;
    Ok(tests)
}

/// A directory of reports, each as JSON and as a page.
fn reports() -> Result<PathBuf> {
    let reports = target().join("reports");
    if reports.exists() {
        fs::remove_dir_all(&reports)?;
    }
    // All programs: for one alone cargo would choose other features, and build everything twice for the tests.
    run(&mut cargo(&["build", "--locked", "--quiet", "--bins"]))?;
    run(cargo(&["run", "--locked", "--quiet", "--example", "render", "--"]).arg(&reports))?;
    for job in JOBS {
        recorded(job, &reports)?;
    }
    Ok(reports)
}

/// Runs the recorded job, for its report.
fn recorded((name, from, to, code): (&str, &str, &str, i32), reports: &Path) -> Result<()> {
    let recorded = root().join("tests/fixtures/standard-job");
    let folder = target().join("recorded").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    demo::copy_tree(&recorded.join("job"), &folder.join("job"))?;
    demo::copy_tree(&recorded.join("workspace"), &folder.join("workspace"))?;
    let config = folder.join("job/config_fed_client.json");
    fs::write(&config, fs::read_to_string(&config)?.replace(from, to))?;
    let program = target().join("debug").join("flip-wasm");
    let report = reports.join(format!("{name}.json"));
    let mut job = command(&program, &["--quiet", "run"]);
    // Paths that are the same everywhere: they stand in the report.
    job.current_dir(&folder).arg("job").arg("--trace").arg(recorded.join("trace.jsonl"));
    let status = job.args(["--workspace", "workspace", "--report"]).arg(&report).status()?;
    ensure!(status.code() == Some(code), "the recorded job ended with {status}");
    run(command(&program, &["report"]).arg(&report).arg("-o").arg(reports.join(format!("{name}.html"))))
}
