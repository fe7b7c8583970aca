//! Errors as a person reads them: what happened, and what to do about it.

use std::fmt;
use std::process::ExitCode;

use flip_runtime::{Code, Error};

use crate::args::LogFormat;

/// What was asked for makes no sense.
#[derive(Debug)]
pub struct Usage(pub &'static str);

impl std::error::Error for Usage {}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What kind of failure the error is.
pub fn code(error: &anyhow::Error) -> Code {
    let otherwise = if error.is::<Usage>() { Code::Usage } else { Code::InvalidInput };
    error.downcast_ref().map_or(otherwise, Error::code)
}

/// Tells the error on the standard error, and gives the exit code.
pub fn report(error: &anyhow::Error, format: LogFormat) -> ExitCode {
    let known = error.downcast_ref::<Error>();
    let code = code(error) as u8;
    let hint = known.and_then(hint);
    // The runtime's errors say what caused them themselves.
    let text = known.map_or_else(|| format!("{error:#}"), Error::to_string);
    match format {
        LogFormat::Json => tracing::error!(exit_code = code, hint, "{text}"),
        LogFormat::Text => {
            eprintln!("error: {text}");
            if let Some(hint) = hint {
                eprintln!("hint: {hint}");
            }
        }
    }
    ExitCode::from(code)
}

/// What to do, where the error does not say it already.
fn hint(error: &Error) -> Option<String> {
    Some(match error {
        Error::Limit { reached, .. } => {
            let limit = reached.limit;
            format!(
                "--limits {limit}=... gives it more, in a run only where the policy names no limits for it"
            )
        }
        Error::Refused { .. } => {
            "nothing was written; change the component's --args or the update's --meta".to_owned()
        }
        Error::Trapped { .. } => {
            "nothing was written; this is a bug in the component, -v shows where it trapped".to_owned()
        }
        Error::Args { .. } => "see the component's documentation for its args".to_owned(),
        Error::NoRole { .. } => "flip-wasm inspect shows what a component can do".to_owned(),
        _ => return None,
    })
}
