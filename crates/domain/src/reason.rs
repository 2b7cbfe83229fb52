//! Why an operator did something, in their own words.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most characters that a reason has.
const MOST: usize = 500;

/// What an operator says of why, for the record: 1 to 500 characters on one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Reason(String);

/// Why a text is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reason must be 1 to 500 characters on one line")]
pub struct InvalidReason;

impl Reason {
    /// The reason as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reason {
    type Err = InvalidReason;

    fn from_str(text: &str) -> Result<Self, InvalidReason> {
        let text = text.trim();
        let fits = (1..=MOST).contains(&text.chars().count()) && !text.contains(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidReason) }
    }
}

impl TryFrom<String> for Reason {
    type Error = InvalidReason;

    fn try_from(text: String) -> Result<Self, InvalidReason> {
        text.parse()
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something_on_one_line() {
        assert_eq!(" a test ".parse::<Reason>().unwrap().as_str(), "a test");
        assert!("ä".repeat(500).parse::<Reason>().is_ok());
        for bad in ["", "  ", "one\ntwo", "nul\0", &"x".repeat(501)] {
            assert_eq!(bad.parse::<Reason>(), Err(InvalidReason), "{bad:?}");
        }
    }
}
