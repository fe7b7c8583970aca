//! Why a call did not do what was asked.

use wasmtime::{PoolConcurrencyLimitError, Trap};

use super::{Instance, MAX_TEXT};
use crate::bindings::flip::fl::types;
use crate::error::{Error, Failed};
use crate::host::call::Aborted;
use crate::host::log::one_line;
use crate::limits::{Allowed, LimitReached};

/// The most lines of an error in full, and the most bytes of each.
const MAX_LINES: usize = 64;
const MAX_LINE: usize = 300;

impl Instance {
    pub(crate) fn poisoned(&self) -> Error {
        Error::Poisoned { component: self.name.to_string() }
    }

    /// It reached one of its limits.
    pub(crate) fn reached(&self, limit: &'static str, allowed: Allowed) -> Error {
        self.at_limit(LimitReached { limit, allowed })
    }

    fn at_limit(&self, reached: LimitReached) -> Error {
        Error::Limit { component: self.name.to_string(), reached, table: self.table.to_string() }
    }

    /// Why a call ended without an answer.
    pub(crate) fn ended(&self, error: &wasmtime::Error) -> Error {
        if tracing::enabled!(tracing::Level::DEBUG) {
            // With a backtrace, which has names of the component's own.
            for line in format!("{error:?}").lines().take(MAX_LINES) {
                tracing::debug!(component = &*self.name, "{}", one_line(line, MAX_LINE));
            }
        }
        let component = self.name.to_string();
        if let Some(reached) = error.downcast_ref::<LimitReached>() {
            return self.at_limit(*reached);
        }
        if error.is::<Aborted>() {
            return self.failed(types::Error::Aborted);
        }
        if let Some(full) = error.downcast_ref::<PoolConcurrencyLimitError>() {
            return Error::NoPlace { component, full: full.to_string() };
        }
        let reason = match error.downcast_ref::<Trap>() {
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        };
        if reason.starts_with("resource limit exceeded") {
            return self.reached("instances", Allowed::Count(self.limits.instances));
        }
        if reason.ends_with("store handle limit exceeded") {
            return self.reached("handles", Allowed::Count(self.limits.handles));
        }
        // What passes to the host, and the random bytes that come from it.
        let passed = reason.contains("fuel allocated for hostcalls has been exhausted");
        if passed || reason.starts_with("requested len ") {
            return self.reached("call-bytes", Allowed::Bytes(self.limits.call_bytes));
        }
        Error::Trapped { component, reason: one_line(reason.trim_start_matches("wasm trap: "), MAX_TEXT) }
    }

    /// An error that the component answered with.
    pub(crate) fn failed(&self, error: types::Error) -> Error {
        use types::Error as E;
        let clean = |text: String| one_line(&text, MAX_TEXT);
        Error::Failed {
            component: self.name.to_string(),
            error: Failed(match error {
                E::InvalidArgument(text) => E::InvalidArgument(clean(text)),
                E::InvalidData(text) => E::InvalidData(clean(text)),
                E::NotFound(text) => E::NotFound(clean(text)),
                E::NotPermitted(text) => E::NotPermitted(clean(text)),
                E::QuotaExceeded(text) => E::QuotaExceeded(clean(text)),
                E::Unavailable(text) => E::Unavailable(clean(text)),
                E::Aborted => E::Aborted,
            }),
        }
    }

    /// The filter refused.
    pub(crate) fn refused(&self, reason: &str) -> Error {
        Error::Refused { component: self.name.to_string(), reason: one_line(reason, MAX_TEXT) }
    }
}
