//! A job that could not be set up, or that was broken off.

use flip_report::{Fatal, Place, Report};

use super::of_trail;
use crate::audit::Kept;
use crate::error::Error;
use crate::job::SERVER;

/// The report of a job that an error ended: what its audit trail says of it, and why it ended.
pub fn of_failed_job(trail: &Kept, error: &Error) -> Report {
    let mut report = of_trail(trail);
    let ended_by = match error {
        Error::Config { .. } => "the job's configuration",
        Error::Trace(_) => "the trace",
        Error::Policy { .. } => "the policy",
        _ => "flip-wasm",
    };
    let fatal = Some(Fatal { component: ended_by.to_owned(), reason: error.to_string() });
    match report.places.iter_mut().find(|place| place.name == SERVER) {
        Some(place) => place.fatal = fatal,
        None => {
            report.places.insert(0, Place { name: SERVER.to_owned(), fatal, ..Place::default() });
        }
    }
    report
}
