//! How the fake misbehaves.

use std::time::Duration;

use domain::Personal;
use domain::identity::Recipient;
use domain::ids::PhoneNumberId;

use super::request::Request;

/// Which calls are answered how.
#[derive(Clone, Debug)]
pub struct Rule {
    behaviour: Behaviour,
    from: Option<PhoneNumberId>,
    to: Option<Personal<Recipient>>,
    left: Option<usize>,
}

/// What the fake does with a well-formed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Accepts the message.
    Accept,
    /// Accepts the message; its status will be `failed` with this code.
    FailLater(i64),
    /// Accepts the message at once and answers after this time.
    AnswerLate(Duration),
    /// Accepts the message and cuts the connection: the answer is lost.
    LoseAnswer,
    /// Accepts the message and answers 200 with something unreadable.
    Garble,
    /// Cuts the connection without accepting the message.
    HangUp,
    /// Refuses the message.
    Refuse {
        /// The HTTP status, 400 to 599.
        http_status: u16,
        /// WhatsApp's `error.code`; `None` answers with a page of HTML.
        code: Option<i64>,
        /// `Retry-After` in seconds.
        retry_after: Option<u32>,
    },
}

impl Behaviour {
    /// Refuses with a code and the HTTP status that WhatsApp sends with it.
    pub const fn refuse(code: i64) -> Self {
        Self::Refuse { http_status: http_status_of(code), code: Some(code), retry_after: None }
    }
}

/// Where WhatsApp documents none, 400.
const fn http_status_of(code: i64) -> u16 {
    match code {
        0 | 190 => 401,
        3 | 10 | 200..=299 | 131005 => 403,
        131000 => 500,
        2 | 131016 | 133004 => 503,
        _ => 400,
    }
}

impl Rule {
    /// A rule for every call.
    pub const fn always(behaviour: Behaviour) -> Self {
        Self { behaviour, from: None, to: None, left: None }
    }

    /// A rule for the next call that it fits.
    pub fn once(behaviour: Behaviour) -> Self {
        Self::always(behaviour).times(1)
    }

    /// Only for the next `calls` that it fits.
    #[must_use]
    pub const fn times(mut self, calls: usize) -> Self {
        self.left = Some(calls);
        self
    }

    /// Only for messages from this number.
    #[must_use]
    pub fn from_number(mut self, number: &PhoneNumberId) -> Self {
        self.from = Some(number.clone());
        self
    }

    /// Only for messages to this client.
    #[must_use]
    pub fn to(mut self, client: &Recipient) -> Self {
        self.to = Some(Personal::new(client.clone()));
        self
    }

    pub(super) fn fits(&self, request: &Request) -> bool {
        self.left != Some(0)
            && self.from.as_ref().is_none_or(|from| *from == request.from)
            && self.to.as_ref().is_none_or(|to| *to.expose() == request.to)
    }

    pub(super) fn take(&mut self) -> Behaviour {
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.behaviour.clone()
    }
}
