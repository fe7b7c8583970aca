//! What an audit trail alone says of a run.

use flip_report::{Applied, Data, Failure, Leaf, Outgoing, Place, Ran, Report, Status};

use indexmap::IndexMap;

use super::{component, moments};
use crate::audit::{DataEntry, Entry, Function, Line, Outcome, RunKind};

/// The report of a run, as far as its audit trail knows it. Of a long one the first lines and the last will do.
pub fn of_trail(lines: &[Line]) -> Report {
    let mut report = Report::new(env!("CARGO_PKG_VERSION"), Ran::Program);
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return report };
    report.started = Some(first.time.clone());
    report.seconds = moments::between(&first.time, &last.time);
    let mut places = IndexMap::new();
    for line in lines {
        match &line.entry {
            Entry::Start(start) => {
                report.version.clone_from(&start.version);
                report.ran = match start.run {
                    RunKind::Job => Ran::Job,
                    RunKind::Filter => Ran::Filter,
                    RunKind::Checkpoint => Ran::Checkpoint,
                    RunKind::Program => Ran::Program,
                };
                report.job_id.clone_from(&start.job_id);
                report.local_dev = start.local_dev;
            }
            Entry::Component(entry) => {
                let place = places.entry(entry.place.clone());
                let place = place.or_insert_with(|| Place { name: entry.place.clone(), ..Place::default() });
                place.components.push(component::of(entry));
            }
            Entry::Call(call) => {
                if let (Function::UpdateStatus, Outcome::Ok) = (call.function, call.outcome) {
                    report.statuses.extend(status(&call.touched));
                }
            }
            Entry::Out(data) => report.results.push(outgoing(line.seq, data)),
            Entry::End(end) => report.failure = end.failure.map(moments::code),
            Entry::In(_) | Entry::Dropped(_) => {}
        }
    }
    let missing = last.seq.saturating_add(1).saturating_sub(lines.len() as u64);
    report.timeline_left_out = missing;
    report.places = places.into_values().collect();
    moments::add(&mut report, moments::of_lines(lines));
    report
}

/// What a request to the hub told it.
pub(super) fn status(touched: &str) -> Option<Status> {
    let (_, path) = touched.split_once("/model/")?;
    let (model_id, status) = path.split_once("/status/")?;
    Some(Status { model_id: model_id.to_owned(), status: status.to_owned(), error: None })
}

fn outgoing(seq: u64, data: &DataEntry) -> Outgoing {
    let left = data.refused.is_none();
    Outgoing {
        seq,
        at: data.place.clone(),
        task: data.task.clone(),
        data: data.kind.as_ref().filter(|_| left).map(|kind| Data {
            kind: kind.clone(),
            tensors: data.tensors,
            elements: None,
            bytes: data.bytes,
            sha256: data.sha256.map(|digest| digest.to_string()),
        }),
        filters: data
            .filters
            .iter()
            .map(|id| Applied { id: id.clone(), leaves: Vec::<Leaf>::new() })
            .collect(),
        unfiltered: data.unfiltered.clone(),
        refused: data.refused.map(|code| Failure {
            what: data.task.clone(),
            code: moments::code(code),
            error: "the audit trail does not say why".to_owned(),
        }),
        ..Outgoing::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditTrail, Start};
    use crate::error::Code;

    #[test]
    fn a_long_trail_is_kept_in_part_and_the_report_says_how_much_is_missing() {
        let trail = AuditTrail::to(std::io::sink(), Start::new(RunKind::Program)).unwrap().keeping();
        for _ in 0..30_000 {
            trail.data_out(DataEntry::refused("server", "train", Code::Refused)).unwrap();
        }
        trail.finish(None).unwrap();
        let report = of_trail(&trail.lines());
        assert_eq!(report.timeline.len() as u64 + report.timeline_left_out, 30_000);
        assert!(report.seconds.is_some());
    }
}
