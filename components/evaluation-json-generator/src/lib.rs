//! EvaluationJsonGenerator: writes what each model made of each client's data, and which tasks failed, when
//! the run ends.
//!
//! Its rules are those of the crate `json-results`.
#![cfg(target_arch = "wasm32")]

use flip_sdk::{Configurable, Error, FlContext, Json, ResultsGenerator, Stateful, log};
use json_results::{Evaluation, Event, ResultsFile, host};

/// The file of failures, beside that of results.
const FAILURES: &str = "evaluation_failures.json";

struct EvaluationJsonGenerator {
    file: ResultsFile,
    failures: ResultsFile,
    evaluation: Evaluation,
}

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Args {
    results_dir: String,
    json_file_name: String,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            results_dir: "evaluation_results".to_owned(),
            json_file_name: "evaluation_results.json".to_owned(),
        }
    }
}

impl Configurable for EvaluationJsonGenerator {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        let file = ResultsFile::new(&args.results_dir, &args.json_file_name)?;
        Ok(Self { failures: file.beside(FAILURES)?, file, evaluation: Evaluation::default() })
    }
}

impl ResultsGenerator for EvaluationJsonGenerator {
    fn handle_evaluation_event(&mut self, event_type: &str, ctx: &FlContext) -> Result<(), Error> {
        match Event::of_type(event_type) {
            Some(Event::StartRun) => self.evaluation.clear(),
            Some(Event::ResultReceived) => host::tell(&self.evaluation.receive(&host::received(ctx))),
            Some(Event::EndRun) => {
                host::write(&self.file, &self.evaluation.results_json())?;
                // Also without any: nobody should have to guess what a missing file means.
                host::write(&self.failures, &self.evaluation.failures_json())?;
                log::info(&format!(
                    "the evaluation results of {} clients are in {}, {} failed tasks in {}",
                    self.evaluation.clients(),
                    self.file.path(),
                    self.evaluation.failures(),
                    self.failures.path(),
                ));
            }
            None => {}
        }
        Ok(())
    }

    fn all_tasks_failed(&self) -> bool {
        self.evaluation.all_tasks_failed()
    }
}

impl Stateful for EvaluationJsonGenerator {
    fn save(&self) -> Json {
        self.evaluation.state()
    }

    fn restore(&mut self, state: &str) -> Result<(), Error> {
        Ok(self.evaluation.restore(state)?)
    }
}

flip_sdk::export!(EvaluationJsonGenerator: results_generator, state);
