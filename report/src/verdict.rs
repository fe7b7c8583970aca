//! What a run did, in plain English.

use crate::model::{Outgoing, Ran, Report};
use crate::sentence::Sentence;
use crate::text::{count, counted, duration, size};

/// How many things of a kind have a sentence, or a name in one.
const MOST: usize = 8;

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it went well.
    pub level: Level,
    /// How it ended, in a few words.
    pub status: String,
    /// What matters most.
    pub headline: Sentence,
    /// What ran, what left, what was refused and why, how it ended.
    pub sentences: Vec<(Topic, Sentence)>,
}

/// How well a run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should.
    Good,
    /// To its end, and someone should look at it.
    Warning,
    /// It failed, or kept something in.
    Bad,
}

/// What a sentence is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// What ran.
    Ran,
    /// What left a place.
    Left,
    /// What was stored.
    Stored,
    /// What was deleted.
    Deleted,
    /// What the hub was told.
    Told,
    /// What was refused, and why.
    Refused,
    /// What failed, and why.
    Failed,
    /// How it ended.
    Ended,
}

impl Topic {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ran => "Ran",
            Self::Left => "Left",
            Self::Stored => "Stored",
            Self::Deleted => "Deleted",
            Self::Told => "Told the hub",
            Self::Refused => "Refused",
            Self::Failed => "Failed",
            Self::Ended => "Ended",
        }
    }
}

impl Report {
    /// What the run did, in plain English.
    pub fn verdict(&self) -> Verdict {
        let (level, status) = self.status();
        let mut sentences = vec![(Topic::Ran, self.what_ran())];
        let mut add = |topic, all: Vec<Sentence>| sentences.extend(all.into_iter().map(|one| (topic, one)));
        add(Topic::Left, self.what_left());
        add(Topic::Stored, self.what_was_stored());
        add(Topic::Deleted, self.what_was_deleted());
        add(Topic::Told, self.what_the_hub_got());
        add(Topic::Refused, self.what_was_refused());
        add(Topic::Failed, self.what_failed());
        add(Topic::Ended, vec![self.how_it_ended()]);
        Verdict { level, status, headline: self.headline(), sentences }
    }

    fn status(&self) -> (Level, String) {
        let failed = self.cases.iter().filter(|case| !case.passed).count();
        if self.aborted || self.failure.as_deref() == Some("aborted") {
            (Level::Bad, "Aborted".to_owned())
        } else if self.held_back().next().is_some() || self.failure.as_deref() == Some("refused") {
            (Level::Bad, "Data was held back".to_owned())
        } else if failed > 0 {
            (Level::Bad, format!("{} failed", counted(failed as u64, "case")))
        } else if let Some(code) = &self.failure {
            (Level::Bad, failure_words(code).to_owned())
        } else if self.components().any(|(_, component)| !component.failures.is_empty())
            || self.places.iter().any(|place| place.fatal.is_some())
        {
            (Level::Bad, "A component failed".to_owned())
        } else if self.let_pass().next().is_some() {
            (Level::Warning, "Done, with unfiltered data".to_owned())
        } else {
            (Level::Good, if self.cases.is_empty() { "Done" } else { "Passed" }.to_owned())
        }
    }

    fn headline(&self) -> Sentence {
        let (left, held) =
            (self.results.iter().filter(|result| result.left()).count(), self.held_back().count());
        let passed = self.cases.iter().filter(|case| case.passed).count();
        let nothing_refused = if self.not_permitted().next().is_some() {
            "; something was not permitted."
        } else {
            "; nothing was refused."
        };
        if self.ran == Ran::Test {
            return Sentence::of(format!("{} of {} passed.", count(passed as u64), cases(self.cases.len())));
        }
        if held > 0 {
            let all = count((left + held) as u64);
            let verb = if held == 1 { "was" } else { "were" };
            let of =
                if left + held == 1 { "The result".to_owned() } else { format!("{held} of {all} results") };
            return Sentence::of(format!("{of} {verb} held back and did not leave."));
        }
        if left == 0 {
            return Sentence::of(format!("No result left{nothing_refused}"));
        }
        let results = counted(left as u64, "result");
        let unfiltered = self.results.iter().filter(|result| result.left() && !result.filtered()).count();
        Sentence::of(match unfiltered {
            0 => format!("{results} left, filtered{nothing_refused}"),
            some if some == left => {
                format!("{results} left, and no filter worked on all of it{nothing_refused}")
            }
            some => format!("{results} left, {} of them unfiltered{nothing_refused}", count(some as u64)),
        })
    }

    fn what_ran(&self) -> Sentence {
        let start = match (self.ran, &self.job_id) {
            (Ran::Job, Some(id)) => Sentence::of("Job ").name(id).text(" ran"),
            (Ran::Job, None) => Sentence::of("A job ran"),
            (Ran::Filter, _) => Sentence::of("A filter ran on one update"),
            (Ran::Test, _) => Sentence::of(format!("{} ran", cases(self.cases.len()))),
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

    fn what_left(&self) -> Vec<Sentence> {
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
        let unfiltered =
            left.iter().filter(|result| !result.filtered() && result.unfiltered.is_empty()).count();
        if unfiltered > 0 {
            let results = counted(unfiltered as u64, "result");
            sentences.push(Sentence::of(format!("{results} left that no filter worked on as a whole.")));
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

    fn what_was_stored(&self) -> Vec<Sentence> {
        let stored: Vec<_> = self.components().flat_map(|(_, component)| &component.usage.stored).collect();
        let bytes = stored.iter().fold(0_u64, |sum, stored| sum.saturating_add(stored.size));
        match stored.as_slice() {
            [] => Vec::new(),
            [one] => {
                vec![Sentence::of("One object of ").text(size(one.size)).text(": ").name(&one.key).text(".")]
            }
            many => vec![Sentence::of(format!(
                "{} of {} in all.",
                counted(many.len() as u64, "object"),
                size(bytes)
            ))],
        }
    }

    fn what_was_deleted(&self) -> Vec<Sentence> {
        let all = self.components().flat_map(|(_, component)| &component.usage.deleted);
        let (mut files, mut bytes, mut trees) = (0_u64, 0_u64, Vec::new());
        for deleted in all {
            files = files.saturating_add(deleted.files);
            bytes = bytes.saturating_add(deleted.bytes);
            if !trees.contains(&deleted.path.as_str()) && trees.len() <= MOST {
                trees.push(deleted.path.as_str());
            }
        }
        if trees.is_empty() {
            return Vec::new();
        }
        let files = format!("{} of {}, in ", counted(files, "file"), size(bytes));
        vec![match trees.len() {
            few if few <= MOST => Sentence::of(files).names(trees, MOST).text("."),
            _ => Sentence::of(files).names(trees.into_iter().take(MOST), MOST).text(" and more."),
        }]
    }

    fn what_the_hub_got(&self) -> Vec<Sentence> {
        let (lost, told): (Vec<_>, Vec<_>) = self.statuses.iter().partition(|status| status.error.is_some());
        let mut sentences = Vec::new();
        if !told.is_empty() {
            let told = told.iter().map(|status| status.status.as_str());
            sentences.push(Sentence::of("The statuses ").names(told, MOST).text("."));
        }
        sentences.extend(lost.into_iter().take(MOST).map(|status| {
            let error = status.error.as_deref().unwrap_or_default();
            Sentence::default().name(&status.status).text(" did not reach it: ").reason(error).text(".")
        }));
        sentences
    }

    fn what_was_refused(&self) -> Vec<Sentence> {
        let held = self.held_back().filter_map(|result| Some((result, result.refused.as_ref()?)));
        let mut sentences: Vec<_> = held
            .map(|(result, why)| {
                Sentence::of("The result of ")
                    .name(&result.task)
                    .text(" was held back at ")
                    .name(&result.at)
                    .text(" by ")
                    .name(&why.what)
                    .text(": ")
                    .reason(without_name(&why.error, &why.what))
                    .text(".")
            })
            .collect();
        sentences.extend(self.not_permitted().map(|(place, id, error)| {
            Sentence::default().name(id).text(" at ").name(place).text(": ").reason(error).text(".")
        }));
        let more = sentences.len().saturating_sub(MOST);
        sentences.truncate(MOST);
        if more > 0 {
            sentences.push(Sentence::of(format!("And {}.", counted(more as u64, "more refusal"))));
        }
        match sentences.is_empty() {
            true => vec![Sentence::of("Nothing was refused.")],
            false => sentences,
        }
    }

    fn what_failed(&self) -> Vec<Sentence> {
        let fatal = self.places.iter().filter_map(|place| {
            let fatal = place.fatal.as_ref()?;
            let panic = Sentence::default().name(&fatal.component).text(" at ").name(&place.name);
            Some(panic.text(" ended the run: ").reason(&fatal.reason).text("."))
        });
        let failures = self.components().flat_map(|(place, component)| {
            let failures = component.failures.iter().filter(|failure| !is_refusal(&failure.code));
            failures.map(move |failure| {
                let who = Sentence::default().name(&component.id).text(" at ").name(&place.name);
                who.text(", in ").name(&failure.what).text(": ").reason(&failure.error).text(".")
            })
        });
        let cases = self.cases.iter().filter(|case| !case.passed).map(|case| {
            let first = case.differences.first().map_or("it did not do what was expected", String::as_str);
            Sentence::default().name(&case.case).text(": ").reason(first).text(".")
        });
        let mut sentences: Vec<_> = fatal.chain(failures).chain(cases).collect();
        let more = sentences.len().saturating_sub(MOST);
        sentences.truncate(MOST);
        if more > 0 {
            sentences.push(Sentence::of(format!("And {}.", counted(more as u64, "more failure"))));
        }
        sentences
    }

    fn how_it_ended(&self) -> Sentence {
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

    /// What was held back.
    pub(crate) fn held_back(&self) -> impl Iterator<Item = &Outgoing> {
        self.results.iter().filter(|result| result.refused.is_some())
    }

    /// What left although a filter failed on it.
    fn let_pass(&self) -> impl Iterator<Item = &Outgoing> {
        self.results.iter().filter(|result| result.left() && !result.unfiltered.is_empty())
    }

    /// What components were not permitted: place, id, error.
    pub(crate) fn not_permitted(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.components().flat_map(|(place, component)| {
            let failures = component.failures.iter().filter(|failure| failure.code == "not-permitted");
            failures.map(move |failure| (place.name.as_str(), component.id.as_str(), failure.error.as_str()))
        })
    }
}

/// Whether a failure is told among the refusals; that of a filter stands with its result.
fn is_refusal(code: &str) -> bool {
    matches!(code, "refused" | "not-permitted")
}

/// An error without what the sentence has already: the filter, and that it refused.
pub(crate) fn without_name<'a>(error: &'a str, name: &str) -> &'a str {
    let rest = error.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(error);
    rest.strip_prefix("refused: ").unwrap_or(rest)
}

fn failure_words(code: &str) -> &'static str {
    match code {
        "usage" => "Wrong usage",
        "not-permitted" => "Not permitted",
        "component-failed" => "A component failed",
        "invalid-input" => "Invalid input",
        "service-failed" => "A service failed",
        _ => "Failed",
    }
}

fn cases(number: usize) -> String {
    counted(number as u64, "test case")
}
