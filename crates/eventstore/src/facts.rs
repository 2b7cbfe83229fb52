//! Which event changes which of the tables that decisions look things up in.
//!
//! This is the whole list: whoever adds an event decides here what it means to `clients`,
//! `profiles`, `rooms` and `message_references`; `record_facts` (`migrations/0015`) only writes.

mod rows;

use domain::AnyEvent;
use domain::ids::{ProfileId, RequestId};
use domain::input::Timestamp;
use domain::profile::{ProfileEvent, RoomPhase};
use domain::request::RequestEvent;
use serde::Serialize;

use self::rows::{
    Client, ClientKey, Identified, Message, MovedRoom, OpenedRoom, Profile, ProfileKey,
    whole_microseconds,
};

/// What the events of one item change. `event` counts the item's events from 0.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Facts {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clients: Vec<Client>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    client_identifiers: Vec<Identified<ClientKey>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profiles: Vec<Profile>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profile_identifiers: Vec<Identified<ProfileKey>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rooms_opened: Vec<OpenedRoom>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rooms_moved: Vec<MovedRoom>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Message>,
}

impl Facts {
    /// Nothing learnt yet, in an item decided at `at`.
    pub(crate) fn new(at: Timestamp) -> Result<Self, String> {
        whole_microseconds(at)?;
        Ok(Self::default())
    }

    /// Takes in one event of the stream `id`; fails with the reason if it cannot be meant.
    pub(crate) fn learn(&mut self, n: usize, id: &str, event: &AnyEvent) -> Result<(), String> {
        match event {
            AnyEvent::Request(event) => self.learn_request(n, request(id)?, event),
            AnyEvent::Profile(event) => self.learn_profile(n, profile(id)?, event)?,
            AnyEvent::Pool(_) => {}
        }
        Ok(())
    }

    fn learn_request(&mut self, event: usize, request_id: RequestId, happened: &RequestEvent) {
        match happened {
            RequestEvent::OnboardingRequested { client_id, message, .. } => {
                self.clients.push(Client { client_id: *client_id, event });
                let owner = ClientKey { client_id: *client_id };
                let identifiers = message.from.identifiers();
                self.client_identifiers
                    .extend(identifiers.iter().map(|i| Identified::new(owner, i, event)));
            }
            RequestEvent::MessageAccepted { message_id, wamid, .. } => {
                let (wamid, message_id) = (wamid.clone(), *message_id);
                self.messages.push(Message { wamid, request_id, message_id });
            }
            RequestEvent::DecisionMade { .. }
            | RequestEvent::MessageRequested { .. }
            | RequestEvent::MessageAttempted { .. }
            | RequestEvent::MessageStatusChanged { .. }
            | RequestEvent::MessageFailed { .. }
            | RequestEvent::OutcomeRecorded { .. } => {}
        }
    }

    fn learn_profile(
        &mut self,
        event: usize,
        profile_id: ProfileId,
        happened: &ProfileEvent,
    ) -> Result<(), String> {
        let owner = ProfileKey { profile_id };
        match happened {
            ProfileEvent::ClientProfileCreated { client_id, identifiers, .. } => {
                self.clients.push(Client { client_id: *client_id, event });
                self.profiles.push(Profile { profile_id, client_id: *client_id, event });
                self.profile_identifiers
                    .extend(identifiers.iter().map(|i| Identified::new(owner, i.expose(), event)));
            }
            ProfileEvent::IdentifiersAdded { identifiers, .. } => {
                self.profile_identifiers
                    .extend(identifiers.iter().map(|i| Identified::new(owner, i.expose(), event)));
            }
            ProfileEvent::RoomReserved {
                room_id,
                client_id,
                user_id,
                number,
                pool_id,
                request_id,
                deadline,
                at: _,
            } => self.rooms_opened.push(OpenedRoom {
                profile_id,
                client_id: *client_id,
                user_id: user_id.clone(),
                number: number.clone(),
                pool_id: pool_id.clone(),
                request_id: *request_id,
                now: MovedRoom::new(*room_id, RoomPhase::Reserved, Some(*deadline), None)?,
            }),
            ProfileEvent::RoomInvited { room_id, deadline, .. } => {
                self.moved(MovedRoom::new(*room_id, RoomPhase::Invited, Some(*deadline), None)?);
            }
            ProfileEvent::RoomActivated { room_id, .. } => {
                self.moved(MovedRoom::new(*room_id, RoomPhase::Active, None, None)?);
            }
            ProfileEvent::RoomClosed { room_id, quarantine_until, .. } => {
                let rests = *quarantine_until;
                self.moved(MovedRoom::new(*room_id, RoomPhase::Closed, None, rests)?);
            }
            ProfileEvent::UserAssigned { .. }
            | ProfileEvent::RoomJoined { .. }
            | ProfileEvent::UserInfoRequested { .. }
            | ProfileEvent::RoomReminded { .. }
            | ProfileEvent::ClientWrote { .. } => {}
        }
        Ok(())
    }

    /// Only the last state of a room within the item is written.
    fn moved(&mut self, to: MovedRoom) {
        if let Some(room) = self.rooms_opened.iter_mut().find(|r| r.now.room_id == to.room_id) {
            room.now = to;
        } else {
            self.rooms_moved.retain(|room| room.room_id != to.room_id);
            self.rooms_moved.push(to);
        }
    }
}

fn request(id: &str) -> Result<RequestId, String> {
    id.parse().map_err(|_| "the id of a request's stream is no UUID".to_owned())
}

fn profile(id: &str) -> Result<ProfileId, String> {
    id.parse().map_err(|_| "the id of a profile's stream is no UUID".to_owned())
}
