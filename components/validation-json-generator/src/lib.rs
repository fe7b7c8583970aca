//! ValidationJsonGenerator: writes what each model made of each client's data, when the run ends.
//!
//! Its rules are those of the crate `json-results`.
#![cfg(target_arch = "wasm32")]

use flip_sdk::{Configurable, Error, FlContext, Json, ResultsGenerator, Stateful, log};
use json_results::{Event, ResultsFile, Validation, host};

struct ValidationJsonGenerator {
    file: ResultsFile,
    validation: Validation,
}

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Args {
    results_dir: String,
    json_file_name: String,
}

impl Default for Args {
    fn default() -> Self {
        Self { results_dir: "cross_site_val".to_owned(), json_file_name: "cross_val_results.json".to_owned() }
    }
}

impl Configurable for ValidationJsonGenerator {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        let file = ResultsFile::new(&args.results_dir, &args.json_file_name)?;
        Ok(Self { file, validation: Validation::default() })
    }
}

impl ResultsGenerator for ValidationJsonGenerator {
    fn handle_evaluation_event(&mut self, event_type: &str, ctx: &FlContext) -> Result<(), Error> {
        match Event::of_type(event_type) {
            Some(Event::StartRun) => self.validation.clear(),
            Some(Event::ResultReceived) => host::tell(&self.validation.receive(&host::received(ctx))),
            Some(Event::EndRun) => {
                host::write(&self.file, &self.validation.to_json())?;
                log::info(&format!(
                    "the validation results of {} clients are in {}",
                    self.validation.clients(),
                    self.file.path(),
                ));
            }
            None => {}
        }
        Ok(())
    }

    // A validation is part of a training, which its failure does not undo.
    fn all_tasks_failed(&self) -> bool {
        false
    }
}

impl Stateful for ValidationJsonGenerator {
    fn save(&self) -> Json {
        self.validation.state()
    }

    fn restore(&mut self, state: &str) -> Result<(), Error> {
        Ok(self.validation.restore(state)?)
    }
}

flip_sdk::export!(ValidationJsonGenerator: results_generator, state);
