//! Checkpoints whose zip or pickle lies, read by the built-in component that locates them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use flip_runtime::services::{Layout, Root};
use flip_runtime::{Builtin, FlContext, Services};

use super::table::Ended;
use crate::runtime;

/// What lies, and what is said of it.
pub const LIES: [(&str, &str); 5] = [
    ("overlap", "it overlaps another entry"),
    ("elsewhere", "it does not lie before the directory"),
    ("twice", "occurs more than once"),
    ("compressed", "is compressed (method 8)"),
    ("endless", "too many values"),
];

/// The first bytes of a file's header in a zip, and of its record in the directory.
const LOCAL: &[u8] = b"PK\x03\x04";
const RECORD: &[u8] = b"PK\x01\x02";

/// A checkpoint with this lie in it.
///
/// # Panics
///
/// Where none is called so.
pub fn lying(lie: &str) -> Vec<u8> {
    let file = if lie == "endless" { "doubling.pt" } else { "mixed.pt" };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../components/checkpoint/tests/fixtures/torch2");
    let mut zip = fs::read(folder.join(file)).unwrap();
    let record = |number: usize| starts(&zip, RECORD)[number];
    match lie {
        "overlap" => {
            let (first, second) = (record(0), record(1));
            zip.copy_within(first + 42..first + 46, second + 42);
        }
        "elsewhere" => {
            let at = record(1) + 42;
            zip[at..at + 4].copy_from_slice(&(1_u32 << 31).to_le_bytes());
        }
        "twice" => rename(&mut zip, b"/data/1", b"/data/0"),
        "compressed" => {
            let (local, record) = (starts(&zip, LOCAL)[1], record(1));
            (zip[local + 8], zip[record + 10]) = (8, 8);
        }
        "endless" => {}
        _ => panic!("no lie is called {lie}"),
    }
    zip
}

/// Where these bytes stand.
fn starts(zip: &[u8], bytes: &[u8]) -> Vec<usize> {
    (0..zip.len()).filter(|at| zip[*at..].starts_with(bytes)).collect()
}

/// Wherever the one stands the other does.
fn rename(zip: &mut [u8], one: &[u8], other: &[u8]) {
    for at in starts(zip, one) {
        zip[at..at + one.len()].copy_from_slice(other);
    }
}

/// What comes of it where a job looks for its model.
pub(super) fn located(lie: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.pt"), lying(lie)).unwrap();
    let builtin = Builtin::find("checkpoint-locator")?;
    let directories = Arc::new(Layout::new().with(Root::Checkpoints, folder.path()));
    let services = Services { directories: Some(directories), ..Services::default() };
    let builder = runtime().load_builtin(builtin)?.instance().grants(builtin.grants()?).services(services);
    let mut locator = builder.scratch_file().build()?;
    let model = locator.locate_model(Some("model.pt"), &Arc::new(FlContext::default()))?;
    Ok(model.map_or("no model".to_owned(), |model| super::sent(&model)))
}
