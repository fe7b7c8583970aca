//! Limits on what the host keeps for a component.

use flip_runtime::{DataKind, Dxo, FlContext, Instance, Limits};
use flip_wasm_tests::{
    EVERYTHING, Site, assert_fresh_one_works, assert_told, context, errand, float32, granted,
    misbehaving_filter, misbehaving_within, on_go, update,
};
use serde_json::json;

const MIB: u64 = 1 << 20;

#[test]
fn handles_that_are_kept_open_run_out_and_come_back() {
    let limits = Limits { handles: 100, ..Limits::default() };
    let mut filter = misbehaving_within(r#""keep-handles""#, limits);
    assert_told(&mut filter, "handles");
    // The guest drops them when it fails.
    assert_told(&mut filter, "handles");
    assert_fresh_one_works();
}

fn within_a_mib(deed: &str) -> Instance {
    misbehaving_within(deed, Limits { host_bytes: MIB, ..Limits::default() })
}

#[test]
fn host_bytes_bound_the_tensors_that_a_component_makes() {
    assert_told(&mut within_a_mib(&format!(r#"{{"create-tensor": {}}}"#, 2 * MIB)), "host-bytes");
    assert_told(&mut within_a_mib(&format!(r#"{{"create-tensor": {}}}"#, i64::MAX)), "host-bytes");
    assert!(within_a_mib(r#"{"create-tensor": 524288}"#).filter(update(), &context()).is_ok());
}

#[test]
fn host_bytes_of_what_is_dropped_come_back() {
    assert!(within_a_mib(r#"{"create-and-drop": 900000}"#).filter(update(), &context()).is_ok());
}

#[test]
fn host_bytes_bound_the_meta_properties() {
    let mut filter = within_a_mib(r#""fill-meta""#);
    assert_told(&mut filter, "host-bytes");
    assert_told(&mut filter, "host-bytes");
}

#[test]
fn host_bytes_count_what_a_small_entry_takes_besides_its_text() {
    assert_told(&mut within_a_mib(r#"{"tiny-meta": 50000}"#), "host-bytes");
    assert_told(&mut within_a_mib(r#"{"tiny-tensors": 20000}"#), "host-bytes");
}

#[test]
fn what_is_remembered_of_stored_objects_counted_nowhere() {
    const OBJECTS: usize = 40;
    let site = Site::granting_everything();
    let puts: Vec<_> = (0..OBJECTS).map(|number| json!({"put": [format!("{number:0100}"), "x"]})).collect();
    let limits = Limits { host_bytes: 4 << 10, ..Limits::default() };
    let builder = errand().instance().args(on_go(puts)).limits(limits);
    let mut runner = builder.grants(granted(EVERYTHING)).services(site.services.clone()).build().unwrap();
    runner.handle_event("go", &site.context).unwrap();
    assert_eq!(site.store.calls().len(), OBJECTS);
    let usage = runner.usage();
    let (remembered, besides) = (usage.stored.len(), usage.stored_besides.count);
    assert!((1..=20).contains(&remembered), "{remembered}");
    assert_eq!(remembered as u64 + besides, OBJECTS as u64);
}

/// What a filter added to one member of a collection was the host's alone when it was given the next.
#[test]
pub fn host_bytes_were_anew_for_each_member_of_a_collection() {
    let deed = r#"{"tiny-meta": 1000}"#;
    let members =
        |count: usize| Dxo::of_members((0..count).map(|member| (format!("member {member}"), update())));
    within_a_mib(deed).filter(members(1), &context()).unwrap();
    let error = within_a_mib(deed).filter(members(3), &context()).unwrap_err();
    assert!(error.to_string().contains("limit host-bytes reached"), "{error}");
    // The next update is another, and has left the component.
    let mut filter = within_a_mib(deed);
    (0..5).for_each(|_| drop(filter.filter(members(1), &context()).unwrap()));
}

/// Texts are in memory also where tensors are not.
#[test]
pub fn texts_beside_a_file_took_memory_that_nobody_counted() {
    let limits = Limits { memory: 8 << 20, ..Limits::default() };
    let builder = misbehaving_filter().instance().args(r#"{"deed": "fill-meta"}"#).limits(limits);
    assert_told(&mut builder.scratch_file().build().unwrap(), "memory");
}

#[test]
fn host_bytes_count_texts_inside_nested_collections() {
    assert_told(&mut within_a_mib(r#"{"hoard-text": 200}"#), "host-bytes");
    assert!(within_a_mib(r#"{"hoard-text": 5}"#).filter(update(), &context()).is_ok());
}

#[test]
fn names_are_copied_only_where_there_is_room_for_them() {
    let named = |len: usize| {
        let tensors = [("x".repeat(len), float32(&[2], &[1.0, 2.0]))];
        Dxo::of_tensors(DataKind::WeightDiff, tensors).unwrap()
    };
    let asked = |len| within_a_mib(r#""zero""#).filter(named(len), &context());
    assert!(asked(900_000).is_ok());
    let error = asked(3_000_000).unwrap_err().to_string();
    assert!(error.contains("limit host-bytes reached"), "{error}");
}

#[test]
fn a_property_of_the_context_is_copied_only_where_there_is_room_for_it() {
    let asked = |len: usize| {
        let round = flip_wasm_tests::raw(&format!("{:?}", "x".repeat(len)));
        let props = [("round".to_owned(), round)].into_iter().collect();
        let context = FlContext { props, ..FlContext::default() };
        within_a_mib(r#""show-context""#).filter(update(), &context.into())
    };
    assert!(asked(200_000).is_ok());
    let error = asked(3_000_000).unwrap_err().to_string();
    assert!(error.contains("limit host-bytes reached"), "{error}");
}

#[test]
fn host_bytes_of_shared_data_are_charged_also_after_a_write_that_failed() {
    let deed = |bytes, times| format!(r#"{{"escape-charge": [{bytes}, {times}]}}"#);
    assert_told(&mut within_a_mib(&deed(600_000, 10)), "host-bytes");
    assert!(within_a_mib(&deed(300_000, 1)).filter(update(), &context()).is_ok());
}

#[test]
fn host_bytes_count_the_updates_that_a_component_holds_on_to() {
    let large = || {
        let tensor = float32(&[1 << 16], &vec![1.0; 1 << 16]);
        let tensors = [("a".to_owned(), tensor)];
        Dxo::of_tensors(DataKind::Weights, tensors).unwrap()
    };
    let mut filter = within_a_mib(r#""retain""#);
    let rounds = (0..100).take_while(|_| filter.filter(large(), &context()).is_ok()).count();
    assert!((1..=5).contains(&rounds), "{rounds} updates of 256 KiB were kept in 1 MiB");
    assert_fresh_one_works();
}

#[test]
fn host_bytes_bound_what_a_file_becomes_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("update.safetensors");
    let header = r#"{"a":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}"#;
    flip_wasm_tests::write_safetensors(&path, header, &vec![1; 4_000_000]);
    let open = || flip_runtime::safetensors::open(&path, Default::default()).unwrap();
    let within = |host_bytes| misbehaving_within(r#""zero""#, Limits { host_bytes, ..Limits::default() });

    let error = within(3 * MIB).filter(open().dxo, &context()).unwrap_err();
    assert!(error.to_string().contains("limit host-bytes"), "{error}");
    within(5 * MIB).filter(open().dxo, &context()).unwrap();
    // On its way to another file it takes no memory.
    let input = open();
    let output =
        flip_runtime::safetensors::Output::create(&directory.path().join("out"), &input.dxo, &input.metadata)
            .unwrap();
    let limits = Limits { host_bytes: 1 << 16, ..Limits::default() };
    let filter =
        misbehaving_filter().instance().args(r#"{"deed": "zero"}"#).limits(limits).write_to(&output).build();
    filter.unwrap().filter(input.dxo, &context()).unwrap();
}

#[test]
fn an_instance_that_writes_nothing_holds_no_file() {
    let without_a_name = |path: std::path::PathBuf| path.to_string_lossy().ends_with(" (deleted)");
    let open = || {
        let files = std::fs::read_dir("/proc/self/fd").unwrap();
        files
            .filter(|file| std::fs::read_link(file.as_ref().unwrap().path()).is_ok_and(without_a_name))
            .count()
    };
    let build =
        || misbehaving_filter().instance().args(r#"{"deed": {"churn": 1}}"#).scratch_file().build().unwrap();
    drop(build());
    let before = open();
    let mut filters: Vec<_> = (0..20).map(|_| build()).collect();
    assert_eq!(open(), before);
    filters[0].filter(update(), &context()).unwrap();
    assert_eq!(open(), before + 1);
}
