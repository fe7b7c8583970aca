//! `cargo xtask docs`: pages that are generated from the sources of tests.

use anyhow::Result;

use crate::process::{self, cargo};
use crate::setup;

/// The test that holds `docs/attacks.md` against the table of attacks writes it where it is told to.
pub fn run() -> Result<()> {
    setup::wasm_target()?;
    let test = ["test", "--locked", "--quiet", "--test", "hostile", "attacks_page"];
    process::run(cargo(&test).env("BLESS", "1"))
}
