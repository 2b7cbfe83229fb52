//! What can be asked of a client profile, and why it may refuse.

use std::collections::BTreeSet;

use super::{ActivationCause, CloseReason};
use crate::identity::Identifier;
use crate::ids::{
    ClientId, CompanyId, ExternalCompanyId, InputId, MessageId, PhoneNumberId, PoolId, ProfileId,
    RequestId, RoomId, UserId,
};
use crate::input::Timestamp;
use crate::language::Language;
use crate::personal::Personal;

/// A request to a client profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileCommand {
    /// Make the record of a client.
    Create {
        /// The profile.
        profile_id: ProfileId,
        /// Its company.
        company: CompanyId,
        /// The client.
        client_id: ClientId,
        /// What leads to it.
        identifiers: BTreeSet<Personal<Identifier>>,
        /// The client's name, if known.
        name: Option<Personal<String>>,
        /// The language that the client reads, if it is not its country's.
        language: Option<Language>,
        /// Only users assigned to this external company see it.
        external_company: Option<ExternalCompanyId>,
        /// Users who look after the client from the start.
        users: Vec<UserId>,
        /// When.
        at: Timestamp,
        /// The operator who enters it, if it is not made for a request.
        by: Option<Personal<String>>,
    },
    /// Use the profile no more.
    Archive {
        /// When.
        at: Timestamp,
        /// The operator who asks for it.
        by: Personal<String>,
    },
    /// Answer its client no more, or again.
    SetBlocked {
        /// Whether it is blocked from now on.
        blocked: bool,
        /// When.
        at: Timestamp,
        /// The operator who asks for it.
        by: Personal<String>,
    },
    /// Write to its client in another language, or in its country's.
    SetLanguage {
        /// The language; `None`: its country's.
        language: Option<Language>,
        /// When.
        at: Timestamp,
        /// The operator who asks for it.
        by: Personal<String>,
    },
    /// Open a room on a number.
    ReserveRoom {
        /// The room.
        room_id: RoomId,
        /// Its client.
        client_id: ClientId,
        /// Its user.
        user_id: UserId,
        /// The number.
        number: PhoneNumberId,
        /// The number's pool.
        pool_id: PoolId,
        /// The request that opens it.
        request_id: RequestId,
        /// When.
        at: Timestamp,
        /// By when the invitation must be settled.
        deadline: Timestamp,
    },
    /// WhatsApp took the room's invitation.
    InviteRoom {
        /// The room.
        room_id: RoomId,
        /// When.
        at: Timestamp,
        /// By when the user-info message must be settled.
        deadline: Timestamp,
    },
    /// A user-info message for the room is requested.
    RequestUserInfo {
        /// The room.
        room_id: RoomId,
        /// The message.
        message_id: MessageId,
        /// When.
        at: Timestamp,
    },
    /// Open the room for both and assign its user.
    ActivateRoom {
        /// The room.
        room_id: RoomId,
        /// What makes it so.
        cause: ActivationCause,
        /// When.
        at: Timestamp,
    },
    /// Another request finds the room under way.
    JoinRoom {
        /// The room.
        room_id: RoomId,
        /// The request.
        request_id: RequestId,
        /// When.
        at: Timestamp,
    },
    /// The client asked for the room's user on the primary.
    RemindRoom {
        /// The room.
        room_id: RoomId,
        /// The request.
        request_id: RequestId,
        /// The reminder; `None` if it is suppressed.
        message_id: Option<MessageId>,
        /// When.
        at: Timestamp,
    },
    /// Several clients turn out to be one.
    LinkClients {
        /// The one that was seen first.
        client_id: ClientId,
        /// The others.
        same_as: Vec<ClientId>,
        /// When.
        at: Timestamp,
    },
    /// One client has two open rooms that exclude each other.
    ReportClash {
        /// The room.
        room_id: RoomId,
        /// The other room.
        with: RoomId,
        /// When.
        at: Timestamp,
    },
    /// The client wrote into the room.
    RecordClientWrote {
        /// The room.
        room_id: RoomId,
        /// What the message tells of who wrote it.
        identifiers: BTreeSet<Personal<Identifier>>,
        /// The input that brought the message.
        input_id: InputId,
        /// When the client sent it.
        sent_at: Timestamp,
        /// When it is decided.
        at: Timestamp,
    },
    /// The room's invitation is sent once more.
    ResendInvitation {
        /// The room.
        room_id: RoomId,
        /// The invitation.
        message_id: MessageId,
        /// When.
        at: Timestamp,
        /// The operator who asks for it.
        by: Personal<String>,
    },
    /// Give the room, which is active, to another user, and assign that user.
    ReassignRoom {
        /// The room.
        room_id: RoomId,
        /// Its user from now on.
        user_id: UserId,
        /// When.
        at: Timestamp,
        /// The operator who asks for it.
        by: Personal<String>,
    },
    /// End the room.
    CloseRoom {
        /// The room.
        room_id: RoomId,
        /// Why.
        reason: CloseReason,
        /// When.
        at: Timestamp,
        /// Until when its pair rests.
        quarantine_until: Option<Timestamp>,
        /// The operator who asked for it, if one did.
        by: Option<Personal<String>>,
    },
}

/// Why a profile refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileRejection {
    /// Nothing leads to the client.
    #[error("a profile needs at least one identifier")]
    NoIdentifier,
    /// There is no such profile.
    #[error("the profile does not exist")]
    NoSuchProfile,
    /// The profile has no such room.
    #[error("room {0} does not exist")]
    NoSuchRoom(RoomId),
    /// The client has an open room with the user.
    #[error("room {0} is open for this client and user")]
    RoomOpenWithUser(RoomId),
    /// The client has an open room on the number.
    #[error("room {0} is open for this client and number")]
    RoomOpenOnNumber(RoomId),
    /// A closed room does not open again.
    #[error("room {0} is closed")]
    RoomClosed(RoomId),
    /// A room has its user by its onboarding until it is active.
    #[error("room {0} is not active yet")]
    RoomUnderWay(RoomId),
}
