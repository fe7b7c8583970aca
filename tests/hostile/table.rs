//! What an attack is.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use flip_runtime::safetensors::{Overrides, open};
use flip_runtime::{Code, Dtype, Dxo, Error, Leaf, Level, LimitReached, Limits, Outcome, RecordedLog};

use super::errands::Errands;
pub(super) use super::rows::{bytes, covered, deed, errands, given, guest, host, nothing};
use crate::{context, granted, misbehaving_filter, runtime, update};

/// One attack.
pub struct Attack {
    /// The row of the list of attacks that it stands for.
    pub row: &'static str,
    /// What it tries.
    pub name: &'static str,
    pub how: How,
    /// What it may use, as on the command line; the defaults where this is empty.
    pub limits: &'static str,
    /// What a policy grants to a filter: lines of one.
    pub grants: &'static str,
    pub expected: Expected,
    /// Whether it takes seconds.
    pub slow: bool,
    /// Whether what serves it panics, on purpose.
    pub panics: bool,
}

/// How often an attack is run in one process.
pub const OFTEN: usize = 20;

/// How it is run.
pub enum How {
    /// The misbehaving filter, told to do this.
    Deed(&'static str),
    /// A filter in WebAssembly text.
    Guest(fn() -> String),
    /// A component, as its bytes are.
    Bytes(fn() -> Vec<u8>),
    /// A component of a job, told to do these.
    Errands(fn() -> Errands),
    /// An update for a filter, as the bytes of its file are.
    Update(fn() -> Vec<u8>),
    /// Whatever it takes; says how it ended.
    Host(fn(Limits) -> Ended, CommandLine),
    /// As the test `path::name` of whole paths does.
    Test(&'static str, CommandLine),
    /// There is nothing to attack, for this reason.
    Nothing(&'static str),
}

/// How the command line meets what is no data that both could be given.
#[derive(Clone, Copy)]
pub enum CommandLine {
    /// The test `path::name` tries the same on the program.
    Test(&'static str),
    /// The row of this name is data that the program is given too.
    Row(&'static str),
    /// Nothing leads there, for this reason.
    Unreachable(&'static str),
}

/// What came of it: what the component was told or let out, or how its call failed.
pub type Ended = Result<String, Error>;

/// How it must end.
#[derive(Clone, Copy)]
pub enum Expected {
    /// At this limit, which the error names.
    Limit(&'static str),
    /// In a trap whose reason holds this text.
    Trap(&'static str),
    /// In an error that the component returns, having been told this by the host.
    Failed(&'static str),
    /// In an error that the component returns, having been told that this line would allow it.
    NotPermitted(&'static str),
    /// It refuses to let the data out, for this reason.
    Refused(&'static str),
    /// Before anything of it runs: the reason holds this text.
    NotLoaded(&'static str),
    /// The component goes on; the host's answer begins with this.
    Told(&'static str),
    /// The call returns, and the log holds this.
    Logged(&'static str),
    /// The call returns, and this is what goes out: tensors, then the filters they went through.
    Out(&'static str),
    /// The call returns, the data is as it was, and the filter says that it left it so for this reason.
    Unchanged(&'static str),
    /// The call returns, and this is why that does no harm. A filter has let the data out as it came.
    Harmless(&'static str),
}

impl Attack {
    pub(super) const fn of(
        row: &'static str,
        name: &'static str,
        how: How,
        limits: &'static str,
        expected: Expected,
    ) -> Self {
        Self { row, name, how, limits, grants: "", expected, slow: false, panics: false }
    }

    /// With these lines of a policy.
    pub(super) const fn granting(mut self, grants: &'static str) -> Self {
        self.grants = grants;
        self
    }

    /// Takes seconds: it has no place in the rounds, and is run once.
    pub(super) const fn slow(mut self) -> Self {
        self.slow = true;
        self
    }

    /// What serves it panics, on purpose.
    pub(super) const fn panicking(mut self) -> Self {
        self.panics = true;
        self
    }

    /// The component of a filter's attack, and its args.
    pub fn filter(&self) -> Option<(Vec<u8>, String)> {
        match self.how {
            How::Deed(deed) => Some((crate::MISBEHAVING_FILTER.to_vec(), format!(r#"{{"deed": {deed}}}"#))),
            How::Guest(text) => Some((self.assembled(text), "{}".to_owned())),
            How::Bytes(bytes) => Some((bytes(), "{}".to_owned())),
            _ => None,
        }
    }

    /// Whether what goes out must be what came in.
    pub fn leaves_the_data(&self) -> bool {
        matches!(self.expected, Expected::Unchanged(_) | Expected::Harmless(_))
    }

    /// The component of this text; what was assembled once is kept.
    fn assembled(&self, text: fn() -> String) -> Vec<u8> {
        static KNOWN: Mutex<BTreeMap<&str, Vec<u8>>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let assemble = || wat::parse_str(text()).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        known.entry(self.name).or_insert_with(assemble).clone()
    }

    /// Runs it through the library; none where there is nothing to run here.
    pub fn run(&self) -> Option<Ended> {
        let limits = limits(self.limits);
        match self.how {
            How::Host(attack, _) => Some(attack(limits)),
            How::Update(bytes) => Some(opened(&bytes())),
            How::Deed(_) | How::Guest(_) | How::Bytes(_) => self.filter().map(|(wasm, args)| {
                let component = match self.how {
                    How::Deed(_) => misbehaving_filter(),
                    _ => runtime().load_bytes("hostile", &wasm)?,
                };
                let log = Arc::new(RecordedLog::default());
                let builder = component.instance().args(args).grants(granted(self.grants));
                let builder = builder.limits(limits.clone()).log(log.clone());
                let mut filter = builder.build()?;
                let ended = filter.filter(update(), &context());
                if matches!(ended, Err(Error::Limit { .. } | Error::Trapped { .. })) {
                    // Whoever was stopped half-way is not entered again.
                    let again = filter.filter(update(), &context());
                    assert!(matches!(again, Err(Error::Poisoned { .. })), "{}: {again:?}", self.name);
                }
                let logged = self.logged(&log.lines(), &limits);
                ended.map(|filtered| {
                    for leaf in &filtered.leaves {
                        assert!(
                            leaf.gauges.len() as u64 <= limits.gauges,
                            "{}: {:?}",
                            self.name,
                            leaf.gauges
                        );
                    }
                    if self.leaves_the_data() {
                        assert_eq!(tensors(&filtered.dxo), tensors(&update()), "{}", self.name);
                    }
                    match (self.expected, &filtered.leaves[..]) {
                        (Expected::Logged(_), _) => logged,
                        (Expected::Unchanged(_), [Leaf { outcome: Outcome::Unchanged(reason), .. }]) => {
                            reason.clone()
                        }
                        _ => sent(&filtered.dxo),
                    }
                })
            }),
            How::Errands(errands) => {
                let errands = errands();
                let (lines, ended) = errands.run(&limits);
                let logged = self.logged(&lines, &limits);
                let told = lines.iter().filter(|(level, _)| *level == Level::Info);
                let told = told.map(|(_, line)| &**line).collect::<Vec<_>>();
                let says_more = matches!(self.expected, Expected::Logged(_));
                errands.check_told(&told, says_more).unwrap_or_else(|why| panic!("{}: {why}", self.name));
                Some(match self.expected {
                    Expected::Logged(_) => ended.map(|_| logged),
                    _ => ended,
                })
            }
            How::Test(..) | How::Nothing(_) => None,
        }
    }

    /// What it wrote to the log: no more than it may, and each of it one line that hides nothing.
    fn logged(&self, lines: &[(Level, String)], limits: &Limits) -> String {
        // The last of them is the host's, which says that there are no more.
        assert!(lines.len() as u64 <= limits.log_lines, "{}: {} lines", self.name, lines.len());
        let mut logged = String::new();
        for (level, line) in lines {
            assert!(line.len() as u64 <= limits.log_line, "{}: {} bytes", self.name, line.len());
            assert!(!line.chars().any(char::is_control), "{}: {line:?}", self.name);
            let _ = writeln!(logged, "{level:?} {line}");
        }
        logged
    }
}

/// An update that comes as a file of these bytes.
pub(super) fn opened(bytes: &[u8]) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("update.safetensors");
    std::fs::write(&path, bytes).unwrap();
    open(&path, Overrides::default()).map(|file| sent(&file.dxo))
}

/// What goes out, in words that [`Expected::Out`] holds it against.
pub fn sent(dxo: &Dxo) -> String {
    let history = dxo.meta.get("filter_history").map_or("nobody", |history| history.text());
    format!("{}, by {history}", tensors(dxo))
}

/// The tensors of a dxo, with their values.
pub fn tensors(dxo: &Dxo) -> String {
    let tensors = dxo.tensors().into_iter().flatten();
    let tensors = tensors.map(|(name, tensor)| {
        let (dtype, shape, bytes) = (tensor.dtype(), tensor.shape(), tensor.to_bytes().unwrap());
        let values = match dtype {
            Dtype::Float32 => format!(
                "{:?}",
                bytes.as_chunks().0.iter().map(|one| f32::from_le_bytes(*one)).collect::<Vec<_>>()
            ),
            Dtype::Float64 => format!(
                "{:?}",
                bytes.as_chunks().0.iter().map(|one| f64::from_le_bytes(*one)).collect::<Vec<_>>()
            ),
            _ => format!("{bytes:?}"),
        };
        format!("{name} {dtype} {shape:?} {values}")
    });
    tensors.collect::<Vec<_>>().join(", ")
}

impl Expected {
    /// Why an attack did not end like this.
    ///
    /// # Errors
    ///
    /// Says what came in its place.
    pub fn check(self, ended: &Ended) -> Result<(), String> {
        let as_expected = match (self, ended) {
            (
                Self::Limit(limit),
                Err(error @ Error::Limit { reached: LimitReached { limit: reached, .. }, .. }),
            ) => limit == *reached && error.to_string().contains(&format!("limit {limit} reached: ")),
            (Self::Trap(reason), Err(Error::Trapped { reason: found, .. })) => found.contains(reason),
            (Self::Failed(text), Err(error @ Error::Failed { .. })) => error.to_string().contains(text),
            (Self::NotPermitted(line), Err(error)) => {
                error.code() == Code::NotPermitted && error.to_string().contains(line)
            }
            (
                Self::NotLoaded(text),
                Err(
                    error @ (Error::InvalidComponent { .. }
                    | Error::InvalidFile { .. }
                    | Error::InvalidData(_)
                    | Error::Args { .. }
                    | Error::Config { .. }),
                ),
            ) => error.to_string().contains(text),
            (Self::Refused(text), Err(error @ Error::Refused { .. })) => error.to_string().contains(text),
            (Self::Told(text), Ok(told)) => told.starts_with(text),
            (Self::Logged(text), Ok(logged)) => logged.contains(text),
            (Self::Out(text) | Self::Unchanged(text), Ok(out)) => out == text,
            (Self::Harmless(_), Ok(_)) => true,
            _ => false,
        };
        match (as_expected, ended) {
            (true, _) => Ok(()),
            (false, Ok(told)) => Err(format!("it returned: {told}")),
            (false, Err(error)) => Err(format!("it ended in: {error:?}")),
        }
    }
}

/// Limits as on the command line.
pub fn limits(text: &str) -> Limits {
    let parts = text.split(',').filter_map(|part| part.split_once('='));
    let value = |value: &str| match value.parse::<u64>() {
        Ok(number) => number.into(),
        Err(_) => serde_json::Value::from(value),
    };
    let limits = parts.map(|(name, figure)| (name.to_owned(), value(figure)));
    serde_json::from_value(serde_json::Value::Object(limits.collect())).unwrap()
}
