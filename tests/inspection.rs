//! What is read off a component without running it, and what is refused at the door.

use flip_runtime::{BUILTINS, Builtin, Code, Digest, Error, Inspection, Limits, Source};
use flip_wasm_tests::{MISBEHAVING_FILTER, percentile_privacy, runtime};

fn builtin() -> &'static Builtin {
    Builtin::find("percentile-privacy").unwrap()
}

#[test]
fn the_built_in_asks_for_its_data_and_the_log_and_nothing_else() {
    let inspection = Inspection::of(builtin().wasm).unwrap();
    assert_eq!(inspection.roles, ["dxo-filter"]);
    assert_eq!(inspection.wit_version.as_deref(), Some("0.1.0"));
    assert_eq!(inspection.size, builtin().wasm.len() as u64);
    assert_eq!(inspection.sha256.to_string().len(), 64);
    let mut imports: Vec<_> = inspection.imports.iter().map(|import| &*import.interface).collect();
    imports.sort_unstable();
    let expected = ["context", "exchange", "log", "tensors", "types"];
    assert_eq!(imports, expected.map(|interface| format!("flip:fl/{interface}@0.1.0")));
    assert_eq!(inspection.unknown_imports().count(), 0);
    assert!(inspection.imports.iter().all(|import| import.capability.is_some()));
    assert!(inspection.exports.iter().any(|export| export == "flip:fl/configurable@0.1.0"));
}

#[test]
fn the_functions_that_it_uses_are_listed_by_interface() {
    let inspection = percentile_privacy().inspection().clone();
    let functions = |interface: &str| {
        let import = inspection.imports.iter().find(|import| import.interface.contains(interface)).unwrap();
        import.functions.clone()
    };
    assert!(functions("flip:fl/log@").iter().any(|name| name == "log"));
    assert!(functions("flip:fl/tensors@").iter().any(|name| name == "[method]tensor.read"));
    assert!(functions("flip:fl/context@").is_empty());
    assert!(!functions("flip:fl/exchange@").iter().any(|name| name.contains("set-values")));
}

#[test]
fn the_digest_is_that_of_the_file() {
    assert_eq!(Inspection::of(MISBEHAVING_FILTER).unwrap().sha256, Digest::of(MISBEHAVING_FILTER));
    assert_ne!(Digest::of(MISBEHAVING_FILTER), Digest::of(builtin().wasm));
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Digest::of(b"").to_string(), empty);
}

#[test]
fn every_built_in_is_found_by_its_name_and_by_its_class() {
    for builtin in BUILTINS {
        for name in [builtin.name, builtin.class] {
            assert_eq!(Builtin::find(name).unwrap().name, builtin.name);
            assert!(
                matches!(Source::of(name).unwrap(), Source::Builtin(found) if found.name == builtin.name)
            );
        }
    }
    for name in ["percentile-privacy", "PercentilePrivacy"] {
        assert_eq!(runtime().load(name).unwrap().name(), "PercentilePrivacy");
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_names_there_are() {
    for name in ["percentile_privacy", "", "wasm", "percentile-privacy.wat"] {
        let error = runtime().load(name).err().unwrap();
        assert_eq!(error.code(), Code::Usage);
        assert!(error.to_string().contains("percentile-privacy"), "{error}");
        assert!(error.to_string().contains(&format!("{name:?} is neither")), "{error}");
    }
}

#[test]
fn a_file_is_a_component_by_its_extension() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("my-filter.wasm");
    let error = runtime().load(path.to_str().unwrap()).err().unwrap();
    assert!(matches!(error, Error::File { .. }), "{error}");
    std::fs::write(&path, builtin().wasm).unwrap();
    let component = runtime().load(path.to_str().unwrap()).unwrap();
    assert_eq!(component.name(), "my-filter");
    assert_eq!(
        Source::of(path.to_str().unwrap()).unwrap().bytes(&Limits::default()).unwrap(),
        builtin().wasm
    );
}

#[track_caller]
fn refused(bytes: &[u8]) -> String {
    match runtime().load_bytes("guest", bytes) {
        Err(error @ Error::InvalidComponent { .. }) => {
            assert_eq!(error.code(), Code::InvalidInput);
            error.to_string()
        }
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("it was loaded"),
    }
}

#[test]
fn what_is_no_component_is_refused_with_what_it_is() {
    assert!(refused(&wat::parse_str("(module)").unwrap()).contains("a core module, not a component"));
    for bytes in [&b""[..], b"\0asm", b"(component)", b"\x7fELF\x02\x01\x01\0\0", &[0xff; 1_000]] {
        assert_eq!(refused(bytes), "guest: not a WebAssembly component");
    }
}

#[test]
fn a_component_cut_off_anywhere_is_refused_and_never_panics() {
    for wasm in [builtin().wasm, MISBEHAVING_FILTER] {
        let whole = Inspection::of(wasm).unwrap();
        for end in (0..wasm.len()).step_by(97) {
            // Cut between two sections, it may be a component still: one that exports less, or without the custom
            // sections (their id is 0) that its tools wrote at its end.
            if let Ok(inspection) = Inspection::of(&wasm[..end]) {
                let exports_less = inspection.exports.len() < whole.exports.len();
                assert!(exports_less || wasm[end] == 0, "cut off at {end}");
            }
        }
    }
}

#[test]
fn a_component_with_a_byte_changed_is_read_or_refused_and_never_panics() {
    let mut read = 0;
    for index in (8..builtin().wasm.len()).step_by(97) {
        let mut wasm = builtin().wasm.to_vec();
        wasm[index] ^= 0x41;
        read += usize::from(Inspection::of(&wasm).is_ok_and(|inspection| inspection.size > 0));
    }
    assert!(read > 0, "function bodies are not looked at");
}

#[test]
fn imports_that_this_host_does_not_offer_are_listed_by_name() {
    let wasm = wat::parse_str(
        r#"(component
            (import "acme:secrets/vault@1.0.0" (instance (export "open" (func))))
            (import "wasi:http/types@0.2.6" (instance))
            (import "wasi:io/poll@0.3.0" (instance))
            (import "flip:fl/vault@0.1.0" (instance))
            (import "flip:fl/log@0.2.0" (instance))
            (import "root" (func))
            (import "flip:fl/types@0.1.0" (instance)))"#,
    )
    .unwrap();
    let listed = "acme:secrets/vault@1.0.0, wasi:http/types@0.2.6, wasi:io/poll@0.3.0, flip:fl/vault@0.1.0, \
                  flip:fl/log@0.2.0, root";
    assert_eq!(refused(&wasm), format!("guest: it imports what this host does not offer: {listed}"));
    let inspection = Inspection::of(&wasm).unwrap();
    assert_eq!(inspection.imports[0].functions, ["open"]);
    assert_eq!(inspection.imports.last().unwrap().capability, Some("nothing: shared types"));
}

#[test]
fn an_import_of_another_type_than_the_contracts_does_not_fit() {
    for import in [
        r#"(import "flip:fl/log@0.1.0" (instance (export "log" (func (param "text" string)))))"#,
        r#"(import "flip:fl/log@0.1.0" (instance (export "shout" (func))))"#,
        r#"(import "flip:fl/log@0.1.0" (func))"#,
    ] {
        let wasm = wat::parse_str(format!("(component {import})")).unwrap();
        assert!(refused(&wasm).contains("it does not fit the contract"), "{import}");
    }
}

#[test]
fn a_component_without_the_role_is_told_which_it_has() {
    let component = runtime().load_bytes("guest", &wat::parse_str("(component)").unwrap()).unwrap();
    assert!(component.inspection().roles.is_empty());
    assert_eq!(component.inspection().wit_version, None);
    let error = component.instance().build().err().unwrap();
    assert_eq!(error.to_string(), "guest: it does not export flip:fl/configurable, as every component must");
    assert_eq!(error.code(), Code::InvalidInput);
}

#[test]
fn a_role_in_name_only_is_refused() {
    let wasm = wat::parse_str(
        r#"(component
            (instance $empty)
            (export "flip:fl/configurable@0.1.0" (instance $empty))
            (export "flip:fl/dxo-filter@0.1.0" (instance $empty)))"#,
    )
    .unwrap();
    let component = runtime().load_bytes("guest", &wasm).unwrap();
    assert_eq!(component.inspection().roles, ["dxo-filter"]);
    assert!(matches!(component.instance().build().err(), Some(Error::InvalidComponent { .. })));
}

#[test]
fn nested_components_do_not_lend_their_imports_and_roles() {
    let wasm = wat::parse_str(
        r#"(component
            (component
                (import "acme:secrets/vault@1.0.0" (instance))
                (instance $empty)
                (export "flip:fl/dxo-filter@0.1.0" (instance $empty)))
            (core module (import "acme" "secret" (func))))"#,
    )
    .unwrap();
    let inspection = Inspection::of(&wasm).unwrap();
    assert!(inspection.imports.is_empty() && inspection.roles.is_empty());
}

#[test]
fn imports_that_shared_a_type_had_its_names_listed_for_each() {
    let name = "a".repeat(1_900);
    let exports: String = (0..100).map(|n| format!(r#"(export "{name}{n}" (func))"#)).collect();
    let imports: String =
        (0..100).map(|n| format!(r#"(import "a:b/c{n}@1.0.0" (instance (type $t)))"#)).collect();
    let wat = format!("(component (type $t (instance {exports})) {imports})");
    let error = Inspection::of(&wat::parse_str(&wat).unwrap()).unwrap_err();
    assert_eq!(error, "the names of the functions that it imports are longer than 1048576 bytes");
}
