//! Data on its way through the filters of a task.

use std::sync::Arc;

use indexmap::IndexMap;

use super::done::named;
use super::live::count;
use super::report::Failure;
use super::slot::Slot;
use crate::context::FlContext;
use crate::exchange::Shareable;
use crate::filter::Leaf;
use crate::policy::OnFilterFailure;

/// What came through filters.
pub(super) struct Passed {
    pub(super) data: Shareable,
    /// What each filter did, by its id.
    pub(super) filters: IndexMap<String, Vec<Leaf>>,
    /// Why it was held back.
    pub(super) held_back: Option<Failure>,
}

/// Passes a task's data through filters, one after the other.
pub(super) fn pass(
    filters: &[Arc<Slot>],
    task: &str,
    mut data: Shareable,
    context: &Arc<FlContext>,
) -> Passed {
    let mut done = IndexMap::new();
    for slot in filters {
        // The clone shares the tensors' data.
        let before = data.clone();
        let filtered = slot.enter(|instance| Ok(instance.filter_result(data, context)));
        let error = match filtered {
            Ok(filtered) => {
                data = filtered.reply;
                match filtered.outcome {
                    Ok(leaves) => {
                        done.insert(slot.id.to_string(), leaves);
                        continue;
                    }
                    Err(error) => error,
                }
            }
            Err(error) => {
                data = Shareable::held_back(&error);
                error
            }
        };
        match slot.grants.on_filter_failure {
            OnFilterFailure::HoldBack => {
                tracing::error!(
                    component = &*slot.label,
                    "{}: the data does not leave: {error}",
                    named(task)
                );
                count(&slot.live.refusals);
                let (code, error) = (error.code(), error.to_string());
                let failure = Failure { what: slot.id.to_string(), code, error };
                return Passed { data, filters: done, held_back: Some(failure) };
            }
            OnFilterFailure::LetPass => {
                slot.note_failure("THE DATA LEAVES UNFILTERED, as the policy has it", &error);
                data = before;
            }
        }
    }
    Passed { data, filters: done, held_back: None }
}
