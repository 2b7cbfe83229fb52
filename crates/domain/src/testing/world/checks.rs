//! What must be true after every input.

use super::*;

impl World {
    /// Asking the same again is already so, or no longer allowed; it never
    /// makes a second fact. What only adds to the record (joined, reminded,
    /// wrote) or counts (reserve, release) is kept from repeating by its input.
    pub(super) fn check_that_repeating_changes_nothing(&self, plan: &[Command]) {
        use crate::profile::ProfileCommand as P;
        for command in plan {
            let only_once = match command {
                Command::Pool(_, crate::pool::PoolCommand::Synchronise { .. })
                | Command::Request(..) => false,
                Command::Pool(..) => true,
                Command::Profile(_, command) => matches!(
                    command,
                    P::RequestUserInfo { .. }
                        | P::JoinRoom { .. }
                        | P::RemindRoom { .. }
                        | P::RecordClientWrote { .. }
                        | P::LinkClients { .. }
                        | P::ResendInvitation { .. }
                ),
            };
            let again = self.aggregates.clone().carry_out(command);
            assert!(
                only_once || again.as_ref().map_or(true, Vec::is_empty),
                "{command:?} once more led to {again:?}"
            );
        }
    }

    /// A number that is reserved was in service and below its capacity, and did
    /// not rest for another user of this client.
    pub(super) fn check_that_what_was_taken_was_free(
        &self,
        before: &Aggregates,
        events: &[AnyEvent],
    ) {
        for event in events {
            let AnyEvent::Profile(ProfileEvent::RoomReserved {
                client_id,
                user_id,
                number,
                pool_id,
                at,
                ..
            }) = event
            else {
                continue;
            };
            let found = before.pools[pool_id].numbers().find(|n| n.spec.number == *number).unwrap();
            assert_eq!(found.status, NumberStatus::InService);
            assert!(found.spec.capacity.is_none_or(|most| found.load < most), "{found:?} was full");
            let rests = |room: &Room| {
                room.client_id == *client_id
                    && room.number == *number
                    && room.user_id != *user_id
                    && room.quarantine_until.is_some_and(|until| *at < until)
            };
            assert!(!self.rooms().any(|(_, _, room)| rests(room)), "{number} was resting");
        }
    }

    /// A template goes to no client whose last word was that it wants none.
    pub(super) fn check_that_who_stopped_gets_no_template(&self, events: &[AnyEvent]) {
        for event in events {
            let AnyEvent::Request(RequestEvent::MessageRequested { message }) = event else {
                continue;
            };
            let client = self.request_with(message.message_id).client_id;
            let said = self.said.get(&client);
            let is_template = matches!(message.content, Content::Template { .. });
            let has_stopped = said.is_some_and(|said| said.wish == Wish::Stop);
            assert!(!(is_template && has_stopped), "{message:?} to a client that had stopped");
        }
    }

    pub(super) fn check_that_rooms_and_numbers_agree(&self) {
        let mut with_user = BTreeSet::new();
        let mut on_number = BTreeSet::new();
        let mut loads = BTreeMap::new();
        for (profile_id, room_id, room) in self.rooms() {
            if !room.is_open() {
                assert_eq!(room.deadline, None, "closed room {room_id} waits for something");
                continue;
            }
            assert_eq!(room.deadline.is_none(), room.phase == RoomPhase::Active, "{room_id}");
            if room.phase == RoomPhase::Active {
                let profile = self.aggregates.profiles[&profile_id].present().unwrap();
                assert!(profile.users.contains(&room.user_id), "nobody looks after {room_id}");
            }
            let user = (room.client_id, room.user_id.clone());
            assert!(with_user.insert(user), "second open room of a client and user: {room_id}");
            let number = (room.client_id, room.number.clone());
            assert!(on_number.insert(number), "second open room of a client and number: {room_id}");
            *loads.entry((room.pool_id.clone(), room.number.clone())).or_insert(0) += 1;
        }
        for (pool_id, pool) in &self.aggregates.pools {
            for number in pool.numbers() {
                let key = (pool_id.clone(), number.spec.number.clone());
                let rooms = loads.get(&key).copied().unwrap_or(0);
                assert_eq!(number.load, rooms, "the load of {key:?} is not its open rooms");
            }
        }
    }
}

/// Every outcome that is recorded is the first of its request, and stays.
pub(super) fn check_that_requests_end_once(
    before: &Aggregates,
    after: &Aggregates,
    events: &[AnyEvent],
) {
    let outcome = |aggregates: &Aggregates, id: &RequestId| {
        aggregates.requests.get(id).and_then(OnboardingRequest::present).and_then(|r| r.outcome)
    };
    let mut ended = 0;
    for id in after.requests.keys() {
        let (before, after) = (outcome(before, id), outcome(after, id));
        assert!(before.is_none() || before == after, "request {id} ended twice");
        ended += usize::from(before != after);
    }
    let is_outcome =
        |e: &&AnyEvent| matches!(e, AnyEvent::Request(RequestEvent::OutcomeRecorded { .. }));
    assert_eq!(events.iter().filter(is_outcome).count(), ended);
}
