//! Components of a job that look for a way around what they are granted, through `flip-wasm run`.

use crate::support::jobs::{Job, Ran};
use flip_wasm_tests::hostile::grants::{asking_whether_there_is, refusals, with_line};
use flip_wasm_tests::hostile::links::{OUT, looks};
use flip_wasm_tests::{ERRAND, EVERYTHING};
use serde_json::json;

/// The folder of the job at the server; what is beside it is nobody's.
const JOB: &str = "workspace/server/job-1";

/// Whatever is there, or nothing: the component is told the same of each way to look.
#[test]
fn a_link_out_leads_nowhere() {
    let links = ["straight-1", "straight-2"].into_iter().chain(OUT.map(|(link, _)| link));
    let links: Vec<_> = links.collect();
    let mut job = Job::new();
    for link in &links {
        let mut asked = looks(link);
        asked.extend([json!({"stat": ["job", link]}), json!({"usage": ["job", link]})]);
        job = job.on(&format!("at-{link}"), EVERYTHING, &json!({"go": asked}));
    }
    let job = job.event("go");
    let outside = job.path("workspace/server/outside");
    std::fs::create_dir_all(outside.join("deep")).unwrap();
    for secret in ["secret", "deep/secret"] {
        std::fs::write(outside.join(secret), "SECRET").unwrap();
    }
    let link = |target: &std::path::Path, name: &str| {
        std::os::unix::fs::symlink(target, job.path(JOB).join(name)).unwrap();
    };
    link(&outside.join("secret"), "straight-1");
    link(&outside, "straight-2");
    OUT.into_iter().for_each(|(name, target)| link(target.as_ref(), name));

    let ran = job.run(&[]);
    ran.assert_code(0);
    assert!(!ran.log.contains("SECRET"), "{}", ran.log);
    let told = |name: &str| {
        let told = ran.told(&format!("at-{name}")).into_iter();
        told.map(|told| told.replace(name, "LINK")).collect::<Vec<_>>()
    };
    let dangling = told("dangling");
    assert!(dangling.len() == 10 && dangling[..8].iter().all(|told| !told.starts_with("ok")), "{dangling:?}");
    assert_eq!(dangling[8..], ["ok symlink LINK 0", "ok 1 files, 0 directories, 0 bytes"]);
    for name in &links {
        assert_eq!(told(name), dangling, "{name}");
    }
    let mut left = links.iter().map(ToString::to_string).collect::<Vec<_>>();
    left.sort();
    assert_eq!(job.names(), left);
    for secret in ["secret", "deep/secret"] {
        assert_eq!(std::fs::read_to_string(outside.join(secret)).unwrap(), "SECRET");
    }
    assert!(!job.path("workspace/store/key").exists(), "something was uploaded");
}

/// With the files, the folders and the object that are asked for.
fn with_everything(job: Job) -> Job {
    job.write(&format!("{JOB}/a"), "x");
    std::fs::create_dir(job.path(JOB).join("d")).unwrap();
    job.write(&format!("{JOB}/d/a"), "x");
    std::fs::create_dir_all(job.path("workspace/images/default")).unwrap();
    std::fs::create_dir_all(job.path("workspace/store")).unwrap();
    job.write("workspace/store/there", "x");
    job
}

#[test]
fn a_refusal_does_not_tell_whether_something_is_there() {
    let mut job = with_everything(Job::new());
    let granted = r#"directories = { job = "read" }"#;
    for name in ["there", "nothing"] {
        let mut asked = asking_whether_there_is(name);
        asked.extend([json!({"open": "workspace"}), json!({"open": "images"}), json!({"open": "safehouse"})]);
        job = job.on(&format!("at-{name}"), granted, &json!({"go": asked}));
    }
    // A file, an object and a component of the one name.
    let job = job.on("there", "", &json!({})).event("go");
    job.write(&format!("{JOB}/there"), "x");
    std::fs::remove_dir_all(job.path("workspace/images")).unwrap();
    let ran = job.run(&[]);
    ran.assert_code(0);
    let told = |name: &str| {
        let own = format!("at-{name}");
        let told = ran.told(&own).into_iter();
        told.map(|told| told.replace(&own, "OWN").replace(name, "NAME")).collect::<Vec<_>>()
    };
    assert_eq!((told("there").len(), told("there")), (9, told("nothing")));
    assert!(told("there").iter().all(|told| told.starts_with("not permitted: ")), "{}", ran.log);
    assert_eq!(job.names(), ["a", "d", "there"]);
}

/// A run in which each has the lines that stand with it, and asks for what stands with it.
fn each(policies: &[String]) -> (Job, Ran) {
    let mut job = with_everything(Job::new()).on("generator", "", &json!({"a": []}));
    for (number, ((_, errand, _), policy)) in refusals().into_iter().zip(policies).enumerate() {
        let id = format!("number-{number}");
        job = job.with(&id, ERRAND, policy, &json!({"on": {"go": [errand]}, "interests": ["go"]}));
    }
    let args = json!({"model_id": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "persistor_id": "models"});
    let job = job.builtin("persistor", "flip.nvflare.components.PersistToS3AndCleanup", &args);
    let models = "nvflare.app_opt.pt.file_model_persistor.PTFileModelPersistor";
    let job = job.builtin("models", models, &json!({})).event("go");
    let ran = job.run(&[]);
    (job, ran)
}

#[test]
fn each_refusal_says_the_line_that_allows_the_call() {
    let before: Vec<_> = refusals().into_iter().map(|(policy, ..)| policy.to_owned()).collect();
    let (job, ran) = each(&before);
    ran.assert_code(0);
    for (number, (_, errand, line)) in refusals().into_iter().enumerate() {
        let id = format!("number-{number}");
        assert_eq!(ran.told(&id), [format!("not permitted: {line} under [components.{id}]")], "{errand}");
    }
    // What is refused is not done.
    assert_eq!(job.names(), ["a", "d"]);
    assert_eq!(crate::support::jobs::names(&job.path("workspace/store")), ["there"]);
    assert!(!job.path("workspace/hub.jsonl").exists());

    let after: Vec<_> = refusals().into_iter().map(|(policy, _, line)| with_line(policy, line)).collect();
    let (_, ran) = each(&after);
    for (number, (_, errand, line)) in refusals().into_iter().enumerate() {
        let told = ran.told(&format!("number-{number}"));
        // What others have done before it may be in its way; what it was not granted is not.
        assert!(told.len() == 1 && !told[0].starts_with("not permitted: "), "{errand} with {line}: {told:?}");
    }
}

#[test]
fn a_refusal_named_a_table_that_was_not_in_force() {
    let granted = r#"events = ["b"]"#;
    let told = |granted: &str| {
        let args = json!({"on": {"go": [{"fire": "a"}, {"fire": "b"}]}, "interests": ["go"]});
        let job = Job::new().of_file("its-id", "its-file", ERRAND, granted, &args).event("go");
        let ran = job.run(&[]);
        ran.assert_code(0);
        ran.told("its-id").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let line = r#"events = ["b", "a"]"#;
    let refused = format!("not permitted: {line} under [components.its-id]");
    assert_eq!(told(granted), [&*refused, "ok"]);
    assert_eq!(told(&with_line(granted, line)), ["ok", "ok"]);
}
