//! The component itself, from the moment when it is configured.

use std::cell::RefCell;
use std::thread::LocalKey;

use serde::de::DeserializeOwned;

use crate::{Error, text};

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
        let component = make(text::object("args", args)?)?;
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
