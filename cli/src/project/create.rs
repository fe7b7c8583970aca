//! `flip-wasm new`.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use super::args::New;
use super::templates;
use crate::args::Global;
use crate::print;

/// Writes a project. It is made beside its place, and takes it in one step.
pub fn run(args: &New, global: &Global) -> anyhow::Result<()> {
    let New { name, role, lang } = args;
    let folder = Path::new(name);
    if folder.symlink_metadata().is_ok() {
        bail!("{name} exists already; choose another name, or remove it");
    }
    let staged = tempfile::Builder::new()
        .prefix(&format!(".{name}-"))
        .tempdir_in(".")
        .with_context(|| format!("{name} cannot be written here"))?;
    let project = staged.path().join(name);
    for (path, bytes) in templates::files(name, *role, *lang) {
        write(&project.join(&path), &bytes).with_context(|| format!("{name}/{path}"))?;
    }
    fs::rename(&project, folder).with_context(|| name.clone())?;
    if global.quiet {
        return Ok(());
    }
    let (role, lang) = (role.name(), lang.name());
    let text = format!("wrote {name}: {role}, in {lang}; {name}/README.md says what is where\n");
    let next = format!("next: cd {name}, flip-wasm build, flip-wasm test\n");
    print((text + &next).as_bytes())
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, bytes)
}
