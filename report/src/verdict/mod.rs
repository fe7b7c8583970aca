//! What a run did, in plain English.

mod refused;
mod told;

use crate::model::{Outgoing, Ran, Report, Task, Work};
use crate::sentence::Sentence;
use crate::text::{count, counted};

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
        } else if self.held_back().next().is_some() {
            (Level::Bad, "Data was held back".to_owned())
        } else if self.kept_out().next().is_some() {
            (Level::Bad, "Data was not let in".to_owned())
        } else if failed > 0 {
            (Level::Bad, format!("{} failed", counted(failed as u64, "case")))
        } else if let Some(code) = &self.failure {
            (Level::Bad, failure_words(code).to_owned())
        } else if self
            .components()
            .any(|(_, component)| component.failures.iter().any(|failure| !self.is_withheld(failure)))
            || self.places.iter().any(|place| place.fatal.is_some())
        {
            (Level::Bad, "A component failed".to_owned())
        } else if self.tasks.iter().any(Task::failed) {
            (Level::Bad, "A task failed".to_owned())
        } else if self.let_pass().next().is_some() {
            (Level::Warning, "Done, with unfiltered data".to_owned())
        } else if self.refused_calls() > 0 {
            (Level::Warning, "Done, with refused calls".to_owned())
        } else {
            (Level::Good, if self.cases.is_empty() { "Done" } else { "Passed" }.to_owned())
        }
    }

    fn headline(&self) -> Sentence {
        let (left, held) =
            (self.results.iter().filter(|result| result.left()).count(), self.held_back().count());
        let passed = self.cases.iter().filter(|case| case.passed).count();
        let refused = self.refusals_in_short();
        if self.ran == Ran::Test {
            return Sentence::of(format!(
                "{} of {} passed.",
                count(passed as u64),
                counted(self.cases.len() as u64, "test case")
            ));
        }
        if held > 0 {
            let all = count((left + held) as u64);
            let verb = if held == 1 { "was" } else { "were" };
            let of =
                if left + held == 1 { "The result".to_owned() } else { format!("{held} of {all} results") };
            return Sentence::of(format!(
                "{of} {verb} held back and did not leave{}",
                self.besides_held_back()
            ));
        }
        if left == 0 {
            return Sentence::of(format!("No result left; {refused}."));
        }
        let results = counted(left as u64, "result");
        let not_filtered = self.left_with(Work::NotDone).count();
        let unknown = self.left_with(Work::Unknown).count();
        let how = match (not_filtered, unknown) {
            (0, 0) => ", filtered".to_owned(),
            (0, _) => " through filters, and the audit trail does not say what these did".to_owned(),
            (some, _) if some == left => ", and no filter worked on all of it".to_owned(),
            (some, _) => format!(", {} of them unfiltered", count(some as u64)),
        };
        Sentence::of(format!("{results} left{how}; {refused}."))
    }

    /// What left, and a filter did so much of its work on it.
    fn left_with(&self, work: Work) -> impl Iterator<Item = &Outgoing> {
        self.results.iter().filter(move |result| result.left() && result.work() == work)
    }

    /// What was held back.
    pub(crate) fn held_back(&self) -> impl Iterator<Item = &Outgoing> {
        self.results.iter().filter(|result| result.refused.is_some())
    }

    /// What left although a filter failed on it.
    fn let_pass(&self) -> impl Iterator<Item = &Outgoing> {
        self.results.iter().filter(|result| result.left() && !result.unfiltered.is_empty())
    }
}

fn failure_words(code: &str) -> &'static str {
    match code {
        "usage" => "Wrong usage",
        "refused" => "Refused",
        "not-permitted" => "Not permitted",
        "component-failed" => "A component failed",
        "invalid-input" => "Invalid input",
        "service-failed" => "A service failed",
        _ => "Failed",
    }
}
