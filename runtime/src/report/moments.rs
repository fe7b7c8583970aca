//! What happened when.

use flip_report::{Kind, Moment, Report};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::audit::{CallEntry, Entry, Function, Line, Outcome};
use crate::error::Code;

/// The most moments of a report.
const MAX_MOMENTS: usize = 10_000;

/// The seconds between two times as an audit trail has them.
pub(super) fn between(start: &str, end: &str) -> Option<f64> {
    let [start, end] = [start, end].map(|time| OffsetDateTime::parse(time, &Rfc3339).ok());
    Some((end? - start?).as_seconds_f64().max(0.0))
}

/// The name of a kind of failure.
pub(super) fn code(code: Code) -> String {
    code.name().to_owned()
}

/// Puts moments among those of a report, in the order of time. The ones that are too many are the last.
pub(super) fn add(report: &mut Report, moments: impl IntoIterator<Item = Moment>) {
    report.timeline.extend(moments);
    report.timeline.sort_by(|one, other| one.at.total_cmp(&other.at));
    let left_out = report.timeline.len().saturating_sub(MAX_MOMENTS);
    report.timeline.truncate(MAX_MOMENTS);
    report.timeline_left_out = report.timeline_left_out.saturating_add(left_out as u64);
}

/// The moments of an audit trail: the calls of components, and what left.
pub(super) fn of_lines(lines: &[Line]) -> Vec<Moment> {
    let Some(start) = lines.first() else { return Vec::new() };
    let moments = lines.iter().filter_map(|line| {
        let moment = match &line.entry {
            Entry::Call(call) => of_call(call),
            Entry::Out(data) => Moment {
                place: data.place.clone(),
                kind: if data.refused.is_some() { Kind::Refusal } else { Kind::Left },
                component: data.filters.last().cloned(),
                text: data.task.clone(),
                outcome: data.refused.map(code),
                ..Moment::default()
            },
            _ => return None,
        };
        Some(Moment { at: between(&start.time, &line.time)?, ..moment })
    });
    moments.collect()
}

fn of_call(call: &CallEntry) -> Moment {
    let kind = match (call.outcome, call.function) {
        (Outcome::NotPermitted, _) => Kind::Refusal,
        // To ask for what is not there is how one finds out.
        (Outcome::Ok | Outcome::NotFound, function) => kind(function),
        _ => Kind::Failure,
    };
    let outcome = (call.outcome != Outcome::Ok).then(|| call.outcome.to_string());
    let to = match (kind, &call.to) {
        // What an archive is called matters more than what is in it.
        (Kind::Upload, Some(key)) => key.clone(),
        (_, Some(to)) => format!("{} to {to}", call.touched),
        (Kind::Hub, None) => {
            super::trail::status(&call.touched).map_or(call.touched.clone(), |told| told.status)
        }
        (_, None) => call.touched.clone(),
    };
    Moment {
        at: 0.0,
        seconds: None,
        place: call.place.clone(),
        kind,
        component: Some(call.component.clone()),
        text: to,
        outcome,
        times: call.calls,
    }
}

fn kind(function: Function) -> Kind {
    use Function as F;
    match function {
        F::Open | F::Entries | F::Stat | F::Read | F::Tensor | F::Usage => Kind::File,
        F::Create | F::Append | F::Commit | F::CreateDirAll | F::Rename => Kind::File,
        F::Remove | F::Clear => Kind::Deletion,
        F::Put | F::PutArchive => Kind::Upload,
        F::UpdateStatus | F::SendMetric | F::SendException => Kind::Hub,
        F::Fire => Kind::Event,
        F::SystemPanic => Kind::Failure,
        F::Get | F::Head => Kind::Other,
        F::GetResultsGenerator | F::GetResultsPersistor | F::GetModelPersistor => Kind::Other,
        F::HandleEvaluationEvent | F::AllTasksFailed | F::Execute | F::ModelInventory => Kind::Other,
    }
}
