//! What once broke around whole jobs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use flip_runtime::job::{Job, JobConfig, JobOptions, JobReport, Trace};
use flip_runtime::services::{
    ArchiveLimits, Archived, Call, Caller, Layout, ObjectMeta, ObjectStore, RecordedHub, Root, ServiceError,
    Store, StoreOptions,
};
use flip_runtime::{AbortSignal, Builtin, Code, Error, FlContext, Services};
use flip_wasm_tests::{fixture, runtime};

const MODEL_ID: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
const HEADER: &str = r#"{"trace": 1, "job_id": "j", "server": "srv", "sites": ["site-1"], "net_id": "n"}"#;

/// A job with a workspace of its own.
struct Place {
    directory: tempfile::TempDir,
    abort: AbortSignal,
    policy: String,
}

impl Place {
    /// One whose server has everything, and whose site has `client`.
    fn new(client: &str) -> Self {
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
            abort: AbortSignal::default(),
            policy: String::new(),
        };
        let component = |id: &str, class: &str, args: &str| {
            format!(r#"{{"id": "{id}", "path": "{class}", "args": {{{args}}}}}"#)
        };
        let flip = |id: &str, class: &str, args: &str| {
            component(id, &format!("flip.nvflare.components.{class}"), args)
        };
        let model_id = format!(r#""model_id": "{MODEL_ID}""#);
        let server = [
            component("persistor", "nvflare.PTFileModelPersistor", ""),
            flip("json_generator", "ValidationJsonGenerator", ""),
            flip("handler", "ServerEventHandler", &model_id),
            flip("persist_and_cleanup", "PersistToS3AndCleanup", &model_id),
        ];
        place.write("job/config_fed_server.json", &format!(r#"{{"components": [{}]}}"#, server.join(",")));
        place.write("job/config_fed_client.json", client);
        place.write("workspace/server/j/meta.json", "{}");
        place.write("workspace/server/j/app_server/model/FL_global_model.pt", "model");
        place.write("workspace/site-1/j/meta.json", "{}");
        place.write("workspace/images/n/scan.dcm", "scan");
        place
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run(&self, trace: &[&str]) -> JobReport {
        self.try_run(trace, Arc::default()).unwrap()
    }

    fn try_run(&self, trace: &[&str], hub: Arc<RecordedHub>) -> Result<JobReport, Error> {
        self.write("trace.jsonl", &format!("{HEADER}\n{}\n", trace.join("\n")));
        let trace = Trace::open(&self.path("trace.jsonl")).unwrap();
        let store = AbortingStore { store: memory(), abort: self.abort.clone() };
        let mut options = JobOptions::new(self.path("workspace"), Arc::new(store), hub);
        options.abort = self.abort.clone();
        options.policy = self.policy.parse().unwrap();
        let config = JobConfig::read(&self.path("job")).unwrap();
        Job::new(&runtime(), &config, &trace, options).unwrap().replay(trace)
    }
}

fn memory() -> Store {
    Store::open("memory://", [], StoreOptions::default(), runtime().tokio().clone()).unwrap()
}

/// Somebody aborts the run while its results are uploaded; a signal that nobody waits for otherwise.
struct AbortingStore {
    store: Store,
    abort: AbortSignal,
}

impl ObjectStore for AbortingStore {
    fn put(&self, call: &Call, key: &str, contents: Vec<u8>) -> Result<ObjectMeta, ServiceError> {
        self.store.put(call, key, contents)
    }

    fn put_archive(
        &self,
        call: &Call,
        key: &str,
        source: &Dir,
        limits: ArchiveLimits,
    ) -> Result<Archived, ServiceError> {
        self.abort.trigger();
        self.store.put_archive(call, key, source, limits)
    }

    fn get(&self, call: &Call, key: &str, offset: u64, len: u32) -> Result<bytes::Bytes, ServiceError> {
        self.store.get(call, key, offset, len)
    }

    fn head(&self, call: &Call, key: &str) -> Result<ObjectMeta, ServiceError> {
        self.store.head(call, key)
    }
}

fn event(at: &str, event: &str) -> String {
    format!(r#"{{"at": "{at}", "event": "{event}"}}"#)
}

fn statuses(report: &JobReport) -> Vec<&str> {
    report.statuses.iter().map(|reported| reported.status).collect()
}

const CLEANUP: &str = r#"{"executors": [{"tasks": ["init_task"], "executor": {"path": "flip.nvflare.components.CleanupImages"}}]"#;

#[test]
fn an_abort_while_results_are_uploaded_neither_loses_them_nor_the_final_status() {
    let place = Place::new("{}");
    let report = place.run(&[&event("server", "_training_started"), &event("server", "_end_run")]);
    assert!(report.aborted);
    assert_eq!(statuses(&report), ["TRAINING_STARTED", "RESULTS_UPLOADED"]);
    assert_eq!(report.code(), None);
}

#[test]
fn results_that_are_not_safe_are_a_failure_of_the_run() {
    let place = Place::new("{}");
    fs::remove_dir_all(place.path("workspace/server")).unwrap();
    let report = place.run(&[&event("server", "_end_run")]);
    assert_eq!(statuses(&report), ["ERROR"]);
    assert_eq!(report.code(), Some(Code::ComponentFailed));
    let failed = report.places[0].components.iter().filter(|component| !component.failures.is_empty());
    let failed: Vec<_> = failed.map(|component| component.id.as_str()).collect();
    assert_eq!(failed, ["json_generator", "persist_and_cleanup"]);
}

#[test]
fn a_system_panic_at_a_site_ends_the_run_as_an_error_at_the_server() {
    // Its handler looks for components that the site has not.
    let client = format!(
        r#"{{"components": [{{"path": "flip.nvflare.components.ServerEventHandler",
            "args": {{"model_id": "{MODEL_ID}"}}}}]}}"#
    );
    let place = Place::new(&client);
    let report = place.run(&[&event("site-1", "_start_run"), &event("server", "_end_run")]);
    assert!(report.places[1].fatal.is_some());
    assert_eq!(statuses(&report), ["ERROR"]);
}

#[test]
fn a_run_that_breaks_off_is_wound_up_as_an_error() {
    let place = Place::new("{}");
    // Results cannot be written there.
    place.write("workspace/outbox", "");
    let result =
        r#"{"at": "site-1", "result": {"task": "train", "dxo": {"kind": "METRICS", "data": {"a": 1}}}}"#;
    let hub = Arc::new(RecordedHub::default());
    let broken = place.try_run(&[&event("server", "_training_started"), result], hub.clone());
    assert!(matches!(broken, Err(Error::File { .. })));
    let paths: Vec<_> = hub.requests().into_iter().map(|request| request.path).collect();
    let path = |status: &str| format!("/model/{MODEL_ID}/status/{status}");
    assert_eq!(paths, [path("TRAINING_STARTED"), path("ERROR")]);
    assert!(place.path("workspace/server/j/FL_global_model.pt").exists());
}

/// A task whose data is weights, which the filter of the site refuses.
fn refused_data() -> (Place, String) {
    let filter =
        r#"{"id": "filter", "path": "flip.nvflare.components.PercentilePrivacy", "args": {"gamma": -1}}"#;
    let client =
        format!(r#"{CLEANUP}, "task_data_filters": [{{"tasks": ["init_task"], "filters": [{filter}]}}]}}"#);
    let tensors = fixture("standard-job/tensors/site-1_round-0.safetensors");
    let data = format!(r#"{{"dxo": {{"kind": "WEIGHT_DIFF", "tensors": {:?}}}}}"#, tensors);
    (Place::new(&client), format!(r#"{{"at": "site-1", "task": "init_task", "data": {data}}}"#))
}

#[test]
fn a_task_whose_data_does_not_come_in_is_reported() {
    let (place, task) = refused_data();
    let report = place.run(&[&task]);
    assert_eq!(report.tasks.len(), 1);
    assert_eq!(report.tasks[0].return_code, "TASK_DATA_FILTER_ERROR");
    assert_eq!(report.code(), Some(Code::Refused));
    assert!(place.path("workspace/images/n/scan.dcm").exists());
}

#[test]
fn data_that_the_policy_lets_pass_comes_in() {
    let (mut place, task) = refused_data();
    place.policy = "[components.filter]\non-filter-failure = \"let-pass\"".to_owned();
    let report = place.run(&[&task]);
    assert_eq!(report.tasks[0].return_code, "OK");
    assert!(!place.path("workspace/images/n/scan.dcm").exists());
}

#[test]
fn a_file_that_is_called_like_a_built_in_component_does_not_get_its_grants() {
    let executor = r#"{"id": "cleanup-images", "path": "wasm:CleanupImages.wasm"}"#;
    let mut place =
        Place::new(&format!(r#"{{"executors": [{{"tasks": ["init_task"], "executor": {executor}}}]}}"#));
    let builtin = Builtin::find("cleanup-images").unwrap();
    fs::write(place.path("job/CleanupImages.wasm"), builtin.wasm).unwrap();
    place.policy = builtin.policy.to_owned();
    let report = place.run(&[r#"{"at": "site-1", "task": "init_task"}"#]);
    assert_eq!(report.tasks[0].return_code, "EXECUTION_EXCEPTION");
    assert!(place.path("workspace/images/n/scan.dcm").exists());
}

/// The generator, in a job's folder.
fn generator(job: &Path) -> flip_runtime::Instance {
    let builtin = Builtin::find("validation-json-generator").unwrap();
    let component = runtime().load_builtin(builtin).unwrap();
    let directories = Some(Arc::new(Layout::new().with(Root::Job, job)) as _);
    let services = Services { directories, ..Services::default() };
    component.instance().grants(builtin.grants().unwrap()).services(services).build().unwrap()
}

#[test]
fn a_caller_whose_time_is_up_does_not_end_the_component_that_it_calls() {
    let job = tempfile::tempdir().unwrap();
    let mut generator = generator(job.path());
    let context = Arc::new(FlContext::default());
    let call = |deadline| Caller { id: "caller", context: &context, deadline };
    // In its own time.
    let late = Instant::now() - Duration::from_secs(1);
    generator.handle_evaluation_event("_start_run", call(late)).unwrap();
    generator.handle_evaluation_event("_end_run", call(late)).unwrap();
    assert!(job.path().join("cross_site_val/cross_val_results.json").exists());
}

#[test]
fn what_a_run_that_was_killed_left_behind_is_in_nobodys_way() {
    let job = tempfile::tempdir().unwrap();
    let results = job.path().join("cross_site_val");
    fs::create_dir(&results).unwrap();
    // In a container the next run has the same number.
    for number in 0..100 {
        fs::write(results.join(format!(".flip-wasm-{}-{number}.tmp", std::process::id())), "").unwrap();
    }
    let (mut generator, context) = (generator(job.path()), Arc::new(FlContext::default()));
    let deadline = Instant::now() + Duration::from_secs(60);
    let caller = Caller { id: "caller", context: &context, deadline };
    generator.handle_evaluation_event("_end_run", caller).unwrap();
    assert!(results.join("cross_val_results.json").exists());
}
