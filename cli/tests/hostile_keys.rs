//! Servers that answer with what came with the request: of the keys in it nothing is shown, wherever somebody looks.

use std::fs;
use std::path::Path;

use crate::hostile_services::calls;
use crate::support::PROGRAM;
use crate::support::jobs::{Job, RUN, Ran};
use crate::support::services::Services;
use flip_wasm_tests::EVERYTHING;
use flip_wasm_tests::servers::hub::KEY;
use flip_wasm_tests::servers::s3::{ID, SECRET};
use flip_wasm_tests::servers::{Fault, Seen};
use serde_json::{Value, json};

/// What else may be shown nowhere: the password in the hub's address, as it stands there and as a request carries it
/// with its user, and the token of the object store.
const PASSWORD: &str = "the-passw0rd";
const CARRIED: &str = "b3BlcmF0b3I6dGhlLXBhc3N3MHJk";
const TOKEN: &str = "the-session-t0ken";

/// A component asks for these at servers that answer with this status, and with all that they were sent.
fn run(status: u16, asked: &[Value]) -> (Job, Ran) {
    let services = Services::new();
    // An answer to HEAD, with which an object is looked for before it is put, has no body.
    let echoes = |seen: &Seen| seen.method != "HEAD" || seen.path.ends_with("/three");
    services.fail(move |seen| echoes(seen).then_some(Fault::Echo(status)));
    let job = Job::new().on("hostile", EVERYTHING, &json!({"go": asked})).event("go");
    job.write("workspace/server/job-1/a", "x");
    job.write_down();
    let variables = services.variables();
    let mut variables: Vec<_> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    variables.push(("AWS_SESSION_TOKEN", TOKEN));
    let mut command = job.site.prepared(PROGRAM, &variables);
    let [_, hub, store @ ..] = services.args();
    let hub = hub.replace("http://", &format!("http://operator:{PASSWORD}@"));
    command.args(RUN).args(["--hub", &hub]).args(store);
    command.args(["-vv", "--audit", "audit.jsonl", "--report", "report.json"]);
    let ran = Ran::of(command.output().unwrap());
    // They came with the requests: what is shown nowhere was there to be shown.
    let sent = [services.hub.server.seen(), services.s3.server.seen()].map(|seen| format!("{seen:?}"));
    assert!(sent[0].contains(KEY) && sent[0].contains(CARRIED), "{}", sent[0]);
    assert!(sent[1].contains(ID) && sent[1].contains(TOKEN), "{}", sent[1]);
    (job, ran)
}

/// Every file below the folder, with what it holds.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push((path.display().to_string(), fs::read(&path).unwrap())),
        }
    }
}

#[track_caller]
fn assert_shown_nowhere(job: &Job, ran: &Ran) {
    let mut shown = vec![
        ("the standard output".to_owned(), ran.summary.clone().into_bytes()),
        ("the log".to_owned(), ran.log.clone().into_bytes()),
    ];
    files(&job.path(""), &mut shown);
    assert!(shown.iter().any(|(name, _)| name.ends_with("audit.jsonl")));
    assert!(shown.iter().any(|(name, _)| name.ends_with("report.json")));
    for (name, bytes) in shown {
        let text = String::from_utf8_lossy(&bytes);
        for secret in [KEY, PASSWORD, CARRIED, ID, SECRET, TOKEN] {
            assert!(!text.contains(secret), "{secret} is in {name}: {text}");
        }
    }
    let checked = job.site.output(&["audit", "audit.jsonl"]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
}

#[test]
fn keys_that_servers_echo_are_shown_nowhere() {
    let (job, ran) = run(403, &calls());
    ran.assert_code(7);
    let told = ran.told("hostile");
    assert_eq!(told.len(), calls().len(), "{}", ran.log);
    for (told, asked) in told.into_iter().zip(calls()) {
        // The answer is told, without what must not be in it.
        let echoed = told.contains("[hidden]") || asked.get("head").is_some();
        assert!(told.starts_with("unavailable: ") && echoed, "{asked}: {told}");
    }
    assert_shown_nowhere(&job, &ran);
}

/// What is asked again is logged each time.
#[test]
fn keys_that_servers_echo_are_shown_nowhere_where_they_are_asked_again() {
    let (job, ran) = run(500, &[json!({"update-status": "id"}), json!({"put": ["key", "x"]})]);
    ran.assert_code(7);
    assert!(ran.log.contains("the hub is asked again") && ran.log.contains("[hidden]"), "{}", ran.log);
    assert_shown_nowhere(&job, &ran);
}
