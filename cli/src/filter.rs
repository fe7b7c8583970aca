//! `flip-wasm filter`.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use flip_runtime::audit::{AuditTrail, DataEntry, RunKind, Start};
use flip_runtime::report::{self, LeftFile};
use flip_runtime::safetensors::{self, Complete, Output, Overrides};
use flip_runtime::{Dxo, Error, Filtered, FlContext, Leaf, Outcome, Policy, Source, Tensor};

use crate::args::{Filter, Global};
use crate::error::{self, Usage};
use crate::lines::fit;
use crate::progress::Progress;
use crate::report::Staged;
use crate::{audit, print, sandbox};

/// What the audit trail calls the place and the task.
const PLACE: &str = "local";
const TASK: &str = "filter";

/// Filters one file, and ends the audit trail.
pub fn run(args: &Filter, global: &Global) -> anyhow::Result<()> {
    if args.audit.is_some() && args.audit.as_ref() == Some(&args.output) {
        return Err(Usage("--audit and --out name the same file").into());
    }
    if args.report.as_ref() == Some(&args.output) {
        return Err(Usage("--report and --out name the same file").into());
    }
    let mut staged = args.report.as_deref().map(Staged::create).transpose()?;
    let start = Start::new(RunKind::Filter);
    let trail = audit::create(args.audit.as_deref(), args.report.as_deref(), start)?;
    let filtered = filter(args, global, trail.as_ref(), &mut staged);
    // Also where there was no filter yet: the report says why.
    if let (Err(error), Some(trail), Some(staged)) = (&filtered, &trail, staged)
        && let Some(error) = error.downcast_ref::<Error>()
    {
        let report = report::of_failed_filter(&trail.kept(), PLACE, TASK, &args.component, error);
        // What ended the filter matters more than a report that cannot be written.
        if let Err(error) = staged.write_out(&report) {
            tracing::error!("no report: {error:#}");
        }
    }
    let finished = audit::finish(trail.as_ref(), filtered.as_ref().err().map(error::code));
    let summary = filtered?;
    let digest = finished?;
    if global.quiet {
        return Ok(());
    }
    print(summary.as_bytes())?;
    audit::tell(args.audit.as_deref(), digest)
}

/// Filters one file. The output appears when everything else has gone well.
fn filter(
    args: &Filter,
    global: &Global,
    trail: Option<&AuditTrail>,
    staged: &mut Option<Staged>,
) -> anyhow::Result<String> {
    let runtime = sandbox::runtime_for_one(global, args.limits.clone().unwrap_or_default())?;
    let mut policy = args.policy.as_deref().map(Policy::read).transpose()?.unwrap_or_default();
    if args.limits.is_some() {
        // In place of those of the policy, from compiling on.
        policy.clear_limits();
    }
    let source = Source::of(&args.component)?;
    let mut admitted = runtime.admit(&source, &source.name(), &policy, None)?;
    // Also of those that a built-in component has of its own.
    if args.limits.is_some() {
        admitted.grants.limits.clone_from(&args.limits);
    }
    let component = &admitted.component;
    component.require("dxo-filter")?;
    let overrides = Overrides { kind: args.kind, meta: args.meta.clone() };
    let input = safetensors::open(&args.input, overrides)?;
    let data = Data::of(&input.dxo, &args.output);
    let output = Output::create(&args.output, &input.dxo, &input.metadata)?;
    let builder =
        admitted.instance().args(&*args.args).write_to(&output).measure_changes(args.report.is_some());
    let mut instance = match trail {
        Some(trail) => builder.audit(trail, PLACE).build()?,
        None => builder.build()?,
    };
    if let Some(trail) = trail {
        trail.comes_in(PLACE, TASK, Some(&input.dxo))?;
    }

    let context = Arc::new(FlContext::default());
    sandbox::end_in_order(&context.abort);
    let progress = Progress::of_bytes(instance.meter(), data.bytes, global.quiet);
    let filtered = instance.filter(input.dxo, &context).and_then(|mut filtered| {
        let output = output.complete(&mut filtered.dxo, &input.metadata)?;
        Ok((filtered, output))
    });
    drop(progress);
    let usage = instance.usage();
    let note = |out: Result<&Filtered, &Error>| match (trail, out) {
        (None, _) => Ok(()),
        (Some(trail), Ok(filtered)) => {
            trail.data_out(DataEntry::of(PLACE, TASK, Some(&filtered.dxo)).map_err(Error::from)?)
        }
        (Some(trail), Err(error)) => trail.data_out(DataEntry::refused(PLACE, TASK, error.code())),
    };
    let told = |staged: Option<Staged>, filtered: &Result<Filtered, Error>, files| -> anyhow::Result<_> {
        let (Some(mut staged), Some(trail)) = (staged, trail) else { return Ok(None) };
        staged.write(&report::of_filter(&trail.kept(), &admitted, &usage, filtered, files))?;
        Ok(Some(staged))
    };
    let (mut filtered, output) = match filtered {
        Ok((filtered, output)) => (Ok(filtered), Some(output)),
        Err(error) => (Err(error), None),
    };
    note(filtered.as_ref())?;
    let left = |output: &Complete| LeftFile {
        path: args.output.display().to_string(),
        size: Some(output.size()),
        sha256: None,
    };
    // The report is written before the output gets its name: without the one there is not the other.
    let mut report = told(staged.take(), &filtered, output.iter().map(left).collect())?;
    if let Some(Err(error)) = output.map(Complete::publish) {
        note(Err(&error))?;
        filtered = Err(error);
        let again = args.report.as_deref().map(Staged::create).transpose()?;
        report = told(again, &filtered, Vec::new())?;
    }
    report.map_or(Ok(()), Staged::publish)?;
    Ok(summary(instance.name(), &data, &filtered?.leaves))
}

/// The update, for a person.
struct Data<'a> {
    output: &'a Path,
    tensors: usize,
    elements: u64,
    bytes: u64,
}

impl<'a> Data<'a> {
    fn of(dxo: &Dxo, output: &'a Path) -> Self {
        let tensors = || dxo.tensors().into_iter().flat_map(|tensors| tensors.values());
        Self {
            output,
            tensors: tensors().count(),
            elements: tensors().map(Tensor::len).sum(),
            bytes: tensors().map(Tensor::byte_len).sum(),
        }
    }
}

/// A line that says what became of the update.
fn summary(name: &str, data: &Data<'_>, leaves: &[Leaf]) -> String {
    let mut line = String::new();
    for leaf in leaves {
        let _ = match &leaf.outcome {
            Outcome::Filtered => {
                write!(line, "{name}: filtered {} elements in {} tensors", data.elements, data.tensors)
            }
            Outcome::Unchanged(reason) => write!(line, "{name}: unchanged, {reason}"),
            Outcome::PassedBy(reason) => write!(line, "{name}: passed by, {reason}"),
        };
        if let Some(cutoff) = leaf.gauges.get("cutoff") {
            let _ = write!(line, ", cutoff {cutoff}");
        }
        if let Some(share) = leaf.gauges.get("zero-share") {
            let _ = write!(line, ", {:.1} % zero", share * 100.0);
        }
    }
    let _ = write!(line, "; wrote {}", data.output.display());
    fit(&line)
}
