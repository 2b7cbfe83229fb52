//! The words by which clients say whether they take templates.

use std::collections::BTreeMap;

use domain::Language;
use domain::consent::{START_WORD, STOP_WORD, Word};

use super::spot::{Record, Spot};
use super::texts::pairs;

/// The words, by language, as they are written.
pub(super) struct Words {
    pub(super) stop: BTreeMap<Language, Vec<String>>,
    pub(super) start: BTreeMap<Language, Vec<String>>,
}

/// Reads `stop_words` and `start_words`.
pub(super) fn read(company: &Record<'_>, default_language: &Language) -> Words {
    let stop: Given<'_> = pairs(company, "stop_words", words);
    let start: Given<'_> = pairs(company, "start_words", words);
    let product_stops = product(&stop, default_language, STOP_WORD);
    let product_starts = product(&start, default_language, START_WORD);
    let stops = |word: &Word| {
        product_stops.as_ref() == Some(word) || all(&stop).any(|one| one.word == *word)
    };
    for one in all(&start).filter(|one| stops(&one.word)) {
        one.spot.fault("is a stop word too; a word can only mean one of the two");
    }
    for one in all(&stop).filter(|one| product_starts.as_ref() == Some(&one.word)) {
        one.spot.fault(format!(
            "is the start word where a company names none; give another one in \
             start_words.{default_language}"
        ));
    }
    if product_starts.is_none()
        && all(&start).next().is_none()
        && let Some(spot) = company.optional("start_words")
    {
        spot.fault("has no word; who has stopped templates needs one to get them again");
    }
    Words { stop: written(stop), start: written(start) }
}

type Given<'a> = BTreeMap<Language, Vec<GivenWord<'a>>>;

struct GivenWord<'a> {
    written: &'a str,
    word: Word,
    spot: Spot<'a>,
}

/// The words of one language; a list without words is one too.
fn words<'a>(list: &Spot<'a>) -> Option<Vec<GivenWord<'a>>> {
    let read = |spot: Spot<'a>| {
        let written = spot.text()?.trim();
        let word = spot.parsed()?;
        Some(GivenWord { written, word, spot })
    };
    Some(list.items()?.into_iter().filter_map(read).collect())
}

/// The product's own word, where the company names none for its default language.
fn product(given: &Given<'_>, default_language: &Language, own: &str) -> Option<Word> {
    let counts = !given.contains_key(default_language);
    own.parse().ok().filter(|_| counts)
}

fn all<'g, 'a>(given: &'g Given<'a>) -> impl Iterator<Item = &'g GivenWord<'a>> {
    given.values().flatten()
}

fn written(given: Given<'_>) -> BTreeMap<Language, Vec<String>> {
    let texts = |words: &[GivenWord<'_>]| -> Vec<String> {
        words.iter().map(|one| one.written.to_owned()).collect()
    };
    given.into_iter().map(|(language, words)| (language, texts(&words))).collect()
}
