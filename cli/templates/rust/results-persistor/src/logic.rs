//! What the persistor does, without a host: `cargo test` tests it.

use serde::Deserialize;

/// The args of the job's configuration: none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {}

/// The key of a job's archive.
pub fn key(job: &str) -> String {
    format!("{job}.zip")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_is_called_after_the_job() {
        assert_eq!(key("job-1"), "job-1.zip");
    }
}
