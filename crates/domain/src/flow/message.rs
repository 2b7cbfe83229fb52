//! A client wrote to one of the company's numbers.

use std::collections::BTreeSet;

use chrono::Duration;

use super::decision::{Decision, IgnoreReason, ProfileSource, ReminderForm};
use super::facts::{Facts, ProfileFacts, RoomFacts, WINDOW};
use super::wording::Wording;
use super::{Command, consent, linking, numbers, profiles};
use crate::company::{Line, UserFacts};
use crate::extension::Extension;
use crate::identity::Identifier;
use crate::ids::{CompanyId, MessageId, ProfileId, RequestId, RoomId};
use crate::input::{InboundMessage, Input, Timestamp};
use crate::outbound::{OutboundMessage, Purpose};
use crate::personal::Personal;
use crate::pool::PoolCommand;
use crate::profile::{ProfileCommand, RoomPhase};
use crate::request::{Completion, DecideAgain, Outcome, Receive, Request, RequestCommand};
use crate::texts::TextKey;

/// The flow table. The same message and facts always give the same decision.
///
/// A message on a secondary number whose client has a room there is no request, unless it says by a
/// word whether the client takes templates; [`on_message`] hands it to the room before it asks here.
pub fn decide(request: RequestId, message: &InboundMessage, facts: &Facts) -> Decision {
    let decision = by_the_table(request, message, facts);
    match one_time_too_many(&decision, facts) {
        Some(reason) => Decision::Ignore { reason },
        None => decision,
    }
}

/// Whether a client that asks in vain again and again is not answered any more. Who has a room with
/// the user goes on being led there.
fn one_time_too_many(decision: &Decision, facts: &Facts) -> Option<IgnoreReason> {
    let asked = facts.asked_in_vain.filter(|_| !facts.is_taken_up_again())?;
    let replies = (asked.replies >= asked.limits.replies).then_some(IgnoreReason::TooManyReplies);
    let extensions = (asked.wrong_extensions >= asked.limits.wrong_extensions)
        .then_some(IgnoreReason::TooManyExtensions);
    match decision {
        Decision::Redirect | Decision::AskForExtension => replies,
        // Whether the extension is somebody's must make no difference.
        Decision::ReportUserNotFound
        | Decision::RecordProspect
        | Decision::OpenRoom { .. }
        | Decision::ReportNoNumber { .. }
        | Decision::ReportTemplatesStopped => extensions.or(replies),
        // What a client says about templates is recorded in any case; see `consent`.
        Decision::Ignore { .. }
        | Decision::Expire
        | Decision::Remind { .. }
        | Decision::Join { .. }
        | Decision::StopTemplates { .. }
        | Decision::StartTemplates { .. } => None,
    }
}

fn by_the_table(request: RequestId, message: &InboundMessage, facts: &Facts) -> Decision {
    let ignored = reason_to_ignore(message, facts);
    // In this everybody is heard who is a client, on each of the company's numbers.
    let is_heard = ignored.is_none_or(|reason| {
        use IgnoreReason::{Blocked, Moved, Unpooled};
        matches!(reason, Blocked | Moved | Unpooled)
    });
    if let Some(wish) = facts.wish().filter(|_| is_heard) {
        return consent::decide(wish, message, facts);
    }
    if let Some(reason) = ignored {
        return Decision::Ignore { reason };
    }
    let again = facts.is_taken_up_again();
    if facts.at - message.sent_at > WINDOW && !again {
        return Decision::Expire;
    }
    if matches!(facts.line, Line::Secondary { .. }) {
        return Decision::Redirect;
    }
    let extension = message.text.as_ref().and_then(|text| Extension::find_in(text.expose()));
    let (Some(_), user) = (extension, &facts.user) else {
        return Decision::AskForExtension;
    };
    let Some(user) = user else {
        return Decision::ReportUserNotFound;
    };
    if let Some((profile_id, room)) = open_room_with(facts, user) {
        return match room.phase {
            RoomPhase::Active => Decision::Remind {
                profile_id,
                room_id: room.room_id,
                form: reminder_form(room, facts),
            },
            _ => Decision::Join {
                profile_id,
                room_id: room.room_id,
                repeat_user_info: room.phase == RoomPhase::Invited
                    && !within(
                        room.user_info_at,
                        facts.company.timing.user_info_interval,
                        facts.at,
                    ),
            },
        };
    }
    if !facts.company.auto_promotion && !again {
        return Decision::RecordProspect;
    }
    if facts.has_stopped_templates() {
        return Decision::ReportTemplatesStopped;
    }
    open_room(request, message, facts, user)
}

fn reason_to_ignore(message: &InboundMessage, facts: &Facts) -> Option<IgnoreReason> {
    if facts.from_own_number {
        Some(IgnoreReason::OwnNumber)
    } else if message.in_group {
        Some(IgnoreReason::Group)
    } else if message.kind == "system" {
        Some(IgnoreReason::System)
    } else if facts.line == Line::Unpooled {
        Some(IgnoreReason::Unpooled)
    } else if facts.profiles.iter().any(ProfileFacts::blocks_client) {
        Some(IgnoreReason::Blocked)
    } else if facts.moved {
        Some(IgnoreReason::Moved)
    } else {
        None
    }
}

/// Rows 4 to 8: a profile, then a number.
fn open_room(
    request: RequestId,
    message: &InboundMessage,
    facts: &Facts,
    user: &UserFacts,
) -> Decision {
    let new = ProfileId::created_by(request);
    let profile = profiles::choose(&facts.profiles, user, facts.draw, new);
    let rooms: Vec<_> = facts.profiles.iter().flat_map(|p| &p.rooms).collect();
    let need = numbers::Need {
        user: &user.user_id,
        country: facts.client_country.or_else(|| message.from.country()),
        rooms: &rooms,
        failed: &facts.failed_numbers,
        at: facts.at,
    };
    match numbers::choose(&facts.pools, &need) {
        (Some(number), considered) => {
            let room_id = RoomId::opened_after(request, facts.failed_numbers.len());
            Decision::OpenRoom { profile, room_id, number, considered }
        }
        (None, considered) => Decision::ReportNoNumber { profile, considered },
    }
}

fn open_room_with<'a>(facts: &'a Facts, user: &UserFacts) -> Option<(ProfileId, &'a RoomFacts)> {
    let rooms = facts.profiles.iter().flat_map(|p| p.rooms.iter().map(|r| (p.profile_id, r)));
    rooms
        .filter(|(_, room)| room.is_open() && room.user_id == user.user_id)
        .max_by_key(|(_, room)| (room.phase, room.room_id))
}

fn reminder_form(room: &RoomFacts, facts: &Facts) -> ReminderForm {
    if within(room.reminded_at, facts.company.timing.reminder_interval, facts.at) {
        ReminderForm::Suppressed
    } else if room.client_wrote_at.is_some_and(|wrote| facts.at - wrote < WINDOW) {
        ReminderForm::FreeText
    } else if facts.has_stopped_templates() {
        ReminderForm::TemplatesStopped
    } else {
        ReminderForm::Template
    }
}

fn within(moment: Option<Timestamp>, seconds: u32, now: Timestamp) -> bool {
    moment.is_some_and(|moment| now - moment < Duration::seconds(seconds.into()))
}

/// What a message leads to: the decision, recorded with its facts, and the
/// commands that carry it out.
pub fn on_message(company: &CompanyId, message: &InboundMessage, facts: Facts) -> Vec<Command> {
    match into_the_room(company, message, &facts) {
        Some(wrote) if facts.wish().is_none() => wrote,
        // What a client says about templates is a request, and in a room what it wrote there too.
        wrote => {
            let request = make_request(company, message.request_id(company), message, facts);
            // Who the client is the request tells.
            let tells_who = |command: &Command| {
                use ProfileCommand::{LinkClients, ReportClash};
                matches!(command, Command::Profile(_, LinkClients { .. } | ReportClash { .. }))
            };
            let wrote = wrote.into_iter().flatten().filter(|command| !tells_who(command));
            request.into_iter().chain(wrote).collect()
        }
    }
}

/// The request that a message makes: the decision with its facts, and what carries it out.
pub(super) fn make_request(
    company: &CompanyId,
    request_id: RequestId,
    message: &InboundMessage,
    facts: Facts,
) -> Vec<Command> {
    let decision = decide(request_id, message, &facts);
    let first = MessageId::of(request_id, 0);
    let plan = Plan { company, request_id, message, facts: &facts, decision: &decision, first };
    let messages = plan.messages();
    let commands = plan.commands(&messages);
    let completion = plan.completion();
    let clashes = linking::report_clashes(&facts);
    let recorded = recorded(&facts, &decision);
    let received = Receive {
        request_id,
        company: company.clone(),
        client_id: facts.client_id,
        message: message.clone(),
        facts: recorded,
        decision,
        messages,
        completion,
    };
    let received = Command::Request(request_id, RequestCommand::Receive(Box::new(received)));
    std::iter::once(received).chain(commands).chain(clashes).collect()
}

/// A request looks for another number, on facts of now that name those that failed. `None` if what
/// it asked for can't be had any more whatever the number: then there is nothing to record.
pub(super) fn look_for_another_number(
    request: &Request,
    facts: &Facts,
) -> Option<(Decision, Vec<Command>)> {
    let Request { request_id, company, message, .. } = request;
    let decision = decide(*request_id, message, facts);
    let (request_id, first) = (*request_id, request.next_message_id());
    let plan = Plan { company, request_id, message, facts, decision: &decision, first };
    let messages = match decision {
        Decision::OpenRoom { .. } => plan.messages(),
        // Who asked hears of it as of any invitation that failed.
        Decision::ReportNoNumber { .. } => vec![],
        Decision::Ignore { .. }
        | Decision::Expire
        | Decision::Redirect
        | Decision::AskForExtension
        | Decision::ReportUserNotFound
        | Decision::Remind { .. }
        | Decision::Join { .. }
        | Decision::RecordProspect
        | Decision::StopTemplates { .. }
        | Decision::StartTemplates { .. }
        | Decision::ReportTemplatesStopped => return None,
    };
    let commands = plan.commands(&messages);
    let facts = recorded(facts, &decision);
    let again = DecideAgain { facts, decision: decision.clone(), messages };
    let again = Command::Request(request_id, RequestCommand::DecideAgain(Box::new(again)));
    Some((decision, std::iter::once(again).chain(commands).collect()))
}

/// The facts as they are recorded: of the company's texts those that are used.
fn recorded(facts: &Facts, decision: &Decision) -> Facts {
    let mut recorded = facts.clone();
    recorded.company.texts.keep(texts_used(decision));
    recorded
}

/// A message on a secondary number belongs to the client's room there: one that
/// existed when it was sent, the open one before one whose pair still rests. A
/// message that is older than all of them is recorded in one, and activates nothing.
fn into_the_room(
    company: &CompanyId,
    message: &InboundMessage,
    facts: &Facts,
) -> Option<Vec<Command>> {
    let on_secondary = matches!(facts.line, Line::Secondary { .. });
    // What it wrote before it left its number is its room's.
    let ignored = reason_to_ignore(message, facts).is_some_and(|it| it != IgnoreReason::Moved);
    if !on_secondary || ignored {
        return None;
    }
    let rooms = facts.profiles.iter().flat_map(|p| p.rooms.iter().map(|r| (p.profile_id, r)));
    let (profile_id, room) = rooms
        .filter(|(_, room)| room.number == message.phone_number_id)
        .filter(|(_, room)| room.is_open() || room.is_quarantined(facts.at))
        .max_by_key(|(_, room)| {
            (room.existed_at(message.sent_at), room.is_open(), room.quarantine_until)
        })?;
    let linked = (!facts.same_as.is_empty()).then(|| ProfileCommand::LinkClients {
        client_id: facts.client_id,
        same_as: facts.same_as.clone(),
        at: facts.at,
    });
    let wrote = ProfileCommand::RecordClientWrote {
        room_id: room.room_id,
        identifiers: message.identifiers().into_iter().map(Personal::new).collect(),
        input_id: Input::Message(message.clone()).id(company),
        sent_at: message.sent_at,
        at: facts.at,
    };
    let activates = matches!(room.phase, RoomPhase::Reserved | RoomPhase::Invited)
        && room.existed_at(message.sent_at);
    let onboarded = activates.then(|| {
        let completion = Completion {
            outcome: Outcome::Onboarded,
            user_id: Some(room.user_id.clone()),
            room_id: Some(room.room_id),
            at: facts.at,
        };
        Command::Request(room.request_id, RequestCommand::Complete(completion))
    });
    let into_profile = linked.into_iter().chain([wrote]);
    let into_profile = into_profile.map(|command| Command::Profile(profile_id, command));
    let clashes = linking::report_clashes(facts);
    Some(into_profile.chain(onboarded).chain(clashes).collect())
}

/// The company's own texts that a decision, or what follows from it, can use.
const fn texts_used(decision: &Decision) -> &'static [TextKey] {
    match decision {
        Decision::Ignore { .. } | Decision::Expire => &[],
        Decision::Redirect => &[TextKey::Redirect],
        Decision::AskForExtension => &[TextKey::ExtensionMissing],
        Decision::ReportUserNotFound => &[TextKey::UserNotFound],
        Decision::Remind { form: ReminderForm::FreeText, .. } => &[TextKey::Reminder],
        Decision::Remind {
            form: ReminderForm::Template | ReminderForm::Suppressed | ReminderForm::TemplatesStopped,
            ..
        } => &[],
        Decision::RecordProspect => &[TextKey::Prospect],
        Decision::ReportNoNumber { .. } => &[TextKey::NoSecondaryNumber],
        Decision::Join { repeat_user_info: false, .. } => &[],
        Decision::Join { repeat_user_info: true, .. } => {
            &[TextKey::UserInfo, TextKey::RecordingNotice]
        }
        Decision::OpenRoom { .. } => {
            &[TextKey::UserInfo, TextKey::RecordingNotice, TextKey::InvitationFailed]
        }
        Decision::StopTemplates { confirmed: true, .. } => &[TextKey::Stopped],
        Decision::StartTemplates { confirmed: true, .. } => &[TextKey::Started],
        Decision::StopTemplates { confirmed: false, .. }
        | Decision::StartTemplates { confirmed: false, .. } => &[],
        Decision::ReportTemplatesStopped => &[TextKey::TemplatesStopped],
    }
}

struct Plan<'a> {
    company: &'a CompanyId,
    request_id: RequestId,
    message: &'a InboundMessage,
    facts: &'a Facts,
    decision: &'a Decision,
    /// The id of the message that it leads to, if it leads to one.
    first: MessageId,
}

impl Plan<'_> {
    /// What is sent at once. The user-info message of a new room waits until
    /// WhatsApp has taken the invitation.
    fn messages(&self) -> Vec<OutboundMessage> {
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
                    let window = room.client_wrote_at.map(|wrote| wrote + WINDOW);
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
    fn commands(&self, messages: &[OutboundMessage]) -> Vec<Command> {
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

    fn create_profile(&self, choice: &super::ProfileChoice) -> impl Iterator<Item = Command> {
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
        let held = self.facts.profiles.iter().any(|p| p.held != super::Held::RoomOnly);
        let identifiers = self.message.from.identifiers();
        let without_phone = self.facts.company.unique_phone_number && held && identifiers.len() > 1;
        identifiers
            .into_iter()
            .filter(|id| !(without_phone && matches!(id, Identifier::Phone(_))))
            .map(Personal::new)
            .collect()
    }

    /// How the request ends, unless it waits for the room to be activated.
    fn completion(&self) -> Option<Completion> {
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
