//! How many directories and files one component keeps open: the process has only so many for everybody.

use std::any::Any;
use std::ptr::addr_eq;
use std::sync::{Arc, Weak};

use super::Failure;
use crate::bindings::flip::fl::types::Error;

/// The most that are open at a time; what handles of tensors share counts once.
const MAX_OPEN: usize = 128;

/// What a component keeps open.
#[derive(Default)]
pub(crate) struct OpenFiles(Vec<Weak<dyn Any + Send + Sync>>);

impl OpenFiles {
    /// Counts it until it is closed; where it is one too many, it must not be kept.
    pub(crate) fn hold<T: Send + Sync + 'static>(&mut self, file: &Arc<T>) -> Result<(), Failure> {
        self.0.retain(|held| held.strong_count() > 0);
        if self.0.iter().any(|held| addr_eq(held.as_ptr(), Arc::as_ptr(file))) {
            return Ok(());
        }
        if self.0.len() >= MAX_OPEN {
            let text = format!("more than {MAX_OPEN} directories and files are open");
            return Err(Failure::Typed(Error::QuotaExceeded(text)));
        }
        let held = Arc::downgrade(file);
        self.0.push(held);
        Ok(())
    }
}
