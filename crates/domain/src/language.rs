//! A language, as WhatsApp names it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language as WhatsApp writes it in templates: `en`, `fil`, `pt_BR`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Language(String);

/// Why a text is not a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a language must be written as WhatsApp does: 'en', 'de' or 'pt_BR'")]
pub struct InvalidLanguage;

impl Language {
    /// The language as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Language {
    fn default() -> Self {
        Self("en".to_owned())
    }
}

impl FromStr for Language {
    type Err = InvalidLanguage;

    fn from_str(text: &str) -> Result<Self, InvalidLanguage> {
        let (language, region) = match text.split_once('_') {
            Some((language, region)) => (language, Some(region)),
            None => (text, None),
        };
        let fits = matches!(language.len(), 2 | 3)
            && language.bytes().all(|b| b.is_ascii_lowercase())
            && region.is_none_or(|r| r.len() == 2 && r.bytes().all(|b| b.is_ascii_uppercase()));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidLanguage) }
    }
}

impl TryFrom<String> for Language {
    type Error = InvalidLanguage;

    fn try_from(text: String) -> Result<Self, InvalidLanguage> {
        text.parse()
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_written_as_whatsapp_does() {
        for good in ["en", "fil", "pt_BR", "zh_CN"] {
            assert!(good.parse::<Language>().is_ok(), "{good}");
        }
        for bad in ["", "EN", "english", "pt-BR", "pt_br", "en_", "e"] {
            assert!(bad.parse::<Language>().is_err(), "{bad}");
        }
    }
}
