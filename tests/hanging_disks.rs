//! A disk that does not answer: the system ends no call that waits for it. Whoever entered the component goes on when
//! its time is up, and what the call still does then is nobody's.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use flip_runtime::audit::{self, AuditTrail, CallEntry, Entry, Function, Line, Outcome, RunKind, Start};
use flip_runtime::services::{Directories, Root};
use flip_runtime::{AbortSignal, DataKind, Dtype, Dxo, Error, FlContext, Limits, Tensor, TensorSource};
use flip_wasm_tests::{
    DeadDisk, Gate, Site, assert_limit, context, errand, float32, granted, lines, on_go, runtime,
};
use serde_json::{Value, json};

/// Directories, of which a folder of the job is on a disk that is dead from some moment on.
struct Hanging {
    site: Arc<dyn Directories>,
    gate: Gate,
}

impl Hanging {
    fn over(site: &mut Site) -> Arc<Self> {
        let hanging =
            Arc::new(Self { site: site.services.directories.take().unwrap(), gate: Gate::default() });
        site.services.directories = Some(hanging.clone());
        hanging
    }
}

impl Directories for Hanging {
    fn open(&self, root: Root) -> io::Result<Dir> {
        if root == Root::Images {
            self.gate.wait();
        }
        self.site.open(root)
    }
}

/// Time enough for what a busy machine does before it comes to the disk.
fn calls_of_two_seconds() -> Limits {
    Limits { call_time: Duration::from_secs(2), ..Limits::default() }
}

/// Waits until nothing that was left to itself holds it any more.
fn until_free<T>(held: &Arc<T>, holders: usize) {
    let until = Instant::now() + Duration::from_secs(60);
    while Arc::strong_count(held) > holders {
        assert!(Instant::now() < until, "somebody holds it still");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
pub fn a_directory_that_hangs_held_the_call_for_as_long_as_it_liked() {
    let mut site = Site::granting_everything();
    let hanging = Hanging::over(&mut site);
    site.limits = calls_of_two_seconds();
    let errands =
        json!([{"write": ["job", "early", "x"]}, {"open": "images"}, {"write": ["job", "late", "x"]}]);
    let (mut runner, log) = site.runner(on_go(errands));
    assert_limit(runner.handle_event("go", &site.context), "call-time");
    assert!(matches!(runner.handle_event("go", &site.context), Err(Error::Poisoned { .. })));
    // What it did before is known.
    let usage = runner.usage();
    assert!(usage.most.call_time >= site.limits.call_time && usage.most.files == 1, "{usage:?}");
    // The host does its work meanwhile.
    assert_eq!(site.does(json!({"write": ["job", "a", "x"]})), "ok");
    // When the disk is back, what was given up does nothing more.
    hanging.gate.open();
    drop(runner);
    until_free(&hanging, 2);
    assert_eq!(lines(&log), ["ok"]);
    assert_eq!(site.names("job"), ["a", "early"]);
}

#[test]
fn an_abort_ends_a_call_that_hangs() {
    let mut site = Site::granting_everything();
    let hanging = Hanging::over(&mut site);
    let abort = AbortSignal::default();
    let context = Arc::new(FlContext { abort: abort.clone(), ..(*context()).clone() });
    let (mut runner, log) = site.runner(on_go(json!([{"open": "images"}, {"say": "went on"}])));
    thread::scope(|scope| {
        scope.spawn(|| {
            hanging.gate.wait_for_one();
            abort.trigger();
        });
        let error = runner.handle_event("go", &context).unwrap_err();
        assert!(error.to_string().contains("the run is being aborted"), "{error}");
    });
    assert!(matches!(runner.handle_event("go", &context), Err(Error::Poisoned { .. })));
    // It has no second of its own when the disk is back.
    hanging.gate.open();
    until_free(&hanging, 2);
    assert!(lines(&log).is_empty(), "{:?}", lines(&log));
}

/// Files are closed, and those in the making deleted, when nobody has the instance any more: ten seconds are for that.
#[test]
fn an_instance_that_was_dropped_waited_for_its_files() {
    struct HangsWhereDropped(Arc<Gate>);
    impl Directories for HangsWhereDropped {
        fn open(&self, _: Root) -> io::Result<Dir> {
            Err(io::ErrorKind::NotFound.into())
        }
    }
    impl Drop for HangsWhereDropped {
        fn drop(&mut self) {
            self.0.wait();
        }
    }
    let gate = Arc::<Gate>::default();
    let runners = [json!([{"say": "ends"}]), json!(["panic"])].map(|errands| {
        let mut site = Site::granting_everything();
        // The instance alone has them.
        site.services.directories = Some(Arc::new(HangsWhereDropped(gate.clone())));
        (site.runner(on_go(errands)).0, site.context)
    });
    thread::scope(|scope| {
        for (mut runner, context) in runners {
            scope.spawn(move || {
                let _ = runner.handle_event("go", &context);
                drop(runner);
            });
        }
    });
    assert_eq!(Arc::strong_count(&gate), 3);
    gate.open();
    until_free(&gate, 1);
}

/// A call that was given up stands in the trail as that, at once, and no second time when it ends.
#[test]
fn what_hangs_is_noted_as_given_up_once() {
    let mut site = Site::granting_everything();
    let hanging = Hanging::over(&mut site);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let trail = AuditTrail::create(&path, Start::new(RunKind::Job)).unwrap();
    let component = errand();
    let builder = component.instance().args(on_go(json!([{"open": "job"}, {"open": "images"}])));
    let builder =
        builder.limits(calls_of_two_seconds()).grants(granted(&site.policy)).audit(&trail, "site-1");
    let mut runner = builder.services(site.services.clone()).build().unwrap();
    assert_limit(runner.handle_event("go", &site.context), "call-time");
    hanging.gate.open();
    // The site's, and this one.
    drop(runner);
    until_free(&hanging, 2);
    trail.finish(None).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    audit::check(text.as_bytes()).unwrap();
    let entries = text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap().entry);
    let calls = entries.filter_map(|entry| match entry {
        Entry::Call(CallEntry { function, touched, outcome, .. }) => Some((function, touched, outcome)),
        _ => None,
    });
    let open = |touched: &str, outcome| (Function::Open, touched.to_owned(), outcome);
    assert_eq!(calls.collect::<Vec<_>>(), [open("job", Outcome::Ok), open("images", Outcome::GivenUp)]);
}

/// Zeroes on a disk that hangs where half of them are read.
struct Half(Gate, u64);

impl TensorSource for Half {
    fn len(&self) -> u64 {
        self.1
    }

    fn read_into(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if offset >= self.1 / 2 {
            self.0.wait();
        }
        buffer.fill(0);
        Ok(())
    }
}

#[test]
fn a_tensor_that_hangs_held_the_filter_and_those_that_share_its_work() {
    const ELEMENTS: u64 = 1 << 20;
    let filter = runtime().load("percentile-privacy").unwrap();
    let update = |source: &Arc<Half>| {
        let dead = Tensor::from_elsewhere(Dtype::Float32, &[ELEMENTS], source.clone()).unwrap();
        let tensors = [("a".to_owned(), float32(&[2], &[0.5, -1.0])), ("b".to_owned(), dead)];
        let mut dxo = Dxo::of_tensors(DataKind::WeightDiff, tensors).unwrap();
        dxo.set_meta("NUM_STEPS_CURRENT_ROUND", &1).unwrap();
        dxo
    };
    let limits = Limits { call_time: Duration::from_secs(1), cores: 1, ..Limits::default() };
    let alone = filter.instance().limits(limits.clone());
    let shared = filter.instance().limits(Limits { cores: 2, ..limits }).share(2, 1 << 18);
    for builder in [alone, shared] {
        let source = Arc::new(Half(Gate::default(), 4 * ELEMENTS));
        let mut instance = builder.args(r#"{"gamma": 0.02}"#).build().unwrap();
        assert_limit(instance.filter(update(&source), &context()).map(drop), "call-time");
        assert!(matches!(instance.filter(update(&source), &context()), Err(Error::Poisoned { .. })));
        source.0.open();
        until_free(&source, 1);
    }
}

/// What of the interfaces waits for a disk, each on a folder of the job that is dead.
fn calls() -> Vec<Value> {
    vec![
        json!({"entries": ["job", "dead", null, 10]}),
        json!({"stat": ["job", "dead/x"]}),
        json!({"read": ["job", "dead/x", 0, 1]}),
        json!({"tensor": ["job", "dead/x", 0, [1]]}),
        json!({"write": ["job", "dead/x", "y"]}),
        json!({"create-dir-all": ["job", "dead/x"]}),
        json!({"rename": ["job", "dead/x", "job", "dead/y"]}),
        json!({"usage": ["job", "dead"]}),
        json!({"remove": ["job", "dead/x"]}),
        json!({"clear": "job"}),
        json!({"put-archive": ["key", "job", "dead"]}),
    ]
}

/// A real one, where the machine lets this user have one: a file system in which nobody answers.
#[test]
fn a_disk_that_is_dead_held_every_call_that_came_to_it() {
    let mut site = Site::granting_everything();
    site.limits = calls_of_two_seconds();
    std::fs::create_dir(site.path("job/dead")).unwrap();
    let Some(dead) = DeadDisk::mount(&site.path("job/dead")) else {
        println!("no file system can be mounted here");
        return;
    };
    site.write("job/alive", "x");
    let hang = |call: Value| {
        let (mut runner, log) = site.runner(on_go(json!([call, {"say": "went on"}])));
        assert_limit(runner.handle_event("go", &site.context), "call-time");
        assert!(lines(&log).is_empty(), "{call}: {:?}", lines(&log));
        log
    };
    let logs: Vec<_> = thread::scope(|scope| {
        let hanging: Vec<_> = calls().into_iter().map(|call| scope.spawn(|| hang(call))).collect();
        hanging.into_iter().map(|hangs| hangs.join().unwrap()).collect()
    });
    // Beside them the host does its work, also on the disk that is alive.
    assert_eq!(site.does(json!({"stat": ["job", "alive"]})), "ok file alive 1");
    drop(dead);
    // Those that were left to themselves end, and say nothing more.
    for log in logs {
        until_free(&log, 1);
        assert!(lines(&log).is_empty(), "{:?}", lines(&log));
    }
}
