//! The flow table: what a message leads to.

use chrono::Duration;

use super::decision::{Decision, IgnoreReason, ReminderForm};
use super::facts::{Facts, ProfileFacts, RoomFacts, WINDOW};
use super::{consent, numbers, profiles};
use crate::company::{Line, UserFacts};
use crate::extension::Extension;
use crate::ids::{ProfileId, RequestId, RoomId};
use crate::input::{InboundMessage, Timestamp};
use crate::profile::RoomPhase;

/// The flow table. The same message and facts always give the same decision.
///
/// A message on a secondary number whose client has a room there is no request, unless it says by a
/// word whether the client takes templates; [`on_message`](super::on_message) hands it to the room
/// before it asks here.
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

/// Who is not answered, whatever they write.
pub(super) fn reason_to_ignore(message: &InboundMessage, facts: &Facts) -> Option<IgnoreReason> {
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
    } else if room.window_since().is_some_and(|wrote| facts.at - wrote < WINDOW) {
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
