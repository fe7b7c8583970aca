//! Nothing is allowed that was not granted, and each refusal says the line that grants it.

use std::sync::Arc;

use flip_runtime::services::{
    Caller, Events, LookupError, ModelPersistor, Peers, ResultsGenerator, ResultsPersistor,
};
use flip_runtime::{Code, Error, FlContext};
use flip_wasm_tests::hostile::grants::{
    asking_whether_there_is, refusals, refusals_beside_grants, with_line,
};
use flip_wasm_tests::{Site, errand_file, granted, runtime};
use serde_json::{Value, json};

/// A job in which everybody answers.
struct Willing;

impl Events for Willing {
    fn fire(&self, _: &str, _: Caller<'_>) {}
    fn system_panic(&self, _: &str, _: Caller<'_>) {}
}

impl ResultsGenerator for Willing {
    fn handle_evaluation_event(&self, _: &str, _: Caller<'_>) -> Result<(), Error> {
        Ok(())
    }
    fn all_tasks_failed(&self, _: Caller<'_>) -> Result<bool, Error> {
        Ok(false)
    }
}

impl ResultsPersistor for Willing {
    fn execute(&self, _: Caller<'_>) -> Result<(), Error> {
        Ok(())
    }
}

impl ModelPersistor for Willing {
    fn model_inventory(&self, _: &FlContext) -> Result<Vec<(String, String)>, Error> {
        Ok(vec![("a.pt".to_owned(), "app/a.pt".to_owned())])
    }
}

impl Peers for Willing {
    fn results_generator(&self, _: &str) -> Result<Arc<dyn ResultsGenerator>, LookupError> {
        Ok(Arc::new(Self))
    }
    fn results_persistor(&self, _: &str) -> Result<Arc<dyn ResultsPersistor>, LookupError> {
        Ok(Arc::new(Self))
    }
    fn model_persistor(&self, _: &str) -> Result<Arc<dyn ModelPersistor>, LookupError> {
        Ok(Arc::new(Self))
    }
}

fn site(policy: &str) -> Site {
    let mut site = Site::granting("object-store = [\"put\"]");
    site.write("job/a", "x");
    site.write("job/d/a", "x");
    assert_eq!(site.does(json!({"put": ["there", "x"]})), "ok there of 1 bytes");
    site.services.events = Some(Arc::new(Willing));
    site.services.peers = Some(Arc::new(Willing));
    site.policy = policy.to_owned();
    site
}

/// The line that a refusal says.
#[track_caller]
fn line_of(refusal: &str) -> String {
    let line = refusal
        .strip_prefix("not permitted: ")
        .and_then(|line| line.strip_suffix(" under [components.Errand]"));
    line.unwrap_or_else(|| panic!("{refusal}")).to_owned()
}

#[track_caller]
fn assert_allowed<'a>(site: &Site, errands: impl Iterator<Item = &'a Value>) {
    for errand in errands {
        let outcome = site.does(errand.clone());
        assert!(outcome.starts_with("ok"), "{errand} with {}: {outcome}", site.policy);
    }
}

#[test]
pub fn each_refusal_says_the_line_that_allows_the_call() {
    let alone = refusals().into_iter().map(|(policy, errand, line)| (policy, None, errand, line));
    let beside = refusals_beside_grants().into_iter();
    let beside = beside.map(|(policy, allowed, errand, line)| (policy, Some(allowed), errand, line));
    for (policy, allowed, errand, expected) in alone.chain(beside) {
        let mut site = site(policy);
        let line = line_of(&site.does(errand.clone()));
        assert_eq!(line, expected, "{errand}");
        assert_allowed(&site, allowed.iter());
        // In the place of the line for this key: what that has granted is granted still.
        site.policy = with_line(policy, &line);
        assert_allowed(&site, allowed.iter().chain([&errand]));
    }
}

#[test]
fn what_is_refused_is_not_done() {
    for (policy, errand, _) in refusals() {
        let site = site(policy);
        site.does(errand.clone());
        assert_eq!(site.names("job"), ["a", "d"], "{errand}");
        assert_eq!(site.names("job/d"), ["a"], "{errand}");
        assert!(site.hub.requests().is_empty());
        assert_eq!(site.store.calls().len(), 1, "{errand}");
    }
}

#[test]
fn a_grant_for_one_thing_is_none_for_another() {
    let key = |line: &str| line.split_once(" = ").unwrap().0.to_owned();
    for (policy, errand, line) in refusals() {
        // Everything, save what stands under the same key.
        let others =
            refusals().into_iter().map(|(_, _, other)| other).filter(|other| key(other) != key(line));
        let all = others.fold(String::new(), |all, other| with_line(&all, other));
        let site = site(&policy.lines().fold(all, |all, line| with_line(&all, line)));
        let outcome = site.does(errand.clone());
        assert_eq!(line_of(&outcome), line, "{errand} with {}", site.policy);
    }
}

#[test]
pub fn a_refusal_does_not_tell_whether_something_is_there() {
    let site = Site::granting(r#"directories = { job = "read" }"#);
    site.write("job/there", "x");
    let asked = |name: &str| {
        let told = site.run(asking_whether_there_is(name)).into_iter();
        told.map(|outcome| outcome.replace(name, "NAME")).collect::<Vec<_>>()
    };
    assert_eq!(asked("there"), asked("nothing"));
    std::fs::remove_dir_all(site.path("workspace")).unwrap();
    let refused = site.run(vec![json!({"open": "workspace"}), json!({"open": "images"})]);
    assert!(refused.iter().all(|outcome| outcome.starts_with("not permitted: ")), "{refused:?}");
}

#[test]
fn a_path_wrote_more_into_the_line_than_it_asked_for() {
    let path = r#"x", "workspace/y"#;
    let mut site = Site::granting(r#"directories = { workspace = "read" }"#);
    site.write(&format!("workspace/{path}"), "");
    site.write("workspace/y", "");
    let line = line_of(&site.does(json!({"remove": ["workspace", path]})));
    assert_eq!(line, r#"cleanup = ["workspace/x\", \"workspace/y"]"#);
    site.policy = with_line(&site.policy, &line);
    assert!(site.does(json!({"remove": ["workspace", "y"]})).starts_with("not permitted: "));
    assert!(site.does(json!({"remove": ["workspace", path]})).starts_with("ok "));
}

#[test]
fn an_event_of_a_long_or_strange_name_got_a_line_that_did_not_allow_it() {
    for event in
        ["a".repeat(256), "\"],[".to_owned(), "a\nb\u{7f}\u{1b}[2J\u{202e}".to_owned(), "é\\".to_owned()]
    {
        let mut site = site("");
        let line = line_of(&site.does(json!({"fire": event})));
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
        site.policy = with_line("", &line);
        assert_eq!(site.does(json!({"fire": event})), "ok", "{line}");
    }
}

#[test]
fn nothing_is_granted_while_a_component_is_configured_and_by_default() {
    let component = runtime().load_file(&errand_file()).unwrap();
    let site = Site::granting("");
    let log = Arc::new(flip_runtime::RecordedLog::default());
    let args = flip_wasm_tests::on_go(json!([{"open": "job"}, {"update-status": "id"}, {"put": ["a", "x"]}]));
    let builder = component.instance().args(args).services(site.services.clone()).log(log.clone());
    builder.build().unwrap().handle_event("go", &site.context).unwrap();
    for outcome in flip_wasm_tests::lines(&log) {
        assert!(
            outcome.starts_with("not permitted: ") && outcome.ends_with(" under [components.errand]"),
            "{outcome}"
        );
    }
}

#[test]
fn object_prefixes_bound_every_verb_and_a_refusal_names_the_key() {
    let verbs = r#"object-store = ["put", "put-archive", "get", "head"]"#;
    let directories = r#"directories = { job = "read" }"#;
    let site =
        Site::granting(&format!("{verbs}\n{directories}\nobject-prefixes = [\"{{job_id}}\", \"a/b\"]"));
    let prefixes = r#""a/b", "{job_id}""#;
    let line = |key: &str| {
        format!("not permitted: object-prefixes = [{prefixes}, \"{key}\"] under [components.Errand]")
    };
    for (key, outcome) in [
        ("job-1/x", "ok job-1/x of 1 bytes".to_owned()),
        ("a/b", "ok a/b of 1 bytes".to_owned()),
        ("a/b/c", "ok a/b/c of 1 bytes".to_owned()),
        ("job-2/x", line("job-2/x")),
        ("a/bc", line("a/bc")),
        ("a", line("a")),
        ("a/*", "not permitted: no policy can name a path with a part * or {job_id} alone".to_owned()),
        ("a/b/../c", "invalid argument: the path has a part . or ..".to_owned()),
    ] {
        assert_eq!(site.does(json!({"put": [key, "x"]})), outcome);
    }
    for errand in [
        json!({"put-archive": ["other", "job", ""]}),
        json!({"get": ["other", 0, 1]}),
        json!({"head": "other"}),
    ] {
        assert_eq!(site.does(errand), line("other"));
    }
    assert!(
        site.store.calls().iter().all(|call| call.key.starts_with("job-1/") || call.key.starts_with("a/b"))
    );
}

#[test]
fn a_component_that_imports_what_is_withheld_of_wasi_is_not_made() {
    let wat = r#"(component (import "wasi:random/insecure-seed@0.2.6" (instance
        (export "insecure-seed" (func (result (tuple u64 u64)))))))"#;
    let component = runtime().load_bytes("Seeded", &wat::parse_str(wat).unwrap()).unwrap();
    let build = |lines: &str| component.instance().grants(granted(lines)).build().err().unwrap();
    for (withheld, line) in
        [("wasi = []", r#"wasi = ["random"]"#), (r#"wasi = ["clocks"]"#, r#"wasi = ["clocks", "random"]"#)]
    {
        let error = build(withheld);
        assert_eq!(error.to_string(), format!("Seeded: not permitted: {line} under [components.Seeded]"));
        assert_eq!(error.code(), Code::NotPermitted);
    }
    for allowed in ["", r#"wasi = ["random"]"#, r#"wasi = ["clocks", "random"]"#] {
        assert!(build(allowed).to_string().contains("configurable"), "it goes on to what else is missing");
    }
}
