//! The report of a job.

use std::collections::{HashMap, VecDeque};

use flip_report as report;
use flip_report::{Applied, Fatal, LeftFile, Moment, Outgoing, Part, Place, Report, Status, Task};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{component, filter, moments, of_trail};
use crate::audit::Kept;
use crate::error::Code;
use crate::exchange::ReturnCode;
use crate::job::{ComponentReport, Failure, Happened, JobReport, PlaceReport, ResultReport, TaskReport};

impl JobReport {
    /// The report, with what the job's audit trail says of it: [`AuditTrail::kept`](crate::audit::AuditTrail::kept).
    pub fn report(&self, trail: &Kept) -> Report {
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
        note_held_back(&mut report);
        let started = report.started.as_deref();
        let started = started.and_then(|started| OffsetDateTime::parse(started, &Rfc3339).ok());
        let mut by = By::of(self);
        let happened = self.happened.iter().map(|happened| of_happened(happened, started, &mut by));
        moments::add(&mut report, happened.collect::<Vec<_>>());
        // Nearly all that is done in a job is events.
        report.leave_out(report::Kind::Event, self.happened_besides);
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
            .map(|(id, leaves)| Applied {
                id: id.clone(),
                leaves: leaves.iter().map(filter::leaf).collect(),
                unknown: false,
            })
            .collect(),
        unfiltered: known.map_or_else(Vec::new, |known| known.unfiltered.clone()),
        refused: result.refused.as_ref().map(of_failure),
        files: result
            .files
            .iter()
            .map(|path| LeftFile {
                path: path.display().to_string(),
                size: std::fs::metadata(path).ok().map(|metadata| metadata.len()),
                sha256: None,
            })
            .collect(),
    }
}

/// A filter that data was held back for failed, and its card says so.
fn note_held_back(report: &mut Report) {
    let Report { results, tasks, places, .. } = report;
    let out = results.iter().filter_map(|result| Some((&result.at, &result.task, result.refused.clone()?)));
    let kept_out = tasks.iter().filter(|task| task.kept_out()).map(|task| {
        let error = task.exception.clone().unwrap_or_default();
        let code = moments::code(Code::Refused);
        (&task.at, &task.task, report::Failure { what: task.executor.clone(), code, error })
    });
    for (at, task, why) in out.chain(kept_out) {
        let place = places.iter_mut().find(|place| place.name == *at);
        let mut components = place.into_iter().flat_map(|place| &mut place.components);
        if let Some(filter) = components.find(|component| component.id == why.what) {
            filter.failures.push(report::Failure { what: task.clone(), ..why });
        }
    }
}

/// Who did what happened, and how it ended: by place and task, in order.
struct By<'a>(HashMap<(report::Kind, &'a str, &'a str), VecDeque<Ended>>);

/// A component, and its failure.
type Ended = (Option<String>, Option<String>);

impl<'a> By<'a> {
    fn of(job: &'a JobReport) -> Self {
        let mut by: HashMap<_, VecDeque<Ended>> = HashMap::new();
        for task in &job.tasks {
            let outcome = (task.return_code != ReturnCode::Ok.name()).then(|| task.return_code.to_owned());
            let ended = (Some(task.executor.clone()), outcome);
            by.entry((report::Kind::Task, &*task.at, &*task.task)).or_default().push_back(ended);
        }
        for result in &job.results {
            let ended = match &result.refused {
                Some(why) => (Some(why.what.clone()), Some(moments::code(why.code))),
                None => (result.filters.keys().last().cloned(), None),
            };
            by.entry((report::Kind::Filter, &*result.at, &*result.task)).or_default().push_back(ended);
        }
        Self(by)
    }

    fn next(&mut self, happened: &'a Happened) -> Ended {
        let all = self.0.get_mut(&(happened.kind, &*happened.place, &*happened.what));
        all.and_then(VecDeque::pop_front).unwrap_or_default()
    }
}

fn of_happened<'a>(happened: &'a Happened, started: Option<OffsetDateTime>, by: &mut By<'a>) -> Moment {
    let time = OffsetDateTime::from(happened.time);
    let (component, outcome) = by.next(happened);
    let at = |started: OffsetDateTime| (time - started).as_seconds_f64().max(0.0);
    Moment {
        at: started.map_or(0.0, at),
        seconds: Some(moments::rounded(happened.took.as_secs_f64())),
        place: happened.place.clone(),
        kind: happened.kind,
        text: happened.what.clone(),
        component,
        outcome,
        ..Moment::default()
    }
}
