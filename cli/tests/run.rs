//! `flip-wasm run` on the recorded job, as an operator meets it.

use std::fs;
use std::process::Output;

use crate::support::{Site, shown};
use flip_wasm_tests::job::{CLIENT, JOB_FOLDER, MODEL_ID, RESULTS, SERVER, StandardJob, TRACE};
use flip_wasm_tests::servers::hub::{HubServer, KEY};
use flip_wasm_tests::servers::s3::{S3, env};
use flip_wasm_tests::servers::tls::Front;
use flip_wasm_tests::servers::{Fault, nobody};
use serde_json::Value;

/// The recorded job in the directory that the program runs in.
struct Run {
    job: StandardJob,
    site: Site,
}

impl Run {
    fn new() -> Self {
        let job = StandardJob::new();
        let site = Site::at(job.path(""));
        Self { job, site }
    }

    fn run(&self, more: &[&str], variables: &[(&str, &str)]) -> Output {
        let args = ["run", "job", "--trace", "trace.jsonl", "--workspace", "workspace"];
        self.site.output_with(&[&args, more].concat(), variables)
    }

    fn code(&self, more: &[&str], variables: &[(&str, &str)]) -> i32 {
        self.run(more, variables).status.code().unwrap()
    }

    fn report(&self) -> Value {
        serde_json::from_str(&self.job.text("report.json")).unwrap()
    }

    /// The paths of the requests in a recording of the hub.
    fn requests(&self, file: &str) -> Vec<Value> {
        self.job.text(file).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn the_summary_shows_what_ran_and_what_became_of_the_job() {
    let run = Run::new();
    let output = run.run(&["--log-format", "text"], &[]);
    run_snapshot!(shown(&output));
    let quiet = Run::new().run(&["-q"], &[]);
    assert_eq!((quiet.stdout.len(), stderr(&quiet)), (0, String::new()));
}

#[test]
fn results_go_to_the_workspaces_store_where_no_other_is_named() {
    let run = Run::new();
    assert_eq!(run.code(&[], &[]), 0);
    let stored: Vec<_> = run.job.files("workspace/store").into_keys().collect();
    assert!(stored.len() == 1 && stored[0].starts_with(&format!("{MODEL_ID}/2")), "{stored:?}");
    assert_eq!(run.job.text(RESULTS), run.job.text("expected/cross_val_results.json"));
    assert_eq!(run.job.files("workspace/outbox").len(), 4);
}

#[test]
fn without_a_hub_the_requests_are_written_down_as_they_were_recorded() {
    let run = Run::new();
    assert_eq!(run.code(&[], &[("INTERNAL_SERVICE_KEY", KEY)]), 0);
    // What the trainers at the sites sent is none of the components' doing.
    let recorded: Vec<_> =
        run.requests("expected/hub.jsonl").into_iter().filter(|request| request["method"] == "PUT").collect();
    assert_eq!(run.requests("workspace/hub.jsonl"), recorded);
    let written = Run::new();
    written.run(&[], &[("INTERNAL_SERVICE_KEY_HEADER", "X-Other")]);
    assert_eq!(written.requests("workspace/hub.jsonl")[0]["headers"]["X-Other"], "<key>");
}

#[test]
fn the_report_of_a_job_is_a_page_where_its_name_says_so() {
    let run = Run::new();
    assert_eq!(run.code(&["--report", "report.html"], &[]), 0);
    let page = run.job.text("report.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"), "{page}");
    for seen in ["PersistToS3AndCleanup", "PercentilePrivacy", MODEL_ID, "RESULTS_UPLOADED"] {
        assert!(page.contains(seen), "no {seen}: {page}");
    }
}

#[test]
fn the_report_holds_the_whole_run() {
    let run = Run::new();
    assert_eq!(run.code(&["--report", "report.json"], &[]), 0);
    let report = run.report();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        keys(&report),
        "report version ran job-id local-dev aborted started seconds statuses sent places tasks results cases timeline \
         timeline-left-out"
    );
    assert_eq!(keys(&report["places"][0]), "name events components engine");
    let component = &report["places"][0]["components"][3];
    assert_eq!(component["name"], "PersistToS3AndCleanup");
    assert_eq!((&component["built-in"], &component["pinned"]), (&true.into(), &false.into()));
    let granted: Vec<_> =
        component["requested"].as_array().unwrap().iter().map(|request| &request["granted"]).collect();
    assert!(
        granted.contains(&&serde_json::json!({"policy": "object-store = [\"put-archive\"]"})),
        "{granted:?}"
    );
    assert_eq!(component["unasked"], serde_json::json!([]));
    let stored = &component["usage"]["stored"][0];
    let listed = stored["content"]["entries"].as_array().unwrap();
    let files = listed.iter().filter(|entry| entry["size"].is_u64()).count() as u64;
    assert_eq!((Some(files), &stored["content"]["left-out"]), (stored["files"].as_u64(), &0.into()));
    let result = &report["results"][0];
    assert_eq!(keys(result), "seq at task return-code data filters unfiltered files");
    assert_eq!(result["data"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(result["filters"][0]["leaves"][0]["outcome"], "filtered");
    assert_eq!(keys(&report["statuses"][0]), "model-id status");
    let kinds = report["timeline"].as_array().unwrap().iter().map(|moment| moment["kind"].as_str().unwrap());
    let kinds: std::collections::BTreeSet<_> = kinds.collect();
    let expected = ["deletion", "event", "file", "filter", "hub", "left", "other", "task", "upload"];
    assert!(kinds.iter().eq(&expected), "{kinds:?}");
}

#[test]
fn local_dev_is_a_flag_and_a_variable() {
    for (flag, variable) in [(&["--local-dev"][..], &[][..]), (&[], &[("LOCAL_DEV", "true")])] {
        let run = Run::new();
        let before = run.job.files("workspace/images");
        assert_eq!(run.code(&[flag, &["--report", "report.json"]].concat(), variable), 0);
        assert_eq!(run.report()["local-dev"], true);
        assert!(run.job.files("workspace/store").is_empty());
        assert_eq!(run.job.files("workspace/images"), before);
    }
    for value in ["false", "0", "off"] {
        let run = Run::new();
        assert_eq!(run.code(&[], &[("LOCAL_DEV", value)]), 0);
        assert_eq!(run.job.files("workspace/store").len(), 1, "{value}");
    }
    let run = Run::new();
    assert_eq!(run.code(&[], &[("LOCAL_DEV", "perhaps")]), 2);
    assert!(run.job.files("workspace/outbox").is_empty());
}

#[test]
fn a_variable_that_is_set_to_nothing_counts_as_not_set() {
    let names =
        ["LOCAL_DEV", "NET_ID", "IMAGES_DIR", "UPLOADED_FEDERATED_DATA_BUCKET", "FLIP_API_INTERNAL_URL"];
    let more = ["INTERNAL_SERVICE_KEY", "INTERNAL_SERVICE_KEY_HEADER"];
    for name in names.into_iter().chain(more) {
        let run = Run::new();
        let output = run.run(&[], &[(name, "")]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
        assert_eq!(run.job.files("workspace/store").len(), 1, "{name}");
        assert_eq!(run.job.files("workspace/images").len(), 1, "{name}");
        assert_eq!(
            run.requests("workspace/hub.jsonl")[0]["headers"]["X-Internal-Service-Key"],
            "<key>",
            "{name}"
        );
    }
}

#[test]
fn the_net_and_the_images_come_from_the_variables_or_the_arguments() {
    let left = |run: &Run| run.job.files("workspace/images").into_keys().collect::<Vec<_>>();
    for (args, variables) in [(&["--net-id", "net-2"][..], &[][..]), (&[], &[("NET_ID", "net-2")])] {
        let run = Run::new();
        assert_eq!(run.code(args, variables), 0);
        assert_eq!(left(&run), ["net-1/stale.dcm", "net-1/stale_dir/f.nii"]);
    }
    let run = Run::new();
    fs::create_dir_all(run.job.path("elsewhere/net-1")).unwrap();
    run.job.write("elsewhere/net-1/scan.dcm", "x");
    assert_eq!(run.code(&[], &[("IMAGES_DIR", "elsewhere")]), 0);
    assert_eq!((left(&run).len(), run.job.files("elsewhere").len()), (3, 0));
}

#[test]
fn servers_are_found_by_the_variables_of_the_reference() {
    let (run, s3, hub) = (Run::new(), S3::new(), HubServer::new());
    let url = format!("{}/api", hub.server.address);
    let aws = env(&s3.server.address);
    let mut variables: Vec<_> = aws.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    variables.extend([
        ("UPLOADED_FEDERATED_DATA_BUCKET", "s3://bucket/results/net"),
        ("FLIP_API_INTERNAL_URL", &url),
        ("INTERNAL_SERVICE_KEY", KEY),
    ]);
    let output = run.run(&["-vv"], &variables);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(s3.files().iter().filter(|name| name.ends_with(".zip")).count(), 1);
    assert_eq!(hub.log.lock().unwrap().len(), 4);
    assert!(hub.server.seen().iter().all(|seen| seen.headers["x-internal-service-key"] == KEY));
    assert!(!run.job.path("workspace/store").exists() && !run.job.path("workspace/hub.jsonl").exists());
    assert!(!stderr(&output).contains(KEY));
    assert!(!stderr(&output).contains(flip_wasm_tests::servers::s3::SECRET));
}

#[test]
fn a_refused_update_is_exit_code_3() {
    let run = Run::new();
    run.job.edit(CLIENT, "\"percentile\": 95", "\"percentile\": 101");
    let output = run.run(&["--log-format", "text"], &[]);
    run_snapshot!(shown(&output));
    assert_eq!(output.status.code(), Some(3));
    assert!(run.job.files("workspace/outbox").is_empty());
}

#[test]
fn a_service_that_fails_is_exit_code_7() {
    let (run, hub) = (Run::new(), HubServer::new());
    hub.server.fail(|_| Some(Fault::Status(403)));
    let url = format!("{}/api", hub.server.address);
    let output = run.run(&["--hub", &url], &[("INTERNAL_SERVICE_KEY", KEY)]);
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(summary.contains("RESULTS_UPLOADED (did not reach the hub)"), "{summary}");

    let (run, endpoint) = (Run::new(), nobody());
    let aws = env(&endpoint);
    let variables: Vec<_> = aws.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let output = run.run(&["--store", "s3://bucket/prefix"], &variables);
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    assert_eq!(
        run.requests("workspace/hub.jsonl").last().unwrap()["path"],
        format!("/model/{MODEL_ID}/status/ERROR")
    );
}

#[test]
fn over_tls_a_hub_and_a_store_are_reached_whose_certificate_is_known() {
    let (run, hub, s3) = (Run::new(), HubServer::new(), S3::new());
    let hub_front = Front::of(&hub.server, &hub.runtime);
    let s3_front = Front::of(&s3.server, &s3.runtime);
    run.job.write("known.pem", format!("{}{}", hub_front.certificate, s3_front.certificate));
    let url = format!("{}/api", hub_front.address);
    let aws = env(&s3_front.address);
    let aws = aws.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let variables: Vec<_> = aws.chain([("INTERNAL_SERVICE_KEY", KEY)]).collect();
    let args = ["--hub", &url, "--store", "s3://bucket/results"];

    let known = [variables.as_slice(), &[("SSL_CERT_FILE", "known.pem")]].concat();
    let output = run.run(&args, &known);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(hub.server.seen().len(), 4);
    assert!(s3.files().iter().any(|name| name.ends_with(".zip")), "{:?}", s3.files());

    hub.server.forget();
    s3.server.forget();
    let (other, unknown) = (Run::new(), Front::of(&hub.server, &hub.runtime));
    other.job.write("known.pem", unknown.certificate);
    let output = other.run(&args, &known);
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    assert!(stderr(&output).contains("invalid peer certificate"), "{}", stderr(&output));
    assert!(hub.server.seen().is_empty() && s3.server.seen().is_empty(), "nothing was said to a stranger");
}

#[test]
fn a_report_that_cannot_be_written_is_an_error_before_the_work() {
    let run = Run::new();
    assert_eq!(run.code(&["--report", "missing/report.json"], &[]), 6);
    assert!(run.job.path(JOB_FOLDER).join("app_server").is_dir(), "the job was not run");
}

#[test]
fn what_cannot_be_used_is_exit_code_6_or_2_and_nothing_runs() {
    for (file, from, to) in [
        (CLIENT, "PercentilePrivacy", "PercentilPrivacy"),
        (SERVER, MODEL_ID, "my-model"),
        (TRACE, "\"trace\": 1", "\"trace\": 2"),
    ] {
        let run = Run::new();
        run.job.edit(file, from, to);
        let output = run.run(&["--report", "report.json"], &[]);
        run_snapshot!(shown(&output));
        assert_eq!(output.status.code(), Some(6));
        assert!(run.job.files("workspace/outbox").is_empty());
    }
    let run = Run::new();
    run.job.write("policy.toml", "[components.A]\nhubs = []\n");
    run_snapshot!(shown(&run.run(&["--policy", "policy.toml"], &[])));
    run_snapshot!(shown(&run.run(&["--store", "ftp://bucket"], &[])));
    run_snapshot!(shown(&run.run(&["--hub", "hub:8000"], &[])));
    run_snapshot!(run.site.run(&["run", "job"]));
}

#[test]
fn a_job_that_could_not_be_set_up_has_told_the_hub_so() {
    let run = Run::new();
    run.job.edit(SERVER, MODEL_ID, "my-model");
    assert_eq!(run.code(&[], &[]), 6);
    let requests = run.requests("workspace/hub.jsonl");
    assert_eq!((requests.len(), &requests[0]["path"]), (1, &"/model/my-model/status/ERROR".into()));
}

#[test]
fn a_job_that_could_not_be_set_up_has_a_report_that_says_why() {
    let run = Run::new();
    run.job.edit(SERVER, MODEL_ID, "my-model");
    assert_eq!(run.code(&["--report", "report.json"], &[]), 6);
    let report = run.report();
    assert_eq!((&report["failure"], &report["results"]), (&"invalid-input".into(), &serde_json::json!([])));
    let reason = report["places"][0]["fatal"]["reason"].as_str().unwrap();
    assert!(reason.contains("The model ID: my-model is not a valid UUID"), "{reason}");
    let said = String::from_utf8(run.site.output(&["report", "report.json"]).stdout).unwrap();
    assert!(said.contains("the job's configuration at server ended the run: "), "{said}");
}

#[test]
fn inspect_shows_what_is_granted_beside_what_is_asked_for() {
    let site = Site::new();
    run_snapshot!(site.run(&["inspect", "persist-to-s3-and-cleanup", "--policy"]));
    site.write(
        "policy.toml",
        b"[components.ServerEventHandler]\nhub = [\"send-metric\"]\nobject-store = [\"put\"]\n",
    );
    run_snapshot!(site.run(&["inspect", "server-event-handler", "--policy", "policy.toml"]));
    site.write("guest.wasm", flip_wasm_tests::MISBEHAVING_FILTER);
    run_snapshot!(site.run(&["inspect", "guest.wasm", "--policy"]));
}
