//! `flip-wasm test`.

pub mod args;
mod bless;
mod calls;
mod case;
mod compare;
mod conformance;
mod content;
mod data;
mod expected;
mod from_trace;
mod junit;
mod report;
mod runner;
mod scalar;
mod tensors;
mod watch;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use flip_runtime::{Component, Policy, Runtime, Source, one_line};

use crate::args::Global;
use crate::error::Usage;
use crate::lines::fit;
use crate::report::Staged;
use crate::{print, sandbox};
use args::Test;
use case::{Case, CaseFile};
use conformance::Subject;
use runner::Given;

/// The exit code where a case failed.
const FAILED: u8 = 1;
/// The cases of a component where none are named.
const CASES: &str = "cases.yaml";
/// The column at which a case's name stands.
const BELOW_NAME: usize = 8;
/// The most columns that a difference stands further in.
const MOST_SET_IN: usize = 40;

/// One case file.
struct File {
    path: PathBuf,
    /// What it begins with.
    comment: String,
    content: CaseFile,
    /// Whether a case is another one now.
    changed: bool,
}

impl File {
    /// Where its files are.
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

/// What all cases share.
struct Bench<'a> {
    runtime: &'a Runtime,
    component: &'a Component,
    given: Given<'a>,
}

/// What came of one case.
pub struct Verdict {
    file: PathBuf,
    name: String,
    time: Duration,
    /// The differences, or why the case could not be run.
    failures: Vec<String>,
    /// Whether it says now what the component did.
    blessed: bool,
}

impl Verdict {
    fn failed(&self) -> bool {
        !self.failures.is_empty() && !self.blessed
    }
}

/// Runs the cases; again and again where that is asked for.
pub fn run(args: &Test, global: &Global) -> anyhow::Result<ExitCode> {
    match &args.from_trace {
        Some(trace) => from_trace::run(args, trace, global).map(|()| ExitCode::SUCCESS),
        None if args.watch => watch::run(args, global),
        None => once(args, global),
    }
}

/// Runs the cases once.
fn once(args: &Test, global: &Global) -> anyhow::Result<ExitCode> {
    if args.report.is_some() && args.report == args.junit {
        return Err(Usage("--report and --junit name the same file").into());
    }
    let (component, paths) = named(args)?;
    let staged = args.report.as_deref().map(Staged::create).transpose()?;
    let runtime = sandbox::runtime(global, args.limits.clone().unwrap_or_default())?;
    let source = Source::of(&component)?;
    let component = runtime.load(&component)?;
    let policy = args.policy.as_deref().map(Policy::read).transpose()?;
    let grants =
        policy.as_ref().map(|policy| policy.grants(&[component.name()]).cloned().unwrap_or_default());
    let used = Mutex::new(Vec::new());
    let given =
        Given { grants: grants.as_ref(), limits: args.limits.as_ref(), share: None, used: Some(&used) };
    let mut files = paths.into_iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let mut verdicts = match files.is_empty() {
        true => Vec::new(),
        false => run_all(&Bench { runtime: &runtime, component: &component, given }, &mut files, args)?,
    };
    if args.conformance {
        let (runtime, component) = (&runtime, &component);
        let subject = Subject { runtime, component, given, args: args.args.clone().unwrap_or_default() };
        verdicts.extend(conformance::run(&subject, &args.skip)?);
    }
    if args.bless {
        files.iter().filter(|file| file.changed).try_for_each(bless::write)?;
    }
    if let Some(staged) = staged {
        let usages = std::mem::take(&mut *used.lock().unwrap_or_else(PoisonError::into_inner));
        report::write(staged, report::card(&source, &component, given, &usages)?, &verdicts)?;
    }
    if let Some(path) = &args.junit {
        junit::write(path, component.name(), &verdicts)?;
    }
    let failed = verdicts.iter().any(Verdict::failed);
    if !global.quiet || failed {
        print(summary(&verdicts).as_bytes())?;
    }
    Ok(if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

/// The component, and its case files.
fn named(args: &Test) -> anyhow::Result<(String, Vec<PathBuf>)> {
    let component = args.component.clone().unwrap_or_else(|| ".".to_owned());
    let folder = Path::new(&component);
    let component = match folder.is_dir() {
        true => only_component(folder)?.display().to_string(),
        false => component,
    };
    if !args.cases.is_empty() {
        return Ok((component, args.cases.clone()));
    }
    match Source::of(&component)? {
        _ if args.conformance => Ok((component, Vec::new())),
        Source::File(path) => {
            let cases = path.parent().unwrap_or(Path::new("")).join(CASES);
            if !cases.is_file() {
                bail!("{} is not there; name the case files behind the component", cases.display());
            }
            Ok((component, vec![cases]))
        }
        _ => bail!("name the case files behind the component"),
    }
}

/// The one component in a folder.
fn only_component(folder: &Path) -> anyhow::Result<PathBuf> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "wasm")).collect();
    match (found.pop(), found.is_empty()) {
        (Some(path), true) => Ok(path),
        (None, _) => Err(anyhow!("{} holds no component; flip-wasm build makes it", folder.display())),
        (Some(_), false) => Err(anyhow!("{} holds several components; name one of them", folder.display())),
    }
}

fn read(path: PathBuf) -> anyhow::Result<File> {
    let (content, comment) = CaseFile::read(&path).map_err(anyhow::Error::msg)?;
    Ok(File { path, comment, content, changed: false })
}

/// Runs the cases of all files, several at a time; their verdicts in order. Blessed cases are changed.
fn run_all(bench: &Bench<'_>, files: &mut [File], args: &Test) -> anyhow::Result<Vec<Verdict>> {
    let asked = |case: &Case| args.only.is_empty() || args.only.iter().any(|text| case.name.contains(text));
    let places: Vec<(usize, usize)> = files
        .iter()
        .enumerate()
        .flat_map(|(file, content)| {
            let cases = content.content.cases.iter().enumerate();
            cases.filter(|(_, case)| asked(case)).map(move |(case, _)| (file, case))
        })
        .collect();
    if places.is_empty() {
        bail!(if args.only.is_empty() { "there is no case" } else { "no case has this name" });
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = args.jobs.unwrap_or(processors).clamp(1, places.len());
    let (next, shared) = (AtomicUsize::new(0), &*files);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((file, case)) = places.get(number) else { return done };
            let Some(file) = shared.get(*file) else { return done };
            let Some(case) = file.content.cases.get(*case) else { return done };
            done.push((number, attempt(bench, file, case, args.bless)));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let joined =
            threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread panicked")));
        joined.collect::<anyhow::Result<Vec<_>>>()
    })?
    .into_iter()
    .flatten()
    .collect::<Vec<_>>();
    done.sort_by_key(|(number, _)| *number);
    let mut verdicts = Vec::new();
    for (number, (verdict, blessed)) in done {
        let place = places.get(number).and_then(|(file, case)| Some((files.get_mut(*file)?, *case)));
        if let (Some((file, case)), Some(blessed)) = (place, blessed)
            && let Some(case) = file.content.cases.get_mut(case)
        {
            (*case, file.changed) = (blessed, true);
        }
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// Runs one case, and says what must change in it for it to pass.
fn attempt(bench: &Bench<'_>, file: &File, case: &Case, bless: bool) -> (Verdict, Option<Case>) {
    let started = Instant::now();
    let tried = || -> anyhow::Result<_> {
        let observed = runner::run(bench.runtime, bench.component, case, file.folder(), bench.given)?;
        let failures = compare::differences(case, &observed, file.folder()).map_err(anyhow::Error::msg)?;
        let changed = (bless && !failures.is_empty())
            .then(|| bless::blessed(case, &observed, file.folder()))
            .transpose()
            .map_err(anyhow::Error::msg)?;
        Ok((failures, changed))
    };
    let (failures, blessed) = tried().unwrap_or_else(|error| (vec![format!("{error:#}")], None));
    let (file, name) = (file.path.clone(), case.name.clone());
    let verdict = Verdict { file, name, time: started.elapsed(), failures, blessed: blessed.is_some() };
    (verdict, blessed)
}

/// A line of a difference, below the name of its case. What is set in too far for a terminal is set in less.
fn difference(line: &str) -> String {
    let text = line.trim_start_matches(' ');
    let before = " ".repeat(BELOW_NAME + (line.len() - text.len()).min(MOST_SET_IN));
    fit(&format!("{before}{}", one_line(text, 2_000)))
}

fn summary(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        let word = match (verdict.failed(), verdict.blessed) {
            (true, _) => "FAILED  ",
            (false, true) => "blessed ",
            (false, false) => "ok      ",
        };
        text += &fit(&format!("{word}{}", one_line(&verdict.name, 200)));
        text.extend(verdict.failures.iter().flat_map(|failure| failure.lines()).map(difference));
    }
    let count = |which: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| which(verdict)).count();
    let (failed, blessed) = (count(Verdict::failed), count(|verdict| verdict.blessed));
    let passed = verdicts.len() - failed - blessed;
    let blessed = if blessed > 0 { format!(", {blessed} blessed") } else { String::new() };
    let _ = writeln!(text, "{} cases, {passed} passed, {failed} failed{blessed}", verdicts.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_was_wider_than_a_terminal() {
        let failure = format!(
            "call 1, filter: {}\n  + {}\n{}end",
            "differs ".repeat(20),
            "x".repeat(150),
            " ".repeat(200)
        );
        let verdict = Verdict {
            file: PathBuf::from(CASES),
            name: "a long name ".repeat(10),
            time: Duration::ZERO,
            failures: vec![failure.clone()],
            blessed: false,
        };
        let text = summary(&[verdict]);
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        let without_gaps = |text: &str| text.replace([' ', '\n'], "");
        assert!(without_gaps(&text).contains(&without_gaps(&failure)), "nothing may be lost: {text}");
        assert!(text.contains("\n          + xxx"), "{text}");
    }
}
