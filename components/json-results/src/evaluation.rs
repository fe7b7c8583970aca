//! The results of an evaluation: of each client's data, what one model, or each of several, made of it.

use python_json::{Layout, Value};

use crate::failures::Failures;
use crate::kept::Kept;
use crate::received::values;
use crate::{Dxo, Kind, Problem, Problems, Reason, Received, TaskResult};

const OK: &str = "OK";
/// The return code of a task whose result cannot be kept.
const BROKEN: &str = "EXECUTION_RESULT_ERROR";
const LAYOUT: Layout = Layout::Indent(4);

/// Keeps the metrics of each client, and the tasks that failed.
pub struct Evaluation {
    pub(crate) results: Kept,
    pub(crate) failures: Failures,
}

impl Default for Evaluation {
    fn default() -> Self {
        Self { results: Kept::new(LAYOUT), failures: Failures::new(LAYOUT) }
    }
}

impl Evaluation {
    /// Forgets all results and failures.
    pub fn clear(&mut self) {
        self.results.clear();
        self.failures.clear();
    }

    /// Keeps a result or the fact that there is none, and tells what is wrong with it.
    ///
    /// Metrics are kept under their client; where a model owner is named, under that, so that the results
    /// of one model do not take the place of another's.
    pub fn receive<D: Dxo>(&mut self, received: &Received<D>) -> Problems {
        let mut problems = Problems::default();
        let owner = received.model_owner.as_deref();
        let Some(client) = &received.data_client else {
            problems.add(Problem::NoDataClient);
            return problems;
        };
        let Some(result) = &received.result else {
            problems.add(Problem::NoResult);
            return problems;
        };
        let of = owner.map_or_else(
            || format!("client {client:?}"),
            |owner| format!("model {owner:?}, client {client:?}"),
        );
        let return_code = result.return_code;
        let (failed, problem) = if return_code != OK {
            (return_code, Problem::Failed { of: of.clone(), return_code })
        } else if let Err(reason) = self.keep(owner, client, result) {
            (BROKEN, Problem::NotKept { of: of.clone(), reason })
        } else {
            return problems;
        };
        problems.add(problem);
        if let Err(full) = self.failures.add(owner, client, failed) {
            problems.add(Problem::NotKept { of, reason: full.into() });
        }
        problems
    }

    fn keep<D: Dxo>(
        &mut self,
        owner: Option<&str>,
        client: &str,
        result: &TaskResult<D>,
    ) -> Result<(), Reason> {
        let dxo = result.dxo()?;
        let kind = dxo.kind();
        if kind != Kind::Metrics {
            return Err(Reason::WrongKind { kind, wanted: "METRICS" });
        }
        let values = values(dxo)?;
        match owner {
            Some(owner) => self.results.insert(client, owner, &Value::Dict(values))?,
            None => self.results.replace(client, &values)?,
        }
        Ok(())
    }

    /// Whether tasks failed and none produced metrics. Without any task, nothing has failed.
    pub fn all_tasks_failed(&self) -> bool {
        !self.failures.is_empty() && self.results.is_empty()
    }

    /// How many clients there are results of.
    pub fn clients(&self) -> usize {
        self.results.clients()
    }

    /// How many tasks failed.
    pub fn failures(&self) -> usize {
        self.failures.len()
    }

    /// The text of the results file.
    pub fn results_json(&self) -> String {
        self.results.to_json()
    }

    /// The text of the file of failures.
    pub fn failures_json(&self) -> String {
        self.failures.to_json()
    }
}
