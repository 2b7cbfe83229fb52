//! The extension: the word after `#` by which a client names an employee.

use std::fmt;
use std::str::FromStr;

use caseless::Caseless;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// A user's extension, folded: what `#Michael`, `#michael` and `＃ＭＩＣＨＡＥＬ` share.
///
/// 1 to 64 letters, digits, `_`, `-`, `.` of any script, without a trailing `.`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Extension(String);

/// Why a text is not an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an extension must be 1 to 64 letters, digits, '_', '-' or inner '.'")]
pub struct InvalidExtension;

impl Extension {
    /// The first extension that a text names, if any.
    ///
    /// A token is what stands between white space; the first that starts with
    /// `#` or `＃` and goes on with at least one allowed character counts.
    pub fn find_in(text: &str) -> Option<Self> {
        let visible = visible(text);
        visible.split_whitespace().filter_map(|token| token.strip_prefix(['#', '＃'])).find_map(
            |word| {
                let end = word.find(|c| !is_allowed(c)).unwrap_or(word.len());
                word[..end].parse().ok()
            },
        )
    }

    /// The folded text, without `#`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Extension {
    type Err = InvalidExtension;

    fn from_str(text: &str) -> Result<Self, InvalidExtension> {
        let written = visible(text);
        let written = written.trim_end_matches(['.', '．']);
        let folded = folded(written);
        // What was folded must fit too (`½` becomes three characters): it is read back.
        let folded = folded.trim_end_matches('.');
        if fits(written) && fits(folded) {
            Ok(Self(folded.to_owned()))
        } else {
            Err(InvalidExtension)
        }
    }
}

impl TryFrom<String> for Extension {
    type Error = InvalidExtension;

    fn try_from(text: String) -> Result<Self, InvalidExtension> {
        text.parse()
    }
}

impl From<Extension> for String {
    fn from(extension: Extension) -> Self {
        extension.0
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text without marks that nobody sees.
pub(crate) fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).collect()
}

/// A text as it is compared: whatever its capital letters and the forms of its characters.
pub(crate) fn folded(text: &str) -> String {
    // Folding can undo normalisation and the reverse, hence twice.
    text.nfkc().default_case_fold().nfkc().collect()
}

fn fits(text: &str) -> bool {
    (1..=64).contains(&text.chars().count()) && text.chars().all(is_allowed)
}

/// Letters (with the marks that scripts write on them) and digits of any
/// script, `_`, `-`, `.`.
fn is_allowed(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '_' | '-' | '.' | '＿' | '－' | '．')
        || unicode_normalization::char::is_combining_mark(c)
}

/// Zero-width and bidirectional marks, which keyboards and copying leave behind.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        Extension::find_in(text).map(|e| e.to_string())
    }

    #[test]
    fn the_first_token_that_starts_with_a_hash_counts() {
        for (text, extension) in [
            ("#michael", "michael"),
            ("Hi #Michael, please call", "michael"),
            ("＃ＭＩＣＨＡＥＬ", "michael"),
            ("#dom123456", "dom123456"),
            ("#455567.", "455567"),
            ("#a.b.", "a.b"),
            ("\u{200e}#mi\u{200b}chael", "michael"),
            ("# #anna", "anna"),
            ("#straße", "strasse"),
            ("#Ж-1_x", "ж-1_x"),
            ("#ÉLODIE", "élodie"),
            ("#e\u{301}lodie", "élodie"),
            ("#anna🙂 hello", "anna"),
            ("a #one\n#two", "one"),
            ("#हिन्दी", "हिन्दी"),
        ] {
            assert_eq!(found(text).as_deref(), Some(extension), "{text:?}");
        }
    }

    #[test]
    fn no_extension_is_found_where_none_is() {
        let long = format!("#{}", "a".repeat(65));
        for text in
            ["", "michael", "#", "#.", "# michael", "mail#michael", "#🙂", "##michael", &long]
        {
            assert_eq!(found(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_folds_into_something_else_than_letters_is_no_extension() {
        let long = "ß".repeat(64); // folded, 128 letters
        for text in ["½", "⑴", "ﷺ", &long] {
            assert!(text.parse::<Extension>().is_err(), "{text:?}");
        }
        assert_eq!("⒈".parse::<Extension>().unwrap().as_str(), "1", "a trailing dot is no part");
    }

    proptest::proptest! {
        /// It stands in recorded decisions, so it must read back from there.
        #[test]
        fn an_extension_reads_back_as_it_was_written(text in "[\\pL\\pN\\pM_.-]{1,12}") {
            if let Ok(extension) = text.parse::<Extension>() {
                let again = extension.as_str().parse::<Extension>();
                proptest::prop_assert_eq!(again, Ok(extension));
            }
        }

        #[test]
        fn what_a_user_was_given_is_what_a_client_may_write(
            word in "[\\pL\\pN_.-]{1,12}",
            before in "[a-z ]{0,5} ",
        ) {
            if let Ok(extension) = word.parse::<Extension>() {
                let written = format!("{before}#{word}");
                proptest::prop_assert_eq!(Extension::find_in(&written), Some(extension));
            }
        }
    }
}
