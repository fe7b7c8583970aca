//! The components in a host that is none of ours: Node.

use anyhow::Result;

use crate::process::{command, root, run};
use crate::{dist, setup};

/// The oldest Node that the host in `tests/node` is for.
const OLDEST: u32 = 20;

/// Runs the files of `cargo xtask dist` as jco's JavaScript.
pub fn test() -> Result<()> {
    setup::node(OLDEST)?;
    dist::run(std::iter::empty())?;
    let tests = root().join("tests/node");
    run(command("npm", &["ci"]).current_dir(&tests))?;
    run(command("node", &["--test"]).current_dir(&tests).env("FLIP_WASM_DIST", dist::folder()))
}
