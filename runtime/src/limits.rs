//! What a component may use, and the enforcement inside its store.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Serializer;
use serde::de::{Deserialize, Deserializer, Error as _};

/// What one instance of a component may use. Every field has a default that suits ordinary components.
///
/// Sizes deserialise from a number of bytes or a text such as `"64MiB"`, times from a text such as
/// `"30s"`; an unknown name is an error.
///
/// ```
/// use flip_runtime::Limits;
///
/// let limits: Limits = serde_json::from_str(r#"{"memory": "32MiB", "call-time": "10s"}"#)?;
/// assert_eq!(limits.memory, 32 << 20);
/// assert_eq!(limits.total_time, Limits::default().total_time);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// The size of the component's file, in bytes: compiling takes time and memory in proportion to it.
    /// Components that carry a Python interpreter are about 18 MiB.
    #[serde(deserialize_with = "size")]
    pub component_size: u64,
    /// The time of compiling a component that is not built in. One that carries a Python interpreter takes
    /// some ten seconds.
    #[serde(deserialize_with = "time", serialize_with = "time_text")]
    pub compile_time: Duration,
    /// The address space of the process that compiles it, in bytes, where there is one: some hundred MiB for
    /// an interpreter.
    #[serde(deserialize_with = "size")]
    pub compile_memory: u64,
    /// Everything that it holds in memory, in bytes: all linear memories and tables together, its handles,
    /// what its instances take on the host (globals, functions that are called through references, elements of passive
    /// segments), what the host keeps for it beyond the data that it was given: names, meta properties and other texts, what it
    /// stored and deleted as far as the report shows it, and tensors unless they are on disk; and what an archive takes while it is made: four parts of 8 MiB under way, 1.5 MiB
    /// for each core, of sixteen at most, and some hundred bytes for each entry. Filters work in windows and need a few MiB
    /// at any size of model; an interpreter needs some tens. Integers that become float64 in memory need seven times their
    /// size.
    #[serde(deserialize_with = "size")]
    pub memory: u64,
    /// The elements of all tables together. A table holds a component's function pointers: some
    /// thousands, also for an interpreter. At most [`Limits::MOST_TABLE_ELEMENTS`].
    #[serde(deserialize_with = "table_elements")]
    pub table_elements: u64,
    /// Core instances, memories and tables, each: a component is made of a handful of modules, one that
    /// carries an interpreter of some dozens. Those of the instances that share its work count too: where they would be
    /// more, there are fewer of them. At most [`Limits::MOST_INSTANCES`].
    #[serde(deserialize_with = "instances")]
    pub instances: u64,
    /// Tensors, dxos and other resources that are open at a time, each some hundred bytes on the host; those of
    /// types of its own are counted with some more that are lent for a call, and where it can make any, `memory` has 64 bytes
    /// for each that it may have. A filter may open all tensors of a large model at once: some thousands.
    pub handles: u64,
    /// The bytes that the host keeps for the component beyond the size of the data it was given: tensors
    /// that it made, copies that it caused, texts. What it adds to the members of a collection counts together, and so
    /// does what it adds from phase to phase. Data that comes from a file and is rewritten in memory counts too.
    #[serde(deserialize_with = "size")]
    pub host_bytes: u64,
    /// The bytes that a component passes in one call, and those that it reads of tensors, files, objects and random
    /// bytes in one. Larger reads come short; whatever else is larger, random bytes too, ends the call. Four times the
    /// window that components are advised to use.
    #[serde(deserialize_with = "size")]
    pub call_bytes: u64,
    /// The time of one call into the component, host functions included. A gigabyte takes a filter
    /// about a second. The wait for a turn is included, where more components run than there are cores. Other components
    /// that it calls, or fires an event at, have their own time, for which it waits. An
    /// upload that is under way then has ten seconds more, to leave nothing behind. A call that waits for a disk which does
    /// not answer is left to itself a second later; an instance that ends has ten seconds to close its files. One
    /// `memory.fill` or `memory.copy`, and others that move much at once, ends before the call does: a gigabyte that was not
    /// used before takes about a second.
    #[serde(deserialize_with = "time", serialize_with = "time_text")]
    pub call_time: Duration,
    /// The time of all calls together: many short calls are one long one.
    #[serde(deserialize_with = "time", serialize_with = "time_text")]
    pub total_time: Duration,
    /// Instances of a filter in phases that share a dxo, each on a core and within these limits; no more of
    /// them than the machine has cores, nor than `instances` has room for. With one it works alone.
    pub cores: u64,
    /// Lines in the log; later ones are dropped with one notice. A job's event handlers write some
    /// hundreds.
    pub log_lines: u64,
    /// The bytes of one line; what is longer is cut. Lines are for people: a text of this size is a page or
    /// two.
    #[serde(deserialize_with = "size")]
    pub log_line: u64,
    /// Figures of different names in the report of a call; later ones are dropped. The filters here have
    /// six.
    pub gauges: u64,
    /// Events that it fires: each enters other components. A job has some hundreds.
    pub events: u64,
    /// Files that it starts to write, and parts of directories' paths that it makes: results come in a
    /// handful. As many objects that it starts to store.
    pub files: u64,
    /// Directories and files that it keeps open at a time, the one that was read last in each directory
    /// among them: the process has some thousand for everybody, of which all components together may have half.
    /// Components need a handful.
    pub open_files: u64,
    /// The bytes that it writes to files. Results are texts; models are written by the engine.
    #[serde(deserialize_with = "size")]
    pub file_bytes: u64,
    /// The bytes that it uploads, those of uploads that fail among them. A job's folder holds a model or two.
    #[serde(deserialize_with = "size")]
    pub upload_bytes: u64,
    /// The files and directories in one archive: a job's folder has some thousand. The host holds their paths until the
    /// archive's end, which counts in `memory`. With more of them than by default an archive ends in zip64's way, which old
    /// programs do not read.
    pub archive_entries: u64,
    /// Directories inside each other in one archive: the host holds each of them open, and the process has some
    /// thousand descriptors for everybody. A job's folder has a handful. At most [`Limits::MOST_ARCHIVE_DEPTH`].
    #[serde(deserialize_with = "archive_depth")]
    pub archive_depth: u64,
    /// Calls of the object store, those that read included: components store a handful of objects, and a model is read
    /// in some ten thousand windows.
    pub store_calls: u64,
    /// Requests to the hub: some per round and site.
    pub hub_calls: u64,
    /// The bytes of the lines about its calls in an audit trail, or in what a report is made of: several hundred each,
    /// one for calls alike that follow each other, unless they send, store, delete or open a tensor. No call goes unnoted: who fills this is ended. A job's components
    /// write some hundred lines.
    #[serde(deserialize_with = "size")]
    pub audit_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Limits {
    /// What suits ordinary components.
    pub const DEFAULT: Self = Self {
        component_size: 64 << 20,
        compile_time: Duration::from_secs(120),
        compile_memory: 4 << 30,
        memory: 1 << 30,
        table_elements: 100_000,
        instances: 128,
        handles: 65_536,
        host_bytes: 1 << 30,
        call_bytes: 1 << 20,
        call_time: Duration::from_secs(300),
        total_time: Duration::from_secs(3_600),
        cores: 64,
        log_lines: 10_000,
        log_line: 8 << 10,
        gauges: 256,
        events: 10_000,
        files: 10_000,
        open_files: 128,
        file_bytes: 1 << 30,
        upload_bytes: 64 << 30,
        archive_entries: 65_535,
        archive_depth: 64,
        store_calls: 100_000,
        hub_calls: 10_000,
        audit_bytes: 256 << 20,
    };
}

impl Limits {
    /// What `instances` is at most: a runtime has places for so many memories at least.
    pub const MOST_INSTANCES: u32 = 1_000;
    /// What `table_elements` is at most: there is room for so many in the place of one table.
    pub const MOST_TABLE_ELEMENTS: u32 = 200_000;
    /// What `archive_depth` is at most: so many directories are open at once, and a thread's stack has room for them.
    pub const MOST_ARCHIVE_DEPTH: u32 = 256;

    /// These limits, as far as there is room for anybody: a figure beyond that is written down nowhere, but may stand
    /// in a program. [`Instance::limits`](crate::Instance::limits) has what holds.
    pub(crate) fn with_room(self) -> Self {
        let held = |limit, figure: u64, most: u32| {
            if figure > most.into() {
                tracing::warn!(
                    "{limit} = {figure}: there is room for {most}, for any component, and so it is {most}"
                );
            }
            figure.min(most.into())
        };
        Self {
            instances: held("instances", self.instances, Self::MOST_INSTANCES),
            table_elements: held("table-elements", self.table_elements, Self::MOST_TABLE_ELEMENTS),
            archive_depth: held("archive-depth", self.archive_depth, Self::MOST_ARCHIVE_DEPTH),
            ..self
        }
    }

    /// These limits, tightened by what a job asks for: a JSON object with some of them. What is looser than
    /// these stays as it is; what no component may have is an error.
    ///
    /// # Errors
    ///
    /// Names a limit that does not exist, or a figure that is none or that nobody may have.
    ///
    /// ```
    /// use flip_runtime::Limits;
    ///
    /// let limits = Limits::default().tightened(r#"{"memory": "32MiB", "files": 99999999}"#)?;
    /// assert_eq!((limits.memory, limits.files), (32 << 20, Limits::default().files));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn tightened(&self, wanted: &str) -> serde_json::Result<Self> {
        let wanted: serde_json::Map<String, serde_json::Value> = serde_json::from_str(wanted)?;
        let mut all = serde_json::to_value(self.clone().with_room())?;
        if let Some(all) = all.as_object_mut() {
            all.extend(wanted);
        }
        Ok(self.tighter(&serde_json::from_value(all)?))
    }

    /// Of each limit the lower one.
    fn tighter(&self, other: &Self) -> Self {
        macro_rules! lower {
            ($($limit:ident)*) => { Self { $($limit: self.$limit.min(other.$limit)),* } };
        }
        lower! {
            component_size compile_time compile_memory memory table_elements instances handles host_bytes
            call_bytes call_time total_time cores log_lines log_line gauges events files open_files file_bytes upload_bytes
            archive_entries archive_depth store_calls hub_calls audit_bytes
        }
    }
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(ByteSize::deserialize(deserializer)?.as_u64())
}

fn instances<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    at_most(deserializer, "instances", Limits::MOST_INSTANCES)
}

fn table_elements<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    at_most(deserializer, "table-elements", Limits::MOST_TABLE_ELEMENTS)
}

fn archive_depth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    at_most(deserializer, "archive-depth", Limits::MOST_ARCHIVE_DEPTH)
}

fn at_most<'de, D: Deserializer<'de>>(deserializer: D, limit: &str, most: u32) -> Result<u64, D::Error> {
    let figure = u64::deserialize(deserializer)?;
    match figure > u64::from(most) {
        true => {
            Err(D::Error::custom(format!("{limit} = {figure}: there is room for {most}, for any component")))
        }
        false => Ok(figure),
    }
}

fn time_text<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*time))
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Time {
        Text(String),
        Bare(u64),
    }
    let text = match Time::deserialize(deserializer)? {
        Time::Text(text) => text,
        Time::Bare(number) => number.to_string(),
    };
    humantime::parse_duration(&text)
        .map_err(|error| D::Error::custom(format!("{text:?} is no time: {error}")))
}

/// A limit that a component reached: its name in [`Limits`] and its figure.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub struct LimitReached {
    /// The name, as it is written in a policy.
    pub limit: &'static str,
    /// What was allowed.
    pub allowed: Allowed,
}

impl LimitReached {
    /// The line of a policy that sets it.
    pub(crate) fn line(&self) -> String {
        format!("a policy's line limits = {{ {} = ... }}", self.limit)
    }

    /// What the component is told.
    pub(crate) fn told(&self) -> String {
        format!("{self}; {} sets it", self.line())
    }
}

impl fmt::Display for LimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit {} reached: {} allowed", self.limit, self.allowed)
    }
}

/// The figure of a limit, with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// So many bytes.
    Bytes(u64),
    /// So many things.
    Count(u64),
    /// So long.
    Time(Duration),
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{}", ByteSize::b(*bytes).display().iec()),
            Self::Count(count) => write!(f, "{count}"),
            Self::Time(time) => write!(f, "{}", humantime::format_duration(*time)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_asked_for_more_got_it() {
        let site = Limits { memory: 64 << 20, call_time: Duration::from_millis(1_500), ..Limits::default() };
        let wanted = r#"{"memory": "1GiB", "call-time": "1h", "gauges": 3}"#;
        let limits = site.tightened(wanted).unwrap();
        assert_eq!((limits.memory, limits.call_time, limits.gauges), (site.memory, site.call_time, 3));
        assert!(site.tightened(r#"{"memroy": 1}"#).unwrap_err().to_string().contains("memroy"));
    }

    #[test]
    fn a_limit_that_there_is_no_room_for_is_an_error_that_says_how_much_there_is() {
        for (figure, limit) in [("instances", 1_000), ("table-elements", 200_000), ("archive-depth", 256)] {
            let read = |value: u64| serde_json::from_value::<Limits>(serde_json::json!({ figure: value }));
            assert!(read(limit).is_ok());
            let error = read(limit + 1).unwrap_err().to_string();
            assert!(error.contains(figure) && error.contains(&limit.to_string()), "{error}");
        }
        let most = u64::MAX;
        let written =
            Limits { instances: 5_000, table_elements: most, archive_depth: most, ..Limits::default() };
        let limits = written.tightened("{}").unwrap();
        assert_eq!((limits.instances, limits.table_elements, limits.archive_depth), (1_000, 200_000, 256));
    }

    #[test]
    fn an_unknown_limit_is_an_error_that_names_the_known_ones() {
        let error = serde_json::from_str::<Limits>(r#"{"memroy": 1}"#).unwrap_err().to_string();
        assert!(error.contains("memroy") && error.contains("`memory`"), "{error}");
    }
}
