//! `flip-wasm inspect`.

use std::fmt::Write;
use std::path::Path;

use flip_runtime::{Compiler, Grants, Import, Inspection, Limits, Policy, Source};
use indexmap::IndexMap;
use serde::Serialize;

use crate::args::Inspect;
use crate::components::sized;
use crate::error::Usage;
use crate::print;

/// Shows a component, without running or compiling anything of it.
pub fn run(args: &Inspect) -> anyhow::Result<()> {
    let source = Source::of(&args.component)?;
    let limits = Limits::default();
    let inspection = Compiler::this_program()?.inspect(&args.component, &source.bytes(&limits)?, &limits)?;
    let grants = args.policy.as_ref().map(|file| grants(&source, file.as_deref())).transpose()?;
    if args.json {
        let granted = grants.map(|grants| granted(&inspection, &grants));
        let mut text = serde_json::to_string_pretty(&Shown { inspection, granted })?;
        text.push('\n');
        return print(text.as_bytes());
    }
    let list = |names: &[String]| match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    };
    let mut text = String::new();
    writeln!(text, "sha256   {}", inspection.sha256)?;
    writeln!(text, "size     {}", sized(inspection.size))?;
    writeln!(text, "roles    {}", list(&inspection.roles))?;
    writeln!(text, "WIT      flip:fl {}", inspection.wit_version.as_deref().unwrap_or("not used"))?;
    writeln!(text, "exports  {}", list(&inspection.exports))?;
    text.push_str(if inspection.imports.is_empty() { "imports  none\n" } else { "imports\n" });
    for import in &inspection.imports {
        writeln!(text, "{}", import_line(import))?;
        if !import.functions.is_empty() {
            let functions: Vec<_> = import.functions.iter().map(|name| plain(name)).collect();
            writeln!(text, "      {}", functions.join(", "))?;
        }
        if let Some(granted) = grants.as_ref().and_then(|grants| grants.of_interface(&import.interface)) {
            writeln!(text, "      granted: {granted}")?;
        }
    }
    if let Some(unasked) = grants.map(|grants| unasked(&inspection, &grants)).filter(|text| !text.is_empty())
    {
        writeln!(text, "granted, and not asked for: {unasked}")?;
    }
    print(text.as_bytes())
}

/// An import, and what it lets the component do.
pub fn import_line(import: &Import) -> String {
    let capability = import.capability.unwrap_or("NOT OFFERED by this host: the component cannot run here");
    format!("  {:<29} {capability}", import.interface)
}

/// A component, with what is granted to it by interface.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    inspection: Inspection,
    #[serde(skip_serializing_if = "Option::is_none")]
    granted: Option<IndexMap<String, String>>,
}

/// What a policy grants to the component: the file's, or the component's own.
fn grants(source: &Source, policy: Option<&Path>) -> anyhow::Result<Grants> {
    let policy = policy.map(Policy::read).transpose()?;
    Ok(match (policy, source) {
        (Some(policy), source) => policy.grants(&[&source.name()]).cloned().unwrap_or_default(),
        (None, Source::Builtin(builtin)) => builtin.grants()?,
        (None, _) => {
            return Err(
                Usage("--policy needs a file: only built-in components have policies of their own").into()
            );
        }
    })
}

fn granted(inspection: &Inspection, grants: &Grants) -> IndexMap<String, String> {
    let interfaces = inspection.imports.iter().map(|import| import.interface.clone());
    interfaces.filter_map(|interface| Some((interface.clone(), grants.of_interface(&interface)?))).collect()
}

/// What is granted of interfaces that the component does not import.
fn unasked(inspection: &Inspection, grants: &Grants) -> String {
    let imported =
        |interface: &str| inspection.imports.iter().any(|import| import.interface.starts_with(interface));
    let unasked = Grants::INTERFACES
        .iter()
        .filter(|interface| !imported(interface))
        .filter_map(|interface| grants.of_interface(interface).filter(|text| text != Grants::NOTHING));
    unasked.collect::<Vec<_>>().join("; ")
}

/// `tensor.read` for `[method]tensor.read`.
fn plain(function: &str) -> &str {
    function.split_once(']').map_or(function, |(_, name)| name)
}
