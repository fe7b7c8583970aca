//! The network, the environment, clocks and random numbers.

use super::guest::filter;
use super::table::{Attack, Expected, elsewhere, guest, nothing};

pub const ATTACKS: &[Attack] = &[
    guest(
        "38",
        "an import of HTTP",
        || import(r#"(import "wasi:http/outgoing-handler@0.2.0" (instance))"#),
        "",
        Expected::NotLoaded("wasi:http/outgoing-handler@0.2.0"),
    ),
    guest(
        "38",
        "an import of secrets",
        || import(r#"(import "acme:secrets/vault@1.0.0" (instance))"#),
        "",
        Expected::NotLoaded("acme:secrets/vault@1.0.0"),
    ),
    guest(
        "38",
        "an import of sockets that are not WASI's",
        || import(r#"(import "wasi:sockets/tcp@0.3.0" (instance))"#),
        "",
        Expected::NotLoaded("wasi:sockets/tcp@0.3.0"),
    ),
    elsewhere(
        "38",
        "several imports that are not offered",
        "tests/inspection.rs::imports_that_this_host_does_not_offer_are_listed_by_name",
    ),
    nothing(
        "39",
        "names of private addresses, redirects, rebinding",
        "a component has no network: no address is allowed and no name is looked up",
    ),
    elsewhere(
        "40",
        "random numbers where the policy withholds them",
        "tests/grants.rs::a_component_that_imports_what_is_withheld_of_wasi_is_not_made",
    ),
    elsewhere("40", "random bytes in any number", "tests/attacks.rs::random_bytes_came_in_any_number"),
    guest(
        "40",
        "the variables and arguments of the process",
        || ask_environment("get-environment", "(list (tuple string string))"),
        "",
        Expected::Harmless("there are none"),
    ),
    guest(
        "40",
        "the arguments of the process",
        || ask_environment("get-arguments", "(list string)"),
        "",
        Expected::Harmless("there are none"),
    ),
];

fn import(import: &str) -> String {
    filter([("component", import)])
}

/// Traps where the list is not empty.
fn ask_environment(function: &str, result: &str) -> String {
    let component = format!(
        r#"(import "wasi:cli/environment@0.2.0" (instance $environment
            (export "{function}" (func (result {result})))))
        (core func $ask (canon lower (func $environment "{function}") (memory $memory) (realloc $realloc)))"#
    );
    filter([
        ("component", &component),
        ("fields", r#"(import "environment" "ask" (func $ask (param i32)))"#),
        ("process", "(call $ask (i32.const 64)) (if (i32.load (i32.const 68)) (then unreachable))"),
        ("instances", r#"(with "environment" (instance (export "ask" (func $ask))))"#),
    ])
}
