//! The handles that a component has open.

use std::ops::{Deref, DerefMut};

use wasmtime::component::{Resource, ResourceTable};

use crate::budget::Budget;
use crate::limits::Limits;

/// The table of handles, with the budget that it counts in.
pub(crate) struct Table {
    table: ResourceTable,
    pub(super) budget: Budget,
    /// The most handles.
    pub(super) allowed: usize,
    /// Stands in the place of the next handle of WASI's, where there is no memory for it.
    stop: Option<Resource<()>>,
}

impl Table {
    pub(super) fn new(limits: &Limits, budget: Budget) -> Self {
        let mut table = ResourceTable::new();
        let allowed = usize::try_from(limits.handles).unwrap_or(usize::MAX);
        table.set_max_capacity(allowed);
        Self { table, budget, allowed, stop: None }
    }

    /// The table as WASI sees it, which puts handles into it past [`open`](super::open): what it has put there
    /// is charged when it asks for the table the next time. Where that is too much there is no room for more.
    pub(super) fn for_wasi(&mut self) -> &mut ResourceTable {
        self.make_room();
        // While no number is free again, the next one is how many there are.
        if let Ok(next) = self.table.push(()) {
            match self.budget.open_handles(u64::from(next.rep())) {
                Ok(()) => drop(self.table.delete(next)),
                Err(_) => {
                    self.stop = Some(next);
                    self.table.set_max_capacity(0);
                }
            }
        }
        &mut self.table
    }

    /// Takes what stops WASI out of the way.
    fn make_room(&mut self) {
        if let Some(stop) = self.stop.take() {
            drop(self.table.delete(stop));
            self.table.set_max_capacity(self.allowed);
        }
    }
}

impl Deref for Table {
    type Target = ResourceTable;

    fn deref(&self) -> &ResourceTable {
        &self.table
    }
}

impl DerefMut for Table {
    fn deref_mut(&mut self) -> &mut ResourceTable {
        self.make_room();
        &mut self.table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_of_wasi_took_memory_that_nobody_counted() {
        let limits = Limits { memory: 100 * 256, ..Limits::DEFAULT };
        let mut table = Table::new(&limits, Budget::new(&limits, true));
        let opened: Vec<_> = (0..1_000).map_while(|_| table.for_wasi().push("pollable").ok()).collect();
        assert_eq!(opened.len(), 101, "one is open before it is charged");
        assert!(table.for_wasi().push("one more").is_err());
        for handle in opened {
            table.for_wasi().delete(handle).unwrap();
        }
        assert!(table.for_wasi().push("there is room again").is_ok());
    }
}
