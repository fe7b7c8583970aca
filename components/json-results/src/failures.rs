//! The evaluation tasks that failed.

use python_json::{Layout, Value, Writer};

use crate::Full;
use crate::kept::Bounded;
use crate::limits::{ENTRY, MAX_FAILURES};

/// Failures as the texts that will be written, in the order in which they came.
pub struct Failures {
    failures: Vec<String>,
    cost: usize,
    layout: Layout,
}

impl Failures {
    pub fn new(layout: Layout) -> Self {
        Self { failures: Vec::new(), cost: 0, layout }
    }

    pub fn clear(&mut self) {
        *self = Self::new(self.layout);
    }

    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }

    pub fn len(&self) -> usize {
        self.failures.len()
    }

    /// Keeps a failure, last.
    pub fn add(&mut self, model: Option<&str>, client: &str, return_code: &str) -> Result<(), Full> {
        let text = |text: &str| Value::Str(text.to_owned());
        let failure = [
            ("model", model.map_or(Value::None, text)),
            ("client", text(client)),
            ("return_code", text(return_code)),
        ];
        let failure = failure.map(|(key, value)| (key.to_owned(), value));
        self.push(&Value::Dict(failure.into_iter().collect()))
    }

    /// The same of one that is a dict already.
    pub fn push(&mut self, failure: &Value) -> Result<(), Full> {
        let full = Full { allowed: MAX_FAILURES };
        let room = MAX_FAILURES.checked_sub(self.cost + ENTRY).ok_or(full)?;
        let mut text = Bounded { text: String::new(), room };
        // A list around it.
        Writer::new(&mut text, self.layout).inside(1).value(failure).map_err(|_| full)?;
        self.cost = MAX_FAILURES - text.room;
        text.text.shrink_to_fit();
        self.failures.push(text.text);
        Ok(())
    }

    /// The text of the file of failures.
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(self.cost);
        // A String takes whatever is written to it.
        let _ = Writer::new(&mut json, self.layout).list(&self.failures, |writer, text| writer.written(text));
        json
    }
}
