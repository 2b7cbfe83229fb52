//! Which texts a client reads.

use std::collections::HashMap;

use domain::identity::Country;
use domain::texts::Texts;

use crate::language::Language;
use crate::model::Company;

/// The texts of a company, ready for each country.
pub(super) struct Words {
    default: Texts,
    by_country: HashMap<Country, Texts>,
}

impl Words {
    pub(super) fn new(company: &Company) -> Self {
        let by_country = company.languages_by_country.iter();
        Self {
            default: texts(company, &company.default_language),
            by_country: by_country.map(|(c, language)| (*c, texts(company, language))).collect(),
        }
    }

    /// In the country's language if it has one, else in the company's.
    pub(super) fn for_country(&self, country: Option<Country>) -> &Texts {
        country.and_then(|country| self.by_country.get(&country)).unwrap_or(&self.default)
    }
}

/// What one language does not word says the company's default language, and what that
/// does not word either says the product.
fn texts(company: &Company, language: &Language) -> Texts {
    let mut worded = company.texts.get(&company.default_language).cloned().unwrap_or_default();
    worded.extend(company.texts.get(language).cloned().unwrap_or_default());
    Texts { language: language.to_string(), worded }
}
