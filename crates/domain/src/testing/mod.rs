//! What the tests of this crate share: *given events, when a command, then
//! events or a rejection*; a scene for one message; a world for many inputs, and
//! the story of one onboarding in it.

mod scene;
mod story;
mod world;

use std::fmt::Debug;
use std::str::FromStr;

use chrono::Duration;
use cqrs_es::Aggregate;
use uuid::Uuid;

pub(crate) use scene::*;
pub(crate) use story::*;
pub(crate) use world::World;

use crate::ids::{MessageId, ProfileId, RequestId, RoomId};
use crate::input::Timestamp;
use crate::pool::SecondaryNumberPool;
use crate::profile::ClientProfile;
use crate::request::OnboardingRequest;

/// So many seconds after the morning on which all stories begin.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-01-05T09:00:00Z".parse::<Timestamp>().unwrap() + Duration::seconds(seconds)
}

pub(crate) const MINUTE: i64 = 60;
pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 86_400;

/// Any value type from its text.
pub(crate) fn id<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn room_id(n: u128) -> RoomId {
    RoomId::from_uuid(Uuid::from_u128(0x0400 + n))
}

pub(crate) fn profile_id(n: u128) -> ProfileId {
    ProfileId::from_uuid(Uuid::from_u128(0x0300 + n))
}

pub(crate) fn request_id(n: u128) -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(0x0200 + n))
}

pub(crate) fn message_id(n: u128) -> MessageId {
    MessageId::from_uuid(Uuid::from_u128(0x0500 + n))
}

/// An aggregate whose `decide` can be asked without its framework.
pub(crate) trait Decides: Aggregate<Error: PartialEq> + Debug + PartialEq {
    fn ask(&self, command: &Self::Command) -> Result<Vec<Self::Event>, Self::Error>;
}

macro_rules! decides {
    ($($aggregate:ty),+) => {$(
        impl Decides for $aggregate {
            fn ask(&self, command: &Self::Command) -> Result<Vec<Self::Event>, Self::Error> {
                self.decide(command)
            }
        }
    )+};
}
decides!(OnboardingRequest, ClientProfile, SecondaryNumberPool);

/// The aggregate after these events.
pub(crate) fn given<A: Decides>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let mut state = A::default();
    events.into_iter().for_each(|event| state.apply(event));
    Given(state)
}

pub(crate) struct Given<A>(pub(crate) A);

impl<A: Decides> Given<A> {
    pub(crate) fn when(&self, command: A::Command) -> When<A> {
        When(self.0.ask(&command))
    }
}

pub(crate) struct When<A: Decides>(Result<Vec<A::Event>, A::Error>);

impl<A: Decides> When<A> {
    #[track_caller]
    pub(crate) fn then(self, expected: impl IntoIterator<Item = A::Event>) {
        assert_eq!(self.0, Ok(expected.into_iter().collect()));
    }

    /// Already so.
    #[track_caller]
    pub(crate) fn then_nothing(self) {
        assert_eq!(self.0, Ok(vec![]));
    }

    /// Not allowed.
    #[track_caller]
    pub(crate) fn then_rejected(self, why: A::Error) {
        assert_eq!(self.0, Err(why));
    }
}
