//! What is parked of an update for a number that no company has, or another app's: all that it takes
//! to make an input of it once the directory has the number.
//!
//! WhatsApp's own item would not do: the number and who the client is stand beside it in the post.
//! Its bytes are in the evidence, where [`domain::input::Evidence`] points.

use bytes::Bytes;
use domain::ids::{AppId, CompanyId, PhoneNumberId};
use domain::input::{InboundMessage, MessageStatus};
use serde::{Deserialize, Serialize};

use crate::inbox::InboxBody;
use crate::subject::Subject;

/// The code with which strays are parked.
pub const UNKNOWN_NUMBER: &str = "unknown-number";

/// An update without a lane, as it was read. Not `Debug`: it holds personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stray {
    /// A client wrote to the number.
    Message(InboundMessage),
    /// What became of a message that the number sent.
    Status(MessageStatus),
}

impl Stray {
    /// Reads what the gateway parked, and by which app's webhook it came. `None` if that is something
    /// else: a broken item, a pointer to one too large, or, from before there were strays, WhatsApp's
    /// own item.
    pub fn of_parked(subject: &str, code: &str, payload: &[u8]) -> Option<(AppId, Self)> {
        // A broken item may look like a stray: whoever signs posts writes what they like into it.
        if code != UNKNOWN_NUMBER {
            return None;
        }
        let Ok(Subject::RawPost { app }) = subject.parse() else { return None };
        Some((app, serde_json::from_slice(payload).ok()?))
    }

    /// What is parked.
    pub fn to_payload(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// The number that it is about.
    pub const fn number(&self) -> &PhoneNumberId {
        match self {
            Self::Message(message) => &message.phone_number_id,
            Self::Status(status) => &status.phone_number_id,
        }
    }

    /// The input that it is, once it is known whose.
    pub fn into_input(self, company: CompanyId) -> InboxBody {
        match self {
            Self::Message(message) => InboxBody::Message { company, message },
            Self::Status(status) => InboxBody::Status { company, status },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: &str = "wa.raw.v1.main";

    fn stray() -> Stray {
        let message = serde_json::json!({
            "phone_number_id": "1", "id": "wamid.A", "from": { "wa_id": "12025550101" },
            "sent_at": "2026-05-01T12:00:00Z", "received_at": "2026-05-01T12:00:01Z",
            "kind": "text", "text": "#michael",
            "evidence": { "post_sha256": "aa", "item_sha256": "bb" },
        });
        Stray::Message(serde_json::from_value(message).unwrap())
    }

    #[test]
    fn what_is_parked_of_a_stray_is_read_again_whole_and_with_its_app() {
        let payload = stray().to_payload();
        let (app, read) = Stray::of_parked(SUBJECT, UNKNOWN_NUMBER, &payload).unwrap();
        assert_eq!((app.as_str(), read.number().as_str()), ("main", "1"));
        assert!(read == stray());
        let body = read.into_input("acme".parse().unwrap());
        let InboxBody::Message { company, message } = body else { panic!("not a message") };
        assert_eq!(company.as_str(), "acme");
        assert!(Stray::Message(message) == stray());
    }

    #[test]
    fn what_only_looks_like_a_stray_is_none() {
        let payload = stray().to_payload();
        for (subject, code) in [(SUBJECT, "bad-item"), ("wa.in.v1.acme.1", UNKNOWN_NUMBER)] {
            assert!(Stray::of_parked(subject, code, &payload).is_none(), "{subject} {code}");
        }
        let of_whatsapp = br##"{"id":"wamid.A","timestamp":"1","text":{"body":"#michael"}}"##;
        let pointer = br#"{"post_sha256":"aa","bytes":2000000}"#;
        for payload in [&of_whatsapp[..], &pointer[..], b"{", b""] {
            assert!(Stray::of_parked(SUBJECT, UNKNOWN_NUMBER, payload).is_none());
        }
    }
}
