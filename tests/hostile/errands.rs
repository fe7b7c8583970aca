//! Errands of a component in a job, as data: what it is granted, what lies there, what it asks for and must be
//! told, and what has changed afterwards. The library and `flip-wasm run` are held against the same.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flip_runtime::{Level, Limits};
use serde_json::{Value, json};

use super::table::Ended;
use crate::{Site, errand, granted};

/// What a component of a job tries.
pub struct Errands {
    /// The lines of its policy, without limits.
    policy: &'static str,
    planted: Vec<(&'static str, Planted)>,
    asked: Vec<(Value, &'static str)>,
    /// What is new afterwards; none where it has gone.
    changed: Vec<(String, Option<String>)>,
}

/// What lies there beforehand.
enum Planted {
    File(Vec<u8>),
    /// A link to this.
    Link(&'static str),
}

/// The folders that paths here begin with. The last is nobody's: what links lead to.
const ROOTS: [&str; 4] = ["job", "workspace", "images", "outside"];

/// What it is told by an errand that ends it.
const NOTHING: &str = "nothing at all";

/// Where they are.
pub type Roots<'a> = &'a dyn Fn(&str) -> PathBuf;

/// What stands under each path: what a file holds, where a link leads.
pub type Listing = BTreeMap<String, String>;

impl Errands {
    pub fn granting(policy: &'static str) -> Self {
        Self { policy, planted: Vec::new(), asked: Vec::new(), changed: Vec::new() }
    }

    /// This file lies there beforehand.
    pub fn file(mut self, path: &'static str, contents: impl Into<Vec<u8>>) -> Self {
        self.planted.push((path, Planted::File(contents.into())));
        self
    }

    /// This link lies there beforehand.
    pub fn link(mut self, path: &'static str, target: &'static str) -> Self {
        self.planted.push((path, Planted::Link(target)));
        self
    }

    /// It asks for these, and the outcome of each begins with this.
    pub fn told(mut self, start: &'static str, errands: impl IntoIterator<Item = Value>) -> Self {
        self.asked.extend(errands.into_iter().map(|errand| (errand, start)));
        self
    }

    /// It asks for this and never returns.
    pub fn ends(self, errand: Value) -> Self {
        self.told(NOTHING, [errand])
    }

    /// This file is there afterwards.
    pub fn leaves(mut self, path: impl Into<String>, contents: &str) -> Self {
        self.changed.push((path.into(), Some(contents.to_owned())));
        self
    }

    /// This has gone afterwards, with everything in it.
    pub fn removes(mut self, path: &str) -> Self {
        self.changed.push((path.to_owned(), None));
        self
    }

    /// Its table in a policy, under this id.
    pub fn policy(&self, id: &str, limits: &str) -> String {
        let figures = limits.split(',').filter_map(|part| part.split_once('='));
        let figures = figures.map(|(name, figure)| match figure.parse::<u64>() {
            Ok(_) => format!("{name} = {figure}"),
            Err(_) => format!("{name} = {figure:?}"),
        });
        let figures = figures.collect::<Vec<_>>().join(", ");
        format!("[components.{id}]\n{}\nlimits = {{ {figures} }}\n", self.policy)
    }

    /// Args that do all of it on this event.
    pub fn args(&self, event_type: &str) -> Value {
        let errands: Vec<_> = self.asked.iter().map(|(errand, _)| errand).collect();
        json!({"on": {event_type: errands}})
    }

    /// Puts everything where it must lie beforehand.
    pub fn plant(&self, roots: Roots<'_>) {
        for (path, planted) in &self.planted {
            let path = place(roots, path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match planted {
                Planted::File(contents) => {
                    fs::write(&path, contents).unwrap();
                    fs::File::options().write(true).open(path).unwrap().set_modified(long_ago()).unwrap();
                }
                Planted::Link(target) => symlink(target, path).unwrap(),
            }
        }
    }

    /// Holds what it was told against what it must be. Nothing may be missing: where an errand ends it, each before that
    /// has its outcome. Where it `says_more`, lines of its own may stand beside them.
    ///
    /// # Errors
    ///
    /// Says which errand was told something else.
    pub fn check_told(&self, told: &[&str], says_more: bool) -> Result<(), String> {
        for (told, (errand, start)) in told.iter().zip(&self.asked) {
            if !told.starts_with(start) {
                return Err(format!("{errand:.200} was told: {told:.500}"));
            }
        }
        let due = self.asked.iter().take_while(|(_, start)| *start != NOTHING).count();
        match told.len() == due || says_more && told.len() > due {
            true => Ok(()),
            false => Err(format!("{due} errands that come to an end, and {} outcomes", told.len())),
        }
    }

    /// Holds what is there against what was there before and what may have changed since.
    ///
    /// # Errors
    ///
    /// Names what is there and may not be, or the other way round.
    pub fn check_left(&self, before: &Listing, after: &Listing) -> Result<(), String> {
        let mut expected = before.clone();
        for (path, contents) in &self.changed {
            match contents {
                Some(contents) => drop(expected.insert(path.clone(), shown(contents.as_bytes()))),
                None => expected.retain(|name, _| {
                    name.strip_prefix(path).is_none_or(|rest| !rest.is_empty() && !rest.starts_with('/'))
                }),
            }
        }
        let other = |one: &Listing, two: &Listing| {
            let entries = one.iter().filter(|(name, contents)| two.get(*name) != Some(contents));
            entries.map(|(name, contents)| format!("{name}: {contents:.60}")).collect::<Vec<_>>()
        };
        let (more, less) = (other(after, &expected), other(&expected, after));
        match more.is_empty() && less.is_empty() {
            true => Ok(()),
            false => Err(format!("it left {more:?} in the place of {less:?}")),
        }
    }

    /// Looks whether what lay there and was not to change was not written to either, not even with the same.
    ///
    /// # Errors
    ///
    /// Names the file that was.
    pub fn check_times(&self, roots: Roots<'_>) -> Result<(), String> {
        let files = self.planted.iter().filter(|(_, planted)| matches!(planted, Planted::File(_)));
        for (path, _) in files {
            let changed = |(name, _): &(String, _)| Path::new(path).starts_with(name);
            let written = |path| fs::symlink_metadata(path).and_then(|metadata| metadata.modified()).ok();
            if !self.changed.iter().any(changed) && written(place(roots, path)) != Some(long_ago()) {
                return Err(format!("{path} was written to"));
            }
        }
        Ok(())
    }

    /// Runs it through the library, and says what it was told first that did not go well.
    pub fn run(&self, limits: &Limits) -> (Vec<(Level, String)>, Ended) {
        let mut site = Site::granting(self.policy);
        site.limits = limits.clone();
        let roots = |root: &str| site.path(root);
        self.plant(&roots);
        let before = listing(&roots);
        let log = std::sync::Arc::new(flip_runtime::RecordedLog::default());
        let component = errand();
        let builder = component.instance().args(self.args("go").to_string()).limits(limits.clone());
        let builder = builder.grants(granted(self.policy)).services(site.services.clone());
        let mut runner = builder.log(log.clone()).build().unwrap();
        let ended = runner.handle_event("go", &site.context);
        drop(runner);
        let left = self.check_left(&before, &listing(&roots)).and_then(|()| self.check_times(&roots));
        left.unwrap_or_else(|left| panic!("{left}"));
        let lines = log.lines();
        let told = lines.iter().filter(|(level, _)| *level == Level::Info).map(|(_, line)| line.clone());
        let told = told.collect::<Vec<_>>();
        let first = told.iter().find(|told| !told.starts_with("ok")).or(told.first()).cloned();
        let ended = ended.map(|()| first.unwrap_or_default());
        (lines, ended)
    }
}

/// When what lies there beforehand was written.
fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
}

/// A path here, as one of the machine.
fn place(roots: Roots<'_>, path: &str) -> PathBuf {
    let (root, inner) = path.split_once('/').unwrap();
    assert!(ROOTS.contains(&root), "{path}");
    roots(root).join(inner)
}

/// Everything in the roots; in none of them what belongs to another.
pub fn listing(roots: Roots<'_>) -> Listing {
    let folders = ROOTS.map(|root| (root, roots(root)));
    let mut found = Listing::new();
    for (root, folder) in &folders {
        list(folder, root, &folders, &mut found);
    }
    found
}

fn list(folder: &Path, name: &str, roots: &[(&str, PathBuf)], found: &mut Listing) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        if roots.iter().any(|(_, root)| *root == path) {
            continue;
        }
        let name = format!("{name}/{}", entry.file_name().into_string().unwrap());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            list(&path, &name, roots, found);
            found.insert(name, "a folder".to_owned());
        } else if kind.is_symlink() {
            found.insert(name, format!("a link to {}", fs::read_link(path).unwrap().display()));
        } else {
            found.insert(name, shown(&fs::read(path).unwrap()));
        }
    }
}

/// What a file holds, or its digest where that is long.
fn shown(contents: &[u8]) -> String {
    match contents.len() {
        0..100 => String::from_utf8_lossy(contents).into_owned(),
        _ => flip_runtime::Digest::of(contents).to_string(),
    }
}
