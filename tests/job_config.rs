//! Configurations and policies that cannot be used: the message names the file, the component and the key.

use std::sync::Arc;

use flip_runtime::job::JobConfig;
use flip_runtime::services::RecordedHub;
use flip_runtime::{Code, Error, Policy};
use flip_wasm_tests::MISBEHAVING_FILTER;
use flip_wasm_tests::job::{CLIENT, MODEL_ID, SERVER, StandardJob, memory};

pub(crate) const FILTER: &str = r#""path": "flip.nvflare.components.PercentilePrivacy""#;
const HANDLER: &str = r#""path": "flip.nvflare.components.ClientEventHandler""#;

/// What is said of a job that cannot be set up.
#[track_caller]
pub(crate) fn refused(job: &StandardJob) -> String {
    let error = job.run_alone(|_| ()).unwrap_err();
    assert_eq!(error.code(), Code::InvalidInput, "{error}");
    let text = error.to_string();
    assert!(text.len() < 2_000 && !text.contains('\n'), "{text}");
    text
}

#[track_caller]
pub(crate) fn assert_names(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

#[test]
fn an_error_of_the_configuration_names_the_file_the_component_and_the_key() {
    let server = "config_fed_server.json: ";
    let client = "config_fed_client.json: ";
    for (file, from, to, parts) in [
        (SERVER, "\"format_version\"", "format_version", &[server, "line 2"][..]),
        (
            CLIENT,
            HANDLER,
            r#""pth": "x""#,
            &[client, r#""flip_client_event_handler" (components[0])"#, r#"key "path""#],
        ),
        (
            CLIENT,
            HANDLER,
            r#""path": 3"#,
            &[client, r#""flip_client_event_handler" (components[0])"#, "integer `3`"],
        ),
        (
            SERVER,
            r#""id": "aggregator""#,
            r#""id": "persistor""#,
            &[server, r#""persistor" (components[2])"#, r#"key "id""#, "another component has this id"],
        ),
        (
            CLIENT,
            FILTER,
            r#""path": "flip.nvflare.components.PercentilPrivacy""#,
            &[
                client,
                r#""percentile_privacy" (task_result_filters[0].filters[0])"#,
                r#"key "path""#,
                "PercentilPrivacy",
            ],
        ),
        (
            CLIENT,
            FILTER,
            r#""path": "my.own.Filter""#,
            &[client, r#""percentile_privacy""#, r#"key "path""#, "my.own.Filter", "wasm:FILE"],
        ),
        (
            CLIENT,
            FILTER,
            r#""path": "flip.nvflare.components.CleanupImages""#,
            &[client, r#""percentile_privacy""#, r#"key "path""#, "dxo-filter", "executor"],
        ),
        (
            CLIENT,
            "\"percentile\": 95",
            "\"percentil\": 95",
            &[client, r#""percentile_privacy""#, r#"key "args""#, "percentil", "expected"],
        ),
        (
            CLIENT,
            "\"percentile\": 95",
            "\"percentile\": \"95\"",
            &[client, r#""percentile_privacy""#, r#"key "args""#, "95"],
        ),
        (
            CLIENT,
            r#""args": {}
    }
  ]"#,
            r#""args": []
    }
  ]"#,
            &[client, r#""flip_client_event_handler""#, "expected a map"],
        ),
        (
            CLIENT,
            FILTER,
            r#""path": "wasm:no/such.wasm""#,
            &[client, r#""percentile_privacy""#, r#"key "path""#, "no/such.wasm"],
        ),
        (
            CLIENT,
            r#""tasks": [
        "train"
      ]"#,
            r#""tasks": "train""#,
            &[client, "task_result_filters[0]", "train"],
        ),
        (
            CLIENT,
            r#""executor": {
        "path": "flip.nvflare.components.CleanupImages""#,
            r#""executor": {
        "pth": "x""#,
            &[client, "executors[0].executor", r#"key "path""#],
        ),
        (
            CLIENT,
            "components.CleanupImages",
            "components.PercentilePrivacy",
            &[
                client,
                r#""PercentilePrivacy" (executors[0].executor)"#,
                r#"key "path""#,
                "the role executor is needed",
            ],
        ),
        (
            SERVER,
            r#""model_id": "{model_id}",
        "persistor_id""#,
            r#""model_id": 7, "persistor_id""#,
            &[server, r#""persist_and_cleanup" (components[6])"#, r#"key "args""#, "integer `7`"],
        ),
        (
            SERVER,
            r#""components": ["#,
            r#""components": [], "components": ["#,
            &[server, "duplicate field `components`"],
        ),
        (SERVER, r#""components": ["#, r#""components": 7, "more": ["#, &[server, "integer `7`"]),
    ] {
        let job = StandardJob::new();
        job.edit(file, from, to);
        assert_names(&refused(&job), parts);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    for name in ["config_fed_server.json", "config_fed_client.json"] {
        let job = StandardJob::new();
        std::fs::remove_file(job.path("job").join(name)).unwrap();
        let error = JobConfig::read(&job.path("job")).unwrap_err();
        assert!(matches!(&error, Error::File { .. }), "{error:?}");
        assert_names(&error.to_string(), &[name, "No such file"]);
    }
}

#[test]
fn what_is_no_file_or_no_text_is_refused_without_being_read() {
    let job = StandardJob::new();
    std::fs::remove_file(job.path(CLIENT)).unwrap();
    std::fs::create_dir(job.path(CLIENT)).unwrap();
    assert_names(&refused(&job), &["config_fed_client.json: ", "not a regular file"]);

    let job = StandardJob::new();
    let endless = std::fs::File::create(job.path(CLIENT)).unwrap();
    endless.set_len(1 << 40).unwrap();
    assert_names(&refused(&job), &["config_fed_client.json: ", "bytes"]);

    for bytes in [&b"\xff\xfe{}"[..], b"", b"[]", b"null", b"{\"components\": [NaN]}"] {
        let job = StandardJob::new();
        job.write(CLIENT, bytes);
        assert_names(&refused(&job), &["config_fed_client.json: "]);
    }
}

#[test]
pub fn hostile_json_is_an_error_and_no_crash() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for value in [deep.as_str(), "1e999", "-1e999", &"9".repeat(100_000)] {
        let job = StandardJob::new();
        job.edit(CLIENT, "\"percentile\": 95", &format!("\"percentile\": {value}"));
        let text = job.run_alone(|_| ()).map(|_| ()).unwrap_err().to_string();
        assert_names(&text[..text.len().min(3_000)], &["config_fed_client.json: "]);
    }
    let job = StandardJob::new();
    job.write("job/environment.json", format!("{{\"APP_CKPT_DIR\": {deep}}}"));
    assert_names(&refused(&job), &["environment.json: ", "recursion limit"]);
}

#[test]
fn of_a_name_that_comes_twice_the_last_counts_as_in_python() {
    let job = StandardJob::new();
    job.edit(CLIENT, "\"percentile\": 95", "\"percentile\": 101, \"percentile\": 95");
    assert_eq!(job.run_alone(|_| ()).unwrap().code(), None);
}

#[test]
fn a_model_id_that_is_no_uuid_is_named_and_the_hub_is_told_before() {
    let job = StandardJob::new();
    job.edit(SERVER, MODEL_ID, "my-model");
    let hub = Arc::<RecordedHub>::default();
    let error = job.try_run(job.options(memory(), hub.clone())).unwrap_err();
    assert_names(
        &error.to_string(),
        &[
            "config_fed_server.json: ",
            r#""flip_server_event_handler""#,
            r#"key "args""#,
            "The model ID: my-model is not a valid UUID",
        ],
    );
    let paths: Vec<_> = hub.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/model/my-model/status/ERROR"]);
    assert_eq!(job.files("workspace").len(), StandardJob::new().files("workspace").len());
}

#[test]
pub fn a_digest_that_is_another_is_named_with_who_asks_for_it() {
    let wrong = "0".repeat(64);
    let guest = |pin: &str| {
        let job = StandardJob::new();
        job.write("job/guest.wasm", MISBEHAVING_FILTER);
        job.edit(CLIENT, FILTER, &format!(r#""path": "wasm:guest.wasm"{pin}"#));
        job.edit(CLIENT, "\"gamma\": 2.0", "\"deed\": \"zero\"");
        job
    };
    let job = guest(&format!(r#", "sha256": "{wrong}""#));
    let by_config = refused(&job);
    assert_names(
        &by_config,
        &[r#""percentile_privacy""#, r#"key "sha256""#, "the configuration asks for", &wrong, "the file has"],
    );

    let policy: Policy = format!("[components.guest]\nsha256 = \"{wrong}\"").parse().unwrap();
    let error = guest("").run_alone(|options| options.policy = policy).unwrap_err();
    assert_eq!(error.code(), Code::InvalidInput);
    assert_names(
        &error.to_string(),
        &[r#""percentile_privacy""#, r#"key "sha256""#, "the policy asks for", &wrong],
    );

    // The right one, which the message has named, is accepted.
    let actual = by_config.rsplit(' ').next().unwrap();
    let job = guest(&format!(r#", "sha256": "{actual}""#));
    assert_eq!(job.run_alone(|_| ()).unwrap().results.len(), 4);
    assert_names(&refused(&guest(r#", "sha256": "abc""#)), &[r#""percentile_privacy""#, "digest"]);
}

#[test]
fn a_policy_applies_by_id_by_class_and_by_the_stem_of_the_file() {
    for name in ["percentile_privacy", "PercentilePrivacy"] {
        let job = StandardJob::new();
        let policy = format!("[components.{name}]\nlimits = {{ total-time = \"0s\" }}").parse().unwrap();
        let text = job.run_alone(|options| options.policy = policy).unwrap_err().to_string();
        assert_names(&text, &["limit total-time reached", &format!(" under [components.{name}] sets it")]);
    }
}

#[test]
fn an_error_of_a_policy_names_the_file_the_line_and_what_is_known() {
    for (text, parts) in [
        (
            "[components.A]\nhub = [\"update-status\"]\nhubs = []",
            &["line 3", "unknown field `hubs`", "`hub`"][..],
        ),
        ("[component.A]", &["line 1", "unknown field `component`", "`components`"]),
        (
            "[components.A]\ndirectories = { jobs = \"read\" }",
            &["line 2", "unknown directory `jobs`", "`job`, `app`", "did you mean `job`?"],
        ),
        ("[components.A]\ndirectories = { job = \"write\" }", &["line 2", "`write`", "`read-write`"]),
        ("[components.A]\ncleanup = [\"images\"]", &["line 2", "followed by"]),
        ("[components.A]\ncleanup = [\"images/../..\"]", &["line 2", "images/../.."]),
        ("[components.A]\nobject-store = [\"delete\"]", &["line 2", "`delete`", "`put-archive`"]),
        ("[components.A]\nlimits = { memroy = \"1GiB\" }", &["line 2", "`memroy`", "`memory`"]),
        ("[components.A]\nlimits = { call-time = 10 }", &["line 2"]),
        ("[components.A]\nsha256 = \"12\"", &["line 2"]),
        ("[components.A]\non-filter-failure = \"pass\"", &["line 2", "`pass`", "`let-pass`"]),
        ("[components.A]\n[components.A]", &["line 2", "duplicate"]),
        ("components = [", &["line 1"]),
    ] {
        let job = StandardJob::new();
        job.write("policy.toml", text);
        let error = Policy::read(&job.path("policy.toml")).unwrap_err();
        assert_eq!(error.code(), Code::InvalidInput);
        assert_names(&error.to_string(), &[&["policy.toml: "], parts].concat());
    }
}
