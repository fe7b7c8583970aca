//! `flip-wasm run`.

pub mod args;
mod services;
mod summary;

use std::process::ExitCode;

use flip_runtime::audit::{RunKind, Start};
use flip_runtime::job::{Job, JobConfig, JobOptions, JobReport, Trace};
use flip_runtime::report::of_failed_job;
use flip_runtime::{Code, Error, Policy};

use crate::args::Global;
use crate::progress::Progress;
use crate::report::Staged;
use crate::{audit, print, sandbox};
use args::Run;
use services::TheHub;

/// Runs one job.
pub fn run(args: &Run, global: &Global) -> anyhow::Result<ExitCode> {
    let runtime = sandbox::runtime(global, args.limits.clone().unwrap_or_default())?;
    let config = JobConfig::read(&args.job)?;
    let trace = Trace::open(&args.trace)?;
    // What is written there at the end, after the work, must not fail for this.
    let workspace = |source| Error::File { path: args.workspace.clone(), source };
    std::fs::create_dir_all(&args.workspace).map_err(workspace)?;
    let staged = args.report.as_deref().map(Staged::create).transpose()?;
    let store = services::store(args, &runtime)?;
    let hub = services::hub(args, &runtime)?;
    let mut options = JobOptions::new(&args.workspace, store, hub.service());
    options.policy = args.policy.as_deref().map(Policy::read).transpose()?.unwrap_or_default();
    options.net_id = args.net_id.clone().filter(|id| !id.is_empty());
    options.images = args.images.clone().filter(|path| !path.as_os_str().is_empty());
    options.local_dev = args.local_dev;
    options.measure_changes = args.report.is_some();
    let start = Start {
        local_dev: args.local_dev,
        job_id: Some(trace.header().job_id.clone()),
        ..Start::new(RunKind::Job)
    };
    options.audit = audit::create(args.audit.as_deref(), args.report.as_deref(), start)?;
    let trail = options.audit.clone();
    sandbox::end_in_order(&options.abort);
    let abort = options.abort.clone();

    let job = Job::new(&runtime, &config, &trace, options);
    let report = job.and_then(|job| {
        let _progress = Progress::of_job(job.view(), global.quiet);
        job.replay(trace)
    });
    let failure = report.as_ref().map_or_else(|error| Some(error.code()), JobReport::code);
    let failure = if abort.is_triggered() { Some(Code::Aborted) } else { failure };
    let finished = audit::finish(trail.as_ref(), failure);
    // Also where the job could not be set up: its components may have told the hub so.
    if let TheHub::Recorded(hub) = &hub {
        services::write_requests(&hub.requests(), &args.workspace.join("hub.jsonl"), args)?;
    }
    let ended = report.and_then(|report| Ok((report, finished?)));
    let reported = match (staged, &trail) {
        (Some(staged), Some(trail)) => staged.write_out(&match &ended {
            Ok((report, _)) => report.report(&trail.kept()),
            // Also of a job that could not be set up: the report says why.
            Err(error) => of_failed_job(&trail.kept(), error),
        }),
        _ => Ok(()),
    };
    let (report, digest) = ended?;
    reported?;
    if !global.quiet {
        print(summary::of(&report, args).as_bytes())?;
        audit::tell(args.audit.as_deref(), digest)?;
    }
    Ok(match report.code() {
        _ if abort.is_triggered() => ExitCode::from(130),
        Some(code) => ExitCode::from(code as u8),
        None => ExitCode::SUCCESS,
    })
}
