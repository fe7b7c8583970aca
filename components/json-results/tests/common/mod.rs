//! Results as tests describe them.
#![allow(dead_code, reason = "each test file uses a part of it")]

use indexmap::IndexMap;
use json_results::{Dxo, Kind, Received, TaskResult};
use serde_json::Value as Json;

/// A dxo in memory. A member that is none cannot be had.
#[derive(Clone, Debug)]
pub enum TestDxo {
    Values(Kind, String),
    Tensors,
    Collection(IndexMap<String, Option<TestDxo>>),
}

impl Dxo for TestDxo {
    type Error = String;

    fn kind(&self) -> Kind {
        match self {
            Self::Values(kind, _) => *kind,
            Self::Tensors => Kind::Other("WEIGHTS"),
            Self::Collection(_) => Kind::Collection,
        }
    }

    fn values(&self) -> Result<String, String> {
        match self {
            Self::Values(_, values) => Ok(values.clone()),
            _ => Err("it holds no plain values".to_owned()),
        }
    }

    fn members(&self) -> Vec<String> {
        match self {
            Self::Collection(members) => members.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    fn member(&self, name: &str) -> Result<Self, String> {
        let member = match self {
            Self::Collection(members) => members.get(name).cloned().flatten(),
            _ => None,
        };
        member.ok_or_else(|| format!("no member is called {name:?}"))
    }
}

pub fn metrics(values: &str) -> TestDxo {
    TestDxo::Values(Kind::Metrics, values.to_owned())
}

pub fn collection<const N: usize>(members: [(&str, TestDxo); N]) -> TestDxo {
    TestDxo::Collection(members.map(|(name, member)| (name.to_owned(), Some(member))).into())
}

/// A dxo as `fixtures/record.py` describes it.
pub fn described(dxo: &Json) -> TestDxo {
    if let Some(members) = dxo["members"].as_object() {
        let member = |(name, member): (&String, &Json)| (name.clone(), Some(described(member)));
        return TestDxo::Collection(members.iter().map(member).collect());
    }
    let kind = match dxo["kind"].as_str().unwrap() {
        "METRICS" => Kind::Metrics,
        _ => Kind::Other("STATISTICS"),
    };
    TestDxo::Values(kind, dxo["values"].as_str().unwrap().to_owned())
}

/// A result of a task that went well.
pub fn received(owner: &str, client: &str, dxo: TestDxo) -> Received<TestDxo> {
    of_task(owner, client, "OK", Ok(Some(dxo)))
}

/// A result; an empty name is none.
pub fn of_task(
    owner: &str,
    client: &str,
    return_code: &'static str,
    dxo: Result<Option<TestDxo>, String>,
) -> Received<TestDxo> {
    let name = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    Received {
        model_owner: name(owner),
        data_client: name(client),
        result: Some(TaskResult { return_code, dxo }),
    }
}
