//! From an address and the environment to a store.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreScheme, RetryConfig};
use tokio::runtime::Handle;
use url::Url;

use super::directory::Directory;
use super::real::Store;
use crate::services::{Secret, ServiceError, install_tls};

/// How a store is used.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The size of a part, in bytes: 8 MiB. S3 takes parts of 5 MiB and more, and 10 000 of them.
    pub part_size: usize,
    /// How many parts are on their way at once: 3. With the one that is being filled, this is the memory
    /// that an upload needs.
    pub parts_in_flight: usize,
    /// How often a request is sent again: 3 times.
    pub retries: usize,
    /// The pause before the first of them: 200 ms. It doubles each time, with jitter, up to 5 s.
    pub first_pause: Duration,
    /// How long one request may take, its part included: 120 s. `AWS_TIMEOUT` goes before it.
    pub request_time: Duration,
    /// How long what must not be left half-done may take after the end of a call: 6 s. Each of its steps
    /// has a third: the request that was under way, the abort of an upload, a look at what is there.
    pub clean_up_time: Duration,
    /// The level of deflate, from 1 to 9: 4. Level 6, the usual one, takes twice the time and makes logs
    /// smaller by 1 %. What hardly shrinks, as a model's weights, is stored at any level.
    pub deflate_level: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            part_size: 8 << 20,
            parts_in_flight: 3,
            retries: 3,
            first_pause: Duration::from_millis(200),
            request_time: Duration::from_secs(120),
            clean_up_time: Duration::from_secs(6),
            deflate_level: 4,
        }
    }
}

impl StoreOptions {
    /// What an upload in parts takes in memory, in bytes.
    pub(super) fn upload_memory(&self) -> u64 {
        let parts = (self.parts_in_flight.max(1) as u64).saturating_add(1);
        parts.saturating_mul(self.part_size.max(1) as u64)
    }
}

impl Store {
    /// The address of the store that is a directory; none where the path is not absolute.
    pub fn url_of(directory: &std::path::Path) -> Option<String> {
        Url::from_directory_path(directory).ok().map(Into::into)
    }

    /// The store at `url`: `s3://bucket/prefix`, `file:///directory` or `memory://`. Requests run on
    /// `handle`.
    ///
    /// Of the environment, S3 takes the `AWS_*` variables: credentials, region, endpoint and the others
    /// of [`AmazonS3ConfigKey`]. An endpoint of `http://` needs no more to be allowed, unless
    /// `AWS_ALLOW_HTTP` says otherwise.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for an address that is none of these or holds credentials, for a directory that
    /// does not exist, or for variables that make no sense.
    pub fn open(
        url: &str,
        env: impl IntoIterator<Item = (String, String)>,
        options: StoreOptions,
        handle: Handle,
    ) -> Result<Self, ServiceError> {
        let invalid =
            |why: String| ServiceError::InvalidArgument(format!("the object store's address {why}"));
        let url = Url::parse(url).map_err(|error| invalid(format!("cannot be read: {error}")))?;
        if !bare(&url) {
            return Err(invalid("holds a user, a password, a query or a fragment".to_owned()));
        }
        let (scheme, prefix) =
            ObjectStoreScheme::parse(&url).map_err(|_| invalid(format!("{url} is of no known kind")))?;
        match scheme {
            ObjectStoreScheme::AmazonS3 => {
                let env: Vec<_> = env
                    .into_iter()
                    .filter(|(key, value)| key.starts_with("AWS_") && !value.is_empty())
                    .collect();
                let secrets = secrets(&env);
                let store = s3(&url, env, &options).map_err(|why| invalid(format!("{url}: {why}")))?;
                Ok(Self::new(Arc::new(store), prefix, false, secrets, options, handle))
            }
            ObjectStoreScheme::Local => {
                let directory = url.to_file_path().map_err(|()| invalid(format!("{url} is no directory")))?;
                let store = Directory::open(&directory)
                    .map_err(|_| invalid(format!("{url} is no directory that exists")))?;
                Ok(Self::new(Arc::new(store), Path::ROOT, true, Vec::new(), options, handle))
            }
            ObjectStoreScheme::Memory => {
                Ok(Self::new(Arc::new(InMemory::new()), prefix, false, Vec::new(), options, handle))
            }
            _ => Err(invalid(format!("{url} is none of s3://, file:// and memory://"))),
        }
    }
}

/// Whether an address holds nothing but an address.
fn bare(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none()
}

/// What of the environment may be shown nowhere.
fn secrets(env: &[(String, String)]) -> Vec<Secret> {
    let hidden = ["SECRET", "TOKEN", "ACCESS_KEY_ID", "SSE_CUSTOMER_KEY"];
    env.iter()
        .filter(|(key, _)| hidden.iter().any(|part| key.contains(part)))
        .map(|(_, value)| value.as_str().into())
        .collect()
}

fn s3(url: &Url, env: Vec<(String, String)>, options: &StoreOptions) -> Result<impl ObjectStore, String> {
    install_tls();
    let client =
        ClientOptions::new().with_connect_timeout(Duration::from_secs(5)).with_timeout(options.request_time);
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: options.first_pause,
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        },
        max_retries: options.retries,
        // The number bounds them, and the call's deadline does.
        retry_timeout: Duration::from_secs(300),
    };
    let mut builder =
        AmazonS3Builder::new().with_client_options(client).with_retry(retry).with_url(url.as_str());
    let http_denied = env.iter().any(|(key, value)| key == "AWS_ALLOW_HTTP" && value != "true");
    for (key, value) in env {
        // Variables that are not the store's, such as AWS_PROFILE, are nobody's business here.
        let Ok(key) = key.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() else { continue };
        if matches!(key, AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint) {
            let endpoint = Url::parse(&value).map_err(|error| format!("its endpoint: {error}"))?;
            if !bare(&endpoint) {
                return Err("its endpoint holds a user, a password, a query or a fragment".to_owned());
            }
            builder = builder.with_allow_http(endpoint.scheme() == "http" && !http_denied);
        }
        builder = builder.with_config(key, value);
    }
    builder.build().map_err(|error| error.to_string())
}
