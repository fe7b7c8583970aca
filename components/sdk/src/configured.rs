//! The component itself, from the moment when it is configured.

use std::cell::RefCell;
use std::thread::LocalKey;

use serde::de::DeserializeOwned;

use crate::Error;

/// Where an exported component lives. A component runs in one thread and is never re-entered, so
/// nothing ever waits here.
pub struct Configured<T>(RefCell<Option<T>>);

impl<T> Configured<T> {
    /// Nothing is configured yet.
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }
}

impl<T> Default for Configured<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: 'static> Configured<T> {
    /// Parses the args and keeps what `make` makes of them.
    ///
    /// # Errors
    ///
    /// `invalid-argument` where the args do not fit or the component was configured before.
    pub fn configure<A: DeserializeOwned>(
        this: &'static LocalKey<Self>,
        args: &str,
        make: impl FnOnce(A) -> Result<T, Error>,
    ) -> Result<(), Error> {
        // A panic ends the instance; this tells the operator why.
        std::panic::set_hook(Box::new(|panic| crate::log::error(&panic.to_string())));
        // Serde would take a list for a struct as well, by position.
        if !args.trim_ascii_start().starts_with('{') {
            return Err(Error::InvalidArgument("args: not a JSON object".to_owned()));
        }
        let mut text = serde_json::Deserializer::from_str(args);
        let parsed = serde_path_to_error::deserialize(&mut text)
            .map_err(|error| Error::InvalidArgument(format!("args: {}", named(&error))))?;
        text.end().map_err(|error| Error::InvalidArgument(format!("args: {error}")))?;
        let component = make(parsed)?;
        this.with(|slot| match slot.0.borrow_mut().replace(component) {
            None => Ok(()),
            Some(_) => Err(Error::InvalidArgument("configured twice".to_owned())),
        })
    }

    /// Calls into the configured component.
    ///
    /// # Errors
    ///
    /// `invalid-argument` where it was never configured.
    pub fn with<R>(
        this: &'static LocalKey<Self>,
        call: impl FnOnce(&mut T) -> Result<R, Error>,
    ) -> Result<R, Error> {
        this.with(|slot| match slot.0.borrow_mut().as_mut() {
            Some(component) => call(component),
            None => Err(Error::InvalidArgument("called before it was configured".to_owned())),
        })
    }
}

/// The error with the key where it is.
fn named(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let key = error.path().to_string();
    let error = error.inner();
    // What serde says of unknown and missing keys names them.
    match key == "." || error.to_string().contains(&format!("`{key}`")) {
        true => error.to_string(),
        false => format!("{key}: {error}"),
    }
}
