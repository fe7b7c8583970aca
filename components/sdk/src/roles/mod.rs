//! The roles that a component can play: a trait and an export macro for each.

pub mod dxo_filter;
