//! Components: what is read off them, and how far they get.

use std::sync::LazyLock;
use std::time::Duration;

use flip_runtime::{Inspection, Limits, Runtime};

use crate::message::assert_one_line;

/// The largest component that is compiled, in bytes.
const MAX_LOADED: usize = 16 << 10;

/// Inspects a component.
pub fn component(data: &[u8]) {
    let inspection = match Inspection::of(data) {
        Ok(inspection) => inspection,
        Err(error) => return assert_one_line(error),
    };
    assert_eq!(inspection.size, data.len() as u64);
    let shown = inspection.exports.iter().chain(&inspection.roles).chain(&inspection.wit_version);
    shown.for_each(assert_one_line);
    let mut functions = 0;
    for import in &inspection.imports {
        assert_one_line(&import.interface);
        import.functions.iter().for_each(assert_one_line);
        functions += import.functions.iter().map(String::len).sum::<usize>();
    }
    assert!(functions <= 1 << 20, "{functions} bytes of names in {}", data.len());
    let unknown = inspection.unknown_imports().count();
    assert_eq!(unknown, inspection.imports.iter().filter(|import| import.capability.is_none()).count());
}

/// Loads a small component, and starts it within tight limits.
pub fn load(data: &[u8]) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
    if data.len() > MAX_LOADED || Inspection::of(data).is_err() {
        return;
    }
    let component = match RUNTIME.load_bytes("fuzzed", data) {
        Ok(component) => component,
        Err(error) => return assert_one_line(error),
    };
    assert_eq!(component.inspection().size, data.len() as u64);
    let limits = Limits {
        memory: 4 << 20,
        host_bytes: 1 << 20,
        call_time: Duration::from_millis(50),
        total_time: Duration::from_millis(100),
        ..Limits::default()
    };
    if let Err(error) = component.instance().limits(limits).build() {
        assert_one_line(error);
    }
}
