//! Reports: written by the verbs that run something, as JSON or as a page, and shown by `flip-wasm report`.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flip_runtime::Error;
use flip_runtime::report::{self, Report};

use crate::args::ShowReport;
use crate::lines::fitted;
use crate::print;

/// Shows what a report, or an audit trail, says.
pub fn run(args: &ShowReport) -> anyhow::Result<()> {
    let report = report::read_file(&args.file)?;
    match &args.output {
        None => print(fitted(&verdict(&report)).as_bytes()),
        Some(path) => Staged::create(path)?.write_out(&report),
    }
}

/// What a report says, in words.
fn verdict(report: &Report) -> String {
    let verdict = report.verdict();
    let sentences =
        verdict.sentences.iter().map(|(topic, sentence)| format!("{:<13} {sentence}\n", topic.name()));
    format!("{}: {}\n\n{}", verdict.status, verdict.headline, sentences.collect::<String>())
}

/// A report that does not have its name yet.
pub struct Staged {
    temporary: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Staged {
    /// Makes the file, beside `path`: a place that cannot be written to is an error before the work.
    pub fn create(path: &Path) -> Result<Self, Error> {
        if path.is_dir() {
            return Err(failure(path, &io::ErrorKind::IsADirectory.into()));
        }
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let temporary = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory.unwrap_or(Path::new(".")))
            .map_err(|error| failure(path, &error))?;
        Ok(Self { temporary, path: path.to_owned() })
    }

    /// Writes the report: a page where the file's name says so, else JSON.
    pub fn write(&mut self, report: &Report) -> anyhow::Result<()> {
        let is_page =
            self.path.extension().is_some_and(|extension| extension == "html" || extension == "htm");
        let text = match is_page {
            true => report::html(report),
            // A report may have ten thousand moments: spaces would be a third of it.
            false => serde_json::to_string(report)? + "\n",
        };
        self.temporary.write_all(text.as_bytes()).map_err(|error| failure(&self.path, &error))?;
        Ok(())
    }

    /// Writes the report, and gives it its name.
    pub fn write_out(mut self, report: &Report) -> anyhow::Result<()> {
        self.write(report)?;
        self.publish()
    }

    /// Gives it its name.
    pub fn publish(self) -> anyhow::Result<()> {
        let Self { temporary, path } = self;
        temporary.persist(&path).map_err(|error| Error::File { path, source: error.error })?;
        Ok(())
    }
}

/// Without the temporary name, which says nothing to anyone.
fn failure(path: &Path, error: &io::Error) -> Error {
    Error::File { path: path.to_owned(), source: error.kind().into() }
}
