//! What a component did, held against a case: each difference is a line for somebody to read.

use std::path::Path;

use flip_runtime::Shareable;
use flip_runtime::testing::{Found, Tree};
use indexmap::IndexMap;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::calls;
use super::case::{Case, Step};
use super::content::Content;
use super::data::{DxoSpec, ShareableSpec, plain};
use super::expected::{Gives, HostSpec, MembersSpec};
use super::runner::{Ended, Noted, Observation, Observed};
use super::tensors::of_dxo;

/// The differences; none where everything is as the case says.
pub fn differences(case: &Case, observed: &Observed, folder: &Path) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    if case.refuses_args != observed.refused_args {
        found.extend(not_same("its answer to its args", &case.refuses_args, &observed.refused_args));
    }
    let host = calls::counted(case.host.iter().map(HostSpec::line));
    noted("while it is configured", &case.log, &host, &observed.configured, &mut found);
    for (number, step) in case.calls.iter().enumerate() {
        let title = format!("call {}, {}", number + 1, named(step));
        match observed.steps.get(number) {
            Some(observation) => of_step(&title, step, observation, folder, &mut found)?,
            None => found.push(format!("{title}: it was never made")),
        }
    }
    let before = |tree: &Tree| tree.iter().map(|(path, found)| (path.clone(), Content::of(found))).collect();
    let expected = case.after.workspace.clone().unwrap_or_else(|| before(&observed.tree_before));
    of_tree("the directories hold", &expected, &observed.tree, folder, &mut found)?;
    let [objects_before, objects] = &observed.objects;
    let expected = case.after.objects.clone().unwrap_or_else(|| before(objects_before));
    of_tree("the object store holds", &expected, objects, folder, &mut found)?;
    if case.after.hub != observed.hub {
        found.push(format!("the hub got other requests\n{}", diff(&case.after.hub, &observed.hub)));
    }
    found.extend(
        observed.unused_answers.iter().map(|call| format!("nobody made the call that is answered: {call}")),
    );
    Ok(found)
}

/// What a step calls.
pub fn named(step: &Step) -> String {
    match step {
        Step { filter: Some(_), .. } => "filter".to_owned(),
        Step { execute: Some(task), .. } => format!("execute {}", task.task),
        Step { event: Some(event), .. } => format!("event {event}"),
        Step { evaluation_event: Some(event), .. } => format!("evaluation-event {event}"),
        Step { all_tasks_failed: Some(_), .. } => "all-tasks-failed".to_owned(),
        Step { model_names: Some(_), .. } => "model-names".to_owned(),
        Step { locate_model: Some(_), .. } => "locate-model".to_owned(),
        Step { persist: Some(_), .. } => "persist".to_owned(),
        _ => "nothing".to_owned(),
    }
}

fn of_step(
    title: &str,
    step: &Step,
    observation: &Observation,
    folder: &Path,
    found: &mut Vec<String>,
) -> Result<(), String> {
    let differences = of_end(step, &observation.ended, folder)?;
    found.extend(differences.into_iter().map(|difference| format!("{title}: {difference}")));
    if step.gauges != observation.gauges {
        found.extend(not_same(&format!("{title}: its figures"), &step.gauges, &observation.gauges));
    }
    let host = calls::counted(step.host.iter().map(HostSpec::line));
    noted(title, &step.log, &host, &observation.noted, found);
    Ok(())
}

/// Whether a call ended as its step says.
pub fn ends_alike(step: &Step, ended: &Ended, folder: &Path) -> Result<bool, String> {
    // What cannot be compared, such as a file that is not there yet, is not alike.
    Ok(of_end(step, ended, folder).is_ok_and(|differences| differences.is_empty()))
}

fn of_end(step: &Step, ended: &Ended, folder: &Path) -> Result<Vec<String>, String> {
    let gives = step.gives.as_ref().unwrap_or(&Gives::Ok);
    Ok(match (gives, ended) {
        (Gives::Filtered(expected), Ended::Filtered(dxo)) => of_dxo("", expected, dxo, folder)?,
        (Gives::Model(Some(expected)), Ended::Model(dxo)) => of_dxo("", expected, dxo, folder)?,
        (Gives::Reply(expected), Ended::Reply(reply)) => of_reply(expected, reply, folder)?,
        (Gives::Members(MembersSpec { each, dxo }), Ended::Members(actual, out)) => {
            let mut differences = of_dxo("", dxo, out, folder)?;
            differences.extend(not_same("what it says of each", each, actual));
            differences
        }
        (Gives::Trap(expected), Ended::Plain(Gives::Trap(reason))) if reason.starts_with(expected) => vec![],
        (expected, Ended::Plain(actual)) => not_same("it ends", expected, actual),
        (expected, ended) => not_same("it ends", expected, &shown(ended)?),
    })
}

/// How a call ended, as it stands in a case file.
pub fn shown(ended: &Ended) -> Result<Gives, String> {
    Ok(match ended {
        Ended::Plain(gives) => gives.clone(),
        Ended::Filtered(dxo) => Gives::Filtered(DxoSpec::of(dxo)?.without_history()),
        Ended::Members(each, dxo) => {
            Gives::Members(MembersSpec { each: each.clone(), dxo: DxoSpec::of(dxo)?.without_history() })
        }
        Ended::Reply(reply) => Gives::Reply(ShareableSpec::of(reply)?),
        Ended::Model(dxo) => Gives::Model(Some(DxoSpec::of(dxo)?)),
    })
}

fn noted(title: &str, log: &[String], host: &[String], noted: &Noted, found: &mut Vec<String>) {
    for (what, expected, actual) in
        [("the log differs", log, &*noted.log), ("the calls into the host differ", host, &*noted.host)]
    {
        if expected != actual {
            found.push(format!("{title}: {what}\n{}", diff(expected, actual)));
        }
    }
}

fn of_reply(expected: &ShareableSpec, actual: &Shareable, folder: &Path) -> Result<Vec<String>, String> {
    let code = expected.code.as_deref().unwrap_or("OK");
    let mut found = not_same("the return code", &code, &actual.return_code.name());
    let headers: IndexMap<_, _> =
        actual.headers.iter().map(|(key, value)| (key.clone(), plain(value))).collect();
    found.extend(not_same("the headers", &expected.headers, &headers));
    match (&expected.dxo, &actual.dxo) {
        (Some(expected), Some(actual)) => found.extend(of_dxo("", expected, actual, folder)?),
        (None, None) => {}
        (Some(_), None) => found.push("a dxo is missing".to_owned()),
        (None, Some(actual)) => found.push(format!("there is a dxo of kind {}", actual.kind())),
    }
    Ok(found)
}

fn of_tree(
    what: &str,
    expected: &IndexMap<String, Content>,
    actual: &Tree,
    folder: &Path,
    found: &mut Vec<String>,
) -> Result<(), String> {
    for (path, content) in expected {
        match actual.get(path) {
            None => found.push(format!("{what} no {path}")),
            Some(there) if !content.is(there, folder)? => {
                found.extend(not_same(&format!("{what} another {path}"), content, &Content::of(there)));
            }
            Some(_) => {}
        }
    }
    let more = actual.iter().filter(|(path, _)| !expected.contains_key(*path));
    found.extend(more.map(|(path, there)| match there {
        Found::File(bytes) => format!("{what} also {path}, of {} bytes", bytes.len()),
        _ => format!("{what} also {path}"),
    }));
    Ok(())
}

/// The difference between two values, as they stand in a case file.
pub fn not_same<T: Serialize>(what: &str, expected: &T, actual: &T) -> Vec<String> {
    let text = |value: &T| serde_saphyr::to_string(value).unwrap_or_else(|error| error.to_string());
    let (expected, actual) = (text(expected), text(actual));
    if expected == actual {
        return Vec::new();
    }
    let lines = |text: &str| text.trim_end().lines().map(str::to_owned).collect::<Vec<_>>();
    match (&*lines(&expected), &*lines(&actual)) {
        ([expected], [actual]) => vec![format!("{what}: {actual}, and not {expected}")],
        (expected, actual) => vec![format!("{what}:\n{}", diff(expected, actual))],
    }
}

/// Lines that are missing, with a minus, and that are there and should not be, with a plus.
fn diff(expected: &[String], actual: &[String]) -> String {
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    let actual: Vec<_> = actual.iter().map(String::as_str).collect();
    let changes = TextDiff::from_slices(&expected, &actual);
    let lines = changes.iter_all_changes().map(|change| {
        let sign = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        format!("  {sign} {}", change.value())
    });
    lines.collect::<Vec<_>>().join("\n")
}
