//! A token as its holder has it: `onb_<id>_<secret>`, both in hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

const PREFIX: &str = "onb_";
const SECRET: usize = 32;

/// The secret part of a token: 256 random bits, given by whoever makes it.
#[derive(Clone, Copy)]
pub struct Secret([u8; SECRET]);

impl Secret {
    /// From random bytes.
    pub const fn new(random: [u8; SECRET]) -> Self {
        Self(random)
    }

    /// What is kept of it.
    pub(super) fn sha256(&self) -> [u8; SECRET] {
        Sha256::digest(self.0).into()
    }

    /// Whether it is the one of which this was kept. Takes the same time for every wrong one.
    pub(super) fn is_of(&self, sha256: &[u8]) -> bool {
        self.sha256().as_slice().ct_eq(sha256).into()
    }
}

/// Shows nothing of it.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// The whole of a token. [`Display`](fmt::Display) writes it out: to be shown to its holder, once.
#[derive(Clone, Copy, Debug)]
pub struct TokenText {
    /// The part that is no secret.
    pub id: Uuid,
    /// The part that is.
    pub secret: Secret,
}

impl fmt::Display for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}_{}", self.id.simple(), hex::encode(self.secret.0))
    }
}

/// The text is not the text of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is `onb_`, 32 and, after another `_`, 64 hexadecimal digits")]
pub struct NotAToken;

impl FromStr for TokenText {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let rest = text.strip_prefix(PREFIX).ok_or(NotAToken)?;
        let (id, digits) = rest.split_once('_').ok_or(NotAToken)?;
        let mut secret = [0; SECRET];
        hex::decode_to_slice(digits, &mut secret).map_err(|_| NotAToken)?;
        let id = Uuid::try_parse(id).map_err(|_| NotAToken)?;
        Ok(Self { id, secret: Secret(secret) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let token = TokenText { id: Uuid::from_u128(7), secret: Secret::new([0xab; 32]) };
        let text = token.to_string();
        assert_eq!(text.len(), 4 + 32 + 1 + 64);
        let read: TokenText = text.parse().unwrap();
        assert_eq!((read.id, read.secret.0), (token.id, token.secret.0));
        assert!(!format!("{token:?}").contains("ab"), "{token:?}");
    }

    #[test]
    fn only_the_secret_itself_is_the_secret() {
        let kept = Secret::new([1; 32]).sha256();
        assert!(Secret::new([1; 32]).is_of(&kept));
        assert!(!Secret::new([2; 32]).is_of(&kept));
        assert!(!Secret::new([1; 32]).is_of(&kept[..31]));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "onb_", "onb_7_ab", "bearer", "onb_00000000000000000000000000000007_"] {
            assert_eq!(text.parse::<TokenText>().unwrap_err(), NotAToken, "{text}");
        }
    }
}
