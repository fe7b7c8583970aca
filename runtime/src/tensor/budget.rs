//! What the host keeps for a component, counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::TensorError;

/// The bytes that the host may keep for a component.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    allowed: AtomicU64,
    used: AtomicU64,
}

impl Budget {
    pub(crate) fn new(allowed: u64) -> Self {
        Self(Arc::new(Account { allowed: AtomicU64::new(allowed), used: AtomicU64::new(0) }))
    }

    /// Sets how much may be used in all, for the call to come.
    pub(crate) fn allow(&self, allowed: u64) {
        self.0.allowed.store(allowed, Ordering::Relaxed);
    }

    /// Takes `bytes` until the charge is dropped.
    pub(crate) fn charge(&self, bytes: u64) -> Result<Charge, TensorError> {
        let mut charge = Charge { budget: self.clone(), bytes: 0 };
        charge.resize(bytes)?;
        Ok(charge)
    }
}

/// A part of a [`Budget`] that is in use.
pub(crate) struct Charge {
    budget: Budget,
    bytes: u64,
}

impl Charge {
    /// How much it takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes more, or gives some back.
    pub(crate) fn resize(&mut self, bytes: u64) -> Result<(), TensorError> {
        let account = &self.budget.0;
        let allowed = account.allowed.load(Ordering::Relaxed);
        let (more, less) = (bytes.saturating_sub(self.bytes), self.bytes.saturating_sub(bytes));
        account.used.fetch_sub(less, Ordering::Relaxed);
        account
            .used
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(more).filter(|used| more == 0 || *used <= allowed)
            })
            .map_err(|_| TensorError::HostBytes { needed: more, allowed })?;
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.0.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Charge({})", self.bytes)
    }
}
