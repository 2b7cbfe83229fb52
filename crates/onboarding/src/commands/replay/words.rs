//! Events in words, for people who audit. They may see personal data.

use domain::AnyEvent;
use domain::consent::Wish;
use domain::flow::{ConsideredNumber, Decision, Facts, ProfileChoice, TemplateFacts};
use domain::ids::ClientId;
use domain::outbound::{Content, OutboundMessage};
use domain::pool::PoolEvent;
use domain::profile::ProfileEvent;
use domain::request::RequestEvent;

/// What happened, in a few lines.
pub fn describe(event: &AnyEvent) -> Vec<String> {
    match event {
        AnyEvent::Request(event) => request(event),
        AnyEvent::Profile(event) => vec![profile(event)],
        AnyEvent::Pool(event) => vec![pool(event)],
    }
}

fn request(event: &RequestEvent) -> Vec<String> {
    match event {
        RequestEvent::OnboardingRequested { client_id, message, .. } => {
            let text = message.text.as_ref().map_or("(no text)", |text| text.expose());
            vec![format!(
                "client {client_id} sent a {} to {} at {}: {text}",
                message.kind,
                message.phone_number_id,
                message.sent_at.format("%Y-%m-%d %H:%M:%S")
            )]
        }
        RequestEvent::ClientsLinked { client_id, same_as, .. } => vec![linked(*client_id, same_as)],
        RequestEvent::IdentifiersTakenOver { client_id, identifiers, .. } => {
            vec![format!("client {client_id} has {} of another now", identifiers.len())]
        }
        RequestEvent::IdentifiersLeft { client_id, identifiers, since, .. } => {
            let since = since.format("%Y-%m-%d %H:%M:%S");
            vec![format!("client {client_id} has left {} since {since}", identifiers.len())]
        }
        RequestEvent::DecisionMade { facts, decision } => {
            let mut lines = known(facts);
            lines.extend(decided(decision));
            lines
        }
        RequestEvent::MessageRequested { message } => vec![outbound(message)],
        RequestEvent::MessageAttempted { message_id, attempt, .. } => {
            vec![format!("message {message_id}, attempt {attempt}")]
        }
        RequestEvent::MessageAccepted { message_id, .. } => vec![format!("message {message_id}")],
        RequestEvent::MessageStatusChanged { message_id, status, .. } => {
            vec![format!("message {message_id}: {}", status.as_str())]
        }
        RequestEvent::MessageFailed { message_id, error, .. } => {
            vec![format!("message {message_id}: {} (code {})", error.title, error.code)]
        }
        RequestEvent::TemplatesStopped { client_id, sent_at, .. }
        | RequestEvent::TemplatesStarted { client_id, sent_at, .. } => {
            vec![format!("client {client_id} at {}", sent_at.format("%Y-%m-%d %H:%M:%S"))]
        }
        RequestEvent::OutcomeRecorded { outcome, .. } => vec![outcome.as_str().to_owned()],
    }
}

fn linked(client_id: ClientId, same_as: &[ClientId]) -> String {
    let others: Vec<_> = same_as.iter().map(ToString::to_string).collect();
    format!("client {client_id} is also {}", others.join(", "))
}

fn known(facts: &Facts) -> Vec<String> {
    let company = &facts.company;
    let mut lines = vec![format!(
        "known: directory version {}, auto promotion {}, draw {}",
        company.directory_version,
        if company.auto_promotion { "on" } else { "off" },
        facts.draw
    )];
    for number in &facts.failed_numbers {
        lines.push(format!("known: number {number} could not send the invitation"));
    }
    if let Some(asked) = &facts.asked_in_vain {
        lines.push(format!(
            "known: {} replies in vain and {} wrong extensions within the hour (limits {} and {})",
            asked.replies,
            asked.wrong_extensions,
            asked.limits.replies,
            asked.limits.wrong_extensions
        ));
    }
    if let Some(templates) = &facts.templates {
        lines.extend(known_of_templates(templates));
    }
    if let Some(promotion) = &facts.promotion {
        let by = promotion.by.expose();
        lines.push(format!("known: {by} promotes the prospect of request {}", promotion.prospect));
    }
    for profile in facts.profiles.iter().filter(|profile| profile.blocked) {
        lines.push(format!("known: the client of profile {} is blocked", profile.profile_id));
    }
    if let Some(user) = &facts.user {
        lines.push(format!("known: the extension is {} ({})'s", user.name.expose(), user.user_id));
    }
    for profile in &facts.profiles {
        lines.push(format!(
            "known: profile {}, {} room(s) of this client",
            profile.profile_id,
            profile.rooms.len()
        ));
        for room in &profile.rooms {
            let phase = room.phase.as_str();
            lines.push(format!(
                "known: room {} with {} on {}, {phase}",
                room.room_id, room.user_id, room.number
            ));
        }
    }
    lines
}

fn known_of_templates(templates: &TemplateFacts) -> impl Iterator<Item = String> {
    let wants = |wish: Wish| match wish {
        Wish::Stop => "wants no templates",
        Wish::Start => "wants templates",
    };
    let before = templates.before.map(|said| {
        let sent_at = said.sent_at.format("%Y-%m-%d %H:%M:%S");
        format!("known: the client {}, by its word of {sent_at}", wants(said.wish))
    });
    let now = templates.wish.map(|wish| {
        let wants = wants(wish);
        format!("known: by one of the company's words the client says that it {wants}")
    });
    before.into_iter().chain(now)
}

fn decided(decision: &Decision) -> Vec<String> {
    match decision {
        Decision::Ignore { reason } => vec![format!("decided: nobody is answered ({reason:?})")],
        Decision::Expire => vec!["decided: too old to be answered".into()],
        Decision::Redirect => vec!["decided: no room on this number, sent to the primary".into()],
        Decision::AskForExtension => vec!["decided: the message names no extension".into()],
        Decision::ReportUserNotFound => vec!["decided: no active user has the extension".into()],
        Decision::Remind { room_id, form, .. } => {
            vec![format!("decided: a reminder into room {room_id} ({form:?})")]
        }
        Decision::Join { room_id, .. } => {
            vec![format!("decided: room {room_id} is under way, this request joins it")]
        }
        Decision::RecordProspect => vec!["decided: auto promotion is off, a prospect".into()],
        Decision::OpenRoom { profile, room_id, number, considered } => {
            let mut lines = choice(profile);
            lines.extend(numbers(considered));
            lines.push(format!(
                "decided: room {room_id} on {} of pool {} ({:?}, {:?})",
                number.number, number.pool_id, number.step, number.preference
            ));
            lines
        }
        Decision::ReportNoNumber { profile, considered } => {
            let mut lines = choice(profile);
            lines.extend(numbers(considered));
            lines.push("decided: no secondary number is available".into());
            lines
        }
        Decision::StopTemplates { counts, confirmed } => {
            vec![format!("decided: no more templates{}", heard(*counts, *confirmed))]
        }
        Decision::StartTemplates { counts, confirmed } => {
            vec![format!("decided: templates again{}", heard(*counts, *confirmed))]
        }
        Decision::ReportTemplatesStopped => {
            vec!["decided: no room, as the client wants no templates".into()]
        }
    }
}

const fn heard(counts: bool, confirmed: bool) -> &'static str {
    match (counts, confirmed) {
        (false, _) => "; it is older than what counts and changes nothing",
        (true, false) => ", without an answer",
        (true, true) => "",
    }
}

fn choice(profile: &ProfileChoice) -> Vec<String> {
    let considered = profile.considered.iter();
    let mut lines: Vec<_> = considered
        .map(|one| format!("considered: profile {}: {:?}", one.profile_id, one.verdict))
        .collect();
    lines.push(format!("decided: profile {} ({:?})", profile.profile_id, profile.how));
    lines
}

fn numbers(considered: &[ConsideredNumber]) -> impl Iterator<Item = String> {
    considered.iter().map(|one| {
        format!("considered: number {} of {}: {:?}", one.number, one.pool_id, one.verdict)
    })
}

fn outbound(message: &OutboundMessage) -> String {
    let purpose = message.purpose.as_str();
    let id = message.message_id;
    match &message.content {
        Content::Text { body } => {
            format!("message {id}, {purpose}, from {}: {}", message.from, body.expose())
        }
        Content::Template { name, language, parameters } => {
            let parameters: Vec<_> = parameters.iter().map(|p| p.expose().as_str()).collect();
            format!(
                "message {id}, {purpose}, from {}: template {name} ({language}): {}",
                message.from,
                parameters.join(", ")
            )
        }
    }
}

fn profile(event: &ProfileEvent) -> String {
    match event {
        ProfileEvent::ClientProfileCreated { profile_id, by, .. } => {
            let by = by.as_ref().map_or(String::new(), |by| format!(" by {}", by.expose()));
            format!("profile {profile_id}{by}")
        }
        ProfileEvent::IdentifiersAdded { identifiers, .. } => format!("{} more", identifiers.len()),
        ProfileEvent::ClientsLinked { client_id, same_as, .. } => linked(*client_id, same_as),
        ProfileEvent::ClientProfileArchived { by, .. }
        | ProfileEvent::ClientBlocked { by, .. }
        | ProfileEvent::ClientUnblocked { by, .. } => format!("by {}", by.expose()),
        ProfileEvent::ClientLanguageSet { language, by, .. } => {
            let language = language.as_ref().map_or("its country's language", |it| it.as_str());
            format!("{language}, by {}", by.expose())
        }
        ProfileEvent::UserAssigned { user_id, .. } => format!("user {user_id}"),
        ProfileEvent::RoomReserved { room_id, user_id, number, .. } => {
            format!("room {room_id} with {user_id} on {number}")
        }
        ProfileEvent::RoomInvited { room_id, .. } => format!("room {room_id}"),
        ProfileEvent::RoomActivated { room_id, cause, .. } => format!("room {room_id} ({cause:?})"),
        ProfileEvent::RoomJoined { room_id, request_id, .. } => {
            format!("room {room_id} by request {request_id}")
        }
        ProfileEvent::UserInfoRequested { room_id, .. } => format!("room {room_id}"),
        ProfileEvent::RoomReminded { room_id, message_id, .. } => {
            let how = if message_id.is_some() { "sent" } else { "suppressed" };
            format!("room {room_id} ({how})")
        }
        ProfileEvent::InvitationResent { room_id, message_id, by, .. } => {
            format!("room {room_id}, message {message_id}, by {}", by.expose())
        }
        ProfileEvent::ClientWrote { room_id, .. } => format!("room {room_id}"),
        ProfileEvent::RoomsClashed { room_id, with, .. } => format!("room {room_id} with {with}"),
        ProfileEvent::RoomReassigned { room_id, from, to, by, .. } => {
            format!("room {room_id} from {from} to {to}, by {}", by.expose())
        }
        ProfileEvent::RoomClosed { room_id, reason, quarantine_until, by, .. } => {
            let rest =
                quarantine_until.map_or(String::new(), |until| format!(", rests until {until}"));
            let by = by.as_ref().map_or(String::new(), |by| format!(" by {}", by.expose()));
            format!("room {room_id} ({reason:?}{by}{rest})")
        }
    }
}

fn pool(event: &PoolEvent) -> String {
    match event {
        PoolEvent::PoolCreated { pool_id, .. } => format!("pool {pool_id}"),
        PoolEvent::NumberAdded { spec, .. } | PoolEvent::NumberChanged { spec, .. } => {
            format!("number {}", spec.number)
        }
        PoolEvent::NumberRemoved { number, .. } => format!("number {number}"),
        PoolEvent::NumberServiceChanged { number, service, by, .. } => {
            format!("number {number} ({service:?} by {})", by.expose())
        }
        PoolEvent::NumberReserved { number, room_id }
        | PoolEvent::NumberReleased { number, room_id } => {
            format!("number {number} for room {room_id}")
        }
    }
}
