//! Languages, and what a company words itself.

use std::collections::BTreeMap;
use std::str::FromStr;

use domain::identity::Country;
use domain::texts::{MAX_TEXT, TextKey, placeholders_in};

use super::spot::{Record, Spot};
use domain::Language;

/// What a company says in which language.
pub(super) struct Languages {
    pub(super) default_language: Language,
    pub(super) texts: BTreeMap<Language, BTreeMap<TextKey, String>>,
    pub(super) by_country: BTreeMap<Country, Language>,
}

/// Reads `default_language`, `texts` and `languages_by_country`.
pub(super) fn read(company: &Record<'_>) -> Languages {
    let default_language =
        company.optional("default_language").and_then(|spot| spot.parsed()).unwrap_or_default();
    let texts = pairs(company, "texts", |spot| Some((spot.clone(), worded(spot)?)));
    require_translations(&default_language, &texts);
    let texts: BTreeMap<Language, BTreeMap<TextKey, String>> =
        texts.into_iter().map(|(language, (_, worded))| (language, worded)).collect();
    let by_country = country_pairs(company, "languages_by_country", |spot| {
        let language: Language = spot.parsed()?;
        if language != default_language && !texts.contains_key(&language) {
            spot.fault(format!(
                "'{language}' has no texts; add texts.{language} or choose another language"
            ));
        }
        Some(language)
    });
    Languages { default_language, texts, by_country }
}

/// A client reads one language: what the default one words, each other one words too.
fn require_translations(
    default_language: &Language,
    texts: &BTreeMap<Language, (Spot<'_>, BTreeMap<TextKey, String>)>,
) {
    let Some((_, wanted)) = texts.get(default_language) else { return };
    for (spot, worded) in texts.values() {
        let lacks = wanted.keys().filter(|key| !worded.contains_key(key));
        let lacks: Vec<_> = lacks.map(|key| key.as_str()).collect();
        if !lacks.is_empty() {
            spot.fault(format!(
                "lacks {}, which {default_language} words: a client would read both languages",
                lacks.join(", ")
            ));
        }
    }
}

/// A mapping from countries.
pub(super) fn country_pairs<'a, V>(
    record: &Record<'a>,
    field: &'static str,
    value: impl Fn(&Spot<'a>) -> Option<V>,
) -> BTreeMap<Country, V> {
    pairs::<KnownCountry, V>(record, field, value)
        .into_iter()
        .map(|(KnownCountry(country), value)| (country, value))
        .collect()
}

/// A country that phone numbers can be from.
pub(super) fn country(spot: &Spot<'_>) -> Option<Country> {
    spot.parsed().map(|KnownCountry(country)| country)
}

/// A mapping whose keys and values have forms of their own.
pub(super) fn pairs<'a, K: FromStr<Err: std::fmt::Display> + Ord, V>(
    record: &Record<'a>,
    field: &'static str,
    value: impl Fn(&Spot<'a>) -> Option<V>,
) -> BTreeMap<K, V> {
    let entries = record.optional(field).map(|spot| spot.entries()).unwrap_or_default();
    let read = |(key, spot): (&'a str, Spot<'a>)| {
        let key = key.parse::<K>().map_err(|error| spot.fault(error.to_string())).ok();
        let value = value(&spot);
        Some((key?, value?))
    };
    entries.into_iter().filter_map(read).collect()
}

fn worded(language: &Spot<'_>) -> Option<BTreeMap<TextKey, String>> {
    let known = TextKey::ALL.map(TextKey::as_str);
    let record = language.record(&known)?;
    let text = |key: TextKey| {
        let spot = record.given(key.as_str())?;
        let text = spot.text()?;
        check_text(&spot, key, text);
        Some((key, text.to_owned()))
    };
    Some(TextKey::ALL.into_iter().filter_map(text).collect())
}

fn check_text(spot: &Spot<'_>, key: TextKey, text: &str) {
    if text.trim().is_empty() {
        spot.fault("is empty; word it, or leave it out to use the default");
    }
    let length = text.chars().count();
    if length > MAX_TEXT {
        spot.fault(format!("has {length} characters; WhatsApp takes at most {MAX_TEXT}"));
    }
    for name in placeholders_in(text) {
        if !key.placeholders().contains(&name) {
            let known: Vec<_> = key.placeholders().iter().map(|p| format!("{{{p}}}")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            spot.fault(format!("unknown placeholder {{{name}}}; this text may use {known}"));
        }
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct KnownCountry(Country);

impl FromStr for KnownCountry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let country: Country = text.parse().map_err(|error| format!("{error}"))?;
        match text.parse::<phonenumber::country::Id>() {
            Ok(_) => Ok(Self(country)),
            Err(_) if text == "UK" => Err("there is no country UK; write GB".to_owned()),
            Err(_) => Err(format!("there is no country {text} with phone numbers (ISO 3166-1)")),
        }
    }
}
