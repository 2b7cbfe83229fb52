//! Which texts a client reads, and which words it is heard by.

use std::collections::{BTreeMap, HashMap};

use domain::Language;
use domain::consent::{START_WORD, STOP_WORD, Wish, Word};
use domain::identity::Country;
use domain::texts::Texts;

use crate::model::Company;

/// The texts of a company, ready for each language, and the words that it listens to.
pub(super) struct Words {
    default: InLanguage,
    by_language: BTreeMap<Language, InLanguage>,
    by_country: HashMap<Country, Language>,
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
        let by_country = &company.languages_by_country;
        let languages = company.texts.keys().chain(by_country.values());
        let languages = languages.chain([&company.default_language]);
        Self {
            default: in_language(&company.default_language),
            by_language: languages.map(|it| (it.clone(), in_language(it))).collect(),
            by_country: by_country.iter().map(|(c, language)| (*c, language.clone())).collect(),
            wishes: wishes(company),
        }
    }

    /// The languages that the company says things in.
    pub(super) fn languages(&self) -> impl Iterator<Item = &Language> {
        self.by_language.keys()
    }

    /// In the client's own language if the company has it, else in the country's if it has one,
    /// else in the company's.
    pub(super) fn for_client(&self, own: Option<&Language>, country: Option<Country>) -> &Texts {
        &self.in_language_of(own, country).texts
    }

    /// By which word such a client gets templates again.
    pub(super) fn start_word(&self, own: Option<&Language>, country: Option<Country>) -> &str {
        &self.in_language_of(own, country).start_word
    }

    /// What a text says about templates, if it is one of the company's words and nothing else.
    pub(super) fn wish(&self, text: &str) -> Option<Wish> {
        self.wishes.get(&text.parse::<Word>().ok()?).copied()
    }

    fn in_language_of(&self, own: Option<&Language>, country: Option<Country>) -> &InLanguage {
        let own = own.and_then(|language| self.by_language.get(language));
        let of_country = || self.by_language.get(self.by_country.get(&country?)?);
        own.or_else(of_country).unwrap_or(&self.default)
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
