//! Whether a client takes templates: the words by which it says so, and which of them counts.
//!
//! It belongs to the client, whoever looks after it and whichever number it writes to. What counts
//! is the message that it sent last, in whichever order messages come in.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::extension::{Extension, folded, visible};
use crate::input::Timestamp;

/// The stop word of companies that name none.
pub const STOP_WORD: &str = "STOP";
/// The start word of companies that name none.
pub const START_WORD: &str = "START";
/// The longest word, in characters.
const MAX_WORD: usize = 64;

/// What a client says about templates.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// It takes them (again).
    Start,
    /// It takes no more.
    Stop,
}

/// What a client said about templates, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Said {
    /// What.
    pub wish: Wish,
    /// When the client sent it, by WhatsApp's clock.
    pub sent_at: Timestamp,
}

impl Said {
    /// Whether it counts where `other` counted until now: the later one does, and of the same
    /// second the one that stops templates.
    pub fn outweighs(&self, other: &Self) -> bool {
        self.weight() > other.weight()
    }

    /// The one that counts.
    pub fn latest(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(|one, next| if next.outweighs(&one) { next } else { one })
    }

    /// WhatsApp tells whole seconds.
    fn weight(self) -> (i64, Wish) {
        (self.sent_at.timestamp(), self.wish)
    }
}

/// A word by which clients say whether they take templates, as it is compared: without white space
/// around it and marks that nobody sees, normalised and folded as extensions are.
///
/// 1 to 64 characters that name no extension. No `Debug`: it may be what a client wrote.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(String);

/// Why a text is no such word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWord {
    /// Nothing can be seen of it.
    #[error("is empty; give a word of 1 to 64 characters")]
    Empty,
    /// It is too long.
    #[error("is too long; a word has at most 64 characters")]
    Long,
    /// It would be an extension.
    #[error("names an extension; a word may not start with # or have a #… in it")]
    Extension,
}

impl FromStr for Word {
    type Err = InvalidWord;

    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        let visible = visible(text);
        let written = visible.trim();
        if written.is_empty() {
            return Err(InvalidWord::Empty);
        }
        if written.chars().nth(MAX_WORD).is_some() {
            return Err(InvalidWord::Long);
        }
        // Most messages name one: they are not folded for nothing.
        if written.starts_with('#') || Extension::find_in(written).is_some() {
            return Err(InvalidWord::Extension);
        }
        let folded = folded(written);
        if folded.starts_with('#') {
            return Err(InvalidWord::Extension);
        }
        match folded.trim() {
            "" => Err(InvalidWord::Empty),
            word => Ok(Self(word.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    fn word(text: &str) -> Option<String> {
        text.parse::<Word>().ok().map(|Word(word)| word)
    }

    #[test]
    fn a_word_is_the_same_however_it_is_written() {
        for text in ["STOP", "stop", " Stop\n", "ＳＴＯＰ", "\u{200e}st\u{200b}op\u{feff}"] {
            assert_eq!(word(text).as_deref(), Some("stop"), "{text:?}");
        }
        assert_eq!(word("STRASSE"), word("Straße"));
        assert_eq!(word("na\u{303}o mais"), word("NÃO MAIS"));
    }

    #[test]
    fn more_or_less_than_a_word_is_another_one() {
        for text in ["STOP.", "STOP STOP", "please stop", "stop!", "sto p", "stopp"] {
            assert_ne!(word(text).as_deref(), Some("stop"), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_word_says_why() {
        let long = "a".repeat(65);
        for (text, why) in [
            ("", InvalidWord::Empty),
            (" \u{200b}\n", InvalidWord::Empty),
            (long.as_str(), InvalidWord::Long),
            ("#stop", InvalidWord::Extension),
            ("＃stop", InvalidWord::Extension),
            ("#", InvalidWord::Extension),
            ("stop #michael", InvalidWord::Extension),
        ] {
            assert_eq!(text.parse::<Word>().err(), Some(why), "{text:?}");
        }
        assert!("a".repeat(64).parse::<Word>().is_ok());
    }

    fn said(wish: Wish, seconds: i64) -> Said {
        Said { wish, sent_at: at(seconds) }
    }

    #[test]
    fn what_was_sent_last_counts_and_of_the_same_second_stop() {
        use Wish::{Start, Stop};
        for (first, second, second_counts) in [
            ((Stop, 1), (Start, 2), true),
            ((Start, 1), (Stop, 2), true),
            ((Stop, 1), (Stop, 2), true),
            ((Start, 2), (Stop, 1), false),
            ((Stop, 2), (Start, 1), false),
            ((Start, 1), (Stop, 1), true),
            ((Stop, 1), (Start, 1), false),
            ((Stop, 1), (Stop, 1), false),
        ] {
            let (before, new) = (said(first.0, first.1), said(second.0, second.1));
            assert_eq!(new.outweighs(&before), second_counts, "{before:?}, {new:?}");
        }
        let moments_later = at(1) + chrono::Duration::milliseconds(900);
        let almost = Said { wish: Start, sent_at: moments_later };
        assert!(!almost.outweighs(&said(Stop, 1)), "it is the same second");
    }

    #[test]
    fn the_order_in_which_they_come_makes_no_difference() {
        let mut all = [said(Wish::Stop, 1), said(Wish::Start, 3), said(Wish::Stop, 2)];
        assert_eq!(Said::latest(all), Some(said(Wish::Start, 3)));
        all.reverse();
        assert_eq!(Said::latest(all), Some(said(Wish::Start, 3)));
        assert_eq!(Said::latest([]), None);
    }
}
