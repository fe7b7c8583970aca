//! The handles that a component has open.

use std::ops::{Deref, DerefMut};

use wasmtime::component::ResourceTable;

use crate::budget::Budget;
use crate::limits::Limits;

/// The table of handles, with the budget that it counts in.
pub(crate) struct Table {
    table: ResourceTable,
    pub(super) budget: Budget,
}

impl Table {
    pub(super) fn new(limits: &Limits, budget: Budget) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(usize::try_from(limits.handles).unwrap_or(usize::MAX));
        Self { table, budget }
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
        &mut self.table
    }
}
