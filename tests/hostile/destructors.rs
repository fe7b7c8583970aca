//! Resources of a component's own, whose destructor attacks when one of them is dropped.

use super::guest::filter;

/// A filter that drops one while it is called, and while the host takes back what it returned. The destructor does
/// this; what it takes from the host is `say`.
pub(super) fn dropping(destructor: &str, place: &str) -> String {
    let resource = format!(
        r#"(core module $end-of-it
            (import "host" "say" (func $say (param i32 i32 i32)))
            (func (export "end") (param i32) {destructor}))
        (core instance $end-of-it (instantiate $end-of-it
            (with "host" (instance (export "say" (func $say))))))
        (type $thing (resource (rep i32) (dtor (core func $end-of-it "end"))))
        (core func $new-thing (canon resource.new $thing))
        (core func $drop-thing (canon resource.drop $thing))"#
    );
    filter([
        ("component", &resource),
        (
            "fields",
            r#"(import "thing" "new" (func $new (param i32) (result i32)))
            (import "thing" "drop" (func $drop (param i32)))
            (global $thing (mut i32) (i32.const 0))
            (data (i32.const 2048) "its end")"#,
        ),
        ("configure", "(global.set $thing (call $new (i32.const 7)))"),
        (place, "(call $drop (global.get $thing))"),
        (
            "instances",
            r#"(with "thing" (instance (export "new" (func $new-thing)) (export "drop" (func $drop-thing))))"#,
        ),
    ])
}

/// Says something to the host.
pub(super) const SAYING: &str = "(call $say (i32.const 1) (i32.const 2048) (i32.const 7))";
