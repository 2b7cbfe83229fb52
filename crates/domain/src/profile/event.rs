//! What happened to a client's record and its rooms.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identity::Identifier;
use crate::ids::{
    ClientId, CompanyId, ExternalCompanyId, InputId, MessageId, PhoneNumberId, PoolId, ProfileId,
    RequestId, RoomId, UserId,
};
use crate::input::Timestamp;
use crate::language::Language;
use crate::personal::Personal;

/// Facts about a client profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ProfileEvent {
    /// The company has a record of a client.
    ClientProfileCreated {
        /// The profile.
        profile_id: ProfileId,
        /// Its company.
        company: CompanyId,
        /// The client it is about.
        client_id: ClientId,
        /// What leads to it.
        identifiers: BTreeSet<Personal<Identifier>>,
        /// The client's name, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Personal<String>>,
        /// The language that the client reads, if it is not its country's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<Language>,
        /// Only users assigned to this external company see it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        external_company: Option<ExternalCompanyId>,
        /// When.
        at: Timestamp,
        /// The operator who entered it; nobody did if it was made for a request, and it is not known
        /// of profiles from before this was recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Personal<String>>,
    },
    /// The profile is known by more than before.
    IdentifiersAdded {
        /// What leads to it from now on.
        identifiers: BTreeSet<Personal<Identifier>>,
        /// When.
        at: Timestamp,
    },
    /// A message into one of its rooms shows that several clients are one. The one that was seen
    /// first stays, and so do the profiles, rooms and requests of all of them.
    ClientsLinked {
        /// The client from now on.
        client_id: ClientId,
        /// Those that turn out to be it.
        same_as: Vec<ClientId>,
        /// When.
        at: Timestamp,
    },
    /// The profile is not used any more: no onboarding takes it. Its rooms stay as they are.
    ClientProfileArchived {
        /// When.
        at: Timestamp,
        /// The operator who asked for it.
        by: Personal<String>,
    },
    /// The client is not answered any more: what it writes is recorded, and nobody replies.
    ClientBlocked {
        /// When.
        at: Timestamp,
        /// The operator who asked for it.
        by: Personal<String>,
    },
    /// The client is answered again.
    ClientUnblocked {
        /// When.
        at: Timestamp,
        /// The operator who asked for it.
        by: Personal<String>,
    },
    /// The client is written to in this language; `None`: in its country's.
    ClientLanguageSet {
        /// The language.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<Language>,
        /// When.
        at: Timestamp,
        /// The operator who asked for it.
        by: Personal<String>,
    },
    /// A user looks after the client.
    UserAssigned {
        /// The user.
        user_id: UserId,
        /// When.
        at: Timestamp,
    },
    /// A number is taken and a room is there, without an invitation yet.
    RoomReserved {
        /// The room.
        room_id: RoomId,
        /// Its client.
        client_id: ClientId,
        /// Its user.
        user_id: UserId,
        /// The secondary number that carries it.
        number: PhoneNumberId,
        /// The number's pool.
        pool_id: PoolId,
        /// The request that opened it.
        request_id: RequestId,
        /// When.
        at: Timestamp,
        /// By then the invitation is settled, or the room is closed.
        deadline: Timestamp,
    },
    /// WhatsApp took the invitation.
    RoomInvited {
        /// The room.
        room_id: RoomId,
        /// When.
        at: Timestamp,
        /// By then the user-info message is settled, or the room is activated without.
        deadline: Timestamp,
    },
    /// The room is open for both.
    RoomActivated {
        /// The room.
        room_id: RoomId,
        /// What made it so.
        cause: ActivationCause,
        /// When.
        at: Timestamp,
    },
    /// Another request for the same user came while the room was under way.
    RoomJoined {
        /// The room.
        room_id: RoomId,
        /// The request that joined.
        request_id: RequestId,
        /// When.
        at: Timestamp,
    },
    /// The user-info message of the room was requested.
    UserInfoRequested {
        /// The room.
        room_id: RoomId,
        /// The message.
        message_id: MessageId,
        /// When.
        at: Timestamp,
    },
    /// The client asked on the primary for a user whom it can reach in this room.
    RoomReminded {
        /// The room.
        room_id: RoomId,
        /// The request that asked.
        request_id: RequestId,
        /// The reminder, or `None` if it was suppressed: one had been sent shortly before, or it
        /// would have been a template and the client wants none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_id: Option<MessageId>,
        /// When.
        at: Timestamp,
    },
    /// The client wrote into the room.
    ClientWrote {
        /// The room.
        room_id: RoomId,
        /// The input that brought the message.
        input_id: InputId,
        /// When the client sent it: opens the 24-hour window.
        sent_at: Timestamp,
    },
    /// The room's invitation is sent once more.
    InvitationResent {
        /// The room.
        room_id: RoomId,
        /// The invitation.
        message_id: MessageId,
        /// When.
        at: Timestamp,
        /// The operator who asked for it.
        by: Personal<String>,
    },
    /// Two clients turned out to be one, and now one client has two open rooms with one user, or on
    /// one number. Both stay until an operator closes one.
    RoomsClashed {
        /// The room, which is the profile's.
        room_id: RoomId,
        /// The other, which may be another profile's.
        with: RoomId,
        /// When.
        at: Timestamp,
    },
    /// The room has another user: its number and its client are the same.
    RoomReassigned {
        /// The room.
        room_id: RoomId,
        /// Its user until now, who stays assigned to the profile.
        from: UserId,
        /// Its user from now on.
        to: UserId,
        /// When.
        at: Timestamp,
        /// The operator who asked for it.
        by: Personal<String>,
    },
    /// The room is over.
    RoomClosed {
        /// The room.
        room_id: RoomId,
        /// Why.
        reason: CloseReason,
        /// When.
        at: Timestamp,
        /// Until then its (client, number) pair rests; `None`: free at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quarantine_until: Option<Timestamp>,
        /// The operator who asked for it, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Personal<String>>,
    },
}

/// What activated a room: whichever came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivationCause {
    /// The user-info message was accepted or given up.
    UserInfoSettled,
    /// The client wrote on the secondary number.
    ClientWrote,
    /// Nothing happened for too long.
    Deadline,
}

/// Why a room was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The invitation was not sent, or WhatsApp definitely refused it.
    InvitationRefused,
    /// The invitation was given up, and the client may have it all the same.
    InvitationLost,
    /// An operator asked for it.
    Operator,
    /// Its user is not active any more.
    UserDeactivated,
    /// Its number is no secondary number of the company any more.
    NumberRemoved,
    /// Its user is not assigned to the profile's external company any more.
    PermissionLost,
}
