//! Which event changes which of the tables that decisions look things up in.
//!
//! This is the whole list: whoever adds an event decides here what it means to `clients`,
//! `client_consents`, `client_links`, `left_identifiers`, `asked_in_vain`, `profiles`, `rooms` and
//! `message_references`; `append_range` (`migrations/0053`) and `append_rare` (`migrations/0075`) only
//! write.

mod rare;
mod rows;

use domain::AnyEvent;
use domain::flow::Decision;
use domain::ids::{ClientId, ProfileId, RequestId};
use domain::input::Timestamp;
use domain::profile::{ProfileEvent, RoomPhase};
use domain::request::RequestEvent;

use self::rare::Rare;
pub(crate) use self::rows::whole_microseconds;
use self::rows::{
    Clients, HeldIdentifiers, Identifiers, Messages, MovedRoom, MovedRooms, OpenedRoom,
    OpenedRooms, Place, Profiles,
};
use crate::InVain;
use crate::append::AppendItem;
use crate::columns::Query;

/// What the events of one call change, as columns.
#[derive(Default)]
pub(crate) struct Facts {
    clients: Clients,
    identifiers: Identifiers,
    profiles: Profiles,
    held: HeldIdentifiers,
    opened: OpenedRooms,
    moved: MovedRooms,
    messages: Messages,
    rare: Vec<Rare>,
}

impl Facts {
    /// Takes in one event of the stream `id`: the `item`th and `event`th of the call, from 1.
    /// Fails with the reason if it cannot be meant.
    pub(crate) fn learn(
        &mut self,
        (item, event): (i32, i32),
        of: &AppendItem,
        id: &str,
        happened: &AnyEvent,
    ) -> Result<(), String> {
        let place = Place { item, event, of };
        match happened {
            AnyEvent::Request(happened) => self.learn_request(&place, request(id)?, happened)?,
            AnyEvent::Profile(happened) => self.learn_profile(&place, profile(id)?, happened)?,
            AnyEvent::Pool(_) => {}
        }
        Ok(())
    }

    fn learn_request(
        &mut self,
        place: &Place<'_>,
        request_id: RequestId,
        happened: &RequestEvent,
    ) -> Result<(), String> {
        match happened {
            RequestEvent::OnboardingRequested { client_id, message, .. } => {
                self.clients.push(place, *client_id);
                for identifier in message.identifiers() {
                    self.identifiers.push(place, *client_id, &identifier);
                }
            }
            RequestEvent::MessageAccepted { message_id, wamid, .. } => {
                self.messages.push(place, wamid, request_id, *message_id);
            }
            RequestEvent::ClientsLinked { client_id, same_as, .. } => {
                self.rare.push(Rare::linked(place, *client_id, same_as));
            }
            RequestEvent::IdentifiersTakenOver { client_id, identifiers, .. } => {
                self.rare.push(Rare::taken_over(place, *client_id, identifiers));
            }
            RequestEvent::IdentifiersLeft { client_id, identifiers, since, .. } => {
                self.rare.push(Rare::left(place, *client_id, identifiers, *since)?);
            }
            RequestEvent::TemplatesStopped { .. } | RequestEvent::TemplatesStarted { .. } => {
                if let Some((client_id, said)) = happened.said() {
                    self.rare.push(Rare::said(place, client_id, said));
                }
            }
            RequestEvent::DecisionMade { facts, decision } if decision.leads_to_nothing() => {
                if let Some((client_id, asked)) =
                    asked_in_vain(place, request_id, decision, facts.at)
                {
                    self.rare.push(Rare::asked_in_vain(place, client_id, asked));
                }
            }
            RequestEvent::DecisionMade { .. }
            | RequestEvent::MessageRequested { .. }
            | RequestEvent::MessageAttempted { .. }
            | RequestEvent::MessageStatusChanged { .. }
            | RequestEvent::MessageFailed { .. }
            | RequestEvent::OutcomeRecorded { .. } => {}
        }
        Ok(())
    }

    fn learn_profile(
        &mut self,
        place: &Place<'_>,
        profile_id: ProfileId,
        happened: &ProfileEvent,
    ) -> Result<(), String> {
        match happened {
            ProfileEvent::ClientProfileCreated { client_id, identifiers, .. } => {
                self.clients.push(place, *client_id);
                self.profiles.push(place, profile_id, *client_id);
                for identifier in identifiers {
                    let identifier = identifier.expose();
                    let known = self.identifiers.leads(place, *client_id, identifier);
                    self.held.push(place, profile_id, Some(*client_id), identifier, !known);
                }
            }
            ProfileEvent::IdentifiersAdded { identifiers, .. } => {
                for identifier in identifiers {
                    self.held.push(place, profile_id, None, identifier.expose(), true);
                }
            }
            ProfileEvent::ClientsLinked { client_id, same_as, .. } => {
                self.rare.push(Rare::linked(place, *client_id, same_as));
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
            } => {
                let reserved = RoomPhase::Reserved;
                let now = MovedRoom::new(*room_id, reserved, Some(*deadline), None)?;
                let room = OpenedRoom {
                    profile_id,
                    client_id: *client_id,
                    user_id,
                    number,
                    pool_id,
                    request_id: *request_id,
                };
                self.opened.push(place, &room, &now);
            }
            ProfileEvent::RoomInvited { room_id, deadline, .. } => {
                let now = MovedRoom::new(*room_id, RoomPhase::Invited, Some(*deadline), None)?;
                self.move_room(place, &now);
            }
            ProfileEvent::RoomActivated { room_id, .. } => {
                let now = MovedRoom::new(*room_id, RoomPhase::Active, None, None)?;
                self.move_room(place, &now);
            }
            ProfileEvent::RoomClosed { room_id, quarantine_until, .. } => {
                let rests = *quarantine_until;
                let now = MovedRoom::new(*room_id, RoomPhase::Closed, None, rests)?;
                self.move_room(place, &now);
            }
            ProfileEvent::RoomReassigned { room_id, to, .. } => {
                self.rare.push(Rare::reassigned(place, *room_id, to));
            }
            ProfileEvent::ClientProfileArchived { .. }
            | ProfileEvent::ClientBlocked { .. }
            | ProfileEvent::ClientUnblocked { .. }
            | ProfileEvent::ClientLanguageSet { .. }
            | ProfileEvent::UserAssigned { .. }
            | ProfileEvent::RoomJoined { .. }
            | ProfileEvent::UserInfoRequested { .. }
            | ProfileEvent::RoomReminded { .. }
            | ProfileEvent::InvitationResent { .. }
            | ProfileEvent::RoomsClashed { .. }
            | ProfileEvent::ClientWrote { .. } => {}
        }
        Ok(())
    }

    /// Only the last state of a room within an item is written.
    fn move_room(&mut self, place: &Place<'_>, to: &MovedRoom) {
        if !self.opened.replace(place, to) {
            self.moved.set(place, to);
        }
    }

    /// Whether items of the call may stand in each other's way, so that each has to be looked at:
    /// what leads to a client in one leads to another in the next, or a client gets two rooms.
    pub(crate) fn may_clash(&self) -> bool {
        self.opened.of_one_client_twice() || self.identifiers.lead_apart(&self.held)
    }

    /// Whether a room is opened for a client whom the call does not bring.
    pub(crate) fn open_rooms_of_others(&self) -> bool {
        !self.opened.are_of(&self.clients)
    }

    /// What few events mean, as JSON; `None` if there is nothing.
    pub(crate) fn rare(&self) -> Option<String> {
        let any = !self.rare.is_empty();
        any.then(|| serde_json::to_string(&self.rare).unwrap_or_default())
    }

    /// Binds all columns, in the order of the types `append_people` and `append_rooms`.
    pub(crate) fn bind<'q>(&'q self, query: Query<'q>) -> Query<'q> {
        let query = self.clients.bind(query);
        let query = self.identifiers.bind(query);
        let query = self.profiles.bind(query);
        let query = self.held.bind(query);
        let query = self.opened.bind(query);
        let query = self.moved.bind(query);
        let query = self.messages.bind(query);
        query.bind(self.opened.before(&self.moved))
    }
}

/// What a client asked in vain, and who it is: by what stands beside the decision. Nothing if the
/// message is taken up again: then it is not the client who asks.
fn asked_in_vain(
    place: &Place<'_>,
    request_id: RequestId,
    decision: &Decision,
    at: Timestamp,
) -> Option<(ClientId, InVain)> {
    let events = place.of.streams.iter().flat_map(|stream| &stream.events);
    let events = events.filter_map(|(_, event)| match event {
        AnyEvent::Request(event) => Some(event),
        AnyEvent::Profile(_) | AnyEvent::Pool(_) => None,
    });
    let (client_id, message) = events.clone().find_map(|event| match event {
        RequestEvent::OnboardingRequested { request_id: id, client_id, message, .. } => {
            (*id == request_id).then_some((*client_id, message))
        }
        _ => None,
    })?;
    let replied =
        events.clone().any(|event| matches!(event, RequestEvent::MessageRequested { .. }));
    Some((client_id, InVain::of(request_id, message, (decision, at), replied)?))
}

fn request(id: &str) -> Result<RequestId, String> {
    id.parse().map_err(|_| "the id of a request's stream is no UUID".to_owned())
}

fn profile(id: &str) -> Result<ProfileId, String> {
    id.parse().map_err(|_| "the id of a profile's stream is no UUID".to_owned())
}
