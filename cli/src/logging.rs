//! Log lines on the standard error.

use std::io::{self, IsTerminal};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

use crate::args::{Global, LogFormat};
use crate::progress::AroundBar;

/// Sends what this program and the components log to the standard error.
pub fn init(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => Level::ERROR,
        (false, 0) => Level::INFO,
        (false, 1) => Level::DEBUG,
        (false, _) => Level::TRACE,
    };
    // The libraries below have much to say that is nobody's business here.
    let others = if level == Level::TRACE { Level::DEBUG } else { Level::WARN };
    let targets = Targets::new()
        .with_default(others.min(level))
        .with_target("component", level)
        .with_target("flip_runtime", level)
        .with_target("flip_wasm", level);
    let registry = tracing_subscriber::registry().with(targets);
    match global.log_format {
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(|| AroundBar)).init(),
        LogFormat::Text => {
            let layer = fmt::layer()
                .without_time()
                .with_target(false)
                .with_ansi(io::stderr().is_terminal())
                .with_writer(|| AroundBar);
            registry.with(layer).init();
        }
    }
}
