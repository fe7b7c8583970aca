//! `flip-wasm components`.

use bytesize::ByteSize;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use flip_runtime::{BUILTINS, Error, Inspection};
use serde::Serialize;

use crate::args::Components;
use crate::print;

/// A built-in component.
#[derive(Serialize)]
struct Entry {
    name: &'static str,
    class: &'static str,
    summary: &'static str,
    #[serde(flatten)]
    inspection: Inspection,
}

/// Lists the built-in components.
pub fn run(args: &Components) -> anyhow::Result<()> {
    let entries = BUILTINS.iter().map(|builtin| {
        let inspection = Inspection::of(builtin.wasm)
            .map_err(|reason| Error::InvalidComponent { component: builtin.name.to_owned(), reason })?;
        Ok(Entry { name: builtin.name, class: builtin.class, summary: builtin.summary, inspection })
    });
    let entries = entries.collect::<Result<Vec<_>, Error>>()?;
    if args.json {
        let mut text = serde_json::to_string_pretty(&entries)?;
        text.push('\n');
        return print(text.as_bytes());
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(vec!["name", "roles", "size", "what it does"]);
    for entry in &entries {
        let roles = entry.inspection.roles.join(", ");
        table.add_row([entry.name, &roles, &sized(entry.inspection.size), entry.summary]);
    }
    print(format!("{}\n", table.trim_fmt()).as_bytes())
}

/// A size as people read it.
pub fn sized(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}
