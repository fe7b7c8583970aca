//! Outcomes, in words that a test compares.

use flip_sdk::Error;
use flip_sdk::cleanup::Tally;
use flip_sdk::object_store::ObjectMeta;
use flip_sdk::peers::LookupError;
use flip_sdk::storage::{Entry, EntryKind};

/// What went well, or what the host answered in its place.
pub type Outcome = Result<String, Error>;

/// The text for what has no answer but that it went well.
pub fn ok<T>(_: T) -> String {
    "ok".to_owned()
}

/// The same, unless it failed.
pub fn done(result: Result<(), Error>) -> Outcome {
    result.map(ok)
}

/// Up to a hundred bytes, as text.
pub fn bytes(bytes: &[u8]) -> Outcome {
    Ok(match bytes.get(..100) {
        Some(_) => format!("ok {} bytes", bytes.len()),
        None => format!("ok {:?}", String::from_utf8_lossy(bytes)),
    })
}

fn kind(entry: &Entry) -> &'static str {
    match entry.kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Symlink => "symlink",
        EntryKind::Other => "other",
    }
}

/// A name, what it is, and its size.
pub fn entry(entry: &Entry) -> Outcome {
    Ok(format!("ok {} {} {}", kind(entry), entry.name, entry.size))
}

/// Every entry as [`entry`] has it; of more than a hundred how many there are.
pub fn entries(entries: &[Entry]) -> Outcome {
    if entries.len() > 100 {
        return Ok(format!("ok {} entries", entries.len()));
    }
    let shown = entries.iter().map(|entry| format!("{} {} {}", kind(entry), entry.name, entry.size));
    Ok(format!("ok [{}]", shown.collect::<Vec<_>>().join(", ")))
}

/// Three figures.
pub fn tally(tally: Tally) -> Outcome {
    Ok(format!("ok {} files, {} directories, {} bytes", tally.files, tally.directories, tally.bytes))
}

/// A key and a size.
pub fn object(object: ObjectMeta) -> Outcome {
    Ok(format!("ok {} of {} bytes", object.key, object.size))
}

/// A peer, or an error that says why it cannot be called.
pub fn lookup<T>(found: Result<T, LookupError>) -> Result<T, Error> {
    found.map_err(|error| match error {
        LookupError::NotFound => Error::NotFound("no such component".to_owned()),
        LookupError::WrongRole(role) => Error::InvalidArgument(format!("wrong role: {role}")),
        LookupError::NotPermitted(line) => Error::NotPermitted(line),
    })
}
