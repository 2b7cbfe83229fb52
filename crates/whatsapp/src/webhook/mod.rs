//! What WhatsApp posts: one body, up to 1,000 updates in several entries and
//! changes, taken apart so that one bad item never costs the others.
//!
//! Every item keeps its original bytes. Nothing is judged here: duplicates,
//! old messages and unknown kinds pass, because only the engine can say what
//! they mean. Unknown members of objects are ignored.

use std::fmt;

use domain::ids::PhoneNumberId;
use domain::input::{InboundMessage, MessageStatus, Timestamp};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

mod contact;
mod identity;
mod json;
mod message;
mod reader;
mod status;

/// Takes the body of a webhook post apart, in one pass over its items.
///
/// `received_at` is the moment at which the post came in; it goes into every message.
///
/// # Errors
///
/// [`MalformedPost`] if the body is no JSON object at all. Whatever else is
/// wrong is an [`Item`] with a [`BadItem`].
pub fn parse(body: &[u8], received_at: Timestamp) -> Result<Post, MalformedPost> {
    let root: &RawValue =
        serde_json::from_slice(body).map_err(|error| MalformedPost::not_json(body, &error))?;
    if !root.get().starts_with('{') {
        return Err(MalformedPost::not_an_object(body));
    }
    let sha256 = sha256_hex(body);
    let items = reader::items(root, &sha256, received_at);
    Ok(Post { sha256, items })
}

/// A post, taken apart.
#[derive(Debug, Clone)]
pub struct Post {
    /// SHA-256 of the whole body, hexadecimal: its key in the evidence store.
    pub sha256: String,
    /// Its items in the order in which they stand in the body.
    pub items: Vec<Item>,
}

/// One update of a post. Prints neither its bytes nor its content.
#[derive(Clone)]
pub struct Item {
    /// The company's number that it is about. Missing in updates of a whole
    /// account, and in items too broken to tell.
    pub phone_number_id: Option<PhoneNumberId>,
    /// Its bytes as they stand in the body: the message or the status, or the
    /// whole change (entry, post) if that is what is broken or of another kind.
    pub raw: Box<RawValue>,
    /// SHA-256 of `raw`, hexadecimal.
    pub sha256: String,
    /// What it says.
    pub content: Result<Update, BadItem>,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("phone_number_id", &self.phone_number_id)
            .field("sha256", &self.sha256)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

/// What an item says. Prints only its kind.
#[derive(Clone, PartialEq, Eq)]
pub enum Update {
    /// A client wrote to the number.
    Message(InboundMessage),
    /// What became of a message of ours.
    Status(MessageStatus),
    /// Something that WhatsApp tells and that nothing here asks for.
    Other {
        /// The change's field (`account_update`, …); `statuses` for a status of
        /// an unknown kind, `errors` for errors of the number, `messages` for a
        /// change with nothing in it.
        field: String,
    },
}

impl Update {
    /// `message`, `status` or `other`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Status(_) => "status",
            Self::Other { .. } => "other",
        }
    }
}

impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => write!(f, "Message({})", message.kind),
            Self::Status(status) => write!(f, "Status({})", status.status.as_str()),
            Self::Other { field } => write!(f, "Other({field})"),
        }
    }
}

/// Why an item could not be read; trying again does not help. Names the member,
/// never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} {code}")]
pub struct BadItem {
    /// What is wrong.
    pub code: BadItemCode,
    /// Where, as a path from the post, the change or the item: `messages[].timestamp`.
    pub field: &'static str,
}

/// What can be wrong with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadItemCode {
    /// A member without which the item means nothing.
    #[error("is missing")]
    Missing,
    /// Not of the shape that WhatsApp documents.
    #[error("is not valid")]
    Invalid,
    /// Not a JSON object, or one that names a member twice.
    #[error("is not an object")]
    NotAnObject,
    /// Not a JSON array.
    #[error("is not a list")]
    NotAList,
    /// Neither a bsuid nor a `wa_id` nor a phone number can be read.
    #[error("names nobody by a valid bsuid, wa_id or phone number")]
    NoIdentity,
    /// The post is about something else than a WhatsApp business account.
    #[error("is not whatsapp_business_account")]
    NotWhatsApp,
}

impl BadItemCode {
    /// The stable name for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Invalid => "invalid",
            Self::NotAnObject => "not_an_object",
            Self::NotAList => "not_a_list",
            Self::NoIdentity => "no_identity",
            Self::NotWhatsApp => "not_whatsapp",
        }
    }
}

/// Why a body is no post at all; trying again does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is {reason} (at byte {offset})")]
pub struct MalformedPost {
    /// Where it stops being one: bytes from the start of the body.
    pub offset: usize,
    reason: &'static str,
}

impl MalformedPost {
    fn not_json(body: &[u8], error: &serde_json::Error) -> Self {
        let line_start: usize = body
            .split_inclusive(|byte| *byte == b'\n')
            .take(error.line().saturating_sub(1))
            .map(<[u8]>::len)
            .sum();
        Self {
            offset: (line_start + error.column().saturating_sub(1)).min(body.len()),
            reason: "not JSON",
        }
    }

    fn not_an_object(body: &[u8]) -> Self {
        Self { offset: body.len() - body.trim_ascii_start().len(), reason: "not a JSON object" }
    }
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
