//! What carries a decision out: messages, commands on the aggregates, and how the request ends.

use std::collections::BTreeSet;

use chrono::Duration;

use super::Command;
use super::decision::{Decision, ProfileChoice, ProfileSource, ReminderForm};
use super::facts::{Facts, Held, RoomFacts, WINDOW};
use super::wording::Wording;
use crate::company::UserFacts;
use crate::identity::Identifier;
use crate::ids::{CompanyId, MessageId, RequestId, RoomId};
use crate::input::{InboundMessage, Timestamp};
use crate::outbound::{OutboundMessage, Purpose};
use crate::personal::Personal;
use crate::pool::PoolCommand;
use crate::profile::ProfileCommand;
use crate::request::{Completion, Outcome};

/// A decision that is to be carried out.
pub(super) struct Plan<'a> {
    pub(super) company: &'a CompanyId,
    pub(super) request_id: RequestId,
    pub(super) message: &'a InboundMessage,
    pub(super) facts: &'a Facts,
    pub(super) decision: &'a Decision,
    /// The id of the message that it leads to, if it leads to one.
    pub(super) first: MessageId,
}

impl Plan<'_> {
    /// What is sent at once. The user-info message of a new room waits until
    /// WhatsApp has taken the invitation.
    pub(super) fn messages(&self) -> Vec<OutboundMessage> {
        let wording = Wording { facts: self.facts, message: self.message };
        let id = self.first;
        let message = match self.decision {
            Decision::Ignore { .. } | Decision::Expire => None,
            Decision::Redirect => wording.reply(id, Purpose::Redirect),
            Decision::AskForExtension => wording.reply(id, Purpose::ExtensionMissing),
            Decision::ReportUserNotFound => wording.reply(id, Purpose::UserNotFound),
            Decision::RecordProspect => wording.reply(id, Purpose::Prospect),
            Decision::ReportNoNumber { .. } => wording.reply(id, Purpose::NoSecondaryNumber),
            Decision::Remind {
                form: ReminderForm::Suppressed | ReminderForm::TemplatesStopped,
                ..
            } => None,
            Decision::Remind { room_id, form, .. } => {
                self.user().zip(self.room(*room_id)).and_then(|(user, room)| {
                    let window = room.window_since().map(|wrote| wrote + WINDOW);
                    let free_until = window.filter(|_| *form == ReminderForm::FreeText);
                    wording.reminder(id, user, *room_id, room.number.clone(), free_until)
                })
            }
            Decision::Join { repeat_user_info: false, .. } => None,
            Decision::Join { room_id, .. } => {
                self.room(*room_id).and_then(|r| wording.user_info(id, *room_id, &r.number))
            }
            Decision::OpenRoom { room_id, number, .. } => self.user().and_then(|user| {
                let number = number.number.clone();
                wording.invitation(
                    id,
                    user,
                    *room_id,
                    number,
                    (self.facts.at, self.invitation_deadline()),
                )
            }),
            Decision::StopTemplates { confirmed: true, .. } => wording.reply(id, Purpose::Stopped),
            Decision::StartTemplates { confirmed: true, .. } => wording.reply(id, Purpose::Started),
            Decision::StopTemplates { confirmed: false, .. }
            | Decision::StartTemplates { confirmed: false, .. } => None,
            Decision::ReportTemplatesStopped => wording.reply(id, Purpose::TemplatesStopped),
        };
        message.into_iter().collect()
    }

    /// What the other aggregates are asked for.
    pub(super) fn commands(&self, messages: &[OutboundMessage]) -> Vec<Command> {
        let at = self.facts.at;
        let request_id = self.request_id;
        match self.decision {
            Decision::Ignore { .. }
            | Decision::Expire
            | Decision::Redirect
            | Decision::AskForExtension
            | Decision::ReportUserNotFound
            | Decision::RecordProspect
            | Decision::StopTemplates { .. }
            | Decision::StartTemplates { .. }
            | Decision::ReportTemplatesStopped => vec![],
            Decision::Remind { profile_id, room_id, .. } => {
                let message_id = messages.first().map(|m| m.message_id);
                let room_id = *room_id;
                let remind = ProfileCommand::RemindRoom { room_id, request_id, message_id, at };
                vec![Command::Profile(*profile_id, remind)]
            }
            Decision::Join { profile_id, room_id, .. } => {
                let room_id = *room_id;
                let join = ProfileCommand::JoinRoom { room_id, request_id, at };
                let again = messages.first().map(|m| ProfileCommand::RequestUserInfo {
                    room_id,
                    message_id: m.message_id,
                    at,
                });
                [join].into_iter().chain(again).map(|c| Command::Profile(*profile_id, c)).collect()
            }
            Decision::ReportNoNumber { profile, .. } => self.create_profile(profile).collect(),
            Decision::OpenRoom { profile, room_id, number, .. } => {
                let Some(user) = self.user() else { return vec![] };
                let reserve_room = ProfileCommand::ReserveRoom {
                    room_id: *room_id,
                    client_id: self.facts.client_id,
                    user_id: user.user_id.clone(),
                    number: number.number.clone(),
                    pool_id: number.pool_id.clone(),
                    request_id,
                    at,
                    deadline: self.invitation_deadline(),
                };
                let reserve_number =
                    PoolCommand::ReserveNumber { number: number.number.clone(), room_id: *room_id };
                self.create_profile(profile)
                    .chain([
                        Command::Profile(profile.profile_id, reserve_room),
                        Command::Pool(number.pool_id.clone(), reserve_number),
                    ])
                    .collect()
            }
        }
    }

    fn create_profile(&self, choice: &ProfileChoice) -> impl Iterator<Item = Command> {
        let create = (choice.how == ProfileSource::Created).then(|| ProfileCommand::Create {
            profile_id: choice.profile_id,
            company: self.company.clone(),
            client_id: self.facts.client_id,
            identifiers: self.profile_identifiers(),
            name: self.message.from.name.clone(),
            language: None,
            external_company: None,
            users: vec![],
            at: self.facts.at,
            by: None,
        });
        create.map(|create| Command::Profile(choice.profile_id, create)).into_iter()
    }

    /// Where phone numbers are unique, a number that a profile holds which this
    /// user may not see is left out of the new one, as long as something else
    /// leads to the client.
    fn profile_identifiers(&self) -> BTreeSet<Personal<Identifier>> {
        let held = self.facts.profiles.iter().any(|p| p.held != Held::RoomOnly);
        let identifiers = self.message.from.identifiers();
        let without_phone = self.facts.company.unique_phone_number && held && identifiers.len() > 1;
        identifiers
            .into_iter()
            .filter(|id| !(without_phone && matches!(id, Identifier::Phone(_))))
            .map(Personal::new)
            .collect()
    }

    /// How the request ends, unless it waits for the room to be activated.
    pub(super) fn completion(&self) -> Option<Completion> {
        let (outcome, room_id) = match self.decision {
            Decision::Ignore { .. } => (Outcome::Ignored, None),
            Decision::Expire => (Outcome::Expired, None),
            Decision::Redirect => (Outcome::Redirected, None),
            Decision::AskForExtension => (Outcome::ExtensionMissing, None),
            Decision::ReportUserNotFound => (Outcome::UserNotFound, None),
            Decision::Remind { room_id, .. } => (Outcome::Reminded, Some(*room_id)),
            Decision::Join { room_id, .. } => (Outcome::Joined, Some(*room_id)),
            Decision::RecordProspect => (Outcome::ProspectRecorded, None),
            Decision::ReportNoNumber { .. } => (Outcome::NoSecondaryNumber, None),
            Decision::StopTemplates { .. } => (Outcome::Stopped, None),
            Decision::StartTemplates { .. } => (Outcome::Started, None),
            Decision::ReportTemplatesStopped => (Outcome::TemplatesStopped, None),
            Decision::OpenRoom { .. } => return None,
        };
        let user_id = self.user().map(|user| user.user_id.clone());
        Some(Completion { outcome, user_id, room_id, at: self.facts.at })
    }

    fn user(&self) -> Option<&UserFacts> {
        self.facts.user.as_ref()
    }

    fn room(&self, room_id: RoomId) -> Option<&RoomFacts> {
        self.facts.profiles.iter().flat_map(|p| &p.rooms).find(|room| room.room_id == room_id)
    }

    fn invitation_deadline(&self) -> Timestamp {
        self.facts.at + Duration::seconds(self.facts.company.timing.invitation_deadline.into())
    }
}
