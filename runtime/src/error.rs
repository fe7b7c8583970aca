//! What can go wrong, and whose fault it is.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::bindings::flip::fl::types;
use crate::host::log::one_line;
use crate::inspect::Digest;
use crate::job::TraceError;
use crate::limits::LimitReached;
use crate::policy::header;
use crate::services::ServiceError;
use crate::tensor::TensorError;

/// The longest path that is shown whole, in bytes.
const MAX_PATH: usize = 4_096;

/// A path on one line: whoever wrote a job's configuration may have named it.
fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy(), MAX_PATH)
}

/// Why the runtime could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", shown(.path))]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {reason}", shown(.path))]
    InvalidFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The bytes are no component that this runtime can run.
    #[error("{component}: {reason}")]
    InvalidComponent {
        /// Its name or file.
        component: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No built-in component has this name.
    #[error(
        "{name:?} is neither a built-in component nor a file that ends in .wasm; the built-ins are {known}"
    )]
    UnknownComponent {
        /// The name asked for.
        name: String,
        /// The built-ins, separated by commas.
        known: String,
    },
    /// The component's file is not the one that was asked for.
    #[error("{component}: {by} asks for the digest {expected}, the file has {actual}")]
    Pinned {
        /// Its name.
        component: String,
        /// Who asks: the policy, or the job's configuration.
        by: &'static str,
        /// The digest asked for.
        expected: Digest,
        /// That of the file.
        actual: Digest,
    },
    /// The component lacks the role that the call needs.
    #[error("{component}: the role {role} is needed, but its roles are: {roles}")]
    NoRole {
        /// Its name or file.
        component: String,
        /// The role asked for.
        role: &'static str,
        /// The roles it has, separated by commas.
        roles: String,
    },
    /// The component imports a part of WASI that its policy withholds.
    #[error("{component}: not permitted: {line} under [{}]", header(.table))]
    Withheld {
        /// Its name.
        component: String,
        /// The part, as it stands in a policy.
        import: &'static str,
        /// The line of the policy that would allow it.
        line: String,
        /// The name of the policy's table that is in force, or would be.
        table: String,
    },
    /// The component does not accept its args.
    #[error("{component}: {reason}")]
    Args {
        /// Its name.
        component: String,
        /// What the component said.
        reason: String,
    },
    /// The filter refused to let the data out.
    #[error("{component}: refused: {reason}")]
    Refused {
        /// Its name.
        component: String,
        /// What the filter said.
        reason: String,
    },
    /// The component answered with an error of the contract.
    #[error("{component}: {error}")]
    Failed {
        /// Its name.
        component: String,
        /// The error.
        error: Failed,
    },
    /// The component trapped: a bug in it, or an attack.
    #[error("{component}: trapped: {reason}")]
    Trapped {
        /// Its name.
        component: String,
        /// The trap.
        reason: String,
    },
    /// The component reached one of its limits.
    #[error("{component}: {reached}; {} under [{}] sets it", .reached.line(), header(.table))]
    Limit {
        /// Its name.
        component: String,
        /// The limit and its figure.
        reached: LimitReached,
        /// The name of the policy's table that is in force, or would be.
        table: String,
    },
    /// The runtime's places for memories, tables or instances are all taken, by whatever components.
    #[error(
        "{component}: no place is left for it: {full}; each instance that ends leaves its own, and whoever embeds the \
        runtime can give it more"
    )]
    NoPlace {
        /// Its name.
        component: String,
        /// Of what there are so many already.
        full: String,
    },
    /// The instance trapped, or was stopped, in an earlier call.
    #[error("{component}: failed in an earlier call and cannot be called again; make a new instance")]
    Poisoned {
        /// Its name.
        component: String,
    },
    /// A job's configuration cannot be used.
    #[error("{}: {at}{reason}", shown(.file))]
    Config {
        /// The file.
        file: PathBuf,
        /// The component and the key, as they stand before the reason.
        at: String,
        /// What is wrong.
        reason: String,
    },
    /// A trace cannot be used.
    #[error("{0}")]
    Trace(#[from] TraceError),
    /// The component is entered already: it waits for what it has called itself.
    #[error("{component}: is being called already, and cannot be called again before it returns")]
    Busy {
        /// Its id.
        component: String,
    },
    /// A policy cannot be used.
    #[error("{}: {reason}", shown(.path))]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// A service cannot be set up, or failed.
    #[error("{0}")]
    Service(#[from] ServiceError),
    /// The data cannot be used.
    #[error("{0}")]
    InvalidData(String),
    /// A tensor's data could not be read or written.
    #[error("{0}")]
    Tensor(#[from] TensorError),
    /// The audit trail cannot be written: nothing may happen any more.
    #[error("the audit trail cannot be written: {0}")]
    Audit(String),
    /// The runtime could not be set up on this machine.
    #[error("the sandbox cannot be set up here: {0}")]
    Setup(String),
}

/// An error of the contract, as a component returned it.
#[derive(Clone, Debug)]
pub struct Failed(pub types::Error);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use types::Error as E;
        match &self.0 {
            E::InvalidArgument(text) => write!(f, "invalid argument: {text}"),
            E::InvalidData(text) => write!(f, "invalid data: {text}"),
            E::NotFound(text) => write!(f, "not found: {text}"),
            E::NotPermitted(text) => write!(f, "not permitted: {text}"),
            E::QuotaExceeded(text) => write!(f, "quota exceeded: {text}"),
            E::Unavailable(text) => write!(f, "unavailable: {text}"),
            E::Aborted => f.write_str("the run is being aborted"),
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $what:literal])* $code:ident = $exit_code:literal, $name:literal;)*) => {
        /// What kind of failure an [`Error`] is. The discriminants are the exit codes of `flip-wasm`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[repr(u8)]
        pub enum Code {
            $($(#[doc = $what])* $code = $exit_code,)*
        }

        impl Code {
            /// Every kind, in the order of the exit codes.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// Its name in reports and audit trails.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)*
                }
            }
        }
    };
}

codes! {
    /// The caller asked for something that does not exist, or in a wrong way.
    Usage = 2, "usage";
    /// The filter refused.
    Refused = 3, "refused";
    /// The operator has not granted it.
    NotPermitted = 4, "not-permitted";
    /// The component trapped, reached a limit, or failed.
    ComponentFailed = 5, "component-failed";
    /// A file or data cannot be read, or is invalid.
    InvalidInput = 6, "invalid-input";
    /// A service behind a host function failed.
    ServiceFailed = 7, "service-failed";
    /// The run was aborted.
    Aborted = 130, "aborted";
}

impl Error {
    /// What kind of failure this is.
    pub fn code(&self) -> Code {
        match self {
            Self::UnknownComponent { .. } | Self::Args { .. } => Code::Usage,
            Self::Refused { .. } => Code::Refused,
            Self::Withheld { .. } | Self::Pinned { .. } => Code::NotPermitted,
            Self::Failed { error, .. } => match error.0 {
                types::Error::NotPermitted(_) => Code::NotPermitted,
                types::Error::InvalidData(_) => Code::InvalidInput,
                types::Error::Unavailable(_) => Code::ServiceFailed,
                types::Error::Aborted => Code::Aborted,
                _ => Code::ComponentFailed,
            },
            Self::Trapped { .. } | Self::Limit { .. } | Self::Poisoned { .. } | Self::Busy { .. } => {
                Code::ComponentFailed
            }
            Self::Tensor(TensorError::Stopped) => Code::Aborted,
            Self::File { .. }
            | Self::InvalidFile { .. }
            | Self::InvalidComponent { .. }
            | Self::NoRole { .. }
            | Self::Policy { .. }
            | Self::Config { .. }
            | Self::Trace(_)
            | Self::InvalidData(_)
            | Self::Audit(_)
            | Self::Tensor(_) => Code::InvalidInput,
            Self::Service(ServiceError::InvalidArgument(_)) => Code::Usage,
            Self::Service(ServiceError::Aborted) => Code::Aborted,
            Self::Setup(_) | Self::NoPlace { .. } | Self::Service(_) => Code::ServiceFailed,
        }
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
