//! Who a client is to WhatsApp: phone numbers, `wa_id`s, business-scoped user ids.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::personal::Personal;

/// Why a text is not an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentity {
    /// Not 7 to 15 digits, or a leading zero.
    #[error("a phone number must be in international format: + and 7 to 15 digits")]
    Phone,
    /// Not 5 to 20 digits.
    #[error("a wa_id must be 5 to 20 digits")]
    WaId,
    /// Not two capital letters, a dot and 1 to 128 letters or digits.
    #[error("a bsuid must be two capital letters, a dot and 1 to 128 letters or digits")]
    Bsuid,
    /// Not two capital letters.
    #[error("a country must be two capital letters (ISO 3166-1)")]
    Country,
}

macro_rules! text_value {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = InvalidIdentity;

            fn try_from(text: String) -> Result<Self, InvalidIdentity> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

/// A country, ISO 3166-1 alpha-2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Country([u8; 2]);
text_value!(Country);

impl FromStr for Country {
    type Err = InvalidIdentity;

    fn from_str(text: &str) -> Result<Self, InvalidIdentity> {
        match text.as_bytes() {
            &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([a, b])),
            _ => Err(InvalidIdentity::Country),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A phone number in E.164. Reads with or without `+`, blanks, hyphens and
/// brackets; writes `+<digits>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PhoneNumber(String);
text_value!(PhoneNumber);

impl FromStr for PhoneNumber {
    type Err = InvalidIdentity;

    fn from_str(text: &str) -> Result<Self, InvalidIdentity> {
        let text = text.trim();
        let digits: String = text
            .strip_prefix('+')
            .unwrap_or(text)
            .chars()
            .filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.'))
            .collect();
        let fits = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if fits { Ok(Self(digits)) } else { Err(InvalidIdentity::Phone) }
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(***)")
    }
}

impl PhoneNumber {
    /// The digits without `+`, as in a `wa.me` link.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The country by libphonenumber's rules; for a calling code that several
    /// countries share and a number that no plan knows, the code's main country.
    pub fn country(&self) -> Option<Country> {
        let number = phonenumber::parse(None, self.to_string()).ok()?;
        let id = number.country().id().map(|id| id.as_ref().to_owned());
        let main = || {
            static PLANS: LazyLock<&phonenumber::metadata::Database> =
                LazyLock::new(|| &phonenumber::metadata::DATABASE);
            PLANS
                .by_code(&number.code().value())
                .and_then(|plans| plans.first().map(|plan| plan.id().to_owned()))
        };
        id.or_else(main)?.parse().ok()
    }

    /// The same line as WhatsApp may also write it. For lookup only: what was
    /// received stays the address to send to.
    ///
    /// Brazil's mobiles with and without the ninth digit, Mexico's with and
    /// without `1`, Argentina's with and without `9`.
    pub fn variants(&self) -> Vec<Self> {
        let swapped = if let Some(rest) = self.0.strip_prefix("55") {
            brazilian_variant(rest).map(|rest| format!("55{rest}"))
        } else if let Some(rest) = self.0.strip_prefix("521").filter(|r| r.len() == 10) {
            Some(format!("52{rest}"))
        } else if let Some(rest) = self.0.strip_prefix("52").filter(|r| r.len() == 10) {
            Some(format!("521{rest}"))
        } else if let Some(rest) = self.0.strip_prefix("549").filter(|r| r.len() == 10) {
            Some(format!("54{rest}"))
        } else {
            self.0.strip_prefix("54").filter(|r| r.len() == 10).map(|rest| format!("549{rest}"))
        };
        swapped.map(Self).into_iter().collect()
    }
}

/// `DD 9XXXXXXXX` ⇄ `DD XXXXXXXX`; only subscriber numbers from 6 up are mobiles.
fn brazilian_variant(rest: &str) -> Option<String> {
    let (area, subscriber) = rest.split_at_checked(2)?;
    let is_mobile = |s: &str| s.starts_with(['6', '7', '8', '9']);
    match subscriber.len() {
        9 => subscriber.strip_prefix('9').filter(|s| is_mobile(s)).map(|s| format!("{area}{s}")),
        8 if is_mobile(subscriber) => Some(format!("{area}9{subscriber}")),
        _ => None,
    }
}

/// WhatsApp's account id of a client: digits, mostly those of a phone number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct WaId(String);
text_value!(WaId);

impl WaId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WaId {
    type Err = InvalidIdentity;

    fn from_str(text: &str) -> Result<Self, InvalidIdentity> {
        if (5..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidIdentity::WaId)
        }
    }
}

impl fmt::Display for WaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for WaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WaId(***)")
    }
}

/// A business-scoped user id, `^[A-Z]{2}\.[A-Za-z0-9]{1,128}$`: the same on the
/// primary and on every secondary of one business portfolio.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Bsuid(String);
text_value!(Bsuid);

impl Bsuid {
    /// The id as WhatsApp writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country in its prefix.
    pub fn country(&self) -> Option<Country> {
        self.0.get(..2)?.parse().ok()
    }
}

impl FromStr for Bsuid {
    type Err = InvalidIdentity;

    fn from_str(text: &str) -> Result<Self, InvalidIdentity> {
        let (country, id) = text.split_once('.').ok_or(InvalidIdentity::Bsuid)?;
        let fits = country.parse::<Country>().is_ok()
            && (1..=128).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric());
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidIdentity::Bsuid) }
    }
}

impl fmt::Display for Bsuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Bsuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bsuid(***)")
    }
}

/// One thing that leads to a client; each is unique in a company.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Identifier {
    /// Business-scoped user id.
    Bsuid(Bsuid),
    /// WhatsApp account id.
    WaId(WaId),
    /// Phone number in E.164.
    Phone(PhoneNumber),
}

impl Identifier {
    /// `bsuid`, `wa_id` or `phone`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Bsuid(_) => "bsuid",
            Self::WaId(_) => "wa_id",
            Self::Phone(_) => "phone",
        }
    }

    /// The digits of a number; `None` for an id that has nothing to do with one.
    pub fn digits(&self) -> Option<&str> {
        match self {
            Self::Bsuid(_) => None,
            Self::WaId(id) => Some(id.as_str()),
            Self::Phone(number) => Some(number.digits()),
        }
    }

    /// The value as text, as it is stored.
    pub fn value(&self) -> String {
        match self {
            Self::Bsuid(id) => id.to_string(),
            Self::WaId(id) => id.to_string(),
            Self::Phone(number) => number.to_string(),
        }
    }
}

/// What one message tells about who wrote it. At least one of `bsuid`, `wa_id`
/// and `phone` is there; a phone is never invented from the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sender {
    /// Business-scoped user id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bsuid: Option<Personal<Bsuid>>,
    /// WhatsApp account id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wa_id: Option<Personal<WaId>>,
    /// The phone number that WhatsApp named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Personal<PhoneNumber>>,
    /// The name that the client gave itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Personal<String>>,
}

impl Sender {
    /// Everything that leads to the client, strongest first.
    pub fn identifiers(&self) -> Vec<Identifier> {
        let bsuid = self.bsuid.iter().map(|id| Identifier::Bsuid(id.expose().clone()));
        let wa_id = self.wa_id.iter().map(|id| Identifier::WaId(id.expose().clone()));
        let phone = self.phone.iter().map(|id| Identifier::Phone(id.expose().clone()));
        bsuid.chain(wa_id).chain(phone).collect()
    }

    /// Identifiers that may lead to a profile of this client although they were
    /// not received: see [`PhoneNumber::variants`].
    pub fn lookup_variants(&self) -> Vec<Identifier> {
        self.phone
            .iter()
            .flat_map(|phone| phone.expose().variants())
            .map(Identifier::Phone)
            .collect()
    }

    /// The client's country: from the phone, else from the bsuid's prefix.
    pub fn country(&self) -> Option<Country> {
        let from_phone = self.phone.as_ref().and_then(|phone| phone.expose().country());
        from_phone.or_else(|| self.bsuid.as_ref().and_then(|id| id.expose().country()))
    }

    /// Where an answer goes: what was received, a phone before a bsuid.
    /// `None` only if the sender names nobody.
    pub fn address(&self) -> Option<Recipient> {
        let by_phone = self.phone.as_ref().map(|p| p.expose().clone());
        let by_wa_id = || self.wa_id.as_ref().and_then(|id| id.expose().as_str().parse().ok());
        by_phone
            .or_else(by_wa_id)
            .map(Recipient::Phone)
            .or_else(|| self.bsuid.as_ref().map(|id| Recipient::Bsuid(id.expose().clone())))
    }
}

/// Where WhatsApp is asked to deliver a message.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Recipient {
    /// The request's `to`.
    Phone(PhoneNumber),
    /// The request's `recipient`.
    Bsuid(Bsuid),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(text: &str) -> PhoneNumber {
        text.parse().unwrap()
    }

    #[test]
    fn the_country_is_libphonenumbers() {
        for (number, country) in [
            ("+447700900123", "GB"),
            ("+12025550100", "US"),
            ("+16135550123", "CA"),
            ("+4915112345678", "DE"),
            ("+33639980001", "FR"),
            ("+15555550100", "US"),
        ] {
            assert_eq!(phone(number).country(), Some(country.parse().unwrap()), "{number}");
        }
    }

    #[test]
    fn variants_are_those_of_three_countries() {
        for (a, b) in [
            ("+5511987654321", "+551187654321"),
            ("+5215512345678", "+525512345678"),
            ("+5491123456789", "+541123456789"),
        ] {
            assert_eq!(phone(a).variants(), [phone(b)]);
            assert_eq!(phone(b).variants(), [phone(a)]);
        }
        assert!(phone("+551131234567").variants().is_empty(), "a landline has none");
        assert!(phone("+447700900123").variants().is_empty());
    }

    #[test]
    fn nothing_that_is_no_identity_is_taken_for_one() {
        for bad in ["", "+", "12345", "+0123456789", "+1234567890123456", "+44x7700900123"] {
            assert!(bad.parse::<PhoneNumber>().is_err(), "{bad:?}");
        }
        for bad in ["US", "us.a", "US.", "US.a-b", "USA.a"] {
            assert!(bad.parse::<Bsuid>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_client_with_a_bsuid_only_has_a_country_and_an_address() {
        let sender = Sender {
            bsuid: Some(Personal::new("GB.abc123".parse().unwrap())),
            ..Sender::default()
        };
        assert_eq!(sender.country(), Some("GB".parse().unwrap()));
        assert_eq!(sender.address(), Some(Recipient::Bsuid("GB.abc123".parse().unwrap())));
    }
}
