//! Limits on what is inside a store: memories, tables, instances, and code that runs when they are made.

use flip_runtime::{Component, Error, Limits, Runtime};
use flip_wasm_tests::{assert_ends_at, assert_limit, runtime, short_calls};

use crate::heap::{forget_peak, live, peak};

const MIB: u64 = 1 << 20;

/// A component of this text, which has no role: unless it ends at a limit, that is what is missing.
fn wat(text: &str) -> Component {
    wat_in(&runtime(), text)
}

fn wat_in(runtime: &Runtime, text: &str) -> Component {
    runtime.load_bytes("wat", &wat::parse_str(text).unwrap()).unwrap()
}

#[track_caller]
fn assert_fits(component: &Component, limits: Limits) {
    match component.instance().limits(limits).build() {
        Err(Error::InvalidComponent { reason, .. }) if reason.contains("configurable") => {}
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("a component without a role was configured"),
    }
}

#[test]
fn memory_that_a_component_asks_for_without_end_is_refused() {
    assert_ends_at(r#""grow""#, Limits { memory: 8 * MIB, ..Limits::default() }, "memory");
}

#[test]
fn memory_is_what_all_memories_come_to() {
    let component = wat(r#"(component
        (core module $m (memory 10 10))
        (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m)))"#);
    let rest = component.inspection().instance_bytes;
    let limits = |memory: u64| Limits { memory, ..Limits::default() };
    assert_fits(&component, limits((30 << 16) + rest));
    assert_limit(component.instance().limits(limits((30 << 16) + rest - 1)).build(), "memory");
}

/// Its globals, its imports, its functions that are called through references, its passive segments.
#[test]
fn what_the_host_kept_for_an_instance_was_in_no_limit() {
    let functions = "(func) ".repeat(500);
    let references: String = (0..500).map(|index| format!(" {index}")).collect();
    let exports: String = (0..500).map(|index| format!("(export \"f{index}\" (func {index}))")).collect();
    let tables = "(table 1 funcref)".repeat(2);
    let segments = "(elem func)".repeat(500);
    let lent = "(core func (canon resource.drop $t))".repeat(500);
    let shapes = [
        ("", String::new()),
        ("", "(global i32 (i32.const 0))".repeat(2_000)),
        ("", "(global v128 (v128.const i64x2 1 2))".repeat(2_000)),
        ("", functions.clone()),
        ("", format!("{functions} {exports}")),
        ("", format!("{functions} (table 500 funcref) (elem (i32.const 0) func{references})")),
        ("", format!("{functions} (elem func{references})")),
        ("", format!("{functions} (elem declare func{references})")),
        ("", format!("{functions} (elem funcref (item ref.null func))")),
        ("", segments),
        ("", "(memory 1)".to_owned()),
        ("", tables),
        ("", format!("(memory 1) {}", "(data \"passive\")".repeat(500))),
        (&*lent, functions),
    ];
    for (component, definition) in shapes {
        let text = format!(
            "(component (type $t (resource (rep i32))) {component} (core module $m {definition}) {})",
            "(core instance (instantiate $m))".repeat(50)
        );
        let component = wat(&text);
        // What all of them share is there before.
        assert_fits(&component, Limits::default());
        forget_peak();
        let before = live();
        assert_fits(&component, Limits::default());
        let (took, counted) = (peak() - before, component.inspection().instance_bytes as isize);
        // What a store takes that is empty, and what making it takes for a moment.
        assert!(took < counted + (128 << 10), "{took} bytes, {counted} counted: {definition:.100}");
    }
}

#[test]
fn memory_grows_to_the_limit_and_by_no_page_more() {
    let component = wat(r#"(component
        (core module $m (memory 2)
            (func $start (if (i32.eq (memory.grow (i32.const 28)) (i32.const -1)) (then unreachable)))
            (start $start))
        (core instance (instantiate $m)))"#);
    let limits = |memory: u64| Limits { memory, ..Limits::default() };
    let rest = component.inspection().instance_bytes;
    assert_fits(&component, limits((30 << 16) + rest));
    assert_limit(component.instance().limits(limits((30 << 16) + rest - 1)).build(), "memory");
}

#[test]
fn memory_that_fails_to_grow_beyond_its_own_maximum_is_the_components_affair() {
    let component = wat(r#"(component
        (core module $m (memory 1 2)
            (func $start (if (i32.ne (memory.grow (i32.const 2)) (i32.const -1)) (then unreachable)))
            (start $start))
        (core instance (instantiate $m)))"#);
    let memory = (1 << 16) + component.inspection().instance_bytes;
    assert_fits(&component, Limits { memory, ..Limits::default() });
}

#[test]
fn tables_together_hold_no_more_elements_than_allowed() {
    let component = wat(r#"(component
        (core module $m (table 600 funcref))
        (core instance (instantiate $m)) (core instance (instantiate $m)))"#);
    let limits = |table_elements| Limits { table_elements, ..Limits::default() };
    assert_fits(&component, limits(1_200));
    assert_limit(component.instance().limits(limits(1_199)).build(), "table-elements");
}

#[test]
fn tables_that_grow_are_counted() {
    let component = wat(r#"(component
        (core module $m (table 1 funcref)
            (func $start (loop (drop (table.grow (ref.null func) (i32.const 100))) (br 0)))
            (start $start))
        (core instance (instantiate $m)))"#);
    let limits = Limits { table_elements: 1_000, ..Limits::default() };
    assert_limit(component.instance().limits(limits).build(), "table-elements");
}

#[test]
fn core_instances_are_counted() {
    let instances = "(core instance (instantiate $m))".repeat(10);
    let component = wat(&format!("(component (core module $m) {instances})"));
    let limits = |instances| Limits { instances, ..Limits::default() };
    assert_fits(&component, limits(20));
    assert_limit(component.instance().limits(limits(5)).build(), "instances");
}

/// Made of so many instances with this in each.
fn of_instances(runtime: &Runtime, count: usize, definition: &str) -> Component {
    let instances = "(core instance (instantiate $m))".repeat(count);
    wat_in(runtime, &format!("(component (core module $m {definition}) {instances})"))
}

#[test]
fn instances_memories_and_tables_are_as_many_as_the_limit_says() {
    let limits = |instances| Limits { instances, ..Limits::default() };
    // Of its own: they take every place that there is.
    let runtime = Runtime::new().unwrap();
    for definition in ["", "(memory 1)", "(table 1 funcref)"] {
        let default = Limits::default().instances;
        assert_fits(&of_instances(&runtime, default as usize, definition), limits(default));
        assert_limit(
            of_instances(&runtime, default as usize + 1, definition).instance().build(),
            "instances",
        );
        assert_fits(&of_instances(&runtime, 1_000, definition), limits(1_000));
    }
}

#[test]
fn what_any_component_has_room_for_is_the_most_that_a_limit_can_be() {
    let beyond = Limits { instances: u64::MAX, table_elements: u64::MAX, ..Limits::default() };
    let grow = |elements: u32| {
        wat(&format!(
            "(component (core module $m (table 1 funcref)
                (func $start (drop (table.grow (ref.null func) (i32.const {}))))
                (start $start))
            (core instance (instantiate $m)))",
            elements - 1
        ))
    };
    assert_fits(&grow(200_000), beyond.clone());
    assert_limit(grow(200_001).instance().limits(beyond).build(), "table-elements");
}

#[test]
fn what_no_limit_allows_is_said_to_be_that() {
    let load = |text: &str| runtime().load_bytes("wat", &wat::parse_str(text).unwrap()).err().unwrap();
    let error = load("(component (core module $m (table 200001 funcref)) (core instance (instantiate $m)))");
    assert_eq!(
        error.to_string(),
        "wat: it cannot be compiled: it asks for more than any component may have, and no limit allows it: \
        module table does not fit in pooling allocator requirements: table index 0 has a minimum element size of \
        200001 which exceeds the limit of 200000"
    );
}

#[test]
fn call_time_ends_a_loop_in_a_start_function() {
    let component = wat(r#"(component
        (core module $m (func $start (loop (br 0))) (start $start))
        (core instance (instantiate $m)))"#);
    assert_limit(component.instance().limits(short_calls()).build(), "call-time");
}

#[test]
fn call_time_ends_a_wait_inside_the_host() {
    let component = wat(r#"(component
        (import "wasi:io/poll@0.2.6" (instance $poll
            (export "pollable" (type $pollable (sub resource)))
            (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
        (alias export $poll "pollable" (type $pollable))
        (import "wasi:clocks/monotonic-clock@0.2.6" (instance $clock
            (alias outer 1 $pollable (type $p))
            (export "pollable" (type $pollable (eq $p)))
            (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
        (core func $block (canon lower (func $poll "[method]pollable.block")))
        (core func $subscribe (canon lower (func $clock "subscribe-duration")))
        (core module $m
            (import "" "subscribe" (func $subscribe (param i64) (result i32)))
            (import "" "block" (func $block (param i32)))
            (func $start (call $block (call $subscribe (i64.const 3600000000000))))
            (start $start))
        (core instance (instantiate $m (with "" (instance
            (export "subscribe" (func $subscribe)) (export "block" (func $block)))))))"#);
    assert_limit(component.instance().limits(short_calls()).build(), "call-time");
}
