//! The limits on what a component does through the host interfaces.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flip_runtime::services::{Caller, Events};
use flip_runtime::{Limits, ReturnCode, Services, Shareable};
use flip_wasm_tests::{Fails, Site, context, lines, on_go, percentile_privacy, spent, update};
use serde_json::{Value, json};

fn within(limits: Limits) -> Site {
    let mut site = Site::granting_everything();
    site.limits = limits;
    site
}

/// The errand, so many times.
fn times(errand: Value, times: usize) -> Vec<Value> {
    vec![errand; times]
}

#[derive(Default)]
struct Counted(AtomicU64);

impl Events for Counted {
    fn fire(&self, _: &str, _: Caller<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn system_panic(&self, _: &str, _: Caller<'_>) {
        self.0.fetch_add(100, Ordering::Relaxed);
    }
}

fn counting(limits: Limits) -> (Site, Arc<Counted>) {
    let mut site = within(limits);
    let events = Arc::new(Counted::default());
    site.services = Services { events: Some(events.clone()), ..site.services };
    (site, events)
}

#[test]
fn events_beyond_the_limit_are_refused() {
    let (site, events) = counting(Limits { events: 3, ..Limits::default() });
    let spent = &*spent("events", "3");
    assert_eq!(site.run(times(json!({"fire": "a"}), 5)), ["ok", "ok", "ok", spent, spent]);
    assert_eq!(events.0.load(Ordering::Relaxed), 3);
}

#[test]
fn events_that_are_refused_do_not_count_and_panics_do() {
    let (site, events) = counting(Limits { events: 2, ..Limits::default() });
    let errands = [
        json!({"fire": "not-granted"}),
        json!({"fire": "a".repeat(257)}),
        json!({"system-panic": "x"}),
        json!({"fire": "a"}),
        json!({"system-panic": "y"}),
        json!({"fire": "a"}),
    ];
    let outcomes = site.run(errands.to_vec());
    assert_eq!(
        outcomes[0],
        r#"not permitted: events = ["_fatal_system_error", "a", "b", "not-granted"] under [components.Errand]"#
    );
    assert_eq!(outcomes[1], "invalid argument: the event type is longer than 256 bytes");
    assert_eq!(outcomes[2..5], ["ok", "ok", "ok"]);
    assert_eq!(outcomes[5], &*spent("events", "2"));
    assert_eq!(events.0.load(Ordering::Relaxed), 101);
}

#[test]
fn files_beyond_the_limit_are_not_started() {
    let site = within(Limits { files: 2, ..Limits::default() });
    let write = |name: &str| json!({"write": ["job", name, "x"]});
    assert_eq!(
        site.run(vec![write("a"), write("a"), write("b"), json!({"read": ["job", "a", 0, 9]})]),
        ["ok", "ok", &*spent("files", "2"), r#"ok "x""#]
    );
    assert_eq!(site.names("job"), ["a"]);
}

#[test]
fn files_were_bounded_and_directories_were_not() {
    let site = within(Limits { files: 3, ..Limits::default() });
    let make = |path: &str| json!({"create-dir-all": ["job", path]});
    let spent = &*spent("files", "3");
    assert_eq!(site.run(vec![make("a/b"), make("c/d"), make("a"), make("e")]), ["ok", spent, "ok", spent]);
    assert_eq!((site.names("job"), site.names("job/a")), (vec!["a".to_owned()], vec!["b".to_owned()]));
}

#[test]
fn file_bytes_are_those_of_all_files_together() {
    let site = within(Limits { file_bytes: 10_000, ..Limits::default() });
    let write = |name: &str, bytes: u64| json!({"write-zeroes": ["job", name, bytes]});
    let spent = &*spent("file-bytes", "9.8 KiB");
    assert_eq!(
        site.run(vec![write("a", 6_000), write("b", 4_001), write("c", 4_000), write("d", 1)]),
        ["ok", spent, "ok", spent]
    );
    assert_eq!(site.names("job"), ["a", "c"]);
}

#[test]
fn upload_bytes_are_those_of_all_objects_together() {
    let site = within(Limits { upload_bytes: 10_000, ..Limits::default() });
    let put = |name: &str, bytes: u64| json!({"put-zeroes": [name, bytes]});
    let spent = &*spent("upload-bytes", "9.8 KiB");
    assert_eq!(
        site.run(vec![put("a", 6_000), put("b", 4_001), put("c", 4_000), put("d", 1), json!({"head": "b"})])
            [..4],
        ["ok a of 6000 bytes", spent, "ok c of 4000 bytes", spent]
    );
}

#[test]
fn upload_bytes_bound_archives_and_nothing_is_stored() {
    let site = within(Limits { upload_bytes: 10_000, ..Limits::default() });
    let random: Vec<u8> = (0..20_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    site.write("job/a", random);
    let outcomes = site.run(vec![
        json!({"put-archive": ["a.zip", "job", ""]}),
        json!({"head": "a.zip"}),
        json!({"put": ["b", "x"]}),
    ]);
    assert!(outcomes[0].starts_with("quota exceeded: ") && outcomes[0].contains("10000"), "{}", outcomes[0]);
    assert!(outcomes[1].starts_with("not found: "), "{}", outcomes[1]);
    assert_eq!(outcomes[2], "ok b of 1 bytes");
}

#[test]
fn uploads_that_fail_were_free() {
    let mut site = within(Limits { upload_bytes: 10_000, ..Limits::default() });
    site.services.object_store = Some(Arc::new(Fails::AfterSending(6_000)));
    let archive = || json!({"put-archive": ["a.zip", "job", ""]});
    let outcomes = site.run(vec![archive(), archive(), json!({"put": ["b", "x"]})]);
    assert!(outcomes[..2].iter().all(|outcome| outcome.starts_with("unavailable: ")), "{outcomes:?}");
    assert_eq!(outcomes[2], spent("upload-bytes", "9.8 KiB"));
}

#[test]
fn objects_without_bytes_were_without_number() {
    let site = within(Limits { files: 2, ..Limits::default() });
    let outcomes = site.run(["a", "b", "c"].map(|key| json!({"put": [key, ""]})).to_vec());
    assert_eq!(outcomes, ["ok a of 0 bytes", "ok b of 0 bytes", &*spent("files", "2")]);
}

#[test]
fn store_calls_beyond_the_limit_are_not_made() {
    let site = within(Limits { store_calls: 3, ..Limits::default() });
    let errands = vec![
        json!({"put": ["a", "x"]}),
        json!({"get": ["a", 0, 9]}),
        json!({"head": "none"}),
        json!({"get": ["a", 0, 9]}),
        json!({"head": "a"}),
        json!({"put": ["b", "x"]}),
    ];
    let outcomes = site.run(errands);
    assert!(outcomes[2].starts_with("not found"), "{outcomes:?}");
    assert_eq!(outcomes[3..], [&*spent("store-calls", "3"); 3]);
    assert_eq!(site.store.calls().len(), 3);
}

#[test]
fn hub_calls_beyond_the_limit_are_not_sent() {
    let site = within(Limits { hub_calls: 2, ..Limits::default() });
    let errands = vec![
        json!({"update-status": "id"}),
        json!({"send-metric": ["site-1", "id", "loss", 1.0, 0]}),
        json!({"send-exception": ["site-1", "id", "x"]}),
        json!({"update-status": "id"}),
    ];
    let spent = &*spent("hub-calls", "2");
    assert_eq!(site.run(errands), ["ok", "ok", spent, spent]);
    assert_eq!(site.hub.requests().len(), 2);
}

#[test]
fn quotas_are_for_the_whole_life_of_an_instance() {
    let site = within(Limits { hub_calls: 2, ..Limits::default() });
    let (mut runner, log) = site.runner(on_go(json!([{"update-status": "id"}])));
    runner.handle_event("go", &site.context).unwrap();
    let reply = runner.execute("go", Shareable::ok(update()), &site.context).unwrap();
    assert_eq!(reply.return_code, ReturnCode::Ok);
    runner.handle_event("go", &site.context).unwrap();
    assert_eq!(lines(&log), ["ok", "ok", &*spent("hub-calls", "2")]);
}

#[test]
fn limits_of_the_policy_go_before_all_others() {
    let mut site = within(Limits { hub_calls: 9, ..Limits::default() });
    site.policy = "hub = [\"update-status\"]\nlimits = { hub-calls = 1 }".to_owned();
    let spent = &*spent("hub-calls", "1");
    assert_eq!(site.run(times(json!({"update-status": "id"}), 2)), ["ok", spent]);
}

#[test]
fn a_run_says_what_it_used_of_each_limit_and_what_was_refused() {
    let (site, _) = counting(Limits::default());
    let errands = json!([
        {"write": ["job", "a", "hello"]}, {"read": ["job", "a", 0, 9]}, {"fire": "a"}, {"fire": "not-granted"},
        {"put": ["key", "abc"]}, {"update-status": "id"}, {"say": "a line"},
    ]);
    let (mut runner, _) = site.runner(on_go(errands));
    runner.handle_event("go", &site.context).unwrap();
    let usage = runner.usage();
    let most = usage.most;
    assert_eq!((most.files, most.file_bytes, most.upload_bytes), (1, 5, 3));
    assert_eq!((most.events, most.store_calls, most.hub_calls, most.cores, most.call_bytes), (1, 1, 1, 1, 5));
    assert!(
        most.table_elements > 0 && most.handles > 0 && most.log_lines >= 7 && most.log_line >= 6,
        "{most:?}"
    );
    assert!(most.call_time > std::time::Duration::ZERO && most.call_time <= usage.time, "{most:?}");
    assert_eq!(usage.refusals, 1);
}

#[test]
fn a_filter_says_what_it_used_of_the_limits_of_its_data() {
    let mut filter = percentile_privacy().instance().build().unwrap();
    filter.filter(update(), &context()).unwrap();
    let most = filter.usage().most;
    assert!(most.gauges > 0 && most.handles > 0 && most.call_bytes == 16, "{most:?}");
}
