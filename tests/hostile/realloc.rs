//! Memory that a component finds for what the host hands it: elsewhere, moved, over and over the same, or none.

use super::guest::filter;
use super::table::{Attack, Expected, guest};

pub const ATTACKS: &[Attack] = &[
    guest(
        "20",
        "cabi_realloc answers an address beyond its memory",
        || filter([("realloc", "(return (i32.const -16))")]),
        "",
        Expected::Trap("realloc"),
    ),
    guest(
        "20",
        "cabi_realloc answers an address that is not aligned",
        || {
            filter([
                ("realloc", "(if (i32.gt_u (local.get 2) (i32.const 1)) (then (return (i32.const 4097))))"),
                ("process", "(call $names (local.get $dxo) (i32.const 0))"),
            ])
        },
        "",
        Expected::Trap("aligned"),
    ),
    guest(
        "20",
        "cabi_realloc answers the same address each time",
        || {
            filter([
                ("realloc", "(return (i32.const 4096))"),
                (
                    "process",
                    "(i32.store (i32.const 4092) (i32.const 0x5a5a5a5a))
                    (i32.store (i32.const 4112) (i32.const 0x5a5a5a5a))
                    (call $names (local.get $dxo) (i32.const 64))
                    (if (i32.ne (i32.load (i32.const 64)) (i32.const 4096)) (then unreachable))
                    (if (i32.ne (i32.load (i32.const 68)) (i32.const 2)) (then unreachable))
                    (if (i32.ne (i32.load (i32.const 4092)) (i32.const 0x5a5a5a5a)) (then unreachable))
                    (if (i32.ne (i32.load (i32.const 4112)) (i32.const 0x5a5a5a5a)) (then unreachable))",
                ),
            ])
        },
        "",
        Expected::Harmless("it overwrites its own memory and no other"),
    ),
    guest(
        "20",
        "cabi_realloc grows the memory under the host's hands",
        || {
            filter([
                ("realloc", "(drop (memory.grow (i32.const 1)))"),
                (
                    "process",
                    "(call $names (local.get $dxo) (i32.const 64))
                    (if (i32.ne (i32.load (i32.const 68)) (i32.const 2)) (then unreachable))
                    (local.set $i (i32.load (i32.const 64)))
                    (if (i32.ne (i32.load8_u (i32.load (local.get $i))) (i32.const 97)) (then unreachable))
                    (local.set $i (i32.add (local.get $i) (i32.const 8)))
                    (if (i32.ne (i32.load8_u (i32.load (local.get $i))) (i32.const 98)) (then unreachable))",
                ),
            ])
        },
        "",
        Expected::Harmless("what the host writes goes into the memory as it is then"),
    ),
    guest(
        "20",
        "cabi_realloc traps",
        || filter([("realloc", "unreachable")]),
        "",
        Expected::Trap("unreachable"),
    ),
    guest(
        "51",
        "a call of the host from cabi_realloc",
        || filter([("realloc", "(drop (call $kind (i32.const 1)))")]),
        "",
        Expected::Trap("leave"),
    ),
];
