//! FLIP's standard job from its first event to its last, with real servers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use flip_runtime::job::JobReport;
use flip_runtime::safetensors::{self, Overrides};
use flip_runtime::{Meta, Outcome};
use flip_wasm_tests::job::{
    CLIENT, JOB_FOLDER, MODEL_ID, RESULTS, SERVER, Servers, StandardJob, TRACE, UPDATES, statuses,
};
use flip_wasm_tests::servers::hub::KEY;
use flip_wasm_tests::{assert_same, fixture};

const STATUSES: [&str; 4] = ["INITIATED", "PREPARED", "TRAINING_STARTED", "RESULTS_UPLOADED"];

/// Everything that left is what the reference let out, bit for bit.
fn assert_updates_left(job: &StandardJob, report: &JobReport) {
    assert_eq!(report.results.len(), UPDATES.len());
    for (result, update) in report.results.iter().zip(UPDATES) {
        assert_eq!((result.return_code, result.refused.is_none()), ("OK", true), "{update}");
        assert_eq!(result.filters["percentile_privacy"][0].outcome, Outcome::Filtered);
        let [file] = &result.files[..] else { panic!("{update}: {:?}", result.files) };
        assert!(file.starts_with(job.path("workspace/outbox").join(&update[..6])), "{}", file.display());
        let left = safetensors::open(file, Overrides::default()).unwrap().dxo;
        let recorded = fixture(&format!("standard-job/expected/filtered/{update}.safetensors"));
        assert_same(&left, &safetensors::open(&recorded, Overrides::default()).unwrap().dxo);
        let beside: serde_json::Value =
            serde_json::from_slice(&std::fs::read(recorded.with_extension("safetensors.json")).unwrap())
                .unwrap();
        assert_eq!(beside["kind"], left.kind().name());
        let meta = |meta: &Meta| serde_json::to_string(meta).unwrap();
        assert_eq!(meta(&left.meta), beside["meta"].to_string());
    }
    assert_eq!(job.files("workspace/outbox").len(), UPDATES.len());
}

fn assert_results_written(job: &StandardJob) {
    let expected = std::fs::read(fixture("standard-job/expected/cross_val_results.json")).unwrap();
    assert_eq!(job.text(RESULTS).into_bytes(), expected);
}

/// The files and the directories in the one object of the bucket, which must be well named.
fn archive(servers: &Servers) -> (BTreeMap<String, Vec<u8>>, BTreeSet<String>) {
    let objects: Vec<_> = servers.s3.files().into_iter().filter(|name| name.ends_with(".zip")).collect();
    let [object] = &objects[..] else { panic!("{:?}", servers.s3.files()) };
    let name = object.strip_prefix(&format!("bucket/results/net/{MODEL_ID}/")).unwrap();
    let shape: String = name.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "00000000_000000.zip", "{name}");
    assert!(!servers.s3.files().iter().any(|name| name.contains("upload")), "{:?}", servers.s3.files());
    let file = std::fs::File::open(servers.s3.root.path().join(object)).unwrap();
    let mut zip = zip::ZipArchive::new(file).unwrap();
    let (mut files, mut directories) = (BTreeMap::new(), BTreeSet::new());
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        match name.strip_suffix('/') {
            Some(name) => drop(directories.insert(name.to_owned())),
            None => {
                let mut contents = Vec::new();
                entry.read_to_end(&mut contents).unwrap();
                assert_eq!(files.insert(name, contents), None);
            }
        }
    }
    (files, directories)
}

#[test]
fn the_standard_job_does_what_the_recorded_one_did() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    let before = job.files(JOB_FOLDER);
    let report = job.run(servers.options(&job));

    assert_eq!(report.code(), None, "{report:?}");
    assert_updates_left(&job, &report);
    assert_results_written(&job);
    assert_eq!(
        (servers.statuses(), statuses(&report)),
        (STATUSES.map(str::to_owned).to_vec(), STATUSES.to_vec())
    );
    let seen = servers.hub.server.seen();
    assert_eq!(seen.len(), 4, "the hub gets nothing but the statuses");
    assert!(seen.iter().all(|seen| seen.method == "PUT" && seen.headers["x-internal-service-key"] == KEY));

    // The archive is the job folder, which is what there was without the inputs.
    let (files, directories) = archive(&servers);
    assert_eq!(files, job.files(JOB_FOLDER));
    let moved = [
        "app_server/model/FL_global_model.pt",
        "app_server/custom/trainer.py",
        "app_server/custom/validator.py",
    ];
    let mut expected: BTreeMap<_, _> = before
        .iter()
        .filter(|(name, _)| !name.starts_with("app_server/") && !name.contains("model_shareables/"))
        .map(|(name, contents)| (name.clone(), contents.clone()))
        .collect();
    expected.extend(moved.map(|name| (name.rsplit('/').next().unwrap().to_owned(), before[name].clone())));
    expected.insert("cross_site_val/cross_val_results.json".to_owned(), job.text(RESULTS).into_bytes());
    assert_eq!(files, expected);
    assert!(directories.contains("cross_site_val/result_shareables"), "{directories:?}");
    assert!(!job.path(JOB_FOLDER).join("app_server").exists());
    assert!(!job.path(JOB_FOLDER).join("cross_site_val/model_shareables").exists());
}

#[test]
fn the_clean_up_takes_the_jobs_own_things_and_no_siblings() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    job.run(servers.options(&job));
    let images = job.path("workspace/images");
    assert!(
        images.join("net-1").is_dir() && std::fs::read_dir(images.join("net-1")).unwrap().next().is_none()
    );
    let left: Vec<String> = ["images", "server/save", "server/transfer", "site-1", "site-2"]
        .iter()
        .flat_map(|folder| {
            let files = job.files(&format!("workspace/{folder}")).into_keys();
            files.map(move |name| format!("{folder}/{name}"))
        })
        .collect();
    assert_eq!(
        left,
        [
            "images/net-2/keep.dcm",
            "server/save/other-job/keep.txt",
            "server/transfer/other-job/keep.txt",
            "site-1/startup/keep.txt",
            "site-2/startup/keep.txt",
        ]
    );
    for gone in ["server/save", "server/transfer"] {
        assert!(!job.path("workspace").join(gone).join(MODEL_ID).exists(), "{gone}");
    }
    for site in ["site-1", "site-2"] {
        assert!(!job.path("workspace").join(site).join("simulate_job").exists(), "{site}");
    }
}

#[test]
fn on_a_developers_machine_nothing_is_deleted_uploaded_or_reported() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    let before = job.files("workspace");
    let mut options = servers.options(&job);
    options.local_dev = true;
    let report = job.run(options);

    assert_eq!((report.code(), report.local_dev), (None, true), "{report:?}");
    assert_updates_left(&job, &report);
    assert_results_written(&job);
    assert_eq!(statuses(&report), STATUSES);
    servers.s3.assert_nothing_left();
    assert!(servers.s3.server.seen().is_empty(), "the store is not even asked");
    assert_eq!(servers.statuses(), [""; 0], "nor is the hub told");
    assert!(
        report
            .places
            .iter()
            .flat_map(|place| &place.components)
            .all(|component| { component.usage.deleted.is_empty() && component.usage.stored.is_empty() })
    );

    // The model and the code are moved; everything else stays where it was.
    let after = job.files("workspace");
    for (name, contents) in &before {
        let moved = format!("server/simulate_job/{}", name.rsplit('/').next().unwrap());
        let kept = after.get(name).or_else(|| after.get(&moved));
        assert_eq!(kept, Some(contents), "{name}");
    }
}

#[test]
fn the_report_tells_what_each_component_used_and_what_was_left_alone() {
    let job = StandardJob::new();
    let report = job.run_alone(|_| ()).unwrap();
    let places: Vec<_> = report.places.iter().map(|place| place.name.as_str()).collect();
    assert_eq!(places, ["server", "site-1", "site-2"]);
    let components = |place: usize| -> Vec<_> {
        report.places[place].components.iter().map(|component| component.id.as_str()).collect()
    };
    assert_eq!(
        components(0),
        ["model_locator", "json_generator", "flip_server_event_handler", "persist_and_cleanup"]
    );
    assert_eq!(components(1), ["flip_client_event_handler", "CleanupImages", "percentile_privacy"]);
    assert_eq!(components(1), components(2));
    let engine = |place: usize| -> Vec<_> {
        report.places[place].engine.iter().map(|part| part.id.as_str()).collect()
    };
    let controllers = ["init_training", "scatter_and_gather", "cross_site_validate"];
    assert_eq!(engine(0)[..3], ["persistor", "shareable_generator", "aggregator"]);
    assert_eq!(engine(0)[3..], controllers);
    assert_eq!(engine(1).len(), 2);
    let persistor = &report.places[0].components[3].usage;
    assert_eq!((persistor.stored.len(), persistor.stored[0].files), (1, Some(11)));
    assert!(persistor.deleted.iter().any(|deleted| deleted.path.ends_with(&format!("save/{MODEL_ID}"))));
    let tasks: Vec<_> =
        report.tasks.iter().map(|task| (task.at.as_str(), task.task.as_str(), task.return_code)).collect();
    assert_eq!(
        tasks,
        [
            ("site-2", "init_training", "OK"),
            ("site-1", "init_training", "OK"),
            ("site-2", "post_validation", "OK"),
            ("site-1", "post_validation", "OK"),
        ]
    );
    let events = job.text(TRACE).lines().filter(|line| line.contains(r#""at": "server", "event""#)).count();
    // Two more are those around the upload.
    assert_eq!(report.places[0].events, events as u64 + 2);
}

#[test]
fn the_net_and_the_images_are_the_operators_where_he_names_them() {
    let job = StandardJob::new();
    job.run_alone(|options| options.net_id = Some("net-2".to_owned())).unwrap();
    let images: Vec<_> = job.files("workspace/images").into_keys().collect();
    assert_eq!(images, ["net-1/stale.dcm", "net-1/stale_dir/f.nii"]);

    let job = StandardJob::new();
    std::fs::create_dir_all(job.path("elsewhere/net-1")).unwrap();
    job.write("elsewhere/net-1/scan.dcm", "x");
    job.run_alone(|options| options.images = Some(job.path("elsewhere"))).unwrap();
    assert_eq!((job.files("elsewhere").len(), job.files("workspace/images").len()), (0, 3));
}

#[test]
fn a_variable_of_the_configuration_stands_also_within_longer_texts() {
    let job = StandardJob::new();
    job.edit(
        SERVER,
        "ValidationJsonGenerator\",\n      \"args\": {}",
        "ValidationJsonGenerator\",\n      \"args\": {\"json_file_name\": \"r-{global_rounds}-{model_id}-{x}.json\"}",
    );
    job.run_alone(|_| ()).unwrap();
    let written = format!("cross_site_val/r-2-{MODEL_ID}-{{x}}.json");
    assert!(job.files(JOB_FOLDER).contains_key(&written), "{:?}", job.files(JOB_FOLDER).keys());
}

#[test]
fn metrics_that_are_no_numbers_are_written_as_python_writes_them() {
    let job = StandardJob::new();
    let figures = [
        ("0.732815682888031", "NaN"),
        ("0.651421308517456", "Infinity"),
        ("0.6449867486953735", "-Infinity"),
    ];
    let mut expected = job.text("expected/cross_val_results.json");
    for (figure, literal) in figures {
        job.edit(TRACE, figure, literal);
        expected = expected.replace(figure, literal);
    }
    let report = job.run_alone(|_| ()).unwrap();
    assert_eq!(report.code(), None);
    assert_eq!(job.text(RESULTS), expected);
}

#[test]
fn filters_run_one_after_the_other_and_say_so() {
    let job = StandardJob::new();
    let config = job.text(CLIENT);
    let filter = config.find(r#""id": "percentile_privacy""#).unwrap();
    let entry = r#""id": "second", "path": "flip.nvflare.components.PercentilePrivacy", "args": {"gamma": 0.001, "percentile": 10}},{"#;
    job.write(CLIENT, format!("{}{entry}{}", &config[..filter], &config[filter..]));
    let report = job.run_alone(|_| ()).unwrap();
    let first = &report.results[0];
    assert_eq!(first.filters.keys().collect::<Vec<_>>(), ["second", "percentile_privacy"]);
    let left = safetensors::open(&first.files[0], Overrides::default()).unwrap().dxo;
    assert_eq!(left.meta["filter_history"].text().matches("PercentilePrivacy").count(), 2);
}
