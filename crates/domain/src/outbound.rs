//! Messages that we ask WhatsApp to send, and what can become of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identity::Recipient;
use crate::ids::{MessageId, PhoneNumberId, RoomId};
use crate::input::Timestamp;
use crate::personal::Personal;

/// One message to one client, ready to send: nothing in it is looked up later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutboundMessage {
    /// Our id of it.
    pub message_id: MessageId,
    /// Why it is sent.
    pub purpose: Purpose,
    /// The company's number that sends it.
    pub from: PhoneNumberId,
    /// Who gets it.
    pub to: Personal<Recipient>,
    /// What it says.
    pub content: Content,
    /// The room that it belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<RoomId>,
    /// After this moment it must not be sent any more.
    pub expires_at: Timestamp,
}

/// Why a message is sent.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The automatic reply to a message without an extension.
    ExtensionMissing,
    /// Nobody has the extension.
    UserNotFound,
    /// Into the room that exists already.
    Reminder,
    /// The template that opens a room.
    Invitation,
    /// Names the user and the secondary number.
    UserInfo,
    /// No secondary number is free.
    NoSecondaryNumber,
    /// The invitation could not be delivered.
    InvitationFailed,
    /// The user will get in touch.
    Prospect,
    /// From a secondary without a room: write to the primary.
    Redirect,
    /// The client gets no more templates.
    Stopped,
    /// The client gets templates again.
    Started,
    /// A room can't be opened, as the client wants no templates, perhaps since it asked.
    TemplatesStopped,
}

impl Purpose {
    /// The name as it is serialised.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ExtensionMissing => "extension_missing",
            Self::UserNotFound => "user_not_found",
            Self::Reminder => "reminder",
            Self::Invitation => "invitation",
            Self::UserInfo => "user_info",
            Self::NoSecondaryNumber => "no_secondary_number",
            Self::InvitationFailed => "invitation_failed",
            Self::Prospect => "prospect",
            Self::Redirect => "redirect",
            Self::Stopped => "stopped",
            Self::Started => "started",
            Self::TemplatesStopped => "templates_stopped",
        }
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Free text: allowed within 24 hours of the client's last message to the number.
    Text {
        /// The rendered text, 1 to 4,096 characters.
        body: Personal<String>,
    },
    /// An approved template: allowed at any time.
    Template {
        /// Its name in the business account.
        name: String,
        /// Its language, as WhatsApp writes it (`en`, `pt_BR`).
        language: String,
        /// Its body parameters, in order.
        parameters: Vec<Personal<String>>,
    },
}

/// How far a message got, by WhatsApp's word.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Left WhatsApp's servers.
    Sent,
    /// Reached the client's device.
    Delivered,
    /// The client saw it.
    Read,
    /// Will not arrive.
    Failed,
}

impl DeliveryStatus {
    /// The name as WhatsApp writes it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
        }
    }
}

/// Why a message was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SendError {
    /// WhatsApp's `error.code`; 0 where there was no answer.
    pub code: i64,
    /// What the code asks for.
    pub class: ErrorClass,
    /// Whether WhatsApp definitely refused the message. `false` after a lost
    /// answer: the client may have it.
    pub definite: bool,
    /// WhatsApp's title of the code, or the fault of the transport. Never the message's text.
    pub title: String,
}

/// What an error asks for (the codes are listed in `whatsapp::errors`).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// Token or permission: stop the account, raise an alarm, keep the messages.
    Account,
    /// Too fast for the number or the account.
    RateLimited,
    /// Too fast for this client.
    RecipientRateLimited,
    /// The number cannot send: choose another.
    NumberUnhealthy,
    /// The 24-hour window is closed: send a template.
    WindowClosed,
    /// Final for this client.
    RecipientRefused,
    /// The template is wrong: raise an alarm.
    Template,
    /// Worth another try.
    Transient,
    /// A code that we don't know: final, and reported.
    Unknown,
    /// It could not be sent before it expired.
    Expired,
    /// When its turn came, its client wanted no more templates, was blocked, or had left the number.
    Withdrawn,
}

impl ErrorClass {
    /// Its name, as events, metrics and tables have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::RateLimited => "rate_limited",
            Self::RecipientRateLimited => "recipient_rate_limited",
            Self::NumberUnhealthy => "number_unhealthy",
            Self::WindowClosed => "window_closed",
            Self::RecipientRefused => "recipient_refused",
            Self::Template => "template",
            Self::Transient => "transient",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What somebody has to do, where nothing but people can mend it; for alarms.
    pub const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Account => Some("give the account's token its permissions, or a new token"),
            Self::NumberUnhealthy => Some(
                "look at the number in WhatsApp's manager; if it is a secondary, set its service then",
            ),
            Self::Template => Some("mend the template in WhatsApp's manager"),
            Self::Unknown => Some("look the code up: it is new to this program"),
            Self::RateLimited
            | Self::RecipientRateLimited
            | Self::WindowClosed
            | Self::RecipientRefused
            | Self::Transient
            | Self::Expired
            | Self::Withdrawn => None,
        }
    }
}
