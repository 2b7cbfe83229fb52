//! Reading raw JSON slices, member by member, so that a bad one costs only itself.

use std::fmt;

use chrono::DateTime;
use domain::input::Timestamp;
use serde::de::{Deserialize, Deserializer, Visitor};
use serde_json::value::RawValue;

use super::{BadItem, BadItemCode};

/// The members of an object. Arrays are refused: serde would take them for
/// objects whose members come in order.
pub(super) fn object<'a, T: Deserialize<'a>>(
    raw: &'a RawValue,
    field: &'static str,
) -> Result<T, BadItem> {
    let bad = BadItem { code: BadItemCode::NotAnObject, field };
    if !raw.get().starts_with('{') {
        return Err(bad);
    }
    serde_json::from_str(raw.get()).map_err(|_| bad)
}

/// The elements of an array.
pub(super) fn list<'a>(
    raw: &'a RawValue,
    field: &'static str,
) -> Result<Vec<&'a RawValue>, BadItem> {
    serde_json::from_str(raw.get()).map_err(|_| BadItem { code: BadItemCode::NotAList, field })
}

/// A member that has to be there and not `null`.
pub(super) fn required<'a>(
    member: Option<&'a RawValue>,
    field: &'static str,
) -> Result<&'a RawValue, BadItem> {
    member.ok_or(BadItem { code: BadItemCode::Missing, field })
}

/// What is wrong with a member of a wrong type or shape.
pub(super) const fn invalid(field: &'static str) -> BadItem {
    BadItem { code: BadItemCode::Invalid, field }
}

/// A string. Halves of surrogate pairs, which cutting an emoji leaves, become
/// U+FFFD; U+0000 is left out, because Postgres takes it in no text.
pub(super) fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok().map(|Lossy(text)| text)
}

/// Words of a client: a string that says something.
pub(super) fn words(raw: &RawValue) -> Option<String> {
    text(raw).filter(|words| !words.is_empty())
}

/// A name in WhatsApp's protocol: 1 to 64 letters, digits, `_`, `-`, `.`.
pub(super) fn name(raw: &RawValue) -> Option<String> {
    text(raw).filter(|name| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        (1..=64).contains(&name.len()) && name.bytes().all(is_plain)
    })
}

/// An integer, bare or in quotes.
pub(super) fn integer(raw: &RawValue) -> Option<i64> {
    let digits = raw.get();
    digits.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(digits).parse().ok()
}

/// A moment, in seconds since 1970. What would be later than the year 5138 can
/// only be milliseconds.
pub(super) fn moment(raw: &RawValue) -> Option<Timestamp> {
    const MOST_SECONDS: i64 = 100_000_000_000;
    const LAST_MILLISECOND_OF_9999: i64 = 253_402_300_799_999;
    match integer(raw)? {
        seconds @ 1..=MOST_SECONDS => DateTime::from_timestamp(seconds, 0),
        ms @ ..=LAST_MILLISECOND_OF_9999 if ms > 0 => DateTime::from_timestamp_millis(ms),
        _ => None,
    }
}

struct Lossy(String);

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde_json hands out half a surrogate pair only where bytes are asked for.
        deserializer.deserialize_bytes(LossyVisitor)
    }
}

struct LossyVisitor;

impl Visitor<'_> for LossyVisitor {
    type Value = Lossy;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Lossy, E> {
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.extend(chunk.valid().chars().filter(|c| *c != '\0'));
            // Half a pair is three bytes that are no UTF-8 each, and the first of them is this one.
            if chunk.invalid() == [0xED] {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        Ok(Lossy(text))
    }
}
