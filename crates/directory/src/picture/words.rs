//! Which texts a client reads, and which words it is heard by.

use std::collections::{BTreeMap, HashMap};

use domain::consent::{START_WORD, STOP_WORD, Wish, Word};
use domain::identity::Country;
use domain::texts::Texts;

use crate::language::Language;
use crate::model::Company;

/// The texts of a company, ready for each country, and the words that it listens to.
pub(super) struct Words {
    default: InLanguage,
    by_country: HashMap<Country, InLanguage>,
    /// Those of all languages: a client may write in any.
    wishes: HashMap<Word, Wish>,
}

struct InLanguage {
    texts: Texts,
    start_word: String,
}

impl Words {
    pub(super) fn new(company: &Company) -> Self {
        let in_language = |language: &Language| InLanguage {
            texts: texts(company, language),
            start_word: start_word(company, language).to_owned(),
        };
        let by_country = company.languages_by_country.iter();
        Self {
            default: in_language(&company.default_language),
            by_country: by_country.map(|(c, language)| (*c, in_language(language))).collect(),
            wishes: wishes(company),
        }
    }

    /// In the country's language if it has one, else in the company's.
    pub(super) fn for_country(&self, country: Option<Country>) -> &Texts {
        &self.in_language_of(country).texts
    }

    /// By which word clients of a country get templates again.
    pub(super) fn start_word(&self, country: Option<Country>) -> &str {
        &self.in_language_of(country).start_word
    }

    /// What a text says about templates, if it is one of the company's words and nothing else.
    pub(super) fn wish(&self, text: &str) -> Option<Wish> {
        self.wishes.get(&text.parse::<Word>().ok()?).copied()
    }

    fn in_language_of(&self, country: Option<Country>) -> &InLanguage {
        country.and_then(|country| self.by_country.get(&country)).unwrap_or(&self.default)
    }
}

/// The first word of the language; where it has none, as with texts, that of the default language,
/// and else the product's own.
fn start_word<'a>(company: &'a Company, language: &Language) -> &'a str {
    let given = |language: &Language| company.start_words.get(language).and_then(|it| it.first());
    let of_default = || given(&company.default_language);
    let own = || company.start_words.values().flatten().next();
    let has_default = company.start_words.contains_key(&company.default_language);
    let word = given(language).or_else(of_default).or_else(|| own().filter(|_| has_default));
    word.map_or(START_WORD, String::as_str)
}

fn wishes(company: &Company) -> HashMap<Word, Wish> {
    let words = |given: &BTreeMap<Language, Vec<String>>, own: &str, wish: Wish| {
        let own = (!given.contains_key(&company.default_language)).then_some(own);
        let all = given.values().flatten().map(String::as_str).chain(own);
        all.filter_map(|word| Some((word.parse::<Word>().ok()?, wish))).collect::<Vec<_>>()
    };
    let starts = words(&company.start_words, START_WORD, Wish::Start);
    let stops = words(&company.stop_words, STOP_WORD, Wish::Stop);
    starts.into_iter().chain(stops).collect()
}

/// What one language does not word says the company's default language, and what that
/// does not word either says the product.
fn texts(company: &Company, language: &Language) -> Texts {
    let mut worded = company.texts.get(&company.default_language).cloned().unwrap_or_default();
    worded.extend(company.texts.get(language).cloned().unwrap_or_default());
    Texts { language: language.to_string(), worded }
}
