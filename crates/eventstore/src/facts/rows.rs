//! The shapes that `record_facts` (`migrations/0015`) writes. Those with personal data print none.

use domain::identity::Identifier;
use domain::ids::{
    ClientId, MessageId, PhoneNumberId, PoolId, ProfileId, RequestId, RoomId, UserId, Wamid,
};
use domain::input::Timestamp;
use domain::profile::RoomPhase;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Client {
    pub(super) client_id: ClientId,
    pub(super) event: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Profile {
    pub(super) profile_id: ProfileId,
    pub(super) client_id: ClientId,
    pub(super) event: usize,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct ClientKey {
    pub(super) client_id: ClientId,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct ProfileKey {
    pub(super) profile_id: ProfileId,
}

/// What leads to a client or a profile.
#[derive(Serialize)]
pub(super) struct Identified<Owner> {
    #[serde(flatten)]
    pub(super) owner: Owner,
    pub(super) kind: &'static str,
    pub(super) value: String,
    pub(super) event: usize,
}

impl<Owner> Identified<Owner> {
    pub(super) fn new(owner: Owner, identifier: &Identifier, event: usize) -> Self {
        Self { owner, kind: identifier.kind(), value: identifier.value(), event }
    }
}

impl<Owner> std::fmt::Debug for Identified<Owner> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identified({} ***)", self.kind)
    }
}

#[derive(Debug, Serialize)]
pub(super) struct OpenedRoom {
    pub(super) profile_id: ProfileId,
    pub(super) client_id: ClientId,
    pub(super) user_id: UserId,
    pub(super) number: PhoneNumberId,
    pub(super) pool_id: PoolId,
    pub(super) request_id: RequestId,
    #[serde(flatten)]
    pub(super) now: MovedRoom,
}

#[derive(Debug, Serialize)]
pub(super) struct MovedRoom {
    pub(super) room_id: RoomId,
    pub(super) phase: &'static str,
    pub(super) deadline: Option<Timestamp>,
    pub(super) quarantine_until: Option<Timestamp>,
}

impl MovedRoom {
    pub(super) fn new(
        room_id: RoomId,
        phase: RoomPhase,
        deadline: Option<Timestamp>,
        quarantine_until: Option<Timestamp>,
    ) -> Result<Self, String> {
        deadline.into_iter().chain(quarantine_until).try_for_each(whole_microseconds)?;
        Ok(Self { room_id, phase: phase.as_str(), deadline, quarantine_until })
    }
}

#[derive(Serialize)]
pub(super) struct Message {
    pub(super) wamid: Wamid,
    pub(super) request_id: RequestId,
    pub(super) message_id: MessageId,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({})", self.message_id)
    }
}

/// Postgres keeps microseconds. A deadline that is read back must equal the one in the event,
/// or its timer would never be recognised.
pub(super) fn whole_microseconds(at: Timestamp) -> Result<(), String> {
    if at.timestamp_subsec_nanos().is_multiple_of(1_000) {
        Ok(())
    } else {
        Err("a time of the decision is not in whole microseconds".to_owned())
    }
}
