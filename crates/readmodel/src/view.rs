//! The views, their names and their tables.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A view: tables that are made from the log alone.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum View {
    /// Every 1:1 room that was ever reserved.
    ChatRooms,
    /// Every reminder, sent or suppressed.
    Reminders,
    /// Every message that asked for something.
    OnboardingRequests,
    /// Every message that WhatsApp was to be asked to send.
    OutboundMessages,
}

impl View {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::ChatRooms, Self::Reminders, Self::OnboardingRequests, Self::OutboundMessages];

    /// The name: the key of its checkpoint, and what operators call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatRooms => "chat-rooms",
            Self::Reminders => "reminders",
            Self::OnboardingRequests => "onboarding-requests",
            Self::OutboundMessages => "outbound-messages",
        }
    }

    /// Its tables with their primary keys.
    pub(crate) const fn tables(self) -> &'static [Table] {
        match self {
            Self::ChatRooms => &[Table { name: "rm_chat_rooms", key: "room_id" }],
            Self::Reminders => &[
                Table { name: "rm_reminders", key: "reminder_id" },
                Table { name: "rm_reminder_rooms", key: "room_id" },
            ],
            Self::OnboardingRequests => {
                &[Table { name: "rm_onboarding_requests", key: "request_id" }]
            }
            Self::OutboundMessages => &[Table { name: "rm_outbound_messages", key: "message_id" }],
        }
    }
}

/// A table of a view.
pub(crate) struct Table {
    /// Its name, safe in SQL.
    pub(crate) name: &'static str,
    /// The column that is its primary key.
    pub(crate) key: &'static str,
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no view of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no view {name:?}: it must be one of chat-rooms, reminders, onboarding-requests, \
     outbound-messages"
)]
pub struct UnknownView {
    name: String,
}

impl FromStr for View {
    type Err = UnknownView;

    fn from_str(name: &str) -> Result<Self, UnknownView> {
        let view = Self::ALL.into_iter().find(|view| view.as_str() == name);
        view.ok_or_else(|| UnknownView { name: name.to_owned() })
    }
}
