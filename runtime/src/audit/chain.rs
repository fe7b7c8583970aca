//! The writer of a trail: one line after the other, each with the digest of the one before.

use std::any::TypeId;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::data::Carried;
use super::entry::{CallEntry, ComponentEntry, DataEntry, EndEntry, Entry, Line, Start, text};
use super::kept::Kept;
use crate::error::{Code, Error};
use crate::exchange::Shareable;
use crate::inspect::Digest;
use crate::json::Json;
use crate::limits::{Allowed, LimitReached};

/// What stands before the digest of the last line itself.
pub(super) const SEAL: &str = ",\"seal\":\"";

/// A trail that is being written. Its clones are one trail.
#[derive(Clone)]
pub struct AuditTrail(Arc<Mutex<Writer>>);

struct Writer {
    sink: BufWriter<Box<dyn Write + Send>>,
    /// The file, to bring it to the disk.
    file: Option<File>,
    next: u64,
    previous: Digest,
    /// Calls that are not written yet: the next one may be the same again.
    pending: Option<Pending>,
    /// The first line, and where more is asked for, what of those after it a report needs.
    kept: Kept,
    keeps: bool,
    /// Whether it goes nowhere: only what is kept of it is read, for a report.
    nowhere: bool,
    accounts: Vec<Account>,
    /// Why nothing can be written any more.
    failed: Option<String>,
}

/// Calls alike that follow each other: one line.
struct Pending {
    account: usize,
    /// When the first of them ended.
    time: String,
    call: CallEntry,
    /// Of the bytes that they read, one after the other; none where there are none, or nobody reads it.
    read: Option<Sha256>,
}

impl Pending {
    fn hash(&mut self, read: &[u8]) {
        if !read.is_empty() {
            self.read.get_or_insert_default().update(read);
        }
    }
}

/// One component's room for its calls, in bytes of their lines.
struct Account {
    allowed: u64,
    written: u64,
}

/// What is reckoned for a line that is not written yet: most are a little shorter.
const LINE: u64 = 512;

impl std::fmt::Debug for AuditTrail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditTrail").finish_non_exhaustive()
    }
}

impl AuditTrail {
    /// Starts a trail in a new file.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFile`] where something is there already: a trail is never overwritten. [`Error::File`]
    /// and [`Error::Audit`] where nothing can be written.
    pub fn create(path: &Path, start: Start) -> Result<Self, Error> {
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let file = file.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => Error::InvalidFile {
                path: path.to_owned(),
                reason: "is there already, and an audit trail is never overwritten".to_owned(),
            },
            _ => Error::File { path: path.to_owned(), source },
        })?;
        let again = file.try_clone().map_err(Error::file(path))?;
        Self::start(Box::new(file), Some(again), false, start)
    }

    /// Starts a trail that goes elsewhere. Where that is [`io::sink`], nobody reads the digests of data that comes in,
    /// and none is made of it.
    ///
    /// # Errors
    ///
    /// [`Error::Audit`] where nothing can be written.
    pub fn to<W: Write + Send + 'static>(sink: W, start: Start) -> Result<Self, Error> {
        let nowhere = TypeId::of::<W>() == TypeId::of::<io::Sink>();
        Self::start(Box::new(sink), None, nowhere, start)
    }

    fn start(
        sink: Box<dyn Write + Send>,
        file: Option<File>,
        nowhere: bool,
        mut start: Start,
    ) -> Result<Self, Error> {
        start.job_id = start.job_id.map(|id| text(&id));
        let trail = Self(Arc::new(Mutex::new(Writer {
            sink: BufWriter::new(sink),
            file,
            next: 0,
            previous: Digest::of(b""),
            pending: None,
            kept: Kept::default(),
            keeps: false,
            nowhere,
            accounts: Vec::new(),
            failed: None,
        })));
        trail.write(Entry::Start(start))?;
        Ok(trail)
    }

    /// Keeps in memory what a report needs, for [`AuditTrail::kept`]: the first 16 MiB of the lines and the last, with
    /// room among them for what changes something, and sums of the calls in the others.
    pub fn keeping(self) -> Self {
        self.writer().keeps = true;
        self
    }

    /// What is kept of the lines so far: the first alone unless the trail is [`keeping`](Self::keeping) them.
    pub fn kept(&self) -> Kept {
        self.writer().kept.clone()
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails where something could not be written, or the trail has ended.
    ///
    /// # Errors
    ///
    /// [`Error::Audit`].
    pub fn check(&self) -> Result<(), Error> {
        self.writer().check()
    }

    /// Writes an entry, and everything that was put off.
    pub(crate) fn write(&self, entry: Entry) -> Result<(), Error> {
        let mut writer = self.writer();
        writer.settle()?;
        writer.line(entry)?;
        writer.flush()
    }

    /// Writes that data is about to come to the components of a place, with digests of it where somebody reads them.
    ///
    /// # Errors
    ///
    /// [`Error::Audit`], and [`Error::Tensor`] where a file behind a tensor fails: the data must not be worked on.
    pub fn comes_in<'a>(&self, place: &str, task: &str, data: impl Into<Carried<'a>>) -> Result<(), Error> {
        self.data_in(DataEntry::with(place, task, data.into(), self.digests())?)
    }

    /// Writes what an event, or the context of another call, is about to carry to the components of a place. Nothing is
    /// written where that is nothing.
    ///
    /// # Errors
    ///
    /// As [`AuditTrail::comes_in`].
    pub fn event_comes_in(
        &self,
        place: &str,
        event_type: &str,
        props: &IndexMap<String, Json>,
        shareables: &IndexMap<String, Arc<Shareable>>,
    ) -> Result<(), Error> {
        if !props.is_empty() {
            self.comes_in(place, event_type, Carried::Props(props))?;
        }
        shareables.values().try_for_each(|shareable| self.comes_in(place, event_type, &**shareable))
    }

    /// Writes that data came to the components of a place.
    ///
    /// # Errors
    ///
    /// [`Error::Audit`]: the data must not be worked on.
    pub fn data_in(&self, data: DataEntry) -> Result<(), Error> {
        self.write(Entry::In(data))
    }

    /// Writes that data leaves a place, before it does.
    ///
    /// # Errors
    ///
    /// [`Error::Audit`]: the data must not leave.
    pub fn data_out(&self, data: DataEntry) -> Result<(), Error> {
        self.write(Entry::Out(data))
    }

    /// Writes what a component may do; gives the number of its account, which has room for so many bytes.
    pub(super) fn component(&self, entry: ComponentEntry, allowed: u64) -> Result<usize, Error> {
        self.write(Entry::Component(entry))?;
        let accounts = &mut self.writer().accounts;
        accounts.push(Account { allowed, written: 0 });
        Ok(accounts.len() - 1)
    }

    /// Fails where there is no room for a call: it must not be made, since no call goes unnoted.
    pub(super) fn room(&self, account: usize) -> Result<(), LimitReached> {
        let writer = self.writer();
        let Some(Account { allowed, .. }) = writer.accounts.get(account) else { return Ok(()) };
        match writer.used(account) < *allowed {
            true => Ok(()),
            false => Err(LimitReached { limit: "audit-bytes", allowed: Allowed::Bytes(*allowed) }),
        }
    }

    /// The bytes of the lines of its calls so far.
    pub(super) fn used(&self, account: usize) -> u64 {
        self.writer().used(account)
    }

    /// Notes a call that gave these bytes to the component. It is written when another one follows.
    pub(super) fn call(&self, account: usize, call: CallEntry, read: &[u8]) -> Result<(), Error> {
        self.writer().call(account, call, read)
    }

    /// Whether somebody reads digests.
    pub(super) fn digests(&self) -> bool {
        !self.writer().nowhere
    }

    /// Ends the trail; gives the digest of its last line, which stands for the whole of it.
    ///
    /// # Errors
    ///
    /// [`Error::Audit`] where it could not be written, now or before, or has ended already.
    pub fn finish(&self, failure: Option<Code>) -> Result<Digest, Error> {
        let mut writer = self.writer();
        writer.settle()?;
        let entries = writer.next.saturating_add(1);
        writer.line(Entry::End(EndEntry { entries, failure }))?;
        writer.flush()?;
        let synced = writer.file.as_ref().map_or(Ok(()), File::sync_all);
        writer.keep(synced)?;
        writer.failed = Some("it has ended".to_owned());
        Ok(writer.previous)
    }
}

impl Writer {
    fn check(&self) -> Result<(), Error> {
        match &self.failed {
            Some(reason) => Err(Error::Audit(reason.clone())),
            None => Ok(()),
        }
    }

    /// Remembers a failure: whatever comes after one would be a gap.
    fn keep<T>(&mut self, result: io::Result<T>) -> Result<T, Error> {
        result.map_err(|error| {
            let reason = error.to_string();
            self.failed = Some(reason.clone());
            Error::Audit(reason)
        })
    }

    /// The bytes of an account's lines, with what is reckoned for one that is not written yet.
    fn used(&self, account: usize) -> u64 {
        let pending = self.pending.as_ref().is_some_and(|pending| pending.account == account);
        let written = self.accounts.get(account).map_or(0, |account| account.written);
        written.saturating_add(if pending { LINE } else { 0 })
    }

    fn call(&mut self, account: usize, call: CallEntry, read: &[u8]) -> Result<(), Error> {
        self.check()?;
        // No more than `call-bytes`: it is hashed while others wait, so that lines are in their order.
        let read = if self.nowhere { &[] } else { read };
        if let Some(pending) = &mut self.pending
            && pending.account == account
            && pending.call.absorb(&call)
        {
            pending.hash(read);
            return Ok(());
        }
        self.settle()?;
        let stands_alone = call.stands_alone();
        self.pending.insert(Pending { account, time: now(), call, read: None }).hash(read);
        // No other joins it: it need not wait.
        if stands_alone { self.settle() } else { Ok(()) }
    }

    /// Writes the calls that were put off.
    fn settle(&mut self) -> Result<(), Error> {
        self.check()?;
        let Some(Pending { account, time, mut call, read }) = self.pending.take() else { return Ok(()) };
        call.sha256 = call.sha256.or(read.map(|read| Digest::from(<[u8; 32]>::from(read.finalize()))));
        let changes = call.function.changes();
        let bytes = self.line_of(time, Entry::Call(call))?;
        if changes {
            // Whoever kills the process has what was changed before.
            self.flush()?;
        }
        if let Some(account) = self.accounts.get_mut(account) {
            account.written = account.written.saturating_add(bytes);
        }
        Ok(())
    }

    fn line(&mut self, entry: Entry) -> Result<(), Error> {
        self.line_of(now(), entry).map(|_| ())
    }

    /// Writes a line; gives its bytes.
    fn line_of(&mut self, time: String, entry: Entry) -> Result<u64, Error> {
        let is_end = matches!(entry, Entry::End(_));
        let line = Line { seq: self.next, time, previous: self.previous, entry };
        let text = serde_json::to_string(&line).map_err(io::Error::from);
        let mut text = self.keep(text)?;
        if is_end {
            text = sealed(&text);
        }
        self.previous = Digest::of(text.as_bytes());
        self.next = self.next.saturating_add(1);
        if self.keeps || line.seq == 0 {
            self.kept.add(&line, text.len());
        }
        text.push('\n');
        let written = self.sink.write_all(text.as_bytes());
        self.keep(written)?;
        Ok(text.len() as u64)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let flushed = self.sink.flush();
        self.keep(flushed)
    }
}

/// The last line, which none follows: it has a digest of its own.
pub(super) fn sealed(text: &str) -> String {
    let open = text.strip_suffix('}').unwrap_or(text);
    format!("{open}{SEAL}{}\"}}", Digest::of(open.as_bytes()))
}

/// The time, as RFC 3339 has it.
fn now() -> String {
    let now = OffsetDateTime::now_utc();
    let (hour, minute, second, millisecond) = now.time().as_hms_milli();
    format!(
        "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z",
        now.year(),
        u8::from(now.month()),
        now.day(),
    )
}
