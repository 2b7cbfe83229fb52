//! Every event once, filled with fixed values.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::company::{CompanyFacts, Limits, Line, NumberSpec, PoolRules, Timing, UserFacts};
use domain::consent::{Said, Wish};
use domain::flow::{
    AskedInVain, ConsideredNumber, ConsideredProfile, Decision, Facts, Held, IgnoreReason,
    NumberChoice, NumberFacts, NumberVerdict, PoolFacts, Preference, ProfileChoice, ProfileFacts,
    ProfileSource, ProfileVerdict, Promotion, ReminderForm, RoomFacts, SelectionStep,
    TemplateFacts,
};
use domain::identity::{Identifier, Recipient, Sender};
use domain::ids::{ClientId, InputId, MessageId, ProfileId, RequestId, RoomId};
use domain::input::{Evidence, InboundMessage};
use domain::outbound::{Content, DeliveryStatus, ErrorClass, OutboundMessage, Purpose, SendError};
use domain::pool::{PoolEvent, Service};
use domain::profile::{ActivationCause, CloseReason, ProfileEvent, RoomPhase};
use domain::record::RecordedEvent;
use domain::request::{Outcome, RequestEvent};
use domain::texts::{TextKey, Texts};
use domain::{AggregateType, AnyEvent, Personal};
use uuid::Uuid;

const PHONE: &str = "+447700900123";
const WA_ID: &str = "447700900124";
const BSUID: &str = "GB.a1b2c3d4e5";
const CLIENT: &str = "Carla Client";
const USER: &str = "Anna Adviser";
const WORDS: &str = "Hi #anna, it's me";
const ANSWER: &str = "I have found an employee";
const DISPLAY: &str = "+447700900801";
const MAIN_LINE: &str = "+447700900800";
const OPERATOR: &str = "Olga Operator";

/// What tells who somebody is, or what they wrote: all of it is in the samples.
pub(crate) const PERSONAL: [&str; 11] = [
    PHONE,
    "447700900123",
    WA_ID,
    BSUID,
    CLIENT,
    USER,
    WORDS,
    ANSWER,
    DISPLAY,
    MAIN_LINE,
    OPERATOR,
];

/// One event, and which of its forms.
pub(crate) struct Sample {
    pub(crate) event: AnyEvent,
    pub(crate) form: Option<&'static str>,
}

impl Sample {
    pub(crate) fn event_type(&self) -> &'static str {
        match &self.event {
            AnyEvent::Request(event) => event.event_type(),
            AnyEvent::Profile(event) => event.event_type(),
            AnyEvent::Pool(event) => event.event_type(),
        }
    }

    pub(crate) fn event_version(&self) -> &'static str {
        match &self.event {
            AnyEvent::Request(event) => event.event_version(),
            AnyEvent::Profile(event) => event.event_version(),
            AnyEvent::Pool(event) => event.event_version(),
        }
    }

    pub(crate) fn aggregate_type(&self) -> AggregateType {
        match &self.event {
            AnyEvent::Request(_) => AggregateType::OnboardingRequest,
            AnyEvent::Profile(_) => AggregateType::ClientProfile,
            AnyEvent::Pool(_) => AggregateType::SecondaryNumberPool,
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.pretty()).unwrap()
    }

    /// Its JSON as people read it, with the fields in their order.
    pub(crate) fn pretty(&self) -> String {
        let json = match &self.event {
            AnyEvent::Request(event) => serde_json::to_string_pretty(event),
            AnyEvent::Profile(event) => serde_json::to_string_pretty(event),
            AnyEvent::Pool(event) => serde_json::to_string_pretty(event),
        };
        json.unwrap() + "\n"
    }
}

pub(crate) fn recorded(
    aggregate: &str,
    event: &str,
    version: &str,
    payload: &str,
) -> RecordedEvent {
    RecordedEvent {
        position: 1,
        event_id: Uuid::from_u128(1),
        company: "acme".parse().unwrap(),
        aggregate_type: aggregate.to_owned(),
        aggregate_id: "one".to_owned(),
        sequence: 1,
        event_type: event.to_owned(),
        event_version: version.to_owned(),
        payload: payload.to_owned(),
        recorded_at: at(9),
        correlation_id: Uuid::from_u128(2),
        causation_id: input_id(),
        traceparent: None,
    }
}

pub(crate) fn all() -> Vec<Sample> {
    let events = request_events()
        .into_iter()
        .map(AnyEvent::Request)
        .chain(profile_events().into_iter().map(AnyEvent::Profile))
        .chain(pool_events().into_iter().map(AnyEvent::Pool));
    let mut samples: Vec<_> = events.map(|event| Sample { event, form: None }).collect();
    samples.extend(other_decisions().map(|(form, decision)| {
        let event = RequestEvent::DecisionMade { facts: Box::new(plain_facts()), decision };
        Sample { event: AnyEvent::Request(event), form: Some(form) }
    }));
    let message = OutboundMessage { content: template(), ..user_info() };
    let event = AnyEvent::Request(RequestEvent::MessageRequested { message });
    samples.push(Sample { event, form: Some("template") });
    samples
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn at(second: u32) -> DateTime<Utc> {
    id(&format!("2026-01-05T09:00:{second:02}.250Z"))
}

fn request_id() -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(0x21))
}

fn client_id() -> ClientId {
    ClientId::from_uuid(Uuid::from_u128(0x11))
}

fn other_client_id() -> ClientId {
    ClientId::from_uuid(Uuid::from_u128(0x12))
}

fn profile_id(n: u128) -> ProfileId {
    ProfileId::from_uuid(Uuid::from_u128(0x30 + n))
}

fn room_id(n: u128) -> RoomId {
    RoomId::from_uuid(Uuid::from_u128(0x40 + n))
}

fn message_id() -> MessageId {
    MessageId::from_uuid(Uuid::from_u128(0x51))
}

fn input_id() -> InputId {
    InputId::from_uuid(Uuid::from_u128(0x61))
}

fn personal(text: &str) -> Personal<String> {
    Personal::new(text.to_owned())
}

fn request_events() -> Vec<RequestEvent> {
    let error = SendError {
        code: 131_026,
        class: ErrorClass::RecipientRefused,
        definite: true,
        title: "Message undeliverable".to_owned(),
    };
    let message_id = message_id();
    vec![
        RequestEvent::OnboardingRequested {
            request_id: request_id(),
            company: id("acme"),
            client_id: client_id(),
            message: inbound(),
        },
        RequestEvent::ClientsLinked {
            client_id: client_id(),
            same_as: vec![other_client_id()],
            at: at(2),
        },
        RequestEvent::IdentifiersTakenOver {
            client_id: client_id(),
            identifiers: BTreeSet::from([Personal::new(Identifier::Phone(id(PHONE)))]),
            at: at(2),
        },
        RequestEvent::IdentifiersLeft {
            client_id: client_id(),
            identifiers: BTreeSet::from([Personal::new(Identifier::WaId(id(WA_ID)))]),
            since: at(0),
            at: at(2),
        },
        RequestEvent::DecisionMade { facts: Box::new(facts()), decision: Box::new(open_room()) },
        RequestEvent::MessageRequested { message: user_info() },
        RequestEvent::MessageAttempted { message_id, attempt: 1, at: at(3) },
        RequestEvent::MessageAccepted { message_id, wamid: id("wamid.out.1"), at: at(4) },
        RequestEvent::MessageStatusChanged {
            message_id,
            status: DeliveryStatus::Delivered,
            at: at(5),
        },
        RequestEvent::MessageFailed { message_id, error, at: at(6) },
        RequestEvent::TemplatesStopped { client_id: client_id(), sent_at: at(0), at: at(2) },
        RequestEvent::TemplatesStarted { client_id: client_id(), sent_at: at(0), at: at(2) },
        RequestEvent::OutcomeRecorded {
            outcome: Outcome::Onboarded,
            user_id: Some(id("user-1")),
            room_id: Some(room_id(1)),
            at: at(7),
        },
    ]
}

fn inbound() -> InboundMessage {
    InboundMessage {
        phone_number_id: id("1000"),
        id: id("wamid.in.1"),
        from: Sender {
            bsuid: Some(Personal::new(id(BSUID))),
            wa_id: Some(Personal::new(id(WA_ID))),
            phone: Some(Personal::new(id(PHONE))),
            name: Some(personal(CLIENT)),
        },
        sent_at: at(0),
        received_at: at(1),
        kind: "text".to_owned(),
        text: Some(personal(WORDS)),
        in_group: false,
        became: None,
        evidence: Some(Evidence { post_sha256: "ab".repeat(32), item_sha256: "cd".repeat(32) }),
    }
}

fn user_info() -> OutboundMessage {
    OutboundMessage {
        message_id: message_id(),
        purpose: Purpose::UserInfo,
        from: id("1000"),
        to: Personal::new(Recipient::Phone(id(PHONE))),
        content: Content::Text { body: personal(&format!("{ANSWER} {USER}. Look for {DISPLAY}.")) },
        room_id: Some(room_id(1)),
        expires_at: at(59),
    }
}

fn template() -> Content {
    Content::Template {
        name: "invitation".to_owned(),
        language: "en".to_owned(),
        parameters: vec![personal(USER), personal("Acme Bank")],
    }
}

fn pool_id() -> domain::ids::PoolId {
    id("acme_main")
}

fn spec() -> NumberSpec {
    NumberSpec { number: id("2001"), display: id(DISPLAY), country: id("GB"), capacity: Some(200) }
}

/// Everything that can be known.
fn facts() -> Facts {
    let room = RoomFacts {
        room_id: room_id(2),
        request_id: request_id(),
        user_id: id("user-2"),
        number: id("2002"),
        phase: RoomPhase::Closed,
        reserved_at: Some(at(10)),
        quarantine_until: Some(at(50)),
        client_wrote_at: Some(at(40)),
        number_written_to_at: Some(at(41)),
        reminded_at: Some(at(30)),
        user_info_at: Some(at(20)),
    };
    Facts {
        at: at(2),
        draw: u64::MAX,
        company: CompanyFacts {
            directory_version: 7,
            name: "Acme Bank".to_owned(),
            auto_promotion: true,
            unique_phone_number: true,
            timing: Timing::default(),
            texts: Texts {
                language: "en".to_owned(),
                worded: BTreeMap::from([(TextKey::UserInfo, "Ask {user} at {secondary}".into())]),
            },
        },
        line: Line::Secondary { pool: pool_id(), primary: id(MAIN_LINE) },
        from_own_number: true,
        user: Some(UserFacts {
            user_id: id("user-1"),
            name: personal(USER),
            extension: Some(id("anna")),
            ou: id("retail"),
            external_companies: BTreeSet::from([id("north")]),
        }),
        client_id: client_id(),
        same_as: vec![other_client_id()],
        vacated: BTreeSet::from([Personal::new(Identifier::Phone(id(PHONE)))]),
        moved: true,
        client_country: Some(id("GB")),
        profiles: vec![ProfileFacts {
            profile_id: profile_id(1),
            held: Held::ByVariant,
            archived: true,
            blocked: true,
            external_company: Some(id("north")),
            language: Some(id("de")),
            users: BTreeSet::from([id("user-2")]),
            rooms: vec![room],
        }],
        pools: vec![PoolFacts {
            rules: PoolRules {
                pool_id: pool_id(),
                mapped_country: Some(id("DE")),
                default_region: Some(id("US")),
            },
            numbers: vec![NumberFacts { spec: spec(), in_service: true, load: 3 }],
        }],
        promotion: Some(Promotion {
            prospect: RequestId::from_uuid(Uuid::from_u128(0x22)),
            by: personal(OPERATOR),
        }),
        failed_numbers: vec![id("2008"), id("2009")],
        asked_in_vain: Some(AskedInVain {
            replies: 4,
            wrong_extensions: 2,
            limits: Limits::default(),
        }),
        templates: Some(TemplateFacts {
            wish: Some(Wish::Start),
            before: Some(Said { wish: Wish::Stop, sent_at: at(1) }),
            start_word: "START".to_owned(),
        }),
    }
}

/// As little as can be known.
fn plain_facts() -> Facts {
    let full = facts();
    Facts {
        line: Line::Primary { pool: pool_id() },
        from_own_number: false,
        user: None,
        profiles: vec![],
        pools: vec![],
        company: CompanyFacts {
            texts: Texts { language: "en".to_owned(), worded: BTreeMap::new() },
            ..full.company
        },
        same_as: vec![],
        vacated: BTreeSet::new(),
        moved: false,
        templates: None,
        promotion: None,
        failed_numbers: vec![],
        asked_in_vain: None,
        ..full
    }
}

fn drawn() -> ProfileChoice {
    use ProfileVerdict as V;
    let verdicts = [
        V::Candidate,
        V::Archived,
        V::OtherExternalCompany,
        V::OnlyByVariant,
        V::NotAssignedToUser,
        V::NotHeld,
    ];
    let considered = (1..)
        .zip(verdicts)
        .map(|(n, verdict)| ConsideredProfile { profile_id: profile_id(n), verdict })
        .collect();
    ProfileChoice { profile_id: profile_id(1), how: ProfileSource::Drawn, considered }
}

fn considered() -> Vec<ConsideredNumber> {
    use NumberVerdict as V;
    let verdicts = [
        V::Chosen,
        V::NotPreferred,
        V::OtherRegion,
        V::NotInService,
        V::AtCapacity,
        V::OpenRoom,
        V::Quarantined,
        V::Failed,
    ];
    let considered = |(n, verdict)| ConsideredNumber {
        number: id(&format!("200{n}")),
        pool_id: pool_id(),
        verdict,
    };
    (1..).zip(verdicts).map(considered).collect()
}

fn open_room() -> Decision {
    let number = NumberChoice {
        number: id("2001"),
        pool_id: pool_id(),
        step: SelectionStep::ClientCountry,
        preference: Preference::Unused,
    };
    Decision::OpenRoom { profile: drawn(), room_id: room_id(1), number, considered: considered() }
}

fn other_decisions() -> impl Iterator<Item = (&'static str, Box<Decision>)> {
    let (profile_id, room_id) = (profile_id(1), room_id(1));
    let no_number = Decision::ReportNoNumber {
        profile: ProfileChoice { how: ProfileSource::Created, considered: vec![], profile_id },
        considered: considered().split_off(1),
    };
    let form = ReminderForm::FreeText;
    [
        ("ignore", Decision::Ignore { reason: IgnoreReason::OwnNumber }),
        ("expire", Decision::Expire),
        ("redirect", Decision::Redirect),
        ("ask-for-extension", Decision::AskForExtension),
        ("report-user-not-found", Decision::ReportUserNotFound),
        ("remind", Decision::Remind { profile_id, room_id, form }),
        ("join", Decision::Join { profile_id, room_id, repeat_user_info: true }),
        ("record-prospect", Decision::RecordProspect),
        ("report-no-number", no_number),
        ("stop-templates", Decision::StopTemplates { counts: true, confirmed: true }),
        ("start-templates", Decision::StartTemplates { counts: false, confirmed: false }),
        ("report-templates-stopped", Decision::ReportTemplatesStopped),
    ]
    .map(|(form, decision)| (form, Box::new(decision)))
    .into_iter()
}

fn profile_events() -> Vec<ProfileEvent> {
    let room_id = room_id(1);
    let identifiers = BTreeSet::from([
        Personal::new(Identifier::Bsuid(id(BSUID))),
        Personal::new(Identifier::WaId(id(WA_ID))),
        Personal::new(Identifier::Phone(id(PHONE))),
    ]);
    vec![
        ProfileEvent::ClientProfileCreated {
            profile_id: profile_id(1),
            company: id("acme"),
            client_id: client_id(),
            identifiers: identifiers.clone(),
            name: Some(personal(CLIENT)),
            language: Some(id("de")),
            external_company: Some(id("north")),
            at: at(2),
            by: Some(personal("Olga")),
        },
        ProfileEvent::IdentifiersAdded { identifiers, at: at(3) },
        ProfileEvent::ClientsLinked {
            client_id: client_id(),
            same_as: vec![other_client_id()],
            at: at(3),
        },
        ProfileEvent::ClientProfileArchived { at: at(4), by: Personal::new("Olga".to_owned()) },
        ProfileEvent::ClientBlocked { at: at(4), by: Personal::new("Olga".to_owned()) },
        ProfileEvent::ClientUnblocked { at: at(5), by: Personal::new("Olga".to_owned()) },
        ProfileEvent::ClientLanguageSet {
            language: Some(id("de")),
            at: at(5),
            by: personal("Olga"),
        },
        ProfileEvent::UserAssigned { user_id: id("user-1"), at: at(4) },
        ProfileEvent::RoomReserved {
            room_id,
            client_id: client_id(),
            user_id: id("user-1"),
            number: id("2001"),
            pool_id: pool_id(),
            request_id: request_id(),
            at: at(5),
            deadline: at(50),
        },
        ProfileEvent::RoomInvited { room_id, at: at(6), deadline: at(56) },
        ProfileEvent::RoomActivated { room_id, cause: ActivationCause::UserInfoSettled, at: at(7) },
        ProfileEvent::RoomJoined { room_id, request_id: request_id(), at: at(8) },
        ProfileEvent::UserInfoRequested { room_id, message_id: message_id(), at: at(9) },
        ProfileEvent::RoomReminded {
            room_id,
            request_id: request_id(),
            message_id: Some(message_id()),
            at: at(10),
        },
        ProfileEvent::ClientWrote { room_id, input_id: input_id(), sent_at: at(11) },
        ProfileEvent::InvitationResent {
            room_id,
            message_id: message_id(),
            at: at(11),
            by: Personal::new("Olga".to_owned()),
        },
        ProfileEvent::RoomsClashed { room_id, with: self::room_id(2), at: at(11) },
        ProfileEvent::RoomReassigned {
            room_id,
            from: id("user-1"),
            to: id("user-2"),
            at: at(11),
            by: Personal::new("Olga".to_owned()),
        },
        ProfileEvent::RoomClosed {
            room_id,
            reason: CloseReason::InvitationLost,
            at: at(12),
            quarantine_until: Some(at(58)),
            by: None,
        },
    ]
}

fn pool_events() -> Vec<PoolEvent> {
    let number = || id("2001");
    let room_id = room_id(1);
    vec![
        PoolEvent::PoolCreated { pool_id: pool_id(), company: id("acme"), directory_version: 7 },
        PoolEvent::NumberAdded { spec: spec(), directory_version: 7 },
        PoolEvent::NumberChanged { spec: spec(), directory_version: 8 },
        PoolEvent::NumberRemoved { number: number(), directory_version: 9 },
        PoolEvent::NumberServiceChanged {
            number: number(),
            service: Service::Suspended,
            at: at(4),
            by: personal("Olga"),
        },
        PoolEvent::NumberReserved { number: number(), room_id },
        PoolEvent::NumberReleased { number: number(), room_id },
    ]
}
