//! The interface `log`: lines for the site's log, figures for its report.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

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
    lines_left: u64,
    line_bytes: usize,
    gauges_allowed: u64,
    pub(crate) gauges: IndexMap<String, f64>,
}

impl LogCtx {
    pub(crate) fn new(component: Arc<str>, sink: Arc<dyn LogSink>, limits: &Limits) -> Self {
        Self {
            component,
            sink,
            lines_left: limits.log_lines,
            line_bytes: usize::try_from(limits.log_line).unwrap_or(usize::MAX),
            gauges_allowed: limits.gauges,
            gauges: IndexMap::new(),
        }
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
        match ctx.lines_left {
            0 => {}
            1 => ctx.sink.line(
                &ctx.component,
                Level::Warning,
                "limit log-lines reached: later lines of this component are dropped",
            ),
            _ => ctx.sink.line(&ctx.component, level, &one_line(&message, ctx.line_bytes)),
        }
        ctx.lines_left = ctx.lines_left.saturating_sub(1);
        Ok(())
    }

    fn gauge(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        let name = one_line(&name, 100);
        if let Some(known) = self.ctx.gauges.get_mut(&name) {
            *known = value;
        } else if (self.ctx.gauges.len() as u64) < self.ctx.gauges_allowed {
            self.ctx.gauges.insert(name, value);
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

/// What could move a terminal's cursor, break the line, turn its direction, or is not seen.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control() || is_invisible(character)
}

/// Line separators, marks that set a text's direction, and others that show nothing.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
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
