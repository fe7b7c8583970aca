//! Components that are wrong on purpose, and which case tells.

/// A change that makes a component wrong.
pub struct Mutant {
    /// What is wrong with it.
    pub what: &'static str,
    /// The built-in component.
    pub component: &'static str,
    /// A file below `components/`.
    pub file: &'static str,
    /// What stands in it, once.
    pub text: &'static str,
    /// What stands there instead.
    pub replacement: &'static str,
    /// The name of a case that fails then, or how it begins.
    pub case: &'static str,
}

macro_rules! mutants {
    ($($what:literal: $component:literal, $file:literal, $text:literal => $replacement:literal, $case:literal;)*) => {
        &[$(Mutant {
            what: $what,
            component: $component,
            file: $file,
            text: $text,
            replacement: $replacement,
            case: $case,
        },)*]
    };
}

/// At least one of each role.
pub const MUTANTS: &[Mutant] = mutants! {
    // dxo-filter
    "the percentile is off by one": "percentile-privacy",
        "order-statistics/src/position.rs",
        "let index = last as f64 *" => "let index = n as f64 *",
        "elements at the cutoff stay";
    "an element at the cutoff becomes zero": "percentile-privacy",
        "truncation/src/kernel.rs",
        "magnitude < self.threshold" => "magnitude <= self.threshold",
        "elements at the cutoff stay";
    "large elements are not clipped": "percentile-privacy",
        "truncation/src/kernel.rs",
        "let x = if self.high < x { self.high } else { x };" => "",
        "small elements become zero and large ones are clipped";
    "gamma has the wrong sign": "percentile-privacy",
        "truncation/src/kernel.rs",
        "low: -gamma, high: gamma" => "low: gamma, high: -gamma",
        "small elements become zero and large ones are clipped";
    "a gamma that makes no sense lets the update out": "percentile-privacy",
        "truncation/src/outcome.rs",
        "if gamma <= 0.0 ||" => "if gamma < 0.0 ||",
        "gamma must be positive";
    "bfloat16 becomes float64": "percentile-privacy",
        "truncation/src/dtype.rs",
        "Self::Float16 | Self::Float32 | Self::Float64 => self,\n            Self::Bfloat16 => Self::Float32," =>
            "Self::Float16 | Self::Float32 | Self::Float64 | Self::Bfloat16 => self,",
        "half floats stay";
    "a stage covers names that begin like it": "stage-percentile-privacy",
        "stage-percentile-privacy/src/lib.rs",
        "any(|part| part == first)" => "any(|part| first.starts_with(part.as_str()))",
        "a stage is named by whole first parts";
    "each stage filters every tensor": "stage-percentile-privacy",
        "stage-percentile-privacy/src/lib.rs",
        "|name| covers.covers(name)" => "|name| covers.covers(name) || true",
        "each stage has a cutoff of its own";
    // executor
    "an abort does not keep the images": "cleanup-images",
        "cleanup-images/src/tasks.rs",
        "Err(Error::Aborted) => Ok(())," => "Err(Error::Unavailable(_)) => Ok(()),",
        "an abort between the two keeps the images";
    "it deletes too much": "cleanup-images",
        "cleanup-images/src/tasks.rs",
        "\"init_training\" | \"init_task\" => false" => "\"init_training\" | \"init_task\" => true",
        "before a training the images go";
    "an error is told as if nothing were there": "cleanup-images",
        "cleanup-images/src/tasks.rs",
        "Err(Error::NotFound(_)) => {" => "Err(_) => {",
        "a job folder that stays is no reason to keep images, and is told";
    "it calls the host once more": "cleanup-images",
        "cleanup-images/src/component.rs",
        "cleanup::clear(directory)" => "cleanup::clear(directory).and(cleanup::clear(directory))",
        "before a training the images go";
    // event-handler
    "the hub hears the wrong status": "server-event-handler",
        "server-event-handler/src/handler.rs",
        "self.report(ModelStatus::Prepared)" => "self.report(ModelStatus::Initiated)",
        "the hub hears how a run comes along";
    "that the run was stopped hides a fatal error": "server-event-handler",
        "server-event-handler/src/handler.rs",
        "(true, _, _) => ModelStatus::Error" =>
            "(true, Some(ModelStatus::Stopped), _) => ModelStatus::Stopped, (true, _, _) => ModelStatus::Error",
        "a fatal error counts more";
    "it does not ask for an event": "server-event-handler",
        "server-event-handler/src/event.rs",
        "    VALIDATION_RESULT_RECEIVED,\n" => "    START_RUN,\n",
        "the hub hears how a run comes along";
    "it asks for one event alone": "client-event-handler",
        "client-event-handler/src/lib.rs",
        "Vec::new()" => "vec![\"_start_run\".to_owned()]",
        "every event is accepted";
    // results-generator
    "results of one run are left to the next": "validation-json-generator",
        "validation-json-generator/src/lib.rs",
        "Some(Event::StartRun) => self.validation.clear()," => "Some(Event::StartRun) => {}",
        "a run does not know of the one before";
    "results stand under the wrong site": "evaluation-json-generator",
        "json-results/src/evaluation.rs",
        "insert(client, owner, " => "insert(owner, client, ",
        "the results of several models";
    "one failure is taken for all": "evaluation-json-generator",
        "json-results/src/evaluation.rs",
        "!self.failures.is_empty() && self.results.is_empty()" => "!self.failures.is_empty()",
        "one result that is there and not all tasks failed";
    // model-locator
    "a developer's machine is taken for a site": "pt-model-locator",
        "pt-model-locator/src/lib.rs",
        "if ctx.local_dev()" => "if !ctx.local_dev()",
        "the model that the job has trained is found";
    "an abort is taken for a model that is not there": "initial-pt-model-locator",
        "checkpoint-dxo/src/global_model.rs",
        "Err(Error::Aborted) => return Err(Error::Aborted)," => "Err(Error::Aborted) => return Ok(None),",
        "while the run is being aborted";
    "the safehouse comes before the app": "initial-pt-model-locator",
        "initial-pt-model-locator/src/lib.rs",
        "places.push(Place" => "places.insert(0, Place",
        "the model of the app is found";
    "the models are read at every call": "evaluation-pt-model-locator",
        "evaluation-pt-model-locator/src/component.rs",
        "Some(collection) => collection," => "Some(_) => self.read()?,",
        "the models that the configuration names";
    "a manifest is not looked at": "evaluation-pt-model-locator",
        "evaluation-pt-model-locator/src/component.rs",
        "if let Some(problem) = differences.error {" => "if let Some(problem) = differences.error.filter(|_| false) {",
        "a checkpoint that does not fit its manifest";
    "bfloat16 is widened": "checkpoint-locator",
        "checkpoint-locator/src/lib.rs",
        "false => file.weights(Bfloat16::Kept, takes)" => "false => file.weights(Bfloat16::Widened, takes)",
        "a checkpoint is read with its dtypes";
    // results-persistor
    "an archive has the wrong name": "persist-to-s3-and-cleanup",
        "persist-to-s3-and-cleanup/src/key.rs",
        "{month:02}{day:02}_" => "{day:02}{month:02}_",
        "results are moved together and uploaded";
    "an upload that failed is told as done": "persist-to-s3-and-cleanup",
        "persist-to-s3-and-cleanup/src/results.rs",
        "host.put_archive(&key, &job)?" => "host.put_archive(&key, &job).unwrap_or(0)",
        "where the upload fails";
    "what other models left behind is deleted": "persist-to-s3-and-cleanup",
        "persist-to-s3-and-cleanup/src/cleanup.rs",
        "format!(\"{parent}/{model_id}\")" => "format!(\"{parent}/other{}\", &model_id.as_str()[..0])",
        "results are moved together and uploaded";
    "models of the sites are uploaded": "persist-to-s3-and-cleanup",
        "persist-to-s3-and-cleanup/src/results.rs",
        "    delete(host, &job, VALIDATED_MODELS)?;\n" => "    let _ = VALIDATED_MODELS;\n",
        "results are moved together and uploaded";
};
