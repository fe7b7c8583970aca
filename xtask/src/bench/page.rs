//! The part of docs/src/performance.md that is generated: figures and plots. The figures are kept beside it, so that one
//! benchmark can be run again without the others.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::figures::{Figures, Target};
use super::plot::svg;
use crate::process::root;

/// Where it stands, below the page's own folder.
const FOLDER: &str = "performance";

/// Keeps what a benchmark found, in the place of what it found before.
pub fn keep(name: &str, figures: &Figures) -> Result<()> {
    fs::create_dir_all(folder())?;
    Ok(fs::write(folder().join(format!("{name}.json")), serde_json::to_string_pretty(figures)? + "\n")?)
}

/// What was kept, where it was.
fn kept(name: &str) -> Result<Option<Figures>> {
    let file = folder().join(format!("{name}.json"));
    if !file.exists() {
        return Ok(None);
    }
    let kept = serde_json::from_slice(&fs::read(file)?);
    kept.with_context(|| format!("the figures of an earlier {name} cannot be read; measure again")).map(Some)
}

/// Writes the page anew from what is kept of these benchmarks, and on it the names of those that are missing.
pub fn write(names: &[&str]) -> Result<()> {
    let (mut all, mut missing) = (Vec::new(), Vec::new());
    for name in names {
        match kept(name)? {
            Some(figures) => all.push(figures),
            None => missing.push(*name),
        }
    }
    fs::create_dir_all(folder())?;
    for entry in fs::read_dir(folder())? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "svg") {
            fs::remove_file(file)?;
        }
    }
    let mut text =
        "<!-- Written by cargo xtask bench. -->\n\nTimes are medians, and the ways to a result were measured in turn.\n"
            .to_owned();
    if !missing.is_empty() {
        text.push_str(&format!("Not measured yet: {}.\n", missing.join(", ")));
    }
    if let Some(targets) = Target::table(&all) {
        text.push_str(&format!("\n## Targets\n\n{targets}\n"));
    }
    for figures in all {
        text.push_str(&format!("\n{}", figures.markdown(FOLDER)));
        for plot in &figures.plots {
            fs::write(folder().join(format!("{}.svg", plot.name)), svg(plot)?)?;
        }
    }
    fs::write(folder().join("figures.md"), text)?;
    println!("Written: docs/src/{FOLDER}");
    Ok(())
}

fn folder() -> PathBuf {
    root().join("docs/src").join(FOLDER)
}
