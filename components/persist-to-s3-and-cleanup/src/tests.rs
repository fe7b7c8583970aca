//! The order of things, and what is left of the results wherever it breaks.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

mod fake;

use flip_sdk::Error;
use flip_sdk::peers::LookupError;
use flip_sdk::storage::EntryKind;

use crate::{Args, PersistToS3AndCleanup};
use fake::Fake;

const MODEL_ID: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
const KEY: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6/20240229_235959.zip";

/// The server's workspace at the end of a job.
fn job() -> Fake {
    Fake::new(&[
        "job/app_server/custom/config.json",
        "job/app_server/custom/trainer.py",
        "job/app_server/custom/validator.py",
        "job/app_server/model/FL_global_model.pt",
        "job/app_server/model/best_FL_global_model.pt",
        "job/cross_site_val/cross_val_results.json",
        "job/cross_site_val/model_shareables/SRV_server",
        "job/cross_site_val/result_shareables/site-1_SRV_server",
        "job/meta.json",
        "workspace/save/3fa85f64-5717-4562-b3fc-2c963f66afa6/leftover.txt",
        "workspace/save/other-job/keep.txt",
        "workspace/transfer/3fa85f64-5717-4562-b3fc-2c963f66afa6/app/leftover.txt",
        "workspace/transfer/other-job/keep.txt",
    ])
}

const RESULTS: [&str; 7] = [
    "FL_global_model.pt",
    "best_FL_global_model.pt",
    "cross_site_val/cross_val_results.json",
    "cross_site_val/result_shareables/site-1_SRV_server",
    "meta.json",
    "trainer.py",
    "validator.py",
];

fn persistor() -> PersistToS3AndCleanup {
    let args = Args { model_id: MODEL_ID.to_owned(), persistor_id: "persistor".to_owned() };
    PersistToS3AndCleanup::new(args).unwrap()
}

#[test]
fn results_are_moved_uploaded_and_what_is_left_is_deleted_in_this_order() {
    let host = job();
    persistor().execute(&host).unwrap();
    assert_eq!(
        host.calls(),
        [
            "inventory of persistor",
            "fire _results_upload_started",
            "open job",
            "rename job/app_server/model/FL_global_model.pt to FL_global_model.pt",
            "rename job/app_server/model/best_FL_global_model.pt to best_FL_global_model.pt",
            "rename job/app_server/custom/trainer.py to trainer.py",
            "rename job/app_server/custom/validator.py to validator.py",
            "remove job/app_server",
            "remove job/cross_site_val/model_shareables",
            &format!("put job as {KEY}"),
            "fire _results_upload_completed",
            "open workspace",
            &format!("remove workspace/save/{MODEL_ID}"),
            &format!("remove workspace/transfer/{MODEL_ID}"),
        ]
    );
    assert_eq!(host.archive(), RESULTS);
    assert_eq!(host.files("workspace/"), ["save/other-job/keep.txt", "transfer/other-job/keep.txt"]);
}

#[test]
fn wherever_it_breaks_the_results_are_safe_and_a_second_time_brings_them_up() {
    for step in 0.. {
        let host = job();
        host.break_at(step);
        let outcome = persistor().execute(&host);
        if !host.broke() {
            assert!(step > 20, "only {step} steps");
            return;
        }
        // Each result is in the archive, at the top of the job folder, or still where it was.
        let kept = host.files("job/");
        for result in RESULTS {
            let name = result.rsplit('/').next().unwrap();
            let safe = host.archive().iter().any(|file| file == result)
                || kept.iter().any(|file| file.rsplit('/').next() == Some(name));
            assert!(safe, "step {step}: {result} is lost: {:?}", host.calls());
        }
        // The events and the inventory decide nothing; all else does.
        if outcome.is_ok() {
            assert_eq!(host.archive(), RESULTS, "step {step}");
        }
        host.mend();
        persistor().execute(&host).unwrap();
        assert_eq!(host.archive(), RESULTS, "step {step}");
    }
}

#[test]
fn an_upload_that_fails_is_followed_by_the_clean_up_and_told() {
    let host = job();
    host.refuse("put");
    let error = persistor().execute(&host).unwrap_err();
    assert!(matches!(error, Error::Unavailable(text) if text.starts_with("put job")));
    assert_eq!(host.files("job/"), RESULTS);
    assert_eq!(host.files("workspace/"), ["save/other-job/keep.txt", "transfer/other-job/keep.txt"]);
    assert!(!host.calls().iter().any(|call| call == "fire _results_upload_completed"));
}

#[test]
fn each_directory_is_tried_and_the_first_error_counts() {
    let host = job();
    host.refuse("remove workspace/save");
    let Err(Error::Unavailable(text)) = persistor().cleanup(&host) else { panic!() };
    assert_eq!(text, format!("remove workspace/save/{MODEL_ID}"));
    assert!(host.log().iter().any(|line| line.starts_with(&format!("error: save/{MODEL_ID} was not"))));
    assert!(!host.files("workspace/").iter().any(|file| file.starts_with(&format!("transfer/{MODEL_ID}"))));
}

#[test]
fn nothing_to_clean_up_is_fine() {
    let host = Fake::new(&["job/meta.json"]);
    persistor().cleanup(&host).unwrap();
    assert_eq!(host.calls(), ["open workspace"]);
}

#[test]
fn a_developers_machine_keeps_and_uploads_nothing_and_logs_the_same() {
    let (dev, host) = (job(), job());
    for fake in [&dev, &host] {
        fake.add("job/app_server/FL_global_model.pt");
        fake.inventory.borrow_mut().clear();
    }
    dev.local_dev.set(true);
    persistor().execute(&dev).unwrap();
    persistor().execute(&host).unwrap();
    let calls = dev.calls();
    assert!(!calls.iter().any(|call| call.starts_with("remove") || call.starts_with("put")), "{calls:?}");
    assert!(calls.contains(&"rename job/app_server/FL_global_model.pt to FL_global_model.pt".to_owned()));
    let about_the_mode = |line: &String| !line.contains("local dev") && !line.contains("moving");
    let lines = |fake: &Fake| fake.log().into_iter().filter(about_the_mode).collect::<Vec<_>>();
    assert_eq!(lines(&dev), lines(&host));
}

#[test]
fn the_model_is_taken_from_where_the_inventory_sees_it() {
    let host = job();
    host.add("job/app_server/FL_global_model.pt");
    *host.inventory.borrow_mut() =
        vec![("FL_global_model.pt".to_owned(), "/w/simulate_job/app_server/FL_global_model.pt".to_owned())];
    persistor().execute(&host).unwrap();
    assert!(
        host.calls().contains(&"rename job/app_server/FL_global_model.pt to FL_global_model.pt".to_owned())
    );
}

#[test]
fn a_model_that_is_kept_anywhere_in_the_apps_folder_is_not_deleted_with_it() {
    for before in ["", "/app_server/j/"] {
        let host = Fake::new(&[
            "job/app_server/ckpt/a/FL_global_model.pt",
            "job/app_server/ckpt/a/best_FL_global_model.pt",
            "job/meta.json",
        ]);
        let location = format!("{before}app_server/ckpt/a/FL_global_model.pt");
        *host.inventory.borrow_mut() = vec![("FL_global_model.pt".to_owned(), location)];
        persistor().execute(&host).unwrap();
        assert_eq!(host.archive(), ["FL_global_model.pt", "best_FL_global_model.pt", "meta.json"]);
    }
}

#[test]
fn a_model_beside_the_code_is_found_without_an_inventory() {
    let host = Fake::new(&["job/app_server/FL_global_model.pt", "job/meta.json"]);
    host.inventory.borrow_mut().clear();
    persistor().execute(&host).unwrap();
    assert_eq!(host.archive(), ["FL_global_model.pt", "meta.json"]);
}

#[test]
fn a_second_attempt_does_not_replace_the_model_by_the_one_that_the_training_started_from() {
    let host = job();
    host.add("job/app_server/FL_global_model.pt");
    host.refuse("remove job/app_server");
    persistor().execute(&host).unwrap_err();
    host.refuse("nothing");
    *host.inventory.borrow_mut() =
        vec![("FL_global_model.pt".to_owned(), "app_server/FL_global_model.pt".to_owned())];
    assert!(matches!(persistor().execute(&host), Err(Error::InvalidData(_))));
    let kept = host.files("job/");
    assert!(kept.contains(&"FL_global_model.pt".to_owned()), "{kept:?}");
    assert!(kept.contains(&"app_server/FL_global_model.pt".to_owned()), "{kept:?}");
}

#[test]
fn an_inventory_that_is_wrong_or_silent_loses_no_model() {
    for location in ["/elsewhere/FL_global_model.pt", "app_server/FL_global_model.pt", ""] {
        let host = job();
        *host.inventory.borrow_mut() = match location {
            "" => Vec::new(),
            location => vec![("FL_global_model.pt".to_owned(), location.to_owned())],
        };
        persistor().execute(&host).unwrap();
        assert_eq!(host.archive(), RESULTS);
        let warned = host.log().iter().any(|line| line.starts_with("warning"));
        assert_eq!(warned, location.is_empty());
    }
}

#[test]
fn a_job_without_a_model_uploads_what_it_has() {
    let host = Fake::new(&["job/meta.json", "job/app_server/custom/models.py"]);
    host.inventory.borrow_mut().clear();
    persistor().execute(&host).unwrap();
    assert_eq!(host.archive(), ["meta.json"]);
}

#[test]
fn a_result_that_is_a_link_is_not_taken_for_safe() {
    let host = job();
    host.add_kind("job/app_server/model/FL_global_model.pt", EntryKind::Symlink);
    let Err(Error::InvalidData(text)) = persistor().execute(&host) else { panic!() };
    assert_eq!(text, "app_server/model/FL_global_model.pt is no plain file");
    assert!(host.files("job/").contains(&"app_server/custom/trainer.py".to_owned()));
}

#[test]
fn a_persistor_that_is_none_ends_the_run_and_is_an_error_at_once() {
    let host = job();
    host.lookup.replace(Some(LookupError::WrongRole("a dxo-filter".to_owned())));
    let Err(Error::InvalidArgument(reason)) = persistor().execute(&host) else { panic!() };
    assert!(reason.contains("\"persistor\"") && reason.contains("a dxo-filter"), "{reason}");
    assert_eq!(host.calls(), [format!("panic {reason}")]);
}

#[test]
fn events_that_nobody_may_hear_hold_nothing_up() {
    let host = job();
    host.refuse("fire");
    persistor().execute(&host).unwrap();
    assert_eq!(host.archive(), RESULTS);
}

#[test]
fn a_model_id_is_a_uuid() {
    let args = Args { model_id: "../x".to_owned(), persistor_id: "persistor".to_owned() };
    let Err(Error::InvalidArgument(text)) = PersistToS3AndCleanup::new(args) else { panic!() };
    assert_eq!(text, "The model ID: ../x is not a valid UUID");
}

#[test]
fn the_args_have_a_default_and_no_other_names() {
    let args: Args = serde_json::from_str(&format!(r#"{{"model_id": "{MODEL_ID}"}}"#)).unwrap();
    assert_eq!(args.persistor_id, "persistor");
    for wrong in [r#"{}"#, r#"{"model_id": 1}"#, r#"{"model_id": "", "persister_id": "persistor"}"#] {
        assert!(serde_json::from_str::<Args>(wrong).is_err(), "{wrong}");
    }
}
