//! The audit trail of whole jobs, and of components that misbehave.

use std::fs;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use flip_runtime::audit::{
    self, AuditTrail, CallEntry, Checked, Entry, Function, Line, Outcome, RunKind, Start,
};
use flip_runtime::job::{JobOptions, JobReport};
use flip_runtime::safetensors::{self, Overrides};
use flip_runtime::{Code, Digest, Error, Limits, RecordedLog};
use flip_wasm_tests::job::{CLIENT, MODEL_ID, RESULTS, Servers, StandardJob};
use flip_wasm_tests::servers::hub::KEY;
use flip_wasm_tests::servers::s3::{ID, SECRET};
use flip_wasm_tests::{Site, errand, granted, on_go, runtime};
use serde_json::json;

/// The trail of a job that ran with servers.
struct Run {
    job: StandardJob,
    servers: Servers,
    report: JobReport,
    text: String,
    checked: Checked,
}

fn run(change: impl FnOnce(&StandardJob, &mut JobOptions)) -> Run {
    let (job, servers) = (StandardJob::new(), Servers::new());
    let path = job.path("audit.jsonl");
    let trail = AuditTrail::create(&path, Start::new(RunKind::Job)).unwrap();
    let mut options = servers.options(&job);
    options.audit = Some(trail.clone());
    change(&job, &mut options);
    let report = job.run(options);
    let digest = trail.finish(report.code()).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let checked = audit::check(text.as_bytes()).unwrap();
    assert_eq!(checked.digest, digest);
    Run { job, servers, report, text, checked }
}

fn calls(text: &str) -> Vec<CallEntry> {
    let lines = text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap().entry);
    lines.filter_map(|entry| if let Entry::Call(call) = entry { Some(call) } else { None }).collect()
}

#[test]
fn a_job_leaves_every_component_object_deletion_and_request_in_its_trail() {
    let run = run(|_, _| {});
    let calls = calls(&run.text);
    let components = run.report.places.iter().flat_map(|place| {
        place.components.iter().map(move |component| (&place.name, &component.id, component))
    });
    let mut stored = 0;
    let mut deleted = 0;
    for (place, id, component) in components.clone() {
        let there = run.checked.components.iter().find(|there| (&there.place, &there.id) == (place, id));
        assert_eq!(there.unwrap().sha256, component.inspection.sha256);
        let of = || calls.iter().filter(|call| (&call.place, &call.component) == (place, id));
        for object in &component.usage.stored {
            stored += 1;
            let bytes = std::fs::read(run.servers.s3.object(&object.key)).unwrap();
            assert_eq!(object.sha256, Some(Digest::of(&bytes)));
            assert!(of().any(|call| {
                call.function == Function::PutArchive
                    && call.sha256 == object.sha256
                    && call.to.as_ref() == Some(&object.key)
                    && (call.written, call.outcome) == (object.size, Outcome::Ok)
            }));
        }
        for gone in &component.usage.deleted {
            deleted += 1;
            assert!(of().any(|call| {
                call.touched == gone.path && call.deleted.is_some_and(|tally| tally.files == gone.files)
            }));
        }
    }
    assert_eq!(run.checked.components.len(), components.count());
    assert!(stored == 1 && deleted >= 3, "{stored} {deleted}");
    let written = calls.iter().rev().find(|call| call.function == Function::Commit).unwrap();
    assert!(RESULTS.ends_with(written.touched.rsplit('/').next().unwrap()), "{written:?}");
    assert_eq!(written.sha256, Some(Digest::of(run.job.text(RESULTS).as_bytes())));
    let requests: Vec<_> = calls.iter().filter(|call| call.function == Function::UpdateStatus).collect();
    let expected = run.servers.statuses();
    let expected: Vec<_> =
        expected.iter().map(|status| format!("PUT /model/{MODEL_ID}/status/{status}")).collect();
    assert_eq!(
        requests.iter().map(|call| &call.touched).collect::<Vec<_>>(),
        expected.iter().collect::<Vec<_>>()
    );
    let persistor =
        run.checked.components.iter().find(|there| there.name == "PersistToS3AndCleanup").unwrap();
    assert!(persistor.grants.contains(&r#"object-store = ["put-archive"]"#.to_owned()), "{persistor:?}");
}

#[test]
fn what_went_out_is_what_lies_in_the_outbox() {
    let run = run(|_, _| {});
    let files = run.report.results.iter().flat_map(|result| &result.files);
    let digests = files
        .filter(|path| path.extension().is_some_and(|ext| ext == "safetensors"))
        .map(|path| audit::digest(&safetensors::open(path, Overrides::default()).unwrap().dxo).unwrap());
    let digests: Vec<_> = digests.collect();
    let out = run.checked.data.iter().filter(|seen| seen.out && seen.data.tensors > 0);
    assert_eq!(out.map(|seen| seen.data.sha256).collect::<Vec<_>>(), digests);
    assert_eq!(digests.len(), 4);
    let out = run.checked.data.iter().find(|seen| seen.out).unwrap();
    assert_eq!(out.data.filters, ["percentile_privacy"]);
    // The filter changed it: what came in is something else.
    let came = run.checked.data.iter().filter(|seen| !seen.out && seen.data.sha256 == out.data.sha256);
    assert_eq!(came.count(), 0);
}

#[test]
fn a_trail_holds_no_secret_and_no_path_of_the_machine() {
    let run = run(|_, _| {});
    let folder = run.job.path("").display().to_string();
    for hidden in [KEY, SECRET, ID, folder.trim_end_matches('/'), &run.servers.hub.server.address] {
        assert!(!run.text.contains(hidden), "{hidden}");
    }
}

#[test]
fn what_a_filter_held_back_or_the_policy_let_pass_is_in_the_trail() {
    let refuse = |job: &StandardJob| job.edit(CLIENT, "\"gamma\": 2.0", "\"gamma\": 0");
    let held = run(|job, _| refuse(job));
    let passed = run(|job, options| {
        refuse(job);
        let policy = "[components.percentile_privacy]\non-filter-failure = \"let-pass\"";
        options.policy = policy.parse().unwrap();
    });
    let out = |run: &Run| -> Vec<_> {
        run.checked.data.iter().filter(|seen| seen.out).map(|seen| seen.data.clone()).collect()
    };
    let held: Vec<_> = out(&held).into_iter().filter(|data| data.refused.is_some()).collect();
    assert_eq!(held.len(), 4);
    assert!(held.iter().all(|data| data.refused == Some(Code::Refused) && data.sha256.is_none()));
    let passed: Vec<_> = out(&passed).into_iter().filter(|data| !data.unfiltered.is_empty()).collect();
    assert_eq!(passed.len(), 4);
    assert!(passed.iter().all(|data| data.unfiltered == ["percentile_privacy"] && data.sha256.is_some()));
}

/// A disk that is full after so many bytes.
struct Full {
    left: usize,
    kept: Arc<Mutex<Vec<u8>>>,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        self.kept.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_trail_that_cannot_be_written_is_an_error_of_the_run_and_nothing_leaves() {
    // From before the first component is configured to after the last update has left.
    for left in (2_000..20_000).step_by(3_000) {
        let job = StandardJob::new();
        let kept = Arc::default();
        let full = Full { left, kept: Arc::clone(&kept) };
        let trail = AuditTrail::to(full, Start::new(RunKind::Job)).unwrap();
        let result = job.run_alone(|options| options.audit = Some(trail));
        assert!(matches!(result, Err(Error::Audit(_))), "{left}: {result:?}");
        let kept = String::from_utf8(kept.lock().unwrap().clone()).unwrap();
        let out = kept.matches(r#""entry":"out""#).count();
        assert!(job.files("workspace/outbox").len() <= out, "{left}: {out}");
    }
}

/// The calls of an errand runner, as its trail has them.
fn errands(site: &Site, errands: Vec<serde_json::Value>) -> Vec<CallEntry> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let trail = AuditTrail::create(&path, Start::new(RunKind::Job)).unwrap();
    let component = errand();
    let builder = component.instance().args(on_go(errands)).grants(granted(&site.policy));
    let builder = builder
        .limits(site.limits.clone())
        .services(site.services.clone())
        .log(Arc::new(RecordedLog::default()));
    let mut runner = builder.audit(&trail, "site-1").build().unwrap();
    runner.handle_event("go", &site.context).unwrap();
    trail.finish(None).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    audit::check(text.as_bytes()).unwrap();
    calls(&text)
}

#[test]
fn refusals_are_noted_and_names_are_cleaned_and_cut() {
    let site = Site::granting("");
    let key = format!("a\u{202e}\n{}", "x".repeat(5_000));
    let calls = errands(&site, vec![json!({"put": [key, "t"]})]);
    let call = calls.last().unwrap();
    assert_eq!((call.function, call.outcome), (Function::Put, Outcome::NotPermitted));
    assert!(call.touched.starts_with(r"a\u{202e}\n") && call.touched.len() <= 512, "{}", call.touched);
}

#[test]
fn what_was_read_or_sent_had_no_digest_and_what_was_given_up_was_not_noted() {
    let site = Site::granting_everything();
    fs::write(site.path("job/data"), b"0123456789").unwrap();
    let calls = errands(
        &site,
        vec![
            json!({"read": ["job", "data", 0, 4]}),
            json!({"tensor": ["job", "data", 2, [3]]}),
            json!({"put": ["key", "object"]}),
            json!({"get": ["key", 0, 100]}),
            json!({"update-status": MODEL_ID}),
            json!({"send-exception": ["server", MODEL_ID, "text"]}),
            json!({"send-exception": ["server", "..", "text"]}),
            json!({"stage": ["job", "given-up", "x"]}),
            json!("drop-staged"),
            json!({"write": ["job", "kept", "x"]}),
        ],
    );
    let digest = |function, outcome| {
        let mut found = calls.iter().filter(|call| (call.function, call.outcome) == (function, outcome));
        let call = found.next().unwrap_or_else(|| panic!("{function} {outcome}: {calls:?}"));
        assert!(found.next().is_none(), "{function}: {calls:?}");
        call.sha256
    };
    for (function, bytes) in [
        (Function::Read, &b"0123"[..]),
        (Function::Tensor, b"234"),
        (Function::Put, b"object"),
        (Function::Get, b"object"),
        (Function::SendException, br#"{"trust":"server","log":"text"}"#),
    ] {
        assert_eq!(digest(function, Outcome::Ok), Some(Digest::of(bytes)), "{function}");
    }
    assert!(digest(Function::UpdateStatus, Outcome::Ok).is_none(), "it has no body");
    assert_eq!(digest(Function::SendException, Outcome::InvalidArgument), None, "it was not sent");
    // Only what was not committed was given up.
    assert_eq!(digest(Function::Discard, Outcome::Ok), None);
    let given_up = calls.iter().find(|call| call.function == Function::Discard).unwrap();
    assert_eq!(given_up.touched, "job/given-up");
}

#[test]
fn what_a_component_was_told_of_files_and_objects_had_no_digest() {
    let site = Site::granting_everything();
    fs::create_dir(site.path("job/folder")).unwrap();
    fs::write(site.path("job/folder/data"), b"0123456789").unwrap();
    fs::create_dir(site.path("job/folder/within")).unwrap();
    let calls = errands(
        &site,
        vec![
            json!({"entries": ["job", "folder", null, 100]}),
            json!({"stat": ["job", "folder/data"]}),
            json!({"usage": ["job", "folder"]}),
            json!({"put": ["key", "object"]}),
            json!({"head": "key"}),
            json!({"stat": ["job", "nothing"]}),
        ],
    );
    let told = |function, bytes: &[u8]| {
        let call = calls.iter().find(|call| call.function == function).unwrap();
        assert_eq!(call.sha256, Some(Digest::of(bytes)), "{call:?}");
    };
    told(Function::Entries, b"file 10 data\ndirectory 0 within\n");
    told(Function::Stat, b"file 10 data\n");
    told(Function::Usage, b"1 2 10\n");
    let call = calls.iter().find(|call| call.function == Function::Head).unwrap();
    assert!(call.sha256.is_some(), "{call:?}");
    let nothing = calls.last().unwrap();
    assert_eq!(
        (nothing.function, nothing.outcome, nothing.sha256),
        (Function::Stat, Outcome::NotFound, None)
    );
}

#[test]
fn the_parts_of_wasi_that_nobody_withholds_are_granted_in_the_trail() {
    let seeded = r#"(component (import "wasi:random/insecure-seed@0.2.6" (instance
        (export "insecure-seed" (func (result (tuple u64 u64)))))))"#;
    let seeded = runtime().load_bytes("Seeded", &wat::parse_str(seeded).unwrap()).unwrap();
    let kept = Arc::<Mutex<Vec<u8>>>::default();
    let disk = Full { left: usize::MAX, kept: kept.clone() };
    let trail = AuditTrail::to(disk, Start::new(RunKind::Program)).unwrap();
    // It has no role; that it was about to run is noted before.
    for component in [seeded, errand()] {
        let _ = component.instance().audit(&trail, "here").build();
    }
    trail.finish(None).unwrap();
    let checked = audit::check(&**kept.lock().unwrap()).unwrap();
    let granted: Vec<_> = checked.components.iter().map(|component| component.grants.join("; ")).collect();
    assert_eq!(granted, [r#"wasi = ["random"]"#, ""]);
}

#[test]
fn what_was_refused_an_append_was_in_the_digest_of_the_file() {
    let mut site = Site::granting_everything();
    site.limits.file_bytes = 6;
    let calls = errands(
        &site,
        vec![
            json!({"stage": ["job", "file", "abc"]}),
            json!({"append": "defgh"}),
            json!({"append": "xyz"}),
            json!("commit"),
        ],
    );
    let appends: Vec<_> = calls.iter().filter(|call| call.function == Function::Append).collect();
    let outcomes: Vec<_> = appends.iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, [Outcome::Ok, Outcome::QuotaExceeded, Outcome::Ok]);
    let file = fs::read(site.path("job/file")).unwrap();
    assert_eq!((&*file, calls.last().unwrap().sha256), (&b"abcxyz"[..], Some(Digest::of(&file))));
}

#[test]
fn a_component_that_is_refused_for_its_size_or_for_what_it_imports_is_in_the_trail() {
    let kept = Arc::<Mutex<Vec<u8>>>::default();
    let disk = Full { left: usize::MAX, kept: kept.clone() };
    let trail = AuditTrail::to(disk, Start::new(RunKind::Program)).unwrap();
    let seeded = r#"(component (import "wasi:random/insecure-seed@0.2.6" (instance
        (export "insecure-seed" (func (result (tuple u64 u64)))))))"#;
    let seeded = runtime().load_bytes("Seeded", &wat::parse_str(seeded).unwrap()).unwrap();
    let size = errand().inspection().size - 1;
    let large = errand().instance().limits(Limits { component_size: size, ..Limits::default() });
    let withheld = seeded.instance().grants(granted("wasi = []"));
    let refused = [(errand(), large, Code::ComponentFailed), (seeded, withheld, Code::NotPermitted)];
    let refused = refused.map(|(component, builder, code)| {
        let error = builder.audit(&trail, "here").build().err().unwrap();
        assert_eq!(error.code(), code);
        component.inspection().sha256
    });
    trail.finish(None).unwrap();
    let checked = audit::check(&**kept.lock().unwrap()).unwrap();
    let there: Vec<_> = checked.components.iter().map(|component| component.sha256).collect();
    assert_eq!(there, refused);
}

#[test]
fn places_that_are_made_ready_are_in_no_trail_and_no_log() {
    let (kept, log) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::<RecordedLog>::default());
    let disk = Full { left: usize::MAX, kept: kept.clone() };
    let trail = AuditTrail::to(disk, Start::new(RunKind::Program)).unwrap();
    let component = errand();
    let like = component.instance().args(on_go(json!([]))).log(log.clone()).audit(&trail, "here");
    like.warm(2).unwrap();
    trail.finish(None).unwrap();
    let text = String::from_utf8(kept.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(log.lines().is_empty());
    let refused = like.args(r#"{"nonsense": 1}"#).warm(1).unwrap_err();
    assert!(matches!(refused, Error::Args { .. }), "{refused}");
}
