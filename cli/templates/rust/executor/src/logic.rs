//! What the executor does, without a host: `cargo test` tests it.

use serde::Deserialize;

/// The args of the job's configuration: none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {}

/// What a task is answered.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// The plain values of the metrics.
    Metrics(String),
    BadTaskData,
    TaskUnknown,
}

/// Answers a task; `lens` are the numbers of elements of the data's tensors, none where there is no data.
pub fn answer(task: &str, lens: Option<&[u64]>) -> Answer {
    match (task, lens) {
        ("count", Some(lens)) => Answer::Metrics(format!(r#"{{"elements": {}}}"#, lens.iter().sum::<u64>())),
        ("count", None) => Answer::BadTaskData,
        _ => Answer::TaskUnknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_counted() {
        assert_eq!(answer("count", Some(&[4, 3])), Answer::Metrics(r#"{"elements": 7}"#.to_owned()));
        assert_eq!(answer("count", None), Answer::BadTaskData);
        assert_eq!(answer("train", Some(&[])), Answer::TaskUnknown);
    }
}
