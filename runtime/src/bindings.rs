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
            import flip:fl/events@0.1.0;
            import flip:fl/storage@0.1.0;
            import flip:fl/cleanup@0.1.0;
            import flip:fl/object-store@0.1.0;
            import flip:fl/hub@0.1.0;
            import flip:fl/peers@0.1.0;
            export flip:fl/configurable@0.1.0;
            export flip:fl/dxo-filter@0.1.0;
            export flip:fl/phased-dxo-filter@0.1.0;
            export flip:fl/executor@0.1.0;
            export flip:fl/event-handler@0.1.0;
            export flip:fl/results-generator@0.1.0;
            export flip:fl/model-locator@0.1.0;
            export flip:fl/results-persistor@0.1.0;
            export flip:fl/state@0.1.0;
        }
    ",
    world: "flip:runtime/runtime",
    imports: {
        // These wait for a service that may not answer.
        "flip:fl/hub": async | trappable,
        "flip:fl/object-store": async | trappable,
        "flip:fl/peers.[method]model-persistor.model-inventory": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: {
        "flip:fl/tensors.tensor": crate::host::tensors::SharedTensor,
        "flip:fl/exchange.dxo": crate::host::exchange::HostDxo,
        "flip:fl/exchange.shareable": crate::host::exchange::SharedShareable,
        "flip:fl/context.fl-context": crate::host::context::SharedContext,
        "flip:fl/storage.directory": crate::host::storage::OpenDirectory,
        "flip:fl/storage.staged-file": crate::host::storage::StagedFile,
        "flip:fl/peers.results-generator": crate::host::peers::ResultsGeneratorPeer,
        "flip:fl/peers.results-persistor": crate::host::peers::ResultsPersistorPeer,
        "flip:fl/peers.model-persistor": crate::host::peers::ModelPersistorPeer,
    },
    trappable_error_type: { "flip:fl/types.error" => crate::host::Failure },
});
