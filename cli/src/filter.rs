//! `flip-wasm filter`.

use std::fmt::Write;
use std::sync::Arc;

use flip_runtime::safetensors::{self, Output, Overrides};
use flip_runtime::{FlContext, Leaf, Outcome};

use crate::args::{Filter, Global};
use crate::error::Usage;
use crate::print;
use crate::progress::Progress;
use crate::report::{Data, Report, Staged};
use crate::sandbox;

/// Filters one file. The output appears when everything else has gone well.
pub fn run(args: &Filter, global: &Global) -> anyhow::Result<()> {
    let runtime = sandbox::runtime(global, args.limits.clone().unwrap_or_default())?;
    if args.report.as_ref() == Some(&args.output) {
        return Err(Usage("--report and --out name the same file").into());
    }
    let component = runtime.load(&args.component)?;
    component.require("dxo-filter")?;
    let overrides = Overrides { kind: args.kind, meta: args.meta.clone() };
    let input = safetensors::open(&args.input, overrides)?;
    let data = Data::of(&input.dxo, &args.input, &args.output);
    let mut staged = args.report.as_deref().map(Staged::create).transpose()?;
    let output = Output::create(&args.output, &input.dxo, &input.metadata)?;
    let mut instance = component.instance().args(&*args.args).write_to(&output).build()?;

    let context = Arc::new(FlContext::default());
    sandbox::end_in_order(&context.abort);
    let progress = Progress::follow(instance.meter(), data.bytes, global.quiet);
    let filtered = instance.filter(input.dxo, &context);
    drop(progress);
    let filtered = filtered?;

    let summary = summary(instance.name(), &data, &filtered.leaves);
    let report = Report::new(&component, &instance, data, &filtered.leaves);
    staged.as_mut().map_or(Ok(()), |staged| staged.write(&report))?;
    output.commit(filtered.dxo, &input.metadata)?;
    staged.map_or(Ok(()), Staged::publish)?;
    match global.quiet {
        true => Ok(()),
        false => print(summary.as_bytes()),
    }
}

/// One line that says what became of the update.
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
    let _ = writeln!(line, "; wrote {}", data.output.display());
    line
}
