//! The report of one filter on one update.

use flip_report as report;
use flip_report::{Applied, Data, Failure, LeftFile, Outgoing, Report};
use indexmap::IndexMap;

use super::{component, moments, of_trail};
use crate::admission::Admitted;
use crate::audit::Kept;
use crate::error::Error;
use crate::exchange::Dxo;
use crate::filter::{Filtered, Leaf, Outcome, four_digits};
use crate::tensor::Tensor;
use crate::usage::Usage;

/// The report of one filter on one update, with what the run's audit trail says of it.
pub fn of_filter(
    trail: &Kept,
    admitted: &Admitted,
    usage: &Usage,
    filtered: &Result<Filtered, Error>,
    files: Vec<LeftFile>,
) -> Report {
    let mut report = of_trail(trail);
    let inspection = admitted.component.inspection();
    for shown in report.places.iter_mut().flat_map(|place| &mut place.components) {
        component::describe(shown, inspection, &admitted.grants, usage);
    }
    let id = admitted.component.name();
    match filtered {
        Ok(filtered) => {
            let known = report.results.pop().unwrap_or_default();
            let leaves = filtered.leaves.iter().map(leaf).collect();
            report.results = vec![Outgoing {
                data: Some(data(&filtered.dxo, known.data.and_then(|data| data.sha256))),
                filters: vec![Applied { id: id.to_owned(), leaves, unknown: false }],
                files,
                ..known
            }];
        }
        Err(error) => hold_back(&mut report, id, error),
    }
    report
}

/// The report of a filter that an error ended before it was there: what its audit trail says, and why nothing left
/// the place with the task.
pub fn of_failed_filter(trail: &Kept, place: &str, task: &str, component: &str, error: &Error) -> Report {
    let mut report = of_trail(trail);
    report.results = vec![Outgoing { at: place.to_owned(), task: task.to_owned(), ..Outgoing::default() }];
    hold_back(&mut report, component, error);
    report
}

fn hold_back(report: &mut Report, component: &str, error: &Error) {
    let code = moments::code(error.code());
    let refused = Failure { what: component.to_owned(), code: code.clone(), error: error.to_string() };
    let known = report.results.pop().unwrap_or_default();
    report.results = vec![Outgoing { refused: Some(refused), ..known }];
    report.failure = Some(code);
}

fn data(dxo: &Dxo, sha256: Option<String>) -> Data {
    let tensors = || dxo.tensors().into_iter().flat_map(|tensors| tensors.values());
    Data {
        kind: dxo.kind().name().to_owned(),
        tensors: tensors().count() as u64,
        elements: Some(tensors().map(Tensor::len).sum()),
        bytes: tensors().map(Tensor::byte_len).sum(),
        sha256,
    }
}

/// What became of one leaf.
pub(super) fn leaf(leaf: &Leaf) -> report::Leaf {
    let (outcome, reason) = match &leaf.outcome {
        Outcome::Filtered => (report::Outcome::Filtered, None),
        Outcome::Unchanged(reason) => (report::Outcome::Unchanged, Some(reason.clone())),
        Outcome::PassedBy(reason) => (report::Outcome::PassedBy, Some(reason.clone())),
    };
    let gauges = leaf.gauges.iter().map(|(name, value)| {
        // It may be an element; the other figures are the filter's own affair.
        let value = if name.ends_with("cutoff") { four_digits(*value) } else { *value };
        (name.clone(), Some(value).filter(|value| value.is_finite()))
    });
    let gauges: IndexMap<_, _> = gauges.collect();
    report::Leaf { path: leaf.path.clone(), outcome, reason, gauges, change: leaf.change.clone() }
}
