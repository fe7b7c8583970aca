//! `flip-wasm build`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use flip_runtime::Inspection;

use super::args::Build;
use super::{Lang, Project, tools};
use crate::args::Global;
use crate::components::sized;
use crate::inspect::import_line;
use crate::print;

/// Builds a project, and checks that the host can use what came of it.
pub fn run(args: &Build, global: &Global) -> anyhow::Result<()> {
    let project = Project::open(&args.dir)?;
    let name = &project.manifest.name;
    let component = match project.manifest.lang {
        Lang::Rust => tools::rust(&project),
        Lang::Python => tools::python(&project),
        Lang::Javascript => tools::javascript(&project),
        Lang::C => tools::c(&project),
    };
    let component = component.with_context(|| format!("{name} cannot be built"))?;
    let inspection = checked(&project, &component)?;
    let file = PathBuf::from(format!("{name}.wasm"));
    let here = args.dir == Path::new(".");
    let out = args.out.clone().unwrap_or_else(|| if here { file } else { args.dir.join(file) });
    write(&out, &component).with_context(|| out.display().to_string())?;
    if global.quiet {
        return Ok(());
    }
    print(shown(&out, &inspection).as_bytes())
}

/// What the component is; it must play its role here.
fn checked(project: &Project, component: &[u8]) -> anyhow::Result<Inspection> {
    let (name, role) = (&project.manifest.name, project.manifest.role.name());
    let inspection = Inspection::of(component).map_err(|reason| anyhow::anyhow!("{name}: {reason}"))?;
    if !inspection.roles.iter().any(|known| known == role) {
        bail!("{name} does not export flip:fl/{role}, the role that flip.toml names");
    }
    if let Some(import) = inspection.unknown_imports().next() {
        bail!("{name} imports {import}, which no host of flip-wasm offers");
    }
    Ok(inspection)
}

/// Writes the file in one step.
fn write(out: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    let mut staged = tempfile::Builder::new().permissions(permissions()).tempfile_in(folder)?;
    staged.write_all(bytes)?;
    staged.persist(out)?;
    Ok(())
}

/// A component is nobody's secret; the umask has the last word.
fn permissions() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o666)
}

fn shown(out: &Path, inspection: &Inspection) -> String {
    let mut text = format!("wrote {}\n", out.display());
    let _ = writeln!(text, "sha256   {}", inspection.sha256);
    let _ = writeln!(text, "size     {}", sized(inspection.size));
    let _ = writeln!(text, "roles    {}", inspection.roles.join(", "));
    let _ = writeln!(text, "imports");
    for import in &inspection.imports {
        let _ = writeln!(text, "{}", import_line(import));
    }
    text
}
