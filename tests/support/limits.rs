//! What holds when a component reaches a limit.

use std::time::Duration;

use flip_runtime::{Code, Error, Instance, LimitReached, Limits};

use crate::{context, misbehaving, misbehaving_within, update, values};

/// Limits under which a call ends soon.
pub fn short_calls() -> Limits {
    Limits { call_time: Duration::from_secs(1), ..Limits::default() }
}

/// The result is an error that names the limit.
///
/// # Panics
///
/// Where it is not.
#[track_caller]
pub fn assert_limit<T>(result: Result<T, Error>, limit: &str) {
    match result {
        Err(error @ Error::Limit { reached: LimitReached { limit: reached, .. }, .. }) => {
            assert_eq!(reached, limit);
            assert_eq!(error.code(), Code::ComponentFailed);
            let named = format!("limit {limit} reached: ");
            assert!(error.to_string().contains(&named), "{error}");
        }
        Err(error) => panic!("limit {limit}: {error:?}"),
        Ok(_) => panic!("limit {limit} was not reached"),
    }
}

/// The call ends at the limit, the instance with it, and a new one works.
///
/// # Panics
///
/// Where that is not so.
#[track_caller]
pub fn assert_ends_at(deed: &str, limits: Limits, limit: &str) {
    let mut filter = misbehaving_within(deed, limits);
    assert_limit(filter.filter(update(), &context()), limit);
    assert!(matches!(filter.filter(update(), &context()), Err(Error::Poisoned { .. })));
    assert_fresh_one_works();
}

/// A new instance on the same runtime does its work.
///
/// # Panics
///
/// Where it does not.
#[track_caller]
pub fn assert_fresh_one_works() {
    let filtered = misbehaving(r#""zero""#).filter(update(), &context()).unwrap();
    assert_eq!(values(&filtered.dxo.tensors().unwrap()["a"]), [0.0; 4]);
}

/// The component is told, by a typed error; the instance goes on.
///
/// # Panics
///
/// Where that is not so.
#[track_caller]
pub fn assert_told(filter: &mut Instance, limit: &str) {
    match filter.filter(update(), &context()) {
        Err(error @ Error::Failed { .. }) => {
            assert!(error.to_string().contains(&format!("limit {limit} reached")), "{error}");
        }
        Err(error) => panic!("limit {limit}: {error:?}"),
        Ok(_) => panic!("limit {limit} was not reached"),
    }
}

/// What a component is told whose quota is spent.
pub fn spent(limit: &str, allowed: &str) -> String {
    format!(
        "quota exceeded: limit {limit} reached: {allowed} allowed; a policy's line limits = {{ {limit} = ... }} sets it"
    )
}
