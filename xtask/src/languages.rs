//! Components in every language: new projects of each role, and the percentile filter once more.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{cargo, command, root, run, target};
use crate::setup;

const ROLES: [&str; 6] =
    ["dxo-filter", "executor", "event-handler", "results-generator", "model-locator", "results-persistor"];

/// A language, and how a project in it tests its logic.
struct Language {
    name: &'static str,
    test: &'static [&'static str],
    /// Whether each component carries an interpreter, which takes the program minutes to compile without optimisation:
    /// of these, one role runs its cases for all unless every one is asked to.
    interpreted: bool,
}

const LANGUAGES: [Language; 4] = [
    Language { name: "rust", test: &["cargo", "test", "--quiet"], interpreted: false },
    Language { name: "python", test: &["python3", "-m", "unittest", "--quiet"], interpreted: true },
    Language { name: "javascript", test: &["npm", "test", "--silent"], interpreted: true },
    Language { name: "c", test: &["make", "--silent", "test"], interpreted: false },
];

/// The projects in `tests/guests/`.
const GUESTS: [&str; 3] = ["python-percentile", "javascript-percentile", "c-percentile"];

/// Makes and builds projects of every role in every language and tests their logic, and each component where that is
/// asked for or does not take long; then compares the guests with what NumPy makes.
pub fn test(every_role: bool) -> Result<()> {
    let tools = Tools::set_up()?;
    let projects = folder().join("projects");
    if projects.exists() {
        fs::remove_dir_all(&projects)?;
    }
    fs::create_dir_all(&projects)?;
    // Each language's tools leave the other processors idle for the most part.
    std::thread::scope(|scope| {
        let started = LANGUAGES.map(|language| {
            let (tools, projects) = (&tools, &projects);
            scope.spawn(move || {
                let tested = if every_role || !language.interpreted { ROLES.len() } else { 1 };
                tools.projects(&language, tested, projects)
            })
        });
        started.into_iter().try_for_each(|started| match started.join() {
            Ok(done) => done,
            Err(_) => bail!("the tests of a language panicked"),
        })
    })?;
    for guest in GUESTS {
        let out = folder().join(format!("{guest}.wasm"));
        let project = root().join("tests/guests").join(guest);
        run(tools.flip_wasm(root(), &["build"]).arg(project).arg("--out").arg(out))?;
    }
    // Of the whole workspace, as it was built before: for one package alone its features differ.
    let test = ["test", "--locked", "--quiet", "--test", "whole-paths", "languages::"];
    let alone = ["--", "--ignored", "--test-threads", "1"];
    run(cargo(&test).args(alone).env("FLIP_WASM_LANGUAGES", folder()))
}

/// Where everything of these tests goes.
fn folder() -> PathBuf {
    target().join("languages")
}

/// What a person who writes components has installed.
struct Tools {
    flip_wasm: PathBuf,
    path: OsString,
}

impl Tools {
    fn set_up() -> Result<Self> {
        run(&mut cargo(&["build", "--locked", "--quiet"]))?;
        setup::clang_for_wasm()?;
        setup::node(20)?;
        let python = setup::venv(&setup::python(10)?, &folder().join("venv"), &["componentize_py"], |pip| {
            pip.arg("--requirement").arg(root().join("cli/templates/python/base/requirements.txt"));
        })?;
        let first = python.parent().context("a Python without a folder")?.to_owned();
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(first).chain(std::env::split_paths(&others)))?;
        Ok(Self { flip_wasm: target().join("debug/flip-wasm"), path })
    }

    /// For each role three commands from nothing to a tested component, and the test of its logic; the third of them
    /// for so many roles alone.
    fn projects(&self, language: &Language, tested: usize, projects: &Path) -> Result<()> {
        let mut first: Option<PathBuf> = None;
        for (number, role) in ROLES.iter().enumerate() {
            let name = format!("{role}-in-{}", language.name);
            let project = projects.join(&name);
            run(&mut self.flip_wasm(projects, &["new", &name, "--role", role, "--lang", language.name]))?;
            if let Some(first) = first.as_ref().filter(|_| language.name == "javascript") {
                // Some hundred MiB, the same for every project.
                std::os::unix::fs::symlink(first.join("node_modules"), project.join("node_modules"))?;
            }
            run(&mut self.flip_wasm(&project, &["build"]))?;
            if number < tested {
                run(&mut self.flip_wasm(&project, &["test", "--limits", "compile-time=15m"]))?;
            }
            if let [program, args @ ..] = language.test {
                run(&mut self.tool(program, args, &project))?;
            }
            first.get_or_insert(project);
        }
        Ok(())
    }

    fn flip_wasm(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = self.tool(&self.flip_wasm, args, folder);
        command.arg("--quiet");
        command
    }

    /// A program as it runs in a shell in this folder.
    fn tool(&self, program: impl AsRef<std::ffi::OsStr>, args: &[&str], folder: &Path) -> Command {
        let mut command = command(program, args);
        command.current_dir(folder).env("PATH", &self.path);
        // The projects in Rust share what they are built from.
        command.env("CARGO_TARGET_DIR", self::folder().join("cargo"));
        command
    }
}
