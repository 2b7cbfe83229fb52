//! Operators' requests and new versions of the directory.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;

use super::message::make_request;
use super::wording::Wording;
use super::{Command, Facts, ProfileFacts, Promotion, RoomInProfile};
use crate::company::{Line, NumberSpec, UserFacts};
use crate::consent::{Said, Wish};
use crate::identity::Identifier;
use crate::ids::{
    ClientId, CompanyId, ExternalCompanyId, OperationId, PhoneNumberId, PoolId, PoolKey, ProfileId,
    RequestId, RoomId, UserId,
};
use crate::input::{InboundMessage, KnownClient, Timestamp};
use crate::language::Language;
use crate::outbound::{OutboundMessage, Purpose};
use crate::personal::Personal;
use crate::pool::{PoolCommand, Service};
use crate::profile::ProfileCommand;
use crate::request::{Outcome, Request, RequestCommand};

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

/// What is known when a client profile is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterFacts {
    /// The moment of the decision.
    pub at: Timestamp,
    /// The client that the identifiers lead to, if it is known.
    pub client_id: Option<ClientId>,
    /// A profile that holds the phone number already.
    pub phone_holder: Option<ProfileId>,
    /// Whether phone numbers are unique in the company.
    pub unique_phone_number: bool,
    /// Those of the named users whom the directory does not have.
    pub unknown_users: Vec<UserId>,
    /// Whether the directory has the named external company.
    pub external_company_known: bool,
    /// Whether the company says things in the named language.
    pub language_known: bool,
}

/// An operator registers a client that the company knows already.
///
/// # Errors
/// Why it is refused.
pub fn on_register_client_profile(
    company: &CompanyId,
    operation_id: OperationId,
    actor: &Personal<String>,
    client: &KnownClient,
    facts: &RegisterFacts,
) -> Result<(ProfileId, Vec<Command>), OperatorRefusal> {
    let KnownClient { identifiers, name, language, external_company, users } = client;
    let identifiers: BTreeSet<Personal<Identifier>> = identifiers.iter().cloned().collect();
    if identifiers.is_empty() {
        return Err(OperatorRefusal::NoIdentifier);
    }
    if let Some(user) = facts.unknown_users.first() {
        return Err(OperatorRefusal::UnknownUser(user.clone()));
    }
    if let Some(unknown) = external_company.as_ref().filter(|_| !facts.external_company_known) {
        return Err(OperatorRefusal::UnknownExternalCompany(unknown.clone()));
    }
    if let Some(unknown) = language.as_ref().filter(|_| !facts.language_known) {
        return Err(OperatorRefusal::UnknownLanguage(unknown.clone()));
    }
    if let Some(holder) = facts.phone_holder.filter(|_| facts.unique_phone_number) {
        return Err(OperatorRefusal::PhoneTaken(holder));
    }
    let new_client = || ClientId::registered_by(company, operation_id);
    let profile_id = ProfileId::registered_by(company, operation_id);
    let create = ProfileCommand::Create {
        profile_id,
        company: company.clone(),
        client_id: facts.client_id.unwrap_or_else(new_client),
        identifiers,
        name: name.clone(),
        language: language.clone(),
        external_company: external_company.clone(),
        users: users.clone(),
        at: facts.at,
        by: Some(actor.clone()),
    };
    Ok((profile_id, vec![Command::Profile(profile_id, create)]))
}

/// An operator archives a profile: the company has it if it is `known`.
///
/// # Errors
/// Why it is refused.
pub fn on_archive_client_profile(
    actor: &Personal<String>,
    profile_id: ProfileId,
    known: bool,
    at: Timestamp,
) -> Result<Vec<Command>, OperatorRefusal> {
    if !known {
        return Err(OperatorRefusal::UnknownProfile(profile_id));
    }
    let archive = ProfileCommand::Archive { at, by: actor.clone() };
    Ok(vec![Command::Profile(profile_id, archive)])
}

/// An operator blocks the client of a profile, or unblocks it; the company has the profile if it
/// is `known`.
///
/// # Errors
/// Why it is refused.
pub fn on_block_client(
    actor: &Personal<String>,
    profile_id: ProfileId,
    blocked: bool,
    known: bool,
    at: Timestamp,
) -> Result<Vec<Command>, OperatorRefusal> {
    if !known {
        return Err(OperatorRefusal::UnknownProfile(profile_id));
    }
    let by = actor.clone();
    Ok(vec![Command::Profile(profile_id, ProfileCommand::SetBlocked { blocked, at, by })])
}

/// An operator says in which language a profile's client is written to; the company has the profile
/// if it is `known`, and says things in that language if it `speaks` it.
///
/// # Errors
/// Why it is refused.
pub fn on_set_client_language(
    actor: &Personal<String>,
    profile_id: ProfileId,
    language: Option<&Language>,
    (known, speaks): (bool, bool),
    at: Timestamp,
) -> Result<Vec<Command>, OperatorRefusal> {
    if !known {
        return Err(OperatorRefusal::UnknownProfile(profile_id));
    }
    if let Some(unknown) = language.filter(|_| !speaks) {
        return Err(OperatorRefusal::UnknownLanguage(unknown.clone()));
    }
    let (language, by) = (language.cloned(), actor.clone());
    Ok(vec![Command::Profile(profile_id, ProfileCommand::SetLanguage { language, at, by })])
}

/// Whom a prospect asked for, and in which words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// The message.
    pub message: InboundMessage,
    /// The user who was to get in touch.
    pub user_id: UserId,
}

/// What a request has recorded as a prospect's; `request` is none if the company has no such request.
///
/// # Errors
/// Why there is nothing to promote.
pub fn prospect_of(
    request_id: RequestId,
    request: Option<&Request>,
) -> Result<Prospect, OperatorRefusal> {
    let request = request.ok_or(OperatorRefusal::UnknownRequest(request_id))?;
    let asked_for = request.decided.as_ref().and_then(|(facts, _)| facts.user.as_ref());
    match (request.outcome, asked_for) {
        (Some(Outcome::ProspectRecorded), Some(user)) => {
            Ok(Prospect { message: request.message.clone(), user_id: user.user_id.clone() })
        }
        _ => Err(OperatorRefusal::NoProspect(request_id)),
    }
}

/// An operator promotes a prospect: its message is decided again, as a request of its own, on the
/// facts of now, which name the promotion. What a second promotion finds is a room of the first.
///
/// # Errors
/// Why it is refused.
pub fn on_promote_prospect(
    company: &CompanyId,
    operation_id: OperationId,
    promotion: Promotion,
    Prospect { message, user_id }: &Prospect,
    facts: Facts,
) -> Result<(RequestId, Vec<Command>), OperatorRefusal> {
    let prospect = promotion.prospect;
    // Whoever has the extension by now is not whom the client was told of.
    if facts.user.as_ref().is_none_or(|user| user.user_id != *user_id) {
        return Err(OperatorRefusal::UserGone(prospect));
    }
    if facts.line == Line::Unpooled {
        return Err(OperatorRefusal::UnknownNumber(message.phone_number_id.clone()));
    }
    if facts.moved {
        return Err(OperatorRefusal::ClientMoved(prospect));
    }
    if facts.profiles.iter().any(ProfileFacts::blocks_client) {
        return Err(OperatorRefusal::ClientBlocked(prospect));
    }
    if facts.has_stopped_templates() {
        return Err(OperatorRefusal::ClientStopped(prospect));
    }
    let request_id = RequestId::promoted_by(prospect, operation_id);
    let facts = Facts { promotion: Some(promotion), ..facts };
    Ok((request_id, make_request(company, request_id, message, facts)))
}

/// An operator says whether a number takes new rooms; `line` is what the directory makes of it.
///
/// # Errors
/// Why it is refused.
pub fn on_set_number_service(
    actor: &Personal<String>,
    number: &PhoneNumberId,
    service: Service,
    line: Option<&Line>,
    at: Timestamp,
) -> Result<Vec<Command>, OperatorRefusal> {
    let Some(Line::Secondary { pool, .. }) = line else {
        return Err(OperatorRefusal::UnknownNumber(number.clone()));
    };
    let (number, by) = (number.clone(), actor.clone());
    Ok(vec![Command::Pool(pool.clone(), PoolCommand::SetService { number, service, at, by })])
}

/// What is known when an invitation is to be sent once more.
#[derive(Clone, Copy, Debug)]
pub struct ResendFacts<'a> {
    /// The moment of the decision.
    pub at: Timestamp,
    /// The room, if the company has it, and the request that opened it.
    pub room: Option<(RoomInProfile<'a>, &'a Request)>,
    /// Whether the client has left the number that the request was sent by.
    pub moved: bool,
    /// What its client said last about templates, if it did.
    pub said: Option<Said>,
    /// Whether one of its client's profiles is blocked.
    pub client_blocked: bool,
    /// The room's user, if active.
    pub user: Option<&'a UserFacts>,
}

/// An operator has a room's invitation sent once more, in the words of the first; the name is that
/// of the user whose room it is by now. If it fails, the one that WhatsApp took before still
/// stands, and so does the room.
///
/// # Errors
/// Why it is refused.
pub fn on_resend_invitation(
    actor: &Personal<String>,
    room_id: RoomId,
    facts: &ResendFacts<'_>,
) -> Result<Vec<Command>, OperatorRefusal> {
    let ResendFacts { at, room, moved, said, client_blocked, user } = *facts;
    let (found, request) = room.ok_or(OperatorRefusal::UnknownRoom(room_id))?;
    if !found.room.is_open() {
        return Err(OperatorRefusal::RoomClosed(room_id));
    }
    if moved {
        return Err(OperatorRefusal::ClientMoved(request.request_id));
    }
    if client_blocked || found.profile.blocked {
        return Err(OperatorRefusal::ClientBlocked(request.request_id));
    }
    if said.is_some_and(|said| said.wish == Wish::Stop) {
        return Err(OperatorRefusal::ClientStopped(request.request_id));
    }
    if found.room.was_written_to() {
        return Err(OperatorRefusal::NoInvitationNeeded(room_id));
    }
    let under_way = |message: &OutboundMessage| {
        let settled = request.progress.get(&message.message_id).is_some_and(|it| it.is_settled());
        message.purpose == Purpose::Invitation && message.room_id == Some(room_id) && !settled
    };
    if request.messages.iter().any(under_way) {
        return Err(OperatorRefusal::InvitationUnderWay(room_id));
    }
    let asked_for = request.decided.as_ref().and_then(|(then, _)| then.user.as_ref());
    let user = asked_for.filter(|asked_for| asked_for.user_id == found.room.user_id).or(user);
    let user = user.ok_or_else(|| OperatorRefusal::NoActiveUser(found.room.user_id.clone()))?;
    let message = request.decided.as_ref().and_then(|(then, _)| {
        let deadline = at + Duration::seconds(then.company.timing.invitation_deadline.into());
        let wording = Wording { facts: then, message: &request.message };
        let (id, number) = (request.next_message_id(), found.room.number.clone());
        wording.invitation(id, user, room_id, number, (at, deadline))
    });
    let message = message.ok_or(OperatorRefusal::UnknownRoom(room_id))?;
    let (message_id, by) = (message.message_id, actor.clone());
    let resent = ProfileCommand::ResendInvitation { room_id, message_id, at, by };
    Ok(vec![
        Command::Request(request.request_id, RequestCommand::RequestMessage(message)),
        Command::Profile(found.profile.profile_id, resent),
    ])
}

/// A new version of the directory counts: each pool has exactly its numbers. A
/// pool that the directory no longer has keeps its open rooms and takes no new.
pub fn on_directory_version(
    version: u64,
    pools: &BTreeMap<PoolId, Vec<NumberSpec>>,
    gone: &BTreeSet<PoolId>,
) -> Vec<Command> {
    let none = Vec::new();
    let gone = gone.iter().map(|pool_id| (pool_id, &none));
    let synchronise = |(pool_id, specs): (&PoolId, &Vec<NumberSpec>)| {
        let command = PoolCommand::Synchronise {
            pool_id: pool_id.clone(),
            specs: specs.clone(),
            directory_version: version,
        };
        Command::Pool(pool_id.clone(), command)
    };
    pools.iter().chain(gone).map(synchronise).collect()
}
