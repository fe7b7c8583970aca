//! How many directories and files one component keeps open: the process has only so many for everybody.

use std::any::Any;
use std::ptr::addr_eq;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::{Failure, quota_exceeded};
use crate::bindings::flip::fl::types::Error;
use crate::limits::{Allowed, LimitReached, Limits};

/// What may still be open.
type Held = Vec<Weak<dyn Any + Send + Sync>>;

/// What all components of this process keep open.
static ALL: Mutex<All> = Mutex::new(All { held: Vec::new(), most: 0 });

struct All {
    held: Held,
    /// As soon as there are so many, those that were closed meanwhile are let go.
    most: usize,
}

impl All {
    fn lock() -> MutexGuard<'static, Self> {
        ALL.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open.
    fn count(&mut self) -> u64 {
        self.held.retain(|held| held.strong_count() > 0);
        // Not at each of them, where many are open.
        self.most = self.held.len().saturating_mul(2).saturating_add(64);
        self.held.len() as u64
    }

    /// Takes one more, if there is room for it among so many.
    fn take(&mut self, file: Weak<dyn Any + Send + Sync>, share: u64) -> bool {
        if (self.held.len() >= self.most || self.held.len() as u64 >= share) && self.count() >= share {
            return false;
        }
        self.held.push(file);
        true
    }
}

/// How much of what the process may open is theirs: half, the host needs the rest.
fn share() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current.map_or(u64::MAX, |most| most / 2)
}

/// What a component keeps open; what handles of tensors share counts once.
pub(crate) struct OpenFiles {
    allowed: u64,
    /// How many all components of the process may keep open.
    share: u64,
    held: Held,
    most: u64,
}

impl OpenFiles {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { allowed: limits.open_files, share: share(), held: Vec::new(), most: 0 }
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
        let held: Weak<dyn Any + Send + Sync> = Arc::<T>::downgrade(file);
        if !All::lock().take(held.clone(), self.share) {
            let share = self.share;
            let reason =
                format!("limit open-files reached: {share} allowed to all components of the process");
            return Err(Failure::Typed(Error::QuotaExceeded(reason)));
        }
        self.held.push(held);
        self.most = self.most.max(self.held.len() as u64);
        Ok(())
    }
}

impl Drop for OpenFiles {
    fn drop(&mut self) {
        if !self.held.is_empty() {
            All::lock().count();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_that_keep_files_open_leave_the_host_its_own() {
        let files: Vec<_> = (0..6).map(Arc::new).collect();
        let share = All::lock().count() + 4;
        let mut components: Vec<_> = (0..3).map(|_| OpenFiles::new(&Limits::default())).collect();
        for component in &mut components {
            component.share = share;
        }
        let mut hold = |component: usize, file: usize| components[component].hold(&files[file]);
        for file in 0..4 {
            hold(file % 2, file).unwrap_or_else(|_| panic!("{file}"));
        }
        let Err(Failure::Typed(Error::QuotaExceeded(reason))) = hold(2, 4) else { panic!("one too many") };
        assert!(
            reason.starts_with("limit open-files reached: ") && reason.ends_with("of the process"),
            "{reason}"
        );
        // One that is open already is no other.
        hold(0, 0).unwrap_or_else(|_| panic!("it is held"));
        drop(files);
        components.clear();
        assert_eq!(All::lock().count() + 4, share);
    }

    #[test]
    fn files_that_are_opened_and_closed_without_end_are_let_go() {
        let mut component = OpenFiles::new(&Limits::default());
        let before = All::lock().count();
        for file in 0..10_000 {
            component.hold(&Arc::new(file)).unwrap_or_else(|_| panic!("{file}"));
        }
        assert!((All::lock().held.len() as u64) < 2 * before + 100);
    }
}
