//! `flip-wasm audit`, and the trails that other verbs write.

use std::fmt::Write;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, anyhow};
use flip_runtime::audit::{self, AuditTrail, Checked, DataEntry, Function, Start};
use flip_runtime::{Code, Digest, Error, one_line};

use crate::args::Audit;
use crate::components::sized;
use crate::error::Usage;
use crate::lines::fitted;
use crate::print;

/// Starts the trail that was asked for. A report is made of one as well, which then goes nowhere else.
pub fn create(
    path: Option<&Path>,
    report: Option<&Path>,
    start: Start,
) -> anyhow::Result<Option<AuditTrail>> {
    if path.is_some() && report == path {
        return Err(Usage("--audit and --report name the same file").into());
    }
    Ok(match (path, report) {
        (None, None) => None,
        (Some(path), None) => Some(AuditTrail::create(path, start)?),
        (Some(path), Some(_)) => Some(AuditTrail::create(path, start)?.keeping()),
        (None, Some(_)) => Some(AuditTrail::to(std::io::sink(), start)?.keeping()),
    })
}

/// Ends it.
pub fn finish(trail: Option<&AuditTrail>, failure: Option<Code>) -> Result<Option<Digest>, Error> {
    trail.map(|trail| trail.finish(failure)).transpose()
}

/// Tells what to note elsewhere, where the trail was asked for.
pub fn tell(path: Option<&Path>, digest: Option<Digest>) -> anyhow::Result<()> {
    digest
        .filter(|_| path.is_some())
        .map_or(Ok(()), |digest| print(format!("audit     {digest}\n").as_bytes()))
}

/// Checks one trail.
pub fn run(args: &Audit) -> anyhow::Result<()> {
    let shown = || args.file.display().to_string();
    let file = File::open(&args.file).with_context(shown)?;
    let checked = audit::check(BufReader::new(file)).with_context(shown)?;
    if let Some(expected) = args.digest.filter(|expected| *expected != checked.digest) {
        let actual = checked.digest;
        return Err(
            anyhow!("the final digest is {actual}, not {expected}: it is another trail").context(shown())
        );
    }
    match args.json {
        true => print(format!("{}\n", serde_json::to_string_pretty(&checked)?).as_bytes()),
        false => print(fitted(&summary(&checked)?).as_bytes()),
    }
}

/// What stands in a trail. Its texts may be anyone's.
fn summary(checked: &Checked) -> Result<String, std::fmt::Error> {
    let clean = |text: &str| one_line(text, 1_000);
    let mut text = String::new();
    if let Some(start) = &checked.start {
        let job = start.job_id.as_ref().map_or_else(String::new, |id| format!(" {}", clean(id)));
        let mode = if start.local_dev { ", local dev" } else { "" };
        writeln!(text, "run       {}{job}{mode}, flip-wasm {}", start.run, clean(&start.version))?;
    }
    let ended = checked.failure.map_or_else(|| "well".to_owned(), name);
    writeln!(text, "time      {} to {}", clean(&checked.started), clean(&checked.ended))?;
    writeln!(text, "ended     {ended}")?;
    writeln!(text, "components")?;
    for component in &checked.components {
        let pinned = if component.pinned { ", pinned" } else { "" };
        let (place, id, name) = (clean(&component.place), clean(&component.id), clean(&component.name));
        writeln!(text, "  {place}, {id}: {name}{pinned}\n    sha256 {}", component.sha256)?;
        for grant in &component.grants {
            writeln!(text, "    {}", clean(grant))?;
        }
    }
    writeln!(text, "calls")?;
    for count in &checked.calls {
        write!(text, "  {}.{} {}: {}", count.interface, count.function, count.outcome, count.calls)?;
        for (bytes, what) in [(count.read, "read"), (count.written, "written")] {
            if bytes > 0 {
                write!(text, ", {} {what}", sized(bytes))?;
            }
        }
        // An empty directory is one of no files.
        if matches!(count.function, Function::Remove | Function::Clear) {
            write!(text, ", {} files deleted", count.deleted)?;
        }
        writeln!(text)?;
    }
    for (title, out) in [("came in", false), ("went out", true)] {
        writeln!(text, "{title}")?;
        let seen = checked.data.iter().filter(|seen| seen.out == out).map(|seen| &seen.data);
        let (texts, listed): (Vec<_>, Vec<_>) = seen.partition(|data| is_text(data));
        for seen in listed {
            writeln!(text, "  {}", data(seen, clean))?;
        }
        if !texts.is_empty() {
            writeln!(text, "  {} times properties or headers alone", texts.len())?;
        }
    }
    if checked.unlisted > 0 {
        writeln!(text, "and {} more entries that are not listed", checked.unlisted)?;
    }
    writeln!(text, "entries   {}, complete and unaltered", checked.entries)?;
    writeln!(text, "digest    {}", checked.digest)?;
    Ok(text)
}

/// Whether it is the properties of an event, or a shareable that carries nothing: most of the entries of a job.
fn is_text(data: &DataEntry) -> bool {
    data.kind.is_none() && data.text_sha256.is_some()
}

fn data(data: &DataEntry, clean: impl Fn(&str) -> String) -> String {
    let mut text = format!("{}, {}: ", clean(&data.place), clean(&data.task));
    text += &match (data.refused, &data.kind) {
        (Some(code), _) => format!("held back, {}", name(code)),
        (None, None) => "no data".to_owned(),
        (None, Some(kind)) => {
            let s = if data.tensors == 1 { "" } else { "s" };
            format!("{}, {} tensor{s}, {}", clean(kind), data.tensors, sized(data.bytes))
        }
    };
    for (ids, what) in [(&data.filters, "filtered by"), (&data.unfiltered, "NOT FILTERED BY")] {
        if !ids.is_empty() {
            let ids: Vec<_> = ids.iter().map(|id| clean(id)).collect();
            text += &format!(", {what} {}", ids.join(", "));
        }
    }
    for (digest, what) in [(data.sha256, "sha256"), (data.text_sha256, "text sha256")] {
        text += &digest.map_or_else(String::new, |digest| format!("\n    {what} {digest}"));
    }
    text
}

/// The name of a kind of failure, as it stands in the trail.
fn name(code: Code) -> String {
    serde_json::to_value(code).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}
