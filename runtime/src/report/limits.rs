//! Limits, and what is known of their use.

use flip_report::{Limit, Unit};
use indexmap::IndexMap;

use crate::usage::Usage;

/// The limits that are no sizes, nor times.
const COUNTS: [&str; 10] = [
    "table-elements",
    "instances",
    "handles",
    "cores",
    "log-lines",
    "gauges",
    "events",
    "files",
    "open-files",
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

/// Adds what was used, where that is measured.
pub(super) fn add_use(limits: &mut [Limit], usage: &Usage, size: u64) {
    for limit in limits {
        limit.used = match limit.name.as_str() {
            "component-size" => Some(size as f64),
            "memory" => Some(usage.peak_memory as f64),
            "total-time" => Some(usage.time.as_secs_f64()),
            "upload-bytes" => Some(usage.stored.iter().map(|stored| stored.size as f64).sum()),
            "hub-calls" => Some(usage.host_calls.hub as f64),
            _ => None,
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
}
