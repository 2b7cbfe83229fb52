//! Which texts a client reads.

use std::collections::{BTreeMap, HashMap};

use domain::Language;
use domain::identity::Country;
use domain::texts::Texts;

use crate::model::Company;

/// The texts of a company, ready for each language.
pub(super) struct Words {
    default: Texts,
    by_language: BTreeMap<Language, Texts>,
    by_country: HashMap<Country, Language>,
}

impl Words {
    pub(super) fn new(company: &Company) -> Self {
        let by_country = &company.languages_by_country;
        let languages = company.texts.keys().chain(by_country.values());
        let languages = languages.chain([&company.default_language]);
        let worded = languages.map(|language| (language.clone(), texts(company, language)));
        Self {
            default: texts(company, &company.default_language),
            by_language: worded.collect(),
            by_country: by_country.iter().map(|(c, language)| (*c, language.clone())).collect(),
        }
    }

    /// The languages that the company says things in.
    pub(super) fn languages(&self) -> impl Iterator<Item = &Language> {
        self.by_language.keys()
    }

    /// In the client's own language if the company has it, else in the country's if it has one,
    /// else in the company's.
    pub(super) fn for_client(&self, own: Option<&Language>, country: Option<Country>) -> &Texts {
        let own = own.and_then(|language| self.by_language.get(language));
        let of_country = || self.by_language.get(self.by_country.get(&country?)?);
        own.or_else(of_country).unwrap_or(&self.default)
    }
}

/// What one language does not word says the company's default language, and what that
/// does not word either says the product.
fn texts(company: &Company, language: &Language) -> Texts {
    let mut worded = company.texts.get(&company.default_language).cloned().unwrap_or_default();
    worded.extend(company.texts.get(language).cloned().unwrap_or_default());
    Texts { language: language.to_string(), worded }
}
