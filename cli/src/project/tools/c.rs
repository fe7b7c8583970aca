//! C: wit-bindgen writes the bindings, clang compiles, wit-component encodes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use wit_bindgen_c::{Enabled, Opts};
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

use super::{answers, made, run};
use crate::project::Project;

const TARGET: &str = "--target=wasm32-wasi";
/// What the names in the bindings start with, whatever the role.
const PREFIX: &str = "flip";
/// Stands in for WASI, which the C library asks for as soon as a program formats a text.
const NO_WASI: &str = include_str!("no_wasi.c");

pub fn build(project: &Project) -> anyhow::Result<Vec<u8>> {
    if !answers("clang", &[TARGET, "--version"]) || !answers("wasm-ld", &["--version"]) || !has_libraries() {
        bail!("clang, wasm-ld or the C library for WebAssembly is missing; {}", install());
    }
    let bindings = project.folder.join("bindings");
    write_bindings(&project.wit(), &project.manifest.role.world(), &bindings)?;
    let module = made(|out| {
        let mut clang = Command::new("clang");
        clang.current_dir(&project.folder).args([TARGET, "-mexec-model=reactor", "-O2", "-Wall", "-Wextra"]);
        clang.args(["-Isrc", "-isystem", "bindings", "-Wl,--no-entry", "-Wl,--strip-all"]);
        clang.args(sources(&project.folder.join("src"))?);
        // Not ours to warn about.
        clang.args(["-w", "bindings/flip.c", "bindings/no_wasi.c", "bindings/flip_component_type.o"]);
        clang.arg("-o").arg(out);
        run(&mut clang, &install())
    })?;
    flip_component_build::encode(&module)
        .map_err(|reason| anyhow::anyhow!("what clang made cannot be encoded as a component: {reason}"))
}

/// Whether clang finds what it links with.
fn has_libraries() -> bool {
    ["-print-file-name=crt1-reactor.o", "-print-file-name=libc.a", "-print-libgcc-file-name"].iter().all(
        |question| {
            let output = Command::new("clang").args([TARGET, question]).output();
            output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_file())
        },
    )
}

/// How to get them. What clang links is of its own version; where there is no clang, of the distribution's.
fn install() -> String {
    let version = Command::new("clang").arg("-dumpversion").output();
    let major = version.ok().and_then(|output| {
        let major = String::from_utf8(output.stdout).ok()?.split('.').next()?.parse::<u32>().ok()?;
        Some(format!("{major}-"))
    });
    let runtime = format!("libclang-rt-{}dev-wasm32", major.unwrap_or_default());
    format!("install them, on Debian: apt-get install clang lld wasi-libc {runtime}")
}

/// The C files of a folder, in the order of their names.
fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        sources.push(entry?.path());
    }
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
    sources.sort();
    Ok(sources)
}

/// Writes `flip.h`, `flip.c` and the object that carries the world.
fn write_bindings(wit: &Path, world: &str, out: &Path) -> anyhow::Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let world = resolve.select_world(&[package], Some(world))?;
    let mut files = Files::default();
    let options =
        Opts { rename_world: Some(PREFIX.to_owned()), autodrop_borrows: Enabled::Yes, ..Opts::default() };
    options.build().generate(&mut resolve, world, &mut files)?;
    fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    files.push("no_wasi.c", NO_WASI.as_bytes());
    for (name, bytes) in files.iter() {
        let path = out.join(name);
        fs::write(&path, bytes).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
