//! A hub and an object store that fail at one request of a run, each request in turn, through `flip-wasm run`: no
//! result is lost, and nothing half done is left.

use std::fs::File;
use std::sync::atomic::Ordering;
use std::thread;

use crate::support::Site;
use crate::support::jobs::Job;
use crate::support::services::Services;
use flip_wasm_tests::EVERYTHING;
use flip_wasm_tests::job::{JOB_FOLDER, RESULTS, StandardJob};
use flip_wasm_tests::servers::Fault;
use flip_wasm_tests::servers::archives::noise;
use serde_json::{Value, json};
use zip::ZipArchive;

/// The entries of an archive that the server keeps, each read to its end.
fn entries(services: &Services, name: &str) -> Vec<String> {
    let mut zip = ZipArchive::new(File::open(services.s3.root.path().join(name)).unwrap()).unwrap();
    let entries = (0..zip.len()).map(|index| {
        let mut entry = zip.by_index(index).unwrap();
        std::io::copy(&mut entry, &mut std::io::sink()).unwrap();
        entry.name().unwrap().into_owned()
    });
    entries.collect()
}

/// Runs the recorded job while the request of this number fails like this. Whether there was none of that number.
fn run_recorded(number: usize, fault: Fault) -> bool {
    let (job, services) = (StandardJob::new(), Services::new());
    let requests = services.fail_at(number, fault);
    let args = ["run", "job", "--trace", "trace.jsonl", "--workspace", "workspace"];
    let more = ["--report", "report.json"];
    let ran = services.output(&Site::at(job.path("")).hostile(), &[&args[..], &more].concat());
    let what = format!("{fault:?} at request {number}");
    assert!(!ran.log.contains("panicked"), "{what}: {}", ran.log);
    let is_over = requests.load(Ordering::SeqCst) <= number;
    // What may pass is asked again, and then all is well.
    let may_pass = !matches!(fault, Fault::Status(403));
    let code = if may_pass || is_over { 0 } else { 7 };
    assert_eq!(ran.code, code, "{what}: {}\n{}", ran.summary, ran.log);
    let report: Value = serde_json::from_str(&job.text("report.json")).unwrap();
    assert_eq!(report["statuses"].as_array().unwrap().len(), 4, "{what}");

    let stored = services.objects();
    let kept = job.files(JOB_FOLDER);
    match &stored[..] {
        [] => {
            assert!(kept.contains_key("FL_global_model.pt"), "{what}: {:?}", kept.keys());
            assert_eq!(code, 7, "{what}: it says that all is well");
        }
        [archive] => {
            let entries = entries(&services, archive);
            let whole = entries.iter().any(|name| name.ends_with("FL_global_model.pt"));
            assert!(whole, "{what}: {entries:?}");
        }
        more => panic!("{what}: {more:?}"),
    }
    assert_eq!(job.text(RESULTS), job.text("expected/cross_val_results.json"), "{what}");
    assert_eq!(job.files("workspace/outbox").len(), 4, "{what}");
    assert!(!job.files("workspace").keys().any(|name| name.contains(".tmp")), "{what}");
    is_over
}

#[test]
fn a_hub_and_a_store_that_fail_at_any_one_request_of_a_job_cost_it_no_result() {
    let faults = [Fault::Status(403), Fault::Status(500), Fault::Cut, Fault::Unanswered];
    thread::scope(|scope| {
        let all = faults.map(|fault| scope.spawn(move || (0..).find(|number| run_recorded(*number, fault))));
        for requests in all.map(|one| one.join().unwrap()) {
            // Four statuses at least, and what the archive takes.
            assert!(requests.is_some_and(|requests| requests > 5), "{requests:?}");
        }
    });
}

/// What a component stores, and the requests that this takes: an object, an archive, and an archive of two parts.
const UPLOADS: [(&str, &str, &str); 6] = [
    ("put", "PUT", ""),
    ("small", "PUT", ""),
    ("large", "POST", "uploads"),
    ("large", "PUT", "partNumber=1"),
    ("large", "PUT", "partNumber=2"),
    ("large", "POST", "uploadId"),
];

/// The component stores it at a server that fails like this at all such requests, and goes on.
fn upload(which: &str, method: &'static str, query: &'static str, fault: Fault) {
    let services = Services::new();
    services.fail(move |seen| seen.is(method, query).then_some(fault));
    let store = match which {
        "put" => json!({"put": ["key", "x"]}),
        _ => json!({"put-archive": ["key", "job", ""]}),
    };
    let errands = [store, json!({"write": ["job", "on", "on"]})];
    let job = Job::new().on("hostile", EVERYTHING, &json!({"go": errands})).event("go");
    // More than one part of the program's own size.
    let size = if which == "large" { (8 << 20) + 1_000 } else { 10 };
    job.write("workspace/server/job-1/a", noise(size));
    let ran = services.run(&job, &[]);
    let what = format!("{which}, {fault:?} at {method} {query}: {}", ran.log);
    ran.assert_code(0);
    let told = ran.told("hostile");
    assert_eq!(told.len(), 2, "{what}");
    assert!(told[0].starts_with("unavailable: ") && told[1] == "ok", "{what}");
    assert!(services.s3.server.seen().iter().any(|seen| seen.is(method, query)), "{what}");
    assert_eq!(services.objects(), [""; 0], "{what}");
    assert_eq!(job.names(), ["a", "on"], "{what}");
}

/// All at the same time: most of it is pauses before a request is tried again.
#[test]
fn a_server_of_objects_that_fails_at_each_request_leaves_nothing() {
    thread::scope(|scope| {
        for (which, method, query) in UPLOADS {
            for fault in [Fault::Status(403), Fault::Status(500), Fault::Cut] {
                scope.spawn(move || upload(which, method, query, fault));
            }
        }
    });
}

/// The persistor's own policy, with less time.
const IMPATIENT: &str = include_str!("../../runtime/policies/persist-to-s3-and-cleanup.toml");

/// Of the persistor's time the upload has three quarters. Undoing what it began may take longer than the rest: then
/// its call is over as well.
#[test]
fn a_server_that_stalls_amid_the_parts_costs_no_result() {
    // Where the machine is busy, the second part may be late.
    let reached = [6, 60].into_iter().any(stalls_amid_the_parts);
    assert!(reached, "it never came to the second part");
}

/// With so many seconds; whether the upload came to its second part.
fn stalls_amid_the_parts(seconds: u64) -> bool {
    let (job, services) = (StandardJob::new(), Services::new());
    services.fail(|seen| seen.is("PUT", "partNumber=2").then_some(Fault::Stall));
    job.write(&format!("{JOB_FOLDER}/weights.bin"), noise((8 << 20) + 1_000));
    let policy = IMPATIENT.replace(r#"call-time = "12h""#, &format!(r#"call-time = "{seconds}s""#));
    assert_ne!(policy, IMPATIENT);
    job.write("policy.toml", policy);
    let args =
        ["run", "job", "--trace", "trace.jsonl", "--workspace", "workspace", "--policy", "policy.toml"];
    let ran = services.output(&Site::at(job.path("")).hostile(), &args);
    assert!(ran.code == 5 || ran.code == 7, "{}\n{}", ran.summary, ran.log);
    assert!(ran.log.contains("limit call-time reached: "), "{}", ran.log);
    assert_eq!(services.objects(), [""; 0], "{}", ran.log);
    let kept = job.files(JOB_FOLDER);
    for result in ["FL_global_model.pt", "weights.bin", "cross_site_val/cross_val_results.json"] {
        assert!(kept.contains_key(result), "{result}: {:?}", kept.keys());
    }
    assert!(services.hub.log.lock().unwrap().last().is_some_and(|(_, status)| status == "ERROR"));
    services.s3.server.seen().iter().any(|seen| seen.is("PUT", "partNumber=2"))
}
