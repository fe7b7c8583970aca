//! What happened when.

use flip_report::{Kind, Moment, Report};
use indexmap::IndexMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::calls;
use crate::audit::{CallEntry, DataEntry, Entry, Function, Line, Outcome, RunKind};
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

/// Puts moments among those of a report, in the order of time. Of too many, those that changed something, kept
/// something in, or failed stay first; and no kind of them takes the place of another.
pub(super) fn add(report: &mut Report, moments: impl IntoIterator<Item = Moment>) {
    let mut all = std::mem::take(&mut report.timeline);
    all.extend(moments.into_iter().map(|moment| Moment { at: rounded(moment.at), ..moment }));
    all.sort_by(|one, other| one.at.total_cmp(&other.at));
    let mut counts: Vec<(Kind, usize)> =
        Kind::ALL.map(|kind| (kind, all.iter().filter(|moment| moment.kind == kind).count())).to_vec();
    // Whatever needs less than its share leaves the rest to others.
    counts.sort_by_key(|(kind, count)| (!kind.is_notable(), *count));
    let mut room = MAX_MOMENTS;
    let mut allowed = IndexMap::new();
    for notable in [true, false] {
        let kinds: Vec<_> = counts.iter().filter(|(kind, _)| kind.is_notable() == notable).collect();
        for (nth, (kind, count)) in kinds.iter().enumerate() {
            let most = room.checked_div(kinds.len() - nth).unwrap_or(0).min(*count);
            room = room.saturating_sub(most);
            allowed.insert(*kind, most);
            report.leave_out(*kind, (count - most) as u64);
        }
    }
    all.retain(|moment| {
        allowed.get_mut(&moment.kind).is_some_and(|left| {
            let stays = *left > 0;
            *left = left.saturating_sub(1);
            stays
        })
    });
    report.timeline = all;
}

/// To a tenth of a millisecond.
pub(super) fn rounded(seconds: f64) -> f64 {
    (seconds * 1e4).round() / 1e4
}

/// The moments of an audit trail: the calls of components, and what left or was kept out.
pub(super) fn of_lines(lines: &[Line]) -> Vec<Moment> {
    let Some(start) = lines.first() else { return Vec::new() };
    let (local_dev, is_filter) = match &start.entry {
        Entry::Start(entry) => (entry.local_dev, entry.run == RunKind::Filter),
        _ => (false, false),
    };
    let mut came = None;
    let mut filter = None;
    let mut moments = Vec::new();
    for line in lines {
        let Some(at) = between(&start.time, &line.time) else { continue };
        match &line.entry {
            Entry::Call(call) => moments.push(Moment { at, ..of_call(call, local_dev) }),
            Entry::Component(component) => filter = Some(component.id.clone()),
            Entry::In(data) => {
                came = Some(at);
                moments.extend(data.refused.map(|_| Moment { at, ..of_data(data) }));
            }
            Entry::Out(data) => {
                let component = if is_filter { filter.clone() } else { None };
                // Of one filter on one update: between what came and what went it was at work.
                if let (true, Some(came)) = (is_filter, came.take()) {
                    moments.push(Moment {
                        at: came,
                        seconds: Some(rounded((at - came).max(0.0))),
                        place: data.place.clone(),
                        kind: Kind::Filter,
                        component: component.clone(),
                        text: data.task.clone(),
                        outcome: data.refused.map(code),
                        times: 1,
                    });
                }
                let moment = of_data(data);
                let component = moment.component.clone().or(component);
                moments.push(Moment { at, component, ..moment });
            }
            Entry::Start(_) | Entry::End(_) => {}
        }
    }
    moments
}

/// Data that left, or was kept out or in: then whoever refused it is named.
fn of_data(data: &DataEntry) -> Moment {
    let (kind, component) = match data.refused {
        Some(_) => (Kind::Refusal, data.by.clone()),
        None => (Kind::Left, data.filters.last().cloned()),
    };
    Moment {
        place: data.place.clone(),
        kind,
        component,
        text: data.task.clone(),
        outcome: data.refused.map(code),
        ..Moment::default()
    }
}

fn of_call(call: &CallEntry, local_dev: bool) -> Moment {
    let withheld = local_dev && call.outcome != Outcome::NotPermitted && calls::withheld(call.function);
    let kind = if withheld { Kind::Other } else { kind_of(call.function, call.outcome) };
    let outcome = match withheld {
        true => Some("withheld: local dev".to_owned()),
        false => (call.outcome != Outcome::Ok).then(|| call.outcome.to_string()),
    };
    let text = match (kind, &call.to) {
        // What an archive is called matters more than what is in it.
        (Kind::Upload, Some(key)) => key.clone(),
        (_, Some(to)) => format!("{} to {to}", call.touched),
        (Kind::Hub, None) => {
            super::trail::status(&call.touched).map_or(call.touched.clone(), |told| told.status)
        }
        (_, None) => call.touched.clone(),
    };
    Moment {
        place: call.place.clone(),
        kind,
        component: Some(call.component.clone()),
        text,
        outcome,
        times: call.calls,
        ..Moment::default()
    }
}

/// The kind of a call that ended like this.
pub(super) fn kind_of(function: Function, outcome: Outcome) -> Kind {
    match outcome {
        Outcome::NotPermitted => Kind::Refusal,
        // To ask for what is not there is how one finds out.
        Outcome::Ok | Outcome::NotFound => kind(function),
        _ => Kind::Failure,
    }
}

/// What kind of thing a call does, if all goes well.
fn kind(function: Function) -> Kind {
    use Function as F;
    match function {
        F::Open | F::Entries | F::Stat | F::Read | F::Tensor | F::Usage => Kind::Other,
        F::Create | F::Append | F::Commit | F::Discard | F::CreateDirAll | F::Rename => Kind::File,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_hid_what_changed_something() {
        let mut report = Report::new("", flip_report::Ran::Job);
        let moment = |kind, at| Moment { kind, at, ..Moment::default() };
        let flood = (0..30_000).map(|n| moment(Kind::Event, f64::from(n)));
        let told = (0..30_000).map(|n| moment(Kind::Hub, f64::from(n)));
        let late = [Kind::Deletion, Kind::Upload, Kind::Refusal, Kind::Left].map(|kind| moment(kind, 1e6));
        add(&mut report, flood.chain(told).chain(late));
        assert_eq!(report.timeline.len(), MAX_MOMENTS);
        let last = &report.timeline[MAX_MOMENTS - 4..];
        assert!(last.iter().all(|moment| moment.at == 1e6));
        assert_eq!(report.timeline_left_out, 60_004 - MAX_MOMENTS as u64);
        assert_eq!(report.left_out_by_kind[&Kind::Hub] + report.left_out_by_kind[&Kind::Event], 50_004);
        assert!(!report.left_out_by_kind.contains_key(&Kind::Deletion));
    }
}
