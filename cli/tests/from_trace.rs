//! Cases that are cut out of a recorded job.

use crate::support::{Site, shown};
use flip_wasm_tests::job::{SERVER, StandardJob, TRACE};
use flip_wasm_tests::write_safetensors;

/// Cuts a component's part out of the job.
fn cut(site: &Site, id: &str, more: &[&str]) -> std::process::Output {
    site.output(&[&["test", "--from-trace", TRACE, "--component", id, "--out", "cases.yaml"], more].concat())
}

#[test]
fn each_role_of_the_recorded_job_gets_a_case_that_it_passes() {
    for (id, component, told) in [
        ("percentile_privacy", "percentile-privacy", "cutoff"),
        ("CleanupImages", "cleanup-images", "cleanup clear images/*"),
        ("json_generator", "validation-json-generator", "val_loss: 1.0489975214004517"),
        ("flip_server_event_handler", "server-event-handler", "peers execute persist_and_cleanup"),
        ("persist_and_cleanup", "persist-to-s3-and-cleanup", "persist: execute"),
        ("model_locator", "pt-model-locator", "model-names"),
    ] {
        let job = StandardJob::new();
        let site = Site::at(job.path(""));
        let output = cut(&site, id, &[]);
        assert_eq!(output.status.code(), Some(0), "{id}: {}", shown(&output));
        let text = job.text("cases.yaml");
        assert!(text.contains(told), "{id}: {text}");
        let output = site.output(&["test", component, "cases.yaml"]);
        assert_eq!(output.status.code(), Some(0), "{id}: {}", shown(&output));
    }
}

#[test]
fn a_filter_gets_the_updates_of_the_site_that_is_named() {
    let job = StandardJob::new();
    let site = Site::at(job.path(""));
    assert_eq!(cut(&site, "percentile_privacy", &["--at", "site-2"]).status.code(), Some(0));
    let of_site_2 = job.text("cases.yaml");
    assert_eq!(of_site_2.matches("- filter:").count(), 2);
    std::fs::remove_file(job.path("cases.yaml")).unwrap();
    assert_eq!(cut(&site, "percentile_privacy", &[]).status.code(), Some(0));
    assert_ne!(job.text("cases.yaml").replace("site-1", "site-2"), of_site_2);
}

#[test]
fn a_case_file_without_a_name_is_named_after_the_component_and_overwrites_nothing() {
    let job = StandardJob::new();
    let site = Site::at(job.path(""));
    let cut = || site.output(&["test", "--from-trace", TRACE, "--component", "json_generator"]);
    let output = cut();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let text = job.text("json_generator.yaml");
    assert!(text.contains("val_loss: 1.0489975214004517"), "{text}");
    job.write("json_generator.yaml", "mine");
    let output = cut();
    assert_eq!(output.status.code(), Some(6), "{}", shown(&output));
    let told = "json_generator.yaml is there already, and is not overwritten";
    assert!(String::from_utf8_lossy(&output.stderr).contains(told), "{}", shown(&output));
    assert_eq!(job.text("json_generator.yaml"), "mine");
    let outside = site.output(&["test", "--from-trace", TRACE, "--component", "../json_generator"]);
    assert_eq!(outside.status.code(), Some(6), "{}", shown(&outside));
    assert!(
        String::from_utf8_lossy(&outside.stderr).contains("is no name for a file"),
        "{}",
        shown(&outside)
    );
}

#[test]
fn a_file_of_tensors_that_is_there_is_not_overwritten() {
    let job = StandardJob::new();
    let site = Site::at(job.path(""));
    // More elements than stand in a case file.
    let header = r#"{"w":{"dtype":"F32","shape":[100],"data_offsets":[0,400]}}"#;
    write_safetensors(&job.path("tensors/site-1_round-0.safetensors"), header, &[1; 400]);
    job.write("cases-1.safetensors", "mine");
    let output = cut(&site, "percentile_privacy", &[]);
    assert_eq!(output.status.code(), Some(6), "{}", shown(&output));
    let told = "cases-1.safetensors is there already, and is not overwritten";
    assert!(String::from_utf8_lossy(&output.stderr).contains(told), "{}", shown(&output));
    assert_eq!(job.text("cases-1.safetensors"), "mine");
    assert!(!job.path("cases.yaml").exists());
    std::fs::remove_file(job.path("cases-1.safetensors")).unwrap();
    let output = cut(&site, "percentile_privacy", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert!(job.path("cases-1.safetensors").exists());
}

#[test]
fn what_cannot_be_cut_out_is_told_and_nothing_is_overwritten() {
    let job = StandardJob::new();
    let site = Site::at(job.path(""));
    for (id, why) in [
        ("nobody", "no component of the job has the id \"nobody\""),
        ("persistor", "a part of the FL engine"),
        ("flip_client_event_handler", "nothing in the trace is for"),
    ] {
        let output = cut(&site, id, &[]);
        assert_eq!(output.status.code(), Some(6), "{}", shown(&output));
        assert!(String::from_utf8_lossy(&output.stderr).contains(why), "{}", shown(&output));
        assert!(!job.path("cases.yaml").exists());
    }
    job.write("cases.yaml", "mine");
    assert_eq!(cut(&site, "json_generator", &[]).status.code(), Some(6));
    assert_eq!(job.text("cases.yaml"), "mine");
    assert!(job.path(SERVER).exists());
}
