//! The one configuration of the engine, and the clock that interrupts components.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::error::Error;
use crate::limits::Limits;
use crate::turns::{Turns, cores};

/// How often components are interrupted, at the least, to look at their deadline and at whose turn it is.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// From how many instances on their places are one pool for all threads. For fewer, such as one filter and its helpers,
/// it would take longer to see to that than it could save.
const WHOLE_FROM: u32 = 100;

/// So many places that were used stay what they are while other components take new ones; beyond that they take the
/// one that was left first. What a free place keeps is at most [`KEPT_OF_MEMORY`] for each memory and [`KEPT_OF_TABLE`]
/// for each table: 1.25 GiB where components that used as much were in every place at once; most leave some dozens of
/// KiB.
const KEPT_PLACES: u32 = 128;
const KEPT_OF_MEMORY: usize = 1 << 20;
const KEPT_OF_TABLE: usize = 64 << 10;

/// An engine that compiles for [`engine`] and runs nothing: it reserves no memory for instances.
pub(crate) fn compiler_only() -> Result<Engine, Error> {
    Engine::new(&config()).map_err(|error| Error::Setup(format!("{error:#}")))
}

/// Makes the engine, with places for so many instances, and the turns of its components; and starts its clock, which
/// ends with it.
pub(crate) fn engine(instances: u32) -> Result<(Engine, Arc<Turns>), Error> {
    let make = || {
        let mut config = config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
        // The pool reserves address space; where that is limited, instances are allocated one by one.
        Engine::new(&config)
            .or_else(|_| Engine::new(config.allocation_strategy(InstanceAllocationStrategy::OnDemand)))
            .map_err(|error| Error::Setup(format!("{error:#}")))
    };
    let engine = if instances < WHOLE_FROM { make()? } else { on_one_core(make)? };
    let (weak, turns) = (engine.weak(), Turns::new(&engine, cores()));
    let of_clock = turns.clone();
    thread::Builder::new()
        .name("flip-epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                of_clock.tick();
                drop(engine);
                thread::sleep(TICK);
            }
        })
        .map_err(|error| Error::Setup(error.to_string()))?;
    Ok((engine, turns))
}

/// Makes it in a thread that may use one core only. wasmtime divides its pool among as many parts as cores, and a
/// thread takes a new place of its own part before it looks for one in another where an instance like it has ended: the
/// pool of one core is whole, and what ended anywhere is found, in a quarter of the time.
fn on_one_core(make: impl FnOnce() -> Result<Engine, Error> + Send) -> Result<Engine, Error> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("flip-engine".to_owned()).spawn_scoped(scope, || {
            #[cfg(target_os = "linux")]
            if let Err(error) = stay_on_one_core() {
                tracing::debug!("the places of instances are divided among the cores: {error}");
            }
            make()
        });
        let thread = thread.map_err(|error| Error::Setup(error.to_string()))?;
        thread.join().map_err(|_| Error::Setup("the engine's thread has panicked".to_owned()))?
    })
}

#[cfg(target_os = "linux")]
fn stay_on_one_core() -> rustix::io::Result<()> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let allowed = sched_getaffinity(None)?;
    let mut one = CpuSet::new();
    (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).take(1).for_each(|core| one.set(core));
    sched_setaffinity(None, &one)
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
    let memories = instances.max(Limits::MOST_INSTANCES);
    let others = instances.max(Limits::MOST_INSTANCES).saturating_mul(4);
    pool.total_component_instances(instances)
        .total_core_instances(others)
        .total_memories(memories)
        .total_tables(others)
        .total_stacks(instances)
        // No limit of a component is above these, so that what it may have there is room for.
        .max_memories_per_component(Limits::MOST_INSTANCES)
        .max_tables_per_component(Limits::MOST_INSTANCES)
        .max_tables_per_module(Limits::MOST_INSTANCES)
        .max_core_instances_per_component(Limits::MOST_INSTANCES)
        .table_elements(Limits::MOST_TABLE_ELEMENTS as usize)
        // What instances take on the host besides counts in a component's `memory`; this is the most that any may ask for.
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_unused_warm_slots(KEPT_PLACES);
    // Where the system says which pages were written to, those of a place that is free again are zeroed and kept:
    // the next instance there faults on none of them, which is half of the time of making one.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(KEPT_OF_MEMORY)
            .table_keep_resident(KEPT_OF_TABLE);
    }
    pool
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Runtime;

    #[test]
    fn where_an_instance_has_ended_the_next_one_begins_on_whatever_thread() {
        let runtime = Runtime::new().unwrap();
        let component = runtime.load("percentile-privacy").unwrap();
        for _ in 0..4 {
            thread::scope(|scope| {
                scope.spawn(|| drop(component.instance().build().unwrap())).join().unwrap()
            });
        }
        let metrics = runtime.engine().pooling_allocator_metrics().unwrap();
        assert_eq!((metrics.memories(), metrics.unused_warm_memories()), (0, 1));
    }

    #[test]
    fn places_made_ready_outlast_other_components_and_serve_whatever_loads_the_same_one_again() {
        let runtime = Runtime::new().unwrap();
        let free = || runtime.engine().pooling_allocator_metrics().unwrap().unused_warm_memories();
        let filter = runtime.load("percentile-privacy").unwrap();
        filter.instance().warm(40).unwrap();
        let others = ["client-event-handler", "validation-json-generator", "cleanup-images"];
        for other in others {
            drop(runtime.load(other).unwrap().instance().build().unwrap());
        }
        // Had one of the others taken a place of the filter's, there would be fewer.
        assert_eq!(free(), 40 + others.len() as u32);
        let again = runtime.load("percentile-privacy").unwrap();
        let instances: Vec<_> = (0..40).map(|_| again.instance().build().unwrap()).collect();
        assert_eq!(free(), others.len() as u32);
        drop(instances);
    }
}
