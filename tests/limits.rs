//! Each limit holds, says its name, and leaves the runtime fit for the next instance.

use std::sync::Arc;
use std::time::Duration;

use flip_runtime::{
    Allowed, Code, DataKind, Dtype, Dxo, Error, Level, LimitReached, Limits, Outcome, RecordedLog, Runtime,
    Tensor,
};
use flip_wasm_tests::{
    assert_ends_at, assert_fresh_one_works, assert_limit, context, float32, misbehaving, misbehaving_filter,
    misbehaving_within, percentile_privacy, runtime, short_calls, update,
};

const MIB: u64 = 1 << 20;

/// The tests that reach each limit; one that is not named here does not compile.
#[test]
fn every_limit_is_finite_and_has_its_tests() {
    let Limits {
        component_size,  // a_component_larger_than_*
        compile_time,    // compiling.rs
        compile_memory,  // cli/tests/compiling.rs
        memory,          // store_limits.rs: memory_*, also in archive_limits.rs
        table_elements,  // store_limits.rs: tables_*
        instances,       // store_limits.rs: core_instances_*
        handles,         // host_bytes.rs: handles_*
        host_bytes,      // host_bytes.rs: host_bytes_*
        call_bytes,      // call_bytes_*
        call_time,       // call_time_*, also in store_limits.rs
        total_time,      // total_time_*
        cores,           // phases.rs
        log_lines,       // log_lines_*
        log_line,        // a_log_line_*
        gauges,          // gauges_*
        events,          // interfaces.rs: events_*
        files,           // interfaces.rs: files_*
        open_files,      // storage.rs: open_*
        file_bytes,      // interfaces.rs: file_bytes_*
        upload_bytes,    // interfaces.rs: upload_bytes_*
        archive_entries, // archive_limits.rs: archive_entries_*
        archive_depth,   // archive_limits.rs: archive_depth_*
        store_calls,     // interfaces.rs: store_calls_*
        hub_calls,       // interfaces.rs: hub_calls_*
        audit_bytes,     // audit_hostile.rs: a_flood_*
    } = Limits::default();
    for count in [
        component_size,
        memory,
        table_elements,
        instances,
        handles,
        host_bytes,
        call_bytes,
        cores,
        log_lines,
        log_line,
        gauges,
        events,
        files,
        open_files,
        file_bytes,
        archive_entries,
        archive_depth,
        store_calls,
        hub_calls,
        audit_bytes,
    ] {
        assert!((1..=1 << 30).contains(&count));
    }
    // Models are uploaded, and are as large as they are; a compiler's address space is not its memory.
    assert!([upload_bytes, compile_memory].iter().all(|count| (1..=1 << 40).contains(count)));
    assert!(Duration::ZERO < compile_time && compile_time < Duration::from_secs(600));
    assert!(
        Duration::ZERO < call_time && call_time <= total_time && total_time < Duration::from_secs(86_400)
    );
}

#[test]
fn a_component_larger_than_the_limit_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("large.wasm");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(Limits::default().component_size + 1).unwrap();
    let error = runtime().load(path.to_str().unwrap()).err().unwrap();
    assert!(error.to_string().contains("limit component-size"), "{error}");
    assert_eq!(error.code(), Code::InvalidInput);
}

#[test]
fn a_component_larger_than_its_operator_allows_is_not_instantiated() {
    let component = misbehaving_filter();
    let size = component.inspection().size;
    let build = |component_size| {
        let limits = Limits { component_size, ..Limits::default() };
        component.instance().args(r#"{"deed": "zero"}"#).limits(limits).build()
    };
    assert!(build(size).is_ok());
    assert_limit(build(size - 1), "component-size");
}

#[test]
fn call_bytes_shorten_what_is_read() {
    let limits = Limits { call_bytes: 64, ..Limits::default() };
    let tensor = float32(&[100], &[1.0; 100]);
    let dxo = Dxo::of_tensors(DataKind::Weights, [("a".to_owned(), tensor)]);
    let filtered = misbehaving_within(r#""read-far""#, limits).filter(dxo.unwrap(), &context()).unwrap();
    assert_eq!(filtered.leaves[0].outcome, Outcome::Unchanged("[0, 0, 0, 64]".to_owned()));
}

#[test]
fn call_bytes_bound_what_is_written_at_a_time() {
    let tensor = || Tensor::zeros(Dtype::Uint8, &[4 * MIB]).unwrap();
    let dxo = || Dxo::of_tensors(DataKind::Weights, [("a".to_owned(), tensor())]);
    let deed = |bytes: u64| format!(r#"{{"write-window": {bytes}}}"#);
    let filtered = misbehaving(&deed(MIB)).filter(dxo().unwrap(), &context()).unwrap();
    assert_eq!(filtered.leaves[0].outcome, Outcome::Filtered);
    let mut filter = misbehaving(&deed(2 * MIB));
    assert_limit(filter.filter(dxo().unwrap(), &context()), "call-bytes");
    assert!(matches!(filter.filter(update(), &context()), Err(Error::Poisoned { .. })));
}

#[test]
fn call_time_ends_loops_and_loops_over_host_calls() {
    for deed in [r#""loop""#, r#""loop-over-host-calls""#, r#""loop-over-windows""#] {
        assert_ends_at(deed, short_calls(), "call-time");
    }
}

#[test]
fn call_time_ends_a_loop_in_configure() {
    let component = misbehaving_filter();
    let args = r#"{"deed": "loop-in-configure"}"#;
    assert_limit(component.instance().args(args).limits(short_calls()).build(), "call-time");
    assert_fresh_one_works();
}

#[test]
fn total_time_ends_a_call_that_would_go_beyond_it() {
    let limits = Limits { total_time: Duration::from_millis(200), ..Limits::default() };
    assert_ends_at(r#""loop""#, limits, "total-time");
}

#[test]
fn total_time_ends_also_calls_that_are_short_each() {
    let limits = Limits { total_time: Duration::from_millis(500), ..Limits::default() };
    let mut filter = misbehaving_within(r#""zero""#, limits);
    while filter.usage().time < Duration::from_secs(5) {
        if let Err(error) = filter.filter(update(), &context()) {
            return assert_limit::<()>(Err(error), "total-time");
        }
    }
    panic!("{:?} were spent of 500 ms", filter.usage().time);
}

#[test]
fn total_time_that_is_none_lets_nothing_run() {
    let limits = Limits { total_time: Duration::ZERO, ..Limits::default() };
    let component = misbehaving_filter();
    assert_limit(component.instance().args(r#"{"deed": "zero"}"#).limits(limits).build(), "total-time");
}

#[test]
fn a_limit_that_is_too_long_to_add_is_none() {
    let limits = Limits { call_time: Duration::MAX, total_time: Duration::MAX, ..Limits::default() };
    assert!(misbehaving_within(r#""zero""#, limits).filter(update(), &context()).is_ok());
}

fn logged(deed: &str, limits: Limits) -> Vec<(Level, String)> {
    let log = Arc::new(RecordedLog::default());
    let args = format!(r#"{{"deed": {deed}}}"#);
    let component = misbehaving_filter();
    let mut filter = component.instance().args(args).limits(limits).log(log.clone()).build().unwrap();
    filter.filter(update(), &context()).unwrap();
    log.lines()
}

#[test]
fn log_lines_beyond_the_limit_are_dropped_with_one_notice() {
    let lines = logged(r#"{"log": [100, 1]}"#, Limits { log_lines: 10, ..Limits::default() });
    assert_eq!(lines.len(), 10);
    assert!(lines[8].1.starts_with("8:"), "{lines:?}");
    assert_eq!(lines[9].0, Level::Warning);
    assert!(lines[9].1.contains("limit log-lines reached"), "{lines:?}");
}

#[test]
fn a_log_line_is_cut_and_cannot_forge_another() {
    for log_line in [4, 9, 20, 100, 1_000] {
        let lines = logged(r#"{"log": [3, 5000]}"#, Limits { log_line, ..Limits::default() });
        assert_eq!(lines.len(), 3);
        for (_, line) in lines {
            assert!(line.len() as u64 <= log_line, "{} bytes of {log_line}: {line}", line.len());
            assert!(!line.contains(|character: char| character.is_control()), "{line:?}");
        }
    }
}

#[test]
pub fn gauges_beyond_the_limit_are_dropped() {
    let limits = Limits { gauges: 5, ..Limits::default() };
    let filtered = misbehaving_within(r#"{"gauges": 100}"#, limits).filter(update(), &context()).unwrap();
    let gauges = &filtered.leaves[0].gauges;
    assert!(gauges.keys().eq(["figure-0", "figure-1", "figure-2", "figure-3", "figure-4"]));
}

#[test]
fn gauges_of_one_call_do_not_use_up_those_of_the_next() {
    let limits = Limits { gauges: 5, ..Limits::default() };
    let mut filter = misbehaving_within(r#"{"gauges": 3}"#, limits);
    for _ in 0..10 {
        assert_eq!(filter.filter(update(), &context()).unwrap().leaves[0].gauges.len(), 3);
    }
}

#[test]
fn a_limit_is_shown_with_its_unit() {
    let shown = |allowed| LimitReached { limit: "memory", allowed }.to_string();
    assert_eq!(shown(Allowed::Bytes(8 * MIB)), "limit memory reached: 8.0 MiB allowed");
    assert_eq!(shown(Allowed::Count(7)), "limit memory reached: 7 allowed");
    assert_eq!(shown(Allowed::Time(Duration::from_secs(90))), "limit memory reached: 1m 30s allowed");
}

#[test]
fn a_privacy_filter_holds_no_more_memory_for_a_large_update() {
    for elements in [1_000, 1_000_000, 12_000_000] {
        // No two of a million are alike, as in a model.
        let number = |i: u64| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32 - 8e6;
        let bytes: Vec<u8> = (0..elements).flat_map(|i| number(i).to_le_bytes()).collect();
        let tensor = Tensor::new(Dtype::Float32, &[elements], bytes).unwrap();
        let dxo = Dxo::of_tensors(DataKind::WeightDiff, [("a".to_owned(), tensor)]).unwrap();
        let mut filter =
            percentile_privacy().instance().args(r#"{"percentile": 95, "gamma": 1}"#).build().unwrap();
        let filtered = filter.filter(dxo, &context()).unwrap();
        assert_eq!(filtered.leaves[0].outcome, Outcome::Filtered);
        let held = filter.usage().peak_memory;
        assert!(held <= 16 * MIB, "{elements} elements: {held} bytes");
    }
}

#[test]
fn a_runtime_has_as_many_places_as_it_was_given() {
    let runtime = Runtime::builder().instances(2).build().unwrap();
    let filter = runtime.load("percentile-privacy").unwrap().instance().args(r#"{"gamma": 1}"#);
    let held = [filter.clone().build().unwrap(), filter.clone().build().unwrap()];
    let Err(error) = filter.clone().build() else { panic!("a third one") };
    assert!(
        matches!(error, flip_runtime::Error::NoPlace { .. })
            && error.to_string().starts_with("PercentilePrivacy: no place"),
        "{error}"
    );
    drop(held);
    filter.build().unwrap();
}
