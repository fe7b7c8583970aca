//! Runs `flip-wasm` in a directory of its own and shows what it did.

mod benign;
pub mod jobs;
pub mod services;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use flip_runtime::{Dxo, safetensors};

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_flip-wasm");

/// A directory with a recorded update, `update.safetensors`, in which the program runs. When all is over, none of its
/// temporary files are left.
pub struct Site {
    directory: PathBuf,
    _kept: Option<tempfile::TempDir>,
    /// Where the program puts temporary files, and nobody else.
    temporary: tempfile::TempDir,
    hostile: bool,
}

/// The args of the recorded job.
pub const ARGS: &str = r#"{"gamma": 2.0, "percentile": 95, "off": false}"#;

impl Site {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let update = fixtures().join("standard-job/tensors/site-1_round-0.safetensors");
        fs::copy(update, directory.path().join("update.safetensors")).unwrap();
        let mut site = Self::at(path);
        site._kept = Some(directory);
        site
    }

    /// A directory that somebody else keeps.
    pub fn at(directory: PathBuf) -> Self {
        Self { directory, _kept: None, temporary: tempfile::tempdir().unwrap(), hostile: false }
    }

    /// What runs here attacks: when all is over, a benign component gives its right answer here, from the same cache
    /// and in the same workspace.
    pub fn hostile(mut self) -> Self {
        self.hostile = true;
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Writes a dxo of tensors.
    pub fn write_dxo(&self, name: &str, dxo: Dxo) {
        let output = safetensors::Output::create(&self.path(name), &dxo, &Default::default()).unwrap();
        output.commit(dxo, &Default::default()).unwrap();
    }

    /// What a file holds, as the host reads it.
    pub fn read_dxo(&self, name: &str) -> Dxo {
        safetensors::open(&self.path(name), Default::default()).unwrap().dxo
    }

    /// The names of the files that are there.
    pub fn files(&self) -> Vec<String> {
        let mut files: Vec<_> = fs::read_dir(&self.directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        files
    }

    pub fn output(&self, args: &[&str]) -> Output {
        self.output_with(args, &[])
    }

    /// The same with these variables. Those of the machine do not count.
    pub fn output_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        let output = self.prepared(PROGRAM, variables).args(args).output().unwrap();
        assert_no_panic(&String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Starts the program, which writes to pipes.
    pub fn start(&self, args: &[&str]) -> Child {
        let mut command = self.prepared(PROGRAM, &[]);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Some program in this directory, with these variables and those that ours needs.
    pub fn prepared(&self, program: &str, variables: &[(&str, &str)]) -> Command {
        // What the machine needs to run programs, and to measure which of their lines run.
        let kept = ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"];
        let kept = kept.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut command = Command::new(program);
        command
            .current_dir(&self.directory)
            .env_clear()
            .envs(kept)
            .env("TMPDIR", self.temporary.path())
            .env("FLIP_WASM_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .env("COLUMNS", "100")
            .envs(variables.iter().copied());
        command
    }

    /// The exit code and what was printed, for a snapshot.
    pub fn run(&self, args: &[&str]) -> String {
        shown(&self.output(args))
    }

    /// The same of `flip-wasm filter` from `update.safetensors` to `out.safetensors`. A run that fails
    /// must leave nothing behind.
    pub fn filter(&self, component: &str, more: &[&str]) -> String {
        let before = self.files();
        let mut args = vec!["filter", component, "--in", "update.safetensors", "--out", "out.safetensors"];
        args.extend(more);
        let shown = self.run(&args);
        if !shown.starts_with("exit code 0\n") {
            assert_eq!(self.files(), before, "a run that failed left something: {shown}");
        }
        shown
    }

    /// The same with the guest that does what it is told.
    pub fn misbehave(&self, deed: &str, more: &[&str]) -> String {
        self.write("guest.wasm", flip_wasm_tests::MISBEHAVING_FILTER);
        let args = format!(r#"{{"deed": {deed}}}"#);
        let mut all = vec!["--args", &args];
        all.extend(more);
        self.filter("guest.wasm", &all)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A test that has failed already says why.
        if thread::panicking() {
            return;
        }
        if self.hostile {
            benign::assert_right(self);
        }
        let left: Vec<_> = fs::read_dir(self.temporary.path()).unwrap().map(|entry| entry.unwrap()).collect();
        assert!(left.is_empty(), "temporary files are left: {left:?}");
    }
}

/// Nothing of the program panicked, on whatever thread, and whoever caught it. What a component says of a panic of its
/// own stands behind the level of a line in the log.
#[track_caller]
pub fn assert_no_panic(log: &str) {
    let panicked = |line: &str| line.starts_with("thread '") && line.contains(" panicked at ");
    assert!(!log.lines().any(panicked), "{log}");
}

/// As the terminal does when Ctrl-C is pressed.
pub fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// The exit code and what was printed.
pub fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!(
        "exit code {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr)
    )
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

/// Figures that change with the toolchain or from run to run.
pub const FILTERS: [(&str, &str); 4] = [
    (r"lib\.rs:[0-9]+:[0-9]+", "lib.rs:[line]"),
    ("[0-9a-f]{64}", "[sha256]"),
    (r"[0-9.]+ KiB", "[size]"),
    (r"flip-wasm [0-9]+\.[0-9]+\.[0-9]+", "flip-wasm [version]"),
];

/// Figures of a run that change from one to the next.
pub const RUN_FILTERS: [(&str, &str); 4] = [
    // The columns are as wide as their figures.
    ("calls +time +memory +host calls +", "calls [figures]  "),
    (r"[0-9]{8}_[0-9]{6}\.zip", "[time].zip"),
    (r" +[0-9.]+ ms +[0-9.]+ [KM]iB +[0-9]+", " [figures]"),
    (r"\.zip, [0-9.]+ (B|KiB)", ".zip, [size]"),
];

/// The same for a run, with its own figures.
macro_rules! run_snapshot {
    ($shown:expr) => {
        let filters = $crate::support::RUN_FILTERS.into_iter().chain($crate::support::FILTERS);
        insta::with_settings!({ filters => filters.collect::<Vec<_>>(), omit_expression => true }, {
            insta::assert_snapshot!($shown)
        })
    };
}

/// Compares with the snapshot of this name.
macro_rules! snapshot {
    ($shown:expr, @$snapshot:literal) => {
        insta::with_settings!({ filters => $crate::support::FILTERS }, {
            insta::assert_snapshot!($shown, @$snapshot)
        })
    };
    ($shown:expr) => {
        insta::with_settings!({ filters => $crate::support::FILTERS, omit_expression => true }, {
            insta::assert_snapshot!($shown)
        })
    };
}
