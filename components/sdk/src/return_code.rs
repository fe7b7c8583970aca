//! NVFLARE's names of return codes.

use crate::ReturnCode;

impl ReturnCode {
    /// NVFLARE's name, such as `EXECUTION_EXCEPTION`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::BadPeerContext => "BAD_PEER_CONTEXT",
            Self::BadRequestData => "BAD_REQUEST_DATA",
            Self::BadTaskData => "BAD_TASK_DATA",
            Self::CommunicationError => "COMMUNICATION_ERROR",
            Self::Timeout => "TIMEOUT",
            Self::Error => "ERROR",
            Self::ExecutionException => "EXECUTION_EXCEPTION",
            Self::ExecutionResultError => "EXECUTION_RESULT_ERROR",
            Self::HandlerException => "HANDLER_EXCEPTION",
            Self::MissingPeerContext => "MISSING_PEER_CONTEXT",
            Self::RunMismatch => "RUN_MISMATCH",
            Self::TaskAborted => "TASK_ABORTED",
            Self::TaskDataFilterError => "TASK_DATA_FILTER_ERROR",
            Self::TaskResultFilterError => "TASK_RESULT_FILTER_ERROR",
            Self::TaskUnknown => "TASK_UNKNOWN",
            Self::TaskUnsupported => "TASK_UNSUPPORTED",
            Self::TopicUnknown => "TOPIC_UNKNOWN",
            Self::ModelUnrecognized => "MODEL_UNRECOGNIZED",
            Self::ValidateTypeUnknown => "VALIDATE_TYPE_UNKNOWN",
            Self::EmptyResult => "EMPTY_RESULT",
            Self::UnsafeJob => "UNSAFE_JOB",
            Self::EarlyTermination => "EARLY_TERMINATION",
            Self::ServerNotReady => "SERVER_NOT_READY",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
        }
    }
}
