//! The upload of a job's results fails: they stay where they are, and nothing half-done is left.

use std::time::Duration;

use flip_runtime::job::{JobOptions, JobReport};
use flip_runtime::{AbortSignal, Code};
use flip_wasm_tests::job::{JOB_FOLDER, MODEL_ID, Servers, StandardJob, statuses};
use flip_wasm_tests::servers::s3::{ID, PART, SECRET};
use flip_wasm_tests::servers::{Fault, archives::noise, logged, nobody};

const FAILED: [&str; 4] = ["INITIATED", "PREPARED", "TRAINING_STARTED", "ERROR"];
/// The persistor's own policy, with less time.
const IMPATIENT: &str = include_str!("../runtime/policies/persist-to-s3-and-cleanup.toml");

fn impatient(options: &mut JobOptions) {
    let policy = IMPATIENT.replace(r#"call-time = "12h""#, r#"call-time = "8s""#);
    assert_ne!(policy, IMPATIENT);
    options.policy = policy.parse().unwrap();
}

/// A job whose results take three parts.
fn large() -> StandardJob {
    let job = StandardJob::new();
    job.write(&format!("{JOB_FOLDER}/weights.bin"), noise(2 * PART + 1000));
    job
}

/// The results are in the job folder, nothing of them in the bucket, and the hub knows.
fn assert_kept(job: &StandardJob, servers: &Servers, report: &JobReport) {
    assert_eq!(servers.statuses(), FAILED);
    let kept = job.files(JOB_FOLDER);
    for result in
        ["FL_global_model.pt", "trainer.py", "validator.py", "cross_site_val/cross_val_results.json"]
    {
        assert!(kept.contains_key(result), "{result}: {:?}", kept.keys());
    }
    assert_eq!(
        kept["FL_global_model.pt"],
        StandardJob::new().files(JOB_FOLDER)["app_server/model/FL_global_model.pt"]
    );
    servers.s3.assert_nothing_left();
    let strange =
        job.files("workspace").into_keys().find(|name| name.contains(".tmp") || name.contains("/."));
    assert_eq!(strange, None);
    let shown = format!(
        "{}{report:?}{}",
        serde_json::to_string(&report.report(&Default::default())).unwrap(),
        logged()
    );
    assert!(!shown.contains(SECRET) && !shown.contains(ID));
    // It is the handler that called the persistor, and what it was told goes to the log.
    assert!(logged().contains("the results persistor failed"));
}

fn assert_cleaned_up(job: &StandardJob) {
    let left: Vec<_> = ["save", "transfer"]
        .iter()
        .flat_map(|folder| job.files(&format!("workspace/server/{folder}")))
        .collect();
    assert!(left.len() == 2 && left.iter().all(|(name, _)| !name.contains(MODEL_ID)), "{left:?}");
}

#[test]
fn a_server_that_refuses_leaves_the_results_in_the_job_folder() {
    for fault in [Fault::Status(500), Fault::Status(403), Fault::Status(404), Fault::Cut] {
        let (job, servers) = (StandardJob::new(), Servers::new());
        servers.s3.server.fail(move |seen| (seen.method == "PUT").then_some(fault));
        let report = job.run(servers.options(&job));
        servers.s3.server.fail(|_| None);
        assert_kept(&job, &servers, &report);
        assert_cleaned_up(&job);
    }
}

#[test]
fn a_server_that_fails_at_the_first_question_too() {
    for status in [500, 403] {
        let (job, servers) = (StandardJob::new(), Servers::new());
        servers.s3.server.fail(move |_| Some(Fault::Status(status)));
        let report = job.run(servers.options(&job));
        assert_kept(&job, &servers, &report);
        assert_cleaned_up(&job);
    }
}

#[test]
fn a_server_that_is_not_there() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    let mut options = servers.options(&job);
    options.object_store = servers.store_at(&nobody());
    let report = job.run(options);
    assert_kept(&job, &servers, &report);
    assert_cleaned_up(&job);
}

#[test]
fn a_part_that_fails_takes_the_other_parts_with_it() {
    for (query, method, fault) in [
        ("partNumber=2", "PUT", Fault::Status(500)),
        ("partNumber=2", "PUT", Fault::Status(403)),
        ("partNumber=2", "PUT", Fault::Cut),
        ("partNumber=3", "PUT", Fault::Status(404)),
        ("uploads", "POST", Fault::Status(500)),
        ("uploadId", "POST", Fault::Status(500)),
    ] {
        let (job, servers) = (large(), Servers::new());
        servers.s3.server.fail(move |seen| seen.is(method, query).then_some(fault));
        let report = job.run(servers.options(&job));
        assert!(servers.s3.server.seen().iter().any(|seen| seen.is(method, query)), "{query}");
        servers.s3.server.fail(|_| None);
        assert_kept(&job, &servers, &report);
        assert_cleaned_up(&job);
    }
}

/// Of the persistor's time the upload has three quarters, and then something to undo what it began.
fn assert_outlasts_a_stall(job: &StandardJob, query: &'static str) {
    let servers = Servers::new();
    servers.s3.server.fail(move |seen| seen.is("PUT", query).then_some(Fault::Stall));
    let mut options = servers.options(job);
    options.object_store = servers.s3.store_with(Duration::from_millis(900));
    impatient(&mut options);
    let report = job.run(options);
    servers.s3.server.fail(|_| None);
    assert_kept(job, &servers, &report);
    assert_cleaned_up(job);
    assert!(logged().contains("no answer in time: limit call-time reached: 8s allowed"), "{}", logged());
}

#[test]
fn a_server_that_stalls_costs_the_persistor_its_time_and_the_job_no_result() {
    assert_outlasts_a_stall(&StandardJob::new(), "");
}

#[test]
pub fn a_server_that_stalls_amid_the_parts_costs_no_result_either() {
    assert_outlasts_a_stall(&large(), "partNumber=2");
}

#[test]
fn a_server_that_recovers_in_time_is_no_failure() {
    let (job, servers) = (large(), Servers::new());
    servers.s3.server.fail(|seen| (seen.number < 4 && seen.method == "PUT").then_some(Fault::Status(503)));
    let report = job.run(servers.options(&job));
    assert_eq!((report.code(), statuses(&report)[3]), (None, "RESULTS_UPLOADED"));
    assert_eq!(servers.s3.files().iter().filter(|name| name.ends_with(".zip")).count(), 1);
}

#[test]
fn an_abort_during_the_upload_lets_the_run_come_to_its_end() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    let abort = AbortSignal::default();
    let signal = abort.clone();
    servers.s3.server.fail(move |seen| {
        if seen.method == "PUT" {
            signal.trigger();
        }
        None
    });
    let mut options = servers.options(&job);
    options.abort = abort;
    let report = job.run(options);
    assert!(report.aborted);
    assert_eq!(servers.statuses().last().unwrap(), "RESULTS_UPLOADED", "{:?}", report.statuses);
    assert_eq!(servers.s3.files().iter().filter(|name| name.ends_with(".zip")).count(), 1);
}

#[test]
fn an_upload_that_the_policy_does_not_allow_is_an_error_that_names_the_line() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    let mut options = servers.options(&job);
    options.policy = IMPATIENT.replace(r#"object-store = ["put-archive"]"#, "").parse().unwrap();
    let report = job.run(options);
    assert_kept(&job, &servers, &report);
    assert_cleaned_up(&job);
    assert!(logged().contains(r#"object-store = ["put-archive"]"#), "{}", logged());
    assert!(servers.s3.server.seen().is_empty());
}

#[test]
fn the_report_says_that_the_results_are_not_safe() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    servers.s3.server.fail(|_| Some(Fault::Status(403)));
    let report = job.run(servers.options(&job));
    assert_eq!(report.code(), Some(Code::ServiceFailed), "{report:?}");
}
