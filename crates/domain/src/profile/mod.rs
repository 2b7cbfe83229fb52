//! The client profile: the company's record of a client, the users who look
//! after it, and its chat rooms for their whole life.

mod command;
mod decide;
mod event;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use command::{ProfileCommand, ProfileRejection};
pub use event::{ActivationCause, CloseReason, ProfileEvent};

use crate::flow::{Held, ProfileFacts, RoomFacts};
use crate::identity::Identifier;
use crate::ids::{
    ClientId, CompanyId, ExternalCompanyId, PhoneNumberId, PoolId, ProfileId, RequestId, RoomId,
    UserId,
};
use crate::input::Timestamp;
use crate::language::Language;
use crate::personal::Personal;

/// One profile's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientProfile {
    /// Nobody has made it yet.
    #[default]
    Absent,
    /// The company has it.
    Present(Box<Profile>),
}

/// The record of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The profile.
    pub profile_id: ProfileId,
    /// Its company.
    pub company: CompanyId,
    /// The client it is about.
    pub client_id: ClientId,
    /// What leads to it.
    pub identifiers: BTreeSet<Personal<Identifier>>,
    /// The language that its client reads, if it is not its country's.
    #[serde(default)]
    pub language: Option<Language>,
    /// Only users assigned to this external company see it.
    pub external_company: Option<ExternalCompanyId>,
    /// Archived profiles are not visible.
    pub archived: bool,
    /// Its client is not answered.
    pub blocked: bool,
    /// The users who look after the client.
    pub users: BTreeSet<UserId>,
    /// Its rooms, the closed ones too: their pairs rest, and numbers are re-used.
    pub rooms: BTreeMap<RoomId, Room>,
}

/// One chat room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its client.
    pub client_id: ClientId,
    /// Its user.
    pub user_id: UserId,
    /// The secondary number that carries it.
    pub number: PhoneNumberId,
    /// The number's pool.
    pub pool_id: PoolId,
    /// The request that opened it.
    pub request_id: RequestId,
    /// How far it is.
    pub phase: RoomPhase,
    /// When it was reserved.
    pub reserved_at: Timestamp,
    /// When its phase has lasted too long.
    pub deadline: Option<Timestamp>,
    /// Until when its pair rests, once it is closed.
    pub quarantine_until: Option<Timestamp>,
    /// When the client last wrote into it.
    pub client_wrote_at: Option<Timestamp>,
    /// When a reminder was last sent into it.
    pub reminded_at: Option<Timestamp>,
    /// When its user-info message was last requested.
    pub user_info_at: Option<Timestamp>,
    /// Open rooms of the same client, as turned out, with the same user or on the same number.
    #[serde(default)]
    pub clashes_with: BTreeSet<RoomId>,
}

/// How far a room is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RoomPhase {
    /// Its number is taken; the invitation is not settled.
    Reserved,
    /// WhatsApp took the invitation.
    Invited,
    /// Open for both.
    Active,
    /// Over.
    Closed,
}

impl RoomPhase {
    /// The name as it is serialised.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Closed => "closed",
        }
    }
}

impl ClientProfile {
    /// The state after one more event. Total: an event that cannot follow
    /// changes nothing.
    pub fn evolve(&mut self, event: &ProfileEvent) {
        if let Self::Present(profile) = self {
            profile.evolve(event);
        } else if let ProfileEvent::ClientProfileCreated {
            profile_id,
            company,
            client_id,
            identifiers,
            language,
            external_company,
            name: _,
            at: _,
            by: _,
        } = event
        {
            *self = Self::Present(Box::new(Profile {
                profile_id: *profile_id,
                company: company.clone(),
                client_id: *client_id,
                identifiers: identifiers.clone(),
                language: language.clone(),
                external_company: external_company.clone(),
                archived: false,
                blocked: false,
                users: BTreeSet::new(),
                rooms: BTreeMap::new(),
            }));
        }
    }

    /// The profile, if there is one.
    pub fn present(&self) -> Option<&Profile> {
        match self {
            Self::Absent => None,
            Self::Present(profile) => Some(profile),
        }
    }

    /// One of its rooms.
    pub fn room(&self, room_id: RoomId) -> Option<&Room> {
        self.present()?.rooms.get(&room_id)
    }
}

impl Profile {
    fn evolve(&mut self, event: &ProfileEvent) {
        match event {
            ProfileEvent::ClientProfileCreated { .. } | ProfileEvent::ClientsLinked { .. } => {}
            ProfileEvent::IdentifiersAdded { identifiers, .. } => {
                self.identifiers.extend(identifiers.iter().cloned());
            }
            ProfileEvent::ClientProfileArchived { .. } => self.archived = true,
            ProfileEvent::ClientBlocked { .. } => self.blocked = true,
            ProfileEvent::ClientUnblocked { .. } => self.blocked = false,
            ProfileEvent::ClientLanguageSet { language, .. } => self.language = language.clone(),
            ProfileEvent::UserAssigned { user_id, .. } => {
                self.users.insert(user_id.clone());
            }
            ProfileEvent::RoomReserved {
                room_id,
                client_id,
                user_id,
                number,
                pool_id,
                request_id,
                deadline,
                at,
            } => {
                let room = Room {
                    client_id: *client_id,
                    user_id: user_id.clone(),
                    number: number.clone(),
                    pool_id: pool_id.clone(),
                    request_id: *request_id,
                    phase: RoomPhase::Reserved,
                    reserved_at: *at,
                    deadline: Some(*deadline),
                    quarantine_until: None,
                    client_wrote_at: None,
                    reminded_at: None,
                    user_info_at: None,
                    clashes_with: BTreeSet::new(),
                };
                self.rooms.insert(*room_id, room);
            }
            ProfileEvent::RoomInvited { room_id, deadline, .. } => self.with(room_id, |room| {
                room.phase = RoomPhase::Invited;
                room.deadline = Some(*deadline);
            }),
            ProfileEvent::RoomActivated { room_id, .. } => self.with(room_id, |room| {
                room.phase = RoomPhase::Active;
                room.deadline = None;
            }),
            ProfileEvent::RoomJoined { .. } | ProfileEvent::InvitationResent { .. } => {}
            ProfileEvent::UserInfoRequested { room_id, at, .. } => {
                self.with(room_id, |room| room.user_info_at = Some(*at));
            }
            ProfileEvent::RoomReminded { room_id, message_id, at, .. } => {
                if message_id.is_some() {
                    self.with(room_id, |room| room.reminded_at = Some(*at));
                }
            }
            ProfileEvent::ClientWrote { room_id, sent_at, .. } => self.with(room_id, |room| {
                room.client_wrote_at = room.client_wrote_at.max(Some(*sent_at));
            }),
            ProfileEvent::RoomsClashed { room_id, with, .. } => self.with(room_id, |room| {
                room.clashes_with.insert(*with);
            }),
            ProfileEvent::RoomReassigned { room_id, to, .. } => {
                self.with(room_id, |room| room.user_id = to.clone());
            }
            ProfileEvent::RoomClosed { room_id, quarantine_until, .. } => {
                self.with(room_id, |room| {
                    room.phase = RoomPhase::Closed;
                    room.deadline = None;
                    room.quarantine_until = *quarantine_until;
                });
            }
        }
    }

    fn with(&mut self, room_id: &RoomId, change: impl FnOnce(&mut Room)) {
        if let Some(room) = self.rooms.get_mut(room_id) {
            change(room);
        }
    }

    /// The open room of a client with a user in this profile.
    pub fn open_with(&self, client_id: ClientId, user_id: &UserId) -> Option<RoomId> {
        let mut open = self.rooms.iter().filter(|(_, room)| room.is_open());
        let found = open.find(|(_, room)| room.client_id == client_id && room.user_id == *user_id);
        found.map(|(room_id, _)| *room_id)
    }

    /// The profile as a decision about one of its clients sees it.
    pub fn facts(&self, clients: &[ClientId], held: Held) -> ProfileFacts {
        let rooms = self
            .rooms
            .iter()
            .filter(|(_, room)| clients.contains(&room.client_id))
            .map(|(room_id, room)| room.facts(*room_id))
            .collect();
        ProfileFacts {
            profile_id: self.profile_id,
            held,
            archived: self.archived,
            blocked: self.blocked,
            external_company: self.external_company.clone(),
            language: self.language.clone(),
            users: self.users.clone(),
            rooms,
        }
    }
}

impl Room {
    /// The room as a decision sees it.
    pub fn facts(&self, room_id: RoomId) -> RoomFacts {
        RoomFacts {
            room_id,
            request_id: self.request_id,
            user_id: self.user_id.clone(),
            number: self.number.clone(),
            phase: self.phase,
            reserved_at: Some(self.reserved_at),
            quarantine_until: self.quarantine_until,
            client_wrote_at: self.client_wrote_at,
            number_written_to_at: None,
            reminded_at: self.reminded_at,
            user_info_at: self.user_info_at,
        }
    }

    /// Reserved, invited or active.
    pub fn is_open(&self) -> bool {
        self.phase != RoomPhase::Closed
    }

    /// Whether what the client sent at `moment` can be meant for it: a message that is older than
    /// the room comes late, and no answer to its invitation. WhatsApp tells whole seconds.
    pub fn existed_at(&self, moment: Timestamp) -> bool {
        moment.timestamp() >= self.reserved_at.timestamp()
    }

    /// Whether the client wrote into it since it was reserved: it needs no invitation any more.
    pub fn was_written_to(&self) -> bool {
        self.client_wrote_at.is_some_and(|wrote| self.existed_at(wrote))
    }
}
