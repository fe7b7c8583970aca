//! The one configuration of the engine, and the clock that interrupts components.

use std::thread;
use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::error::Error;

/// How often components are interrupted to look at their deadline.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// An engine that compiles for [`engine`] and runs nothing: it reserves no memory for instances.
pub(crate) fn compiler_only() -> Result<Engine, Error> {
    Engine::new(&config()).map_err(|error| Error::Setup(format!("{error:#}")))
}

/// Makes the engine, with places for so many instances, and starts its clock, which ends with it.
pub(crate) fn engine(instances: u32) -> Result<Engine, Error> {
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
    // The pool reserves address space; where that is limited, instances are allocated one by one.
    let engine = Engine::new(&config)
        .or_else(|_| Engine::new(config.allocation_strategy(InstanceAllocationStrategy::OnDemand)))
        .map_err(|error| Error::Setup(format!("{error:#}")))?;
    let weak = engine.weak();
    thread::Builder::new()
        .name("flip-epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        })
        .map_err(|error| Error::Setup(error.to_string()))?;
    Ok(engine)
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // A call into the host takes a third of the time; nothing here runs concurrently in one store.
        .concurrency_support(false)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        // What this proposal leaves to the machine.
        .relaxed_simd_deterministic(true)
        // Not needed by any toolchain that makes components, and each a way around a limit.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .max_wasm_stack(512 << 10)
        .async_stack_size(1 << 20);
    config
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    // These reserve address space, not memory; what an instance may use of them its own limits say.
    let (memories, others) = (instances.max(1_000), instances.saturating_mul(4).max(4_000));
    pool.total_component_instances(instances)
        .total_core_instances(others)
        .total_memories(memories)
        .total_tables(others)
        .total_stacks(instances)
        .max_memories_per_component(100)
        .max_tables_per_component(200)
        .max_core_instances_per_component(200)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .table_elements(100_000)
        .max_unused_warm_slots(16);
    // Where the system says which pages were written to, those of a place that is free again are zeroed and kept:
    // the next instance there faults on none of them, which is half of the time of making one.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(1 << 20).table_keep_resident(64 << 10);
    }
    pool
}
