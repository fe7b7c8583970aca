//! Python: componentize-py puts the interpreter and the program into one component.

use std::process::Command;

use anyhow::bail;

use super::{answers, made, run};
use crate::project::Project;

const INSTALL: &str =
    "install it, in a virtual environment: python3 -m pip install --requirement requirements.txt";

pub fn build(project: &Project) -> anyhow::Result<Vec<u8>> {
    let mut command = if answers("componentize-py", &["--version"]) {
        Command::new("componentize-py")
    } else if answers("python3", &["-m", "componentize_py", "--version"]) {
        let mut python = Command::new("python3");
        python.args(["-m", "componentize_py"]);
        python
    } else {
        bail!("componentize-py is missing; {INSTALL}");
    };
    made(|out| {
        command.current_dir(&project.folder).arg("--quiet").arg("--wit-path").arg(project.wit());
        command.arg("--world").arg(project.manifest.role.world());
        // Without WASI nothing outside reaches the program but what the contract offers.
        command.args(["componentize", "--stub-wasi", "--python-path", ".", "--output"]).arg(out);
        run(command.arg("component"), INSTALL)
    })
}
