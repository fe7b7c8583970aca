//! What became of the tasks and the results of a job: noted for the report, and told in the log.

use super::filters::Passed;
use super::live::count;
use super::outbox;
use super::replay::{Job, MAX_NAME, OUTBOX};
use super::report::{ResultReport, TaskReport};
use crate::error::Error;
use crate::exchange::{ReturnCode, Shareable};
use crate::host::log::one_line;
use crate::instance::MAX_TEXT;

/// A task's name as the log has it.
pub(super) fn named(task: &str) -> String {
    one_line(task, MAX_NAME)
}

impl Job {
    /// Notes how a task was carried out.
    pub(super) fn task_done(
        &mut self,
        seq: u64,
        at: &str,
        task: String,
        executor: String,
        reply: Result<Shareable, Error>,
    ) {
        let (code, exception): (_, Option<String>) = match reply {
            Ok(reply) => {
                let exception = reply.headers.get("exception");
                let text = exception.map(|text| text.to().unwrap_or_else(|_| text.text().to_owned()));
                (reply.return_code, text.filter(|_| reply.return_code != ReturnCode::Ok))
            }
            Err(error) => (ReturnCode::ExecutionException, Some(error.to_string())),
        };
        let exception = exception.map(|text| one_line(&text, MAX_TEXT));
        let (return_code, by) = (code.name(), format!("{at}/{executor}"));
        match &exception {
            Some(exception) => {
                tracing::error!(component = by, "{}: {return_code}: {exception}", named(&task));
            }
            None => tracing::info!(component = by, "{}: {return_code}", named(&task)),
        }
        self.tasks.push(TaskReport { seq, at: at.to_owned(), task, executor, return_code, exception });
    }

    /// Writes what leaves the site to the workspace's outbox.
    pub(super) fn result_out(
        &mut self,
        seq: u64,
        at: String,
        task: String,
        filtered: Passed,
    ) -> Result<(), Error> {
        let Passed { data: result, filters, held_back: refused } = filtered;
        let mut files = Vec::new();
        if let Some(dxo) = result.dxo {
            let folder = self.options.workspace.join(OUTBOX).join(&at);
            files = outbox::put(dxo, &folder, seq, &task)?;
        }
        let return_code = result.return_code.name();
        // What was held back is in the log already, with the reason.
        if refused.is_some() {
            count(&self.counts.held_back);
        } else {
            let left = if files.is_empty() { "a reply without data" } else { "the data" };
            let ids: Vec<_> = filters.keys().map(String::as_str).collect();
            let by = if ids.is_empty() { at.clone() } else { format!("{at}/{}", ids.join(", ")) };
            tracing::info!(component = by, "{}: {left} left, {return_code}", named(&task));
        }
        if !files.is_empty() {
            count(&self.counts.left);
        }
        self.results.push(ResultReport { seq, at, task, return_code, filters, refused, files });
        Ok(())
    }
}
