//! The three aggregates as the store keeps them.

use std::fmt::Display;

use cqrs_es::Aggregate;
use domain::ids::{PoolId, ProfileId, RequestId};
use domain::pool::SecondaryNumberPool;
use domain::profile::ClientProfile;
use domain::request::OnboardingRequest;
use domain::{AggregateType, AnyEvent};

/// An aggregate that the store can load.
pub trait StoredAggregate: Aggregate + Clone + 'static {
    /// What identifies one.
    type Id: Clone + Display + Send + Sync;

    /// Its kind.
    const KIND: AggregateType;

    /// The version of its state's shape *and* of what `evolve` makes of events. Whoever changes
    /// either counts it up; snapshots of another version are ignored and overwritten.
    const STATE_VERSION: u32;

    /// Its event, or `None` if it is another aggregate's.
    fn own(event: AnyEvent) -> Option<Self::Event>;

    /// Its event as one of any.
    fn any(event: Self::Event) -> AnyEvent;

    /// What a snapshot must carry to be used.
    fn fingerprint() -> String {
        format!("{}/{}", Self::TYPE, Self::STATE_VERSION)
    }
}

macro_rules! stored {
    ($aggregate:ty, $id:ty, $variant:ident, $kind:ident, $version:literal) => {
        impl StoredAggregate for $aggregate {
            type Id = $id;
            const KIND: AggregateType = AggregateType::$kind;
            const STATE_VERSION: u32 = $version;

            fn own(event: AnyEvent) -> Option<Self::Event> {
                match event {
                    AnyEvent::$variant(event) => Some(event),
                    _ => None,
                }
            }

            fn any(event: Self::Event) -> AnyEvent {
                AnyEvent::$variant(event)
            }
        }
    };
}

stored!(OnboardingRequest, RequestId, Request, OnboardingRequest, 1);
stored!(ClientProfile, ProfileId, Profile, ClientProfile, 4);
stored!(SecondaryNumberPool, PoolId, Pool, SecondaryNumberPool, 1);
