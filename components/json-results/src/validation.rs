//! The results of a cross-site validation: of each client's data, what each model made of it.

use std::ops::ControlFlow;

use python_json::{Layout, Value};

use crate::kept::Kept;
use crate::limits::MAX_DEPTH;
use crate::received::values;
use crate::{Dxo, Kind, Problem, Problems, Reason, Received};

/// Keeps the metrics of each client and model owner.
pub struct Validation(pub(crate) Kept);

impl Default for Validation {
    fn default() -> Self {
        Self(Kept::new(Layout::Line))
    }
}

impl Validation {
    /// Forgets all results.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps a result, or as much of it as can be kept, and tells what is wrong with the rest.
    ///
    /// Metrics are kept under their client, each dxo in a collection under `client.path.to.it`.
    pub fn receive<D: Dxo>(&mut self, received: &Received<D>) -> Problems {
        let mut problems = Problems::default();
        if received.model_owner.is_none() {
            problems.add(Problem::NoModelOwner);
        }
        if received.data_client.is_none() {
            problems.add(Problem::NoDataClient);
        }
        let Some(result) = &received.result else {
            problems.add(Problem::NoResult);
            return problems;
        };
        if let (Some(owner), Some(client)) = (&received.model_owner, &received.data_client) {
            let mut keeping = Keeping { kept: &mut self.0, owner, problems: &mut problems };
            match result.dxo() {
                Ok(dxo) => keeping.root(dxo, client),
                Err(reason) => keeping.refuse(client, reason),
            }
        }
        problems
    }

    /// How many clients there are results of.
    pub fn clients(&self) -> usize {
        self.0.clients()
    }

    /// The text of the results file.
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }
}

/// Keeping the result of one model.
struct Keeping<'a> {
    kept: &'a mut Kept,
    owner: &'a str,
    problems: &'a mut Problems,
}

impl Keeping<'_> {
    fn root<D: Dxo>(&mut self, dxo: &D, client: &str) {
        match dxo.kind() {
            Kind::Metrics => {
                let _ = self.leaf(dxo, client);
            }
            Kind::Collection => {
                let _ = self.collection(dxo, client, MAX_DEPTH);
            }
            kind => self.refuse(client, Reason::WrongKind { kind, wanted: "METRICS or COLLECTION" }),
        }
    }

    /// Keeps the members of a collection, where so many levels are left; breaks off where there is no
    /// room for more.
    fn collection<D: Dxo>(&mut self, dxo: &D, path: &str, levels: usize) -> ControlFlow<()> {
        let Some(levels) = levels.checked_sub(1) else {
            self.refuse(path, Reason::TooDeep);
            return ControlFlow::Continue(());
        };
        for name in dxo.members() {
            let path = format!("{path}.{name}");
            match dxo.member(&name) {
                Ok(member) if member.kind() == Kind::Collection => self.collection(&member, &path, levels)?,
                Ok(member) => self.leaf(&member, &path)?,
                Err(error) => self.refuse(&path, Reason::Host(error.to_string())),
            }
        }
        ControlFlow::Continue(())
    }

    /// Keeps the values of a dxo.
    fn leaf<D: Dxo>(&mut self, dxo: &D, client: &str) -> ControlFlow<()> {
        let values = match values(dxo) {
            Ok(values) => Value::Dict(values),
            Err(reason) => {
                self.refuse(client, reason);
                return ControlFlow::Continue(());
            }
        };
        match self.kept.insert(client, self.owner, &values) {
            Ok(()) => ControlFlow::Continue(()),
            Err(full) => {
                self.refuse(client, full.into());
                ControlFlow::Break(())
            }
        }
    }

    fn refuse(&mut self, client: &str, reason: Reason) {
        let of = format!("model {:?}, client {client:?}", self.owner);
        self.problems.add(Problem::NotKept { of, reason });
    }
}
