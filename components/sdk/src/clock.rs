//! The time, for components that are granted it.

use std::time::{Duration, SystemTime};

use crate::bindings::wasi::clocks::wall_clock;

/// The time now.
pub fn now() -> SystemTime {
    let now = wall_clock::now();
    SystemTime::UNIX_EPOCH + Duration::new(now.seconds, now.nanoseconds)
}
