//! The sentences, by what they are about.

use crate::model::{Ran, Report, Sent, Work};
use crate::sentence::Sentence;
use crate::text::{count, counted, duration, size};

/// How many things of a kind have a sentence, or a name in one.
pub(super) const MOST: usize = 8;

impl Report {
    pub(super) fn what_ran(&self) -> Sentence {
        let start = match (self.ran, &self.job_id) {
            (Ran::Job, Some(id)) => Sentence::of("Job ").name(id).text(" ran"),
            (Ran::Job, None) => Sentence::of("A job ran"),
            (Ran::Filter, _) => Sentence::of("A filter ran on one update"),
            (Ran::Test, _) => Sentence::of(format!("{} ran", counted(self.cases.len() as u64, "test case"))),
            (Ran::Checkpoint, _) => Sentence::of("A checkpoint was read"),
            (Ran::Program, _) => Sentence::of("A program called components"),
        };
        let time = self.seconds.map_or_else(String::new, |seconds| format!(" in {}", duration(seconds)));
        let (mut built_in, mut pinned, mut free) = (0_u64, 0_u64, 0_u64);
        for (_, component) in self.components() {
            *match (component.built_in, component.pinned) {
                (true, _) => &mut built_in,
                (false, true) => &mut pinned,
                (false, false) => &mut free,
            } += 1;
        }
        let mut parts = Vec::new();
        if built_in > 0 {
            parts.push(format!("{} built in", count(built_in)));
        }
        if pinned > 0 {
            parts.push(format!("{} pinned by digest", count(pinned)));
        }
        if free > 0 {
            parts.push(format!("{} not pinned", count(free)));
        }
        let components = counted(built_in + pinned + free, "component");
        let which = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        let sentence = start.text(format!("{time}: {components}{which}"));
        let places = self.places.iter().map(|place| place.name.as_str());
        match (self.ran, self.places.is_empty()) {
            (Ran::Job, false) => sentence.text(" at ").names(places, MOST).text("."),
            _ => sentence.text(", in the sandbox."),
        }
    }

    pub(super) fn what_left(&self) -> Vec<Sentence> {
        if matches!(self.ran, Ran::Test | Ran::Checkpoint) && self.results.is_empty() {
            return Vec::new();
        }
        let left: Vec<_> = self.results.iter().filter(|result| result.left()).collect();
        if left.is_empty() {
            return vec![Sentence::of("No result left.")];
        }
        let bytes = left.iter().filter_map(|result| result.data.as_ref());
        let bytes = bytes.fold(0_u64, |sum, data| sum.saturating_add(data.bytes));
        let of = if bytes > 0 { format!(" of {} in all", size(bytes)) } else { String::new() };
        let mut places: Vec<&str> = left.iter().map(|result| result.at.as_str()).collect();
        places.sort_unstable();
        places.dedup();
        let all_filtered = left.iter().all(|result| result.filtered());
        let how = match (all_filtered, left.len()) {
            (true, 1) => ", through its filter.",
            (true, _) => ", each through a filter.",
            (false, _) => ".",
        };
        let first = Sentence::of(format!("{}{of} left ", counted(left.len() as u64, "result")));
        let mut sentences = vec![first.names(places, MOST).text(how)];
        let unfiltered = self.left_with(Work::NotDone).filter(|result| result.unfiltered.is_empty()).count();
        if unfiltered > 0 {
            let results = counted(unfiltered as u64, "result");
            sentences.push(Sentence::of(format!("{results} left that no filter worked on as a whole.")));
        }
        let unknown = self.left_with(Work::Unknown).count();
        if unknown > 0 {
            let results = counted(unknown as u64, "result");
            let untold = "left through filters; the audit trail names them, and not what they did.";
            sentences.push(Sentence::of(format!("{results} {untold}")));
        }
        sentences.extend(self.let_pass().take(MOST).map(|result| {
            Sentence::of("The policy let the result of ")
                .name(&result.task)
                .text(" leave ")
                .name(&result.at)
                .text(" although ")
                .names(result.unfiltered.iter().map(String::as_str), MOST)
                .text(" failed on it.")
        }));
        sentences
    }

    pub(super) fn what_was_stored(&self) -> Vec<Sentence> {
        let stored: Vec<_> = self.components().flat_map(|(_, component)| &component.usage.stored).collect();
        let totals = self.components().map(|(_, component)| component.usage.stored_total());
        let (objects, bytes) = totals.fold((0_u64, 0_u64), |(objects, bytes), (more, more_bytes)| {
            (objects.saturating_add(more), bytes.saturating_add(more_bytes))
        });
        match (stored.as_slice(), objects) {
            (_, 0) => Vec::new(),
            ([one], 1) => {
                vec![Sentence::of("One object of ").text(size(one.size)).text(": ").name(&one.key).text(".")]
            }
            _ => vec![Sentence::of(format!("{} of {} in all.", counted(objects, "object"), size(bytes)))],
        }
    }

    pub(super) fn what_was_deleted(&self) -> Vec<Sentence> {
        let (mut files, mut bytes, mut besides, mut trees) = (0_u64, 0_u64, false, Vec::new());
        for (_, component) in self.components() {
            let (more, more_bytes) = component.usage.deleted_total();
            files = files.saturating_add(more);
            bytes = bytes.saturating_add(more_bytes);
            besides |= !component.usage.deleted_besides.is_nothing();
        }
        let all = self.components().flat_map(|(_, component)| &component.usage.deleted);
        for deleted in all {
            if !trees.contains(&deleted.path.as_str()) && trees.len() <= MOST {
                trees.push(deleted.path.as_str());
            }
        }
        let gone = format!("{} of {}", counted(files, "file"), size(bytes));
        let within = || Sentence::of(format!("{gone}, in "));
        match trees.len() {
            0 if !besides => Vec::new(),
            0 => vec![Sentence::of(format!("{gone}."))],
            few if few <= MOST => vec![within().names(trees, MOST).text(".")],
            _ => vec![within().names(trees.into_iter().take(MOST), MOST).text(" and more.")],
        }
    }

    pub(super) fn what_the_hub_got(&self) -> Vec<Sentence> {
        // On a developer's machine nothing is sent.
        if self.local_dev {
            return Vec::new();
        }
        let (lost, told): (Vec<_>, Vec<_>) = self.statuses.iter().partition(|status| status.error.is_some());
        let mut sentences = Vec::new();
        if !told.is_empty() {
            let told = told.iter().map(|status| status.status.as_str());
            sentences.push(Sentence::of("The statuses ").names(told, MOST).text("."));
        }
        let Sent { metrics, exceptions, lost: lost_requests } = self.sent;
        let kinds = [(metrics, "metric"), (exceptions, "exception")];
        let kinds =
            kinds.iter().filter(|(number, _)| *number > 0).map(|(number, kind)| counted(*number, kind));
        let kinds: Vec<_> = kinds.collect();
        if !kinds.is_empty() {
            sentences.push(Sentence::of(format!("{}.", kinds.join(" and "))));
        }
        if lost_requests > 0 {
            let requests = counted(lost_requests, "request");
            sentences
                .push(Sentence::of(format!("{requests} with a metric or an exception did not reach it.")));
        }
        sentences.extend(lost.into_iter().take(MOST).map(|status| {
            let error = status.error.as_deref().unwrap_or_default();
            Sentence::default().name(&status.status).text(" did not reach it: ").reason(error).text(".")
        }));
        sentences
    }

    pub(super) fn what_failed(&self) -> Vec<Sentence> {
        let fatal = self.places.iter().filter_map(|place| {
            let fatal = place.fatal.as_ref()?;
            let panic = Sentence::default().name(&fatal.component).text(" at ").name(&place.name);
            Some(panic.text(" ended the run: ").reason(&fatal.reason).text("."))
        });
        let failures = self.components().flat_map(|(place, component)| {
            let failures = component.failures.iter().filter(|failure| !self.is_withheld(failure));
            let failures = failures.filter(|failure| !super::refused::is_refusal(&failure.code));
            failures.map(move |failure| {
                let who = Sentence::default().name(&component.id).text(" at ").name(&place.name);
                who.text(", in ").name(&failure.what).text(": ").reason(&failure.error).text(".")
            })
        });
        let tasks = self.tasks.iter().filter(|task| task.failed()).map(|task| {
            let task_at = Sentence::of("The task ").name(&task.task).text(" at ").name(&task.at);
            let why = task.exception.as_deref().unwrap_or_default();
            task_at.text(", in ").name(&task.executor).text(": ").reason(why).text(".")
        });
        let cases = self.cases.iter().filter(|case| !case.passed).map(|case| {
            let first = case.differences.first().map_or("it did not do what was expected", String::as_str);
            Sentence::default().name(&case.case).text(": ").reason(first).text(".")
        });
        let mut sentences: Vec<_> = fatal.chain(failures).chain(tasks).chain(cases).collect();
        let more = sentences.len().saturating_sub(MOST);
        sentences.truncate(MOST);
        if more > 0 {
            sentences.push(Sentence::of(format!("And {}.", counted(more as u64, "more failure"))));
        }
        sentences
    }

    pub(super) fn how_it_ended(&self) -> Sentence {
        let end = match &self.failure {
            _ if self.aborted => Sentence::of("The run was aborted"),
            None => Sentence::of("The run came to its end"),
            Some(code) => Sentence::of("The run failed with the code ").name(code),
        };
        match self.local_dev {
            true => {
                end.text("; as on a developer's machine, where nothing is deleted, uploaded or reported.")
            }
            false => end.text("."),
        }
    }
}
