//! What a run did, for a person.

use bytesize::ByteSize;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};
use flip_runtime::job::{JobReport, PlaceReport, TaskReport};
use flip_runtime::report::text::counted;
use flip_runtime::{ReturnCode, one_line};

use super::args::Run;
use crate::components::sized;
use crate::lines::{WIDTH, fit};

/// The longest id that the table shows whole, in bytes.
const MAX_ID: usize = 200;

/// The table of the components, and what became of the job.
pub fn of(report: &JobReport, args: &Run) -> String {
    let mut text = format!("{}\n\n", components(report).trim_fmt());
    let mode = if report.local_dev { "; local dev: nothing is deleted, uploaded or reported" } else { "" };
    let statuses = report.statuses.iter().map(|reported| match &reported.error {
        None => reported.status.to_owned(),
        Some(_) => format!("{} (did not reach the hub)", reported.status),
    });
    let statuses: Vec<_> = statuses.collect();
    let statuses = if statuses.is_empty() { "none".to_owned() } else { statuses.join(", ") };
    text += &fit(&format!("statuses  {statuses}{mode}"));
    let usages = || {
        report
            .places
            .iter()
            .flat_map(|place| place.components.iter().map(move |component| (&place.name, &component.usage)))
    };
    for stored in usages().flat_map(|(_, usage)| &usage.stored) {
        let holds = match (stored.files, stored.bytes) {
            (Some(files), Some(bytes)) => format!(": {files} files of {}", sized(bytes)),
            _ => String::new(),
        };
        text += &fit(&format!("stored    {}, {}{holds}", stored.key, sized(stored.size)));
    }
    for (place, usage) in usages() {
        for deleted in &usage.deleted {
            let (files, bytes) = (deleted.files, sized(deleted.bytes));
            let s = if files == 1 { "" } else { "s" };
            text += &fit(&format!("deleted   {place}: {}, {files} file{s}, {bytes}", deleted.path));
        }
    }
    let left = report.results.iter().filter(|result| !result.files.is_empty()).count();
    if left > 0 {
        text += &fit(&format!("results   {left} left, now in {}", args.workspace.join("outbox").display()));
    }
    refusals(&mut text, report);
    failures(&mut text, report);
    let engine: Vec<_> = report.places.iter().map(engine).filter(|line| !line.is_empty()).collect();
    text += "left to the FL engine\n";
    for line in engine {
        text += &fit(&format!("  {line}"));
    }
    text
}

/// What was refused: data on its way out or in, each with its reason, and calls into the host.
fn refusals(text: &mut String, report: &JobReport) {
    let results = report.results.iter().filter_map(|result| Some((result, result.refused.as_ref()?)));
    let results: Vec<_> = results.collect();
    let tasks: Vec<_> = report.tasks.iter().filter(|task| kept_out(task)).collect();
    let components = report.places.iter().flat_map(|place| &place.components);
    let calls = components.fold(0_u64, |sum, component| sum.saturating_add(component.usage.refusals));
    *text += &fit(&format!("refused   {}", in_short(results.len() as u64, tasks.len() as u64, calls)));
    for (result, refused) in results {
        *text += &fit(&format!("  {}, {} ({}): {}", result.at, result.task, refused.what, refused.error));
    }
    for task in tasks {
        let why = task.exception.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        *text += &fit(&format!("  {}, the data of {} ({}){why}", task.at, task.task, task.executor));
    }
}

/// Whether a filter did not let the task's data in.
fn kept_out(task: &TaskReport) -> bool {
    task.return_code == ReturnCode::TaskDataFilterError.name()
}

/// What was refused, counted.
fn in_short(results: u64, tasks: u64, calls: u64) -> String {
    let mut parts = Vec::new();
    if results > 0 {
        parts.push(counted(results, "result"));
    }
    if tasks > 0 {
        parts.push(format!("the data of {}", counted(tasks, "task")));
    }
    if calls > 0 {
        parts.push(counted(calls, "call"));
    }
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

fn failures(text: &mut String, report: &JobReport) {
    let failed = report.places.iter().flat_map(|place| {
        place.components.iter().flat_map(move |component| {
            component.failures.iter().map(move |failure| (&place.name, &component.id, failure))
        })
    });
    let failed: Vec<_> = failed.collect();
    let tasks = report.tasks.iter().filter(|task| task.exception.is_some() && !kept_out(task));
    let tasks: Vec<_> = tasks.collect();
    let fatal = report.places.iter().filter_map(|place| Some((&place.name, place.fatal.as_ref()?)));
    let fatal: Vec<_> = fatal.collect();
    if failed.is_empty() && tasks.is_empty() && fatal.is_empty() {
        return;
    }
    *text += "failed\n";
    for (place, (component, reason)) in fatal {
        *text += &fit(&format!("  {place}: system panic of {component}: {reason}"));
    }
    for (place, component, failure) in failed {
        *text += &fit(&format!("  {place}, {component}: {}: {}", failure.what, failure.error));
    }
    for task in tasks {
        let exception = task.exception.as_deref().unwrap_or_default();
        *text += &fit(&format!(
            "  {}, {}: {}: {}: {exception}",
            task.at, task.executor, task.task, task.return_code
        ));
    }
}

fn engine(place: &PlaceReport) -> String {
    if place.engine.is_empty() {
        return String::new();
    }
    let ids: Vec<_> = place.engine.iter().map(|part| part.id.as_str()).collect();
    format!("{}: {}", place.name, ids.join(", "))
}

fn components(report: &JobReport) -> Table {
    let mut table = Table::new();
    let header = ["place", "component", "calls", "time", "memory", "host calls", "read", "written"];
    table.load_style(NOTHING).set_header(header);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    for place in &report.places {
        for component in &place.components {
            let usage = &component.usage;
            table.add_row([
                one_line(&place.name, MAX_ID),
                one_line(&component.id, MAX_ID),
                usage.calls.to_string(),
                format!("{:.1} ms", usage.time.as_secs_f64() * 1e3),
                sized(usage.peak_memory),
                usage.host_calls.total().to_string(),
                size(usage.bytes_read),
                size(usage.bytes_written),
            ]);
        }
    }
    for column in table.column_iter_mut().skip(2) {
        // Long names give way to the figures.
        column.set_constraint(ColumnConstraint::ContentWidth);
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn size(bytes: u64) -> String {
    if bytes == 0 { String::new() } else { ByteSize::b(bytes).display().iec().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_zero_is_not_told() {
        assert_eq!(in_short(0, 0, 0), "none");
        assert_eq!(in_short(1, 1, 3), "1 result, the data of 1 task, 3 calls");
        assert_eq!(in_short(4, 0, 1), "4 results, 1 call");
        assert_eq!(in_short(0, 2, 0), "the data of 2 tasks");
    }

    #[test]
    fn data_that_was_not_let_in_was_none_refused_and_a_task_that_failed() {
        let report = JobReport {
            job_id: "job".to_owned(),
            local_dev: false,
            aborted: false,
            statuses: Vec::new(),
            places: Vec::new(),
            tasks: vec![TaskReport {
                seq: 1,
                at: "site-1".to_owned(),
                task: "train".to_owned(),
                executor: "scale".to_owned(),
                return_code: "TASK_DATA_FILTER_ERROR",
                exception: Some("Scale: refused: too large".to_owned()),
            }],
            results: Vec::new(),
            happened: Vec::new(),
            happened_besides: 0,
        };
        let (mut refused, mut failed) = (String::new(), String::new());
        refusals(&mut refused, &report);
        failures(&mut failed, &report);
        let told =
            "refused   the data of 1 task\n  site-1, the data of train (scale): Scale: refused: too large\n";
        assert_eq!((&*refused, &*failed), (told, ""));
    }
}
