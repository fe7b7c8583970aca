//! The site's log, and the figures of its report.

use crate::bindings::flip::fl::log as host;

/// A line that only someone who looks for a fault wants to see.
pub fn debug(message: &str) {
    host::log(host::Level::Debug, message);
}

/// A line about ordinary work.
pub fn info(message: &str) {
    host::log(host::Level::Info, message);
}

/// A line about something that the operator may want to change.
pub fn warning(message: &str) {
    host::log(host::Level::Warning, message);
}

/// A line about something that failed.
pub fn error(message: &str) {
    host::log(host::Level::Error, message);
}

/// A figure of the call under way; of one name the last counts.
pub fn gauge(name: &str, value: f64) {
    host::gauge(name, value);
}
