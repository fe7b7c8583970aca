//! FLIP's Central Hub, and the requests that it understands.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

pub use crate::bindings::flip::fl::types::ModelStatus;
use crate::services::{Call, ServiceError};

/// FLIP's Central Hub.
pub trait Hub: Send + Sync {
    /// Tells the hub.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a message that [`HubMessage::request`] refuses, `Unavailable` where the hub
    /// cannot be reached or refuses, and the call's own end.
    fn send(&self, call: &Call, message: &HubMessage) -> Result<(), ServiceError>;
}

/// What the hub can be told.
#[derive(Clone, Debug, PartialEq)]
pub enum HubMessage {
    /// How far the training of a model has come.
    Status {
        /// The model.
        model_id: String,
        /// How far.
        status: ModelStatus,
    },
    /// One value of a metric.
    Metric {
        /// The client that it comes from.
        client: String,
        /// The model.
        model_id: String,
        /// The metric's name.
        label: String,
        /// The value; the hub takes finite ones.
        value: f64,
        /// The global round.
        round: u32,
    },
    /// The text of an exception.
    Exception {
        /// The client that it comes from.
        client: String,
        /// The model.
        model_id: String,
        /// The text, with its traceback.
        text: String,
    },
}

/// The method of a [`HubRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubMethod {
    /// Replaces.
    Put,
    /// Adds.
    Post,
}

impl fmt::Display for HubMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Put => "PUT",
            Self::Post => "POST",
        })
    }
}

/// One request to the hub, relative to its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubRequest {
    /// What to do.
    pub method: HubMethod,
    /// Where: it begins with a slash, and what came from a component is one segment each.
    pub path: String,
    /// One JSON text.
    pub body: Option<String>,
}

/// What RFC 3986 leaves as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A model id is a UUID, a label or a client's name a word or two.
const MAX_NAME: usize = 1024;

/// An exception comes with its traceback.
const MAX_TEXT: usize = 1 << 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metric<'a> {
    trust: String,
    global_round: u32,
    label: &'a str,
    result: f64,
}

#[derive(Serialize)]
struct Log<'a> {
    trust: String,
    log: &'a str,
}

impl HubMessage {
    /// The request that carries it.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a model id that no path can hold, a value that is not finite, or a text that
    /// is too long.
    pub fn request(&self) -> Result<HubRequest, ServiceError> {
        match self {
            Self::Status { model_id, status } => {
                let path = format!("/model/{}/status/{}", segment(model_id)?, status.name());
                Ok(HubRequest { method: HubMethod::Put, path, body: None })
            }
            Self::Metric { value, .. } if !value.is_finite() => {
                Err(ServiceError::InvalidArgument(format!("the value {value}: the hub takes no such number")))
            }
            Self::Metric { client, model_id, label, value, round } => {
                at_most("label", label, MAX_NAME)?;
                let body = Metric { trust: trust(client)?, global_round: *round, label, result: *value };
                post(format!("/model/{}/metrics", segment(model_id)?), &body)
            }
            Self::Exception { client, model_id, text } => {
                at_most("text", text, MAX_TEXT)?;
                let body = Log { trust: trust(client)?, log: text };
                post(format!("/model/{}/logs", segment(model_id)?), &body)
            }
        }
    }
}

fn post(path: String, body: &impl Serialize) -> Result<HubRequest, ServiceError> {
    let body =
        serde_json::to_string(body).map_err(|error| ServiceError::InvalidArgument(error.to_string()))?;
    Ok(HubRequest { method: HubMethod::Post, path, body: Some(body) })
}

/// The trust that a client is: FLARE numbers its sites, FLIP its trusts.
fn trust(client: &str) -> Result<String, ServiceError> {
    at_most("client", client, MAX_NAME)?;
    let number = client
        .strip_prefix("site-")
        .filter(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    Ok(number.map_or_else(|| client.to_owned(), |number| format!("Trust_{number}")))
}

/// A text as one segment of a path. `.` and `..` have no encoding that a URL's reader does not resolve.
fn segment(text: &str) -> Result<String, ServiceError> {
    at_most("model-id", text, MAX_NAME)?;
    if matches!(text, "" | "." | "..") {
        return Err(ServiceError::InvalidArgument(format!("the model id {text:?} cannot stand in a path")));
    }
    Ok(utf8_percent_encode(text, SEGMENT).to_string())
}

fn at_most(name: &str, text: &str, bytes: usize) -> Result<(), ServiceError> {
    if text.len() > bytes {
        return Err(ServiceError::InvalidArgument(format!("{name}: more than {bytes} bytes")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(model_id: &str, status: ModelStatus) -> Result<HubRequest, ServiceError> {
        HubMessage::Status { model_id: model_id.to_owned(), status }.request()
    }

    fn metric(client: &str, label: &str, value: f64) -> Result<HubRequest, ServiceError> {
        let (client, model_id, label) = (client.to_owned(), "4f0c".to_owned(), label.to_owned());
        HubMessage::Metric { client, model_id, label, value, round: 3 }.request()
    }

    #[test]
    fn requests_are_those_of_the_hub() {
        let put = status("4f0c", ModelStatus::TrainingStarted).unwrap();
        assert_eq!(
            (put.method, put.path.as_str(), put.body),
            (HubMethod::Put, "/model/4f0c/status/TRAINING_STARTED", None)
        );
        let metric = metric("site-12", "val \"acc\"", 1.0).unwrap();
        assert_eq!(metric.method, HubMethod::Post);
        assert_eq!(metric.path, "/model/4f0c/metrics");
        assert_eq!(
            metric.body.unwrap(),
            r#"{"trust":"Trust_12","globalRound":3,"label":"val \"acc\"","result":1.0}"#
        );
        let (client, model_id, text) = ("server".to_owned(), "4f0c".to_owned(), "a\nb".to_owned());
        let log = HubMessage::Exception { client, model_id, text }.request().unwrap();
        assert_eq!(log.path, "/model/4f0c/logs");
        assert_eq!(log.body.unwrap(), r#"{"trust":"server","log":"a\nb"}"#);
    }

    #[test]
    fn only_a_numbered_site_is_a_trust() {
        for (client, expected) in
            [("site-1", "Trust_1"), ("site-", "site-"), ("site-1a", "site-1a"), ("my-site-1", "my-site-1")]
        {
            assert_eq!(trust(client).unwrap(), expected);
        }
    }

    #[test]
    fn a_model_id_stays_one_segment() {
        let request = status("a/../b?c#d %2e é", ModelStatus::Error).unwrap();
        assert_eq!(request.path, "/model/a%2F..%2Fb%3Fc%23d%20%252e%20%C3%A9/status/ERROR");
        for id in ["", ".", "..", &"x".repeat(2000)] {
            assert!(matches!(status(id, ModelStatus::Error), Err(ServiceError::InvalidArgument(_))));
        }
    }

    #[test]
    fn a_value_is_a_finite_number() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let result = metric("site-1", "loss", value);
            assert!(matches!(result, Err(ServiceError::InvalidArgument(_))));
        }
    }
}
