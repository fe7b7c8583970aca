//! The interface `log`: lines for the site's log, figures for its report.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use flip_report::text::is_hidden;
use indexmap::IndexMap;
use wasmtime::component::HasData;

use crate::bindings::flip::fl::log::Host;
pub use crate::bindings::flip::fl::log::Level;
use crate::limits::Limits;

/// What does the work behind the interface `log`.
pub trait LogSink: Send + Sync {
    /// Takes one line. It is free of control characters and at most [`Limits::log_line`] bytes long.
    fn line(&self, component: &str, level: Level, message: &str);
}

/// Sends the lines to [`tracing`], with the component's name as a field.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingLog;

impl LogSink for TracingLog {
    fn line(&self, component: &str, level: Level, message: &str) {
        match level {
            Level::Debug => tracing::debug!(target: "component", component, "{message}"),
            Level::Info => tracing::info!(target: "component", component, "{message}"),
            Level::Warning => tracing::warn!(target: "component", component, "{message}"),
            Level::Error => tracing::error!(target: "component", component, "{message}"),
        }
    }
}

/// Keeps the lines, for tests.
#[derive(Debug, Default)]
pub struct RecordedLog(Mutex<Vec<(Level, String)>>);

impl RecordedLog {
    /// The lines so far.
    pub fn lines(&self) -> Vec<(Level, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl LogSink for RecordedLog {
    fn line(&self, _: &str, level: Level, message: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push((level, message.to_owned()));
    }
}

/// What an instance may still log.
pub(crate) struct LogCtx {
    component: Arc<str>,
    sink: Arc<dyn LogSink>,
    lines_allowed: u64,
    line_bytes: usize,
    gauges_allowed: u64,
    pub(crate) gauges: IndexMap<String, f64>,
    pub(super) used: LogUse,
}

/// What an instance has logged.
#[derive(Clone, Copy, Default)]
pub(super) struct LogUse {
    pub(super) lines: u64,
    pub(super) longest_line: usize,
    /// Those of one call.
    pub(super) most_gauges: usize,
}

impl LogCtx {
    pub(crate) fn new(component: Arc<str>, sink: Arc<dyn LogSink>, limits: &Limits) -> Self {
        Self {
            component,
            sink,
            lines_allowed: limits.log_lines,
            line_bytes: usize::try_from(limits.log_line).unwrap_or(usize::MAX),
            gauges_allowed: limits.gauges,
            gauges: IndexMap::new(),
            used: LogUse::default(),
        }
    }

    /// Whether a line may be logged, which counts as one then. The last of them says that it is the last.
    pub(super) fn takes_a_line(&mut self) -> bool {
        let left = self.lines_allowed.saturating_sub(self.used.lines);
        self.used.lines += u64::from(left > 0);
        if left == 1 {
            self.sink.line(
                &self.component,
                Level::Warning,
                "limit log-lines reached: later lines of this component are dropped",
            );
        }
        left > 1
    }
}

pub(crate) struct HasLog;

impl HasData for HasLog {
    type Data<'a> = LogView<'a>;
}

pub(crate) struct LogView<'a> {
    pub(crate) ctx: &'a mut LogCtx,
}

impl Host for LogView<'_> {
    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let ctx = &mut *self.ctx;
        if ctx.takes_a_line() {
            let line = one_line(&message, ctx.line_bytes);
            ctx.used.longest_line = ctx.used.longest_line.max(line.len());
            ctx.sink.line(&ctx.component, level, &line);
        }
        Ok(())
    }

    fn gauge(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        let (name, ctx) = (one_line(&name, 100), &mut *self.ctx);
        if let Some(known) = ctx.gauges.get_mut(&name) {
            *known = value;
        } else if (ctx.gauges.len() as u64) < ctx.gauges_allowed {
            ctx.gauges.insert(name, value);
            ctx.used.most_gauges = ctx.used.most_gauges.max(ctx.gauges.len());
        }
        Ok(())
    }
}

/// The text on one line of at most `max` bytes: what could move a terminal's cursor, break the line or
/// turn its direction is escaped.
pub fn one_line(text: &str, max: usize) -> String {
    const CUT: &str = "… (cut)";
    let mut line = String::new();
    for character in text.chars() {
        if is_hidden(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
        if line.len() > max {
            let mut end = max.saturating_sub(CUT.len());
            while !line.is_char_boundary(end) {
                end -= 1;
            }
            line.truncate(end);
            line.push_str(if max < CUT.len() { "" } else { CUT });
            break;
        }
    }
    line
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_move_the_cursor_or_forge_another_line() {
        assert_eq!(one_line("a\u{1b}[2J\nERROR b\u{202e}", 100), "a\\u{1b}[2J\\nERROR b\\u{202e}");
    }

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let line = one_line(&"é".repeat(100), 50);
        assert!(line.len() <= 50 && line.ends_with("é… (cut)"), "{line}");
        assert_eq!(one_line("é", 2), "é");
        assert_eq!(one_line("long", 3), "");
    }
}
