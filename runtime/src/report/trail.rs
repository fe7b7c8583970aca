//! What an audit trail alone says of a run.

use flip_report::{Applied, Data, Failure, Outgoing, Place, Ran, Report, Status, Task};
use indexmap::IndexMap;

use super::{calls, component, moments};
use crate::audit::{DataEntry, Entry, Kept, RunKind};
use crate::exchange::ReturnCode;

/// The report of a run, as far as what is kept of its audit trail knows it.
pub fn of_trail(trail: &Kept) -> Report {
    let lines = trail.lines();
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
                calls::told(&mut report, call);
                if let Some(component) = calls::component(&mut places, &call.place, &call.component) {
                    calls::add(&mut component.usage, call);
                }
            }
            Entry::Out(data) => report.results.push(outgoing(line.seq, data)),
            // Data that came is told nowhere; data that was kept out is.
            Entry::In(data) => report.tasks.extend(data.refused.is_some().then(|| kept_out(line.seq, data))),
            Entry::End(end) => report.failure = end.failure.map(moments::code),
        }
    }
    let mut missing = last.seq.saturating_add(1).saturating_sub(lines.len() as u64);
    for besides in trail.besides() {
        let call = &besides.call;
        calls::told(&mut report, call);
        if let Some(component) = calls::component(&mut places, &call.place, &call.component) {
            calls::add_besides(&mut component.usage, besides);
        }
        report.leave_out(moments::kind_of(call.function, call.outcome), besides.lines);
        missing = missing.saturating_sub(besides.lines);
    }
    report.leave_out(flip_report::Kind::Other, missing);
    report.places = places.into_values().collect();
    if report.ran == Ran::Filter {
        name_the_filter(&mut report);
    }
    moments::add(&mut report, moments::of_lines(lines));
    report
}

/// Of `filter` the trail does not name the filter at the data: it is the one component that there is.
fn name_the_filter(report: &mut Report) {
    let mut components = report.places.iter().flat_map(|place| &place.components);
    let (Some(filter), None) = (components.next(), components.next()) else { return };
    for result in &mut report.results {
        match &mut result.refused {
            Some(why) => why.what.clone_from(&filter.id),
            None if result.filters.is_empty() => {
                result.filters.push(Applied { id: filter.id.clone(), unknown: true, ..Applied::default() });
            }
            None => {}
        }
    }
}

/// What a request to the hub told it.
pub(super) fn status(touched: &str) -> Option<Status> {
    let (_, path) = touched.split_once("/model/")?;
    let (model_id, status) = path.split_once("/status/")?;
    Some(Status { model_id: model_id.to_owned(), status: status.to_owned(), error: None })
}

fn kept_out(seq: u64, data: &DataEntry) -> Task {
    Task {
        seq,
        at: data.place.clone(),
        task: data.task.clone(),
        executor: data.by.clone().unwrap_or_default(),
        return_code: ReturnCode::TaskDataFilterError.name().to_owned(),
        exception: None,
    }
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
            .map(|id| Applied { id: id.clone(), unknown: true, ..Applied::default() })
            .collect(),
        unfiltered: data.unfiltered.clone(),
        refused: data.refused.map(|code| Failure {
            what: data.by.clone().unwrap_or_default(),
            code: moments::code(code),
            error: "the audit trail does not say why".to_owned(),
        }),
        ..Outgoing::default()
    }
}

#[cfg(test)]
mod tests {
    use flip_report::Work;

    use super::*;
    use crate::audit::{AuditTrail, CallEntry, DeletedEntry, Function, Outcome, Start};
    use crate::error::Code;
    use crate::inspect::Digest;

    fn trail(run: RunKind, entries: Vec<Entry>) -> Report {
        let trail = AuditTrail::to(std::io::sink(), Start::new(run)).unwrap().keeping();
        let component = crate::audit::ComponentEntry {
            place: "site-1".to_owned(),
            id: "cleaner".to_owned(),
            name: "Cleaner".to_owned(),
            sha256: Digest::of(b""),
            pinned: false,
            grants: vec![r#"cleanup = ["job/*"]"#.to_owned()],
            limits: Default::default(),
        };
        trail.write(Entry::Component(component)).unwrap();
        entries.into_iter().for_each(|entry| trail.write(entry).unwrap());
        trail.finish(None).unwrap();
        of_trail(&trail.kept())
    }

    fn call(function: Function, touched: &str, outcome: Outcome) -> CallEntry {
        CallEntry {
            place: "site-1".to_owned(),
            component: "cleaner".to_owned(),
            interface: function.interface(),
            function,
            touched: touched.to_owned(),
            to: None,
            calls: 1,
            read: 0,
            written: 0,
            deleted: None,
            sha256: None,
            outcome,
        }
    }

    #[test]
    fn a_long_trail_is_kept_in_part_and_the_report_says_how_much_is_missing() {
        let trail = AuditTrail::to(std::io::sink(), Start::new(RunKind::Program)).unwrap().keeping();
        for _ in 0..100_000 {
            trail.data_out(DataEntry::refused("server", "train", Code::Refused)).unwrap();
        }
        trail.finish(None).unwrap();
        let report = of_trail(&trail.kept());
        assert_eq!(report.timeline.len() as u64 + report.timeline_left_out, 100_000);
        assert!(report.seconds.is_some());
    }

    #[test]
    fn a_page_of_a_trail_said_that_nothing_was_deleted_stored_or_called() {
        let deleted = DeletedEntry { files: 3, directories: 1, bytes: 30 };
        let remove = CallEntry { deleted: Some(deleted), ..call(Function::Remove, "job/a", Outcome::Ok) };
        let put = CallEntry {
            to: Some("a.zip".to_owned()),
            written: 500,
            sha256: Some(Digest::of(b"zip")),
            ..call(Function::PutArchive, "job/", Outcome::Ok)
        };
        let refused = call(Function::Open, "images", Outcome::NotPermitted);
        let report = trail(RunKind::Job, [remove, put, refused].map(Entry::Call).to_vec());
        let component = &report.places[0].components[0];
        assert!(component.of_trail);
        let usage = &component.usage;
        assert_eq!((usage.deleted_total(), usage.stored_total()), ((3, 30), (1, 500)));
        assert_eq!((usage.deleted[0].path.as_str(), usage.stored[0].key.as_str()), ("job/a", "a.zip"));
        let calls: Vec<_> = usage.host_calls.iter().map(|(name, calls)| (name.as_str(), *calls)).collect();
        assert_eq!(calls, [("cleanup", 1), ("object-store", 1), ("storage", 1)]);
        assert_eq!(usage.refusals, 1);
        assert!(report.verdict().headline.to_string().contains("1 call was not permitted"));
    }

    #[test]
    fn a_trail_that_names_filters_was_taken_for_data_that_none_worked_on() {
        let entry =
            DataEntry { kind: Some("WEIGHTS".to_owned()), ..DataEntry::of("site-1", "train", None).unwrap() };
        let through = DataEntry { filters: vec!["privacy".to_owned()], ..entry.clone() };
        let report = trail(RunKind::Job, vec![Entry::Out(through)]);
        assert_eq!(report.results[0].work(), Work::Unknown);
        let report = trail(RunKind::Filter, vec![Entry::Out(entry.clone())]);
        assert_eq!((report.results[0].work(), &*report.results[0].filters[0].id), (Work::Unknown, "cleaner"));
        assert_eq!(trail(RunKind::Job, vec![Entry::Out(entry)]).results[0].work(), Work::NotDone);
    }

    #[test]
    fn a_refusal_was_said_to_be_by_the_task() {
        let refused = DataEntry::refused("site-1", "train", Code::Refused);
        let by = DataEntry { by: Some("privacy".to_owned()), ..refused.clone() };
        let told = |report: &Report| {
            let sentences = report.verdict().sentences;
            sentences.into_iter().map(|(_, sentence)| sentence.to_string()).collect::<String>()
        };
        let report = trail(RunKind::Job, vec![Entry::Out(by)]);
        assert!(
            told(&report).contains("held back at site-1 by privacy: the audit trail"),
            "{}",
            told(&report)
        );
        assert_eq!(report.timeline[0].component.as_deref(), Some("privacy"));
        let unknown = trail(RunKind::Job, vec![Entry::Out(refused.clone())]);
        assert!(told(&unknown).contains("held back at site-1: the audit trail"), "{}", told(&unknown));
        let kept_out = trail(RunKind::Job, vec![Entry::In(refused)]);
        assert!(told(&kept_out).contains("The data of train was not let in at site-1."));
        assert_eq!(kept_out.verdict().status, "Data was not let in");
    }
}
