//! What does the work behind the host interfaces: a trait for each, so that an embedder can bring its own,
//! with a real implementation and one that records.
//!
//! The methods block. Call them on a thread that may, such as one of tokio's `spawn_blocking`; the real
//! implementations drive their requests on the multi-threaded runtime whose handle they are given, which
//! has to outlive them.

mod archive;
mod call;
mod directories;
mod http_hub;
mod hub;
mod job;
mod recorded;
mod secret;
mod store;

use std::sync::Arc;

pub(crate) use archive::MostArchived;
pub use archive::{ArchiveAccount, ArchiveEntry, ArchiveLimits};
pub use call::Call;
pub use directories::{Directories, Layout, Root};
pub use http_hub::{HttpHub, HttpHubOptions};
pub use hub::{Hub, HubMessage, HubMethod, HubRequest, ModelStatus};
pub use job::{Caller, Events, LookupError, ModelPersistor, Peers, ResultsGenerator, ResultsPersistor};
pub use recorded::{RecordedHub, RecordedStore, StoreCall};
pub use secret::Secret;
pub use store::{Archived, ObjectMeta, ObjectStore, Store, StoreOptions};

/// Why a service did not do what was asked. No text holds a key or a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// An argument breaks the contract; the text names it.
    #[error("invalid argument: {0}")]
    InvalidArgument(String),
    /// Nothing is there.
    #[error("not found: {0}")]
    NotFound(String),
    /// A limit is reached; the text names it.
    #[error("quota exceeded: {0}")]
    QuotaExceeded(String),
    /// The service failed after its retries.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The run is being aborted.
    #[error("the run is being aborted")]
    Aborted,
    /// The call's time is up.
    #[error("the call's time is up")]
    TimedOut,
}

/// Makes ring the provider of TLS: building a client panics where none is installed.
fn install_tls() {
    // An error says that the process has chosen a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What a host serves to one component. What is not there, the component is told it may not use.
#[derive(Clone, Default)]
pub struct Services {
    /// The directories that grants name.
    pub directories: Option<Arc<dyn Directories>>,
    /// Where objects are stored.
    pub object_store: Option<Arc<dyn ObjectStore>>,
    /// The Central Hub.
    pub hub: Option<Arc<dyn Hub>>,
    /// The events of the job.
    pub events: Option<Arc<dyn Events>>,
    /// The other components of the job.
    pub peers: Option<Arc<dyn Peers>>,
}
