//! The imports of the contract, once for all roles. What a component does not call does not reach its
//! import list.
#![allow(
    unsafe_code,
    missing_docs,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "generated"
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "host",
    generate_all,
});
