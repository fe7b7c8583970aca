//! Recorded runs: one JSON object a line, in the order of time.
//!
//! The first line is the header: `{"trace": 1, "job_id": …, "server": …, "sites": […], "net_id": …}`. Each
//! other one says where something happened (`at`: `server`, or a site) and what: an `event` with its
//! `props`, a `task` for an executor, or a `result` on its way out. Tensors lie in files beside the trace.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::replay::SERVER;
use crate::error::Error;
use crate::exchange::{DataKind, Dxo, MAX_DEPTH, ReturnCode, Shareable};
use crate::host::log::one_line;
use crate::instance::MAX_TEXT;
use crate::json::{self, Json};
use crate::safetensors::{self, Overrides};

/// The longest line, in bytes.
const MAX_LINE: u64 = 64 << 20;
/// The version of the format.
const VERSION: u64 = 1;
/// NVFLARE's header of the return code.
const RETURN_CODE: &str = "__rc__";

/// The first line of a trace.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of the format: 1.
    pub trace: u64,
    /// The id of the job.
    pub job_id: String,
    /// The name of the server.
    pub server: String,
    /// The names of the sites.
    pub sites: Vec<String>,
    /// The net whose images the sites have.
    pub net_id: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its number in the trace; the line's where it has none.
    pub seq: u64,
    /// `server`, or the name of a site.
    pub at: String,
    /// Who sent what is being handled.
    pub peer: Option<String>,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// An event was fired.
    Event {
        /// Its type.
        event_type: String,
        /// Properties that are plain values.
        props: IndexMap<String, Json>,
        /// Properties that are shareables.
        shareables: IndexMap<String, Arc<Shareable>>,
    },
    /// An executor was given a task.
    Task {
        /// Its name.
        task: String,
        /// Its data.
        data: Shareable,
    },
    /// A task's result was on its way out.
    Result {
        /// The task's name.
        task: String,
        /// The result.
        result: Shareable,
    },
}

/// Why a line of a trace cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}, line {line}: {reason}", .path.display())]
pub struct TraceError {
    path: PathBuf,
    line: u64,
    reason: String,
}

/// A trace that is being read.
pub struct Trace {
    path: PathBuf,
    lines: BufReader<File>,
    line: u64,
    header: Header,
}

impl Trace {
    /// Opens a trace and reads its header.
    ///
    /// # Errors
    ///
    /// [`Error::File`], or [`Error::Trace`] that names the line.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::file(path))?;
        let mut trace = Self {
            path: path.to_owned(),
            lines: BufReader::new(file),
            line: 0,
            header: Header {
                trace: 0,
                job_id: String::new(),
                server: String::new(),
                sites: Vec::new(),
                net_id: None,
            },
        };
        let line = trace.next_line()?.unwrap_or_default();
        let header: Header = serde_json::from_str(&line)
            .map_err(|error| trace.error(format!("no header of a trace: {error}")))?;
        if header.trace != VERSION {
            return Err(trace.error(format!("a trace of version {}; this reads {VERSION}", header.trace)));
        }
        trace.header = header;
        Ok(trace)
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    fn error(&self, reason: String) -> Error {
        let reason = one_line(&reason, MAX_TEXT);
        Error::Trace(TraceError { path: self.path.clone(), line: self.line, reason })
    }

    /// The next line that is not empty.
    fn next_line(&mut self) -> Result<Option<String>, Error> {
        loop {
            self.line += 1;
            let mut line = Vec::new();
            let read = (&mut self.lines).take(MAX_LINE).read_until(b'\n', &mut line);
            let read = read.map_err(Error::file(&self.path))?;
            if read == 0 {
                return Ok(None);
            }
            if read as u64 == MAX_LINE {
                return Err(self.error(format!("longer than {MAX_LINE} bytes")));
            }
            let line = String::from_utf8(line).map_err(|_| self.error("not UTF-8".to_owned()))?;
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }

    fn record(&self, line: &str) -> Result<Record, String> {
        let mut fields = Fields::of(line)?;
        let record = Record {
            seq: fields.take("seq")?.unwrap_or(self.line),
            at: fields.need("at")?,
            peer: fields.take("peer")?,
            what: self.what(&mut fields)?,
        };
        fields.end()?;
        if record.at != SERVER && !self.header.sites.contains(&record.at) {
            return Err(format!("at: {:?} is neither {SERVER:?} nor a site of the header", record.at));
        }
        Ok(record)
    }

    fn what(&self, fields: &mut Fields) -> Result<What, String> {
        if let Some(event_type) = fields.take("event")? {
            let (mut props, mut shareables) = (IndexMap::new(), IndexMap::new());
            for (name, value) in fields.0.shift_remove("props").map_or(Ok(IndexMap::new()), |props| {
                props.members().map_err(|error| format!("props: {error}"))
            })? {
                match self.shareable_prop(&value).map_err(|error| format!("prop {name:?}: {error}"))? {
                    Some(shareable) => {
                        shareables.insert(name, Arc::new(shareable));
                    }
                    None => {
                        props.insert(name, value);
                    }
                }
            }
            return Ok(What::Event { event_type, props, shareables });
        }
        if let Some(task) = fields.take("task")? {
            let data = match fields.0.shift_remove("data") {
                Some(data) => {
                    self.shareable(Fields::of(data.text())?).map_err(|error| format!("data: {error}"))?
                }
                None => Shareable { return_code: ReturnCode::Ok, headers: IndexMap::new(), dxo: None },
            };
            return Ok(What::Task { task, data });
        }
        if let Some(result) = fields.0.shift_remove("result") {
            let mut result = Fields::of(result.text())?;
            let task = result.need("task")?;
            let result = self.shareable(result).map_err(|error| format!("result: {error}"))?;
            return Ok(What::Result { task, result });
        }
        Err("neither event nor task nor result".to_owned())
    }

    /// The shareable that a prop `{"shareable": {…}}` is.
    fn shareable_prop(&self, value: &Json) -> Result<Option<Shareable>, String> {
        let Ok(mut members) = value.members() else { return Ok(None) };
        match (members.len(), members.shift_remove("shareable")) {
            (1, Some(shareable)) => self.shareable(Fields::of(shareable.text())?).map(Some),
            _ => Ok(None),
        }
    }

    fn shareable(&self, mut fields: Fields) -> Result<Shareable, String> {
        let headers = match fields.0.shift_remove("headers") {
            Some(headers) => headers.members().map_err(|error| format!("headers: {error}"))?,
            None => IndexMap::new(),
        };
        let code = match fields.take::<String>("return_code")? {
            Some(code) => Some(code),
            None => headers.get(RETURN_CODE).and_then(|code| code.to().ok()),
        };
        let return_code = match code {
            None => ReturnCode::Ok,
            Some(name) => {
                ReturnCode::from_name(&name).ok_or_else(|| format!("{name:?} is no return code"))?
            }
        };
        let dxo = match fields.0.shift_remove("dxo") {
            Some(dxo) => Some(self.dxo(&dxo, 1).map_err(|error| format!("dxo: {error}"))?),
            None => None,
        };
        fields.end()?;
        Ok(Shareable { return_code, headers, dxo })
    }

    fn dxo(&self, value: &Json, depth: usize) -> Result<Dxo, String> {
        if depth > MAX_DEPTH {
            return Err(format!("collections nest deeper than {MAX_DEPTH}"));
        }
        let mut fields = Fields::of(value.text())?;
        let name: String = fields.need("kind")?;
        let kind = DataKind::from_name(&name).ok_or_else(|| format!("{name:?} is no data kind"))?;
        let meta = match fields.0.shift_remove("meta") {
            Some(meta) => meta.members().map_err(|error| format!("meta: {error}"))?,
            None => IndexMap::new(),
        };
        let data = fields.0.shift_remove("data");
        let mut dxo = match (kind, data, fields.take::<PathBuf>("tensors")?) {
            (DataKind::Weights | DataKind::WeightDiff, None, Some(file)) => {
                let path = self.path.parent().unwrap_or(Path::new("")).join(file);
                let overrides = Overrides { kind: Some(kind), meta: None };
                safetensors::open(&path, overrides).map_err(|error| error.to_string())?.dxo
            }
            (DataKind::Weights | DataKind::WeightDiff, ..) => {
                return Err("the tensors are missing".to_owned());
            }
            (DataKind::Collection, Some(data), None) => {
                let members = data.members().map_err(|error| format!("data: {error}"))?;
                let members = members.into_iter().map(|(name, member)| {
                    let member =
                        self.dxo(&member, depth + 1).map_err(|error| format!("{name:?}: {error}"))?;
                    Ok((name, member))
                });
                Dxo::of_members(members.collect::<Result<Vec<_>, String>>()?)
            }
            (_, Some(data), None) => {
                let mut dxo = Dxo::new(kind);
                dxo.set_values(data);
                dxo
            }
            _ => return Err(format!("a dxo of kind {kind} needs data and no tensors")),
        };
        dxo.meta = meta;
        fields.end()?;
        Ok(dxo)
    }
}

impl Iterator for Trace {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_line() {
            Ok(None) => None,
            Ok(Some(line)) => Some(self.record(line.trim_ascii()).map_err(|reason| self.error(reason))),
            Err(error) => Some(Err(error)),
        }
    }
}

/// The members of an object that are not read yet.
struct Fields(IndexMap<String, Json>);

impl Fields {
    fn of(text: &str) -> Result<Self, String> {
        json::members(text).map(Self).map_err(|error| error.to_string())
    }

    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, String> {
        let field = self.0.shift_remove(name);
        field.map(|field| field.to().map_err(|error| format!("{name}: {error}"))).transpose()
    }

    fn need<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, String> {
        self.take(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// A name that is left is misspelt.
    fn end(self) -> Result<(), String> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("unknown field {name:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_trace_moved_the_cursor_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.jsonl");
        std::fs::write(&path, format!(r#"{{"trace": 1, "\u001b[2J{}": 1}}"#, "x".repeat(5_000))).unwrap();
        let error = Trace::open(&path).err().unwrap().to_string();
        assert!(error.contains(r"unknown field `\u{1b}[2J"), "{error}");
        assert!(error.len() < MAX_TEXT + 200 && error == one_line(&error, usize::MAX), "{error}");
    }
}
