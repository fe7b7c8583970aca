//! What the contract looks like in Rust, made from `wit/`.
#![allow(missing_docs, unreachable_pub, clippy::indexing_slicing, clippy::unwrap_used, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit",
    inline: "
        package flip:runtime;

        /// What this runtime offers to a component, and the roles that it can call.
        world runtime {
            import flip:fl/log@0.1.0;
            import flip:fl/context@0.1.0;
            import flip:fl/exchange@0.1.0;
            import flip:fl/tensors@0.1.0;
            export flip:fl/configurable@0.1.0;
            export flip:fl/dxo-filter@0.1.0;
        }
    ",
    world: "flip:runtime/runtime",
    imports: { default: trappable },
    exports: { default: async },
    with: {
        "flip:fl/tensors.tensor": crate::host::tensors::SharedTensor,
        "flip:fl/exchange.dxo": crate::host::exchange::HostDxo,
        "flip:fl/exchange.shareable": crate::host::exchange::SharedShareable,
        "flip:fl/context.fl-context": crate::host::context::SharedContext,
    },
    trappable_error_type: { "flip:fl/types.error" => crate::host::Failure },
});
