//! The duties that FLARE's base class of filters has: which data a filter sees, the history of filters,
//! and that nothing leaves a site where a filter did not do its work.

mod change;
mod parts;
mod phases;
mod untouched;
mod workers;

use std::sync::Arc;

use change::Sample;
pub(crate) use change::four_digits;
use flip_report::Change;
use indexmap::IndexMap;
use serde::Serialize;
use wasmtime::Store;
use wasmtime::component::Resource;

use crate::bindings::exports::flip::fl::dxo_filter::{self, Guest};
use crate::bindings::flip::fl::types::{self, Verdict};
use crate::budget::{Budget, Charge, Kept, spent};
use crate::context::FlContext;
use crate::error::Error;
use crate::exchange::{Dxo, DxoData, MAX_DEPTH, ReturnCode, Shareable};
use crate::host::HostState;
use crate::host::exchange::HostDxo;
use crate::host::log::one_line;
use crate::instance::{Instance, Scope};
use crate::json::Json;
use crate::roles::guest;
use crate::tensor::TensorError;
use untouched::Before;

/// NVFLARE's meta key for the names of the filters that a dxo went through.
const FILTER_HISTORY: &str = "filter_history";

/// A dxo that a filter let out.
#[derive(Debug)]
pub struct Filtered {
    /// The dxo as it may leave.
    pub dxo: Dxo,
    /// What became of each leaf, in order.
    pub leaves: Vec<Leaf>,
}

/// What became of one leaf dxo.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leaf {
    /// The names of the collections' members that lead to it, joined by dots; empty for the dxo itself.
    pub path: String,
    /// What the filter did.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The figures that it reported.
    pub gauges: IndexMap<String, f64>,
    /// How the tensors changed, where that was asked for:
    /// [`InstanceBuilder::measure_changes`](crate::InstanceBuilder::measure_changes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// What a filter did to a leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "reason", rename_all = "kebab-case")]
pub enum Outcome {
    /// It was changed as configured.
    Filtered,
    /// The filter left it as it was on purpose.
    Unchanged(String),
    /// The filter was not shown it.
    PassedBy(String),
}

/// A task's result after a filter.
#[derive(Debug)]
pub struct FilteredResult {
    /// What goes out: the result, or a reply without data where the filter failed.
    pub reply: Shareable,
    /// What became of each leaf, or why nothing goes out.
    pub outcome: Result<Vec<Leaf>, Error>,
}

impl Shareable {
    /// What goes out in the place of a result that a filter failed on.
    pub(crate) fn held_back(error: &Error) -> Self {
        let reason = Json::of(&error.to_string()).ok();
        Self {
            return_code: ReturnCode::TaskResultFilterError,
            headers: reason.map(|reason| ("exception".to_owned(), reason)).into_iter().collect(),
            dxo: None,
        }
    }
}

impl Instance {
    /// Filters a dxo: each leaf of a kind that the filter asks for, in collections too. Where this
    /// returns an error nothing of the dxo may leave; a clone made before shares its data and keeps it.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where the filter refused; else whatever kept it from doing its work.
    pub fn filter(&mut self, dxo: Dxo, ctx: &Arc<FlContext>) -> Result<Filtered, Error> {
        let guest = guest!(self, "dxo-filter", dxo_filter);
        let mut under_way = UnderWay { guest, ctx, leaves: Vec::new(), grown: Vec::new() };
        let dxo = self.filter_part(dxo, &mut Vec::new(), &mut under_way)?;
        Ok(Filtered { dxo, leaves: under_way.leaves })
    }

    /// Filters a task's result on its way out. It fails closed: where the filter does not do its work,
    /// the reply carries NVFLARE's `TASK_RESULT_FILTER_ERROR`, the reason in the header `exception`, and
    /// no data. A result that is not OK, or that is no dxo, passes by.
    pub fn filter_result(&mut self, mut result: Shareable, ctx: &Arc<FlContext>) -> FilteredResult {
        let dxo = match result.return_code {
            ReturnCode::Ok => result.dxo.take(),
            _ => None,
        };
        let Some(dxo) = dxo else {
            return FilteredResult { reply: result, outcome: Ok(Vec::new()) };
        };
        match self.filter(dxo, ctx) {
            Ok(Filtered { dxo, leaves }) => {
                result.dxo = Some(dxo);
                FilteredResult { reply: result, outcome: Ok(leaves) }
            }
            Err(error) => FilteredResult { reply: Shareable::held_back(&error), outcome: Err(error) },
        }
    }

    fn filter_part(
        &mut self,
        mut dxo: Dxo,
        path: &mut Vec<String>,
        under_way: &mut UnderWay<'_>,
    ) -> Result<Dxo, Error> {
        if path.len() >= MAX_DEPTH {
            return Err(Error::InvalidData(format!("collections nest deeper than {MAX_DEPTH}")));
        }
        if let DxoData::Members(members) = &mut dxo.data {
            for (name, member) in std::mem::take(members) {
                path.push(name.clone());
                let member = self.filter_part(member, path, under_way)?;
                path.pop();
                members.insert(name, member);
            }
            return Ok(dxo);
        }
        let passed_by = if dxo.is_empty() {
            Some("it has no data".to_owned())
        } else if !self.data_kinds().is_empty() && !self.data_kinds().contains(&dxo.kind()) {
            let kinds: Vec<_> = self.data_kinds().iter().map(|kind| kind.name()).collect();
            Some(format!("its kind is {}, the filter is for {}", dxo.kind(), kinds.join(", ")))
        } else {
            None
        };
        let path = path.join(".");
        let (dxo, leaf) = match passed_by {
            Some(reason) => {
                let (outcome, gauges) = (Outcome::PassedBy(reason), IndexMap::new());
                (dxo, Leaf { path, outcome, gauges, change: None })
            }
            None => {
                let sample = if self.measures_changes { Sample::of(&mut dxo) } else { None };
                let (mut dxo, outcome, gauges) = self.filter_leaf(dxo, under_way)?;
                let change = sample.map(|sample| sample.compare(&mut dxo, &gauges)).transpose()?;
                (dxo, Leaf { path, outcome, gauges, change })
            }
        };
        under_way.leaves.push(leaf);
        Ok(dxo)
    }

    fn filter_leaf(
        &mut self,
        mut dxo: Dxo,
        under_way: &mut UnderWay<'_>,
    ) -> Result<(Dxo, Outcome, IndexMap<String, f64>), Error> {
        let UnderWay { guest, ctx, grown, .. } = under_way;
        // Taken before the component has the dxo, which could rewrite what other filters left in it.
        let mut history: Vec<serde_json::Value> = match dxo.meta.get(FILTER_HISTORY) {
            None => Vec::new(),
            Some(text) => {
                text.to().map_err(|_| Error::InvalidData(format!("meta {FILTER_HISTORY} is no list")))?
            }
        };
        drop(self.gauges());
        let sharing = self.sharing(&dxo);
        let before = Before::of(&mut dxo);
        let (given, bytes) = (self.given(&dxo)?, dxo.byte_len());
        let (mut dxo, verdict) = match sharing {
            Some(sharing) => self.filter_in_phases(dxo, given, ctx, sharing)?,
            None => {
                let (guest, of_call) = (guest.clone(), ctx.clone());
                self.with_dxo(dxo, given, Scope::of(ctx), HostDxo::update, async move |store, dxo| {
                    let ctx = store.data_mut().lend(&of_call)?;
                    guest.call_process_dxo(store, dxo, ctx).await
                })?
            }
        };
        let gauges = self.gauges();
        let outcome = match verdict {
            Err(error) => return Err(self.failed(error)),
            Ok(Verdict::Refused(reason)) => return Err(self.refused(&reason)),
            Ok(Verdict::Filtered) => Outcome::Filtered,
            Ok(Verdict::Unchanged(_)) if !before.is(&dxo) => {
                let text = "it says that it changed nothing, and has changed the data".to_owned();
                return Err(self.failed(types::Error::InvalidArgument(text)));
            }
            Ok(Verdict::Unchanged(reason)) => Outcome::Unchanged(one_line(&reason, 1_000)),
        };
        // What the leaf has more than it came with stays on its account until the whole is done: leaves may be many.
        let more = dxo.kept().beyond(given);
        let longer = dxo.byte_len().saturating_sub(bytes);
        grown.extend(self.charged(Kept { tensors: more.tensors.max(longer), ..more })?);
        history.push(self.name().into());
        dxo.set_meta(FILTER_HISTORY, &history).map_err(|error| Error::InvalidData(error.to_string()))?;
        Ok((dxo, outcome, gauges))
    }
}

/// A dxo that is being filtered.
struct UnderWay<'a> {
    guest: Guest,
    ctx: &'a Arc<FlContext>,
    leaves: Vec<Leaf>,
    grown: Vec<Charge>,
}

impl Instance {
    /// Enters the component with a dxo, as `host` shows it, of which so much was given to it.
    fn with_dxo<R: Send + 'static>(
        &mut self,
        dxo: Dxo,
        given: Kept,
        scope: Scope<'_>,
        host: fn(Dxo, &Budget) -> Result<HostDxo, TensorError>,
        call: impl AsyncFnOnce(&mut Store<HostState>, Resource<HostDxo>) -> wasmtime::Result<R> + Send + 'static,
    ) -> Result<(Dxo, R), Error> {
        self.enter(scope.and([&dxo]), async move |live| {
            let state = live.store.data_mut();
            state.tensors.budget.give(given);
            let mut dxo = dxo;
            // This fails where what the component keeps of earlier calls leaves too little.
            dxo.charge(&state.tensors.budget).map_err(spent)?;
            let dxo = host(dxo, &state.tensors.budget).map_err(spent)?;
            let dxo = state.table.push(dxo)?;
            let answer = call(&mut live.store, Resource::new_borrow(dxo.rep())).await?;
            let state = live.store.data_mut();
            let mut dxo = state.table.delete(dxo)?.into_dxo();
            dxo.release();
            // It was given for this call: what the component keeps is its own.
            state.tensors.budget.give(Kept::default());
            Ok((dxo, answer))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::DataKind;
    use crate::limits::Limits;
    use crate::runtime::Runtime;
    use crate::tensor::{Dtype, Tensor};

    #[test]
    fn data_that_a_filter_was_given_was_given_to_it_in_later_calls_too() {
        let filter = Runtime::new().unwrap().load("PercentilePrivacy").unwrap();
        let limits = Limits { host_bytes: 1 << 20, ..Limits::default() };
        let mut filter = filter.instance().limits(limits).build().unwrap();
        let tensor = Tensor::new(Dtype::Float32, &[1 << 20], vec![0; 4 << 20]).unwrap();
        let dxo = Dxo::of_tensors(DataKind::Weights, [("a".to_owned(), tensor)]).unwrap();
        filter.filter(dxo, &Arc::default()).unwrap();
        drop(filter.charged(Kept { texts: 0, tensors: 1 << 20 }).unwrap());
        let error = filter.charged(Kept { texts: 0, tensors: (1 << 20) + 1 }).unwrap_err();
        assert!(error.to_string().contains("limit host-bytes reached"), "{error}");
    }
}
