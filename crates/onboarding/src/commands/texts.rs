//! `onboarding texts preview`: what clients would read, from a directory file that need not be
//! applied.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use directory::{Company, Picture};
use domain::ids::{CompanyId, PhoneNumberId};
use domain::texts::{TextKey, Texts};

/// Prints every text of every company of a file, in each language that its clients read.
///
/// # Errors
/// The file can't be read; its faults are printed.
pub fn preview(file: &Path, company: Option<&CompanyId>) -> anyhow::Result<ExitCode> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let directory = match directory::parse_and_validate(&text) {
        Ok(directory) => directory,
        Err(faults) => {
            for fault in &faults {
                eprintln!("{}:{fault}", file.display());
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut shown = 0;
    for one in directory.companies() {
        if company.is_none_or(|wanted| one.id == *wanted) {
            print!("{}", texts_of(one));
            shown += 1;
        }
    }
    anyhow::ensure!(shown > 0, "the file has no such company");
    Ok(ExitCode::SUCCESS)
}

/// The texts of one company.
fn texts_of(company: &Company) -> String {
    let picture = Picture::new(0, company.clone());
    let others = picture.languages().filter(|language| **language != company.default_language);
    let mut shown = String::new();
    for language in std::iter::once(&company.default_language).chain(others) {
        let texts = picture.company_facts_for(Some(language), None).texts;
        let is_default = *language == company.default_language;
        let of_countries = company.languages_by_country.values().any(|known| known == language);
        let who = match (is_default, of_countries) {
            (true, _) => " (default)",
            (false, true) => "",
            (false, false) => " (no country's: only of clients whose profile says so)",
        };
        let word = picture.start_word(Some(language), None);
        show(company, &texts, (who, word), &mut shown);
    }
    shown
}

fn show(company: &Company, texts: &Texts, (who, word): (&str, &str), shown: &mut String) {
    let language = &texts.language;
    let _ = writeln!(shown, "{}, {language}{who}", company.id);
    let values = examples(company, word);
    let values: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for key in TextKey::ALL {
        let from = if texts.worded.contains_key(&key) {
            ""
        } else if key.default_text().is_empty() {
            "  [not said]"
        } else {
            "  [product's own, in English]"
        };
        let _ = writeln!(shown, "  {:<20} {}{from}", key.as_str(), texts.render(key, &values));
    }
    let value =
        |name| values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
    let (user, name) = (value("user"), &company.name);
    let _ = writeln!(shown, "  template invitation ({language}): {user}, {name}");
    let _ = writeln!(shown, "  template resume_conversation ({language}): {user}\n");
}

/// Values for the placeholders, the company's own where it has them.
fn examples(company: &Company, word: &str) -> [(&'static str, String); 4] {
    let user = company.users.iter().find(|user| user.active);
    let user = user.map_or_else(|| "Michael Stone".to_owned(), |user| user.name.expose().clone());
    let pool = company.pools.first();
    let display = |number: Option<&PhoneNumberId>| {
        let accounts = &company.official_accounts;
        let account = accounts.iter().find(|account| Some(&account.phone_number_id) == number);
        account.map_or_else(|| "+12025550100".to_owned(), |one| one.display_number.to_string())
    };
    let secondary = pool.and_then(|pool| pool.secondaries.first());
    [
        ("user", user),
        ("primary", display(pool.map(|pool| &pool.primary))),
        ("secondary", display(secondary.map(|one| &one.phone_number_id))),
        ("word", word.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview(texts: &str) -> String {
        let file = format!(
            "companies:
  - id: acme
    name: Acme
    languages_by_country: {{ DE: de }}
    texts: {texts}
    organizational_units: [{{ id: all, name: All }}]
    users: [{{ id: anna, name: Anna Bell, ou: all, extension: anna }}]
"
        );
        texts_of(&directory::parse_and_validate(&file).unwrap().companies()[0])
    }

    #[test]
    fn each_language_is_shown_as_its_clients_read_it() {
        let shown = preview(
            "{ en: { prospect: \"Wait for {user}.\" }, de: { reminder: Hier!, prospect: \"{user} kommt.\" } }",
        );
        let (english, german) = shown.split_once("acme, de\n").unwrap();
        assert!(english.starts_with("acme, en (default)\n"), "{english}");
        assert!(english.contains("  prospect             Wait for Anna Bell.\n"), "{english}");
        assert!(english.contains("[product's own, in English]"), "{english}");
        assert!(german.contains("  reminder             Hier!\n"), "{german}");
        assert!(german.contains("  prospect             Anna Bell kommt.\n"), "{german}");
        assert!(german.contains("template invitation (de): Anna Bell, Acme\n"), "{german}");
    }

    #[test]
    fn the_word_that_a_text_names_is_the_languages_own() {
        let shown = preview("{ de: { reminder: Hier! } }\n    start_words: { de: [WEITER] }");
        let (english, german) = shown.split_once("acme, de\n").unwrap();
        assert!(english.contains("Write START to get them again."), "{english}");
        assert!(german.contains("Write WEITER to get them again."), "{german}");
    }

    #[test]
    fn a_language_that_no_country_reads_is_shown_and_named() {
        let shown = preview("{ de: { reminder: Hier! }, fr: { reminder: Ici! } }");
        let (_, french) = shown.split_once("acme, fr (no country's: ").unwrap();
        assert!(french.contains("  reminder             Ici!\n"), "{french}");
    }
}
