//! Runs `flip-wasm` in a directory of its own and shows what it did.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory with a recorded update, `update.safetensors`, in which the program runs.
pub struct Site {
    directory: tempfile::TempDir,
}

/// The args of the recorded job.
pub const ARGS: &str = r#"{"gamma": 2.0, "percentile": 95, "off": false}"#;

impl Site {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let update = fixtures().join("standard-job/tensors/site-1_round-0.safetensors");
        fs::copy(update, directory.path().join("update.safetensors")).unwrap();
        Self { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// The names of the files that are there.
    pub fn files(&self) -> Vec<String> {
        let mut files: Vec<_> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        files
    }

    pub fn output(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_flip-wasm"))
            .args(args)
            .current_dir(self.directory.path())
            .env("FLIP_WASM_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .env("COLUMNS", "100")
            .env_remove("RUST_BACKTRACE")
            .output()
            .unwrap()
    }

    /// The exit code and what was printed, for a snapshot.
    pub fn run(&self, args: &[&str]) -> String {
        let output = self.output(args);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        format!(
            "exit code {}\n--- stdout\n{}--- stderr\n{}",
            output.status.code().unwrap(),
            text(&output.stdout),
            text(&output.stderr)
        )
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

/// Compares with the snapshot of this name.
#[macro_export]
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
