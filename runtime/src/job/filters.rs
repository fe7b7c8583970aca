//! Data on its way through the filters of a task.

use std::sync::Arc;

use indexmap::IndexMap;

use super::report::Failure;
use super::slot::Slot;
use crate::context::FlContext;
use crate::error::Error;
use crate::exchange::Shareable;
use crate::filter::Leaf;
use crate::policy::OnFilterFailure;

/// What came through filters.
pub(super) struct Passed {
    pub(super) data: Shareable,
    /// What each filter did, by its id.
    pub(super) filters: IndexMap<String, Vec<Leaf>>,
    /// Why it was held back, or went on unfiltered.
    pub(super) failure: Option<Failure>,
    pub(super) held_back: bool,
}

/// Passes data through filters, one after the other.
pub(super) fn pass(filters: &[Arc<Slot>], mut data: Shareable, context: &Arc<FlContext>) -> Passed {
    let mut done = IndexMap::new();
    let (mut failure, mut held_back) = (None, false);
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
        slot.note(
            "filter",
            Err(Error::Refused { component: slot.id.to_string(), reason: error.to_string() }),
        );
        failure = Some(Failure { what: slot.id.to_string(), code: error.code(), error: error.to_string() });
        match slot.on_filter_failure {
            OnFilterFailure::HoldBack => {
                held_back = true;
                break;
            }
            OnFilterFailure::LetPass => {
                tracing::error!(component = &*slot.id, "THE DATA LEAVES UNFILTERED, as the policy has it");
                data = before;
            }
        }
    }
    Passed { data, filters: done, failure, held_back }
}
