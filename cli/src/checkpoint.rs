//! `flip-wasm checkpoint`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use flip_runtime::audit::{AuditTrail, DataEntry, RunKind, Start};
use flip_runtime::safetensors::Output;
use flip_runtime::services::{Layout, Root};
use flip_runtime::{Builtin, DataKind, Dxo, Error, FlContext, Limits, Services, Tensor, one_line};
use indexmap::IndexMap;
use serde::Serialize;

use crate::args::{Checkpoint, Global};
use crate::components::sized;
use crate::error::{self, Usage};
use crate::{audit, print, sandbox};

/// The component that does the reading.
const LOCATOR: &str = "checkpoint-locator";

/// A tensor of the file.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    dtype: String,
    shape: &'a [u64],
}

/// What the audit trail calls the place and the task.
const HERE: &str = "checkpoint";

/// Lists, and converts, what is in one file, and ends the audit trail.
pub fn run(args: &Checkpoint, global: &Global) -> anyhow::Result<()> {
    if args.audit.is_some() && args.audit == args.out {
        return Err(Usage("--audit and --out name the same file").into());
    }
    let trail = audit::create(args.audit.as_deref(), None, Start::new(RunKind::Checkpoint))?;
    let listing = checkpoint(args, global, trail.as_ref());
    let finished = audit::finish(trail.as_ref(), listing.as_ref().err().map(error::code));
    let listing = listing?;
    let digest = finished?;
    if !global.quiet || args.json {
        print(listing.as_bytes())?;
    }
    if global.quiet { Ok(()) } else { audit::tell(args.audit.as_deref(), digest) }
}

/// Lists, and converts, what is in one file. The output appears when everything else has gone well.
fn checkpoint(args: &Checkpoint, global: &Global, trail: Option<&AuditTrail>) -> anyhow::Result<String> {
    let (folder, name) = split(&args.file)?;
    let size = std::fs::metadata(&args.file).map_err(file_error(&args.file))?.len();
    let builtin = Builtin::find(LOCATOR)?;
    let runtime = sandbox::runtime_for_one(global, Limits::default())?;
    let component = runtime.load_builtin(builtin)?;
    let mut grants = builtin.grants()?;
    let given = args.limits.as_ref();
    let limits = given.map(|given| given.limits.clone()).or(grants.limits).unwrap_or_default();
    let host_bytes = match given.is_some_and(|given| given.host_bytes) {
        true => limits.host_bytes,
        // What is made of the file lies on the disk: bytes that are spread out in it, and shared tensors.
        false => limits.host_bytes.max(size.saturating_mul(8)),
    };
    grants.limits = Some(Limits { host_bytes, ..limits });
    let directories = Arc::new(Layout::new().with(Root::Checkpoints, folder));
    let instance = component
        .instance()
        .args(format!(r#"{{"shapes_only": {}}}"#, args.out.is_none()))
        .grants(grants)
        .services(Services { directories: Some(directories), ..Services::default() });
    let output =
        args.out.as_ref().map(|path| Output::create(path, &Dxo::new(DataKind::Weights), &IndexMap::new()));
    let output = output.transpose()?;
    let instance = match &output {
        Some(output) => instance.write_to(output),
        None => instance.scratch_file(),
    };
    let mut locator = match trail {
        Some(trail) => instance.audit(trail, HERE).build()?,
        None => instance.build()?,
    };
    let context = Arc::new(FlContext::default());
    sandbox::end_in_order(&context.abort);
    let model = locator.locate_model(Some(&name), &context);
    if let Some(trail) = trail {
        trail.data_out(match &model {
            Ok(model) => DataEntry::of(HERE, HERE, model.as_ref()).map_err(Error::from)?,
            Err(error) => DataEntry::refused(HERE, HERE, error.code()),
        })?;
    }
    let mut model = model?.unwrap_or_else(|| Dxo::new(DataKind::Weights));

    let listing = listing(&model, args.json)?;
    if let Some(output) = output {
        // What the file says beside its tensors: text of its own, and no meta of the dxo.
        let metadata = std::mem::take(&mut model.meta);
        let metadata = metadata.into_iter().map(|(key, value)| (key, value.text().to_owned())).collect();
        output.commit(model, &metadata)?;
    }
    Ok(listing)
}

/// The folder of a file, and its name in it.
fn split(file: &Path) -> anyhow::Result<(PathBuf, String)> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or(Usage("the checkpoint's name is no text that a component could be told"))?;
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok((folder.unwrap_or(Path::new(".")).to_owned(), name.to_owned()))
}

fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { path, source }
}

fn listing(model: &Dxo, json: bool) -> anyhow::Result<String> {
    let tensors: Vec<_> = model.tensors().into_iter().flatten().collect();
    if json {
        let listed = tensors.iter().map(|(name, tensor)| Listed {
            name,
            dtype: tensor.dtype().to_string(),
            shape: tensor.shape(),
        });
        // Not serialised as a whole: what the file says may hold NaN, which Python's JSON has.
        let listed = serde_json::to_string(&listed.collect::<Vec<_>>())?;
        let meta = model.meta.iter().map(|(key, value)| format!(", {:?}: {}", key, value.text()));
        return Ok(format!("{{\"tensors\": {listed}{}}}\n", meta.collect::<String>()));
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["tensor", "dtype", "shape", "size"]);
    for (name, tensor) in &tensors {
        let shape = tensor.shape().iter().map(u64::to_string).collect::<Vec<_>>().join(" x ");
        let shape = if shape.is_empty() { "scalar".to_owned() } else { shape };
        table.add_row([shown(name), tensor.dtype().to_string(), shape, sized(tensor.byte_len())]);
    }
    if let Some(column) = table.column_mut(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let elements: u64 = tensors.iter().map(|(_, tensor)| tensor.len()).sum();
    let bytes = tensors.iter().map(|(_, tensor): &(_, &Tensor)| tensor.byte_len()).sum();
    let mut text =
        format!("{}\n\n{} tensors, {elements} elements, {}\n", table.trim_fmt(), tensors.len(), sized(bytes));
    for (key, value) in &model.meta {
        text.push_str(&format!("{key}: {}\n", shown(value.text())));
    }
    Ok(text)
}

/// A text of the file as it may be shown, whole.
fn shown(text: &str) -> String {
    one_line(text, usize::MAX)
}
