//! `flip-wasm inspect`.

use std::fmt::Write;

use flip_runtime::{Error, Inspection, Limits, Source};

use crate::args::Inspect;
use crate::components::sized;
use crate::print;

/// Shows a component, without running or compiling anything of it.
pub fn run(args: &Inspect) -> anyhow::Result<()> {
    let source = Source::of(&args.component)?;
    let inspection = Inspection::of(&source.bytes(&Limits::default())?)
        .map_err(|reason| Error::InvalidComponent { component: args.component.clone(), reason })?;
    if args.json {
        let mut text = serde_json::to_string_pretty(&inspection)?;
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
        let capability =
            import.capability.unwrap_or("NOT OFFERED by this host: the component cannot run here");
        writeln!(text, "  {:<28} {capability}", import.interface)?;
        if !import.functions.is_empty() {
            let functions: Vec<_> = import.functions.iter().map(|name| plain(name)).collect();
            writeln!(text, "      {}", functions.join(", "))?;
        }
    }
    print(text.as_bytes())
}

/// `tensor.read` for `[method]tensor.read`.
fn plain(function: &str) -> &str {
    function.split_once(']').map_or(function, |(_, name)| name)
}
