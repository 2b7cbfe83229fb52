//! Identifiers. Those that become a token of a subject or a key of a table are
//! checked when they are made, so no other code has to ask whether they are safe.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::input::Timestamp;

/// The namespace of all identifiers that are derived from others.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f6e_626f_6172_6469_6e67_2d77_6861_7473);

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be {rule}")]
pub struct InvalidId {
    kind: &'static str,
    rule: &'static str,
}

/// Lower-case letters, digits and inner `-`, 1 to 63 of them: safe as a token
/// of a NATS subject, in a URL and in a file name.
fn is_token(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_digits(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_wamid(text: &str) -> bool {
    (1..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:ident, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                if $check(&text) {
                    Ok(Self(text))
                } else {
                    Err(InvalidId { kind: $kind, rule: $rule })
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! shown_when_debugged {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )+};
}

shown_when_debugged!(CompanyId, UserId, OuId, ExternalCompanyId, PoolKey, AppId, PhoneNumberId);

/// WhatsApp writes the client's phone number into it.
impl fmt::Debug for Wamid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wamid(***)")
    }
}

text_id!(
    /// The tenant: the regulated firm.
    CompanyId, "a company id", is_token, "1-63 lower-case letters, digits or inner hyphens");
text_id!(
    /// An employee of a company.
    UserId, "a user id", is_token, "1-63 lower-case letters, digits or inner hyphens");
text_id!(
    /// An organizational unit of a company.
    OuId, "an organizational unit id", is_token, "1-63 lower-case letters, digits or inner hyphens");
text_id!(
    /// A company outside the tenant that some users and profiles are assigned to.
    ExternalCompanyId, "an external company id", is_token, "1-63 lower-case letters, digits or inner hyphens");
text_id!(
    /// A pool's name inside its company.
    PoolKey, "a pool id", is_token, "1-63 lower-case letters, digits or inner hyphens");
text_id!(
    /// One Meta app, whose webhooks share a secret; the last part of the webhook's URL.
    AppId, "an app id", is_token, "1-63 lower-case letters, digits or inner hyphens");
text_id!(
    /// WhatsApp's key of an official account; the display number is only a label.
    PhoneNumberId, "a phone_number_id", is_digits, "1-32 digits");
text_id!(
    /// WhatsApp's id of a message (`wamid.…`), inbound or outbound.
    Wamid, "a message id", is_wamid, "1-512 printable ASCII characters without spaces");

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an id that was read back.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare UUID.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text)
                    .map(Self)
                    .map_err(|_| InvalidId { kind: stringify!($name), rule: "a UUID" })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// One client of one company, however it is seen.
    ClientId);
uuid_id!(
    /// One client profile.
    ProfileId);
uuid_id!(
    /// One 1:1 chat room.
    RoomId);
uuid_id!(
    /// One onboarding request: one inbound message that was answered or refused.
    RequestId);
uuid_id!(
    /// One message that we asked WhatsApp to send.
    MessageId);
uuid_id!(
    /// One command of an operator; asking again with it gives the stored answer.
    OperationId);

uuid_id!(
    /// One input of a company's lane; the same input always has the same id.
    InputId);

fn derived(path: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, path.as_bytes())
}

/// A derived id that begins with a moment, as a UUIDv7 does (milliseconds since 1970 in 48 bits), so
/// that what comes together lies together in every index: UUIDv8.
fn derived_at(milliseconds: [u8; 6], path: &str) -> Uuid {
    let mut bytes = derived(path).into_bytes();
    bytes[..6].copy_from_slice(&milliseconds);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// What a request brings into being lies where the request lies. Requests from before ids had a
/// moment (UUIDv5) keep the ids that they led to: decisions are made again years later.
fn derived_from(request: RequestId, path: &str) -> Uuid {
    match (request.0.get_version_num(), request.0.as_bytes().first_chunk()) {
        (8, Some(milliseconds)) => derived_at(*milliseconds, path),
        _ => derived(path),
    }
}

impl InputId {
    /// The id of an input that its company calls `name`. A digest, because the
    /// name may hold a `wamid`, and WhatsApp writes phone numbers into those.
    pub(crate) fn of(company: &CompanyId, name: &str) -> Self {
        Self(derived(&format!("input/{company}/{name}")))
    }

    /// The input that a client's message is.
    pub fn of_message(company: &CompanyId, number: &PhoneNumberId, message: &Wamid) -> Self {
        Self::of(company, &format!("message/{number}/{message}"))
    }
}

impl RequestId {
    /// The request of a message that was sent at a moment: the same message always leads to the
    /// same request. A second arrival is recognised by its [`InputId`], whatever moment it tells.
    pub fn of(
        company: &CompanyId,
        number: &PhoneNumberId,
        message: &Wamid,
        sent_at: Timestamp,
    ) -> Self {
        // Before 1970 and after the year 10,889 there is no moment to begin with.
        let milliseconds = sent_at.timestamp_millis().clamp(0, (1 << 48) - 1).to_be_bytes();
        let [_, _, milliseconds @ ..] = milliseconds;
        Self(derived_at(milliseconds, &format!("request/{company}/{number}/{message}")))
    }
}

impl RequestId {
    /// The request that an operator's command makes of a prospect's message. It lies beside the one
    /// that recorded the prospect.
    pub fn promoted_by(prospect: Self, operation: OperationId) -> Self {
        Self(derived_from(prospect, &format!("promotion/{prospect}/{operation}")))
    }
}

impl ClientId {
    /// The client that a request met for the first time.
    pub fn first_seen_by(request: RequestId) -> Self {
        Self(derived_from(request, &format!("client/{request}")))
    }

    /// The client that an operator's command brought in.
    pub fn registered_by(company: &CompanyId, operation: OperationId) -> Self {
        Self(derived(&format!("client/{company}/{operation}")))
    }
}

impl ProfileId {
    /// The profile that a request creates when no other fits.
    pub fn created_by(request: RequestId) -> Self {
        Self(derived_from(request, &format!("profile/{request}")))
    }

    /// The profile that an operator's command creates.
    pub fn registered_by(company: &CompanyId, operation: OperationId) -> Self {
        Self(derived(&format!("profile/{company}/{operation}")))
    }
}

impl RoomId {
    /// The room that a request opens.
    pub fn opened_by(request: RequestId) -> Self {
        Self(derived_from(request, &format!("room/{request}")))
    }

    /// The room that a request opens after so many of its rooms failed.
    pub fn opened_after(request: RequestId, failed: usize) -> Self {
        match failed {
            0 => Self::opened_by(request),
            _ => Self(derived_from(request, &format!("room/{request}/{failed}"))),
        }
    }
}

impl MessageId {
    /// The `ordinal`th message of a request, counted from 0.
    pub fn of(request: RequestId, ordinal: usize) -> Self {
        Self(derived_from(request, &format!("message/{request}/{ordinal}")))
    }
}

/// A pool: its key is unique only inside its company.
///
/// Written `<company>_<key>`; `_` occurs in neither, so it reads back unambiguously.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PoolId {
    /// The pool's company.
    pub company: CompanyId,
    /// Its name there.
    pub key: PoolKey,
}

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.company, self.key)
    }
}

impl FromStr for PoolId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (company, key) =
            text.split_once('_').ok_or(InvalidId { kind: "a pool", rule: "<company>_<pool>" })?;
        Ok(Self { company: company.parse()?, key: key.parse()? })
    }
}

impl TryFrom<String> for PoolId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<PoolId> for String {
    fn from(id: PoolId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_cannot_smuggle_a_subject() {
        for bad in ["", "a.b", "a*", ">", "A", "a b", "-a", "a-", "a_b", "ä"] {
            assert!(bad.parse::<CompanyId>().is_err(), "{bad:?} was accepted");
        }
        assert_eq!("acme-bank".parse::<CompanyId>().unwrap().as_str(), "acme-bank");
    }

    #[test]
    fn a_pool_id_reads_back() {
        let id: PoolId = "acme-bank_main".parse().unwrap();
        assert_eq!((id.company.as_str(), id.key.as_str()), ("acme-bank", "main"));
        assert_eq!(id.to_string(), "acme-bank_main");
    }

    #[test]
    fn the_same_message_is_the_same_request() {
        assert_eq!(request("wamid.A", 1), request("wamid.A", 1));
        assert_ne!(request("wamid.A", 1), request("wamid.B", 1));
    }

    fn request(wamid: &str, second: i64) -> RequestId {
        let at = Timestamp::from_timestamp(second, 0).unwrap();
        let (company, number) = ("acme".parse().unwrap(), "1".parse().unwrap());
        RequestId::of(&company, &number, &wamid.parse().unwrap(), at)
    }

    #[test]
    fn ids_lie_in_the_order_of_their_messages() {
        let all = |request| {
            let (room, message) = (RoomId::opened_by(request), MessageId::of(request, 0));
            let (client, profile) =
                (ClientId::first_seen_by(request), ProfileId::created_by(request));
            [room.as_uuid(), message.as_uuid(), client.as_uuid(), profile.as_uuid()]
        };
        let moments = [-1, 0, 1, 1_700_000_000, 253_402_300_799];
        let requests: Vec<_> = moments.iter().map(|at| request("wamid.A", *at)).collect();
        // All that are too old begin with the same moment.
        for pair in requests[1..].windows(2) {
            assert!(pair[0] < pair[1]);
            for (earlier, later) in all(pair[0]).into_iter().zip(all(pair[1])) {
                assert!(earlier < later);
                assert_eq!(later.get_version_num(), 8);
            }
        }
        let moment = requests[3].as_uuid().as_u128() >> 80;
        assert_eq!(moment, 1_700_000_000_000);
    }

    #[test]
    fn what_older_requests_led_to_keeps_its_ids() {
        let request = RequestId(derived("request/acme/1/wamid.A"));
        assert_eq!(RoomId::opened_by(request).0, derived(&format!("room/{request}")));
        assert_eq!(MessageId::of(request, 1).0, derived(&format!("message/{request}/1")));
    }
}
