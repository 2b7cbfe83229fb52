//! One message to a small company, and everything that is known about it.
//!
//! Acme has the primary `1000` and the users Anna and Ben, whose pool `main`
//! has the British secondaries `2001` and `2002`. Unless a scene says
//! otherwise, a British client whom nobody knows writes `#anna` to the primary.

use std::collections::{BTreeMap, BTreeSet};

use crate::company::{CompanyFacts, Line, NumberSpec, PoolRules, Timing, UserFacts};
use crate::consent::{START_WORD, STOP_WORD, Said, Wish, Word};
use crate::flow::{
    Command, Decision, Facts, Held, NumberFacts, PoolFacts, ProfileFacts, RoomFacts, TemplateFacts,
    decide, on_message,
};
use crate::identity::{Country, PhoneNumber, Sender};
use crate::ids::{ClientId, CompanyId, MessageId, ProfileId, RequestId, RoomId};
use crate::input::InboundMessage;
use crate::outbound::{Content, OutboundMessage};
use crate::personal::Personal;
use crate::profile::RoomPhase;
use crate::request::{Receive, RequestCommand};
use crate::texts::Texts;

use super::{at, id, request_id};

pub(crate) const PRIMARY: &str = "1000";

pub(crate) fn company_id() -> CompanyId {
    id("acme")
}

pub(crate) fn company() -> CompanyFacts {
    CompanyFacts {
        directory_version: 1,
        name: "Acme Bank".to_owned(),
        auto_promotion: true,
        unique_phone_number: false,
        timing: Timing::default(),
        texts: Texts { language: "en".to_owned(), worded: BTreeMap::new() },
    }
}

/// A user whose id is its extension, and whose name starts with a capital.
pub(crate) fn user(name: &str) -> UserFacts {
    let mut shown = name.to_owned();
    shown[..1].make_ascii_uppercase();
    UserFacts {
        user_id: id(name),
        name: Personal::new(shown),
        extension: Some(id(name)),
        ou: id("retail"),
        external_companies: BTreeSet::new(),
    }
}

pub(crate) fn british() -> Sender {
    from_phone("+447700900123")
}

pub(crate) fn from_phone(phone: &str) -> Sender {
    Sender { phone: Some(Personal::new(id(phone))), ..Sender::default() }
}

pub(crate) fn from_bsuid(bsuid: &str) -> Sender {
    Sender { bsuid: Some(Personal::new(id(bsuid))), ..Sender::default() }
}

/// All that WhatsApp tells is an account, which names no country.
pub(crate) fn from_wa_id(wa_id: &str) -> Sender {
    Sender { wa_id: Some(Personal::new(id(wa_id))), ..Sender::default() }
}

/// `2001` is shown as +44 7700 900801, and so on.
pub(crate) fn display(number: &str) -> PhoneNumber {
    id(&format!("+447700900{}", 800 + number.parse::<u32>().unwrap() % 100))
}

pub(crate) fn spec(number: &str, country: &str) -> NumberSpec {
    NumberSpec {
        number: id(number),
        display: display(number),
        country: id(country),
        capacity: None,
    }
}

/// A number in service that carries so many rooms.
pub(crate) fn number(number: &str, country: &str, load: u32) -> NumberFacts {
    NumberFacts { spec: spec(number, country), in_service: true, load }
}

pub(crate) fn pool(key: &str, numbers: impl IntoIterator<Item = NumberFacts>) -> PoolFacts {
    let rules = PoolRules {
        pool_id: id(&format!("acme_{key}")),
        mapped_country: None,
        default_region: None,
    };
    PoolFacts { rules, numbers: numbers.into_iter().collect() }
}

impl PoolFacts {
    pub(crate) fn mapping_to(mut self, country: &str) -> Self {
        self.rules.mapped_country = Some(id::<Country>(country));
        self
    }

    /// Every number carries at most so many rooms.
    pub(crate) fn with_capacity(mut self, capacity: u32) -> Self {
        self.numbers.iter_mut().for_each(|n| n.spec.capacity = Some(capacity));
        self
    }

    pub(crate) fn defaulting_to(mut self, country: &str) -> Self {
        self.rules.default_region = Some(id::<Country>(country));
        self
    }
}

/// A profile that holds the client's identity.
pub(crate) fn profile(profile_id: ProfileId) -> ProfileFacts {
    ProfileFacts {
        profile_id,
        held: Held::Exactly,
        archived: false,
        blocked: false,
        external_company: None,
        language: None,
        users: BTreeSet::new(),
        rooms: vec![],
    }
}

/// A room of the client that request 99 opened.
pub(crate) fn room(room_id: RoomId, user: &str, number: &str, phase: RoomPhase) -> RoomFacts {
    RoomFacts {
        room_id,
        request_id: request_id(99),
        user_id: id(user),
        number: id(number),
        phase,
        reserved_at: None,
        quarantine_until: None,
        client_wrote_at: None,
        number_written_to_at: None,
        reminded_at: None,
        user_info_at: None,
    }
}

pub(crate) fn line_primary() -> Line {
    Line::Primary { pool: id("acme_main") }
}

pub(crate) fn line_secondary() -> Line {
    Line::Secondary { pool: id("acme_main"), primary: id("+447700900800") }
}

pub(crate) fn message(from: Sender, to: &str, text: Option<&str>) -> InboundMessage {
    InboundMessage {
        phone_number_id: id(to),
        id: id("wamid.in.1"),
        from,
        sent_at: at(0),
        received_at: at(1),
        kind: "text".to_owned(),
        text: text.map(|text| Personal::new(text.to_owned())),
        in_group: false,
        became: None,
        evidence: None,
    }
}

/// What a message says about templates by one of the product's own words, and what counted before.
pub(crate) fn templates(message: &InboundMessage, before: Option<Said>) -> Option<TemplateFacts> {
    let word = |text: &str| text.parse::<Word>().ok();
    let said = message.text.as_ref().and_then(|text| word(text.expose()));
    let means = |wish: Wish, own: &str| (said.is_some() && said == word(own)).then_some(wish);
    let wish = means(Wish::Stop, STOP_WORD).or(means(Wish::Start, START_WORD));
    let start_word = START_WORD.to_owned();
    (wish.is_some() || before.is_some()).then_some(TemplateFacts { wish, before, start_word })
}

/// One message and what is known when it is decided.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) message: InboundMessage,
    pub(crate) facts: Facts,
}

/// A British client whom nobody knows writes `#anna` to the primary.
pub(crate) fn scene() -> Scene {
    let message = message(british(), PRIMARY, Some("#anna"));
    let facts = Facts {
        at: at(2),
        draw: 0,
        company: company(),
        line: line_primary(),
        from_own_number: false,
        user: Some(user("anna")),
        client_id: ClientId::first_seen_by(request_id(1)),
        client_country: None,
        profiles: vec![],
        pools: vec![pool("main", [number("2001", "GB", 0), number("2002", "GB", 0)])],
        promotion: None,
        failed_numbers: vec![],
        asked_in_vain: None,
        same_as: vec![],
        vacated: BTreeSet::new(),
        moved: false,
        templates: None,
    };
    Scene { message, facts }
}

impl Scene {
    /// With whatever else is different.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn from(self, sender: Sender) -> Self {
        self.with(|s| s.message.from = sender)
    }

    pub(crate) fn saying(self, text: &str) -> Self {
        self.with(|s| s.message.text = Some(Personal::new(text.to_owned())))
    }

    /// The client writes this, and has said about templates before.
    pub(crate) fn saying_after(self, text: &str, before: Option<Said>) -> Self {
        self.saying(text).with(|s| s.facts.templates = templates(&s.message, before))
    }

    pub(crate) fn on_secondary(self, number: &str) -> Self {
        self.with(|s| {
            s.message.phone_number_id = id(number);
            s.facts.line = line_secondary();
            s.facts.user = None;
            s.facts.pools = vec![];
        })
    }

    pub(crate) fn knowing(self, profiles: impl IntoIterator<Item = ProfileFacts>) -> Self {
        self.with(|s| s.facts.profiles = profiles.into_iter().collect())
    }

    /// One profile with one room of the client.
    pub(crate) fn with_room(self, room: RoomFacts) -> Self {
        let profile = ProfileFacts { rooms: vec![room], ..profile(super::profile_id(1)) };
        self.knowing([profile])
    }

    pub(crate) fn pools(self, pools: impl IntoIterator<Item = PoolFacts>) -> Self {
        self.with(|s| s.facts.pools = pools.into_iter().collect())
    }

    pub(crate) fn request_id(&self) -> RequestId {
        self.message.request_id(&company_id())
    }

    pub(crate) fn room_id(&self) -> RoomId {
        RoomId::opened_by(self.request_id())
    }

    pub(crate) fn message_id(&self, ordinal: usize) -> MessageId {
        MessageId::of(self.request_id(), ordinal)
    }

    /// When this is decided.
    pub(crate) fn decision(&self) -> Decision {
        decide(self.request_id(), &self.message, &self.facts)
    }

    /// When this comes in: the commands that carry the decision out.
    pub(crate) fn plan(&self) -> Vec<Command> {
        on_message(&company_id(), &self.message, self.facts.clone())
    }

    /// What the request is asked to record.
    #[track_caller]
    pub(crate) fn received(&self) -> Receive {
        match self.plan().into_iter().next() {
            Some(Command::Request(_, RequestCommand::Receive(received))) => *received,
            other => panic!("no request was recorded, but {other:?}"),
        }
    }

    /// The only message that is sent at once.
    #[track_caller]
    pub(crate) fn reply(&self) -> OutboundMessage {
        let messages = self.received().messages;
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages.into_iter().next().unwrap()
    }
}

/// What a client reads in a message of free text.
#[track_caller]
pub(crate) fn words(message: &OutboundMessage) -> String {
    match &message.content {
        Content::Text { body } => body.expose().clone(),
        Content::Template { name, .. } => panic!("it is the template {name}"),
    }
}
