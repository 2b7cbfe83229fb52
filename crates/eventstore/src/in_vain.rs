//! What clients asked in vain: kept for an hour, for whoever decides what they ask next.

use std::fmt::Write;

use domain::Extension;
use domain::flow::Decision;
use domain::ids::RequestId;
use domain::input::{InboundMessage, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A message of a client that led to nothing: a row of `asked_in_vain`
/// (`migrations/0075_asked_in_vain.sql`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InVain {
    /// The message's request.
    pub request_id: RequestId,
    /// When it was decided.
    pub at: Timestamp,
    /// Whether it was replied to.
    pub replied: bool,
    /// The extension that it named and nobody has, as a digest: two are the same or not.
    pub wrong_extension: Option<String>,
}

impl InVain {
    /// `None` if the message led to something, or has no part in any budget.
    pub fn of(
        request_id: RequestId,
        message: &InboundMessage,
        (decision, at): (&Decision, Timestamp),
        replied: bool,
    ) -> Option<Self> {
        if !decision.leads_to_nothing() {
            return None;
        }
        let text = message.text.as_ref().filter(|_| *decision == Decision::ReportUserNotFound);
        let wrong = text.and_then(|text| Extension::find_in(text.expose()));
        let wrong_extension = wrong.map(|extension| digest(&extension));
        let counts = replied || wrong_extension.is_some();
        counts.then_some(Self { request_id, at, replied, wrong_extension })
    }
}

/// 16 hexadecimal digits.
fn digest(extension: &Extension) -> String {
    let digest = Sha256::digest(extension.as_str());
    digest[..8].iter().fold(String::with_capacity(16), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // Writing into a string never fails.
        text
    })
}
