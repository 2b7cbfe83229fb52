//! Whether ever a client had two open rooms with one user, or on one number.

use std::collections::HashMap;

use domain::AnyEvent;
use domain::ids::{ClientId, CompanyId, PhoneNumberId, RoomId, UserId};
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
                ..
            }) => {
                let company = &recorded.company;
                let with_user = (company.clone(), *client_id, user_id.clone());
                let on_number = (company.clone(), *client_id, number.clone());
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
            AnyEvent::Profile(ProfileEvent::RoomClosed { room_id, .. }) => self.close(*room_id),
            AnyEvent::Profile(_) | AnyEvent::Request(_) | AnyEvent::Pool(_) => {}
        }
    }

    fn close(&mut self, room_id: RoomId) {
        if let Some((with_user, on_number)) = self.rooms.remove(&room_id) {
            self.with_user.remove(&with_user);
            self.on_number.remove(&on_number);
        }
    }
}
