//! `cargo xtask demo`: recorded updates of a real training run go through the sandboxed filter.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::process::{self, cargo, command, root, target};
use crate::setup;

/// The recorded updates: site and round.
const UPDATES: [(&str, u32); 4] = [("site-1", 0), ("site-2", 0), ("site-1", 1), ("site-2", 1)];
/// The filter's configuration in the recorded job.
const ARGS: &str = r#"{"gamma": 2.0, "percentile": 95, "off": false}"#;

/// What the demo shows of the report of `flip-wasm filter`.
#[derive(Deserialize)]
struct Report {
    component: Component,
    data: Data,
    leaves: Vec<Leaf>,
    usage: Usage,
}

#[derive(Deserialize)]
struct Component {
    name: String,
    sha256: String,
}

#[derive(Deserialize)]
struct Data {
    elements: u64,
}

#[derive(Deserialize)]
struct Leaf {
    gauges: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Usage {
    seconds: f64,
    peak_memory: u64,
    host_calls: BTreeMap<String, u64>,
}

/// Filters the recorded updates, shows what happened and compares with what the reference made of them.
pub fn run() -> Result<()> {
    setup::wasm_target()?;
    println!("Building flip-wasm; the first time this takes some minutes.");
    // All programs: for one alone cargo would choose other features, and build everything twice for the tests.
    process::run(&mut cargo(&["build", "--quiet", "--bins"]))?;
    let job = root().join("tests/fixtures/standard-job");
    let out = target().join("demo");
    fs::create_dir_all(&out)?;

    let mut table = Table::new();
    table.load_style(NOTHING).set_header(vec![
        "update",
        "component",
        "sha256",
        "elements",
        "cutoff",
        "zero",
        "time",
        "memory",
        "host calls",
    ]);
    let mut tensors = 0;
    for (site, round) in UPDATES {
        let name = format!("{site}_round-{round}.safetensors");
        let (expected, output) = (job.join("expected/filtered").join(&name), out.join(&name));
        let report = out.join(format!("{name}.report.json"));
        let recorded: Recorded = json(&expected.with_extension("safetensors.json"))?;
        let meta = serde_json::json!({ STEPS: recorded.meta.get(STEPS) }).to_string();
        let mut filter = command(target().join("debug").join("flip-wasm"), &["--quiet", "filter"]);
        filter.args(["percentile-privacy", "--args", ARGS, "--kind", &recorded.kind, "--meta", &meta]);
        filter.arg("--in").arg(job.join("tensors").join(&name));
        filter.arg("--out").arg(&output).arg("--report").arg(&report);
        process::run(&mut filter)?;
        tensors += compare(&output, &expected)?;
        table.add_row(row(&format!("{site}, round {round}"), &json(&report)?));
    }
    println!(
        "\nUpdates of a recorded FLIP training run, filtered in the sandbox on their way out:\n\n{table}\n"
    );
    println!("{tensors} tensors of {} updates: identical to the reference, bit for bit.", UPDATES.len());
    println!("The filtered updates and their reports are in {}.", out.display());
    Ok(())
}

const STEPS: &str = "NUM_STEPS_CURRENT_ROUND";

/// What the reference's run left beside each filtered update.
#[derive(Deserialize)]
struct Recorded {
    kind: String,
    meta: serde_json::Map<String, serde_json::Value>,
}

fn row(update: &str, report: &Report) -> Vec<String> {
    let gauge =
        |name: &str| report.leaves.iter().find_map(|leaf| leaf.gauges.get(name)).copied().unwrap_or(f64::NAN);
    vec![
        update.to_owned(),
        report.component.name.clone(),
        report.component.sha256.chars().take(12).collect(),
        report.data.elements.to_string(),
        format!("{:.6}", gauge("cutoff")),
        format!("{:.1} %", gauge("zero-share") * 100.0),
        format!("{:.2} ms", report.usage.seconds * 1e3),
        format!("{:.1} MiB", report.usage.peak_memory as f64 / f64::from(1 << 20)),
        report.usage.host_calls.values().sum::<u64>().to_string(),
    ]
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
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
    #[derive(Deserialize)]
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
    let mut header: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(header)?;
    header.shift_remove("__metadata__");
    header
        .into_iter()
        .map(|(name, entry)| {
            let Entry { dtype, shape, data_offsets: (begin, end) } = serde_json::from_value(entry)?;
            Ok((name, dtype, shape, data.get(begin..end).context("a tensor that is cut off")?.to_vec()))
        })
        .collect()
}
