//! `--audit` and `flip-wasm audit`, as an operator meets them.

use crate::support::{ARGS, Site};
use flip_wasm_tests::job::StandardJob;

const TIMES: [(&str, &str); 3] = [
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", "[time]"),
    (r"put-archive ok: 1, [0-9.]+ (B|KiB) written", "put-archive ok: 1, [size] written"),
    (r"[0-9a-f]{64}", "[sha256]"),
];

macro_rules! audit_snapshot {
    ($shown:expr) => {
        let filters = TIMES.into_iter().chain(crate::support::FILTERS).collect::<Vec<_>>();
        insta::with_settings!({ filters => filters, omit_expression => true }, {
            insta::assert_snapshot!($shown)
        })
    };
}

#[test]
fn a_filters_trail_says_what_came_in_and_what_went_out() {
    let site = Site::new();
    audit_snapshot!(site.filter("percentile-privacy", &["--args", ARGS, "--audit", "audit.jsonl"]));
    audit_snapshot!(site.run(&["audit", "audit.jsonl"]));
    // What is there is never overwritten.
    audit_snapshot!(site.filter("percentile-privacy", &["--args", ARGS, "--audit", "audit.jsonl"]));
    let json = site.output(&["audit", "audit.jsonl", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let digest = json["digest"].as_str().unwrap();
    let noted = |digest: &str| site.output(&["audit", "audit.jsonl", "--digest", digest]).status.code();
    assert_eq!((noted(digest), noted(&"0".repeat(64)), noted("0")), (Some(0), Some(6), Some(2)));
}

#[test]
fn a_jobs_trail_is_summed_up() {
    let job = StandardJob::new();
    let site = Site::at(job.path(""));
    let args = ["run", "job", "--trace", "trace.jsonl", "--workspace", "workspace", "-q"];
    let output = site.output(&[&args[..], &["--audit", "audit.jsonl"]].concat());
    assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
    audit_snapshot!(site.run(&["audit", "audit.jsonl"]));
}

#[test]
fn a_refusal_is_in_the_trail() {
    let site = Site::new();
    let args = ["filter", "percentile-privacy", "--args", r#"{"gamma": 0}"#, "--in", "update.safetensors"];
    let output = site.output(&[&args[..], &["--out", "out.safetensors", "--audit", "audit.jsonl"]].concat());
    assert_eq!(output.status.code(), Some(3));
    audit_snapshot!(site.run(&["audit", "audit.jsonl"]));
}

#[test]
fn a_trail_that_was_altered_or_cut_is_exit_code_6_and_names_the_line() {
    let site = Site::new();
    site.filter("percentile-privacy", &["--args", ARGS, "--audit", "audit.jsonl"]);
    let text = std::fs::read_to_string(site.path("audit.jsonl")).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let altered = text.replacen("\"pinned\":false", "\"pinned\":true", 1);
    let removed = [&lines[..1], &lines[2..]].concat().concat();
    for (name, text) in [
        ("altered", altered),
        ("removed", removed),
        ("cut", text[..text.len() - 1].to_owned()),
        ("ended", lines[..lines.len() - 1].concat()),
        ("more", format!("{text}{text}")),
        ("other", "no trail\n".to_owned()),
    ] {
        site.write("audit.jsonl", text.as_bytes());
        insta::allow_duplicates! { insta::with_settings!({ snapshot_suffix => name }, {
            audit_snapshot!(site.run(&["audit", "audit.jsonl"]));
        }) }
    }
    audit_snapshot!(site.run(&["audit", "nothing.jsonl"]));
}

#[test]
fn a_trail_is_no_other_file_of_the_run() {
    let site = Site::new();
    for other in ["--out", "--report"] {
        let mut args = vec!["filter", "percentile-privacy", "--in", "update.safetensors"];
        args.extend([other, "same", "--audit", "same"]);
        if other == "--report" {
            args.extend(["--out", "out.safetensors"]);
        }
        assert_eq!(site.output(&args).status.code(), Some(2));
        assert_eq!(site.files(), ["update.safetensors"]);
    }
}
