//! The hub over HTTP.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use percent_encoding::percent_decode_str;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, redirect};
use tokio::runtime::Handle;
use url::Url;

use crate::services::secret::excerpt;
use crate::services::{Call, Hub, HubMessage, HubMethod, HubRequest, Secret, ServiceError, install_tls};

/// How to reach the hub.
#[derive(Clone, Debug)]
pub struct HttpHubOptions {
    /// The name of the header that carries the key: `X-Internal-Service-Key`.
    pub key_header: String,
    /// How long connecting may take: 5 s, as on one network it takes milliseconds.
    pub connect_timeout: Duration,
    /// How long the hub may take to answer one attempt: 15 s.
    pub read_timeout: Duration,
    /// How often a request is sent at most: 4 times.
    pub attempts: u32,
    /// The pause after the first attempt: 250 ms. It doubles each time, with jitter.
    pub first_pause: Duration,
    /// The longest pause, also where the hub asks for more: 5 s.
    pub longest_pause: Duration,
}

impl Default for HttpHubOptions {
    fn default() -> Self {
        Self {
            key_header: "X-Internal-Service-Key".to_owned(),
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(15),
            attempts: 4,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(5),
        }
    }
}

/// The hub over HTTP. Its key is shown nowhere, and goes to no address but the hub's.
pub struct HttpHub {
    client: Client,
    /// Without a slash at the end; it may hold a user and a password.
    url: Secret,
    /// The address as it may be shown.
    shown: String,
    key_header: HeaderName,
    key: HeaderValue,
    secrets: Vec<Secret>,
    pauses: ExponentialBuilder,
    longest_pause: Duration,
    handle: Handle,
}

impl HttpHub {
    /// The hub at `url`, asked with `key`. Requests run on `handle`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for an address, a key or a header's name that cannot be used.
    pub fn new(
        url: &str,
        key: Secret,
        options: &HttpHubOptions,
        handle: Handle,
    ) -> Result<Self, ServiceError> {
        let invalid = |what: &str| ServiceError::InvalidArgument(format!("the hub's {what}"));
        let url = Url::parse(url).map_err(|error| invalid(&format!("address cannot be read: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("address must be http or https, without query and fragment"));
        }
        let mut shown = url.clone();
        // Neither can fail: http and https addresses have a host.
        let _ = (shown.set_username(""), shown.set_password(None));
        let mut value =
            HeaderValue::from_str(key.expose()).map_err(|_| invalid("key holds what a header cannot"))?;
        value.set_sensitive(true);
        let key_header = HeaderName::from_bytes(options.key_header.as_bytes())
            .map_err(|_| invalid(&format!("header {:?} is no header's name", options.key_header)))?;
        install_tls();
        let client = Client::builder()
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.read_timeout)
            // A redirect could take the key elsewhere.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| ServiceError::Unavailable(format!("the hub's client: {}", chain(error))))?;
        // As the address has it, and as it is; then as a request carries it, with the user, which anybody can read.
        let password = url.password().map(|password| {
            [Secret::from(password), percent_decode_str(password).decode_utf8_lossy().as_ref().into()]
        });
        let carried = client.get(url.clone()).build().ok().and_then(|request| {
            let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
            value.strip_prefix("Basic ").map(Secret::from)
        });
        Ok(Self {
            client,
            url: url.as_str().trim_end_matches('/').into(),
            shown: shown.as_str().trim_end_matches('/').to_owned(),
            key_header,
            key: value,
            secrets: [key].into_iter().chain(password.into_iter().flatten()).chain(carried).collect(),
            pauses: ExponentialBuilder::default()
                .with_jitter()
                .with_min_delay(options.first_pause)
                .with_max_delay(options.longest_pause)
                .with_max_times(options.attempts.saturating_sub(1) as usize),
            longest_pause: options.longest_pause,
            handle,
        })
    }

    async fn attempt(&self, request: &HubRequest) -> Result<(), Failed> {
        let method = match request.method {
            HubMethod::Put => Method::PUT,
            HubMethod::Post => Method::POST,
        };
        let mut sent = self
            .client
            .request(method, format!("{}{}", self.url.expose(), request.path))
            .header(&self.key_header, &self.key);
        if let Some(body) = &request.body {
            sent = sent.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let mut response = sent.send().await.map_err(|error| Failed::Connection(chain(error)))?;
        let status = response.status();
        let asked_pause = asked_pause(&response);
        // Read after a success too: only then is the connection used again.
        let text = beginning(&mut response).await;
        if status.is_success() {
            return Ok(());
        }
        Err(Failed::Status { status, text: excerpt(&text, &self.secrets), asked_pause })
    }

    fn shown(&self, request: &HubRequest) -> String {
        format!("hub: {} {}{}", request.method, self.shown, request.path)
    }
}

impl fmt::Debug for HttpHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpHub").field("url", &self.shown).finish_non_exhaustive()
    }
}

/// How one attempt failed.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Connection(String),
    #[error("answered {status}{}{text}", if text.is_empty() { "" } else { ": " })]
    Status { status: StatusCode, text: String, asked_pause: Duration },
}

impl Failed {
    /// Whether it is worth another attempt. Every other answer would come again.
    fn may_pass(&self) -> bool {
        match self {
            Self::Connection(_) => true,
            Self::Status { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
        }
    }

    fn asked_pause(&self) -> Duration {
        match self {
            Self::Connection(_) => Duration::ZERO,
            Self::Status { asked_pause, .. } => *asked_pause,
        }
    }
}

fn asked_pause(response: &Response) -> Duration {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

/// The first few KiB of a body, however long it is.
async fn beginning(response: &mut Response) -> String {
    const READ: usize = 4096;
    let mut bytes = Vec::new();
    while bytes.len() < READ
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend(chunk.iter().take(READ - bytes.len()));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What went wrong, down to its cause; the address is left out, since it can hold a password.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

impl Hub for HttpHub {
    fn send(&self, call: &Call, message: &HubMessage) -> Result<(), ServiceError> {
        let request = message.request()?;
        let sent = (|| self.attempt(&request))
            .retry(self.pauses)
            .when(Failed::may_pass)
            .adjust(|failed, pause| Some(pause?.max(failed.asked_pause().min(self.longest_pause))))
            .notify(|failed, pause| {
                tracing::debug!(request = %self.shown(&request), %failed, ?pause, "the hub is asked again");
            });
        self.handle
            .block_on(call.run(sent))?
            .map_err(|failed| ServiceError::Unavailable(format!("{}: {failed}", self.shown(&request))))
    }
}
