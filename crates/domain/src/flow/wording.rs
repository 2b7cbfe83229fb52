//! The messages of the flow, worded from the recorded facts.

use chrono::Duration;

use super::facts::{Facts, WINDOW};
use crate::company::{Line, UserFacts};
use crate::identity::PhoneNumber;
use crate::ids::{MessageId, PhoneNumberId, RoomId};
use crate::input::{InboundMessage, Timestamp};
use crate::outbound::{Content, OutboundMessage, Purpose};
use crate::personal::Personal;
use crate::texts::{TextKey, Texts};

/// The template that opens a room: parameters user and company.
const INVITATION: &str = "invitation";
/// The template for a reminder outside the window: parameter user.
const RESUME_CONVERSATION: &str = "resume_conversation";

/// Words messages to the client who wrote one message.
pub(super) struct Wording<'a> {
    pub(super) facts: &'a Facts,
    pub(super) message: &'a InboundMessage,
}

impl Wording<'_> {
    /// A reply from the number that was written to; free text, so it expires
    /// with the window that the client's message opened. `None` if the client
    /// left no address.
    pub(super) fn reply(&self, id: MessageId, purpose: Purpose) -> Option<OutboundMessage> {
        let from = self.message.phone_number_id.clone();
        let (key, values) = self.text_for(purpose)?;
        let body = self.render(key, &values);
        self.envelope(id, purpose, from, text(body), None, self.message.sent_at + WINDOW)
    }

    /// The reply that names the user and the secondary number, once there is a room.
    pub(super) fn user_info(
        &self,
        id: MessageId,
        room_id: RoomId,
        secondary: &PhoneNumberId,
    ) -> Option<OutboundMessage> {
        let display = self.display(secondary)?.to_string();
        let user = self.facts.user.as_ref()?.name.expose();
        let info = self.render(TextKey::UserInfo, &[("user", user), ("secondary", &display)]);
        let notice = self.render(TextKey::RecordingNotice, &[] as &[(&str, &str)]);
        let body = Texts::joined(info, &notice);
        let from = self.message.phone_number_id.clone();
        let expires = self.message.sent_at + WINDOW;
        self.envelope(id, Purpose::UserInfo, from, text(body), Some(room_id), expires)
    }

    /// The invitation: always a template, as the client never wrote to the secondary.
    pub(super) fn invitation(
        &self,
        id: MessageId,
        user: &UserFacts,
        room_id: RoomId,
        secondary: PhoneNumberId,
        (at, deadline): (Timestamp, Timestamp),
    ) -> Option<OutboundMessage> {
        let parameters = vec![user.name.clone(), Personal::new(self.facts.company.name.clone())];
        let content = self.template(INVITATION, parameters);
        // Given up before the room's own deadline, so that the two never race.
        let expires = deadline - Duration::seconds(60).min((deadline - at) / 10);
        self.envelope(id, Purpose::Invitation, secondary, content, Some(room_id), expires)
    }

    /// The reminder into a room; `free_until` is when its window closes, if it is open.
    pub(super) fn reminder(
        &self,
        id: MessageId,
        user: &UserFacts,
        room_id: RoomId,
        secondary: PhoneNumberId,
        free_until: Option<Timestamp>,
    ) -> Option<OutboundMessage> {
        let content = if free_until.is_some() {
            text(self.render(TextKey::Reminder, &[("user", user.name.expose())]))
        } else {
            self.template(RESUME_CONVERSATION, vec![user.name.clone()])
        };
        let expires = free_until.unwrap_or(self.facts.at + WINDOW);
        self.envelope(id, Purpose::Reminder, secondary, content, Some(room_id), expires)
    }

    fn text_for(&self, purpose: Purpose) -> Option<(TextKey, Vec<(&'static str, String)>)> {
        let user = || self.facts.user.as_ref().map(|u| ("user", u.name.expose().clone()));
        let word = || self.facts.templates.as_ref().map(|it| ("word", it.start_word.clone()));
        let key = match purpose {
            Purpose::ExtensionMissing => (TextKey::ExtensionMissing, vec![]),
            Purpose::UserNotFound => (TextKey::UserNotFound, vec![]),
            Purpose::NoSecondaryNumber => (TextKey::NoSecondaryNumber, vec![user()?]),
            Purpose::InvitationFailed => (TextKey::InvitationFailed, vec![user()?]),
            Purpose::Prospect => (TextKey::Prospect, vec![user()?]),
            Purpose::Redirect => match &self.facts.line {
                Line::Secondary { primary, .. } => {
                    (TextKey::Redirect, vec![("primary", primary.to_string())])
                }
                Line::Primary { .. } | Line::Unpooled => return None,
            },
            Purpose::Stopped => (TextKey::Stopped, vec![word()?]),
            Purpose::Started => (TextKey::Started, vec![]),
            Purpose::TemplatesStopped => (TextKey::TemplatesStopped, vec![word()?]),
            Purpose::UserInfo | Purpose::Invitation | Purpose::Reminder => return None,
        };
        Some(key)
    }

    fn render(&self, key: TextKey, values: &[(&str, impl AsRef<str>)]) -> String {
        let values: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        self.facts.company.texts.render(key, &values)
    }

    fn template(&self, name: &str, parameters: Vec<Personal<String>>) -> Content {
        let language = self.facts.company.texts.language.clone();
        Content::Template { name: name.to_owned(), language, parameters }
    }

    fn display(&self, number: &PhoneNumberId) -> Option<&PhoneNumber> {
        let numbers = self.facts.pools.iter().flat_map(|pool| &pool.numbers);
        numbers.map(|n| &n.spec).find(|spec| spec.number == *number).map(|spec| &spec.display)
    }

    fn envelope(
        &self,
        message_id: MessageId,
        purpose: Purpose,
        from: PhoneNumberId,
        content: Content,
        room_id: Option<RoomId>,
        expires_at: Timestamp,
    ) -> Option<OutboundMessage> {
        let to = Personal::new(self.message.from.address()?);
        Some(OutboundMessage { message_id, purpose, from, to, content, room_id, expires_at })
    }
}

fn text(body: String) -> Content {
    Content::Text { body: Personal::new(body) }
}
