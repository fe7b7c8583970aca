//! One component's part of a trail: what it is, and the calls that it makes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;

use super::chain::AuditTrail;
use super::entry::{CallEntry, ComponentEntry, Function, Outcome, text};
use crate::bindings::flip::fl::types;
use crate::component::Component;
use crate::error::Error;
use crate::host::Failure;
use crate::host::log::one_line;
use crate::inspect::Digest;
use crate::limits::Limits;
use crate::policy::{Grants, OnFilterFailure, WasiBit};

/// The longest line of a policy that is written, in bytes.
const MAX_GRANT: usize = 16 << 10;

/// Who is told of one component's calls.
pub(crate) trait CallSink: Send + Sync {
    /// Fails where no call can be noted any more.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// A call is about to be made; a failure is its answer.
    fn before(&self, _: &CallEntry) -> Result<(), Failure> {
        Ok(())
    }

    /// A call has ended, and gave these bytes to the component.
    fn ended(&self, call: CallEntry, read: &[u8]) -> Result<(), Error>;

    /// Whether somebody reads digests.
    fn digests(&self) -> bool {
        false
    }

    /// The bytes of the lines about them.
    fn used(&self) -> u64 {
        0
    }
}

/// One component's account in a trail.
struct Account {
    trail: AuditTrail,
    number: usize,
}

impl CallSink for Account {
    fn check(&self) -> Result<(), Error> {
        self.trail.check()
    }

    fn before(&self, _: &CallEntry) -> Result<(), Failure> {
        self.trail.room(self.number).map_err(|reached| Failure::Trap(reached.into()))
    }

    fn ended(&self, call: CallEntry, read: &[u8]) -> Result<(), Error> {
        self.trail.call(self.number, call, read)
    }

    fn digests(&self) -> bool {
        self.trail.digests()
    }

    fn used(&self) -> u64 {
        self.trail.used(self.number)
    }
}

/// Notes what one component does.
#[derive(Clone)]
pub(crate) struct Auditor {
    sink: Arc<dyn CallSink>,
    place: Arc<str>,
    id: Arc<str>,
    begun: Begun,
}

/// The call that an instance makes now, as it began; none where it is noted how it ended.
type Begun = Arc<Mutex<Option<CallEntry>>>;

impl Auditor {
    /// Writes what the component is and may do, before it runs.
    pub(crate) fn start(
        trail: &AuditTrail,
        place: &str,
        id: &str,
        component: &Component,
        pinned: bool,
        grants: &Grants,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let (place, id) = (text(place), text(id));
        let entry = ComponentEntry {
            place: place.clone(),
            id: id.clone(),
            name: text(component.name()),
            sha256: component.inspection().sha256,
            pinned,
            grants: lines(grants, component),
            limits: figures(limits),
        };
        let number = trail.component(entry, limits.audit_bytes)?;
        let sink = Arc::new(Account { trail: trail.clone(), number });
        Ok(Self { sink, place: place.into(), id: id.into(), begun: Begun::default() })
    }

    /// Tells somebody who writes no trail.
    pub(crate) fn telling(sink: Arc<dyn CallSink>, id: &str) -> Self {
        Self { sink, place: "here".into(), id: id.into(), begun: Begun::default() }
    }

    /// The same for another instance, which makes calls of its own.
    pub(crate) fn of_another(&self) -> Self {
        Self { begun: Begun::default(), ..self.clone() }
    }

    /// Notes that the call under way was given up. However it ends later, that is not noted any more.
    pub(crate) fn give_up(&self) -> Result<(), Error> {
        match taken(&self.begun) {
            Some(entry) => self.sink.ended(entry, &[]),
            None => Ok(()),
        }
    }

    /// Fails where the trail cannot go on: then the component must not either.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.sink.check()
    }

    /// The bytes of the lines about its calls.
    pub(crate) fn used(&self) -> u64 {
        self.sink.used()
    }

    /// A call begins that touches something.
    pub(crate) fn begin(
        &self,
        function: Function,
        touched: &str,
        to: Option<&str>,
    ) -> Result<Noting, Failure> {
        self.check().map_err(trap)?;
        let entry = CallEntry {
            place: self.place.to_string(),
            component: self.id.to_string(),
            interface: function.interface(),
            function,
            touched: text(touched),
            to: to.map(text),
            calls: 1,
            read: 0,
            written: 0,
            deleted: None,
            sha256: None,
            outcome: Outcome::GivenUp,
        };
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(entry.clone());
        let begun = self.begun.clone();
        let mut noting = Noting { sink: self.sink.clone(), entry: Some(entry), begun };
        match noting.entry.as_ref().map_or(Ok(()), |entry| self.sink.before(entry)) {
            Ok(()) => Ok(noting),
            Err(failure) => Err(noting.fail(failure)),
        }
    }
}

/// A call under way. Where it is given up, that is noted.
pub(crate) struct Noting {
    sink: Arc<dyn CallSink>,
    entry: Option<CallEntry>,
    begun: Begun,
}

fn taken(begun: &Begun) -> Option<CallEntry> {
    begun.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Noting {
    /// What is to be written of it, to add to.
    pub(crate) fn entry(&mut self) -> Option<&mut CallEntry> {
        self.entry.as_mut()
    }

    /// Whether somebody reads digests.
    pub(crate) fn digests(&self) -> bool {
        self.sink.digests()
    }

    /// Notes how it ended. Where that cannot be, the component is ended.
    pub(crate) fn end<T>(self, result: Result<T, Failure>) -> Result<T, Failure> {
        self.end_with(result, |_| &[])
    }

    /// Notes how a call ended that gives bytes to the component.
    pub(crate) fn end_read(mut self, result: Result<Vec<u8>, Failure>) -> Result<Vec<u8>, Failure> {
        if let (Some(entry), Ok(bytes)) = (&mut self.entry, &result) {
            entry.read = bytes.len() as u64;
        }
        self.end_with(result, Vec::as_slice)
    }

    /// Notes how a call ended that told the component something of what it touched.
    pub(crate) fn end_told<T>(
        mut self,
        result: Result<T, Failure>,
        told: impl FnOnce(&T) -> String,
    ) -> Result<T, Failure> {
        let told = result.as_ref().ok().filter(|_| self.digests()).map(told).unwrap_or_default();
        let outcome = result.as_ref().map_or_else(Outcome::of, |_| Outcome::Ok);
        self.ended(outcome, told.as_bytes()).map_err(trap)?;
        result
    }

    fn end_with<T>(
        mut self,
        result: Result<T, Failure>,
        read: impl FnOnce(&T) -> &[u8],
    ) -> Result<T, Failure> {
        let (outcome, read) = match &result {
            Ok(value) => (Outcome::Ok, read(value)),
            Err(failure) => (Outcome::of(failure), &[][..]),
        };
        self.ended(outcome, read).map_err(trap)?;
        result
    }

    /// Notes how it ended, and what the component got.
    pub(crate) fn ended(&mut self, outcome: Outcome, read: &[u8]) -> Result<(), Error> {
        // Of one that was given up this is noted.
        let (Some(mut entry), Some(_)) = (self.entry.take(), taken(&self.begun)) else {
            return Ok(());
        };
        entry.outcome = outcome;
        // What was refused went nowhere.
        entry.sha256 = entry.sha256.filter(|_| !outcome.is_refusal());
        self.sink.ended(entry, read)
    }

    /// Notes that it failed.
    fn fail(&mut self, failure: Failure) -> Failure {
        match self.ended(Outcome::of(&failure), &[]) {
            Ok(()) => failure,
            Err(error) => trap(error),
        }
    }
}

impl Drop for Noting {
    fn drop(&mut self) {
        // The trail remembers a failure, and whoever entered the component asks it.
        let _ = self.ended(Outcome::GivenUp, &[]);
    }
}

fn trap(error: Error) -> Failure {
    Failure::Trap(wasmtime::Error::msg(error.to_string()))
}

impl Outcome {
    /// Whether nothing can have gone out. Of what was cut off, or failed, that is not known.
    fn is_refusal(self) -> bool {
        use Outcome as O;
        matches!(self, O::InvalidArgument | O::InvalidData | O::NotFound | O::NotPermitted | O::QuotaExceeded)
    }

    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Trap(_) => Self::Trapped,
            Failure::Typed(error) => match error {
                types::Error::InvalidArgument(_) => Self::InvalidArgument,
                types::Error::InvalidData(_) => Self::InvalidData,
                types::Error::NotFound(_) => Self::NotFound,
                types::Error::NotPermitted(_) => Self::NotPermitted,
                types::Error::QuotaExceeded(_) => Self::QuotaExceeded,
                types::Error::Unavailable(_) => Self::Unavailable,
                types::Error::Aborted => Self::Aborted,
            },
        }
    }
}

/// What is granted, as it stands in a policy.
fn lines(grants: &Grants, component: &Component) -> Vec<String> {
    let lines = Grants::INTERFACES.into_iter().filter_map(|interface| grants.of_interface(interface));
    let lines = lines.filter(|line| line != Grants::NOTHING).map(|line| match line.len() > MAX_GRANT {
        // What is cut off is held by the digest.
        true => format!(
            "{} sha256 of the whole line: {}",
            one_line(&line, MAX_GRANT),
            Digest::of(line.as_bytes())
        ),
        false => one_line(&line, MAX_GRANT),
    });
    // Where nothing is said of them it has those that it imports.
    let imports = || component.inspection().imports.iter();
    let imported: BTreeSet<_> =
        imports().filter_map(|import| WasiBit::of_interface(&import.interface)).collect();
    let bits = grants.wasi.clone().or_else(|| (!imported.is_empty()).then(|| imported.into_iter().collect()));
    let wasi = bits.map(|bits| {
        let bits: Vec<_> = bits.iter().map(|bit| format!("\"{}\"", bit.name())).collect();
        format!("wasi = [{}]", bits.join(", "))
    });
    let may_change = grants.of_interface("flip:fl/exchange");
    let let_pass = (grants.on_filter_failure == OnFilterFailure::LetPass)
        .then(|| "on-filter-failure = \"let-pass\"".to_owned());
    lines.chain(may_change).chain(wasi).chain(let_pass).collect()
}

/// All of them: a new one that is not named here does not compile.
pub(crate) fn figures(limits: &Limits) -> IndexMap<String, u64> {
    let Limits {
        component_size,
        compile_time,
        compile_memory,
        memory,
        table_elements,
        instances,
        handles,
        host_bytes,
        call_bytes,
        call_time,
        total_time,
        cores,
        log_lines,
        log_line,
        gauges,
        events,
        files,
        open_files,
        file_bytes,
        upload_bytes,
        archive_entries,
        archive_depth,
        store_calls,
        hub_calls,
        audit_bytes,
    } = *limits;
    let time = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let figures = [
        ("component-size", component_size),
        ("compile-time", time(compile_time)),
        ("compile-memory", compile_memory),
        ("memory", memory),
        ("table-elements", table_elements),
        ("instances", instances),
        ("handles", handles),
        ("host-bytes", host_bytes),
        ("call-bytes", call_bytes),
        ("call-time", time(call_time)),
        ("total-time", time(total_time)),
        ("cores", cores),
        ("log-lines", log_lines),
        ("log-line", log_line),
        ("gauges", gauges),
        ("events", events),
        ("files", files),
        ("open-files", open_files),
        ("file-bytes", file_bytes),
        ("upload-bytes", upload_bytes),
        ("archive-entries", archive_entries),
        ("archive-depth", archive_depth),
        ("store-calls", store_calls),
        ("hub-calls", hub_calls),
        ("audit-bytes", audit_bytes),
    ];
    figures.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect()
}
