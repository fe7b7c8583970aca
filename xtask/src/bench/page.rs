//! The part of docs/src/performance.md that is generated: figures and plots, and nothing about the machine but its
//! processor.

use std::fs;

use anyhow::Result;

use super::figures::{Figures, Target};
use super::machine;
use super::plot::svg;
use crate::process::root;

/// Where it stands, below the page's own folder.
const FOLDER: &str = "performance";

/// Writes the page anew, and on it the names of what is missing.
pub fn write(all: &[Figures], missing: &[&str]) -> Result<()> {
    let folder = root().join("docs/src").join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    let mut text = format!(
        "<!-- Written by cargo xtask bench. -->\n\nMeasured on: {}. Times are medians, and the ways \
         to a result were measured in turn.\n",
        machine::description()
    );
    if !missing.is_empty() {
        text.push_str(&format!("Not measured yet: {}.\n", missing.join(", ")));
    }
    if let Some(targets) = Target::table(all) {
        text.push_str(&format!("\n## Targets\n\n{targets}\n"));
    }
    for figures in all {
        text.push_str(&format!("\n{}", figures.markdown(FOLDER)));
        for plot in &figures.plots {
            fs::write(folder.join(format!("{}.svg", plot.name)), svg(plot)?)?;
        }
    }
    fs::write(folder.join("figures.md"), text)?;
    println!("Written: docs/src/{FOLDER}");
    Ok(())
}
