//! Subjects: built and read in one type, so that nothing unchecked becomes a token.

use std::fmt;
use std::str::FromStr;

use domain::ids::{AppId, CompanyId, InvalidId, PhoneNumberId};
use domain::record::RecordedEvent;

/// The command whose body is a [`domain::input::SendReceipt`].
pub const RECORD_RECEIPT: &str = "record-receipt";

/// A subject of onboarding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// `wa.raw.v1.<app>`: a post's raw bytes, in pieces.
    RawPost {
        /// The app whose webhook took it.
        app: AppId,
    },
    /// `wa.in.v1.<company>.<phone-number-id>`: a client's message.
    Message {
        /// Whose lane.
        company: CompanyId,
        /// The number that was written to.
        number: PhoneNumberId,
    },
    /// `wa.status.v1.<company>.<phone-number-id>`: what became of a message of ours.
    Status {
        /// Whose lane.
        company: CompanyId,
        /// The number that sent it.
        number: PhoneNumberId,
    },
    /// `cmd.onboarding.v1.<company>.<command>`.
    Command {
        /// Whose lane.
        company: CompanyId,
        /// What is asked.
        command: Token,
    },
    /// `evt.onboarding.<aggregate>.<event>.v<version>.<company>.<aggregate-id>`.
    Event {
        /// The aggregate's type.
        aggregate: Token,
        /// The event's name.
        event: Token,
        /// The version of its shape.
        version: Token,
        /// Whose event it is.
        company: CompanyId,
        /// Which aggregate: a UUID or `<company>_<pool>`.
        aggregate_id: AggregateId,
    },
    /// `dlq.onboarding.<original subject>`.
    Parked {
        /// Where the input came from; it may be no subject of ours.
        original: String,
    },
    /// `qry.onboarding.v1.<query>`.
    Query {
        /// What is asked.
        query: Token,
    },
}

/// Why a text is not a subject of ours. It does not quote the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSubject {
    /// No pattern of ours.
    #[error("not a subject of onboarding")]
    Unknown,
    /// A token that may not stand there.
    #[error("a token of the subject is wrong: {0}")]
    Id(#[from] InvalidId),
    /// A token that may not stand there.
    #[error(
        "a token of the subject is wrong: it must be 1-63 lower-case letters, digits or inner hyphens"
    )]
    Token,
    /// The last token of an event's subject.
    #[error(
        "a token of the subject is wrong: an aggregate id must be 1-127 lower-case letters, digits, - or _"
    )]
    AggregateId,
}

impl Subject {
    /// Where an event is published.
    ///
    /// # Errors
    /// A part of the event that can't be a token.
    pub fn of_event(event: &RecordedEvent) -> Result<Self, BadSubject> {
        Ok(Self::Event {
            aggregate: event.aggregate_type.parse()?,
            event: event.event_type.parse()?,
            version: event.event_version.parse()?,
            company: event.company.clone(),
            aggregate_id: event.aggregate_id.parse()?,
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RawPost { app } => write!(f, "wa.raw.v1.{app}"),
            Self::Message { company, number } => write!(f, "wa.in.v1.{company}.{number}"),
            Self::Status { company, number } => write!(f, "wa.status.v1.{company}.{number}"),
            Self::Command { company, command } => {
                write!(f, "cmd.onboarding.v1.{company}.{command}")
            }
            Self::Event { aggregate, event, version, company, aggregate_id } => {
                write!(f, "evt.onboarding.{aggregate}.{event}.v{version}.{company}.{aggregate_id}")
            }
            Self::Parked { original } => write!(f, "dlq.onboarding.{original}"),
            Self::Query { query } => write!(f, "qry.onboarding.v1.{query}"),
        }
    }
}

impl FromStr for Subject {
    type Err = BadSubject;

    fn from_str(text: &str) -> Result<Self, BadSubject> {
        if let Some(original) = text.strip_prefix("dlq.onboarding.") {
            let original = original.to_owned();
            return Ok(Self::Parked { original });
        }
        let tokens: Vec<&str> = text.split('.').collect();
        Ok(match tokens.as_slice() {
            ["wa", "raw", "v1", app] => Self::RawPost { app: app.parse()? },
            ["wa", "in", "v1", company, number] => {
                Self::Message { company: company.parse()?, number: number.parse()? }
            }
            ["wa", "status", "v1", company, number] => {
                Self::Status { company: company.parse()?, number: number.parse()? }
            }
            ["cmd", "onboarding", "v1", company, command] => {
                Self::Command { company: company.parse()?, command: command.parse()? }
            }
            ["evt", "onboarding", aggregate, event, version, company, id] => Self::Event {
                aggregate: aggregate.parse()?,
                event: event.parse()?,
                version: version.strip_prefix('v').ok_or(BadSubject::Unknown)?.parse()?,
                company: company.parse()?,
                aggregate_id: id.parse()?,
            },
            ["qry", "onboarding", "v1", query] => Self::Query { query: query.parse()? },
            _ => return Err(BadSubject::Unknown),
        })
    }
}

/// Lower-case letters, digits and inner `-`, 1 to 63 of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(String);

/// A UUID or `<company>_<pool>`: lower-case letters, digits, `-` and `_`, 1 to 127 of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AggregateId(String);

impl FromStr for Token {
    type Err = BadSubject;

    fn from_str(text: &str) -> Result<Self, BadSubject> {
        let good = (1..=63).contains(&text.len())
            && !text.starts_with('-')
            && !text.ends_with('-')
            && text.bytes().all(is_token_byte);
        good.then(|| Self(text.to_owned())).ok_or(BadSubject::Token)
    }
}

impl FromStr for AggregateId {
    type Err = BadSubject;

    fn from_str(text: &str) -> Result<Self, BadSubject> {
        let good =
            (1..=127).contains(&text.len()) && text.bytes().all(|b| is_token_byte(b) || b == b'_');
        good.then(|| Self(text.to_owned())).ok_or(BadSubject::AggregateId)
    }
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl $name {
            /// The token as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}
as_text!(Token, AggregateId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_reads_back() {
        for text in [
            "wa.raw.v1.main-app",
            "wa.in.v1.acme.123456",
            "wa.status.v1.acme.123456",
            "cmd.onboarding.v1.acme.register-client-profile",
            "evt.onboarding.client-profile.room-reserved.v1.acme.0197f0a8-0000-7000-8000-000000000001",
            "evt.onboarding.secondary-number-pool.number-reserved.v1.acme.acme_main",
            "dlq.onboarding.wa.in.v1.acme.123456",
            "dlq.onboarding.cmd.onboarding.v1.ACME",
            "qry.onboarding.v1.events",
        ] {
            let subject: Subject = text.parse().unwrap();
            assert_eq!(subject.to_string(), text);
        }
    }

    #[test]
    fn a_foreign_or_crooked_subject_is_refused_without_being_quoted() {
        for text in [
            "wa.in.v1.acme.*",
            "wa.in.v1.acme.>",
            "wa.in.v1.acme.4912345.1",
            "wa.in.v1.Acme.1",
            "wa.in.v2.acme.1",
            "cmd.onboarding.v1.acme.",
            "evt.onboarding.a.b.1.acme.x",
            "",
        ] {
            let error = text.parse::<Subject>().unwrap_err().to_string();
            assert!(text.len() < 4 || !error.contains(text), "{error}");
        }
    }
}
