//! FLIP's Central Hub, and the requests that it understands.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

pub use crate::bindings::flip::fl::types::ModelStatus;
use crate::services::{Call, ServiceError};

/// FLIP's Central Hub.
pub trait Hub: Send + Sync {
    /// Reports how far the training of a model has come.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a model id that no path can hold, `Unavailable` where the hub cannot be
    /// reached or refuses, and the call's own end.
    fn update_status(&self, call: &Call, model_id: &str, status: ModelStatus) -> Result<(), ServiceError>;

    /// Sends one value of a metric, of one client and round.
    ///
    /// # Errors
    ///
    /// As [`Hub::update_status`]; `InvalidArgument` also for a value that is not finite.
    fn send_metric(
        &self,
        call: &Call,
        client: &str,
        model_id: &str,
        label: &str,
        value: f64,
        round: u32,
    ) -> Result<(), ServiceError>;

    /// Sends the text of an exception, of one client.
    ///
    /// # Errors
    ///
    /// As [`Hub::update_status`].
    fn send_exception(
        &self,
        call: &Call,
        client: &str,
        model_id: &str,
        text: &str,
    ) -> Result<(), ServiceError>;
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

impl HubRequest {
    /// The request for [`Hub::update_status`].
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, as there.
    pub fn status(model_id: &str, status: ModelStatus) -> Result<Self, ServiceError> {
        let path = format!("/model/{}/status/{}", segment(model_id)?, segment(status.name())?);
        Ok(Self { method: HubMethod::Put, path, body: None })
    }

    /// The request for [`Hub::send_metric`].
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, as there.
    pub fn metric(
        client: &str,
        model_id: &str,
        label: &str,
        value: f64,
        round: u32,
    ) -> Result<Self, ServiceError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Metric<'a> {
            trust: String,
            global_round: u32,
            label: &'a str,
            result: f64,
        }
        if !value.is_finite() {
            return Err(ServiceError::InvalidArgument(format!(
                "the value {value}: the hub takes no such number"
            )));
        }
        at_most("label", label, MAX_NAME)?;
        let body = Metric { trust: trust(client)?, global_round: round, label, result: value };
        Self::post(format!("/model/{}/metrics", segment(model_id)?), &body)
    }

    /// The request for [`Hub::send_exception`].
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, as there.
    pub fn exception(client: &str, model_id: &str, text: &str) -> Result<Self, ServiceError> {
        #[derive(Serialize)]
        struct Exception<'a> {
            trust: String,
            log: &'a str,
        }
        at_most("text", text, MAX_TEXT)?;
        let body = Exception { trust: trust(client)?, log: text };
        Self::post(format!("/model/{}/logs", segment(model_id)?), &body)
    }

    fn post(path: String, body: &impl Serialize) -> Result<Self, ServiceError> {
        let body =
            serde_json::to_string(body).map_err(|error| ServiceError::InvalidArgument(error.to_string()))?;
        Ok(Self { method: HubMethod::Post, path, body: Some(body) })
    }
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

    #[test]
    fn requests_are_those_of_the_hub() {
        let put = HubRequest::status("4f0c", ModelStatus::TrainingStarted).unwrap();
        assert_eq!(
            (put.method, put.path.as_str(), put.body),
            (HubMethod::Put, "/model/4f0c/status/TRAINING_STARTED", None)
        );
        let metric = HubRequest::metric("site-12", "4f0c", "val \"acc\"", 1.0, 3).unwrap();
        assert_eq!(metric.method, HubMethod::Post);
        assert_eq!(metric.path, "/model/4f0c/metrics");
        assert_eq!(
            metric.body.unwrap(),
            r#"{"trust":"Trust_12","globalRound":3,"label":"val \"acc\"","result":1.0}"#
        );
        let log = HubRequest::exception("server", "4f0c", "a\nb").unwrap();
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
        let request = HubRequest::status("a/../b?c#d %2e é", ModelStatus::Error).unwrap();
        assert_eq!(request.path, "/model/a%2F..%2Fb%3Fc%23d%20%252e%20%C3%A9/status/ERROR");
        for id in ["", ".", "..", &"x".repeat(2000)] {
            assert!(matches!(
                HubRequest::status(id, ModelStatus::Error),
                Err(ServiceError::InvalidArgument(_))
            ));
        }
    }

    #[test]
    fn a_value_is_a_finite_number() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let result = HubRequest::metric("site-1", "id", "loss", value, 0);
            assert!(matches!(result, Err(ServiceError::InvalidArgument(_))));
        }
    }
}
