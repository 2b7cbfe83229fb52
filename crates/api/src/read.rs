//! Reading what a caller sent, in one way for query strings, bodies and questions over NATS: a
//! wrong member is named with its rule, and its value is never repeated.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::problem::Problem;

/// Reads a value.
///
/// # Errors
/// `bad-parameter`, with the member that is wrong and the rule that it breaks.
pub fn read<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    let value = if value.is_null() { Value::Object(serde_json::Map::new()) } else { value };
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        let (field, rule) = fault(&path, &message);
        let detail = match &field {
            Some(field) => format!("{field}: {rule}"),
            None => rule,
        };
        let problem = Problem::bad(String::new(), detail);
        Problem { field, ..problem }
    })
}

/// The member at fault and its rule, from serde's path and words.
fn fault(path: &str, message: &str) -> (Option<String>, String) {
    let quoted = |prefix: &str| message.strip_prefix(prefix)?.split('`').next().map(str::to_owned);
    if let Some(missing) = quoted("missing field `") {
        let field = if path == "." { missing } else { format!("{path}.{missing}") };
        return (Some(field), "is required".to_owned());
    }
    if let Some(unknown) = quoted("unknown field `") {
        let known = message.rsplit_once(", expected ").map_or("none", |(_, known)| known);
        // The name is the caller's own: only one that looks like a name is repeated.
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let field = (unknown.len() <= 40 && unknown.bytes().all(is_name)).then_some(unknown);
        return (field, format!("is not known here; known are {known}"));
    }
    let field = (path != ".").then(|| path.to_owned());
    (field, rule(path, message))
}

/// serde's messages hold the offending value; our own value types' are fixed texts.
fn rule(path: &str, message: &str) -> String {
    let ours = ["a ", "an "].iter().any(|article| message.starts_with(article));
    if ours && message.contains(" must be ") || message.starts_with("must be ") {
        return message.to_owned();
    }
    if message.starts_with("UUID") {
        return "must be a UUID".to_owned();
    }
    if matches!(path, "from" | "to") {
        return "must be a time as in RFC 3339, e.g. 2026-01-31T12:00:00Z".to_owned();
    }
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("must be {expected}"),
        None => "is not valid".to_owned(),
    }
}

/// A number, bare or as text (in a query string everything is text).
pub(crate) fn limit<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    let number = match Value::deserialize(from)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let limit = number.and_then(|number| u32::try_from(number).ok());
    let known = limit.filter(|limit| (1..=readmodel::queries::MAX_LIMIT).contains(limit));
    known.map(Some).ok_or_else(|| {
        let most = readmodel::queries::MAX_LIMIT;
        Error::custom(format!("must be a number from 1 to {most}"))
    })
}

/// A position in the log, bare or as text.
pub(crate) fn position<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let position = match Value::deserialize(from)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let rule = || Error::custom("must be a position: a whole number, as a command's answer has it");
    position.map(Some).ok_or_else(rule)
}

/// The number of something in a list, bare or as text (in a path everything is text).
pub(crate) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let number = match Value::deserialize(from)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| Error::custom("must be a whole number, as the list has it"))
}

/// A truth value, bare or as text.
pub(crate) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    match Value::deserialize(from)? {
        Value::Bool(flag) => Ok(Some(flag)),
        Value::String(text) if text == "true" => Ok(Some(true)),
        Value::String(text) if text == "false" => Ok(Some(false)),
        _ => Err(Error::custom("must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::queries::onboarding_requests::RequestsQuery;

    #[test]
    fn a_wrong_member_is_named_with_its_rule_and_without_its_value() {
        let cases = [
            (json!(null), "company", "company: is required"),
            (
                json!({"company": "Acme+49151"}),
                "company",
                "company: a company id must be 1-63 lower-case letters, digits or inner hyphens",
            ),
            (json!({"company": "a", "client": "+49151"}), "client", "client: must be a UUID"),
            (
                json!({"company": "a", "from": "+49151"}),
                "from",
                "from: must be a time as in RFC 3339, e.g. 2026-01-31T12:00:00Z",
            ),
            (
                json!({"company": "a", "limit": "0"}),
                "limit",
                "limit: must be a number from 1 to 200",
            ),
            (
                json!({"company": "a", "limit": 201}),
                "limit",
                "limit: must be a number from 1 to 200",
            ),
            (
                json!({"company": "a", "wait": "-1"}),
                "wait",
                "wait: must be a position: a whole number, as a command's answer has it",
            ),
            (
                json!({"company": "a", "status": "+49151"}),
                "status",
                "status: must be `under_way` or `ended`",
            ),
        ];
        for (value, field, detail) in cases {
            let problem = read::<RequestsQuery>(value).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some(field));
            assert_eq!(problem.detail, detail);
        }
        let unknown = read::<RequestsQuery>(json!({"company": "a", "usr": "x"})).unwrap_err();
        assert_eq!(unknown.field.as_deref(), Some("usr"));
        assert!(unknown.detail.contains("known are one of `company`"), "{}", unknown.detail);
        let phone = read::<RequestsQuery>(json!({"company": "a", "+49 151": "x"})).unwrap_err();
        assert_eq!(phone.field, None);
    }

    #[test]
    fn text_and_number_are_the_same_limit() {
        for value in [json!({"company": "a", "limit": "7"}), json!({"company": "a", "limit": 7})] {
            assert_eq!(read::<RequestsQuery>(value).unwrap().limit, Some(7));
        }
    }
}
