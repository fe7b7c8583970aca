//! `flip-wasm filter`.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use flip_runtime::safetensors::{self, Output, Overrides};
use flip_runtime::{FlContext, Leaf, Outcome, Runtime};

use crate::args::{Filter, Global};
use crate::print;
use crate::progress::Progress;
use crate::report::{Data, Report};

/// Filters one file. The output appears last, when everything else has gone well.
pub fn run(args: &Filter, global: &Global) -> anyhow::Result<()> {
    let mut runtime = Runtime::builder().limits(args.limits.clone().unwrap_or_default());
    if let Some(cache) = cache(global) {
        runtime = runtime.cache(cache);
    }
    let runtime = runtime.build()?;
    let component = runtime.load(&args.component)?;
    component.require("dxo-filter")?;
    let overrides = Overrides { kind: args.kind, meta: args.meta.clone() };
    let input = safetensors::open(&args.input, overrides)?;
    let data = Data::of(&input.dxo, &args.input, &args.output);
    let output = Output::create(&args.output, &input)?;
    let mut instance = component.instance().args(&*args.args).write_to(&output).build()?;

    let context = Arc::new(FlContext::default());
    let abort = context.abort.clone();
    // The first interrupt ends the run in order, which leaves no file behind; the second ends the process.
    let interrupts = ctrlc::set_handler(move || match abort.is_triggered() {
        false => abort.trigger(),
        true => std::process::exit(130),
    });
    if let Err(error) = interrupts {
        tracing::debug!("an interrupt will end the process at once: {error}");
    }
    let progress = Progress::follow(instance.meter(), data.bytes, global.quiet);
    let filtered = instance.filter(input.dxo, &context);
    drop(progress);
    let filtered = filtered?;

    output.commit(filtered.dxo, &input.metadata)?;
    let summary = summary(instance.name(), &data, &filtered.leaves);
    if let Some(path) = &args.report {
        Report::new(&component, &instance, data, &filtered.leaves).write(path)?;
    }
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

/// The directory of compiled components: the one given, or the user's.
fn cache(global: &Global) -> Option<PathBuf> {
    let user = || {
        let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        Some(base.or_else(|| Some(std::env::home_dir()?.join(".cache")))?.join("flip-wasm"))
    };
    global.cache.clone().or_else(user)
}
