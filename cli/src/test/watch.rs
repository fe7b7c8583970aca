//! Runs the cases again whenever the component or a case file changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use flip_runtime::Source;
use notify::{RecursiveMode, Watcher};

use super::args::Test;
use super::{named, once};
use crate::args::Global;
use crate::print;

/// How long nothing must change before the cases run: a build writes a file in several steps.
const SETTLED: Duration = Duration::from_millis(200);

/// Runs them until the program is interrupted.
pub fn run(args: &Test, global: &Global) -> anyhow::Result<ExitCode> {
    let (component, mut files) = named(args)?;
    if let Source::File(path) = Source::of(&component)? {
        files.push(path);
    }
    let (sender, changes) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(sender)?;
    // Folders, since a file that is replaced is another one.
    let folders: BTreeSet<_> = files.iter().map(|file| folder(file)).collect();
    for folder in folders {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    }
    let names: BTreeSet<_> = files.iter().filter_map(|file| file.file_name()).collect();
    loop {
        if let Err(error) = once(args, global) {
            crate::error::report(&error, global.log_format);
        }
        print(b"waiting for a change; Ctrl-C ends this\n")?;
        loop {
            let event = changes.recv()??;
            let theirs = |path: &PathBuf| path.file_name().is_some_and(|name| names.contains(name));
            if !event.kind.is_access() && event.paths.iter().any(theirs) {
                break;
            }
        }
        while changes.recv_timeout(SETTLED).is_ok() {}
    }
}

fn folder(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}
