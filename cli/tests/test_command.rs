//! `flip-wasm test` as a person meets it: what it prints of cases that pass and that fail.

use std::fs;

use crate::support::{Site, shown};

/// A filter's case that passes, and one that does not in every way that a filter can fail.
const FILTER: &str = "\
# A comment that stays.
cases:
- name: a small element becomes zero
  args: { percentile: 50, gamma: 1 }
  calls:
  - filter: { tensors: { w: { values: [0.25, 0.5, 1] } } }
    gives: { filtered: { tensors: { w: { values: [0, 0.5, 1] } } } }
    log: ['info: max 1, min 0.25, cutoff 0.5 of |x| per step; steps 1']
    gauges: { cutoff: 0.5, gamma: 1, steps: 1, zero-share: 0.3333333333333333 }
- name: what is expected is wrong
  args: { percentile: 50, gamma: 1 }
  calls:
  - filter: { meta: { NUM_STEPS_CURRENT_ROUND: 1 }, tensors: { w: { shape: [2, 2], values: [0.25, 0.5, -1, 4] }, b: { values: [1] } } }
    gives:
      filtered:
        meta: { NUM_STEPS_CURRENT_ROUND: 2 }
        tensors: { w: { shape: [2, 2], values: [0, 0.5, -1, 2] }, b: { dtype: float64, values: [1] } }
    log: ['info: something else']
    gauges: { cutoff: 1 }
";

/// A component's case that passes where the folders are as they are, and where the host answers as it is told.
const FILES: &str = "\
# A comment that stays.

# And another one.
cases:
- name: the disk is away and comes back
  workspace: { images/scan: pixels, workspace/job-1/model.pt: weights }
  calls:
  - execute: { task: init_training }
    gives: { reply: { code: OK } }
    host:
    - storage open images
    - { call: cleanup clear images/*, answers: { unavailable: the disk is away }, after: 10ms }
  - execute: { task: post_task }
    gives: { reply: { code: TASK_ABORTED, headers: { seen: true } } }
  after: { workspace: { images/scan: pixels, images/other: more } }
";

fn site(cases: &str) -> Site {
    let site = Site::new();
    site.write("cases.yaml", cases.as_bytes());
    site
}

#[test]
fn the_help_shows_what_a_case_file_is_for_and_an_example() {
    snapshot!(Site::new().run(&["test", "--help"]));
}

#[test]
fn cases_pass_and_one_says_less_of_them() {
    let site = site(FILTER);
    let only = ["test", "percentile-privacy", "cases.yaml", "--only", "small element"];
    snapshot!(site.run(&only), @r"
    exit code 0
    --- stdout
    ok      a small element becomes zero
    1 cases, 1 passed, 0 failed
    --- stderr
    ");
    let quiet = site.output(&[&only[..], &["-q"]].concat());
    assert_eq!((quiet.status.code(), quiet.stdout, quiet.stderr), (Some(0), vec![], vec![]));
}

#[test]
fn each_difference_of_a_filter_is_shown() {
    snapshot!(site(FILTER).run(&["test", "percentile-privacy", "cases.yaml"]));
}

#[test]
fn each_difference_in_calls_replies_and_files_is_shown() {
    snapshot!(site(FILES).run(&["test", "cleanup-images", "cases.yaml"]));
}

#[test]
fn differences_in_objects_and_at_the_hub_are_shown() {
    let site = site(
        "\
cases:
- name: an archive
  args: { model_id: '00000000000000000000000000000007' }
  workspace: { job/meta.json: '{}' }
  calls: [{ persist: upload }]
  after: { objects: { other.zip: {zip: {}} } }
",
    );
    snapshot!(site.run(&["test", "persist-to-s3-and-cleanup", "cases.yaml"]));
    let cases = "\
cases:
- name: a status
  args: { model_id: nobody }
  refuses-args: another reason
  after: { hub: [PUT /model/nobody/status/STOPPED] }
- name: it is called for nothing
  args: { model_id: '00000000000000000000000000000007' }
  calls: [{ event: _round_started }]
";
    site.write("cases.yaml", cases.as_bytes());
    snapshot!(site.run(&["test", "server-event-handler", "cases.yaml"]));
}

#[test]
fn a_float_may_be_off_by_a_tolerance() {
    let cases = |within: &str| {
        site(&format!(
            "\
cases:
- name: within
  args: {{ percentile: 0, gamma: 8 }}
  calls:
  - filter: {{ tensors: {{ w: {{ values: [1, 2] }} }} }}
    gives: {{ filtered: {{ {within}tensors: {{ w: {{ values: [1.0625, 2] }} }} }} }}
    log: ['info: max 2, min 1, cutoff 1 of |x| per step; steps 1']
    gauges: {{ cutoff: 1, gamma: 8, steps: 1, zero-share: 0 }}
"
        ))
        .run(&["test", "percentile-privacy", "cases.yaml"])
    };
    assert!(cases("within: 0.0625, ").starts_with("exit code 0\n"));
    for too_little in ["", "within: 0.0624, ", "within: .nan, ", "within: -1, "] {
        let shown = cases(too_little);
        // It is longer than a line.
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = "tensor w: 1 of 2 elements differ; the first at [0]: 1.0 and not 1.0625; the largest difference is 0.0625";
        assert!(shown.starts_with("exit code 1 ") && shown.contains(told), "{too_little}: {shown}");
    }
}

#[test]
fn a_key_that_there_is_not_is_named_with_its_line() {
    let site = site("cases:\n- name: a\n  calls:\n  - filter: {}\n    gvies: ok\n");
    snapshot!(site.run(&["test", "percentile-privacy", "cases.yaml"]));
}

#[test]
fn files_and_names_that_are_not_there() {
    let site = site(FILTER);
    for (args, told) in [
        (&["percentile-privacy"][..], "error: name the case files behind the component\n"),
        (&["percentile-privacy", "gone.yaml"], "error: gone.yaml: No such file or directory (os error 2)\n"),
        (&["gone.wasm"], "error: gone.wasm: No such file or directory (os error 2)\n"),
        (&["percentile-privacy", "cases.yaml", "--only", "gone"], "error: no case has this name\n"),
        (&["percentile-privacy", "cases.yaml", "--policy", "gone.toml"], "error: gone.toml"),
    ] {
        let shown = site.run(&[&["test"], args].concat());
        assert!(shown.starts_with("exit code 6\n") && shown.contains(told), "{shown}");
    }
    let shown = Site::new().run(&["test", "gone.wasm"]);
    assert!(shown.contains("error: cases.yaml is not there; name the case files"), "{shown}");
}

#[test]
fn a_call_says_which_one_it_is() {
    for step in ["{ gives: ok }", "{ event: a, model-names: {} }"] {
        let site = site(&format!("cases:\n- name: a\n  calls: [{step}]\n"));
        let shown = site.run(&["test", "percentile-privacy", "cases.yaml"]);
        let told = "error: cases.yaml: case \"a\": call 1 does not say which one call it is\n";
        assert!(shown.starts_with("exit code 6\n") && shown.contains(told), "{shown}");
    }
}

#[test]
fn blessed_cases_pass_and_keep_their_first_comment_and_the_answers_of_the_host() {
    for (component, cases, name) in
        [("percentile-privacy", FILTER, "filter"), ("cleanup-images", FILES, "files")]
    {
        let site = site(cases);
        let args = ["test", component, "cases.yaml", "--bless"];
        assert!(site.run(&args).starts_with("exit code 0\n"), "{}", site.run(&args));
        let blessed = fs::read_to_string(site.path("cases.yaml")).unwrap();
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(name, blessed) });
        let shown = site.run(&args[..3]);
        assert!(shown.starts_with("exit code 0\n"), "{shown}");
        // What passes is left as it stands there.
        site.write("cases.yaml", format!("{blessed}# A comment at the end.\n").as_bytes());
        assert!(site.run(&args).starts_with("exit code 0\n"));
        assert!(fs::read_to_string(site.path("cases.yaml")).unwrap().ends_with("# A comment at the end.\n"));
    }
}

#[test]
fn a_case_that_cannot_be_run_is_not_blessed() {
    let cases = "cases:\n- name: a\n  workspace: { elsewhere/x: '' }\n";
    let site = site(cases);
    let shown = site.run(&["test", "percentile-privacy", "cases.yaml", "--bless"]);
    assert!(shown.starts_with("exit code 1\n") && shown.contains("FAILED  a\n"), "{shown}");
    assert_eq!(fs::read_to_string(site.path("cases.yaml")).unwrap(), cases);
}

#[test]
fn answers_to_calls_that_come_again_are_counted_and_kept() {
    let site = site(
        "\
cases:
- name: three times
  args: { model_id: '00000000000000000000000000000007' }
  peers: { json_generator: { results-generator: { all-tasks-failed: false } }, persist_and_cleanup: { results-persistor: {} } }
  calls:
  - event: _start_run
  - event: _training_finished
    host:
    - { call: peers handle-evaluation-event json_generator _training_finished, answers: { unavailable: one } }
  - event: _training_finished
    host:
    - { call: peers handle-evaluation-event json_generator _training_finished, answers: { unavailable: two } }
",
    );
    assert!(
        site.run(&["test", "server-event-handler", "cases.yaml", "--bless"]).starts_with("exit code 0\n")
    );
    let blessed = fs::read_to_string(site.path("cases.yaml")).unwrap();
    assert!(blessed.contains("unavailable: one") && blessed.contains("unavailable: two"), "{blessed}");
    let shown = site.run(&["test", "server-event-handler", "cases.yaml"]);
    assert!(shown.starts_with("exit code 0\n"), "{shown}");
}

#[test]
fn a_policy_file_says_what_is_granted_where_a_case_does_not() {
    let site = site(
        "\
cases:
- name: it may do nothing
  calls:
  - execute: { task: init_training }
    gives:
      reply:
        code: EXECUTION_EXCEPTION
        headers: { exception: 'not permitted: directories = { images = \"read\" } under [components.CleanupImages]' }
    log: ['error: the clean-up failed: not permitted: directories = { images = \"read\" } under [components.CleanupImages]']
    host: [storage open images = not-permitted]
",
    );
    site.write("policy.toml", b"[components.Another]\nhub = [\"update-status\"]\n");
    let shown = site.run(&["test", "cleanup-images", "cases.yaml", "--policy", "policy.toml"]);
    assert!(shown.starts_with("exit code 0\n"), "{shown}");
    assert!(site.run(&["test", "cleanup-images", "cases.yaml"]).starts_with("exit code 1\n"));
}

#[test]
fn a_report_has_the_cases_and_their_differences() {
    let site = site(&FILTER.replace("what is expected", "<what>"));
    let report = |name| site.output(&["test", "percentile-privacy", "cases.yaml", "--report", name]);
    assert_eq!(report("report.json").status.code(), Some(1));
    assert_eq!(report("report.html").status.code(), Some(1));
    let json = flip_runtime::report::Report::read(&fs::read(site.path("report.json")).unwrap()).unwrap();
    let passed: Vec<_> = json.cases.iter().map(|case| (case.case.as_str(), case.passed)).collect();
    assert_eq!(passed, [("a small element becomes zero", true), ("<what> is wrong", false)]);
    assert!(!json.cases[1].differences.is_empty());
    let page = fs::read_to_string(site.path("report.html")).unwrap();
    assert!(page.contains("&lt;what&gt;") && !page.contains("<what>"), "{page}");
}

#[test]
fn a_report_of_a_test_has_the_components_card() {
    let site = site(FILTER);
    let code = |more: &[&str]| {
        let args = ["test", "percentile-privacy", "cases.yaml", "--report", "report.json"];
        site.output(&[&args, more].concat()).status.code()
    };
    assert_eq!(code(&["--limits", "memory=512MiB"]), Some(1));
    let report = flip_runtime::report::Report::read(&fs::read(site.path("report.json")).unwrap()).unwrap();
    let shown = &report.places[0].components[0];
    assert_eq!((shown.name.as_str(), shown.built_in), ("PercentilePrivacy", true));
    assert_eq!((shown.roles.len(), shown.requested.is_empty()), (1, false));
    let memory = shown.limits.iter().find(|limit| limit.name == "memory").unwrap();
    assert_eq!(memory.allowed, f64::from(512 << 20));
    assert_eq!(memory.used, Some(shown.usage.peak_memory as f64));
    // Each case configures it and calls it once at least.
    assert!(shown.usage.calls >= 2 * report.cases.len() as u64 && shown.usage.bytes_read > 0);
    let of_all = shown.usage.calls;
    assert_eq!(code(&["--only", "small element"]), Some(0));
    let report = flip_runtime::report::Report::read(&fs::read(site.path("report.json")).unwrap()).unwrap();
    assert!(report.places[0].components[0].usage.calls < of_all, "what is not run uses nothing");
}

#[test]
fn a_report_that_cannot_be_is_an_error_before_the_cases_run() {
    let site = site(FILTER);
    fs::create_dir(site.path("folder")).unwrap();
    let ran = |args: &[&str]| {
        let output = site.output(&[&["test", "percentile-privacy", "cases.yaml"], args].concat());
        assert!(output.stdout.is_empty(), "{}", shown(&output));
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, error) = ran(&["--report", "folder"]);
    assert!(code == Some(6) && error.starts_with("error: folder: "), "{error}");
    let (code, error) = ran(&["--report", "missing/report.html"]);
    assert!(code == Some(6) && error.starts_with("error: missing/report.html: "), "{error}");
    let (code, error) = ran(&["--report", "same", "--junit", "same"]);
    assert!(code == Some(2) && error.contains("--report and --junit name the same file"), "{error}");
    assert_eq!(site.files(), ["cases.yaml", "folder", "update.safetensors"]);
}

#[test]
fn junit_xml_is_well_formed_and_has_the_failure() {
    let site = site(&FILTER.replace("what is expected", "\"<what> & \\u0001is expected\"\n#"));
    let output = site.output(&["test", "percentile-privacy", "cases.yaml", "--junit", "junit.xml"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let xml = fs::read_to_string(site.path("junit.xml")).unwrap();
    let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    let suite = &report.test_suites[0];
    assert_eq!((suite.name.as_str(), suite.tests, suite.failures), ("cases.yaml", 2, 1));
    let names: Vec<_> = suite.test_cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["a small element becomes zero", "<what> & is expected"]);
    assert!(xml.contains("2 of 4 elements differ; the first at [0, 1]: 0.0 and not 0.5"), "{xml}");
}
