//! What a decision was made from, in the form in which it is recorded.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::company::{CompanyFacts, Limits, Line, NumberSpec, PoolRules, UserFacts};
use crate::consent::{Said, Wish};
use crate::identity::{Country, Identifier, PhoneNumber};
use crate::ids::{
    ClientId, ExternalCompanyId, PhoneNumberId, PoolId, ProfileId, RequestId, RoomId, UserId,
};
use crate::input::Timestamp;
use crate::language::Language;
use crate::personal::Personal;
use crate::profile::RoomPhase;

/// Everything that was known when a message was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// The moment of the decision.
    pub at: Timestamp,
    /// The random number that draws one of several profiles.
    pub draw: u64,
    /// The company's configuration.
    pub company: CompanyFacts,
    /// The line that was written to.
    pub line: Line,
    /// Whether one of the company's own numbers wrote the message.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_own_number: bool,
    /// The active user whose extension the message names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserFacts>,
    /// The client: known before, or new with this message.
    pub client_id: ClientId,
    /// Further clients, first seen first, whom the message shows to be this one, and of whom that
    /// was not recorded before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_as: Vec<ClientId>,
    /// Numbers that the message was sent by and that were another client's, who has left them: from
    /// now on they lead to this one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub vacated: BTreeSet<Personal<Identifier>>,
    /// Whether the client has left the number that the message was sent by: an answer would reach
    /// somebody else, perhaps.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moved: bool,
    /// The client's country, from the phone, else from the bsuid; unknown too in facts from before
    /// this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_country: Option<Country>,
    /// The client's profiles: those that hold its identity, and those with its rooms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileFacts>,
    /// The pools to try for the user, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<PoolFacts>,
    /// The operator's command that takes the message up again, if it is not the message itself that
    /// is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Promotion>,
    /// Numbers that could not send the request's invitation, in the order in which they were tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_numbers: Vec<PhoneNumberId>,
    /// What the client asked in vain within the hour before, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_in_vain: Option<AskedInVain>,
    /// What the client says about templates, or has said before. Nothing: it takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub templates: Option<TemplateFacts>,
}

/// What a client says about templates, by a word of the company's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateFacts {
    /// By the message itself, if its whole text is one of the words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<Wish>,
    /// What counted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Said>,
    /// The word, in the client's language, by which it gets templates again.
    pub start_word: String,
}

/// What a client asked in vain within an hour, and how much of it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskedInVain {
    /// Replies that it got.
    pub replies: u32,
    /// Different extensions that it tried and nobody has.
    pub wrong_extensions: u32,
    /// The company's limits.
    pub limits: Limits,
}

impl Facts {
    /// Whether the message is taken up again, by an operator or because a number failed: what was
    /// asked for then still is, whatever its age and the company's settings are by now.
    pub(super) fn is_taken_up_again(&self) -> bool {
        self.promotion.is_some() || !self.failed_numbers.is_empty()
    }

    /// What the message says about templates, if it says so.
    pub(super) fn wish(&self) -> Option<Wish> {
        self.templates.as_ref().and_then(|templates| templates.wish)
    }

    /// What the client said about templates before.
    pub(super) fn said_before(&self) -> Option<Said> {
        self.templates.as_ref().and_then(|templates| templates.before)
    }

    /// Whether the client takes no templates.
    pub(super) fn has_stopped_templates(&self) -> bool {
        self.said_before().is_some_and(|said| said.wish == Wish::Stop)
    }

    /// The facts of now for a request whose room is being closed because its number failed: without
    /// that room, and otherwise as if it were the first decision, which was made on `before`.
    pub(super) fn after_failure_of(
        mut self,
        before: &Self,
        room_id: RoomId,
        number: &PhoneNumberId,
        quarantine_until: Option<Timestamp>,
    ) -> Self {
        let rooms = self.profiles.iter_mut().flat_map(|profile| &mut profile.rooms);
        for room in rooms.filter(|room| room.room_id == room_id) {
            room.phase = RoomPhase::Closed;
            room.quarantine_until = quarantine_until;
        }
        let numbers = self.pools.iter_mut().flat_map(|pool| &mut pool.numbers);
        for failed in numbers.filter(|one| one.spec.number == *number) {
            failed.load = failed.load.saturating_sub(1);
        }
        self.failed_numbers = before.failed_numbers.clone();
        self.failed_numbers.push(number.clone());
        self.promotion = before.promotion.clone();
        // Who the client is was recorded with the first decision.
        self.same_as.clear();
        self.vacated.clear();
        // The same lot: what was drawn is drawn again.
        self.draw = before.draw;
        self
    }
}

/// An operator promotes a prospect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Promotion {
    /// The request that recorded the prospect.
    pub prospect: RequestId,
    /// Who promotes it.
    pub by: Personal<String>,
}

/// A profile as one decision sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileFacts {
    /// The profile.
    pub profile_id: ProfileId,
    /// How it is tied to the client.
    pub held: Held,
    /// Archived profiles are not visible.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// Its client is not answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blocked: bool,
    /// The external company it is for, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_company: Option<ExternalCompanyId>,
    /// The language that its client reads, if it is not its country's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The users who look after the client.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub users: BTreeSet<UserId>,
    /// The client's rooms in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<RoomFacts>,
}

impl ProfileFacts {
    /// Whether the client is not to be answered. A profile that is only perhaps its own blocks nobody.
    pub fn blocks_client(&self) -> bool {
        self.blocked && self.held != Held::ByVariant
    }
}

/// Notes with each room what the client wrote to its number in other rooms.
pub fn share_windows(profiles: &mut [ProfileFacts]) {
    let rooms = || profiles.iter().flat_map(|profile| &profile.rooms);
    let mut last: BTreeMap<PhoneNumberId, Timestamp> = BTreeMap::new();
    for (room, wrote) in rooms().filter_map(|room| Some((room, room.client_wrote_at?))) {
        let known = last.entry(room.number.clone()).or_insert(wrote);
        *known = wrote.max(*known);
    }
    for room in profiles.iter_mut().flat_map(|profile| &mut profile.rooms) {
        let of_number = last.get(&room.number).copied();
        room.number_written_to_at = of_number.filter(|wrote| Some(*wrote) > room.client_wrote_at);
    }
}

/// The language that a client reads, as its profiles tell: those that hold its identity, and of
/// them the first that tells and is in use.
pub fn language_in(profiles: &[ProfileFacts]) -> Option<&Language> {
    let own = profiles.iter().filter(|profile| profile.held == Held::Exactly && !profile.archived);
    own.filter_map(|profile| profile.language.as_ref()).next()
}

/// How a profile is tied to a client.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// It holds an identifier that was received.
    Exactly,
    /// It holds a variant of the phone number.
    ByVariant,
    /// Only a room of the client is in it.
    RoomOnly,
}

/// A room as one decision sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomFacts {
    /// The room.
    pub room_id: RoomId,
    /// The request that opened it.
    pub request_id: RequestId,
    /// Its user.
    pub user_id: UserId,
    /// Its number.
    pub number: PhoneNumberId,
    /// Its state.
    pub phase: RoomPhase,
    /// When it was reserved; unknown in facts from before this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_at: Option<Timestamp>,
    /// Until when its pair rests, once it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine_until: Option<Timestamp>,
    /// When the client last wrote into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_wrote_at: Option<Timestamp>,
    /// When the client last wrote to its number, if that was later, into another room that it had there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_written_to_at: Option<Timestamp>,
    /// When a reminder was last sent into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminded_at: Option<Timestamp>,
    /// When its user-info message was last requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_info_at: Option<Timestamp>,
}

impl RoomFacts {
    /// Reserved, invited or active.
    pub fn is_open(&self) -> bool {
        self.phase != RoomPhase::Closed
    }

    /// Whether what the client sent at `moment` can be meant for it, as in
    /// [`Room::existed_at`](crate::profile::Room::existed_at).
    pub fn existed_at(&self, moment: Timestamp) -> bool {
        self.reserved_at.is_none_or(|reserved| moment.timestamp() >= reserved.timestamp())
    }

    /// Since when free text may go into it, for as long as [`WINDOW`]: the client's last message into
    /// any of its rooms on this number, for WhatsApp knows numbers and no rooms. (What it wrote to the
    /// number without a room there is not known to its profile.)
    pub fn window_since(&self) -> Option<Timestamp> {
        self.client_wrote_at.max(self.number_written_to_at)
    }

    /// Whether the pair rests at `now`.
    pub fn is_quarantined(&self, now: Timestamp) -> bool {
        self.quarantine_until.is_some_and(|until| now < until)
    }
}

/// A pool as one decision sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PoolFacts {
    /// The rules for this client.
    pub rules: PoolRules,
    /// Its numbers, by number.
    pub numbers: Vec<NumberFacts>,
}

impl PoolFacts {
    /// The pool.
    pub const fn pool_id(&self) -> &PoolId {
        &self.rules.pool_id
    }
}

/// A secondary number as one decision sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Number")]
pub struct NumberFacts {
    /// What the directory says of it.
    #[serde(flatten)]
    pub spec: NumberSpec,
    /// Whether it takes new rooms.
    pub in_service: bool,
    /// How many open rooms it carries.
    pub load: u32,
}

/// [`NumberFacts`] field by field, as it is read: a flattened struct is first read as a map, and a
/// log has ten of them in every decision.
#[derive(Deserialize, JsonSchema)]
struct Number {
    number: PhoneNumberId,
    display: PhoneNumber,
    country: Country,
    capacity: Option<u32>,
    in_service: bool,
    load: u32,
}

impl From<Number> for NumberFacts {
    fn from(read: Number) -> Self {
        let Number { number, display, country, capacity, in_service, load } = read;
        Self { spec: NumberSpec { number, display, country, capacity }, in_service, load }
    }
}

impl NumberFacts {
    /// Whether it can carry another room.
    pub fn has_room(&self) -> bool {
        self.spec.capacity.is_none_or(|capacity| self.load < capacity)
    }
}

/// WhatsApp's customer service window: free text is allowed this long after the
/// client's last message to the same number.
pub const WINDOW: Duration = Duration::hours(24);
