//! JavaScript: componentize-js, which npm installs in the project, puts the engine and the program into one
//! component.

use std::process::Command;

use super::{made, run};
use crate::project::Project;

const INSTALL: &str = "install Node.js 20 or later, which comes with npm";

/// All that the engine could have of WASI. Without it nothing outside reaches the program but what the
/// contract offers.
const DISABLED: [&str; 5] = ["stdio", "random", "clocks", "http", "fetch-event"];

pub fn build(project: &Project) -> anyhow::Result<Vec<u8>> {
    let folder = &project.folder;
    if !folder.join("node_modules").is_dir() {
        // What package-lock.json pins, or what package.json asks for where there is none.
        let install = if folder.join("package-lock.json").is_file() { "ci" } else { "install" };
        let quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
        run(Command::new("npm").current_dir(folder).arg(install).args(quiet), INSTALL)?;
    }
    made(|out| {
        let mut command = Command::new("node");
        command.current_dir(folder).arg("node_modules/.bin/componentize-js").arg("component.js");
        command.arg("--wit").arg(project.wit()).arg("--world-name").arg(project.manifest.role.world());
        command.arg("--out").arg(out).arg("--disable").args(DISABLED);
        run(&mut command, INSTALL)
    })
}
