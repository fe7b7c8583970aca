//! The report of a job.

use flip_report as report;
use flip_report::{Applied, Fatal, LeftFile, Moment, Outgoing, Part, Place, Report, Status, Task};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{component, filter, moments, of_trail};
use crate::audit::Line;
use crate::job::{ComponentReport, Failure, Happened, JobReport, PlaceReport, ResultReport, TaskReport};

impl JobReport {
    /// The report, with what the job's audit trail says of it: [`AuditTrail::lines`](crate::audit::AuditTrail::lines).
    pub fn report(&self, trail: &[Line]) -> Report {
        let known = of_trail(trail);
        let mut report = Report {
            job_id: Some(self.job_id.clone()),
            local_dev: self.local_dev,
            aborted: self.aborted,
            failure: self.code().map(moments::code).or(known.failure.clone()),
            statuses: self
                .statuses
                .iter()
                .map(|reported| Status {
                    model_id: reported.model_id.clone(),
                    status: reported.status.to_owned(),
                    error: reported.error.clone(),
                })
                .collect(),
            places: self.places.iter().map(|place| of_place(place, &known)).collect(),
            tasks: self.tasks.iter().map(of_task).collect(),
            // Both have them in the order in which they went out.
            results: self
                .results
                .iter()
                .enumerate()
                .map(|(nth, result)| of_result(result, known.results.get(nth)))
                .collect(),
            ..known
        };
        let started = report.started.as_deref();
        let started = started.and_then(|started| OffsetDateTime::parse(started, &Rfc3339).ok());
        let happened = self.happened.iter().map(|happened| of_happened(happened, started));
        moments::add(&mut report, happened.collect::<Vec<_>>());
        report.timeline_left_out = report.timeline_left_out.saturating_add(self.happened_besides);
        report
    }
}

fn of_place(place: &PlaceReport, known: &Report) -> Place {
    let of_trail = known.places.iter().find(|known| known.name == place.name);
    Place {
        name: place.name.clone(),
        events: place.events,
        fatal: place
            .fatal
            .as_ref()
            .map(|(component, reason)| Fatal { component: component.clone(), reason: reason.clone() }),
        // Both have them in the order in which they were made.
        components: place
            .components
            .iter()
            .enumerate()
            .map(|(nth, component)| {
                of_component(component, of_trail.and_then(|place| place.components.get(nth)))
            })
            .collect(),
        engine: place
            .engine
            .iter()
            .map(|part| Part { id: part.id.clone(), class: part.class.clone() })
            .collect(),
    }
}

fn of_component(ran: &ComponentReport, known: Option<&report::Component>) -> report::Component {
    let mut shown = known.cloned().unwrap_or_default();
    shown.id.clone_from(&ran.id);
    shown.name.clone_from(&ran.name);
    shown.sha256 = Some(ran.inspection.sha256.to_string());
    component::describe(&mut shown, &ran.inspection, &ran.grants, &ran.usage);
    shown.failures = ran.failures.iter().map(of_failure).collect();
    shown
}

fn of_failure(failure: &Failure) -> report::Failure {
    let Failure { what, code, error } = failure;
    report::Failure { what: what.clone(), code: moments::code(*code), error: error.clone() }
}

fn of_task(task: &TaskReport) -> Task {
    Task {
        seq: task.seq,
        at: task.at.clone(),
        task: task.task.clone(),
        executor: task.executor.clone(),
        return_code: task.return_code.to_owned(),
        exception: task.exception.clone(),
    }
}

fn of_result(result: &ResultReport, known: Option<&Outgoing>) -> Outgoing {
    let filters = result.filters.iter();
    Outgoing {
        seq: result.seq,
        at: result.at.clone(),
        task: result.task.clone(),
        return_code: result.return_code.to_owned(),
        data: known.and_then(|known| known.data.clone()),
        filters: filters
            .map(|(id, leaves)| Applied { id: id.clone(), leaves: leaves.iter().map(filter::leaf).collect() })
            .collect(),
        unfiltered: known.map_or_else(Vec::new, |known| known.unfiltered.clone()),
        refused: result.refused.as_ref().map(of_failure),
        files: result
            .files
            .iter()
            .map(|path| LeftFile { path: path.display().to_string(), size: None, sha256: None })
            .collect(),
    }
}

fn of_happened(happened: &Happened, started: Option<OffsetDateTime>) -> Moment {
    let time = OffsetDateTime::from(happened.time);
    let at = |started: OffsetDateTime| (time - started).as_seconds_f64().max(0.0);
    Moment {
        at: started.map_or(0.0, at),
        seconds: Some(happened.took.as_secs_f64()),
        place: happened.place.clone(),
        kind: happened.kind,
        text: happened.what.clone(),
        ..Moment::default()
    }
}
