//! What a client profile makes of a command.

use std::collections::BTreeSet;

use super::{
    ClientProfile, Profile, ProfileCommand, ProfileEvent, ProfileRejection, Room, RoomPhase,
};
use crate::identity::Identifier;
use crate::ids::{RoomId, UserId};
use crate::input::Timestamp;
use crate::personal::Personal;

type Decided = Result<Vec<ProfileEvent>, ProfileRejection>;

impl ClientProfile {
    /// The events that a command leads to: none if it is already so.
    ///
    /// # Errors
    /// Why it is not allowed.
    pub fn decide(&self, command: &ProfileCommand) -> Decided {
        match (self, command) {
            (Self::Absent, ProfileCommand::Create { .. }) => create(command),
            (Self::Present(_), ProfileCommand::Create { .. }) => Ok(vec![]),
            (Self::Absent, _) => Err(ProfileRejection::NoSuchProfile),
            (Self::Present(profile), _) => profile.decide(command),
        }
    }
}

fn create(command: &ProfileCommand) -> Decided {
    let ProfileCommand::Create {
        profile_id,
        company,
        client_id,
        identifiers,
        name,
        language,
        external_company,
        users,
        at,
        by,
    } = command
    else {
        return Ok(vec![]);
    };
    if identifiers.is_empty() {
        return Err(ProfileRejection::NoIdentifier);
    }
    let created = ProfileEvent::ClientProfileCreated {
        profile_id: *profile_id,
        company: company.clone(),
        client_id: *client_id,
        identifiers: identifiers.clone(),
        name: name.clone(),
        language: language.clone(),
        external_company: external_company.clone(),
        at: *at,
        by: by.clone(),
    };
    let users: BTreeSet<_> = users.iter().collect(); // each once
    let assigned = users.into_iter().map(|user| assigned(user, *at));
    Ok(std::iter::once(created).chain(assigned).collect())
}

fn assigned(user_id: &UserId, at: Timestamp) -> ProfileEvent {
    ProfileEvent::UserAssigned { user_id: user_id.clone(), at }
}

impl Profile {
    fn decide(&self, command: &ProfileCommand) -> Decided {
        match command {
            ProfileCommand::Create { .. } => Ok(vec![]),
            ProfileCommand::Archive { at, by } => {
                let archived = ProfileEvent::ClientProfileArchived { at: *at, by: by.clone() };
                Ok(if self.archived { vec![] } else { vec![archived] })
            }
            ProfileCommand::SetBlocked { blocked, at, by } => {
                let (at, by) = (*at, by.clone());
                Ok(match (self.blocked, *blocked) {
                    (false, true) => vec![ProfileEvent::ClientBlocked { at, by }],
                    (true, false) => vec![ProfileEvent::ClientUnblocked { at, by }],
                    (true, true) | (false, false) => vec![],
                })
            }
            ProfileCommand::SetLanguage { language, at, by } => {
                let (language, at, by) = (language.clone(), *at, by.clone());
                let is_so = self.language == language;
                let set = ProfileEvent::ClientLanguageSet { language, at, by };
                Ok(if is_so { vec![] } else { vec![set] })
            }
            ProfileCommand::ReserveRoom { .. } => self.reserve(command),
            ProfileCommand::InviteRoom { room_id, at, deadline } => {
                let event =
                    ProfileEvent::RoomInvited { room_id: *room_id, at: *at, deadline: *deadline };
                match self.find(*room_id)?.phase {
                    RoomPhase::Reserved => Ok(vec![event]),
                    RoomPhase::Invited | RoomPhase::Active => Ok(vec![]),
                    RoomPhase::Closed => Err(ProfileRejection::RoomClosed(*room_id)),
                }
            }
            ProfileCommand::RequestUserInfo { room_id, message_id, at } => {
                self.find_open(*room_id)?;
                Ok(vec![ProfileEvent::UserInfoRequested {
                    room_id: *room_id,
                    message_id: *message_id,
                    at: *at,
                }])
            }
            ProfileCommand::ActivateRoom { room_id, cause, at } => {
                let room = self.find_open(*room_id)?;
                Ok(self.activate(*room_id, room, *cause, *at))
            }
            ProfileCommand::JoinRoom { room_id, request_id, at } => {
                self.find_open(*room_id)?;
                Ok(vec![ProfileEvent::RoomJoined {
                    room_id: *room_id,
                    request_id: *request_id,
                    at: *at,
                }])
            }
            ProfileCommand::RemindRoom { room_id, request_id, message_id, at } => {
                self.find_open(*room_id)?;
                Ok(vec![ProfileEvent::RoomReminded {
                    room_id: *room_id,
                    request_id: *request_id,
                    message_id: *message_id,
                    at: *at,
                }])
            }
            ProfileCommand::LinkClients { client_id, same_as, at } => {
                let (client_id, same_as, at) = (*client_id, same_as.clone(), *at);
                let linked = ProfileEvent::ClientsLinked { client_id, same_as, at };
                Ok(vec![linked])
            }
            ProfileCommand::ReportClash { room_id, with, at } => {
                let known = self.find_open(*room_id)?.clashes_with.contains(with);
                let clash = ProfileEvent::RoomsClashed { room_id: *room_id, with: *with, at: *at };
                Ok(if known { vec![] } else { vec![clash] })
            }
            ProfileCommand::RecordClientWrote { room_id, identifiers, input_id, sent_at, at } => {
                let room = self.find(*room_id)?;
                let wrote = ProfileEvent::ClientWrote {
                    room_id: *room_id,
                    input_id: *input_id,
                    sent_at: *sent_at,
                };
                let mut events: Vec<_> =
                    self.learn(room, identifiers, *at).into_iter().chain([wrote]).collect();
                if room.is_open() && room.existed_at(*sent_at) {
                    let cause = super::ActivationCause::ClientWrote;
                    events.extend(self.activate(*room_id, room, cause, *at));
                }
                Ok(events)
            }
            ProfileCommand::ResendInvitation { room_id, message_id, at, by } => {
                self.find_open(*room_id)?;
                Ok(vec![ProfileEvent::InvitationResent {
                    room_id: *room_id,
                    message_id: *message_id,
                    at: *at,
                    by: by.clone(),
                }])
            }
            ProfileCommand::ReassignRoom { .. } => self.reassign(command),
            ProfileCommand::CloseRoom { room_id, reason, at, quarantine_until, by } => {
                let closed = ProfileEvent::RoomClosed {
                    room_id: *room_id,
                    reason: *reason,
                    at: *at,
                    quarantine_until: *quarantine_until,
                    by: by.clone(),
                };
                Ok(if self.find(*room_id)?.is_open() { vec![closed] } else { vec![] })
            }
        }
    }

    /// One open room per (client, user) and per (client, number): refused here
    /// within the profile, and by the store across profiles.
    fn reserve(&self, command: &ProfileCommand) -> Decided {
        let ProfileCommand::ReserveRoom {
            room_id,
            client_id,
            user_id,
            number,
            pool_id,
            request_id,
            at,
            deadline,
        } = command
        else {
            return Ok(vec![]);
        };
        if self.rooms.contains_key(room_id) {
            return Ok(vec![]);
        }
        let mut open = self.rooms.iter().filter(|(_, r)| r.is_open() && r.client_id == *client_id);
        if let Some((id, room)) = open.find(|(_, r)| r.user_id == *user_id || r.number == *number) {
            return Err(if room.user_id == *user_id {
                ProfileRejection::RoomOpenWithUser(*id)
            } else {
                ProfileRejection::RoomOpenOnNumber(*id)
            });
        }
        Ok(vec![ProfileEvent::RoomReserved {
            room_id: *room_id,
            client_id: *client_id,
            user_id: user_id.clone(),
            number: number.clone(),
            pool_id: pool_id.clone(),
            request_id: *request_id,
            at: *at,
            deadline: *deadline,
        }])
    }

    /// What a message into a room tells of its client beyond what the profile holds. A room of
    /// another client than the profile's teaches the profile nothing.
    fn learn(
        &self,
        room: &Room,
        identifiers: &BTreeSet<Personal<Identifier>>,
        at: Timestamp,
    ) -> Option<ProfileEvent> {
        let identifiers: BTreeSet<_> = identifiers.difference(&self.identifiers).cloned().collect();
        let is_its_own = room.client_id == self.client_id;
        (is_its_own && !identifiers.is_empty())
            .then_some(ProfileEvent::IdentifiersAdded { identifiers, at })
    }

    /// The new user is assigned with it; the one before stays, who may have other rooms here.
    fn reassign(&self, command: &ProfileCommand) -> Decided {
        let ProfileCommand::ReassignRoom { room_id, user_id, at, by } = command else {
            return Ok(vec![]);
        };
        let room = self.find(*room_id)?;
        match room.phase {
            RoomPhase::Reserved | RoomPhase::Invited => {
                return Err(ProfileRejection::RoomUnderWay(*room_id));
            }
            RoomPhase::Closed => return Err(ProfileRejection::RoomClosed(*room_id)),
            RoomPhase::Active => {}
        }
        if room.user_id == *user_id {
            return Ok(vec![]);
        }
        if let Some(other) = self.open_with(room.client_id, user_id) {
            return Err(ProfileRejection::RoomOpenWithUser(other));
        }
        let assign = (!self.users.contains(user_id)).then(|| assigned(user_id, *at));
        let reassigned = ProfileEvent::RoomReassigned {
            room_id: *room_id,
            from: room.user_id.clone(),
            to: user_id.clone(),
            at: *at,
            by: by.clone(),
        };
        Ok(assign.into_iter().chain([reassigned]).collect())
    }

    fn activate(
        &self,
        room_id: RoomId,
        room: &Room,
        cause: super::ActivationCause,
        at: Timestamp,
    ) -> Vec<ProfileEvent> {
        if room.phase == RoomPhase::Active {
            return vec![];
        }
        let assign = (!self.users.contains(&room.user_id)).then(|| assigned(&room.user_id, at));
        let activated = ProfileEvent::RoomActivated { room_id, cause, at };
        assign.into_iter().chain([activated]).collect()
    }

    fn find(&self, room_id: RoomId) -> Result<&Room, ProfileRejection> {
        self.rooms.get(&room_id).ok_or(ProfileRejection::NoSuchRoom(room_id))
    }

    fn find_open(&self, room_id: RoomId) -> Result<&Room, ProfileRejection> {
        let room = self.find(room_id)?;
        if room.is_open() { Ok(room) } else { Err(ProfileRejection::RoomClosed(room_id)) }
    }
}
