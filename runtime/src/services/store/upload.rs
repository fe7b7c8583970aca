//! One object on its way: whole in one request, or in parts while it is written.

use std::io::{self, Write};
use std::mem;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, MultipartUpload, ObjectStoreExt, PutMode, PutResult};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::real::Store;
use super::{ObjectMeta, key};
use crate::services::{Call, ServiceError};

/// S3 takes no more.
const MAX_PARTS: usize = 10_000;

/// How often an object that goes whole is sent, each time with the retries of the service.
const ATTEMPTS: u32 = 2;

/// An object on its way. It is either committed or aborted in the end.
pub(super) struct Upload<'a> {
    store: &'a Store,
    call: &'a Call,
    function: &'static str,
    key: &'a str,
    path: Path,
    max_bytes: u64,
    /// The part that is being filled.
    part: Vec<u8>,
    size: u64,
    parts: usize,
    /// From the first full part on.
    multipart: Option<Box<dyn MultipartUpload>>,
    in_flight: JoinSet<object_store::Result<()>>,
}

impl<'a> Upload<'a> {
    pub(super) fn new(
        store: &'a Store,
        call: &'a Call,
        function: &'static str,
        key: &'a str,
        path: Path,
        max_bytes: u64,
    ) -> Self {
        Self {
            store,
            call,
            function,
            key,
            path,
            max_bytes,
            part: Vec::new(),
            size: 0,
            parts: 0,
            multipart: None,
            in_flight: JoinSet::new(),
        }
    }

    /// The object is in memory already, and goes in one request.
    pub(super) fn whole(&mut self, contents: Vec<u8>) {
        self.size = contents.len() as u64;
        self.part = contents;
    }

    /// Makes the object of what was written.
    ///
    /// A request that does this is not cut off where the call ends, but given some time more: whether the
    /// object is there would not be known. Where it failed, the object is looked for, since the answer
    /// may be all that got lost.
    pub(super) fn commit(&mut self) -> Result<ObjectMeta, ServiceError> {
        if self.multipart.is_none() && !self.store.always_parts {
            self.commit_whole()
        } else {
            self.commit_parts()
        }
    }

    fn commit_whole(&mut self) -> Result<ObjectMeta, ServiceError> {
        let contents = self.take_part();
        let mut attempt = 1;
        loop {
            self.call.count_sent(contents.len() as u64);
            let create = create(self.store, &self.path, contents.clone());
            let (error, again) = match self.run_out(create) {
                Ok(Ok(created)) => return Ok(self.meta(created.e_tag)),
                // The service itself sends what must not be done twice again only if it never arrived.
                Ok(Err(error)) => (self.failed(&error), matches!(error, Error::Generic { .. })),
                Err(ended) => (ended, false),
            };
            if let Some(meta) = self.look(Some(&contents)) {
                return Ok(meta);
            }
            if !again || attempt == ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
        }
    }

    fn commit_parts(&mut self) -> Result<ObjectMeta, ServiceError> {
        if self.multipart.is_none() {
            self.begin()?;
        }
        self.send_part()?;
        while !self.in_flight.is_empty() {
            self.wait_for_part()?;
        }
        self.store.vacant(self.call, self.function, self.key, &self.path)?;
        let Some(mut multipart) = self.multipart.take() else { return Err(self.unavailable("not begun")) };
        let (error, theirs) = match self.run_out(multipart.complete()) {
            Ok(Ok(completed)) => return Ok(self.meta(completed.e_tag)),
            Ok(Err(error)) => {
                let theirs = matches!(error, Error::AlreadyExists { .. } | Error::Precondition { .. });
                (self.failed(&error), theirs)
            }
            Err(ended) => (ended, false),
        };
        // Once it is aborted, it cannot be completed any more.
        self.multipart = Some(multipart);
        self.abort();
        if theirs { Err(error) } else { self.look(None).ok_or(error) }
    }

    /// Leaves nothing of an upload in parts. It can be called twice.
    pub(super) fn abort(&mut self) {
        let Some(mut multipart) = self.multipart.take() else { return };
        let time = self.step_time();
        let in_flight = &mut self.in_flight;
        let aborted = self.store.handle.block_on(async {
            // A part that arrives after the upload was aborted can stay: those on their way may arrive.
            let arrived = timeout(time, async { while in_flight.join_next().await.is_some() {} }).await;
            if arrived.is_err() {
                in_flight.shutdown().await;
            }
            timeout(time, multipart.abort()).await
        });
        let failed = match aborted {
            Ok(Ok(())) => return,
            Ok(Err(error)) => self.store.failed("abort", self.key, &error).to_string(),
            Err(_) => ServiceError::TimedOut.to_string(),
        };
        tracing::warn!(key = self.key, failed, "parts of an upload may be left in the object store");
    }

    /// The object, where it is there after all. It was not there before: its size, or its contents where
    /// they are at hand, tell that it is this one.
    fn look(&self, contents: Option<&Bytes>) -> Option<ObjectMeta> {
        let time = self.step_time();
        let look = async {
            let found = self.store.service.head(&self.path).await.ok()?;
            if found.size != self.size {
                return None;
            }
            if let Some(contents) = contents {
                let stored = self.store.service.get(&self.path).await.ok()?.bytes().await.ok()?;
                return (stored == contents).then_some(found.e_tag);
            }
            Some(found.e_tag)
        };
        let e_tag = self.store.handle.block_on(async { timeout(time, look).await.ok()? })?;
        Some(self.meta(e_tag))
    }

    /// Does what must not be left half-done.
    fn run_out<T>(&self, work: impl Future<Output = T>) -> Result<T, ServiceError> {
        self.store.handle.block_on(self.call.run_out(self.step_time(), work))
    }

    /// How long one step may take after the end of the call.
    fn step_time(&self) -> Duration {
        self.store.options.clean_up_time / 3
    }

    fn failed(&self, error: &Error) -> ServiceError {
        self.store.failed(self.function, self.key, error)
    }

    fn meta(&self, e_tag: Option<String>) -> ObjectMeta {
        ObjectMeta { key: self.key.to_owned(), size: self.size, e_tag }
    }

    /// The part that was filled, in no more memory than it needs: a store in memory keeps what it is given.
    fn take_part(&mut self) -> Bytes {
        let mut part = mem::take(&mut self.part);
        part.shrink_to_fit();
        part.into()
    }

    /// Sends the part that was filled, once there is room for it among those on their way.
    fn send_part(&mut self) -> Result<(), ServiceError> {
        if self.part.is_empty() {
            return Ok(());
        }
        if self.parts == MAX_PARTS {
            let size = self.store.options.part_size;
            return Err(ServiceError::QuotaExceeded(format!(
                "the archive has more than {MAX_PARTS} parts of {size} bytes"
            )));
        }
        if self.multipart.is_none() {
            self.begin()?;
        }
        while self.in_flight.len() >= self.store.options.parts_in_flight.max(1) {
            self.wait_for_part()?;
        }
        let part = self.take_part();
        let Some(multipart) = &mut self.multipart else { return Err(self.unavailable("not begun")) };
        self.call.count_sent(part.len() as u64);
        let sent = multipart.put_part(part.into());
        self.in_flight.spawn_on(sent, &self.store.handle);
        self.parts += 1;
        Ok(())
    }

    /// An upload that the call's end cuts off while it begins would have no name to abort it by.
    fn begin(&mut self) -> Result<(), ServiceError> {
        let begun = self.run_out(self.store.service.put_multipart(&self.path))?;
        self.multipart = Some(begun.map_err(|error| self.failed(&error))?);
        self.call.check()
    }

    fn wait_for_part(&mut self) -> Result<(), ServiceError> {
        match self.store.handle.block_on(self.call.run(self.in_flight.join_next()))? {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(error))) => Err(self.failed(&error)),
            Some(Err(error)) => Err(self.unavailable(&error.to_string())),
        }
    }

    fn unavailable(&self, why: &str) -> ServiceError {
        ServiceError::Unavailable(format!("{} of {}: {why}", self.function, key::shown(self.key)))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<usize, ServiceError> {
        let part_size = self.store.options.part_size.max(1);
        if self.part.len() >= part_size {
            self.send_part()?;
        }
        if self.part.capacity() == 0 {
            self.part.reserve_exact(part_size);
        }
        let room = part_size.saturating_sub(self.part.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.size = self.size.saturating_add(taken.len() as u64);
        if self.size > self.max_bytes {
            let allowed = self.max_bytes;
            return Err(ServiceError::QuotaExceeded(format!("the archive has more than {allowed} bytes")));
        }
        self.part.extend_from_slice(taken);
        Ok(taken.len())
    }
}

impl Write for Upload<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Stores an object that must not be there yet.
async fn create(store: &Store, path: &Path, contents: Bytes) -> object_store::Result<PutResult> {
    let contents = object_store::PutPayload::from(contents);
    match store.service.put_opts(path, contents.clone(), PutMode::Create.into()).await {
        // A store without conditions, or one that was told to do without: it was looked at before.
        Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
            store.service.put_opts(path, contents, PutMode::Overwrite.into()).await
        }
        result => result,
    }
}
