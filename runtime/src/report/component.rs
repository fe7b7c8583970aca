//! What a component is, what it asked for and got, and what it used.

use flip_report as report;
use flip_report::{Granted, Request};

use crate::audit::ComponentEntry;
use crate::builtin::Builtin;
use crate::inspect::{Digest, Inspection};
use crate::policy::{Grants, WasiBit};
use crate::services::ArchiveEntry;
use crate::usage::{Besides, Listing, Usage};

/// The entries of an archive that a report lists.
const MAX_ENTRIES: usize = 200;

/// What an audit trail knows of a component.
pub(super) fn of(entry: &ComponentEntry) -> report::Component {
    let builtin = Builtin::find(&entry.name);
    report::Component {
        id: entry.id.clone(),
        name: entry.name.clone(),
        // A file may have any name.
        built_in: builtin.is_ok_and(|builtin| Digest::of(builtin.wasm) == entry.sha256),
        sha256: Some(entry.sha256.to_string()),
        pinned: entry.pinned,
        of_trail: true,
        unasked: entry.grants.clone(),
        limits: super::limits::of(&entry.limits),
        ..report::Component::default()
    }
}

/// What it is asked for, what is granted of it, and what was used.
pub(super) fn describe(
    component: &mut report::Component,
    inspection: &Inspection,
    grants: &Grants,
    usage: &Usage,
) {
    component.of_trail = false;
    component.size = Some(inspection.size);
    component.wit_version.clone_from(&inspection.wit_version);
    component.roles.clone_from(&inspection.roles);
    component.requested = inspection
        .imports
        .iter()
        .map(|import| Request {
            interface: import.interface.clone(),
            capability: import.capability.map(str::to_owned),
            functions: import.functions.clone(),
            granted: match grants.of_interface(&import.interface) {
                Some(line) if line == Grants::NOTHING => Granted::Nothing,
                Some(line) => Granted::Policy(line),
                None if import.capability.is_none() => Granted::Nothing,
                None => Granted::Always,
            },
        })
        .collect();
    // What was asked for stands there; what is left was granted without being asked for.
    component.unasked.retain(|line| {
        let asks = |request: &Request| match line.starts_with("wasi = ") {
            true => WasiBit::of_interface(&request.interface).is_some(),
            false => request.granted == Granted::Policy(line.clone()),
        };
        !component.requested.iter().any(asks)
    });
    super::limits::add_use(&mut component.limits, usage, inspection.size);
    component.usage = used(usage);
}

fn used(usage: &Usage) -> report::Usage {
    report::Usage {
        calls: usage.calls,
        seconds: usage.time.as_secs_f64(),
        peak_memory: usage.peak_memory,
        bytes_read: usage.bytes_read,
        bytes_written: usage.bytes_written,
        host_calls: usage
            .host_calls
            .by_interface()
            .into_iter()
            .filter(|(_, calls)| *calls > 0)
            .map(|(interface, calls)| (interface.to_owned(), calls))
            .collect(),
        refusals: usage.refusals,
        stored_besides: besides(usage.stored_besides),
        deleted_besides: besides(usage.deleted_besides),
        stored: usage
            .stored
            .iter()
            .map(|stored| report::Stored {
                key: stored.key.clone(),
                size: stored.size,
                files: stored.files,
                bytes: stored.bytes,
                sha256: stored.sha256.map(|digest| digest.to_string()),
                content: (!stored.entries.is_empty()).then(|| content(&stored.entries, stored.files)),
            })
            .collect(),
        deleted: usage
            .deleted
            .iter()
            .map(|deleted| report::Deleted {
                path: deleted.path.clone(),
                files: deleted.files,
                directories: deleted.directories,
                bytes: deleted.bytes,
                before: deleted.before.as_deref().map(|before| {
                    tree(before, deleted.files.saturating_add(deleted.directories), deleted.whole)
                }),
                after: deleted.after.as_deref().map(|after| tree(after, 0, false)),
            })
            .collect(),
    }
}

fn besides(besides: Besides) -> report::Besides {
    let Besides { count, files, bytes } = besides;
    report::Besides { count, files, bytes }
}

/// A list of what lay there. Where the deletion took everything, `all` says how much that was.
fn tree(listing: &Listing, all: u64, whole: bool) -> report::Tree {
    let left_out = if listing.cut && whole { all.saturating_sub(listing.entries.len() as u64) } else { 0 };
    report::Tree {
        entries: listing
            .entries
            .iter()
            .map(|(path, size)| report::Entry { path: path.clone(), size: *size })
            .collect(),
        left_out,
        and_more: listing.cut && left_out == 0,
    }
}

fn content(entries: &[ArchiveEntry], files: Option<u64>) -> report::Tree {
    let files_of = |entries: &mut dyn Iterator<Item = &ArchiveEntry>| {
        entries.filter(|entry| !entry.name.ends_with('/')).count() as u64
    };
    let shown = files_of(&mut entries.iter().take(MAX_ENTRIES));
    report::Tree {
        entries: entries
            .iter()
            .take(MAX_ENTRIES)
            .map(|entry| report::Entry {
                path: entry.name.clone(),
                size: (!entry.name.ends_with('/')).then_some(entry.size),
            })
            .collect(),
        left_out: files.unwrap_or_default().saturating_sub(shown),
        and_more: false,
    }
}
