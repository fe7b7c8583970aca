//! Writes into a case what the component did.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use flip_runtime::safetensors::Output;
use flip_runtime::testing::Tree;
use indexmap::IndexMap;
use serde_json::Value;

use super::File;
use super::calls;
use super::case::{self, Case, Step};
use super::compare::{self, shown};
use super::content::Content;
use super::expected::{Gives, HostSpec};
use super::runner::{Ended, Observed};

/// The case as the component fulfils it.
pub fn blessed(case: &Case, observed: &Observed, folder: &Path) -> Result<Case, String> {
    let mut blessed = case.clone();
    blessed.refuses_args.clone_from(&observed.refused_args);
    blessed.log.clone_from(&observed.configured.log);
    // Wherever it is made: an answer waits for its call.
    let specs = case.host.iter().chain(case.calls.iter().flat_map(|step| &step.host));
    let mut answered: Vec<_> = specs.filter(|spec| matches!(spec, HostSpec::Answered(_))).cloned().collect();
    blessed.host = calls::blessed(&observed.configured.host, &mut answered);
    for (step, seen) in blessed.calls.iter_mut().zip(&observed.steps) {
        step.log.clone_from(&seen.noted.log);
        step.gauges.clone_from(&seen.gauges);
        step.host = calls::blessed(&seen.noted.host, &mut answered);
        if !compare::ends_alike(step, &seen.ended, folder)? {
            step.gives = gives(step, &seen.ended, folder)?;
        }
    }
    blessed.calls.truncate(observed.steps.len());
    blessed.after.workspace = changed(&observed.tree_before, &observed.tree);
    let [before, after] = &observed.objects;
    blessed.after.objects = changed(before, after);
    blessed.after.hub.clone_from(&observed.hub);
    Ok(blessed)
}

/// What is there afterwards, where it is something else than before.
pub fn changed(before: &Tree, after: &Tree) -> Option<IndexMap<String, Content>> {
    let contents = after.iter().map(|(path, found)| (path.clone(), Content::of(found)));
    (before != after).then(|| contents.collect())
}

/// How the call ended. Tensors go into the file where they were expected in one.
fn gives(step: &Step, ended: &Ended, folder: &Path) -> Result<Option<Gives>, String> {
    let mut gives = shown(ended)?;
    let (spec, dxo) = match (&mut gives, ended) {
        (Gives::Ok, _) => return Ok(None),
        (Gives::Filtered(spec), Ended::Filtered(dxo)) => (spec, dxo),
        (Gives::Model(Some(spec)), Ended::Model(dxo)) => (spec, dxo),
        _ => return Ok(Some(gives)),
    };
    if let Some(Gives::Filtered(before) | Gives::Model(Some(before))) = &step.gives {
        spec.within = before.within;
        if let Some(file) = &before.file {
            let path = folder.join(file);
            let output = Output::create(&path, dxo, &IndexMap::new()).map_err(|error| error.to_string())?;
            output.commit(dxo.clone(), &IndexMap::new()).map_err(|error| error.to_string())?;
            (spec.file, spec.tensors) = (before.file.clone(), None);
        }
    }
    Ok(Some(gives))
}

/// The case file in the language that it is written in.
fn text(file: &File) -> anyhow::Result<String> {
    let yaml = serde_saphyr::to_string(&file.content)?;
    if file.path.extension().is_none_or(|extension| extension != "json") {
        return Ok(file.comment.clone() + &yaml);
    }
    // By way of YAML: JSON has no numbers that are not finite, which a case file has as texts then.
    Ok(serde_json::to_string_pretty(&case::parse::<Value>(&yaml)?)? + "\n")
}

/// Writes a case file anew, in one step.
pub fn write(file: &File) -> anyhow::Result<()> {
    let text = text(file)?;
    let folder = Some(file.folder()).filter(|folder| !folder.as_os_str().is_empty());
    // As any file of the program, and as it was where it is there already.
    let mut builder = tempfile::Builder::new();
    builder.permissions(std::fs::Permissions::from_mode(0o666));
    let mut staged = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    staged.write_all(text.as_bytes())?;
    if let Ok(metadata) = std::fs::metadata(&file.path) {
        std::fs::set_permissions(staged.path(), metadata.permissions())?;
    }
    staged.persist(&file.path).with_context(|| file.path.display().to_string())?;
    Ok(())
}
