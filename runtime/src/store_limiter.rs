//! What a store may grow to, asked by wasmtime before it grows.

use wasmtime::ResourceLimiter;

use crate::budget::Budget;
use crate::limits::{Allowed, LimitReached, Limits};

/// Counts the memories and tables of a whole store; wasmtime's own limits count each on its own.
pub(crate) struct StoreLimiter {
    budget: Budget,
    table_allowed: u64,
    table_elements: u64,
    instances: usize,
    memories: u64,
    tables: u64,
}

/// What wasmtime keeps for one element of a table.
const TABLE_ELEMENT: u64 = size_of::<usize>() as u64;

impl StoreLimiter {
    pub(crate) fn new(limits: &Limits, budget: Budget) -> Self {
        Self {
            budget,
            table_allowed: limits.table_elements,
            table_elements: 0,
            instances: usize::try_from(limits.instances).unwrap_or(usize::MAX),
            memories: 0,
            tables: 0,
        }
    }

    /// The memories or the tables that there are, whichever are more. One that was empty and grew counts twice.
    pub(crate) fn made(&self) -> u64 {
        self.memories.max(self.tables)
    }

    /// The elements of all tables together. They never shrink.
    pub(crate) fn table_elements(&self) -> u64 {
        self.table_elements
    }
}

impl ResourceLimiter for StoreLimiter {
    // What goes beyond a memory's own maximum fails anyway, and is not counted.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.budget.grow(desired.saturating_sub(current) as u64)?;
        self.memories += u64::from(current == 0);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // A table's own maximum is its affair; what any table has room for no limit is above.
        let own = maximum.filter(|maximum| *maximum < Limits::MOST_TABLE_ELEMENTS as usize);
        if own.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let more = desired.saturating_sub(current) as u64;
        let elements = self.table_elements.saturating_add(more);
        if elements > self.table_allowed {
            return Err(LimitReached {
                limit: "table-elements",
                allowed: Allowed::Count(self.table_allowed),
            }
            .into());
        }
        self.budget.grow(more.saturating_mul(TABLE_ELEMENT))?;
        self.table_elements = elements;
        self.tables += u64::from(current == 0);
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.instances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(memory: u64) -> (StoreLimiter, Budget) {
        let limits = Limits { memory, ..Limits::default() };
        let budget = Budget::new(&limits, true);
        (StoreLimiter::new(&limits, budget.clone()), budget)
    }

    #[test]
    fn memory_is_what_all_memories_and_tables_come_to() {
        let (mut limiter, budget) = within(200_000);
        assert!(limiter.memory_growing(0, 65_536, None).unwrap());
        assert!(limiter.memory_growing(0, 65_536, None).unwrap());
        assert!(limiter.table_growing(0, 8_000, None).unwrap());
        let error = limiter.memory_growing(65_536, 131_072, None).unwrap_err();
        assert_eq!(error.to_string(), "limit memory reached: 195.3 KiB allowed");
        assert_eq!(budget.peak().memory, 2 * 65_536 + 64_000);
    }

    #[test]
    fn growth_beyond_the_own_maximum_of_a_memory_or_a_table_is_not_counted() {
        let (mut limiter, budget) = within(200_000);
        assert!(!limiter.memory_growing(0, 131_072, Some(65_536)).unwrap());
        assert!(!limiter.table_growing(0, 3, Some(2)).unwrap());
        assert_eq!((budget.peak().memory, limiter.table_elements), (0, 0));
    }
}
