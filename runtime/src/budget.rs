//! What a component holds, counted: its memories and tables, its handles, what the host keeps for it, and what a host call
//! works with.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::{Allowed, LimitReached, Limits};
use crate::tensor::TensorError;

/// What an open handle takes on the host, in bytes: an entry in a table, and a small struct behind it.
const HANDLE: u64 = 256;

/// What the host keeps, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Names, meta properties, plain values, reports: they are in memory, wherever the tensors are.
    pub(crate) texts: u64,
    pub(crate) tensors: u64,
}

impl Kept {
    fn total(self) -> u64 {
        self.texts.saturating_add(self.tensors)
    }

    /// What is more than in `other`, of each.
    pub(crate) fn beyond(self, other: Self) -> Self {
        let texts = self.texts.saturating_sub(other.texts);
        Self { texts, tensors: self.tensors.saturating_sub(other.tensors) }
    }
}

/// What a component may hold, and what it holds.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Mutex<Account>>);

#[derive(Debug)]
struct Account {
    memory_allowed: u64,
    /// Memories and tables. They never shrink.
    linear: u64,
    /// The most handles that were open at a time: the table that holds them never shrinks either.
    handles: u64,
    host_allowed: u64,
    /// Of what the host keeps: the data that the component was given, which is not its doing.
    given: Kept,
    host: Kept,
    /// What the host works with while a call is under way. It keeps nothing of that.
    buffers: u64,
    /// Whether the host keeps tensors in memory, not on disk.
    in_memory: bool,
    peak: Peak,
}

/// The most that was held at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peak {
    /// In memory, in bytes.
    pub(crate) memory: u64,
    pub(crate) handles: u64,
    /// What the host kept beyond what was given, in bytes.
    pub(crate) host: u64,
}

impl Account {
    fn memory(&self) -> u64 {
        let host = if self.in_memory {
            self.host.total().saturating_sub(self.given.total())
        } else {
            self.host.texts.saturating_sub(self.given.texts)
        };
        let handles = self.handles.saturating_mul(HANDLE);
        [handles, host, self.buffers].into_iter().fold(self.linear, u64::saturating_add)
    }

    /// What the host keeps beyond what was given. Texts have no use of the room that tensors leave, which may be that of
    /// a disk.
    fn beyond_given(&self) -> u64 {
        let texts = self.host.texts.saturating_sub(self.given.texts);
        texts.max(self.host.total().saturating_sub(self.given.total()))
    }

    /// Makes a change, where the sum of everything stays within the limit.
    fn change(&mut self, field: fn(&mut Self) -> &mut u64, value: u64) -> Result<(), LimitReached> {
        let before = std::mem::replace(field(self), value);
        let memory = self.memory();
        if value > before && memory > self.memory_allowed {
            *field(self) = before;
            return Err(LimitReached { limit: "memory", allowed: Allowed::Bytes(self.memory_allowed) });
        }
        self.peak.memory = self.peak.memory.max(memory);
        self.peak.handles = self.handles;
        self.peak.host = self.peak.host.max(self.beyond_given());
        Ok(())
    }
}

impl Budget {
    /// A budget within these limits. Tensors that are written to are kept in memory or on disk.
    pub(crate) fn new(limits: &Limits, in_memory: bool) -> Self {
        Self(Arc::new(Mutex::new(Account {
            memory_allowed: limits.memory,
            linear: 0,
            handles: 0,
            host_allowed: limits.host_bytes,
            given: Kept::default(),
            host: Kept::default(),
            buffers: 0,
            in_memory,
            peak: Peak::default(),
        })))
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        // Each change is whole before the lock is left.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes so many bytes more for memories and tables.
    pub(crate) fn grow(&self, bytes: u64) -> Result<(), LimitReached> {
        let mut account = self.account();
        let linear = account.linear.saturating_add(bytes);
        account.change(|account| &mut account.linear, linear)
    }

    /// So many handles are open at once.
    pub(crate) fn open_handles(&self, count: u64) -> Result<(), LimitReached> {
        let mut account = self.account();
        let handles = account.handles.max(count);
        account.change(|account| &mut account.handles, handles)
    }

    /// The component is given data of this size for the call to come.
    pub(crate) fn give(&self, given: Kept) {
        self.account().given = given;
    }

    /// Takes so many bytes for tensors, of what the host may keep, until the charge is dropped.
    pub(crate) fn charge(&self, bytes: u64) -> Result<Charge, TensorError> {
        self.charge_to(|account| &mut account.host.tensors, bytes)
    }

    /// The same for texts.
    pub(crate) fn charge_texts(&self, bytes: u64) -> Result<Charge, TensorError> {
        self.charge_to(|account| &mut account.host.texts, bytes)
    }

    /// A charge for what a host call works with, which takes nothing yet. It is memory, and none of what the host keeps.
    pub(crate) fn buffers(&self) -> Charge {
        Charge { budget: self.clone(), field: |account| &mut account.buffers, bytes: 0 }
    }

    fn charge_to(&self, field: fn(&mut Account) -> &mut u64, bytes: u64) -> Result<Charge, TensorError> {
        let mut charge = Charge { budget: self.clone(), field, bytes: 0 };
        charge.resize(bytes)?;
        Ok(charge)
    }

    /// The most that was held at a time so far.
    pub(crate) fn peak(&self) -> Peak {
        self.account().peak
    }
}

/// What ends a component that holds more than it may.
pub(crate) fn spent(error: TensorError) -> wasmtime::Error {
    match error {
        TensorError::Limit(reached) => reached.into(),
        other => other.into(),
    }
}

/// A part of a [`Budget`] that is in use.
pub(crate) struct Charge {
    budget: Budget,
    field: fn(&mut Account) -> &mut u64,
    bytes: u64,
}

impl Charge {
    /// How much it takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes more, or gives some back.
    pub(crate) fn resize(&mut self, bytes: u64) -> Result<(), TensorError> {
        let mut account = self.budget.account();
        let kept = account.beyond_given();
        let before = *(self.field)(&mut account);
        let value = before.saturating_sub(self.bytes).saturating_add(bytes);
        *(self.field)(&mut account) = value;
        let beyond = account.beyond_given();
        *(self.field)(&mut account) = before;
        // What adds nothing to it does not go beyond it.
        if value > before && beyond > kept.max(account.host_allowed) {
            let allowed = Allowed::Bytes(account.host_allowed);
            return Err(TensorError::Limit(LimitReached { limit: "host-bytes", allowed }));
        }
        account.change(self.field, value).map_err(TensorError::Limit)?;
        self.bytes = bytes;
        Ok(())
    }
}

/// What the host remembers for the report of what a component did, of its texts.
#[derive(Debug)]
pub(crate) struct Remembered(Charge);

impl Remembered {
    pub(crate) fn nothing(budget: &Budget) -> Self {
        Self(Charge { budget: budget.clone(), field: |account| &mut account.host.texts, bytes: 0 })
    }

    /// Whether there is room for so many bytes more, which are taken then, up to so many in all.
    pub(crate) fn takes(&mut self, bytes: usize, at_most: u64) -> bool {
        let all = self.0.bytes().saturating_add(bytes as u64);
        all <= at_most && self.0.resize(all).is_ok()
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let mut account = self.budget.account();
        let held = (self.field)(&mut account);
        *held = held.saturating_sub(self.bytes);
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Charge({})", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { memory: 10_000, host_bytes: 8_000, ..Limits::DEFAULT };

    fn limit<T>(result: Result<T, TensorError>) -> &'static str {
        let Err(TensorError::Limit(reached)) = result else { panic!("no limit was reached") };
        reached.limit
    }

    #[test]
    fn memory_is_the_sum_of_everything() {
        let budget = Budget::new(&LIMITS, true);
        budget.grow(4_000).unwrap();
        budget.open_handles(10).unwrap();
        let charge = budget.charge(3_440).unwrap();
        let peak = budget.peak();
        assert_eq!((peak.memory, peak.handles, peak.host), (10_000, 10, 3_440));
        assert_eq!(budget.grow(1).unwrap_err().limit, "memory");
        assert_eq!(budget.open_handles(11).unwrap_err().limit, "memory");
        assert_eq!(limit(budget.charge(1)), "memory");
        drop(charge);
        budget.grow(3_440).unwrap();
        budget.open_handles(5).unwrap();
    }

    #[test]
    fn what_the_host_keeps_has_a_limit_of_its_own_and_on_disk_it_is_no_memory() {
        let budget = Budget::new(&LIMITS, false);
        budget.grow(9_000).unwrap();
        let charge = budget.charge(8_000).unwrap();
        assert_eq!(limit(budget.charge(1)), "host-bytes");
        drop(charge);
        budget.charge(8_000).unwrap();
    }

    #[test]
    fn texts_took_memory_that_nobody_counted_where_tensors_are_on_disk() {
        let budget = Budget::new(&LIMITS, false);
        budget.give(Kept { texts: 1_000, tensors: 100_000 });
        let _tensors = budget.charge(50_000).unwrap();
        // Those that were given are not its own, and the room of the other tensors is not theirs.
        let mut texts = budget.charge_texts(9_000).unwrap();
        assert_eq!(limit(budget.charge_texts(1)), "host-bytes");
        texts.resize(5_000).unwrap();
        budget.grow(6_000).unwrap();
        assert_eq!(limit(texts.resize(5_001)), "memory");
        assert_eq!(budget.peak().memory, 10_000);
    }

    #[test]
    fn what_a_host_call_works_with_is_memory_until_it_ends_and_nothing_that_the_host_keeps() {
        for in_memory in [true, false] {
            let budget = Budget::new(&LIMITS, in_memory);
            budget.grow(1_000).unwrap();
            let _texts = budget.charge_texts(500).unwrap();
            let mut buffers = budget.buffers();
            buffers.resize(8_400).unwrap();
            assert_eq!((budget.peak().memory, budget.peak().host), (9_900, 500));
            assert_eq!(limit(buffers.resize(8_501)), "memory");
            assert_eq!(budget.grow(101).unwrap_err().limit, "memory");
            assert_eq!(buffers.bytes(), 8_400);
            drop(buffers);
            budget.grow(8_500).unwrap();
        }
    }

    #[test]
    fn buffers_have_room_where_the_host_keeps_more_than_it_may() {
        let budget = Budget::new(&LIMITS, false);
        budget.give(Kept { texts: 0, tensors: 9_000 });
        let _tensors = budget.charge(9_000).unwrap();
        budget.give(Kept::default());
        budget.buffers().resize(1).unwrap();
        assert_eq!(limit(budget.charge(1)), "host-bytes");
    }

    #[test]
    fn what_is_remembered_for_a_report_is_memory_and_no_more_than_there_is_room_for() {
        let budget = Budget::new(&LIMITS, false);
        budget.grow(3_000).unwrap();
        let mut remembered = Remembered::nothing(&budget);
        assert!(remembered.takes(6_000, 7_000) && !remembered.takes(1_001, 7_000));
        assert!(remembered.takes(1_000, 7_000) && !remembered.takes(1, u64::MAX));
        assert_eq!((budget.peak().memory, budget.peak().host), (10_000, 7_000));
        drop(remembered);
        budget.grow(7_000).unwrap();
    }

    #[test]
    fn data_that_was_given_is_not_the_components() {
        let budget = Budget::new(&LIMITS, true);
        budget.give(Kept { texts: 0, tensors: 100_000 });
        let mut charge = budget.charge(100_000).unwrap();
        budget.grow(9_000).unwrap();
        charge.resize(101_000).unwrap();
        assert_eq!(limit(charge.resize(101_001)), "memory");
        assert_eq!(charge.bytes(), 101_000);
        charge.resize(0).unwrap();
        budget.grow(1_000).unwrap();
    }
}
