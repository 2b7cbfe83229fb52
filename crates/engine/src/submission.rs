//! How inputs enter the engine and how their sender hears what became of them.

use std::time::Duration;

use domain::input::LaneInput;
use tokio::sync::oneshot;

/// One input, with the means to settle it.
#[derive(Debug)]
pub struct Submission {
    /// The input.
    pub input: LaneInput,
    /// W3C trace context in which it came.
    pub traceparent: Option<String>,
    /// Where to tell what became of it. Dropped without a word, the input must
    /// be submitted again.
    pub settle: oneshot::Sender<Settlement>,
}

/// What became of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It is decided and committed, now or before.
    Done {
        /// What an operator's command is answered.
        answer: Option<serde_json::Value>,
    },
    /// It could not be decided now; it may be later.
    RetryAfter(Duration),
    /// It will never be decided as it is.
    Park {
        /// A stable name of the reason.
        code: &'static str,
        /// The reason in plain words, without personal data.
        reason: String,
    },
}
