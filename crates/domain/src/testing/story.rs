//! One onboarding, told step by step in a world.

use crate::AnyEvent;
use crate::ids::RequestId;
use crate::input::{SendReceipt, SendResult, Timestamp};
use crate::outbound::{DeliveryStatus, ErrorClass, OutboundMessage, Purpose, SendError};
use crate::profile::Room;
use crate::request::Outcome;

use super::{PRIMARY, World, at, british, id, message};

/// One onboarding as it goes on: a client asks for Anna, and what comes of it.
pub(crate) struct Story {
    pub(crate) world: World,
    pub(crate) request: RequestId,
}

impl Story {
    /// A British client wrote `#anna` to the primary at second 0, and a room was
    /// reserved on `2001` at second 2.
    pub(crate) fn of_an_onboarding() -> Self {
        Self::in_a(World::new())
    }

    pub(crate) fn in_a(mut world: World) -> Self {
        let message = message(british(), PRIMARY, Some("#anna"));
        world.message(&message, at(2), 0);
        Self { request: world.request_of(&message), world }
    }

    /// … and WhatsApp took the invitation at second 10.
    pub(crate) fn invited() -> Self {
        let mut story = Self::of_an_onboarding();
        story.takes(Purpose::Invitation, 10);
        story
    }

    /// … and the user-info message at second 20.
    pub(crate) fn activated() -> Self {
        let mut story = Self::invited();
        story.takes(Purpose::UserInfo, 20);
        story
    }

    /// The last message of a purpose, of whichever request.
    #[track_caller]
    pub(crate) fn sent(&self, purpose: Purpose) -> OutboundMessage {
        let messages = self.world.messages().into_iter().rev();
        let last = messages.map(|(_, m, _)| m).find(|m| m.purpose == purpose);
        last.unwrap_or_else(|| panic!("{purpose:?} was not requested"))
    }

    pub(crate) fn is_sent(&self, purpose: Purpose) -> bool {
        self.world.messages().iter().any(|(_, m, _)| m.purpose == purpose)
    }

    /// The sender tells of a message.
    pub(crate) fn reports(
        &mut self,
        purpose: Purpose,
        attempt: u32,
        result: SendResult,
        seconds: i64,
    ) -> Vec<AnyEvent> {
        let message_id = self.sent(purpose).message_id;
        let request_id = self.world.request_with(message_id).request_id;
        self.world.receipt(&SendReceipt {
            request_id,
            message_id,
            attempt,
            at: at(seconds),
            result,
        })
    }

    /// WhatsApp takes it.
    pub(crate) fn takes(&mut self, purpose: Purpose, seconds: i64) -> Vec<AnyEvent> {
        let wamid = id(&format!("wamid.out.{}", self.sent(purpose).message_id));
        self.reports(purpose, 1, SendResult::Accepted { wamid }, seconds)
    }

    /// It is given up.
    pub(crate) fn gives_up(
        &mut self,
        purpose: Purpose,
        error: SendError,
        seconds: i64,
    ) -> Vec<AnyEvent> {
        self.reports(purpose, 1, SendResult::GivenUp { error }, seconds)
    }

    /// WhatsApp tells of a message.
    pub(crate) fn tells(
        &mut self,
        purpose: Purpose,
        status: DeliveryStatus,
        error: Option<SendError>,
        seconds: i64,
    ) -> Vec<AnyEvent> {
        let message = self.sent(purpose);
        self.world.status(&message, status, error, at(seconds))
    }

    /// The client writes once more.
    pub(crate) fn writes(&mut self, to: &str, text: &str, seconds: i64) -> Vec<AnyEvent> {
        self.writes_late(to, text, at(seconds), seconds)
    }

    /// The same, but the message was on its way for a while.
    pub(crate) fn writes_late(
        &mut self,
        to: &str,
        text: &str,
        sent_at: Timestamp,
        seconds: i64,
    ) -> Vec<AnyEvent> {
        let mut message = message(british(), to, Some(text));
        message.id = id(&format!("wamid.in.at.{seconds}"));
        message.sent_at = sent_at;
        self.world.message(&message, at(seconds), 0)
    }

    /// The room that the request opened.
    pub(crate) fn room(&self) -> &Room {
        self.world.rooms().find(|(_, _, room)| room.request_id == self.request).unwrap().2
    }

    /// The timer of its room, set for `deadline`, is looked at.
    pub(crate) fn times_out(&mut self, deadline: Timestamp, seconds: i64) -> Vec<AnyEvent> {
        let rooms = self.world.rooms();
        let room = rooms.filter(|(_, _, room)| room.request_id == self.request);
        let (profile_id, room_id) = room.map(|(p, r, _)| (p, r)).next().unwrap();
        self.world.deadline((profile_id, room_id), deadline, at(seconds))
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.world.request(self.request).unwrap().outcome
    }
}

/// WhatsApp's answer says that the client will never get it.
pub(crate) fn refused() -> SendError {
    SendError {
        code: 131_026,
        class: ErrorClass::RecipientRefused,
        definite: true,
        title: "Message undeliverable".to_owned(),
    }
}

/// When its turn came, its client was not to have it any more.
pub(crate) fn withdrawn() -> SendError {
    SendError {
        code: 0,
        class: ErrorClass::Withdrawn,
        definite: true,
        title: "its client wants no templates any more".to_owned(),
    }
}

/// WhatsApp's answer says that the number is locked.
pub(crate) fn unhealthy() -> SendError {
    SendError {
        code: 131_031,
        class: ErrorClass::NumberUnhealthy,
        definite: true,
        title: "the account is locked".to_owned(),
    }
}

/// WhatsApp's answer says that the client wrote too long ago for free text.
pub(crate) fn window_closed() -> SendError {
    SendError {
        code: 131_047,
        class: ErrorClass::WindowClosed,
        definite: true,
        title: "the 24-hour window is closed".to_owned(),
    }
}

/// There was no answer.
pub(crate) fn lost() -> SendError {
    SendError {
        code: 0,
        class: ErrorClass::Transient,
        definite: false,
        title: "the connection broke".to_owned(),
    }
}

/// The names of events, in order.
pub(crate) fn names(events: &[AnyEvent]) -> Vec<&'static str> {
    let name = |event: &AnyEvent| match event {
        AnyEvent::Request(event) => event.event_type(),
        AnyEvent::Profile(event) => event.event_type(),
        AnyEvent::Pool(event) => event.event_type(),
    };
    events.iter().map(name).collect()
}
