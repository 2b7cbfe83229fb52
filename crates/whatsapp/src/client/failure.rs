//! What a send call that gave no message id means.

use std::time::Duration;

use domain::outbound::{ErrorClass, SendError};

use crate::errors;

/// Why a message was not accepted, sorted by what may have become of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendFailure {
    /// WhatsApp refused it: the client will not get it from this attempt.
    #[error("WhatsApp refused the message ({0})")]
    Refused(Fault),
    /// No answer that can be trusted came back, or one of a server in trouble
    /// (5xx): the client may get the message. Trying again may deliver it twice.
    #[error("it is unknown whether WhatsApp took the message ({0})")]
    Unknown(Fault),
    /// It never left: the client will not get it from this attempt.
    #[error("the message did not leave ({0})")]
    NotSent(Fault),
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The error as it is recorded. It is `definite` except in [`SendFailure::Unknown`].
    pub error: SendError,
    /// Whether the same message from the same number may go through later.
    pub retry: bool,
    /// How long WhatsApp asked to wait (`Retry-After`, whole seconds).
    pub retry_after: Option<Duration>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "code {}: {}", self.error.code, self.error.title)
    }
}

impl SendFailure {
    /// What went wrong, wherever the message is now.
    pub const fn fault(&self) -> &Fault {
        match self {
            Self::Refused(fault) | Self::Unknown(fault) | Self::NotSent(fault) => fault,
        }
    }

    /// The error as it is recorded.
    pub fn into_error(self) -> SendError {
        match self {
            Self::Refused(fault) | Self::Unknown(fault) | Self::NotSent(fault) => fault.error,
        }
    }

    pub(super) fn unusable_token() -> Self {
        let title = "the token has characters that a header can't carry, or none";
        Self::NotSent(Fault::of_transport(ErrorClass::Account, true, title))
    }

    /// The transport gave up before an answer's first line was read.
    pub(super) fn without_answer(error: &reqwest::Error) -> Self {
        let transient =
            |definite, title| Fault::of_transport(ErrorClass::Transient, definite, title);
        if error.is_connect() {
            Self::NotSent(transient(true, "no connection"))
        } else if error.is_builder() {
            Self::NotSent(Fault::of_transport(
                ErrorClass::Unknown,
                true,
                "the request could not be built",
            ))
        } else if error.is_timeout() {
            Self::Unknown(transient(false, "no answer in time"))
        } else {
            Self::Unknown(transient(false, "the connection broke before the answer"))
        }
    }

    /// A success whose message id can't be read. No retry: WhatsApp has the
    /// message, and its statuses carry our reference.
    pub(super) fn unreadable_success() -> Self {
        let title = "an answer of success without a message id";
        Self::Unknown(Fault {
            retry: false,
            ..Fault::of_transport(ErrorClass::Transient, false, title)
        })
    }

    /// An answer that is no success, with WhatsApp's code where it has one.
    pub(super) fn answered(status: u16, code: Option<i64>, retry_after: Option<Duration>) -> Self {
        // 408 comes from what stands between us and WhatsApp.
        let definite = status != 408 && status < 500;
        let mut error = code.map_or_else(
            || {
                transport_error(
                    ErrorClass::Unknown,
                    definite,
                    &format!("HTTP {status} without a code"),
                )
            },
            |code| errors::send_error(code, definite),
        );
        if error.class == ErrorClass::Unknown {
            error.class = errors::class_of_http_status(status);
        }
        let fault = Fault { retry: errors::retry_helps(error.class), retry_after, error };
        if definite { Self::Refused(fault) } else { Self::Unknown(fault) }
    }
}

impl Fault {
    fn of_transport(class: ErrorClass, definite: bool, title: &str) -> Self {
        Self {
            error: transport_error(class, definite, title),
            retry: errors::retry_helps(class),
            retry_after: None,
        }
    }
}

fn transport_error(class: ErrorClass, definite: bool, title: &str) -> SendError {
    SendError { code: 0, class, definite, title: title.to_owned() }
}
