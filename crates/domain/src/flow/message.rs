//! A client wrote to one of the company's numbers.

use super::decision::{Decision, IgnoreReason, ReminderForm};
use super::facts::Facts;
use super::plan::Plan;
use super::table::{decide, reason_to_ignore};
use super::{Command, linking};
use crate::company::Line;
use crate::ids::{CompanyId, MessageId, RequestId};
use crate::input::{InboundMessage, Input};
use crate::personal::Personal;
use crate::profile::{ProfileCommand, RoomPhase};
use crate::request::{Completion, DecideAgain, Outcome, Receive, Request, RequestCommand};
use crate::texts::TextKey;

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
