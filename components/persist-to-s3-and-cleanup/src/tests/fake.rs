//! A host with files in memory, that can break at any step.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use flip_sdk::Error;
use flip_sdk::cleanup::Tally;
use flip_sdk::peers::LookupError;
use flip_sdk::storage::{EntryKind, Root};

use crate::Host;

pub struct Fake {
    /// By root and path, such as `job/meta.json`; directories are what leads to a file.
    files: RefCell<BTreeMap<String, EntryKind>>,
    archive: RefCell<Vec<String>>,
    calls: RefCell<Vec<String>>,
    log: RefCell<Vec<String>>,
    pub inventory: RefCell<Vec<(String, String)>>,
    pub lookup: RefCell<Option<LookupError>>,
    pub local_dev: Cell<bool>,
    /// The steps that are left until one breaks.
    steps: Cell<Option<usize>>,
    refused: Cell<Option<&'static str>>,
}

impl Fake {
    pub fn new(files: &[&str]) -> Self {
        let model = ("FL_global_model.pt", "/w/job/app_server/model/FL_global_model.pt");
        Self {
            files: RefCell::new(files.iter().map(|path| ((*path).to_owned(), EntryKind::File)).collect()),
            archive: RefCell::default(),
            calls: RefCell::default(),
            log: RefCell::default(),
            inventory: RefCell::new(vec![(model.0.to_owned(), model.1.to_owned())]),
            lookup: RefCell::default(),
            local_dev: Cell::default(),
            steps: Cell::default(),
            refused: Cell::default(),
        }
    }

    pub fn add(&self, path: &str) {
        self.add_kind(path, EntryKind::File);
    }

    pub fn add_kind(&self, path: &str, kind: EntryKind) {
        self.files.borrow_mut().insert(path.to_owned(), kind);
    }

    /// The step of this number fails.
    pub fn break_at(&self, step: usize) {
        self.steps.set(Some(step));
    }

    /// Whether it failed.
    pub fn broke(&self) -> bool {
        self.steps.get().is_none()
    }

    pub fn mend(&self) {
        self.steps.set(None);
    }

    /// Every call that starts with this fails.
    pub fn refuse(&self, call: &'static str) {
        self.refused.set(Some(call));
    }

    /// The paths below `root`.
    pub fn files(&self, root: &str) -> Vec<String> {
        let files = self.files.borrow();
        files.keys().filter_map(|path| Some(path.strip_prefix(root)?.to_owned())).collect()
    }

    /// The paths in the last archive.
    pub fn archive(&self) -> Vec<String> {
        self.archive.borrow().clone()
    }

    /// What was done, without the looks at what is there.
    pub fn calls(&self) -> Vec<String> {
        self.calls.borrow().clone()
    }

    pub fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    fn step(&self, call: &str) -> Result<(), Error> {
        let broken = match self.steps.get() {
            Some(0) => {
                self.steps.set(None);
                true
            }
            left => {
                self.steps.set(left.map(|left| left - 1));
                false
            }
        };
        match broken || self.refused.get().is_some_and(|refused| call.starts_with(refused)) {
            true => Err(Error::Unavailable(call.to_owned())),
            false => Ok(()),
        }
    }

    fn call(&self, call: String) -> Result<(), Error> {
        let outcome = self.step(&call);
        self.calls.borrow_mut().push(call);
        outcome
    }
}

impl Host for Fake {
    type Directory = &'static str;
    type ModelPersistor = String;

    fn local_dev(&self) -> bool {
        self.local_dev.get()
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_709_251_199)
    }

    fn model_persistor(&self, id: &str) -> Result<String, LookupError> {
        self.lookup.borrow().clone().map_or_else(|| Ok(id.to_owned()), Err)
    }

    fn model_inventory(&self, persistor: &String) -> Result<Vec<(String, String)>, Error> {
        self.call(format!("inventory of {persistor}"))?;
        Ok(self.inventory.borrow().clone())
    }

    fn fire(&self, event_type: &str) -> Result<(), Error> {
        self.call(format!("fire {event_type}"))
    }

    fn system_panic(&self, reason: &str) {
        self.calls.borrow_mut().push(format!("panic {reason}"));
    }

    fn open(&self, root: Root) -> Result<&'static str, Error> {
        let root = match root {
            Root::Job => "job",
            Root::Workspace => "workspace",
            other => panic!("{other:?} is none of this component's"),
        };
        self.call(format!("open {root}"))?;
        match self.files(root).is_empty() {
            true => Err(Error::NotFound(root.to_owned())),
            false => Ok(root),
        }
    }

    fn kind(&self, directory: &&'static str, path: &str) -> Result<EntryKind, Error> {
        let path = format!("{directory}/{path}");
        self.step(&format!("kind {path}"))?;
        match self.files.borrow().get(&path) {
            Some(kind) => Ok(*kind),
            None if self.files(&format!("{path}/")).is_empty() => Err(Error::NotFound(path)),
            None => Ok(EntryKind::Directory),
        }
    }

    fn rename(&self, directory: &&'static str, from: &str, to: &str) -> Result<(), Error> {
        self.call(format!("rename {directory}/{from} to {to}"))?;
        let mut files = self.files.borrow_mut();
        let kind = files.remove(&format!("{directory}/{from}")).unwrap();
        files.insert(format!("{directory}/{to}"), kind);
        Ok(())
    }

    fn remove(&self, directory: &&'static str, path: &str) -> Result<Tally, Error> {
        let path = format!("{directory}/{path}");
        self.call(format!("remove {path}"))?;
        self.files.borrow_mut().retain(|file, _| !file.starts_with(&format!("{path}/")) && *file != path);
        Ok(Tally { files: 1, directories: 1, bytes: 1 })
    }

    fn put_archive(&self, key: &str, directory: &&'static str) -> Result<u64, Error> {
        self.call(format!("put {directory} as {key}"))?;
        *self.archive.borrow_mut() = self.files(&format!("{directory}/"));
        Ok(1)
    }

    fn info(&self, line: &str) {
        self.log.borrow_mut().push(format!("info: {line}"));
    }

    fn warning(&self, line: &str) {
        self.log.borrow_mut().push(format!("warning: {line}"));
    }

    fn error(&self, line: &str) {
        self.log.borrow_mut().push(format!("error: {line}"));
    }

    fn gauge(&self, _: &str, _: f64) {}
}
