//! From a message to an input, or to why it is none.

use domain::ids::{CompanyId, PhoneNumberId};
use domain::input::{Input, LaneInput};
use serde::de::DeserializeOwned;

use crate::subject::{RECORD_RECEIPT, Subject};

/// Why a message is no input. It names the field and the rule, and never quotes a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", field.as_ref().map_or_else(String::new, |f| format!("{f}: ")))]
pub struct Malformed {
    /// What is wrong.
    pub reason: String,
    /// Where in the body, e.g. `from.wa_id`.
    pub field: Option<String>,
}

/// Reads an input by its subject.
///
/// # Errors
/// A subject or a body that is not as agreed, or that contradict each other.
pub fn parse(subject: &str, body: &[u8]) -> Result<LaneInput, Malformed> {
    let subject: Subject =
        subject.parse().map_err(|e: crate::subject::BadSubject| Malformed::whole(e.to_string()))?;
    let (company, input) = match subject {
        Subject::Message { company, number } => {
            let message: domain::input::InboundMessage = read(body)?;
            same_number(&message.phone_number_id, &number)?;
            (company, Input::Message(message))
        }
        Subject::Status { company, number } => {
            let status: domain::input::MessageStatus = read(body)?;
            same_number(&status.phone_number_id, &number)?;
            (company, Input::Status(status))
        }
        Subject::Command { company, command } if command.as_str() == RECORD_RECEIPT => {
            (company, Input::Receipt(read(body)?))
        }
        Subject::Command { company, command } => {
            let asked: domain::input::OperatorCommand = read(body)?;
            if asked.request.name() != command.as_str() {
                return Err(Malformed {
                    reason: "is not the command that the subject names".into(),
                    field: Some("request.command".into()),
                });
            }
            (company, Input::Command(asked))
        }
        Subject::RawPost { .. }
        | Subject::Event { .. }
        | Subject::Parked { .. }
        | Subject::Query { .. } => {
            return Err(Malformed::whole("the subject is not one of inputs".into()));
        }
    };
    Ok(LaneInput { company, input })
}

/// The company of a subject whose other tokens may be wrong.
pub(super) fn company_of(subject: &str) -> Option<CompanyId> {
    let token = subject.split('.').nth(3)?;
    token.parse().ok()
}

impl Malformed {
    const fn whole(reason: String) -> Self {
        Self { reason, field: None }
    }
}

fn same_number(body: &PhoneNumberId, subject: &PhoneNumberId) -> Result<(), Malformed> {
    if body == subject {
        return Ok(());
    }
    Err(Malformed {
        reason: "is not the number that the subject names".into(),
        field: Some("phone_number_id".into()),
    })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Malformed> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if error.is_data() {
            Malformed {
                reason: without_values(&error.to_string()),
                field: (path != ".").then_some(path),
            }
        } else {
            not_json(&error)
        }
    })?;
    json.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> Malformed {
    Malformed::whole(format!(
        "the body is not JSON at line {}, column {}",
        error.line(),
        error.column()
    ))
}

/// serde puts the offending value into its messages. What may stay: a missing field's name, the
/// expectation at the end, and our own value types' rules, which are fixed texts.
fn without_values(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or(message);
    let quotes_value = ["invalid ", "unknown "].iter().any(|p| message.starts_with(p));
    if message.starts_with("missing field ") || message.starts_with("duplicate field ") {
        message.to_owned()
    } else if quotes_value {
        match message.rsplit_once(", expected ") {
            Some((_, expected)) => format!("expected {expected}"),
            None => "the value is wrong".to_owned(),
        }
    } else if message.starts_with("a ") && message.contains(" must be ") {
        message.to_owned()
    } else {
        "the value is wrong".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(subject: &str, body: &str) -> String {
        parse(subject, body.as_bytes()).unwrap_err().to_string()
    }

    const RECEIPT: &str = "cmd.onboarding.v1.acme.record-receipt";
    const IN: &str = "wa.in.v1.acme.1";

    #[test]
    fn what_is_wrong_is_said_with_its_field_and_without_its_value() {
        let cases = [
            (IN, "{\"x\": 4912345678", "the body is not JSON at line 1, column 16"),
            (IN, "{}", "missing field `phone_number_id`"),
            (
                IN,
                r#"{"phone_number_id":"+4912345678"}"#,
                "phone_number_id: a phone_number_id must be 1-32 digits",
            ),
            (IN, r#"{"phone_number_id":4912345678}"#, "phone_number_id: expected a string"),
            (RECEIPT, r#"{"request_id":"4912345678"}"#, "request_id: the value is wrong"),
            (
                "cmd.onboarding.v1.acme.x",
                r#"{"operation_id":"0197f0a8-0000-7000-8000-000000000001","actor":"Anna","at":"2026-01-01T00:00:00Z","request":{"command":"Anna"}}"#,
                "request.command: expected one of `register-client-profile`, `archive-client-profile`, `block-client`, `unblock-client`, `set-client-language`, `promote-prospect`, `set-user-extension`, `set-number-service`, `add-number`, `remove-number`, `resend-invitation`, `reassign-room`, `close-room`, `retry-parked-input`, `drop-parked-input`",
            ),
            ("wa.in.v1.acme", "{}", "not a subject of onboarding"),
        ];
        for (subject, body, expected) in cases {
            assert_eq!(fault(subject, body), expected);
        }
    }

    #[test]
    fn subject_and_body_may_not_contradict_each_other() {
        let body = r#"{"operation_id":"0197f0a8-0000-7000-8000-000000000001","actor":"Anna","at":"2026-01-01T00:00:00Z","request":{"command":"register-client-profile","identifiers":[]}}"#;
        assert!(parse("cmd.onboarding.v1.acme.register-client-profile", body.as_bytes()).is_ok());
        assert_eq!(
            fault("cmd.onboarding.v1.acme.other", body),
            "request.command: is not the command that the subject names"
        );
    }
}
