//! The rows that `append_range` (`migrations/0048`) writes, as columns. No `Debug`: they hold
//! personal data.

use std::collections::{HashMap, HashSet};

use domain::consent::{Said, Wish};
use domain::identity::Identifier;
use domain::ids::{
    ClientId, MessageId, PhoneNumberId, PoolId, ProfileId, RequestId, RoomId, UserId, Wamid,
};
use domain::input::Timestamp;
use domain::profile::RoomPhase;
use uuid::Uuid;

use crate::append::AppendItem;
use crate::columns::Query;

/// Where a row comes from: the item and the event, by their numbers in the call, from 1.
pub(super) struct Place<'a> {
    pub(super) item: i32,
    pub(super) event: i32,
    pub(super) of: &'a AppendItem,
}

impl Place<'_> {
    fn company(&self) -> String {
        self.of.company.to_string()
    }
}

#[derive(Default)]
pub(super) struct Clients {
    item: Vec<i32>,
    company: Vec<String>,
    id: Vec<Uuid>,
    event: Vec<i32>,
}

impl Clients {
    /// Once an item.
    pub(super) fn push(&mut self, place: &Place<'_>, client_id: ClientId) {
        let rows = self.item.iter().zip(&self.id).rev();
        let mut own = rows.take_while(|(item, _)| **item == place.item);
        if own.any(|(_, id)| *id == client_id.as_uuid()) {
            return;
        }
        self.item.push(place.item);
        self.company.push(place.company());
        self.id.push(client_id.as_uuid());
        self.event.push(place.event);
    }

    pub(super) fn bind<'q>(&'q self, query: Query<'q>) -> Query<'q> {
        query.bind(&self.item).bind(&self.company).bind(&self.id).bind(&self.event)
    }
}

/// What leads to clients.
#[derive(Default)]
pub(super) struct Identifiers {
    item: Vec<i32>,
    company: Vec<String>,
    client: Vec<Uuid>,
    kind: Vec<&'static str>,
    value: Vec<String>,
    event: Vec<i32>,
}

impl Identifiers {
    pub(super) fn push(&mut self, place: &Place<'_>, client_id: ClientId, identifier: &Identifier) {
        self.item.push(place.item);
        self.company.push(place.company());
        self.client.push(client_id.as_uuid());
        self.kind.push(identifier.kind());
        self.value.push(identifier.value());
        self.event.push(place.event);
    }

    /// Whether the item has said already that this leads to the client.
    pub(super) fn leads(&self, place: &Place<'_>, client: ClientId, to: &Identifier) -> bool {
        let rows = (0..self.item.len()).rev().take_while(|n| self.item[*n] == place.item);
        let (kind, value, client) = (to.kind(), to.value(), client.as_uuid());
        rows.into_iter()
            .any(|n| self.client[n] == client && self.kind[n] == kind && self.value[n] == value)
    }

    /// Whether the same identifier leads to two clients, these and those held by profiles together.
    pub(super) fn lead_apart(&self, held: &HeldIdentifiers) -> bool {
        let mut owners: HashMap<(&str, &str, &str), Option<Uuid>> = HashMap::new();
        let own = self.client.iter().map(|client| Some(*client));
        let own = own.zip(self.company.iter().zip(self.kind.iter().zip(&self.value)));
        let theirs = held.client.iter().copied();
        let theirs = theirs.zip(held.company.iter().zip(held.kind.iter().zip(&held.value)));
        own.chain(theirs).any(|(client, (company, (kind, value)))| {
            *owners.entry((company, kind, value)).or_insert(client) != client
        })
    }

    pub(super) fn bind<'q>(&'q self, query: Query<'q>) -> Query<'q> {
        query
            .bind(&self.item)
            .bind(&self.company)
            .bind(&self.client)
            .bind(&self.kind)
            .bind(&self.value)
            .bind(&self.event)
    }
}

#[derive(Default)]
pub(super) struct Profiles {
    item: Vec<i32>,
    company: Vec<String>,
    id: Vec<Uuid>,
    client: Vec<Uuid>,
    event: Vec<i32>,
}

impl Profiles {
    pub(super) fn push(&mut self, place: &Place<'_>, profile_id: ProfileId, client_id: ClientId) {
        self.item.push(place.item);
        self.company.push(place.company());
        self.id.push(profile_id.as_uuid());
        self.client.push(client_id.as_uuid());
        self.event.push(place.event);
    }

    pub(super) fn bind<'q>(&'q self, query: Query<'q>) -> Query<'q> {
        query
            .bind(&self.item)
            .bind(&self.company)
            .bind(&self.id)
            .bind(&self.client)
            .bind(&self.event)
    }
}

/// What leads to profiles.
#[derive(Default)]
pub(super) struct HeldIdentifiers {
    item: Vec<i32>,
    company: Vec<String>,
    profile: Vec<Uuid>,
    client: Vec<Option<Uuid>>,
    kind: Vec<&'static str>,
    value: Vec<String>,
    event: Vec<i32>,
    is_news: Vec<bool>,
}

impl HeldIdentifiers {
    /// `client_id` is the profile's, or `None` if the item does not tell. `is_news`: that it leads
    /// to the client has still to be written.
    pub(super) fn push(
        &mut self,
        place: &Place<'_>,
        profile_id: ProfileId,
        client_id: Option<ClientId>,
        identifier: &Identifier,
        is_news: bool,
    ) {
        self.item.push(place.item);
        self.company.push(place.company());
        self.profile.push(profile_id.as_uuid());
        self.client.push(client_id.map(|client| client.as_uuid()));
        self.kind.push(identifier.kind());
        self.value.push(identifier.value());
        self.event.push(place.event);
        self.is_news.push(is_news);
    }

    pub(super) fn bind<'q>(&'q self, query: Query<'q>) -> Query<'q> {
        query
            .bind(&self.item)
            .bind(&self.company)
            .bind(&self.profile)
            .bind(&self.client)
            .bind(&self.kind)
            .bind(&self.value)
            .bind(&self.event)
            .bind(&self.is_news)
    }
}

/// A room that is reserved.
pub(super) struct OpenedRoom<'a> {
    pub(super) profile_id: ProfileId,
    pub(super) client_id: ClientId,
    pub(super) user_id: &'a UserId,
    pub(super) number: &'a PhoneNumberId,
    pub(super) pool_id: &'a PoolId,
    pub(super) request_id: RequestId,
}

/// The state that a room comes to.
pub(super) struct MovedRoom {
    room_id: RoomId,
    phase: &'static str,
    deadline: Option<Timestamp>,
    quarantine_until: Option<Timestamp>,
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

#[derive(Default)]
pub(super) struct OpenedRooms {
    company: Vec<String>,
    profile: Vec<Uuid>,
    client: Vec<Uuid>,
    user: Vec<String>,
    number: Vec<String>,
    pool: Vec<String>,
    request: Vec<Uuid>,
    at: Vec<Timestamp>,
    now: MovedRooms,
}

impl OpenedRooms {
    pub(super) fn push(&mut self, place: &Place<'_>, room: &OpenedRoom<'_>, now: &MovedRoom) {
        self.company.push(place.company());
        self.profile.push(room.profile_id.as_uuid());
        self.client.push(room.client_id.as_uuid());
        self.user.push(room.user_id.to_string());
        self.number.push(room.number.to_string());
        self.pool.push(room.pool_id.to_string());
        self.request.push(room.request_id.as_uuid());
        self.at.push(place.of.at);
        self.now.push(place, now);
    }

    /// Brings a room of the same item to another state; `false` if the item opened none such.
    pub(super) fn replace(&mut self, place: &Place<'_>, to: &MovedRoom) -> bool {
        self.now.replace(place, to)
    }

    /// Of each move, whether it is of a room that is opened here.
    pub(super) fn before(&self, moved: &MovedRooms) -> Vec<bool> {
        let opened: HashSet<_> = self.now.room.iter().collect();
        moved.room.iter().map(|room| opened.contains(room)).collect()
    }

    /// Whether all are of these clients.
    pub(super) fn are_of(&self, clients: &Clients) -> bool {
        let brought: HashSet<_> = clients.company.iter().zip(&clients.id).collect();
        self.company.iter().zip(&self.client).all(|client| brought.contains(&client))
    }

    pub(super) fn of_one_client_twice(&self) -> bool {
        let mut clients = HashSet::new();
        !self.company.iter().zip(&self.client).all(|client| clients.insert(client))
    }

    pub(super) fn bind<'q>(&'q self, query: Query<'q>) -> Query<'q> {
        query
            .bind(&self.now.item)
            .bind(&self.company)
            .bind(&self.now.room)
            .bind(&self.profile)
            .bind(&self.client)
            .bind(&self.user)
            .bind(&self.number)
            .bind(&self.pool)
            .bind(&self.request)
            .bind(&self.now.phase)
            .bind(&self.now.deadline)
            .bind(&self.now.quarantine)
            .bind(&self.at)
    }
}

#[derive(Default)]
pub(super) struct MovedRooms {
    item: Vec<i32>,
    room: Vec<Uuid>,
    phase: Vec<&'static str>,
    deadline: Vec<Option<Timestamp>>,
    quarantine: Vec<Option<Timestamp>>,
}

impl MovedRooms {
    /// The state that a room has after an item.
    pub(super) fn set(&mut self, place: &Place<'_>, to: &MovedRoom) {
        if !self.replace(place, to) {
            self.push(place, to);
        }
    }

    fn push(&mut self, place: &Place<'_>, to: &MovedRoom) {
        self.item.push(place.item);
        self.room.push(to.room_id.as_uuid());
        self.phase.push(to.phase);
        self.deadline.push(to.deadline);
        self.quarantine.push(to.quarantine_until);
    }

    fn replace(&mut self, place: &Place<'_>, to: &MovedRoom) -> bool {
        let room = to.room_id.as_uuid();
        // The item's rows are the last ones.
        let own = self.item.iter().rev().take_while(|item| **item == place.item).count();
        let from = self.item.len() - own;
        let Some(n) = self.room[from..].iter().position(|known| *known == room) else {
            return false;
        };
        self.phase[from + n] = to.phase;
        self.deadline[from + n] = to.deadline;
        self.quarantine[from + n] = to.quarantine_until;
        true
    }

    pub(super) fn bind<'q>(&'q self, query: Query<'q>) -> Query<'q> {
        query
            .bind(&self.item)
            .bind(&self.room)
            .bind(&self.phase)
            .bind(&self.deadline)
            .bind(&self.quarantine)
    }
}

/// WhatsApp's ids of our messages.
#[derive(Default)]
pub(super) struct Messages {
    item: Vec<i32>,
    company: Vec<String>,
    wamid: Vec<String>,
    request: Vec<Uuid>,
    id: Vec<Uuid>,
}

impl Messages {
    pub(super) fn push(
        &mut self,
        place: &Place<'_>,
        wamid: &Wamid,
        request_id: RequestId,
        message_id: MessageId,
    ) {
        self.item.push(place.item);
        self.company.push(place.company());
        self.wamid.push(wamid.to_string());
        self.request.push(request_id.as_uuid());
        self.id.push(message_id.as_uuid());
    }

    pub(super) fn bind<'q>(&'q self, query: Query<'q>) -> Query<'q> {
        query
            .bind(&self.item)
            .bind(&self.company)
            .bind(&self.wamid)
            .bind(&self.request)
            .bind(&self.id)
    }
}

/// What clients say about templates.
#[derive(Default)]
pub(super) struct Consents {
    item: Vec<i32>,
    company: Vec<String>,
    client: Vec<Uuid>,
    stopped: Vec<bool>,
    sent_at: Vec<Timestamp>,
}

impl Consents {
    pub(super) fn push(&mut self, place: &Place<'_>, client_id: ClientId, said: Said) {
        self.item.push(place.item);
        self.company.push(place.company());
        self.client.push(client_id.as_uuid());
        self.stopped.push(said.wish == Wish::Stop);
        self.sent_at.push(said.sent_at);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.item.is_empty()
    }

    pub(super) fn bind<'q>(&'q self, query: Query<'q>) -> Query<'q> {
        query
            .bind(&self.item)
            .bind(&self.company)
            .bind(&self.client)
            .bind(&self.stopped)
            .bind(&self.sent_at)
    }
}

/// Postgres keeps microseconds. A deadline that is read back must equal the one in the event,
/// or its timer would never be recognised.
pub(crate) fn whole_microseconds(at: Timestamp) -> Result<(), String> {
    if at.timestamp_subsec_nanos().is_multiple_of(1_000) {
        Ok(())
    } else {
        Err("a time of the decision is not in whole microseconds".to_owned())
    }
}
