//! Why operators' requests are refused.

use crate::ids::{ExternalCompanyId, PhoneNumberId, PoolKey, ProfileId, RequestId, RoomId, UserId};
use crate::language::Language;

/// Why an operator's request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorRefusal {
    /// Nothing leads to the client.
    #[error("identifiers: give at least one of bsuid, wa_id and phone")]
    NoIdentifier,
    /// The directory has no such user.
    #[error("users: the company has no active user {0}")]
    UnknownUser(UserId),
    /// The directory has no such external company.
    #[error("external_company: the company has no external company {0}")]
    UnknownExternalCompany(ExternalCompanyId),
    /// The company says nothing in this language.
    #[error(
        "language: the company says nothing in '{0}'; the directory's texts have to have it first"
    )]
    UnknownLanguage(Language),
    /// Another profile holds the phone number, and the company wants them unique.
    #[error(
        "identifiers: profile {0} holds this phone number, and the company has unique_phone_number on"
    )]
    PhoneTaken(ProfileId),
    /// The company has no such profile.
    #[error("profile_id: the company has no client profile {0}")]
    UnknownProfile(ProfileId),
    /// The company has no such request.
    #[error("request_id: the company has no onboarding request {0}")]
    UnknownRequest(RequestId),
    /// There is nothing to promote.
    #[error("request_id: request {0} has recorded no prospect")]
    NoProspect(RequestId),
    /// The user who was asked for is not to be found by that extension any more.
    #[error(
        "request_id: the user whom request {0} asked for is not active any more, or has another extension"
    )]
    UserGone(RequestId),
    /// It has another number since.
    #[error(
        "request_id: the client of request {0} has another number since, and somebody else may have the old one; it has to write again"
    )]
    ClientMoved(RequestId),
    /// An operator has blocked the client.
    #[error("request_id: the client of request {0} is blocked; unblock it first")]
    ClientBlocked(RequestId),
    /// The client wants no templates.
    #[error(
        "request_id: the client of request {0} wants no more invitations; it has to write the start word first"
    )]
    ClientStopped(RequestId),
    /// The directory has no such user, active or not.
    #[error("user_id: the company has no user {0}")]
    NoSuchUser(UserId),
    /// Extensions are unique in a company.
    #[error("extension: user {0} has it; give it up there first")]
    ExtensionTaken(UserId),
    /// The company has no such secondary number.
    #[error("number: the company has no secondary number {0} in a pool")]
    UnknownNumber(PhoneNumberId),
    /// The company has no such pool.
    #[error("pool: the company has no pool {0}")]
    UnknownPool(PoolKey),
    /// The number is in a pool, or clients see it as another one.
    #[error(
        "number: the company has {0} already, in a pool, or with another display number; remove it there, or correct this"
    )]
    NumberExists(PhoneNumberId),
    /// No two companies share an official account.
    #[error("number: another company has the official account {0}")]
    NumberTaken(PhoneNumberId),
    /// No two accounts of a company look the same to clients.
    #[error("display_number: official account {0} has it already")]
    DisplayNumberTaken(PhoneNumberId),
    /// A client's id holds within one app only.
    #[error("number: official account {0} is not of the app of the pool's primary")]
    OtherApp(PhoneNumberId),
    /// Which clients it is for can't be told.
    #[error("country: it cannot be told from the display number; give it")]
    NoCountry,
    /// More or fewer rooms than a number may carry.
    #[error("capacity: must be 1 to 1000000 rooms, or be left out")]
    CapacityOutOfRange,
    /// Clients write to it first.
    #[error("number: {0} is the primary of its pool, which cannot be without one")]
    NumberIsPrimary(PhoneNumberId),
    /// The company has no such room.
    #[error("room_id: the company has no room {0}")]
    UnknownRoom(RoomId),
    /// It is over.
    #[error("room_id: room {0} is closed")]
    RoomClosed(RoomId),
    /// The client has found the room.
    #[error("room_id: the client has written into room {0}; it needs no invitation any more")]
    NoInvitationNeeded(RoomId),
    /// What was sent is not settled.
    #[error("room_id: an invitation into room {0} is on its way; wait for what becomes of it")]
    InvitationUnderWay(RoomId),
    /// The directory has no such user, or they are not active.
    #[error("user_id: the company has no active user {0}")]
    NoActiveUser(UserId),
    /// The user may not see the room's profile.
    #[error(
        "user_id: user {0} may not see the client profile of the room: it is archived, or of an external company that the user is not assigned to"
    )]
    ProfileHidden(UserId),
    /// A client has one open room with a user.
    #[error("user_id: the room's client has room {0} with this user already")]
    RoomOpenWithUser(RoomId),
    /// The company has no such parked input.
    #[error("parked_input_id: the company has no parked input {0}")]
    UnknownParkedInput(u64),
    /// It was cut into parts, and none of them is an input.
    #[error("parked_input_id: {0} was too large and is kept in parts; it can't be put back")]
    NotRetriable(u64),
    /// Both would be wrong to say of it: that it was decided, and that it was given up.
    #[error("parked_input_id: {0} is about to be put back; look again in a moment")]
    RetryUnderWay(u64),
    /// Somebody else was faster, or the operator saw something older.
    #[error(
        "expected_version: it is at version {actual} by now, not at {expected}; look at it again"
    )]
    VersionMismatch {
        /// What the operator saw.
        expected: u64,
        /// What is so.
        actual: u64,
    },
    /// Its onboarding goes on.
    #[error(
        "room_id: room {0} is not active yet; it will be, or will be closed, when its onboarding ends"
    )]
    RoomUnderWay(RoomId),
}

impl OperatorRefusal {
    /// A stable name for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoIdentifier => "no-identifier",
            Self::UnknownUser(_) | Self::NoSuchUser(_) | Self::NoActiveUser(_) => "unknown-user",
            Self::UnknownExternalCompany(_) => "unknown-external-company",
            Self::UnknownLanguage(_) => "unknown-language",
            Self::PhoneTaken(_) => "phone-taken",
            Self::UnknownProfile(_) => "unknown-client-profile",
            Self::ExtensionTaken(_) => "extension-taken",
            Self::UnknownRequest(_) => "unknown-onboarding-request",
            Self::NoProspect(_) => "no-prospect",
            Self::UserGone(_) => "user-not-found",
            Self::ClientMoved(_) => "client-moved",
            Self::ClientBlocked(_) => "client-blocked",
            Self::ClientStopped(_) => "client-stopped",
            Self::UnknownNumber(_) => "unknown-number",
            Self::UnknownPool(_) => "unknown-pool",
            Self::NumberExists(_) => "number-exists",
            Self::NumberTaken(_) => "number-taken",
            Self::DisplayNumberTaken(_) => "display-number-taken",
            Self::OtherApp(_) => "other-app",
            Self::NoCountry => "no-country",
            Self::CapacityOutOfRange => "capacity-out-of-range",
            Self::NumberIsPrimary(_) => "number-is-primary",
            Self::UnknownRoom(_) => "unknown-chat-room",
            Self::RoomClosed(_) => "room-closed",
            Self::NoInvitationNeeded(_) => "no-invitation-needed",
            Self::InvitationUnderWay(_) => "invitation-under-way",
            Self::ProfileHidden(_) => "client-profile-hidden",
            Self::RoomOpenWithUser(_) => "room-open-with-user",
            Self::UnknownParkedInput(_) => "unknown-parked-input",
            Self::NotRetriable(_) => "not-retriable",
            Self::RetryUnderWay(_) => "retry-under-way",
            Self::VersionMismatch { .. } => "version-mismatch",
            Self::RoomUnderWay(_) => "room-under-way",
        }
    }
}

/// Whether an operator saw what is so: `actual` is the version of what is to change. Who names no
/// version wants it whatever that is.
///
/// # Errors
/// [`OperatorRefusal::VersionMismatch`].
pub fn check_version(expected: Option<u64>, actual: u64) -> Result<(), OperatorRefusal> {
    match expected {
        Some(expected) if expected != actual => {
            Err(OperatorRefusal::VersionMismatch { expected, actual })
        }
        Some(_) | None => Ok(()),
    }
}
