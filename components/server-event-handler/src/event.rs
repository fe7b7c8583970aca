//! The events that the handler asks for, by their names on the wire.

/// The job's run starts.
pub const START_RUN: &str = "_start_run";
/// Every site is ready for the training.
pub const TRAINING_INITIATED: &str = "_training_initiated";
/// The model that the training starts from is there.
pub const INITIAL_MODEL_LOADED: &str = "_initial_model_loaded";
/// The first round starts.
pub const TRAINING_STARTED: &str = "_training_started";
/// The last round is over.
pub const TRAINING_FINISHED: &str = "_training_finished";
/// A validation or evaluation task came back: for the results generator alone.
pub const VALIDATION_RESULT_RECEIVED: &str = "_validation_result_received";
/// The results are in the object store.
pub const RESULTS_UPLOAD_COMPLETED: &str = "_results_upload_completed";
/// Somebody stopped the run.
pub const ABORTED: &str = "_aborted";
/// A component ended the run.
pub const FATAL_SYSTEM_ERROR: &str = "_fatal_system_error";
/// The run ends, however it went.
pub const END_RUN: &str = "_end_run";

/// All of them. A job fires ten times as many.
pub const INTERESTS: [&str; 10] = [
    START_RUN,
    TRAINING_INITIATED,
    INITIAL_MODEL_LOADED,
    TRAINING_STARTED,
    TRAINING_FINISHED,
    VALIDATION_RESULT_RECEIVED,
    RESULTS_UPLOAD_COMPLETED,
    ABORTED,
    FATAL_SYSTEM_ERROR,
    END_RUN,
];
