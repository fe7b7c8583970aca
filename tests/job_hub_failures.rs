//! A hub that fails stops no job, and its key is shown nowhere.

use std::sync::Arc;
use std::time::Duration;

use flip_runtime::Code;
use flip_runtime::job::JobReport;
use flip_wasm_tests::job::{RESULTS, Servers, StandardJob, statuses};
use flip_wasm_tests::servers::hub::KEY;
use flip_wasm_tests::servers::{Fault, logged, nobody};

const STATUSES: [&str; 4] = ["INITIATED", "PREPARED", "TRAINING_STARTED", "RESULTS_UPLOADED"];

fn assert_ran_to_its_end(job: &StandardJob, servers: &Servers, report: &JobReport) {
    assert_eq!(statuses(report), STATUSES);
    assert_eq!(servers.s3.files().iter().filter(|name| name.ends_with(".zip")).count(), 1);
    assert_eq!(job.files("workspace/outbox").len(), 4);
    assert_eq!(job.text(RESULTS), job.text("expected/cross_val_results.json"));
    let shown = format!(
        "{}{report:?}{}",
        serde_json::to_string(&report.report(&Default::default())).unwrap(),
        logged()
    );
    assert!(logged().contains("status of model"), "the log is caught");
    assert!(!shown.contains(KEY));
}

/// Every status was tried in vain, for this reason.
fn assert_told(report: &JobReport, reason: &str) {
    for reported in &report.statuses {
        let error = reported.error.as_deref().unwrap_or("none");
        assert!(error.contains(reason) && error.contains(reported.status), "{reason}: {error}");
    }
    assert_eq!(report.code(), Some(Code::ServiceFailed));
}

#[test]
fn a_hub_that_refuses_does_not_keep_the_results_from_being_uploaded() {
    for status in [500, 403, 404] {
        let (job, servers) = (StandardJob::new(), Servers::new());
        servers.hub.server.fail(move |_| Some(Fault::Status(status)));
        let report = job.run(servers.options(&job));
        assert_ran_to_its_end(&job, &servers, &report);
        assert_told(&report, &status.to_string());
        assert!(logged().contains("the hub was not told the status INITIATED"));
    }
}

#[test]
fn a_hub_that_is_not_there_does_not_either() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    let mut options = servers.options(&job);
    options.hub = Arc::new(servers.hub.hub_at(&nobody()));
    let report = job.run(options);
    assert_ran_to_its_end(&job, &servers, &report);
    assert_told(&report, "hub: PUT http://127.0.0.1:");
}

#[test]
fn a_hub_that_never_answers_is_given_up() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    servers.hub.server.fail(|_| Some(Fault::Stall));
    let report = job.run(servers.options(&job));
    assert_ran_to_its_end(&job, &servers, &report);
    assert_told(&report, "timed out");
}

#[test]
fn a_hub_that_cuts_connections_is_asked_again_and_then_given_up() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    servers.hub.server.fail(|_| Some(Fault::Cut));
    let report = job.run(servers.options(&job));
    assert_ran_to_its_end(&job, &servers, &report);
    assert_told(&report, "hub: PUT");
    assert_eq!(servers.hub.server.seen().len(), 4 * 4);
}

#[test]
fn a_hub_that_answers_late_is_waited_for() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    servers.hub.server.fail(|_| Some(Fault::Late(Duration::from_millis(60))));
    let report = job.run(servers.options(&job));
    assert_ran_to_its_end(&job, &servers, &report);
    assert_eq!((servers.statuses(), report.code()), (STATUSES.map(str::to_owned).to_vec(), None));
}

#[test]
fn a_hub_that_fails_once_gets_everything_in_order() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    servers.hub.server.fail(|seen| (seen.number % 2 == 0).then_some(Fault::Status(503)));
    let report = job.run(servers.options(&job));
    assert_ran_to_its_end(&job, &servers, &report);
    assert_eq!((servers.statuses(), report.code()), (STATUSES.map(str::to_owned).to_vec(), None));
}

#[test]
fn a_hub_that_echoes_the_key_does_not_bring_it_into_the_report() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    let echo = flip_wasm_tests::servers::Server::start(&servers.hub.runtime, |request| {
        let headers = format!("{:?} {KEY}", request.headers());
        Box::pin(async move { hyper::Response::builder().status(400).body(headers.into()).unwrap() })
    });
    let mut options = servers.options(&job);
    options.hub = Arc::new(servers.hub.hub_at(&echo.address));
    let report = job.run(options);
    assert_ran_to_its_end(&job, &servers, &report);
    assert_told(&report, "[hidden]");
}
