//! What happened when.

use serde::{Deserialize, Serialize};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Moment {
    /// When it began, in seconds since the run started.
    pub at: f64,
    /// How long it took, in seconds, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// `server`, the name of the site, or `local`.
    pub place: String,
    /// What kind of thing it is.
    pub kind: Kind,
    /// The id of the component that did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The type of the event, the name of the task, the key, the path, or the request to the hub.
    pub text: String,
    /// How it ended, where that is not as asked: a code such as `not-permitted`, or a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// How many of the same came directly after each other.
    #[serde(skip_serializing_if = "is_one")]
    pub times: u64,
}

fn is_one(times: &u64) -> bool {
    *times == 1
}

impl Default for Moment {
    fn default() -> Self {
        Self {
            at: 0.0,
            seconds: None,
            place: String::new(),
            kind: Kind::Other,
            component: None,
            text: String::new(),
            outcome: None,
            times: 1,
        }
    }
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An event was fired.
    Event,
    /// A task was carried out.
    Task,
    /// A filter worked on data.
    Filter,
    /// A file was written or moved.
    File,
    /// The hub was told something.
    Hub,
    /// Data left a place.
    Left,
    /// An object was stored.
    Upload,
    /// Something was deleted.
    Deletion,
    /// Something failed.
    Failure,
    /// Data was held back, or something was not permitted.
    Refusal,
    /// Something else.
    #[serde(other)]
    Other,
}

impl Kind {
    /// Every kind, the most serious first.
    pub const ALL: [Self; 11] = [
        Self::Refusal,
        Self::Failure,
        Self::Deletion,
        Self::Upload,
        Self::Left,
        Self::Hub,
        Self::File,
        Self::Filter,
        Self::Task,
        Self::Event,
        Self::Other,
    ];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Task => "task",
            Self::Filter => "filter",
            Self::File => "file",
            Self::Hub => "hub",
            Self::Left => "left",
            Self::Upload => "upload",
            Self::Deletion => "deletion",
            Self::Failure => "failure",
            Self::Refusal => "refusal",
            Self::Other => "other",
        }
    }

    /// Whether it changed something outside the sandbox, or kept something in.
    pub fn is_notable(self) -> bool {
        !matches!(self, Self::Event | Self::Task | Self::Filter | Self::File | Self::Other)
    }

    /// The less, the more serious.
    pub(crate) fn rank(self) -> usize {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or(Self::ALL.len())
    }
}
