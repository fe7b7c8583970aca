//! A filter that does what its args say, for tests of the host: one variant of [`Deed`] each.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::panic, reason = "one of the deeds")]

use flip_sdk::{Configurable, DataKind, Dtype, Dxo, DxoFilter, Error, FlContext, Tensor, Verdict, log};

/// What the filter does when it is called.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Deed {
    /// Never returns from `configure`.
    LoopInConfigure,
    /// Never returns.
    Loop,
    /// Never returns, and calls the host all the time.
    LoopOverHostCalls,
    /// Calls itself without end.
    Recurse,
    /// Asks for memory without end.
    Grow,
    /// Opens tensors without end and keeps them.
    KeepHandles,
    /// Holds the whole data in its memory.
    HoldAll,
    /// Opens all tensors at once and zeroes them; where it may not open so many, it leaves the data as it is.
    ShrugAtLimits,
    /// Does the same; where it may not, it panics.
    PanicAtLimits,
    /// Makes one tensor of so many bytes.
    CreateTensor(u64),
    /// Makes tensors of so many bytes without end, drops each, and returns.
    CreateAndDrop(u64),
    /// Fills the meta of the dxo without end.
    FillMeta,
    /// Writes so many lines of so many characters to the log.
    Log(u64, usize),
    /// Reports so many figures, each of another name.
    Gauges(u64),
    /// Panics.
    Panic,
    /// Zeroes every tensor, then panics.
    ZeroThenPanic,
    /// Zeroes every tensor.
    Zero,
    /// Zeroes the second half of every tensor.
    ZeroHalf,
    /// Zeroes the second half of every tensor, and says that it did nothing.
    ZeroAndDeny,
    /// Swaps the first two tensors, and says that it did nothing.
    SwapAndDeny,
    /// Keeps the first tensor, puts the one that it has kept in its place, and says that it did nothing.
    ReplayAndDeny,
    /// Sets a meta property, and says that it did nothing.
    TagAndDeny,
    /// Replaces every tensor by float64 zeroes, last one first.
    ReplaceBackwards,
    /// Writes one element beyond the end; says what the host answered.
    WritePastTheEnd,
    /// Asks for windows beyond any end; says how many bytes came.
    ReadFar,
    /// Adds a tensor that was not there.
    AddTensor,
    /// Puts another shape in the place of the first tensor.
    Reshape,
    /// Refuses with this reason.
    Refuse(String),
    /// Fails with this text.
    Fail(String),
    /// Leaves everything as it is, for this reason.
    Unchanged(String),
    /// Puts a dxo into itself again and again; says what the host answered.
    Nest,
    /// Says what the context holds.
    ShowContext,
    /// Puts a small tensor in under this name.
    SetNamed(String),
    /// Sets so many meta properties of a megabyte each.
    BigMeta(u64),
    /// Claims that another filter did its work.
    ForgeHistory,
    /// Writes to the first element of the first tensor.
    TouchFirst,
    /// Writes to the first tensor, and to a copy that shares what was written.
    CopyShared,
    /// Makes so many tensors of a mebibyte, one after the other, and writes to each.
    Churn(u64),
    /// Never returns from `process-dxo`, reading windows all the time.
    LoopOverWindows,
    /// Writes so many bytes to the first tensor in one call; says what the host answered.
    WriteWindow(u64),
    /// Asks for what is not there or not allowed; says what the host answered.
    AskInVain,
    /// Keeps a handle to the first tensor after the call.
    Retain,
    /// Sets so many meta properties of a byte each.
    TinyMeta(u64),
    /// Puts so many tensors without elements into the dxo.
    TinyTensors(u64),
    /// Puts so many copies of a collection that holds 64 KiB of text into another collection.
    HoardText(u64),
    /// Makes a tensor of so many bytes, lets two dxos share it, fails to write to one, drops the other;
    /// so many times.
    EscapeCharge(u64, u64),
    /// Writes NaN to every element.
    WriteNan,
    /// Puts so many dxos of metrics of a megabyte each into a collection.
    BigValues(u64),
}

struct MisbehavingFilter {
    deed: Deed,
    kept: Vec<Tensor>,
}

#[derive(serde::Deserialize)]
struct Args {
    deed: Deed,
}

impl Configurable for MisbehavingFilter {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        if matches!(args.deed, Deed::LoopInConfigure) {
            spin();
        }
        Ok(Self { deed: args.deed, kept: Vec::new() })
    }
}

impl DxoFilter for MisbehavingFilter {
    fn data_kinds(&self) -> Vec<DataKind> {
        vec![DataKind::Weights, DataKind::WeightDiff]
    }

    fn process_dxo(&mut self, dxo: &Dxo, ctx: &FlContext) -> Result<Verdict, Error> {
        match &self.deed {
            Deed::LoopInConfigure | Deed::Loop => spin(),
            Deed::LoopOverHostCalls => loop {
                core::hint::black_box(dxo.kind());
            },
            Deed::Recurse => return Ok(Verdict::Unchanged(recurse(0).to_string())),
            Deed::Grow => grow(),
            Deed::KeepHandles => return keep_handles(dxo),
            Deed::HoldAll => {
                let mut all = Vec::new();
                for tensor in open_all(dxo)? {
                    tensor.windows(|_, window| {
                        all.extend_from_slice(window);
                        Ok(())
                    })?;
                }
            }
            Deed::ShrugAtLimits => match open_all(dxo) {
                Ok(_) => zero(dxo, 0)?,
                Err(error) => return Ok(Verdict::Unchanged(error.describe())),
            },
            Deed::PanicAtLimits => {
                if let Err(error) = open_all(dxo) {
                    panic!("{}", error.describe());
                }
                zero(dxo, 0)?;
            }
            Deed::CreateTensor(bytes) => drop(Tensor::create(Dtype::Uint8, &[*bytes])?),
            Deed::CreateAndDrop(bytes) => {
                for _ in 0..10_000 {
                    drop(Tensor::create(Dtype::Uint8, &[*bytes])?);
                }
            }
            Deed::FillMeta => {
                for key in 0_u64.. {
                    dxo.set_meta(&key.to_string(), &format!("\"{}\"", "x".repeat(1 << 16)))?;
                }
            }
            Deed::Log(lines, length) => {
                for line in 0..*lines {
                    log::info(&format!("{line}:\u{1b}[2J\nERROR forged {}", "x".repeat(*length)));
                }
            }
            Deed::Gauges(count) => {
                for index in 0..*count {
                    log::gauge(&format!("figure-{index}"), index as f64);
                }
            }
            Deed::Panic => panic!("on purpose"),
            Deed::ZeroThenPanic => {
                zero(dxo, 0)?;
                panic!("after writing");
            }
            Deed::Zero => zero(dxo, 0)?,
            Deed::ZeroHalf => zero(dxo, 1)?,
            Deed::ZeroAndDeny => {
                zero(dxo, 1)?;
                return Ok(Verdict::Unchanged("nothing to do".to_owned()));
            }
            Deed::ReplayAndDeny => {
                if let Some(kept) = self.kept.pop() {
                    dxo.set_tensor(&dxo.names().swap_remove(0), kept)?;
                }
                self.kept.push(first(dxo)?);
                return Ok(Verdict::Unchanged("nothing to do".to_owned()));
            }
            Deed::TagAndDeny => {
                dxo.set_meta("tag", "1")?;
                return Ok(Verdict::Unchanged("nothing to do".to_owned()));
            }
            Deed::SwapAndDeny => {
                let names = dxo.names();
                if let [one, other, ..] = &names[..] {
                    let tensor = dxo.tensor(one)?;
                    dxo.set_tensor(one, dxo.tensor(other)?)?;
                    dxo.set_tensor(other, tensor)?;
                }
                return Ok(Verdict::Unchanged("nothing to do".to_owned()));
            }
            Deed::ReplaceBackwards => {
                for name in dxo.names().iter().rev() {
                    let shape = dxo.tensor(name)?.shape();
                    dxo.set_tensor(name, Tensor::create(Dtype::Float64, &shape)?)?;
                }
            }
            Deed::WritePastTheEnd => {
                let tensor = first(dxo)?;
                let element = vec![0; tensor.dtype().size()];
                let ends = [tensor.len(), u64::MAX, u64::MAX / 4];
                let answers: Vec<_> = ends.iter().map(|start| tensor.write(*start, &element)).collect();
                return Ok(Verdict::Unchanged(format!("{answers:?}")));
            }
            Deed::ReadFar => {
                let tensor = first(dxo)?;
                let starts = [(tensor.len(), 1), (u64::MAX, u32::MAX), (0, 0), (0, u32::MAX)];
                let lengths: Result<Vec<_>, _> = starts
                    .iter()
                    .map(|(start, count)| tensor.read(*start, *count).map(|bytes| bytes.len()))
                    .collect();
                return Ok(Verdict::Unchanged(format!("{:?}", lengths?)));
            }
            Deed::AddTensor => dxo.set_tensor("extra", Tensor::create(Dtype::Float32, &[4])?)?,
            Deed::Refuse(reason) => return Ok(Verdict::Refused(reason.clone())),
            Deed::Fail(text) => return Err(Error::InvalidData(text.clone())),
            Deed::Unchanged(reason) => return Ok(Verdict::Unchanged(reason.clone())),
            Deed::Nest => {
                let mut nested = Dxo::create(DataKind::Collection)?;
                for _ in 0..100 {
                    let outer = Dxo::create(DataKind::Collection)?;
                    outer.set_member("inner", nested)?;
                    nested = outer;
                }
            }
            Deed::Reshape => {
                let name = dxo.names().swap_remove(0);
                dxo.set_tensor(&name, Tensor::create(Dtype::Float32, &[4])?)?;
            }
            Deed::SetNamed(name) => dxo.set_tensor(name, Tensor::create(Dtype::Float32, &[4])?)?,
            Deed::BigMeta(count) => {
                let text = format!("\"{}\"", "x".repeat(1_000_000));
                for key in 0..*count {
                    dxo.set_meta(&key.to_string(), &text)?;
                }
            }
            Deed::ForgeHistory => dxo.set_meta("filter_history", "[\"DifferentialPrivacy\"]")?,
            Deed::TouchFirst => first(dxo)?.write(0, &vec![1; first(dxo)?.dtype().size()])?,
            Deed::CopyShared => {
                first(dxo)?.write(0, &[1, 2, 3, 4])?;
                dxo.set_tensor("copy", first(dxo)?)?;
                dxo.tensor("copy")?.write(0, &[1, 2, 3, 4])?;
            }
            Deed::Churn(count) => {
                for _ in 0..*count {
                    let tensor = Tensor::create(Dtype::Uint8, &[1 << 20])?;
                    let window = vec![1; 1 << 19];
                    tensor.write(0, &window)?;
                    tensor.write(1 << 19, &window)?;
                }
            }
            Deed::ShowContext => {
                let prop = ctx.prop("round");
                return Ok(Verdict::Unchanged(format!(
                    "{} {} {prop:?} {} {}",
                    ctx.job_id(),
                    ctx.identity(),
                    ctx.local_dev(),
                    ctx.aborted()
                )));
            }
            Deed::LoopOverWindows => loop {
                first(dxo)?.read(0, u32::MAX)?;
            },
            Deed::WriteWindow(bytes) => {
                let answer = first(dxo)?.write(0, &vec![0; *bytes as usize]);
                if *bytes == 0 || answer.is_err() {
                    return Ok(Verdict::Unchanged(format!("{answer:?}")));
                }
            }
            Deed::AskInVain => return Ok(Verdict::Unchanged(ask_in_vain(dxo, ctx).join("; "))),
            Deed::Retain => self.kept.push(first(dxo)?),
            Deed::TinyMeta(count) => {
                for key in 0..*count {
                    dxo.set_meta(&key.to_string(), "0")?;
                }
            }
            Deed::TinyTensors(count) => {
                for name in 0..*count {
                    dxo.set_tensor(&name.to_string(), Tensor::create(Dtype::Uint8, &[0; 32])?)?;
                }
            }
            Deed::WriteNan => {
                for name in dxo.names() {
                    let tensor = dxo.tensor(&name)?;
                    tensor.write(0, &f32::NAN.to_le_bytes().repeat(tensor.len() as usize))?;
                }
            }
            Deed::BigValues(count) => {
                let collection = Dxo::create(DataKind::Collection)?;
                let values = format!("{{\"loss\": \"{}\"}}", "x".repeat(1_000_000));
                for number in 0..*count {
                    let metrics = Dxo::create(DataKind::Metrics)?;
                    metrics.set_values(&values)?;
                    collection.set_member(&number.to_string(), metrics)?;
                }
            }
            Deed::HoardText(copies) => hoard_text(*copies)?,
            Deed::EscapeCharge(bytes, times) => {
                let mut hoard = Vec::new();
                for _ in 0..*times {
                    hoard.push(escape_charge(*bytes)?);
                }
            }
        }
        Ok(Verdict::Filtered)
    }
}

fn spin() -> ! {
    loop {
        core::hint::black_box(0);
    }
}

fn recurse(depth: u64) -> u64 {
    if core::hint::black_box([depth; 64])[0] == u64::MAX {
        return depth;
    }
    core::hint::black_box(recurse(depth + 1)) + 1
}

fn grow() -> ! {
    let mut kept = Vec::new();
    loop {
        kept.push(core::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

fn keep_handles(dxo: &Dxo) -> Result<Verdict, Error> {
    let mut kept = Vec::new();
    loop {
        kept.push(first(dxo)?);
    }
}

fn open_all(dxo: &Dxo) -> Result<Vec<Tensor>, Error> {
    dxo.names().iter().map(|name| dxo.tensor(name)).collect()
}

fn first(dxo: &Dxo) -> Result<Tensor, Error> {
    match dxo.names().first() {
        Some(name) => dxo.tensor(name),
        None => Err(Error::InvalidData("no tensor".to_owned())),
    }
}

fn ask_in_vain(dxo: &Dxo, ctx: &FlContext) -> Vec<String> {
    let answers: [Result<(), Error>; 8] = [
        dxo.tensor("missing").map(drop),
        dxo.member("missing").map(drop),
        dxo.values().map(drop),
        dxo.set_values("1"),
        dxo.set_meta("broken", "{"),
        Tensor::create(Dtype::Uint8, &[1; 33]).map(drop),
        Tensor::create(Dtype::Float64, &[u64::MAX, 2]).map(drop),
        Dxo::create(DataKind::Metrics).and_then(|metrics| metrics.set_tensor("a", first(dxo)?)),
    ];
    let nothing = ctx.prop("missing").is_none() && dxo.meta("missing").is_none();
    let kind = |answer: Result<(), Error>| match answer {
        Ok(()) => "ok".to_owned(),
        Err(Error::InvalidArgument(_)) => "invalid-argument".to_owned(),
        Err(Error::NotFound(_)) => "not-found".to_owned(),
        Err(other) => format!("{other:?}"),
    };
    answers.into_iter().map(kind).chain([format!("nothing: {nothing}")]).collect()
}

fn hoard_text(copies: u64) -> Result<(), Error> {
    let text = Dxo::create(DataKind::AppDefined)?;
    text.set_values(&format!("\"{}\"", "x".repeat(1 << 16)))?;
    let (shelf, room, hoard) = (
        Dxo::create(DataKind::Collection)?,
        Dxo::create(DataKind::Collection)?,
        Dxo::create(DataKind::Collection)?,
    );
    shelf.set_member("text", text)?;
    room.set_member("shelf", shelf)?;
    for copy in 0..copies {
        hoard.set_member(&copy.to_string(), room.member("shelf")?)?;
    }
    Ok(())
}

fn escape_charge(bytes: u64) -> Result<Dxo, Error> {
    let tensor = Tensor::create(Dtype::Uint8, &[bytes])?;
    tensor.map(|window| window.fill(1))?;
    let (one, other) = (Dxo::create(DataKind::Weights)?, Dxo::create(DataKind::Weights)?);
    one.set_tensor("a", tensor)?;
    other.set_tensor("a", one.tensor("a")?)?;
    // Where both together are more than is allowed, this is refused, and the data stays shared.
    let _ = other.tensor("a")?.write(0, &[2]);
    Ok(other)
}

/// Zeroes every tensor from its start, or from its middle.
fn zero(dxo: &Dxo, halves: u64) -> Result<(), Error> {
    for name in dxo.names() {
        let tensor = dxo.tensor(&name)?;
        let from = tensor.len() * halves / 2;
        tensor.windows(|start, window| {
            let skip = from.saturating_sub(start).min(window.len() as u64 / tensor.dtype().size() as u64);
            let rest = window.split_off(skip as usize * tensor.dtype().size());
            tensor.write(start + skip, &vec![0; rest.len()])
        })?;
    }
    Ok(())
}

flip_sdk::export!(MisbehavingFilter: dxo_filter);
