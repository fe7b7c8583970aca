//! What the generator does, without a host: `cargo test` tests it.

use serde::Deserialize;

/// A run starts.
pub const START: &str = "_start_run";
/// The result of a task is there.
pub const RECEIVED: &str = "_validation_result_received";
/// The run ends.
pub const END: &str = "_end_run";
/// The property of the context that holds the result.
pub const RESULT: &str = "_validation_result_";

/// The args of the job's configuration: none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {}

/// The results so far.
#[derive(Default)]
pub struct Tally {
    tasks: u64,
    successes: u64,
}

impl Tally {
    /// Counts one result.
    pub fn receive(&mut self, success: bool) {
        self.tasks += 1;
        self.successes += u64::from(success);
    }

    pub fn all_failed(&self) -> bool {
        self.successes == 0
    }

    /// The text of the results file.
    pub fn to_json(&self) -> String {
        format!(r#"{{"tasks": {}}}"#, self.tasks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted() {
        let mut tally = Tally::default();
        tally.receive(false);
        assert!(tally.all_failed());
        tally.receive(true);
        assert!(!tally.all_failed());
        assert_eq!(tally.to_json(), r#"{"tasks": 2}"#);
    }
}
