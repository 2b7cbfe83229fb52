//! A log made by hand: numbers what is put into it.

use chrono::Duration;
use domain::flow::{Decision, Facts, Promotion};
use domain::ids::{ClientId, MessageId, ProfileId, RequestId, RoomId};
use domain::input::{InboundMessage, Timestamp};
use domain::outbound::{DeliveryStatus, ErrorClass, OutboundMessage, Purpose, SendError};
use domain::pool::PoolEvent;
use domain::profile::{ActivationCause, CloseReason, ProfileEvent};
use domain::record::RecordedEvent;
use domain::request::{Outcome, RequestEvent};
use domain::{AggregateType, AnyEvent, Personal};
use serde_json::json;
use uuid::Uuid;

pub(crate) const COMPANY: &str = "acme-bank";
pub(crate) const PRIMARY: &str = "100";

/// The moment at which everything begins, and a number of seconds later.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-05-01T12:00:00Z".parse::<Timestamp>().unwrap() + Duration::seconds(seconds)
}

#[derive(Default)]
pub(crate) struct Log {
    pub(crate) events: Vec<RecordedEvent>,
}

impl Log {
    pub(crate) fn end(&self) -> u64 {
        self.events.len() as u64
    }

    /// A source as rebuilding wants it: some events after a position.
    pub(crate) fn source(
        &self,
    ) -> impl FnMut(u64) -> std::future::Ready<Result<Vec<RecordedEvent>, std::io::Error>> + Send + use<>
    {
        let events = self.events.clone();
        move |after| {
            let after = usize::try_from(after).unwrap();
            std::future::ready(Ok(events.iter().skip(after).take(7).cloned().collect()))
        }
    }

    pub(crate) fn push(&mut self, aggregate_id: impl ToString, event: AnyEvent) {
        let (kind, name, version, payload) = match &event {
            AnyEvent::Request(e) => (
                AggregateType::OnboardingRequest,
                e.event_type(),
                e.event_version(),
                serde_json::to_string(e),
            ),
            AnyEvent::Profile(e) => (
                AggregateType::ClientProfile,
                e.event_type(),
                e.event_version(),
                serde_json::to_string(e),
            ),
            AnyEvent::Pool(e) => (
                AggregateType::SecondaryNumberPool,
                e.event_type(),
                e.event_version(),
                serde_json::to_string(e),
            ),
        };
        let position = self.end() + 1;
        self.events.push(RecordedEvent {
            position,
            event_id: Uuid::from_u128(u128::from(position)),
            company: COMPANY.parse().unwrap(),
            aggregate_type: kind.as_str().to_owned(),
            aggregate_id: aggregate_id.to_string(),
            sequence: position,
            event_type: name.to_owned(),
            event_version: version.to_owned(),
            payload: payload.unwrap(),
            recorded_at: at(position.cast_signed()),
            correlation_id: Uuid::nil(),
            causation_id: domain::ids::InputId::from_uuid(Uuid::nil()),
            traceparent: None,
        });
    }

    pub(crate) fn request(&mut self, n: u128, event: RequestEvent) {
        self.push(request_id(n), AnyEvent::Request(event));
    }

    pub(crate) fn profile(&mut self, n: u128, event: ProfileEvent) {
        self.push(profile_id(n), AnyEvent::Profile(event));
    }

    pub(crate) fn of_the_pool(&mut self, n: u128) {
        let number = "200".parse().unwrap();
        let event = PoolEvent::NumberReserved { number, room_id: room_id(n) };
        self.push("acme-bank_main", AnyEvent::Pool(event));
    }
}

// What happens to the nth request, its room and its messages.

pub(crate) fn request_id(n: u128) -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(0xA000 + n))
}

pub(crate) fn room_id(n: u128) -> RoomId {
    RoomId::from_uuid(Uuid::from_u128(0xB000 + n))
}

pub(crate) fn profile_id(n: u128) -> ProfileId {
    ProfileId::from_uuid(Uuid::from_u128(0xC000 + n))
}

pub(crate) fn client_id(n: u128) -> ClientId {
    ClientId::from_uuid(Uuid::from_u128(0xD000 + n))
}

pub(crate) fn message_id(n: u128, ordinal: usize) -> MessageId {
    MessageId::of(request_id(n), ordinal)
}

/// The nth client writes to the primary; nul stands for what only hostile clients send.
pub(crate) fn requested(n: u128) -> RequestEvent {
    let message: InboundMessage = serde_json::from_value(json!({
        "phone_number_id": PRIMARY,
        "id": format!("wamid.{n}"),
        "from": {"phone": format!("+4477009{n:05}")},
        "sent_at": at(0),
        "received_at": at(n as i64),
        "kind": "text",
        "text": "#michael\u{0}",
    }))
    .unwrap();
    RequestEvent::OnboardingRequested {
        request_id: request_id(n),
        company: COMPANY.parse().unwrap(),
        client_id: client_id(n),
        message,
    }
}

pub(crate) fn decided(n: u128, decision: Decision) -> RequestEvent {
    let facts: Facts = serde_json::from_value(json!({
        "at": at(n as i64 + 1),
        "draw": 0,
        "company": {
            "directory_version": 3,
            "name": "Acme",
            "auto_promotion": true,
            "unique_phone_number": false,
            "timing": {},
            "texts": {"language": "en"},
        },
        "line": {"role": "primary", "pool": "acme-bank_main"},
        "user": {"user_id": "michael", "name": "Michael", "ou": "sales"},
        "client_id": client_id(n),
    }))
    .unwrap();
    RequestEvent::DecisionMade { facts: Box::new(facts), decision: Box::new(decision) }
}

pub(crate) fn open_room(n: u128) -> Decision {
    serde_json::from_value(json!({
        "kind": "open_room",
        "profile": {"profile_id": profile_id(n), "how": "created"},
        "room_id": room_id(n),
        "number": {"number": "200", "pool_id": "acme-bank_main", "step": "client_country",
                   "preference": "unused"},
        "considered": [],
    }))
    .unwrap()
}

/// A room is opened because the prospect of a request is promoted, after so many numbers failed.
pub(crate) fn promoting(n: u128, prospect: u128, failed: usize) -> RequestEvent {
    let RequestEvent::DecisionMade { mut facts, decision } = decided(n, open_room(n)) else {
        panic!("no decision");
    };
    let by = Personal::new("Olga".to_owned());
    facts.promotion = Some(Promotion { prospect: request_id(prospect), by });
    facts.failed_numbers = vec!["201".parse().unwrap(); failed];
    RequestEvent::DecisionMade { facts, decision }
}

/// The nth client becomes a prospect: 3 events.
pub(crate) fn prospect(log: &mut Log, n: u128) {
    log.request(n, requested(n));
    log.request(n, decided(n, Decision::RecordProspect));
    log.request(n, ended(n, Outcome::ProspectRecorded));
}

/// Its invitation (0) or user-info (1) message.
pub(crate) fn message(n: u128, ordinal: usize) -> OutboundMessage {
    let (purpose, from) = match ordinal {
        0 => (Purpose::Invitation, "200"),
        _ => (Purpose::UserInfo, PRIMARY),
    };
    serde_json::from_value(json!({
        "message_id": message_id(n, ordinal),
        "purpose": purpose,
        "from": from,
        "to": {"kind": "phone", "value": format!("+4477009{n:05}")},
        "content": {"kind": "text", "body": "Hello"},
        "room_id": room_id(n),
        "expires_at": at(3_600),
    }))
    .unwrap()
}

pub(crate) fn message_requested(n: u128, ordinal: usize) -> RequestEvent {
    RequestEvent::MessageRequested { message: message(n, ordinal) }
}

pub(crate) fn attempted(n: u128, ordinal: usize, attempt: u32) -> RequestEvent {
    let message_id = message_id(n, ordinal);
    RequestEvent::MessageAttempted { message_id, attempt, at: at(20) }
}

pub(crate) fn accepted(n: u128, ordinal: usize) -> RequestEvent {
    RequestEvent::MessageAccepted {
        message_id: message_id(n, ordinal),
        wamid: format!("wamid.out.{n}.{ordinal}").parse().unwrap(),
        at: at(21),
    }
}

pub(crate) fn told(n: u128, ordinal: usize, status: DeliveryStatus) -> RequestEvent {
    RequestEvent::MessageStatusChanged { message_id: message_id(n, ordinal), status, at: at(22) }
}

pub(crate) fn failed(n: u128, ordinal: usize) -> RequestEvent {
    let message_id = message_id(n, ordinal);
    RequestEvent::MessageFailed { message_id, error: send_error(true), at: at(23) }
}

pub(crate) fn send_error(definite: bool) -> SendError {
    SendError { code: 131_026, class: ErrorClass::RecipientRefused, definite, title: "No".into() }
}

pub(crate) fn ended(n: u128, outcome: Outcome) -> RequestEvent {
    RequestEvent::OutcomeRecorded {
        outcome,
        user_id: Some("michael".parse().unwrap()),
        room_id: Some(room_id(n)),
        at: at(30),
    }
}

pub(crate) fn reserved(n: u128) -> ProfileEvent {
    ProfileEvent::RoomReserved {
        room_id: room_id(n),
        client_id: client_id(n),
        user_id: "michael".parse().unwrap(),
        number: "200".parse().unwrap(),
        pool_id: "acme-bank_main".parse().unwrap(),
        request_id: request_id(n),
        at: at(n as i64),
        deadline: at(3_600),
    }
}

pub(crate) fn invited(n: u128) -> ProfileEvent {
    ProfileEvent::RoomInvited { room_id: room_id(n), at: at(41), deadline: at(4_000) }
}

pub(crate) fn activated(n: u128) -> ProfileEvent {
    let cause = ActivationCause::UserInfoSettled;
    ProfileEvent::RoomActivated { room_id: room_id(n), cause, at: at(42) }
}

pub(crate) fn joined(n: u128) -> ProfileEvent {
    ProfileEvent::RoomJoined { room_id: room_id(n), request_id: request_id(n + 1), at: at(43) }
}

/// The nth room is reminded by the request `by`, at second `seconds`.
pub(crate) fn reminded(n: u128, by: u128, seconds: i64, sent: bool) -> ProfileEvent {
    ProfileEvent::RoomReminded {
        room_id: room_id(n),
        request_id: request_id(by),
        message_id: sent.then(|| message_id(by, 0)),
        at: at(seconds),
    }
}

pub(crate) fn wrote(n: u128, seconds: i64) -> ProfileEvent {
    let input_id = domain::ids::InputId::from_uuid(Uuid::nil());
    ProfileEvent::ClientWrote { room_id: room_id(n), input_id, sent_at: at(seconds) }
}

/// Another user has the nth room.
pub(crate) fn reassigned(n: u128, from: &str, to: &str) -> ProfileEvent {
    ProfileEvent::RoomReassigned {
        room_id: room_id(n),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        at: at(45),
        by: domain::Personal::new("Olga".to_owned()),
    }
}

pub(crate) fn closed(n: u128) -> ProfileEvent {
    ProfileEvent::RoomClosed {
        room_id: room_id(n),
        reason: CloseReason::InvitationLost,
        at: at(50),
        quarantine_until: Some(at(900)),
        by: None,
    }
}

/// A whole onboarding: 16 events.
pub(crate) fn onboarding(log: &mut Log, n: u128) {
    log.request(n, requested(n));
    log.request(n, decided(n, open_room(n)));
    log.request(n, message_requested(n, 0));
    log.of_the_pool(n);
    log.profile(n, reserved(n));
    log.request(n, attempted(n, 0, 1));
    log.request(n, accepted(n, 0));
    log.profile(n, invited(n));
    log.request(n, message_requested(n, 1));
    log.profile(n, joined(n));
    log.request(n, accepted(n, 1));
    log.profile(n, activated(n));
    log.request(n, told(n, 0, DeliveryStatus::Delivered));
    log.request(n, ended(n, Outcome::Onboarded));
    log.profile(n, reminded(n, n + 500, 60, true));
    log.profile(n, wrote(n, 70));
}
