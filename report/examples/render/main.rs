//! Writes the reports that the tests of the page use, each as NAME.json and NAME.html:
//! `cargo run -p flip-report --example render -- DIRECTORY`.

mod fixtures;

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = PathBuf::from(std::env::args_os().nth(1).ok_or("which directory?")?);
    std::fs::create_dir_all(&directory)?;
    for (name, report) in fixtures::all() {
        let json = serde_json::to_vec(&report)?;
        let page = flip_report::html(&flip_report::Report::read(&json)?);
        std::fs::write(directory.join(format!("{name}.json")), json)?;
        std::fs::write(directory.join(format!("{name}.html")), page)?;
    }
    Ok(())
}
