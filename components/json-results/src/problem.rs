//! What is wrong with a result, for the log.

use python_json::ParseError;

use crate::limits::{MAX_DEPTH, MAX_PROBLEMS, MAX_VALUES};
use crate::{Full, Kind};

/// What is wrong with a result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    /// Nobody knows where it belongs.
    #[error("a result without a model owner is not kept")]
    NoModelOwner,
    /// Nobody knows where it belongs.
    #[error("a result without a data client is not kept")]
    NoDataClient,
    /// The event came without one.
    #[error("no result came with the event that one is there")]
    NoResult,
    /// The task failed.
    #[error("the task of {of} failed: {return_code}")]
    Failed {
        /// Whose result it is.
        of: String,
        /// NVFLARE's name of the return code.
        return_code: &'static str,
    },
    /// The result, or a part of it, cannot be kept.
    #[error("the result of {of} is not kept: {reason}")]
    NotKept {
        /// Whose result it is.
        of: String,
        /// Why.
        reason: Reason,
    },
}

/// Why a result cannot be kept.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Reason {
    /// The task has no result to speak of.
    #[error("it carries no dxo, its return code is {return_code}")]
    NoDxo {
        /// NVFLARE's name of the return code.
        return_code: &'static str,
    },
    /// It is something else.
    #[error("it is of kind {kind}, not {wanted}")]
    WrongKind {
        /// What it is.
        kind: Kind,
        /// What it should be.
        wanted: &'static str,
    },
    /// The host does not hand it out.
    #[error("{0}")]
    Host(String),
    /// More than anyone should read.
    #[error("its values are {len} bytes long, more than {MAX_VALUES}")]
    TooLong {
        /// Their bytes.
        len: usize,
    },
    /// Its values cannot be read.
    #[error("its values are no JSON: {0}")]
    NoJson(#[from] ParseError),
    /// Its values have no names.
    #[error("its values are no dict")]
    NoDict,
    /// A collection in collections in collections.
    #[error("collections nest deeper than {MAX_DEPTH}")]
    TooDeep,
    /// There is no room.
    #[error(transparent)]
    Full(#[from] Full),
}

/// Everything that is wrong with a result: the first problems, and the number of the others.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    told: Vec<Problem>,
    untold: usize,
}

impl Problems {
    pub(crate) fn add(&mut self, problem: Problem) {
        match self.told.len() < MAX_PROBLEMS {
            true => self.told.push(problem),
            false => self.untold += 1,
        }
    }

    /// The first problems.
    pub fn told(&self) -> &[Problem] {
        &self.told
    }

    /// The lines for the log.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let more = (self.untold > 0).then(|| format!("{} more problems with this result", self.untold));
        self.told.iter().map(Problem::to_string).chain(more)
    }
}
