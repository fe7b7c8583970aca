//! The evaluation tasks that failed.

use python_json::{Layout, Value, Writer};

use crate::Full;
use crate::kept::cost;
use crate::limits::MAX_FAILURES;

struct Failure {
    model: Option<String>,
    client: String,
    return_code: &'static str,
}

/// Failures, in the order in which they came.
#[derive(Default)]
pub struct Failures {
    failures: Vec<Failure>,
    cost: usize,
}

impl Failures {
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }

    pub fn len(&self) -> usize {
        self.failures.len()
    }

    pub fn add(&mut self, model: Option<&str>, client: &str, return_code: &'static str) -> Result<(), Full> {
        let cost = self.cost + cost(client, model.unwrap_or_default());
        if cost > MAX_FAILURES {
            return Err(Full { allowed: MAX_FAILURES });
        }
        self.cost = cost;
        self.failures.push(Failure {
            model: model.map(str::to_owned),
            client: client.to_owned(),
            return_code,
        });
        Ok(())
    }

    /// The text of the file of failures.
    pub fn to_json(&self, layout: Layout) -> String {
        let mut json = String::new();
        // A String takes whatever is written to it.
        let _ = Writer::new(&mut json, layout).list(&self.failures, |writer, failure| {
            let entries = [
                ("model", failure.model.as_deref()),
                ("client", Some(failure.client.as_str())),
                ("return_code", Some(failure.return_code)),
            ];
            writer.dict(entries, |writer, text| match text {
                Some(text) => writer.string(text),
                None => writer.value(&Value::None),
            })
        });
        json
    }
}
