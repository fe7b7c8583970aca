//! Reading a report, or the audit trail that one is made of.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flip_report::{MAX_BYTES, Report};

use super::of_trail;
use crate::audit::{self, Kept};
use crate::error::Error;

/// How a trail's first line begins, and a report never does.
const TRAIL: &[u8] = br#"{"seq":0,"#;

/// Reads a report, or makes one of an audit trail, whichever the file is. At most some tens of MiB of a trail are kept
/// in memory, however long it is; of what it leaves out the report has sums.
///
/// # Errors
///
/// [`Error::File`] where it cannot be read. [`Error::InvalidFile`] where it is no report, or a trail that is not
/// complete and unaltered.
pub fn read_file(path: &Path) -> Result<Report, Error> {
    let invalid = |reason: String| Error::InvalidFile { path: path.to_owned(), reason };
    let mut file = BufReader::new(File::open(path).map_err(Error::file(path))?);
    if file.fill_buf().map_err(Error::file(path))?.starts_with(TRAIL) {
        let mut kept = Kept::default();
        audit::follow(file, |line, bytes| kept.add(&line, bytes))
            .map_err(|altered| invalid(altered.to_string()))?;
        return Ok(of_trail(&kept));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(Error::file(path))?;
    Report::read(&bytes).map_err(|error| invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flip_report::Ran;

    use super::*;
    use crate::audit::{AuditTrail, CallEntry, Function, Line, Outcome, RunKind, Start};

    fn call(function: Function, touched: &str) -> CallEntry {
        CallEntry {
            place: "site-1".to_owned(),
            component: "reader".to_owned(),
            interface: function.interface(),
            function,
            touched: touched.to_owned(),
            to: None,
            calls: 1,
            read: 0,
            written: 0,
            deleted: None,
            sha256: None,
            outcome: Outcome::Ok,
        }
    }

    /// A trail that nothing bounds, as someone else may write it.
    fn chained(entries: impl IntoIterator<Item = audit::Entry>, into: &Path) {
        let trail = AuditTrail::create(into, Start::new(RunKind::Job)).unwrap();
        entries.into_iter().for_each(|entry| trail.write(entry).unwrap());
        trail.finish(None).unwrap();
    }

    #[test]
    fn a_report_and_a_trail_are_told_apart_by_what_is_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let (trail, report) = (folder.path().join("one"), folder.path().join("other"));
        chained([], &trail);
        let of_trail = read_file(&trail).unwrap();
        assert_eq!(of_trail.ran, Ran::Job);
        serde_json::to_writer_pretty(File::create(&report).unwrap(), &of_trail).unwrap();
        assert_eq!(read_file(&report).unwrap(), of_trail);
    }

    #[test]
    fn what_is_neither_is_named_and_said_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let error = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read_file(&path).unwrap_err().to_string()
        };
        let invalid = error(b"{}");
        assert!(invalid.contains("file: no report of flip-wasm: missing field `report`"), "{invalid}");
        let cut = error(br#"{"seq":0,"#);
        assert!(cut.contains("file: line 1: is cut"), "{cut}");
        assert!(matches!(read_file(folder.path()).unwrap_err(), Error::File { .. }));
    }

    #[test]
    fn a_flood_of_one_components_changes_hid_anothers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let long = "x".repeat(1 << 19);
        let appended = CallEntry { component: "flooder".to_owned(), ..call(Function::Append, &long) };
        let flood = (0..40).map(|_| audit::Entry::Call(appended.clone()));
        let removal = [audit::Entry::Call(call(Function::Remove, "job/a"))];
        chained(flood.chain(removal), &path);
        let report = read_file(&path).unwrap();
        assert_eq!(report.timeline.last().unwrap().text, "job/a");
        assert!(report.timeline_left_out > 30, "{}", report.timeline_left_out);
    }

    #[test]
    fn a_trail_of_long_lines_was_kept_in_memory_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let long = "x".repeat(1 << 19);
        let reads = (0..100).map(|_| audit::Entry::Call(call(Function::Stat, &long)));
        let removal = [audit::Entry::Call(call(Function::Remove, "job/a"))];
        chained(reads.chain(removal), &path);
        let size = |line: &Line| serde_json::to_string(line).unwrap().len();
        let mut kept = Kept::default();
        let file = BufReader::new(File::open(&path).unwrap());
        audit::follow(file, |line, bytes| kept.add(&line, bytes)).unwrap();
        assert!(kept.lines().iter().map(size).sum::<usize>() < 13 << 20);

        let report = read_file(&path).unwrap();
        assert!(report.timeline_left_out > 70, "{}", report.timeline_left_out);
        assert_eq!(report.timeline.last().unwrap().text, "job/a");
        // What the last line says is in it too.
        assert!(report.seconds.is_some());
        File::options().append(true).open(&path).unwrap().write_all(b"x\n").unwrap();
        assert!(read_file(&path).unwrap_err().to_string().contains("follows the end entry"));
    }
}
