//! Hostile components of jobs, from the table in `tests/hostile/`, through `flip-wasm run`: each is told no, or
//! ends, and the recorded job runs to its end beside it and leaves what it leaves without it. The audit trail of
//! each is whole.

use std::path::PathBuf;

use crate::support::Site;
use flip_wasm_tests::ERRAND;
use flip_wasm_tests::hostile::errands::{Errands, Listing, listing};
use flip_wasm_tests::hostile::{Attack, Expected, FAMILIES, How, limits};
use flip_wasm_tests::job::{JOB_FOLDER, RESULTS, SERVER, StandardJob};
use serde_json::json;

/// How a line of the errand runner ends in the log.
const OWN: &str = " component=\"server/errand\"";

/// What a component calls by this name, at the recorded job's server.
fn root(job: &StandardJob, name: &str) -> PathBuf {
    job.path(match name {
        "job" => JOB_FOLDER,
        "workspace" => "workspace/server",
        // Another's: the job deletes its own.
        "images" => "workspace/images/net-2",
        _ => "workspace/server/outside",
    })
}

/// What `flip-wasm run` left of the job, its exit code, and its log.
struct Run {
    job: StandardJob,
    code: i32,
    log: String,
}

impl Run {
    /// The recorded job with the errand runner beside FLIP's own components, which does this as the run starts.
    /// Unless it is `audited`, what it does a million times makes no million lines.
    fn of(errands: &Errands, limits: &str, audited: bool) -> Self {
        let job = StandardJob::new();
        job.write("job/errand.wasm", ERRAND);
        job.write("policy.toml", errands.policy("errand", limits));
        errands.plant(&|name| root(&job, name));
        let entry = json!({"id": "errand", "path": "wasm:errand.wasm", "args": errands.args("_start_run")});
        job.edit(SERVER, "\"components\": [", &format!("\"components\": [ {entry},"));
        let args =
            ["run", "job", "--trace", "trace.jsonl", "--workspace", "workspace", "--policy", "policy.toml"];
        let site = Site::at(job.path("")).hostile();
        let more = ["--log-format", "text", "--audit", "audit.jsonl"];
        let more = if audited { &more[..] } else { &more[..2] };
        let output = site.output(&[&args[..], more].concat());
        let log = String::from_utf8(output.stderr).unwrap();
        if audited {
            let checked = site.output(&["audit", "audit.jsonl"]);
            assert_eq!(checked.status.code(), Some(0), "{checked:?}");
        }
        Self { job, code: output.status.code().unwrap(), log }
    }

    /// What the errand runner was told, a line for each errand.
    fn told(&self) -> Vec<&str> {
        let lines = self.log.lines().filter_map(|line| line.strip_suffix(OWN));
        lines.filter_map(|line| line.trim_start().strip_prefix("INFO ")).collect()
    }

    fn listing(&self) -> Listing {
        listing(&|name| root(&self.job, name))
    }
}

/// Why it did not end as it should.
fn failure(attack: &Attack, errands: &Errands, alone: &Listing) -> Result<(), String> {
    let run = Run::of(errands, attack.limits, !attack.slow);
    let told = run.told();
    let (code, text) = match attack.expected {
        Expected::Trap(_) => (5, "trapped: "),
        Expected::Limit(limit) => (5, limit),
        Expected::Logged(text) => (0, text),
        _ => (0, ""),
    };
    if run.code != code || !run.log.contains(text) || run.log.contains('\u{1b}') {
        return Err(format!("exit code {} and not {code}, {text}: {}", run.code, run.log));
    }
    if let Expected::Logged(_) = attack.expected {
        // The notice that others are dropped does not say by itself that they are.
        let lines = run.log.lines().filter(|line| line.ends_with(OWN)).count() as u64;
        let allowed = limits(attack.limits).log_lines;
        if lines == 0 || lines > allowed {
            return Err(format!("{lines} lines of it are in the log, and {allowed} may be"));
        }
    }
    if let Expected::Told(text) = attack.expected
        && !told.iter().any(|told| told.starts_with(text))
    {
        return Err(format!("it was never told {text}: {told:?}"));
    }
    errands.check_told(&told, matches!(attack.expected, Expected::Logged(_)))?;
    // What was there before is what the job leaves when it runs without it, and what was planted.
    let mut before = alone.clone();
    let planted = tempfile::tempdir().unwrap();
    let roots = |name: &str| planted.path().join(name);
    errands.plant(&roots);
    before.extend(listing(&roots));
    errands.check_left(&before, &run.listing())?;
    errands.check_times(&|name| root(&run.job, name))?;
    match run.job.text(RESULTS) == run.job.text("expected/cross_val_results.json") {
        true => Ok(()),
        false => Err("the job has other results".to_owned()),
    }
}

/// Those attacks that are quick, or those that are not: two processes at a time.
fn attempt_all(quick: bool, at_least: usize) {
    let alone = Run::of(&Errands::granting(""), "", true);
    assert_eq!(alone.code, 0, "{}", alone.log);
    let alone = alone.listing();
    let attacks = FAMILIES.iter().flat_map(|(_, attacks)| *attacks).filter_map(|attack| match attack.how {
        How::Errands(errands) if attack.slow != quick => Some((attack, errands())),
        _ => None,
    });
    let attacks: Vec<_> = attacks.collect();
    assert!(attacks.len() >= at_least, "{} attacks", attacks.len());
    let (some, others) = attacks.split_at(attacks.len() / 2);
    let failures: Vec<_> = std::thread::scope(|scope| {
        let halves = [some, others].map(|half| {
            let alone = &alone;
            scope.spawn(move || {
                let failures = half.iter().filter_map(|(attack, errands)| {
                    let why = failure(attack, errands, alone).err()?;
                    Some(format!("row {}, {}: {why}", attack.row, attack.name))
                });
                failures.collect::<Vec<_>>()
            })
        });
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn hostile_components_of_jobs_are_told_no_and_the_job_runs_to_its_end() {
    attempt_all(true, 30);
}

#[test]
fn hostile_components_of_jobs_that_try_a_million_times_end_as_well() {
    attempt_all(false, 1);
}
