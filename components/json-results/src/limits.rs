//! Every bound that results must keep, with its reason.

/// Bytes of one dxo's values: what the host passes in one call. Read, they take some ten times as much.
pub const MAX_VALUES: usize = 1 << 20;
/// Bytes that all results come to, in the file: they stay in memory until the run ends, when the file's
/// text comes to as much again. Room for a few numbers on each of some hundred thousand samples.
pub const MAX_KEPT: usize = 32 << 20;
/// Bytes that all failures come to. One takes some hundred.
pub const MAX_FAILURES: usize = 1 << 20;
/// Bytes of a state: what is kept is no longer, whatever stands in it.
pub const MAX_STATE: usize = MAX_KEPT + MAX_FAILURES + ENTRY;
/// Bytes of one value in a state, spaces aside: a byte of a dxo's values can become six in a file.
pub const MAX_VALUE: usize = 6 * MAX_VALUES;
/// What an entry of a result takes in memory beside its texts, about: many small ones count too.
pub const ENTRY: usize = 256;
/// Nesting of collections, as in the contract: they are read by recursion.
pub const MAX_DEPTH: usize = 16;
/// Lines about one result. A collection can have any number of broken members.
pub const MAX_PROBLEMS: usize = 16;
