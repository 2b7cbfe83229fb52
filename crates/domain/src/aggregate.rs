//! Our aggregates as cqrs-es sees them: a few lines over `decide` and `evolve`,
//! so that its framework, test framework and upcasters work with them.

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};

use crate::pool::{PoolCommand, PoolEvent, PoolRejection, SecondaryNumberPool};
use crate::profile::{ClientProfile, ProfileCommand, ProfileEvent, ProfileRejection};
use crate::request::{OnboardingRequest, RequestCommand, RequestEvent, RequestRejection};

/// The kind of an aggregate: the `aggregate_type` of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AggregateType {
    /// One per inbound message.
    OnboardingRequest,
    /// One per record of a client.
    ClientProfile,
    /// One per pool.
    SecondaryNumberPool,
}

impl AggregateType {
    /// All of them.
    pub const ALL: [Self; 3] =
        [Self::OnboardingRequest, Self::ClientProfile, Self::SecondaryNumberPool];

    /// The name in the store and in subjects.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnboardingRequest => OnboardingRequest::TYPE,
            Self::ClientProfile => ClientProfile::TYPE,
            Self::SecondaryNumberPool => SecondaryNumberPool::TYPE,
        }
    }
}

macro_rules! aggregate {
    ($aggregate:ty, $name:literal, $command:ty, $event:ty, $rejection:ty, $($variant:ident => $event_type:literal),+ $(,)?) => {
        impl $event {
            /// The names of all its events, as they are stored.
            pub const TYPES: &'static [&'static str] = &[$($event_type),+];

            /// The name of the event, as it is stored.
            pub const fn event_type(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $event_type),+ }
            }

            /// The current version of the event's shape.
            pub const fn event_version(&self) -> &'static str {
                "1"
            }
        }

        impl DomainEvent for $event {
            fn event_type(&self) -> String {
                Self::event_type(self).to_owned()
            }

            fn event_version(&self) -> String {
                Self::event_version(self).to_owned()
            }
        }

        impl Aggregate for $aggregate {
            const TYPE: &'static str = $name;
            type Command = $command;
            type Event = $event;
            type Error = $rejection;
            type Services = ();

            async fn handle(
                &mut self,
                command: $command,
                (): &(),
                sink: &EventSink<Self>,
            ) -> Result<(), $rejection> {
                for event in self.decide(&command)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: $event) {
                self.evolve(&event);
            }
        }
    };
}

aggregate!(
    OnboardingRequest, "onboarding-request", RequestCommand, RequestEvent, RequestRejection,
    OnboardingRequested => "onboarding-requested",
    ClientsLinked => "clients-linked",
    IdentifiersTakenOver => "identifiers-taken-over",
    IdentifiersLeft => "identifiers-left",
    DecisionMade => "decision-made",
    MessageRequested => "message-requested",
    MessageAttempted => "message-attempted",
    MessageAccepted => "message-accepted",
    MessageStatusChanged => "message-status-changed",
    MessageFailed => "message-failed",
    TemplatesStopped => "templates-stopped",
    TemplatesStarted => "templates-started",
    OutcomeRecorded => "outcome-recorded",
);
aggregate!(
    ClientProfile, "client-profile", ProfileCommand, ProfileEvent, ProfileRejection,
    ClientProfileCreated => "client-profile-created",
    IdentifiersAdded => "identifiers-added",
    ClientsLinked => "clients-linked",
    ClientProfileArchived => "client-profile-archived",
    ClientBlocked => "client-blocked",
    ClientUnblocked => "client-unblocked",
    ClientLanguageSet => "client-language-set",
    UserAssigned => "user-assigned",
    RoomReserved => "room-reserved",
    RoomInvited => "room-invited",
    RoomActivated => "room-activated",
    RoomJoined => "room-joined",
    UserInfoRequested => "user-info-requested",
    RoomReminded => "room-reminded",
    ClientWrote => "client-wrote",
    InvitationResent => "invitation-resent",
    RoomsClashed => "rooms-clashed",
    RoomReassigned => "room-reassigned",
    RoomClosed => "room-closed",
);
aggregate!(
    SecondaryNumberPool, "secondary-number-pool", PoolCommand, PoolEvent, PoolRejection,
    PoolCreated => "pool-created",
    NumberAdded => "number-added",
    NumberChanged => "number-changed",
    NumberRemoved => "number-removed",
    NumberServiceChanged => "number-service-changed",
    NumberReserved => "number-reserved",
    NumberReleased => "number-released",
);
