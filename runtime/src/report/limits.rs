//! Limits, and what is known of their use.

use flip_report::{Limit, Unit};
use indexmap::IndexMap;

use crate::usage::{LimitUse, Usage};

/// The limits that are no sizes, nor times.
const COUNTS: [&str; 13] = [
    "table-elements",
    "instances",
    "handles",
    "cores",
    "log-lines",
    "gauges",
    "events",
    "files",
    "open-files",
    "archive-entries",
    "archive-depth",
    "store-calls",
    "hub-calls",
];

/// The limits of an audit trail: sizes in bytes, times in milliseconds.
pub(super) fn of(figures: &IndexMap<String, u64>) -> Vec<Limit> {
    let limits = figures.iter().map(|(name, figure)| {
        let (allowed, unit) = match name {
            name if name.ends_with("-time") => (*figure as f64 / 1e3, Unit::Seconds),
            name if COUNTS.contains(&name.as_str()) => (*figure as f64, Unit::Count),
            _ => (*figure as f64, Unit::Bytes),
        };
        Limit { name: name.clone(), allowed, used: None, unit }
    });
    limits.collect()
}

/// Adds what was used. What compiling takes in memory is known where a process of its own did it.
pub(super) fn add_use(limits: &mut [Limit], usage: &Usage, size: u64) {
    let LimitUse {
        compile_time,
        compile_memory,
        instances,
        table_elements,
        handles,
        host_bytes,
        call_bytes,
        call_time,
        cores,
        log_lines,
        log_line,
        gauges,
        events,
        files,
        open_files,
        file_bytes,
        upload_bytes,
        archive_entries,
        archive_depth,
        store_calls,
        hub_calls,
        audit_bytes,
    } = usage.most;
    for limit in limits {
        limit.used = match limit.name.as_str() {
            "total-time" => Some(usage.time.as_secs_f64()),
            "call-time" => Some(call_time.as_secs_f64()),
            "compile-time" => Some(compile_time.as_secs_f64()),
            name => match name {
                "component-size" => Some(size),
                "memory" => Some(usage.peak_memory),
                "compile-memory" => compile_memory,
                "instances" => Some(instances),
                "table-elements" => Some(table_elements),
                "handles" => Some(handles),
                "host-bytes" => Some(host_bytes),
                "call-bytes" => Some(call_bytes),
                "cores" => Some(cores),
                "log-lines" => Some(log_lines),
                "log-line" => Some(log_line),
                "gauges" => Some(gauges),
                "events" => Some(events),
                "files" => Some(files),
                "open-files" => Some(open_files),
                "file-bytes" => Some(file_bytes),
                "upload-bytes" => Some(upload_bytes),
                "archive-entries" => Some(archive_entries),
                "archive-depth" => Some(archive_depth),
                "store-calls" => Some(store_calls),
                "hub-calls" => Some(hub_calls),
                "audit-bytes" => Some(audit_bytes),
                _ => None,
            }
            .map(|used| used as f64),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn every_limit_has_its_unit() {
        let limits = of(&crate::audit::figures(&Limits::default()));
        let unit = |name: &str| limits.iter().find(|limit| limit.name == name).unwrap().unit;
        assert!(COUNTS.iter().all(|name| unit(name) == Unit::Count));
        let of_unit = |unit| limits.iter().filter(|limit| limit.unit == unit).count();
        assert_eq!((of_unit(Unit::Seconds), of_unit(Unit::Count)), (3, COUNTS.len()));
        assert_eq!(unit("memory"), Unit::Bytes);
        assert_eq!(limits.iter().find(|limit| limit.name == "call-time").unwrap().allowed, 300.0);
    }

    #[test]
    fn the_use_of_every_limit_is_measured() {
        let mut limits = of(&crate::audit::figures(&Limits::default()));
        let most = LimitUse { compile_memory: Some(0), ..LimitUse::default() };
        add_use(&mut limits, &Usage { most, ..Usage::default() }, 1);
        assert!(limits.iter().all(|limit| limit.used.is_some()), "{limits:?}");
        // A thread of this process has no memory of its own.
        add_use(&mut limits, &Usage::default(), 1);
        let unmeasured = limits.iter().filter(|limit| limit.used.is_none()).map(|limit| limit.name.as_str());
        assert_eq!(unmeasured.collect::<Vec<_>>(), ["compile-memory"]);
    }
}
