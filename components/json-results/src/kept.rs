//! The results that are kept: of each client some, by a key.

use std::fmt;

use indexmap::IndexMap;
use python_json::{Dict, Layout, Value, Writer};

use crate::limits::{ENTRY, MAX_KEPT};

/// There is no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all that is kept would come to more than {allowed} bytes")]
pub struct Full {
    /// How much is kept at most.
    pub allowed: usize,
}

/// Results as the texts that will be written: what they cost is known, whatever a site sends.
pub struct Kept {
    clients: IndexMap<String, IndexMap<String, String>>,
    cost: usize,
    layout: Layout,
}

impl Kept {
    pub fn new(layout: Layout) -> Self {
        Self { clients: IndexMap::new(), cost: 0, layout }
    }

    /// Nothing, in the same layout.
    pub fn none(&self) -> Self {
        Self::new(self.layout)
    }

    pub fn layout(&self) -> Layout {
        self.layout
    }

    pub fn clear(&mut self) {
        *self = self.none();
    }

    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Keeps a value of a client, in the place of the one with this key, or last.
    pub fn insert(&mut self, client: &str, key: &str, value: &Value) -> Result<(), Full> {
        let replaced = self.clients.get(client).map_or(0, |entries| match entries.get(key) {
            Some(text) => cost(client, key) + text.len(),
            None if entries.is_empty() => cost(client, ""),
            None => 0,
        });
        let mut room = self.room(replaced);
        let text = self.text(client, key, value, &mut room)?;
        self.cost = MAX_KEPT - room;
        self.clients.entry(client.to_owned()).or_default().insert(key.to_owned(), text);
        Ok(())
    }

    /// Keeps these values of a client and no others.
    pub fn replace(&mut self, client: &str, values: &Dict) -> Result<(), Full> {
        let mut room = self.room(self.clients.get(client).map_or(0, |replaced| of_client(client, replaced)));
        let entries = values
            .iter()
            .map(|(key, value)| Ok((key.to_owned(), self.text(client, key, value, &mut room)?)))
            .collect::<Result<IndexMap<_, _>, Full>>()?;
        if entries.is_empty() {
            room = room.checked_sub(cost(client, "")).ok_or(Full { allowed: MAX_KEPT })?;
        }
        self.cost = MAX_KEPT - room;
        self.clients.insert(client.to_owned(), entries);
        Ok(())
    }

    /// All of it, as one dict of clients.
    pub fn to_json(&self) -> String {
        // As much at most: growing would take as much again.
        let mut json = String::with_capacity(self.cost);
        self.write(&mut json);
        json
    }

    /// The same, behind what `json` holds.
    pub fn write(&self, json: &mut String) {
        // A String takes whatever is written to it.
        let _ = Writer::new(json, self.layout)
            .dict(&self.clients, |writer, entries| writer.dict(entries, |writer, text| writer.written(text)));
    }

    /// What all of it costs; its JSON is no longer.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// The room for what comes in the place of something of this cost.
    fn room(&self, replaced: usize) -> usize {
        (MAX_KEPT + replaced).saturating_sub(self.cost)
    }

    /// The text of an entry, where it fits into `room`, which becomes less.
    fn text(&self, client: &str, key: &str, value: &Value, room: &mut usize) -> Result<String, Full> {
        let full = Full { allowed: MAX_KEPT };
        let left = room.checked_sub(cost(client, key)).ok_or(full)?;
        let mut text = Bounded { text: String::new(), room: left };
        // Two dicts around it: of clients, and of the entries of one.
        Writer::new(&mut text, self.layout).inside(2).value(value).map_err(|_| full)?;
        *room = text.room;
        text.text.shrink_to_fit();
        Ok(text.text)
    }
}

/// What all entries of a client cost, or that there are none.
fn of_client(client: &str, entries: &IndexMap<String, String>) -> usize {
    match entries.is_empty() {
        true => cost(client, ""),
        false => entries.iter().map(|(key, text)| cost(client, key) + text.len()).sum(),
    }
}

/// What an entry costs beside its text. A byte of a name can become six in the file (`\u001f`).
pub fn cost(client: &str, key: &str) -> usize {
    ENTRY + 6 * (client.len() + key.len())
}

/// A text that takes so many bytes and no more.
pub struct Bounded {
    pub text: String,
    pub room: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.room = self.room.checked_sub(text.len()).ok_or(fmt::Error)?;
        self.text.push_str(text);
        Ok(())
    }
}
