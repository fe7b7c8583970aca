//! `cargo xtask demo`: a whole recorded job of a real training run, in the sandbox.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::{self, cargo, command, has, root, target};
use crate::setup;

/// The model that the job trains.
const MODEL: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
/// What the reference reported to the hub.
const STATUSES: [&str; 4] = ["INITIATED", "PREPARED", "TRAINING_STARTED", "RESULTS_UPLOADED"];
/// The results in the trace, and the recorded ones that they should become.
const UPDATES: [(&str, &str); 4] = [
    ("site-1/95-train", "site-1_round-0"),
    ("site-2/78-train", "site-2_round-0"),
    ("site-1/156-train", "site-1_round-1"),
    ("site-2/130-train", "site-2_round-1"),
];
/// What the run deletes, and what it leaves.
const GONE: [&str; 5] = [
    "images/net-1/stale.dcm",
    "images/net-1/stale_dir",
    "server/simulate_job/app_server",
    "server/save/3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "server/transfer/3fa85f64-5717-4562-b3fc-2c963f66afa6",
];
const KEPT: [&str; 6] = [
    "images/net-1",
    "images/net-2/keep.dcm",
    "server/save/other-job/keep.txt",
    "server/transfer/other-job/keep.txt",
    "site-1/startup/keep.txt",
    "site-2/startup/keep.txt",
];

/// Runs the job, shows what happened and compares with what the reference made of it.
pub fn run() -> Result<()> {
    setup::wasm_target()?;
    println!("Building flip-wasm; the first time this takes some minutes.");
    // All programs: for one alone cargo would choose other features, and build everything twice for the tests.
    process::run(&mut cargo(&["build", "--quiet", "--bins"]))?;
    let recorded = root().join("tests/fixtures/standard-job");
    let out = target().join("demo");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    let workspace = out.join("workspace");
    copy_tree(&recorded.join("workspace"), &workspace)?;

    println!("\nA recorded FLIP job, two sites and two rounds; every component runs in the sandbox:\n");
    let mut flip_wasm = command(target().join("debug").join("flip-wasm"), &["run"]);
    for variable in
        ["LOCAL_DEV", "NET_ID", "IMAGES_DIR", "UPLOADED_FEDERATED_DATA_BUCKET", "FLIP_API_INTERNAL_URL"]
    {
        flip_wasm.env_remove(variable);
    }
    flip_wasm.arg(recorded.join("job")).arg("--trace").arg(recorded.join("trace.jsonl"));
    flip_wasm.arg("--workspace").arg(&workspace).arg("--report").arg(out.join("report.json"));
    process::run(&mut flip_wasm)?;

    let mut tensors = 0;
    for (actual, expected) in UPDATES {
        let actual = workspace.join(format!("outbox/{actual}.safetensors"));
        let expected = recorded.join(format!("expected/filtered/{expected}.safetensors"));
        tensors += compare(&actual, &expected)?;
    }
    println!("\n{tensors} tensors of {} updates: identical to the reference, bit for bit.", UPDATES.len());
    println!("{}", statuses(&workspace.join("hub.jsonl"), &recorded.join("expected/hub.jsonl"))?);
    let results = "cross_site_val/cross_val_results.json";
    let (actual, expected) = (
        fs::read(workspace.join("server/simulate_job").join(results))?,
        fs::read(recorded.join("expected/cross_val_results.json"))?,
    );
    ensure!(actual == expected, "{results} differs from the reference");
    println!("{results}: identical to the reference, byte for byte.");
    archive(&workspace)?;
    for path in GONE {
        ensure!(!workspace.join(path).exists(), "{path} is still there");
    }
    for path in KEPT {
        ensure!(workspace.join(path).exists(), "{path} is gone");
    }
    println!("What the run leaves behind is deleted; its siblings are untouched.");
    println!("\nThe workspace and the report are in {}.", out.display());
    Ok(())
}

/// The statuses that the hub would have got, which are the recorded ones.
fn statuses(actual: &Path, expected: &Path) -> Result<String> {
    let requests = |path: &Path| -> Result<Vec<Value>> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let requests = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        Ok(requests.into_iter().filter(|request| request.get("method") == Some(&"PUT".into())).collect())
    };
    let (actual, expected) = (requests(actual)?, requests(expected)?);
    ensure!(actual == expected, "the hub would have got {actual:?}, not {expected:?}");
    ensure!(actual.len() == STATUSES.len(), "{} statuses", actual.len());
    Ok(format!("The hub's requests: {}, as recorded.", STATUSES.join(", ")))
}

/// The one object that was stored: other programs can read it.
fn archive(workspace: &Path) -> Result<()> {
    let folder = workspace.join("store").join(MODEL);
    let objects = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let objects = objects.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    let [object] = objects.as_slice() else {
        anyhow::bail!("{} objects are stored under {MODEL}, not one", objects.len());
    };
    let mut tested = Vec::new();
    if has("python3", &["--version"]) {
        process::output(command("python3", &["-m", "zipfile", "-t"]).arg(object))?;
        tested.push("python3 -m zipfile");
    }
    if has("unzip", &["-v"]) {
        process::output(command("unzip", &["-tq"]).arg(object))?;
        tested.push("unzip");
    }
    let name = object.strip_prefix(workspace.join("store")).unwrap_or(object).display();
    println!(
        "{name}: accepted by {}.",
        if tested.is_empty() { "nobody here".to_owned() } else { tested.join(" and ") }
    );
    Ok(())
}

pub fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_tree(&entry.path(), &target)?,
            false => drop(fs::copy(entry.path(), &target)?),
        }
    }
    Ok(())
}

/// Fails unless two safetensors files hold the same tensors; returns how many.
fn compare(actual: &Path, expected: &Path) -> Result<usize> {
    let (actual_tensors, expected_tensors) = (tensors(actual)?, tensors(expected)?);
    ensure!(
        actual_tensors == expected_tensors,
        "{} differs from the reference, {}",
        actual.display(),
        expected.display()
    );
    Ok(expected_tensors.len())
}

// Read here and not with the runtime: xtask adds what the runtime needs to be built.

/// Each tensor's name, dtype, shape and bytes, in the file's order.
type Tensors = Vec<(String, String, Vec<u64>, Vec<u8>)>;

fn tensors(path: &Path) -> Result<Tensors> {
    #[derive(serde::Deserialize)]
    struct Entry {
        dtype: String,
        shape: Vec<u64>,
        data_offsets: (usize, usize),
    }
    let file = fs::read(path).with_context(|| path.display().to_string())?;
    let (length, rest) = file.split_first_chunk::<8>().context("no header")?;
    let (header, data) = rest
        .split_at_checked(usize::try_from(u64::from_le_bytes(*length))?)
        .context("a header that is cut off")?;
    let mut header: serde_json::Map<String, Value> = serde_json::from_slice(header)?;
    header.shift_remove("__metadata__");
    header
        .into_iter()
        .map(|(name, entry)| {
            let Entry { dtype, shape, data_offsets: (begin, end) } = serde_json::from_value(entry)?;
            Ok((name, dtype, shape, data.get(begin..end).context("a tensor that is cut off")?.to_vec()))
        })
        .collect()
}
