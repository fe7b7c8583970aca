//! The audit trail of components that are given up, fail half-way, or call without end.

use std::fs;
use std::sync::Arc;
use std::thread;

use flip_runtime::audit::{
    self, AuditTrail, CallEntry, Checked, Entry, Function, Line, Outcome, RunKind, Start,
};
use flip_runtime::{AbortSignal, Digest, Error, FlContext, Limits, RecordedLog};
use flip_wasm_tests::hostile::limits;
use flip_wasm_tests::{Fails, Gate, Site, assert_limit, errand, granted, on_go};
use serde_json::{Value, json};

/// A trail, as whoever checks it sees it.
struct Trail {
    ended: Result<(), Error>,
    calls: Vec<CallEntry>,
    checked: Checked,
    bytes: usize,
    /// What it used of the limit.
    used: u64,
}

/// Has an errand runner do these, and ends its trail.
fn trail(site: &Site, errands: Value) -> Trail {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let trail = AuditTrail::create(&path, Start::new(RunKind::Job)).unwrap();
    let component = errand();
    let builder = component.instance().args(on_go(errands)).limits(site.limits.clone());
    let builder = builder.grants(granted(&site.policy)).services(site.services.clone());
    let builder = builder.log(Arc::new(RecordedLog::default())).audit(&trail, "site-1");
    let mut runner = builder.build().unwrap();
    let ended = runner.handle_event("go", &site.context);
    let used = runner.usage().most.audit_bytes;
    drop(runner);
    trail.finish(ended.as_ref().err().map(Error::code)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let checked = audit::check(text.as_bytes()).unwrap();
    let entries = text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap().entry);
    let calls = entries.filter_map(|entry| if let Entry::Call(call) = entry { Some(call) } else { None });
    Trail { ended, calls: calls.collect(), checked, bytes: text.len(), used }
}

/// The service holds on beyond the call's time, and beyond what it has to undo its work.
fn assert_given_up(errand: Value, function: Function) {
    let mut site = Site::granting_everything();
    let hangs = Arc::new(Fails::Hangs(Gate::default()));
    site.services.hub = Some(hangs.clone());
    site.services.object_store = Some(hangs.clone());
    site.limits = limits("call-time=2s");
    let trail = trail(&site, json!([errand, {"write": ["job", "after", "x"]}]));
    if let Fails::Hangs(gate) = &*hangs {
        gate.open();
    }
    assert!(matches!(trail.ended, Err(Error::Limit { .. })), "{:?}", trail.ended);
    let call = trail.calls.last().unwrap();
    assert_eq!((call.function, call.outcome), (function, Outcome::GivenUp));
    let sent = (function == Function::Put).then(|| Digest::of(b"x"));
    assert_eq!(call.sha256, sent, "nobody knows whether it arrived");
    assert_eq!(site.names("job"), [""; 0], "it went on after its end");
}

#[test]
pub fn a_call_whose_time_is_up_is_noted_as_given_up() {
    thread::scope(|scope| {
        for (errand, function) in [
            (json!({"update-status": "id"}), Function::UpdateStatus),
            (json!({"put": ["key", "x"]}), Function::Put),
            (json!({"put-archive": ["key", "job", ""]}), Function::PutArchive),
            (json!({"head": "key"}), Function::Head),
        ] {
            scope.spawn(move || assert_given_up(errand, function));
        }
    });
}

#[test]
fn a_deletion_that_ends_half_way_is_noted_with_what_went() {
    let mut site = Site::granting_everything();
    for file in 0..4_000 {
        site.write(&format!("images/{:03}/{file}", file % 200), "x");
    }
    let first = fs::read_dir(site.path("images")).unwrap().next().unwrap().unwrap().path();
    let abort = AbortSignal::default();
    site.context = Arc::new(FlContext { abort: abort.clone(), ..(*site.context).clone() });
    let trail = thread::scope(|scope| {
        scope.spawn(|| {
            while first.exists() {
                thread::yield_now();
            }
            abort.trigger();
        });
        trail(&site, json!([{"clear": "images"}]))
    });
    let call = trail.calls.last().unwrap();
    assert_eq!((call.function, call.outcome), (Function::Clear, Outcome::Aborted));
    let folders = site.names("images");
    let left: usize = folders.iter().map(|name| site.names(&format!("images/{name}")).len()).sum();
    assert!(left > 0, "it came to its end");
    assert_eq!(call.deleted.unwrap().files + left as u64, 4_000);
}

#[test]
pub fn a_flood_of_calls_is_noted_whole_or_ends_at_the_limit() {
    const FLOOD: u64 = 11_000;
    let mut errands = vec![json!({"again": [FLOOD, {"read": ["job", "a", 0, 1]}]})];
    errands.extend((0..FLOOD).map(|number| json!({"remove": ["job", format!("no-{number}")]})));
    errands.push(json!({"clear": "job"}));
    let run = |limits: Limits| {
        let mut site = Site::granting_everything();
        site.limits = limits;
        site.write("job/a", "x");
        let trail = trail(&site, errands.clone().into());
        let noted = |function| {
            let calls = trail.checked.calls.iter().filter(|count| count.function == function);
            calls.map(|count| count.calls).sum::<u64>()
        };
        let noted = [Function::Read, Function::Remove, Function::Clear].map(noted);
        (trail, noted, site.names("job"))
    };
    let (whole, noted, left) = run(Limits::default());
    whole.ended.as_ref().unwrap();
    assert_eq!((noted, left.len()), ([FLOOD, FLOOD, 1], 0));
    assert!(whole.checked.entries > 2 * FLOOD, "{}", whole.checked.entries);

    let (ended, noted, left) = run(Limits { audit_bytes: 100_000, ..Limits::default() });
    assert_limit(ended.ended, "audit-bytes");
    assert!(ended.bytes < 110_000 && ended.used >= 100_000, "{} bytes, {}", ended.bytes, ended.used);
    // The call that had no room was not made, and the trail says so.
    assert!((1..FLOOD).contains(&noted[0]) && noted[1..] == [0, 0], "{noted:?}");
    assert_eq!(ended.calls.last().unwrap().outcome, Outcome::Trapped);
    assert_eq!(left, ["a"]);
}
