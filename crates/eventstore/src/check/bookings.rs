//! Whether ever a client had two open rooms with one user, or on one number, or got a room on a
//! number where one with another user rested.

use std::collections::HashMap;

use domain::AnyEvent;
use domain::ids::{ClientId, CompanyId, PhoneNumberId, RoomId, UserId};
use domain::input::Timestamp;
use domain::profile::ProfileEvent;
use domain::record::RecordedEvent;

use super::{FindingKind, Findings};

type WithUser = (CompanyId, ClientId, UserId);
type OnNumber = (CompanyId, ClientId, PhoneNumberId);

/// The rooms that are open at this point of the log, and no others.
#[derive(Default)]
pub(super) struct Bookings {
    rooms: HashMap<RoomId, (WithUser, OnNumber)>,
    with_user: HashMap<WithUser, RoomId>,
    on_number: HashMap<OnNumber, RoomId>,
    /// The pairs of closed rooms that rest: with which users, and until when.
    resting: HashMap<OnNumber, Vec<(UserId, Timestamp)>>,
}

impl Bookings {
    pub(super) fn next(
        &mut self,
        recorded: &RecordedEvent,
        event: &AnyEvent,
        findings: &mut Findings,
    ) {
        match event {
            AnyEvent::Profile(ProfileEvent::RoomReserved {
                room_id,
                client_id,
                user_id,
                number,
                at,
                ..
            }) => {
                let company = &recorded.company;
                let with_user = (company.clone(), *client_id, user_id.clone());
                let on_number = (company.clone(), *client_id, number.clone());
                let mut rests = self.resting.get(&on_number).into_iter().flatten();
                if rests.any(|(user, until)| user != user_id && at < until) {
                    let position = recorded.position;
                    let what = format!("position {position}: room {room_id}");
                    findings.add(FindingKind::Quarantine, what);
                }
                let others = [
                    self.with_user.insert(with_user.clone(), *room_id),
                    self.on_number.insert(on_number.clone(), *room_id),
                ];
                for other in others.into_iter().flatten() {
                    let position = recorded.position;
                    let what = format!("position {position}: room {room_id} beside room {other}");
                    findings.add(FindingKind::DoubleBooked, what);
                }
                self.rooms.insert(*room_id, (with_user, on_number));
            }
            AnyEvent::Profile(ProfileEvent::RoomReassigned { room_id, to, .. }) => {
                if let Some(other) = self.reassign(*room_id, to) {
                    let position = recorded.position;
                    let what = format!("position {position}: room {room_id} beside room {other}");
                    findings.add(FindingKind::DoubleBooked, what);
                }
            }
            AnyEvent::Profile(ProfileEvent::RoomClosed { room_id, quarantine_until, .. }) => {
                self.close(*room_id, *quarantine_until);
            }
            AnyEvent::Profile(_) | AnyEvent::Request(_) | AnyEvent::Pool(_) => {}
        }
    }

    /// Gives the room that the client had open with the new user, if it had one.
    fn reassign(&mut self, room_id: RoomId, to: &UserId) -> Option<RoomId> {
        let (with_user, _) = self.rooms.get_mut(&room_id)?;
        self.with_user.remove(&*with_user);
        with_user.2 = to.clone();
        self.with_user.insert(with_user.clone(), room_id)
    }

    fn close(&mut self, room_id: RoomId, rests_until: Option<Timestamp>) {
        if let Some((with_user, on_number)) = self.rooms.remove(&room_id) {
            self.with_user.remove(&with_user);
            self.on_number.remove(&on_number);
            if let Some(until) = rests_until {
                self.resting.entry(on_number).or_default().push((with_user.2, until));
            }
        }
    }
}
