//! A filter in phases that does what its args say, for tests of the host: one variant of [`Deed`] each.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::panic, reason = "one of the deeds")]

use flip_sdk::{
    Access, Configurable, DataKind, Dtype, Dxo, DxoFilter, Error, FlContext, Phase, PhasedDxoFilter, Step,
    Tensor, Verdict, events, log, storage,
};

/// What the filter does, mostly in its one phase.
#[derive(Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Deed {
    /// Zeroes every part. The leader says how many reports there were, and what was in them.
    Zero,
    /// The same, and writes half of each part only.
    ZeroHalf,
    /// Writes while it may only read.
    WriteInObserve,
    /// Panics in a part.
    Panic,
    /// Panics before any phase.
    PanicInBegin,
    /// Panics where the leader takes a report.
    PanicInReport,
    /// Panics when its phase is over.
    PanicInNext,
    /// Never returns from a part.
    Loop,
    /// Fails on a part.
    Fail,
    /// Asks for memory without end in a part.
    Grow,
    /// Keeps a handle of the part's tensors.
    KeepTensor,
    /// Puts another tensor in the place of the part's.
    Replace,
    /// Says what names, shapes and meta properties a part has.
    Show,
    /// Writes beyond the end of a part; says what the host answered.
    WritePastTheEnd,
    /// Reports two mebibytes.
    LongReport,
    /// Names a tensor that is not there.
    Unknown,
    /// Names a tensor twice.
    Twice,
    /// Begins one phase after the other.
    Endless,
    /// Refuses after it has written.
    RefuseAfterwards,
    /// Fires an event and opens a directory in a part; says what the host answered.
    Reach,
    /// Fails where the leader takes a report.
    FailInReport,
    /// Zeroes all parts, and says that it did nothing.
    Deny,
    /// Puts zeroes in the place of each tensor before any phase, and says that it did nothing.
    ReplaceAndDeny,
    /// Sets a meta property of 256 KiB between two phases, a thousand times.
    HoardMeta,
    /// Adds a tensor of 256 KiB between two phases, a thousand times.
    HoardTensors,
    /// Puts tensors of another dtype in the place of all between two phases, forty times.
    Rewrite,
    /// Reports a figure in each part, and one at the end.
    Gauge,
    /// Never returns from its configuration, where it only shares the work of another.
    HangInHelper,
}

#[derive(serde::Deserialize)]
struct Args {
    deed: Deed,
}

struct MisbehavingPhases {
    deed: Deed,
    kept: Vec<Tensor>,
    reports: Vec<String>,
    phases: u64,
}

impl Configurable for MisbehavingPhases {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        // Whoever shares the work of another is granted nothing.
        if args.deed == Deed::HangInHelper
            && matches!(storage::open(storage::Root::Job), Err(Error::NotPermitted(_)))
        {
            log::info("hangs");
            loop {
                core::hint::black_box(());
            }
        }
        Ok(Self { deed: args.deed, kept: Vec::new(), reports: Vec::new(), phases: 0 })
    }
}

impl DxoFilter for MisbehavingPhases {
    fn data_kinds(&self) -> Vec<DataKind> {
        Vec::new()
    }

    fn process_dxo(&mut self, _: &Dxo, _: &FlContext) -> Result<Verdict, Error> {
        Ok(Verdict::Unchanged("alone".to_owned()))
    }
}

impl PhasedDxoFilter for MisbehavingPhases {
    fn begin(&mut self, dxo: &Dxo, _: &FlContext) -> Result<Step, Error> {
        self.reports.clear();
        self.phases = 0;
        if self.deed == Deed::PanicInBegin {
            panic!("on purpose");
        }
        self.phase(dxo)
    }

    fn process_part(&mut self, _: &[u8], part: &Dxo) -> Result<Vec<u8>, Error> {
        let names = part.names();
        let tensors = names.iter().map(|name| part.tensor(name)).collect::<Result<Vec<_>, _>>()?;
        match self.deed {
            Deed::Panic => panic!("on purpose"),
            Deed::Loop => loop {
                core::hint::black_box(());
            },
            Deed::Fail => return Err(Error::InvalidData("broken".to_owned())),
            Deed::Grow => {
                let mut all = Vec::new();
                loop {
                    all.push(vec![1_u8; 1 << 20]);
                    core::hint::black_box(&all);
                }
            }
            Deed::Replace => {
                for (name, tensor) in names.iter().zip(&tensors) {
                    part.set_tensor(name, Tensor::create(Dtype::Float32, &tensor.shape())?)?;
                }
            }
            Deed::Show => {
                let shapes: Vec<_> = tensors.iter().map(Tensor::shape).collect();
                return Ok(format!("{names:?} {shapes:?} {:?}", part.meta("round")).into_bytes());
            }
            Deed::WritePastTheEnd => {
                let answers: Vec<_> =
                    tensors.iter().map(|tensor| tensor.write(tensor.len(), &[0; 4])).collect();
                return Ok(format!("{answers:?}").into_bytes());
            }
            Deed::LongReport => return Ok(vec![0; 2 << 20]),
            Deed::Reach => {
                let fired = events::fire("anything");
                let opened = storage::open(storage::Root::Job).map(|_| ());
                return Ok(format!("{fired:?} {opened:?}").into_bytes());
            }
            Deed::Gauge => log::gauge("part", self.reports.len() as f64),
            _ => {
                for tensor in &tensors {
                    let mut start = if self.deed == Deed::ZeroHalf { tensor.len() / 2 } else { 0 };
                    while start < tensor.len() {
                        let count = (tensor.len() - start).min(1 << 16);
                        tensor.write(start, &vec![0; count as usize * tensor.dtype().size()])?;
                        start += count;
                    }
                }
            }
        }
        if self.deed == Deed::KeepTensor {
            self.kept.extend(tensors);
        }
        Ok(names.join("+").into_bytes())
    }

    fn take_report(&mut self, report: &[u8]) -> Result<(), Error> {
        match self.deed {
            Deed::FailInReport => return Err(Error::InvalidData("no".to_owned())),
            Deed::PanicInReport => panic!("on purpose"),
            _ => {}
        }
        self.reports.push(String::from_utf8_lossy(report).into_owned());
        Ok(())
    }

    fn next(&mut self, dxo: &Dxo) -> Result<Step, Error> {
        Ok(match self.deed {
            Deed::Endless => return self.phase(dxo),
            Deed::HoardMeta if self.phases <= 1_000 => {
                let text = format!("\"{}\"", "x".repeat(1 << 18));
                dxo.set_meta(&format!("hoard-{}", self.phases), &text)?;
                return self.phase(dxo);
            }
            Deed::HoardTensors if self.phases <= 1_000 => {
                let tensor = Tensor::create(Dtype::Float32, &[1 << 16])?;
                tensor.write(0, &vec![1; 1 << 18])?;
                dxo.set_tensor(&format!("hoard-{}", self.phases), tensor)?;
                return self.phase(dxo);
            }
            Deed::Rewrite if self.phases <= 40 => {
                let dtype = if self.phases % 2 == 1 { Dtype::Int32 } else { Dtype::Float32 };
                for name in dxo.names() {
                    let tensor = Tensor::create(dtype, &dxo.tensor(&name)?.shape())?;
                    tensor.write(0, &vec![0; 4 * tensor.len() as usize])?;
                    dxo.set_tensor(&name, tensor)?;
                }
                return self.phase(dxo);
            }
            Deed::HoardMeta | Deed::HoardTensors | Deed::Rewrite => Step::Done(Verdict::Filtered),
            Deed::Gauge => {
                log::gauge("whole", self.reports.len() as f64);
                Step::Done(Verdict::Filtered)
            }
            Deed::PanicInNext => panic!("on purpose"),
            Deed::RefuseAfterwards => Step::Done(Verdict::Refused("on second thoughts".to_owned())),
            Deed::Zero | Deed::ZeroHalf => Step::Done(Verdict::Filtered),
            _ => Step::Done(Verdict::Unchanged(self.reports.join(" | "))),
        })
    }
}

impl MisbehavingPhases {
    fn phase(&mut self, dxo: &Dxo) -> Result<Step, Error> {
        self.phases += 1;
        if self.deed == Deed::ReplaceAndDeny {
            for name in dxo.names() {
                let tensor = dxo.tensor(&name)?;
                dxo.set_tensor(&name, Tensor::create(tensor.dtype(), &tensor.shape())?)?;
            }
            return Ok(Step::Done(Verdict::Unchanged("nothing to do".to_owned())));
        }
        let access = match self.deed {
            Deed::WriteInObserve | Deed::Show | Deed::Endless | Deed::Gauge => Access::Observe,
            _ => Access::Apply,
        };
        let mut tensors = dxo.names();
        match self.deed {
            Deed::HoardMeta | Deed::HoardTensors => tensors.clear(),
            Deed::Unknown => tensors.push("nowhere".to_owned()),
            Deed::Twice => tensors.extend(dxo.names()),
            _ => {}
        }
        Ok(Step::Phase(Phase { access, tensors, task: self.phases.to_le_bytes().to_vec() }))
    }
}

flip_sdk::export!(MisbehavingPhases: dxo_filter, phased_dxo_filter);
