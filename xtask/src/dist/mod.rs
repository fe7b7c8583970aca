//! `cargo xtask dist`: the built-in components as files, for hosts other than this runtime.

mod oci;
mod package;
mod staged;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flip_component_build::BUILTINS;
use sha2::{Digest as _, Sha256};

use crate::process::{root, target};
use crate::setup;
use staged::Staged;

/// Writes the built-ins to `--out`, and with `--oci` an OCI image layout of them besides.
pub fn run(mut args: impl Iterator<Item = String>) -> Result<()> {
    let (mut out, mut layout) = (None, None);
    while let Some(arg) = args.next() {
        let place = match &*arg {
            "--out" => &mut out,
            "--oci" => &mut layout,
            _ => bail!("unknown argument {arg}; see cargo xtask help"),
        };
        *place = Some(PathBuf::from(args.next().with_context(|| format!("{arg} needs a folder"))?));
    }
    setup::wasm_target()?;
    // Both are begun before anything is built: a place that is taken is told of at once.
    let components = out.map_or_else(|| Staged::again(folder()), Staged::new)?;
    let layout = layout.map(Staged::new).transpose()?;
    write(components.path())?;
    if let Some(layout) = &layout {
        oci::write(components.path(), layout.path())?;
    }
    [Some(components), layout].into_iter().flatten().try_for_each(Staged::put)
}

/// Where the files go that nobody has chosen another place for.
pub fn folder() -> PathBuf {
    target().join("dist")
}

/// The components, the WIT of the package, and the sums of all of them.
fn write(folder: &Path) -> Result<()> {
    flip_component_build::build(root(), BUILTINS, folder)?;
    copy(&root().join("wit"), &folder.join("wit"))?;
    let mut files = Vec::new();
    list(folder, "", &mut files)?;
    files.sort();
    let mut sums = String::new();
    for file in files {
        let bytes = fs::read(folder.join(&file)).with_context(|| file.clone())?;
        // As sha256sum writes and checks it.
        sums += &format!("{}  {file}\n", sha256(&bytes));
    }
    fs::write(folder.join("SHA256SUMS"), sums).context("SHA256SUMS")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to).with_context(|| to.display().to_string())?;
        }
    }
    Ok(())
}

/// Every file below `folder`, by its path from there; those in `at` start with it.
fn list(folder: &Path, at: &str, files: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder.join(at)).with_context(|| at.to_owned())? {
        let entry = entry?;
        let path = format!("{at}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(folder, &format!("{path}/"), files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
