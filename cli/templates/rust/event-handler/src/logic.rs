//! What the handler does, without a host: `cargo test` tests it.

use serde::Deserialize;

/// The events that it handles.
pub const INTERESTS: [&str; 2] = ["_start_run", "_end_run"];

/// The args of the job's configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The event to fire when a run has ended.
    pub event: Option<String>,
}

impl Args {
    /// The event to fire after one of this type.
    pub fn fires_after(&self, event_type: &str) -> Option<&str> {
        self.event.as_deref().filter(|_| event_type == "_end_run")
    }
}

/// The line of the log for an event.
pub fn line(event_type: &str, job: &str, identity: &str) -> String {
    let does = if event_type == "_start_run" { "starts" } else { "ends" };
    format!("run of {job} {does} at {identity}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_job_and_site() {
        assert_eq!(line("_start_run", "job-1", "site-1"), "run of job-1 starts at site-1");
        assert_eq!(line("_end_run", "job-1", "site-1"), "run of job-1 ends at site-1");
    }

    #[test]
    fn an_event_is_fired_after_the_end() {
        let args = Args { event: Some("done".to_owned()) };
        assert_eq!((args.fires_after("_start_run"), args.fires_after("_end_run")), (None, Some("done")));
    }
}
