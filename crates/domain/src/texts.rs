//! The words that clients read, with their placeholders and defaults.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Each text that a company can word itself.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TextKey {
    /// Automatic reply: the message names no extension.
    ExtensionMissing,
    /// No active user has the extension.
    UserNotFound,
    /// Names `{user}` and `{secondary}`.
    UserInfo,
    /// No secondary number is free for `{user}`.
    NoSecondaryNumber,
    /// The invitation of `{user}` could not be delivered.
    InvitationFailed,
    /// `{user}` will get in touch.
    Prospect,
    /// Write to `{primary}` instead.
    Redirect,
    /// Into the room: `{user}` is right here.
    Reminder,
    /// Below the user info: that what is written there is recorded. Said where the company words it.
    RecordingNotice,
    /// No more invitations and reminders, until the client writes `{word}`.
    Stopped,
    /// Invitations and reminders again.
    Started,
    /// No invitation, as the client wanted no more: it has to write `{word}` first.
    TemplatesStopped,
}

impl TextKey {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::ExtensionMissing,
        Self::UserNotFound,
        Self::UserInfo,
        Self::NoSecondaryNumber,
        Self::InvitationFailed,
        Self::Prospect,
        Self::Redirect,
        Self::Reminder,
        Self::RecordingNotice,
        Self::Stopped,
        Self::Started,
        Self::TemplatesStopped,
    ];

    /// The name as it is written in a directory file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExtensionMissing => "extension_missing",
            Self::UserNotFound => "user_not_found",
            Self::UserInfo => "user_info",
            Self::NoSecondaryNumber => "no_secondary_number",
            Self::InvitationFailed => "invitation_failed",
            Self::Prospect => "prospect",
            Self::Redirect => "redirect",
            Self::Reminder => "reminder",
            Self::RecordingNotice => "recording_notice",
            Self::Stopped => "stopped",
            Self::Started => "started",
            Self::TemplatesStopped => "templates_stopped",
        }
    }

    /// The placeholders that the text may use, without braces.
    pub const fn placeholders(self) -> &'static [&'static str] {
        match self {
            Self::ExtensionMissing | Self::UserNotFound | Self::RecordingNotice | Self::Started => {
                &[]
            }
            Self::UserInfo => &["user", "secondary"],
            Self::NoSecondaryNumber | Self::InvitationFailed | Self::Prospect | Self::Reminder => {
                &["user"]
            }
            Self::Redirect => &["primary"],
            Self::Stopped | Self::TemplatesStopped => &["word"],
        }
    }

    /// What is said where the company says nothing else.
    pub const fn default_text(self) -> &'static str {
        match self {
            Self::ExtensionMissing => {
                "I'm sorry, the extension provided is not valid. Please provide the correct extension."
            }
            Self::UserNotFound => {
                "Oops, that extension is not in our phonebook. Please try another extension."
            }
            Self::UserInfo => {
                "Dear customer, I have found an employee {user} with this extension. You should \
                 receive an invite to message in the next few seconds from {secondary}."
            }
            Self::NoSecondaryNumber => {
                "We found {user}, but no line is free at the moment. Please try again later."
            }
            Self::InvitationFailed => {
                "We found {user}, but our invitation did not reach you. Please try again later."
            }
            Self::Prospect => "Thank you. {user} will get in touch with you.",
            Self::Redirect => "Please write to {primary}.",
            Self::Reminder => {
                "You asked for {user} on our main number. You can reach {user} right here."
            }
            Self::RecordingNotice => "",
            Self::Stopped => {
                "You will get no more invitations and reminders from us. Write {word} to get them \
                 again."
            }
            Self::Started => "Thank you. You will get our invitations and reminders again.",
            Self::TemplatesStopped => {
                "You asked us for no more invitations, so we can't send you one. Please write {word} \
                 first, then try again."
            }
        }
    }
}

/// WhatsApp's limit for a text message, in characters.
pub const MAX_TEXT: usize = 4_096;

/// A company's texts in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Texts {
    /// The language, as WhatsApp writes it in templates (`en`, `pt_BR`).
    pub language: String,
    /// What the company words itself; the rest says [`TextKey::default_text`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub worded: BTreeMap<TextKey, String>,
}

impl Texts {
    /// The text with its placeholders filled; one that got longer than
    /// [`MAX_TEXT`] through them is cut there.
    pub fn render(&self, key: TextKey, values: &[(&str, &str)]) -> String {
        let template = self.worded.get(&key).map_or(key.default_text(), String::as_str);
        let mut text = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            text.push_str(&rest[..open]);
            let after = &rest[open + 1..];
            let known = after.find('}').and_then(|close| {
                let (_, value) = values.iter().find(|(name, _)| *name == &after[..close])?;
                Some((close, value))
            });
            if let Some((close, value)) = known {
                text.push_str(value);
                rest = &after[close + 1..];
            } else {
                text.push('{');
                rest = after;
            }
        }
        text.push_str(rest);
        if text.chars().count() > MAX_TEXT { text.chars().take(MAX_TEXT).collect() } else { text }
    }

    /// Two texts as one message, if the second says anything.
    pub(crate) fn joined(first: String, second: &str) -> String {
        if second.is_empty() {
            return first;
        }
        let both = first + "\n\n" + second;
        if both.chars().count() > MAX_TEXT { both.chars().take(MAX_TEXT).collect() } else { both }
    }

    /// Keeps only what a decision used, so that its record stays small.
    pub(crate) fn keep(&mut self, used: &[TextKey]) {
        self.worded.retain(|key, _| used.contains(key));
    }
}

/// Placeholders (`{name}`) that a text uses, in order.
pub fn placeholders_in(text: &str) -> Vec<&str> {
    text.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_uses_only_its_placeholders() {
        for key in TextKey::ALL {
            for name in placeholders_in(key.default_text()) {
                assert!(key.placeholders().contains(&name), "{key:?} uses {{{name}}}");
            }
        }
    }

    #[test]
    fn a_value_is_never_taken_for_a_placeholder() {
        let text = Texts::default()
            .render(TextKey::UserInfo, &[("user", "{secondary}"), ("secondary", "+12025550100")]);
        assert!(text.contains("employee {secondary} with") && text.contains("from +12025550100."));
    }
}
