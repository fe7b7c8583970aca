//! `cargo xtask bench`: what is done here beside what others do, in one run.

mod archive;
mod density;
mod events;
mod figures;
mod files;
mod filter;
mod loops;
mod machine;
mod measure;
mod neighbours;
mod nvflare;
mod page;
mod plot;
mod startup;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::process::{cargo, command, has, output, target};
use crate::setup;
use figures::{Figures, Target};

/// One benchmark: its name, and what runs it.
type Benchmark = (&'static str, fn(&Bench<'_>) -> Result<Figures>);

/// All of them, in the order of the page.
const BENCHMARKS: [Benchmark; 9] = [
    ("filter", filter::run),
    ("files", files::run),
    ("nvflare", nvflare::run),
    ("startup", startup::run),
    ("density", density::run),
    ("neighbours", neighbours::run),
    ("events", events::run),
    ("archive", archive::run),
    ("loops", loops::run),
];

/// The packages with benchmarks' own programs, and how the programs are called.
const PROGRAMS: [(&str, &str); 5] = [
    ("flip-runtime", "density"),
    ("flip-runtime", "events"),
    ("flip-runtime", "filter"),
    ("flip-wasm-tests", "archive"),
    ("truncation", "loops"),
];
/// What Python must have.
const MODULES: [&str; 2] = ["boto3", "numpy"];

/// What a benchmark works with.
struct Bench<'a> {
    /// A directory for data.
    directory: &'a Path,
    python: &'a Path,
    programs: HashMap<String, PathBuf>,
    /// Whether sizes and rounds are cut short.
    quick: bool,
}

impl Bench<'_> {
    fn program(&self, name: &str) -> Result<&Path> {
        let program = self.programs.get(name);
        program.map(PathBuf::as_path).with_context(|| format!("cargo built no program {name}"))
    }

    /// `flip-wasm filter` on so many cores, but for its files. Its cache is nobody else's.
    fn filter_program(&self, cores: usize) -> Result<Command> {
        let args =
            ["filter", "percentile-privacy", "--quiet", "--args", r#"{"percentile": 95, "gamma": 0.02}"#];
        let mut program = machine::on(cores, self.program("flip-wasm")?, &args);
        program.args(["--meta", r#"{"NUM_STEPS_CURRENT_ROUND": 4}"#]).arg("--cache").arg(self.cache());
        Ok(program)
    }

    fn cache(&self) -> PathBuf {
        self.directory.join("cache")
    }

    /// An update of so many elements, in as many tensors as a ResNet-50 has.
    fn update(&self, elements: u64) -> Result<PathBuf> {
        let file = self.directory.join("update.safetensors");
        output(command(self.program("filter")?, &["make"]).arg(&file).args([&elements.to_string(), "161"]))?;
        Ok(file)
    }

    fn sizes<'s, T>(&self, full: &'s [T], quick: &'s [T]) -> &'s [T] {
        if self.quick { quick } else { full }
    }
}

/// Runs the benchmarks that are named, or all, and writes the page: what was measured earlier stays on it. A quick run
/// only prints what it finds.
pub fn run(args: impl Iterator<Item = String>) -> Result<()> {
    let (mut names, mut quick) = (Vec::new(), false);
    for arg in args {
        match &*arg {
            "--quick" => quick = true,
            name if BENCHMARKS.iter().any(|(known, _)| *known == name) => names.push(arg),
            _ => bail!(
                "unknown argument {arg}; the benchmarks are: {}",
                BENCHMARKS.map(|(name, _)| name).join(", ")
            ),
        }
    }
    ensure!(has("taskset", &["--version"]), "one core is taskset's to give: install util-linux");
    setup::wasm_target()?;
    let directory = target().join("bench");
    fs::create_dir_all(&directory)?;
    let python = setup::venv(&setup::python(10)?, &directory.join("venv"), &MODULES, |pip| {
        pip.args(MODULES);
    })?;
    println!("Building the release; this takes some minutes.");
    let bench = Bench { directory: &directory, python: &python, programs: build()?, quick };
    let mut failed = Vec::new();
    for (name, run) in BENCHMARKS {
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            continue;
        }
        println!("== {name}");
        let found = match run(&bench) {
            Ok(found) => Figures { measured: machine::description(), ..found },
            // Those that follow have figures all the same.
            Err(error) => {
                println!("{name} failed: {error:?}");
                failed.push(name);
                continue;
            }
        };
        println!("{}", found.markdown("docs/src/performance"));
        if let Some(targets) = Target::table(std::slice::from_ref(&found)) {
            println!("{targets}");
        }
        if !quick {
            page::keep(name, &found)?;
        }
    }
    if !quick {
        page::write(&BENCHMARKS.map(|(name, _)| name))?;
    }
    ensure!(failed.is_empty(), "these failed: {}", failed.join(", "));
    Ok(())
}

/// Builds all programs in one go: each alone would choose features of its own for what they depend on.
fn build() -> Result<HashMap<String, PathBuf>> {
    /// What cargo says of a target that it built.
    #[derive(Deserialize)]
    struct Artifact {
        target: Target,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    let mut benches = cargo(&["bench", "--quiet", "--locked", "--no-run", "--message-format", "json"]);
    for (package, name) in PROGRAMS {
        benches.args(["--package", package, "--bench", name]);
    }
    // The program as it is handed out: not with what the benchmarks' packages ask of what they share.
    let args = ["--release", "--quiet", "--locked", "--package", "flip-wasm-cli", "--message-format", "json"];
    let mut programs = HashMap::new();
    for build in [&mut benches, cargo(&["build"]).args(args)] {
        let messages = output(build)?;
        let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
        programs.extend(artifacts.filter_map(|artifact| Some((artifact.target.name, artifact.executable?))));
    }
    Ok(programs)
}
