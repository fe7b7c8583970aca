//! What becomes of each event.

use flip_sdk::{Error, ModelStatus};
use job_names::{ModelId, no_such_peer};

use crate::{Host, event};

/// The args of the job's configuration.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The model's id at the hub.
    pub model_id: String,
    /// Which component gathers the results.
    #[serde(default = "json_generator")]
    pub validation_json_generator_id: String,
    /// Which component brings them to safety.
    #[serde(default = "persist_and_cleanup")]
    pub persist_and_cleanup_id: String,
}

fn json_generator() -> String {
    "json_generator".to_owned()
}

fn persist_and_cleanup() -> String {
    "persist_and_cleanup".to_owned()
}

/// The handler, configured.
pub struct ServerEventHandler<H: Host> {
    host: H,
    model_id: ModelId,
    validation_json_generator_id: String,
    persist_and_cleanup_id: String,
    peers: Peers<H>,
    pub(crate) fatal_error: bool,
    /// What the run is going to end with, or has ended with: once it is aborted, STOPPED.
    pub(crate) final_status: Option<ModelStatus>,
    /// Whether the hub was told the final status.
    ended: bool,
}

/// The components that the handler calls. They may be configured after it, so it looks for them at its
/// first event, and only there: where one is missing, the run is over.
enum Peers<H: Host> {
    Unknown,
    Found(H::Generator, H::Persistor),
    Missing,
}

impl<H: Host> ServerEventHandler<H> {
    /// Checks the args.
    ///
    /// # Errors
    ///
    /// `invalid-argument` where the model id is no UUID. The hub is told before.
    pub fn new(host: H, args: Args) -> Result<Self, Error> {
        let Args { model_id, validation_json_generator_id, persist_and_cleanup_id } = args;
        let model_id =
            ModelId::new(model_id.clone()).inspect_err(|_| report(&host, &model_id, ModelStatus::Error))?;
        Ok(Self {
            host,
            model_id,
            validation_json_generator_id,
            persist_and_cleanup_id,
            peers: Peers::Unknown,
            fatal_error: false,
            final_status: None,
            ended: false,
        })
    }

    /// Handles one event. Whatever fails, the run goes on, or ends with a system panic.
    pub fn handle(&mut self, event_type: &str, ctx: &H::Context) {
        if let Peers::Unknown = self.peers {
            self.peers = self.find_peers();
        }
        let Peers::Found(generator, persistor) = &self.peers else {
            if event_type == event::END_RUN {
                self.finish(ModelStatus::Error);
            }
            return;
        };
        let generated = self.host.generate(generator, event_type, ctx);
        if let Err(error) = &generated {
            self.host.error(&format!("the results generator failed at {event_type}: {}", error.describe()));
        }
        match event_type {
            event::TRAINING_INITIATED => self.report(ModelStatus::Initiated),
            event::INITIAL_MODEL_LOADED => self.report(ModelStatus::Prepared),
            event::TRAINING_STARTED => self.report(ModelStatus::TrainingStarted),
            event::START_RUN => self.host.info("the run starts"),
            event::TRAINING_FINISHED => self.host.info("the training is finished"),
            event::RESULTS_UPLOAD_COMPLETED => self.host.info("the results are uploaded"),
            event::ABORTED => {
                self.host.info("the run is being aborted");
                self.final_status = Some(ModelStatus::Stopped);
            }
            event::FATAL_SYSTEM_ERROR => {
                self.host.error("a fatal system error ended the run");
                self.fatal_error = true;
                // One that a component caused while this handler called it, at the end of the run,
                // arrives only now: the hub was told something better.
                if self.ended && self.final_status != Some(ModelStatus::Error) {
                    self.finish(ModelStatus::Error);
                }
            }
            event::END_RUN => {
                self.host.info("the run ends");
                // Also after a failure: what there is of results tells what happened.
                let persisted = self.host.persist(persistor, ctx);
                if let Err(error) = &persisted {
                    self.host.error(&format!("the results persistor failed: {}", error.describe()));
                }
                let failed =
                    generated.is_err() || persisted.is_err() || self.host.all_tasks_failed(generator);
                self.finish(match (self.fatal_error, self.final_status, failed) {
                    (true, _, _) => ModelStatus::Error,
                    // Tasks that were cut short must not look like an error.
                    (false, Some(ModelStatus::Stopped), _) => ModelStatus::Stopped,
                    (false, _, true) => ModelStatus::Error,
                    // Whoever embeds the handler decided.
                    (false, Some(status), false) => status,
                    (false, None, false) => ModelStatus::ResultsUploaded,
                });
            }
            _ => {}
        }
    }

    fn find_peers(&self) -> Peers<H> {
        let (generator_id, persistor_id) = (&self.validation_json_generator_id, &self.persist_and_cleanup_id);
        let generator = self.host.results_generator(generator_id).map_err(|error| {
            no_such_peer("validation_json_generator_id", generator_id, "results generator", &error)
        });
        let persistor = self.host.results_persistor(persistor_id).map_err(|error| {
            no_such_peer("persist_and_cleanup_id", persistor_id, "results persistor", &error)
        });
        match (generator, persistor) {
            (Ok(generator), Ok(persistor)) => Peers::Found(generator, persistor),
            (generator, persistor) => {
                let reasons: Vec<String> = [generator.err(), persistor.err()].into_iter().flatten().collect();
                self.host.system_panic(&reasons.join("; "));
                Peers::Missing
            }
        }
    }

    fn finish(&mut self, status: ModelStatus) {
        self.final_status = Some(status);
        self.ended = true;
        self.report(status);
    }

    fn report(&self, status: ModelStatus) {
        report(&self.host, self.model_id.as_str(), status);
    }
}

/// Tells the hub, which the host tries again by itself. A hub that cannot be reached stops no run.
fn report<H: Host>(host: &H, model_id: &str, status: ModelStatus) {
    host.info(&format!("status of model {model_id}: {}", status.name()));
    if let Err(error) = host.update_status(model_id, status) {
        host.error(&format!("the hub was not told the status {}: {}", status.name(), error.describe()));
    }
}
