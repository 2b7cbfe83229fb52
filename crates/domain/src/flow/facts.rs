//! What a decision was made from, in the form in which it is recorded.

use std::collections::BTreeSet;

use chrono::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::company::{CompanyFacts, Line, NumberSpec, PoolRules, UserFacts};
use crate::identity::{Country, PhoneNumber};
use crate::ids::{
    ClientId, ExternalCompanyId, PhoneNumberId, PoolId, ProfileId, RequestId, RoomId, UserId,
};
use crate::input::Timestamp;
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
    /// The external company it is for, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_company: Option<ExternalCompanyId>,
    /// The users who look after the client.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub users: BTreeSet<UserId>,
    /// The client's rooms in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<RoomFacts>,
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
