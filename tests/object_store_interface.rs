//! The interface `object-store`, through a guest.

use std::sync::Arc;

use flip_runtime::services::{Call, ObjectStore, ServiceError};
use flip_runtime::{AbortSignal, Services};
use flip_wasm_tests::{EVERYTHING, Fails, Site, lines, on_go, test_host, told};
use serde_json::{Value, json};

/// Every function once.
fn functions() -> [Value; 4] {
    [
        json!({"put": ["key", "hello"]}),
        json!({"put-archive": ["key", "job", ""]}),
        json!({"get": ["key", 0, 9]}),
        json!({"head": "key"}),
    ]
}

#[test]
fn every_function_does_what_it_says_and_the_report_knows() {
    let site = Site::granting_everything();
    site.write("job/results/a", "hello");
    let errands = json!([
        {"head": "run/a"}, {"get": ["run/a", 0, 9]},
        {"put": ["run/a", "hello"]}, {"put": ["run/a", "other"]}, {"put-archive": ["run/a", "job", ""]},
        {"head": "run/a"}, {"get": ["run/a", 1, 3]}, {"get": ["run/a", 9, u32::MAX]},
        {"put": ["empty", ""]}, {"get": ["empty", 0, 9]},
        {"put-archive": ["no", "job", "no"]}, {"put-archive": ["file", "job", "results/a"]},
        {"put-archive": ["run/a.zip", "job", "results"]},
    ]);
    let (mut runner, log) = site.runner(on_go(errands));
    runner.handle_event("go", &site.context).unwrap();
    let outcomes = lines(&log);
    for (number, start) in
        [(0, "not found: "), (1, "not found: "), (3, "invalid argument: "), (4, "invalid argument: ")]
    {
        assert!(
            outcomes[number].starts_with(start) && outcomes[number].contains("run/a"),
            "{}",
            outcomes[number]
        );
    }
    assert_eq!(outcomes[2], "ok run/a of 5 bytes");
    assert_eq!(outcomes[5..8], ["ok run/a of 5 bytes", r#"ok "ell""#, r#"ok """#]);
    assert_eq!(outcomes[8..10], ["ok empty of 0 bytes", r#"ok """#]);
    assert_eq!(outcomes[10], "not found: no: nothing is there");
    assert_eq!(outcomes[11], "invalid argument: results/a: Not a directory (os error 20)");
    assert!(outcomes[12].starts_with("ok run/a.zip of "), "{}", outcomes[12]);

    let stored = runner.usage().stored;
    let stored: Vec<_> =
        stored.iter().map(|stored| (stored.key.as_str(), stored.files, stored.bytes)).collect();
    assert_eq!(stored, [("run/a", None, None), ("empty", None, None), ("run/a.zip", Some(1), Some(5))]);
    let call =
        Call::new(std::time::Instant::now() + std::time::Duration::from_secs(60), AbortSignal::default());
    let zip = site.store.get(&call, "run/a.zip", 0, u32::MAX).unwrap();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip.to_vec())).unwrap();
    assert_eq!(std::io::read_to_string(zip.by_name("a").unwrap()).unwrap(), "hello");
}

#[test]
fn a_key_that_could_lead_out_of_the_prefix_is_refused() {
    let host = test_host(EVERYTHING);
    for key in ["", "..", "../a", "a/../../b", "/a", "a/", "a//b", ".", "a\0b", "a\nb"] {
        let errands = vec![
            json!({"put": [key, "x"]}),
            json!({"put-archive": [key, "job", ""]}),
            json!({"get": [key, 0, 1]}),
            json!({"head": key}),
        ];
        for outcome in told(&host, errands) {
            assert!(outcome.starts_with("invalid argument: "), "{key:?}: {outcome}");
        }
    }
    assert!(host.objects().unwrap().is_empty());
}

#[test]
fn what_links_in_an_archive_point_to_is_not_uploaded() {
    let site = Site::granting_everything();
    site.write("secret", "s3cr3t-s3cr3t");
    site.write("job/a", "hello");
    site.link("../secret", "job/link");
    site.link("..", "job/up");
    let outcome = site.does(json!({"put-archive": ["a.zip", "job", ""]}));
    let call =
        Call::new(std::time::Instant::now() + std::time::Duration::from_secs(60), AbortSignal::default());
    match site.store.get(&call, "a.zip", 0, u32::MAX) {
        Ok(zip) => {
            let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip.to_vec())).unwrap();
            assert_eq!((zip.len(), zip.by_name("a").is_ok()), (1, true));
        }
        Err(_) => assert!(outcome.contains("link"), "{outcome}"),
    }
}

#[test]
fn a_read_is_no_longer_than_a_call_may_pass() {
    let mut site = Site::granting_everything();
    site.limits.call_bytes = 100_000;
    let mut errands: Vec<_> =
        (0..2).map(|number| json!({"put-zeroes": [format!("{number}"), 90_000]})).collect();
    errands.push(json!({"get": ["0", 0, u32::MAX]}));
    errands.push(json!({"get": ["0", 80_000, u32::MAX]}));
    assert_eq!(site.run(errands)[2..], ["ok 90000 bytes", "ok 10000 bytes"]);
    site.limits.call_bytes = 8_192;
    assert_eq!(site.does(json!({"get": ["0", 0, u32::MAX]})), "ok 8192 bytes");
}

#[test]
fn each_failure_of_the_service_is_told_as_what_it_is() {
    use ServiceError as E;
    let text = || "as it is".to_owned();
    for (error, told) in [
        (E::InvalidArgument(text()), "invalid argument: as it is"),
        (E::NotFound(text()), "not found: as it is"),
        (E::QuotaExceeded(text()), "quota exceeded: as it is"),
        (E::Unavailable(text()), "unavailable: as it is"),
        (E::Aborted, "the run is being aborted"),
    ] {
        let mut site = Site::granting_everything();
        site.services.object_store = Some(Arc::new(Fails::With(error)));
        assert_eq!(site.run(functions().into()), [told; 4]);
    }
}

#[test]
fn a_panic_in_the_service_is_not_one_of_the_host() {
    let mut site = Site::granting_everything();
    site.services.object_store = Some(Arc::new(Fails::Panics));
    assert_eq!(site.run(functions().into()), ["unavailable: the service failed"; 4]);
}

#[test]
fn a_host_without_an_object_store_says_so() {
    let mut site = Site::granting_everything();
    site.services = Services { object_store: None, ..site.services };
    assert_eq!(site.run(functions().into()), ["unavailable: this host has no object store"; 4]);
}
