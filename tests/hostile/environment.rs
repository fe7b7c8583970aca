//! The network, the environment, clocks and random numbers.

use super::guest::filter;
use super::table::{Attack, Expected, guest, nothing};

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
    guest(
        "38",
        "sockets of each kind, and looking up a name",
        ask_for_the_network,
        "",
        Expected::Harmless("it is told access-denied, and that no name is known"),
    ),
    guest("38","several imports that are not offered",several_imports,"",Expected::NotLoaded("it imports what this host does not offer: acme:secrets/vault@1.0.0, wasi:http/types@0.2.6, wasi:io/poll@0.3.0, flip:fl/vault@0.1.0, root")),
    nothing(
        "39",
        "names of private addresses, redirects, rebinding",
        "a component has no network: no address is allowed and no name is looked up",
    ),
    guest("40","random numbers where the policy withholds them",
|| import(r#"(import "wasi:random/insecure-seed@0.2.6" (instance (export "insecure-seed" (func (result (tuple u64 u64))))))"#),"",Expected::NotPermitted(r#"wasi = ["random"]"#)).granting("wasi = []"),
    guest(
        "40",
        "sixty megabytes of random bytes at once",
        || random_bytes("random", "get-random-bytes", 60_000_000),
        "",
        Expected::Limit("call-bytes"),
    ),
    guest(
        "40",
        "2^40 random bytes at once",
        || random_bytes("random", "get-random-bytes", 1 << 40),
        "",
        Expected::Limit("call-bytes"),
    ),
    guest(
        "40",
        "2^64 - 1 random bytes that need not be good",
        || random_bytes("insecure", "get-insecure-random-bytes", u64::MAX),
        "",
        Expected::Limit("call-bytes"),
    ),
    guest(
        "40",
        "clocks where the policy withholds them",
        || import(r#"(import "wasi:clocks/monotonic-clock@0.2.6" (instance (export "now" (func (result u64)))))"#),
        "",
        Expected::NotPermitted(r#"wasi = ["random", "clocks"]"#),
    )
    .granting(r#"wasi = ["random"]"#),
    guest(
        "40",
        "the time of day where the policy withholds it",
        || {
            import(
                r#"(import "wasi:clocks/wall-clock@0.2.6" (instance
                    (type $datetime (record (field "seconds" u64) (field "nanoseconds" u32)))
                    (export "datetime" (type $d (eq $datetime)))
                    (export "now" (func (result $d)))))"#,
            )
        },
        "",
        Expected::NotPermitted(r#"wasi = ["clocks"]"#),
    )
    .granting("wasi = []"),
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

/// What it takes of WASI to make a socket and to look up a name.
const SOCKETS: &str = r#"
    (import "wasi:sockets/network@0.2.0" (instance $network
        (export "network" (type $network (sub resource)))
        (type $e (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
            "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit"
            "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused"
            "connection-reset" "connection-aborted" "datagram-too-large" "name-unresolvable"
            "temporary-resolver-failure" "permanent-resolver-failure"))
        (export "error-code" (type (eq $e)))
        (type $f (enum "ipv4" "ipv6"))
        (export "ip-address-family" (type (eq $f)))))
    (alias export $network "network" (type $network-type))
    (alias export $network "error-code" (type $error-code))
    (alias export $network "ip-address-family" (type $family))
    (import "wasi:sockets/instance-network@0.2.0" (instance $instance-network
        (alias outer 1 $network-type (type $network))
        (export "instance-network" (func (result (own $network))))))
    (import "wasi:sockets/tcp@0.2.0" (instance $tcp (export "tcp-socket" (type (sub resource)))))
    (alias export $tcp "tcp-socket" (type $tcp-socket))
    (import "wasi:sockets/udp@0.2.0" (instance $udp (export "udp-socket" (type (sub resource)))))
    (alias export $udp "udp-socket" (type $udp-socket))
    (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $create-tcp
        (alias outer 1 $tcp-socket (type $socket))
        (alias outer 1 $error-code (type $e))
        (alias outer 1 $family (type $f))
        (export "create-tcp-socket" (func (param "address-family" $f)
            (result (result (own $socket) (error $e)))))))
    (import "wasi:sockets/udp-create-socket@0.2.0" (instance $create-udp
        (alias outer 1 $udp-socket (type $socket))
        (alias outer 1 $error-code (type $e))
        (alias outer 1 $family (type $f))
        (export "create-udp-socket" (func (param "address-family" $f)
            (result (result (own $socket) (error $e)))))))
    (import "wasi:sockets/ip-name-lookup@0.2.0" (instance $lookup
        (alias outer 1 $network-type (type $network))
        (alias outer 1 $error-code (type $e))
        (export "resolve-address-stream" (type $stream (sub resource)))
        (export "resolve-addresses" (func (param "network" (borrow $network)) (param "name" string)
            (result (result (own $stream) (error $e)))))))
    (core func $open-network (canon lower (func $instance-network "instance-network")))
    (core func $make-tcp (canon lower (func $create-tcp "create-tcp-socket") (memory $memory)))
    (core func $make-udp (canon lower (func $create-udp "create-udp-socket") (memory $memory)))
    (core func $look-up (canon lower (func $lookup "resolve-addresses") (memory $memory)))"#;

/// Traps where a socket is answered with anything but `access-denied`, and the name localhost with anything but
/// `permanent-resolver-failure`.
fn ask_for_the_network() -> String {
    let asked = [
        ("(call $tcp (i32.const 0) (i32.const 64))", 1),
        ("(call $tcp (i32.const 1) (i32.const 64))", 1),
        ("(call $udp (i32.const 0) (i32.const 64))", 1),
        ("(call $udp (i32.const 1) (i32.const 64))", 1),
        (
            "(i64.store (i32.const 100) (i64.const 0x736f686c61636f6c))
            (i32.store8 (i32.const 108) (i32.const 0x74))
            (call $look-up (call $open) (i32.const 100) (i32.const 9) (i32.const 64))",
            20,
        ),
    ];
    let asked = asked.map(|(ask, error)| {
        format!(
            "{ask} (if (i32.ne (i32.load8_u (i32.const 64)) (i32.const 1)) (then unreachable))
            (if (i32.ne (i32.load8_u (i32.const 68)) (i32.const {error})) (then unreachable))"
        )
    });
    filter([
        ("component", SOCKETS),
        (
            "fields",
            r#"(import "net" "open" (func $open (result i32)))
            (import "net" "tcp" (func $tcp (param i32 i32)))
            (import "net" "udp" (func $udp (param i32 i32)))
            (import "net" "look-up" (func $look-up (param i32 i32 i32 i32)))"#,
        ),
        ("process", &asked.concat()),
        (
            "instances",
            r#"(with "net" (instance (export "open" (func $open-network)) (export "tcp" (func $make-tcp))
                (export "udp" (func $make-udp)) (export "look-up" (func $look-up))))"#,
        ),
    ])
}

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

fn several_imports() -> String {
    import(
        r#"(import "acme:secrets/vault@1.0.0" (instance (export "open" (func))))
        (import "wasi:http/types@0.2.6" (instance))
        (import "wasi:io/poll@0.3.0" (instance))
        (import "flip:fl/vault@0.1.0" (instance))
        (import "root" (func))"#,
    )
}

/// So many of them at once: of sixty megabytes its time alone would end it many seconds late.
fn random_bytes(interface: &str, function: &str, bytes: u64) -> String {
    let text = r#"(import "wasi:random/{interface}@0.2.6" (instance $random
            (export "{function}" (func (param "len" u64) (result (list u8))))))
        (core module $room (memory (export "m") 1000)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
        (core instance $room (instantiate $room))
        (core func $bytes (canon lower (func $random "{function}")
            (memory (core memory $room "m")) (realloc (core func $room "realloc"))))
        (core module $greedy (import "" "bytes" (func $bytes (param i64 i32)))
            (func $start (call $bytes (i64.const {bytes}) (i32.const 16))) (start $start))
        (core instance (instantiate $greedy (with "" (instance (export "bytes" (func $bytes))))))"#;
    let text = text.replace("{interface}", interface).replace("{function}", function);
    import(&text.replace("{bytes}", &bytes.to_string()))
}
