//! How many directories and files one component keeps open: the process has only so many for everybody.

use std::any::Any;
use std::ptr::addr_eq;
use std::sync::{Arc, Weak};

use super::{Failure, quota_exceeded};
use crate::limits::{Allowed, LimitReached, Limits};

/// What a component keeps open; what handles of tensors share counts once.
pub(crate) struct OpenFiles {
    allowed: u64,
    held: Vec<Weak<dyn Any + Send + Sync>>,
    most: u64,
}

impl OpenFiles {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { allowed: limits.open_files, held: Vec::new(), most: 0 }
    }

    /// How many were ever open at a time.
    pub(crate) fn most(&self) -> u64 {
        self.most
    }

    /// Counts it until it is closed; where it is one too many, it must not be kept.
    pub(crate) fn hold<T: Send + Sync + 'static>(&mut self, file: &Arc<T>) -> Result<(), Failure> {
        self.held.retain(|held| held.strong_count() > 0);
        if self.held.iter().any(|held| addr_eq(held.as_ptr(), Arc::as_ptr(file))) {
            return Ok(());
        }
        if self.held.len() as u64 >= self.allowed {
            let allowed = Allowed::Count(self.allowed);
            return Err(quota_exceeded(LimitReached { limit: "open-files", allowed }));
        }
        let held = Arc::downgrade(file);
        self.held.push(held);
        self.most = self.most.max(self.held.len() as u64);
        Ok(())
    }
}
