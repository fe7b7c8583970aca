//! What was refused: data on its way out or in, and calls into the host.

use super::told::MOST;
use crate::model::{Component, Failure, Report, Task};
use crate::sentence::Sentence;
use crate::text::counted;

/// What the host says of what it does not do on a developer's machine.
const WITHHELD: &str = "local dev: nothing is deleted or uploaded";

/// Whether a failure is told among the refusals; that of a filter stands with its result.
pub(super) fn is_refusal(code: &str) -> bool {
    matches!(code, "refused" | "not-permitted")
}

impl Report {
    /// Tasks whose data was not let in.
    pub(crate) fn kept_out(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.kept_out())
    }

    /// Whether what failed was only not done, as on a developer's machine.
    pub(super) fn is_withheld(&self, failure: &Failure) -> bool {
        self.local_dev && failure.error.ends_with(WITHHELD)
    }

    /// What components were not permitted and failed for: place, id, error. What a filter failed for stands with the
    /// data that it held back.
    fn not_permitted(&self) -> impl Iterator<Item = (&str, &Component, &Failure)> {
        self.components().flat_map(move |(place, component)| {
            let failures = component.failures.iter().filter(|failure| failure.code == "not-permitted");
            let told = move |failure: &&Failure| {
                let held = self.held_back().filter_map(|result| result.refused.as_ref());
                held.into_iter().any(|held| held.what == component.id && held.error == failure.error)
            };
            failures
                .filter(move |failure| !told(failure))
                .map(move |failure| (place.name.as_str(), component, failure))
        })
    }

    /// How many calls into the host were refused.
    pub(crate) fn refused_calls(&self) -> u64 {
        let swallowed = self.components().map(|(_, component)| self.swallowed(component));
        swallowed.fold(self.not_permitted().count() as u64, u64::saturating_add)
    }

    /// How many refused calls of a component no failure tells of: it went on without them.
    fn swallowed(&self, component: &Component) -> u64 {
        let failed = component.failures.iter().filter(|failure| failure.code == "not-permitted").count();
        component.usage.refusals.saturating_sub(failed as u64)
    }

    /// Everything that was refused, counted.
    pub(crate) fn refusals(&self) -> u64 {
        let data = self.held_back().count().saturating_add(self.kept_out().count());
        self.refused_calls().saturating_add(data as u64)
    }

    /// What was refused besides data on its way out.
    pub(super) fn refusals_in_short(&self) -> String {
        let (kept_out, calls) = (self.kept_out().count() as u64, self.refused_calls());
        let mut parts = Vec::new();
        if kept_out > 0 {
            parts.push(format!("the data of {} was not let in", counted(kept_out, "task")));
        }
        if calls > 0 {
            let verb = if calls == 1 { "was" } else { "were" };
            parts.push(format!("{} {verb} not permitted", counted(calls, "call")));
        }
        match (parts.is_empty(), self.is_partly_known()) {
            (false, _) => parts.join(", and "),
            (true, false) => "nothing was refused".to_owned(),
            (true, true) => "nothing was refused in what is known of it".to_owned(),
        }
    }

    /// The end of a sentence on data that was held back.
    pub(super) fn besides_held_back(&self) -> String {
        match self.refusals() > self.held_back().count() as u64 {
            true => format!("; {}.", self.refusals_in_short()),
            false => ".".to_owned(),
        }
    }

    /// Whether a trail is all that is known, and not all of it.
    fn is_partly_known(&self) -> bool {
        self.timeline_left_out > 0 && self.components().any(|(_, component)| component.of_trail)
    }

    pub(super) fn what_was_refused(&self) -> Vec<Sentence> {
        let held = self.held_back().filter_map(|result| Some((result, result.refused.as_ref()?)));
        let held = held.map(|(result, why)| {
            let data = Sentence::of("The result of ").name(&result.task).text(" was held back at ");
            let data = data.name(&result.at);
            let by = if why.what.is_empty() { data } else { data.text(" by ").name(&why.what) };
            by.text(": ").reason(self.reason(&result.at, why)).text(".")
        });
        let kept_out = self.kept_out().map(|task| {
            let data =
                Sentence::of("The data of ").name(&task.task).text(" was not let in at ").name(&task.at);
            let by = if task.executor.is_empty() { data } else { data.text(" by ").name(&task.executor) };
            match &task.exception {
                Some(error) => {
                    let why =
                        Failure { what: task.executor.clone(), error: error.clone(), ..Failure::default() };
                    by.text(": ").reason(self.reason(&task.at, &why)).text(".")
                }
                None => by.text("."),
            }
        });
        let failed = self.not_permitted().map(|(place, component, failure)| {
            let who = Sentence::default().name(&component.id).text(" at ").name(place);
            who.text(": ").reason(&failure.error).text(".")
        });
        let swallowed =
            self.components().filter_map(|(place, component)| {
                let calls = self.swallowed(component);
                let who = Sentence::default().name(&component.id).text(" at ").name(&place.name);
                let calls = (calls > 0).then(|| counted(calls, "call"))?;
                Some(who.text(format!(
                    ": {calls} into the host that its policy does not grant; it went on without."
                )))
            });
        let mut sentences: Vec<_> = held.chain(kept_out).chain(failed).chain(swallowed).collect();
        let more = sentences.len().saturating_sub(MOST);
        sentences.truncate(MOST);
        if more > 0 {
            sentences.push(Sentence::of(format!("And {}.", counted(more as u64, "more refusal"))));
        }
        match (sentences.is_empty(), self.is_partly_known()) {
            (false, _) => sentences,
            (true, false) => vec![Sentence::of("Nothing was refused.")],
            (true, true) => vec![Sentence::of("Nothing was refused in what is known of the run.")],
        }
    }

    /// A reason without what stands before it already: the component, by whichever name, and that it refused.
    pub(crate) fn reason<'a>(&'a self, at: &str, why: &'a Failure) -> &'a str {
        let here = self.components().filter(|(place, _)| place.name == at);
        let class = here.map(|(_, component)| component).find(|component| component.id == why.what);
        let names = [Some(why.what.as_str()), class.map(|component| component.name.as_str())];
        let without = names.into_iter().flatten().filter(|name| !name.is_empty()).find_map(|name| {
            let rest = why.error.strip_prefix(name)?.strip_prefix(": ")?;
            Some(rest)
        });
        let rest = without.unwrap_or(&why.error);
        rest.strip_prefix("refused: ").unwrap_or(rest)
    }
}
