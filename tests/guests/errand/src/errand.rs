//! The errands: one host call each, or little more.

use flip_sdk::storage::{self, Directory, Root, StagedFile};
use flip_sdk::{Dtype, Error, FlContext, ModelStatus, cleanup, events, hub, log, object_store, peers};

use crate::outcome::{self, Outcome};

/// One errand. A directory is named as in a policy, and opened for it.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Errand {
    Open(Place),
    /// Opens it so many times and keeps every one.
    KeepOpen(Place, u32),
    Entries(Place, String, Option<String>, u32),
    /// Opens it, says so with an empty file, and lists it again and again until it cannot be opened anew, then once
    /// more: tells how many listings came short of the first one and were not empty, and how the last one ended.
    ListUntilGone(Place, Place, String),
    Stat(Place, String),
    Read(Place, String, u64, u32),
    /// Reads the file again and again until it gets this text.
    ReadUntil(Place, String, String),
    Write(Place, String, String),
    /// Writes so many zeroes.
    WriteZeroes(Place, String, usize),
    /// Starts a file, writes to it and keeps it.
    Stage(Place, String, String),
    /// Commits the file that was started last, and keeps it.
    Commit,
    /// Appends to the file that was started last.
    Append(String),
    /// Drops every file that was started.
    DropStaged,
    CreateDirAll(Place, String),
    Rename(Place, String, Place, String),
    /// A tensor of bytes over a file; its elements are told.
    Tensor(Place, String, u64, Vec<u64>),
    /// Opens a tensor over the file and keeps it.
    KeepTensor(Place, String),
    Usage(Place, String),
    Remove(Place, String),
    Clear(Place),
    Put(String, String),
    /// An object of so many zeroes.
    PutZeroes(String, usize),
    PutArchive(String, Place, String),
    Get(String, u64, u32),
    Head(String),
    UpdateStatus(String),
    SendMetric(String, String, String, f64, u32),
    SendException(String, String, String),
    Fire(String),
    SystemPanic(String),
    GetResultsGenerator(String),
    GetResultsPersistor(String),
    GetModelPersistor(String),
    HandleEvaluationEvent(String, String),
    AllTasksFailed(String),
    Execute(String),
    ModelInventory(String),
    /// Writes this to the log.
    Say(String),
    /// Does another one so many times, however each ends, and tells only how the last one ended.
    Again(u32, Box<Errand>),
    /// Makes so many empty files, however each ends, and tells how many were made and how the last one ended.
    MakeFiles(Place, u32),
    /// Ends the call with an error.
    Fail(String),
    /// Traps.
    Panic,
}

/// A directory, by its name in a policy.
#[derive(Clone, Copy)]
pub struct Place(Root);

impl<'de> serde::Deserialize<'de> for Place {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match String::deserialize(deserializer)?.as_str() {
            "job" => Root::Job,
            "app" => Root::App,
            "workspace" => Root::Workspace,
            "images" => Root::Images,
            "safehouse" => Root::Safehouse,
            "checkpoints" => Root::Checkpoints,
            other => return Err(serde::de::Error::custom(format!("no directory: {other}"))),
        }))
    }
}

impl Place {
    fn open(self) -> Result<Directory, Error> {
        storage::open(self.0)
    }
}

/// What is kept from one errand to the next.
#[derive(Default)]
pub struct Kept {
    staged: Vec<StagedFile>,
    directories: Vec<Directory>,
    tensors: Vec<flip_sdk::Tensor>,
}

impl Kept {
    fn last(&self) -> Result<&StagedFile, Error> {
        self.staged.last().ok_or_else(|| Error::NotFound("no file was started".to_owned()))
    }
}

impl Errand {
    /// Does it and writes the outcome to the log.
    pub fn run(&self, kept: &mut Kept, ctx: &FlContext) -> Result<(), Error> {
        match self {
            Self::Say(text) => log::info(text),
            Self::Fail(text) => return Err(Error::InvalidData(text.clone())),
            Self::Panic => panic!("as it was told"),
            errand => {
                let outcome = errand.ask(kept, ctx);
                log::info(&outcome.unwrap_or_else(|error| error.describe()));
            }
        }
        Ok(())
    }

    fn ask(&self, kept: &mut Kept, ctx: &FlContext) -> Outcome {
        match self {
            Self::Open(place) => outcome::done(place.open().map(drop)),
            Self::KeepOpen(place, times) => {
                for _ in 0..*times {
                    kept.directories.push(place.open()?);
                }
                outcome::done(Ok(()))
            }
            Self::Entries(place, path, after, count) => {
                outcome::entries(&place.open()?.entries(path, after.as_deref(), *count)?)
            }
            Self::ListUntilGone(place, begun, path) => {
                let directory = place.open()?;
                let list = || directory.entries("", None, u32::MAX);
                let whole = list()?.len();
                begun.open()?.write(path, b"")?;
                let mut short = 0;
                while place.open().is_ok() {
                    short += u32::from(list().is_ok_and(|entries| (1..whole).contains(&entries.len())));
                }
                let last = list().and_then(|entries| outcome::entries(&entries));
                let last = last.unwrap_or_else(|error| error.describe());
                Ok(format!("{short} came short, the last: {last}"))
            }
            Self::Stat(place, path) => outcome::entry(&place.open()?.stat(path)?),
            Self::Read(place, path, offset, len) => outcome::bytes(&place.open()?.read(path, *offset, *len)?),
            Self::ReadUntil(place, path, text) => {
                let directory = place.open()?;
                loop {
                    let read = directory.read(path, 0, 1 << 16);
                    match read {
                        Ok(bytes) if bytes == text.as_bytes() => return outcome::bytes(&bytes),
                        Ok(_) | Err(Error::NotFound(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            Self::Write(place, path, text) => outcome::done(place.open()?.write(path, text.as_bytes())),
            Self::WriteZeroes(place, path, bytes) => {
                outcome::done(place.open()?.write(path, &vec![0; *bytes]))
            }
            Self::Stage(place, path, text) => {
                let staged = place.open()?.create(path)?;
                let appended = staged.append(text.as_bytes());
                kept.staged.push(staged);
                outcome::done(appended)
            }
            Self::Commit => outcome::done(kept.last()?.commit()),
            Self::Append(text) => outcome::done(kept.last()?.append(text.as_bytes())),
            Self::DropStaged => {
                kept.staged.clear();
                outcome::done(Ok(()))
            }
            Self::CreateDirAll(place, path) => outcome::done(place.open()?.create_dir_all(path)),
            Self::Rename(from, source, to, path) => {
                outcome::done(from.open()?.rename(source, &to.open()?, path))
            }
            Self::Tensor(place, path, offset, shape) => {
                let tensor = place.open()?.tensor(path, *offset, Dtype::Uint8, shape)?;
                Ok(format!("ok {:?}", tensor.read(0, 1_000)?))
            }
            Self::KeepTensor(place, path) => {
                kept.tensors.push(place.open()?.tensor(path, 0, Dtype::Uint8, &[1])?);
                outcome::done(Ok(()))
            }
            Self::Usage(place, path) => outcome::tally(cleanup::usage(&place.open()?, path)?),
            Self::Remove(place, path) => outcome::tally(cleanup::remove(&place.open()?, path)?),
            Self::Clear(place) => outcome::tally(cleanup::clear(&place.open()?)?),
            Self::Put(key, text) => outcome::object(object_store::put(key, text.as_bytes())?),
            Self::PutZeroes(key, bytes) => outcome::object(object_store::put(key, &vec![0; *bytes])?),
            Self::PutArchive(key, place, path) => {
                outcome::object(object_store::put_archive(key, &place.open()?, path)?)
            }
            Self::Get(key, offset, len) => outcome::bytes(&object_store::get(key, *offset, *len)?),
            Self::Head(key) => outcome::object(object_store::head(key)?),
            Self::UpdateStatus(model) => {
                outcome::done(hub::update_status(model, ModelStatus::ResultsUploaded))
            }
            Self::SendMetric(client, model, label, value, round) => {
                outcome::done(hub::send_metric(client, model, label, *value, *round))
            }
            Self::SendException(client, model, text) => {
                outcome::done(hub::send_exception(client, model, text))
            }
            Self::Fire(event_type) => outcome::done(events::fire(event_type)),
            Self::SystemPanic(reason) => {
                events::system_panic(reason);
                outcome::done(Ok(()))
            }
            Self::GetResultsGenerator(id) => {
                outcome::lookup(peers::get_results_generator(id)).map(outcome::ok)
            }
            Self::GetResultsPersistor(id) => {
                outcome::lookup(peers::get_results_persistor(id)).map(outcome::ok)
            }
            Self::GetModelPersistor(id) => outcome::lookup(peers::get_model_persistor(id)).map(outcome::ok),
            Self::HandleEvaluationEvent(id, event_type) => {
                let generator = outcome::lookup(peers::get_results_generator(id))?;
                outcome::done(generator.handle_evaluation_event(event_type, ctx))
            }
            Self::AllTasksFailed(id) => {
                Ok(format!("ok {}", outcome::lookup(peers::get_results_generator(id))?.all_tasks_failed()))
            }
            Self::Execute(id) => {
                outcome::done(outcome::lookup(peers::get_results_persistor(id))?.execute(ctx))
            }
            Self::ModelInventory(id) => {
                let inventory = outcome::lookup(peers::get_model_persistor(id))?.model_inventory(ctx)?;
                Ok(format!("ok {inventory:?}"))
            }
            Self::Again(times, errand) => {
                for _ in 1..*times {
                    let _ = errand.ask(kept, ctx);
                }
                errand.ask(kept, ctx)
            }
            Self::MakeFiles(place, count) => {
                let directory = place.open()?;
                let (mut made, mut last) = (0, Ok(()));
                for number in 0..*count {
                    last = directory.write(&number.to_string(), b"");
                    made += u32::from(last.is_ok());
                }
                let last = outcome::done(last).unwrap_or_else(|error| error.describe());
                Ok(format!("{made} made, the last: {last}"))
            }
            Self::Say(text) => {
                log::info(text);
                outcome::done(Ok(()))
            }
            Self::Fail(_) | Self::Panic => outcome::done(Ok(())),
        }
    }
}
