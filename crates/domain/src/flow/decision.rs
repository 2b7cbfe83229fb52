//! What was made of a message, with the reasons.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{PhoneNumberId, PoolId, ProfileId, RoomId};

/// One row of the flow table, or one of its special cases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Decision {
    /// Nobody is answered.
    Ignore {
        /// Why.
        reason: IgnoreReason,
    },
    /// Too old to be answered.
    Expire,
    /// To a secondary number without a room: sent to the primary.
    Redirect,
    /// Row 1.
    AskForExtension,
    /// Row 2.
    ReportUserNotFound,
    /// Row 3.
    Remind {
        /// The room's profile.
        profile_id: ProfileId,
        /// The active room.
        room_id: RoomId,
        /// How.
        form: ReminderForm,
    },
    /// A room with the user is under way.
    Join {
        /// The room's profile.
        profile_id: ProfileId,
        /// The room.
        room_id: RoomId,
        /// Whether the user-info message is sent once more.
        repeat_user_info: bool,
    },
    /// Auto promotion is off.
    RecordProspect,
    /// Rows 4 to 7.
    OpenRoom {
        /// Which profile, and why.
        profile: ProfileChoice,
        /// The room.
        room_id: RoomId,
        /// The number that carries it.
        number: NumberChoice,
        /// Every number considered, and why it was taken or not.
        considered: Vec<ConsideredNumber>,
    },
    /// Rows 4 to 6, then 8.
    ReportNoNumber {
        /// Which profile, and why.
        profile: ProfileChoice,
        /// Every number considered, and why it was not taken.
        considered: Vec<ConsideredNumber>,
    },
    /// The client wants no more templates.
    StopTemplates {
        /// Whether it counts: the client has not said otherwise later.
        counts: bool,
        /// Whether the client is told that it was heard.
        confirmed: bool,
    },
    /// The client wants templates, again.
    StartTemplates {
        /// Whether it counts: the client has not said otherwise later.
        counts: bool,
        /// Whether the client is told that it was heard.
        confirmed: bool,
    },
    /// A room would be opened by a template, and the client wants none.
    ReportTemplatesStopped,
}

impl Decision {
    /// Whether a client asked in vain: it is answered, perhaps, and may ask again, but only so often
    /// within an hour.
    pub const fn leads_to_nothing(&self) -> bool {
        match self {
            Self::AskForExtension
            | Self::ReportUserNotFound
            | Self::Redirect
            | Self::RecordProspect
            | Self::ReportNoNumber { .. }
            | Self::StopTemplates { .. }
            | Self::StartTemplates { .. }
            | Self::ReportTemplatesStopped => true,
            Self::Ignore { .. }
            | Self::Expire
            | Self::Remind { .. }
            | Self::Join { .. }
            | Self::OpenRoom { .. } => false,
        }
    }
}

/// Why nobody is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IgnoreReason {
    /// One of the company's own numbers wrote: an answer could go round for ever.
    OwnNumber,
    /// Written in a group.
    Group,
    /// WhatsApp's own notice about the conversation, not a client's words.
    System,
    /// The number written to belongs to no pool.
    Unpooled,
    /// An operator has blocked the client.
    Blocked,
    /// The client has another number since: an answer would reach whoever has the old one.
    Moved,
    /// It got as many replies within an hour as a client may.
    TooManyReplies,
    /// It tried as many wrong extensions within an hour as a client may.
    TooManyExtensions,
}

/// How a client is reminded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReminderForm {
    /// The client wrote into the room within 24 hours.
    FreeText,
    /// It did not: the template "resume conversation".
    Template,
    /// A reminder went out shortly before.
    Suppressed,
    /// It would be the template, and the client wants none.
    TemplatesStopped,
}

/// Which profile an onboarding uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileChoice {
    /// The profile.
    pub profile_id: ProfileId,
    /// How it came to be the one.
    pub how: ProfileSource,
    /// Every profile considered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub considered: Vec<ConsideredProfile>,
}

/// How a profile came to be the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileSource {
    /// Row 4: the only candidate.
    Taken,
    /// Row 5: drawn at random from several.
    Drawn,
    /// Row 6: there was no candidate.
    Created,
}

/// A profile that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsideredProfile {
    /// The profile.
    pub profile_id: ProfileId,
    /// What was made of it.
    pub verdict: ProfileVerdict,
}

/// Why a profile was or was not a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileVerdict {
    /// A candidate.
    Candidate,
    /// It is archived.
    Archived,
    /// It is for an external company that the user is not assigned to.
    OtherExternalCompany,
    /// Another one holds what was received exactly; this one only a variant.
    OnlyByVariant,
    /// Others are assigned to the user already; this one is not.
    NotAssignedToUser,
    /// It holds neither the client's identity nor its phone.
    NotHeld,
}

/// Which number carries a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NumberChoice {
    /// The number.
    pub number: PhoneNumberId,
    /// Its pool.
    pub pool_id: PoolId,
    /// The step of the selection that found it.
    pub step: SelectionStep,
    /// Why it and not another of that step.
    pub preference: Preference,
}

/// The steps of the selection within one pool, in their order.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SelectionStep {
    /// The client's country.
    ClientCountry,
    /// The country that the client's is mapped to.
    MappedCountry,
    /// The pool's default region.
    DefaultRegion,
}

/// The order within a step.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// This client and user had it before.
    Sticky,
    /// This client never had it.
    Unused,
    /// This client had it with another user; of those numbers it carries the fewest rooms.
    LeastLoaded,
}

/// A number that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsideredNumber {
    /// The number.
    pub number: PhoneNumberId,
    /// Its pool.
    pub pool_id: PoolId,
    /// What was made of it.
    pub verdict: NumberVerdict,
}

/// Why a number was or was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NumberVerdict {
    /// Taken.
    Chosen,
    /// It could have been; another one came first.
    NotPreferred,
    /// No step looks for its country.
    OtherRegion,
    /// It takes no new rooms.
    NotInService,
    /// It carries as many rooms as it may.
    AtCapacity,
    /// It carries an open room of this client.
    OpenRoom,
    /// It carried a room of this client that rests.
    Quarantined,
    /// It could not send the invitation of this request.
    Failed,
}
