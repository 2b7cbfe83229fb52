//! Random histories: whatever happens, in whichever order and however often,
//! the world's checks hold after every step (see `testing::World`), and in the
//! end every request has its outcome.

mod history;
mod steps;

use proptest::prelude::*;
use proptest::sample::Index;

use self::history::History;
use self::steps::{Answer, steps};
use crate::AnyEvent;
use crate::flow::Command;
use crate::pool::SecondaryNumberPool;
use crate::profile::{ClientProfile, RoomPhase};
use crate::request::OnboardingRequest;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn when_everything_is_settled_every_request_has_its_outcome(
        steps in steps(),
        ends in prop::sample::select(
            &[
                Answer::Took,
                Answer::Refused,
                Answer::Unhealthy,
                Answer::WindowClosed,
                Answer::Lost,
            ][..],
        ),
    ) {
        let mut history = History::of(&steps);
        history.settles(ends);
        for request in history.world.requests() {
            prop_assert!(request.outcome.is_some(), "{} goes on", request.request_id);
        }
        for (_, room_id, room) in history.world.rooms() {
            let done = matches!(room.phase, RoomPhase::Active | RoomPhase::Closed);
            prop_assert!(done, "room {room_id} is {:?}", room.phase);
        }
    }

    #[test]
    fn the_same_history_is_the_same_to_the_last_byte(steps in steps()) {
        let told = |history: History| history.world.past.iter().flat_map(|(_, events)| events).map(
            |event| match event {
                AnyEvent::Request(event) => serde_json::to_string(event).unwrap(),
                AnyEvent::Profile(event) => serde_json::to_string(event).unwrap(),
                AnyEvent::Pool(event) => serde_json::to_string(event).unwrap(),
            }
        ).collect::<Vec<_>>();
        prop_assert_eq!(told(History::of(&steps)), told(History::of(&steps)));
    }

    /// Streams are never disordered, but evolve is total all the same: with
    /// events left out, repeated and mixed, nothing panics, and neither does a
    /// decision on what comes of it.
    #[test]
    fn nothing_panics_on_events_that_cannot_follow(
        steps in steps(),
        picks in prop::collection::vec(any::<Index>(), 1..60),
    ) {
        let history = History::of(&steps);
        let plans = history.world.past.iter().flat_map(|(plan, _)| plan);
        let commands: Vec<&Command> = plans.collect();
        let events: Vec<&AnyEvent> =
            history.world.past.iter().flat_map(|(_, events)| events).collect();
        let mut request = OnboardingRequest::default();
        let mut profile = ClientProfile::default();
        let mut pool = SecondaryNumberPool::default();
        for pick in picks {
            match pick.get(&events) {
                AnyEvent::Request(event) => request.evolve(event),
                AnyEvent::Profile(event) => profile.evolve(event),
                AnyEvent::Pool(event) => pool.evolve(event),
            }
            match pick.get(&commands) {
                Command::Request(_, command) => drop(request.decide(command)),
                Command::Profile(_, command) => drop(profile.decide(command)),
                Command::Pool(_, command) => drop(pool.decide(command)),
            }
        }
    }
}
