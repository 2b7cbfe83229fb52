//! What decisions look up in a company's picture.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use directory::{Picture, parse_and_validate};
use domain::Personal;
use domain::company::Line;
use domain::consent::Wish;
use domain::identity::{Country, Sender};
use domain::texts::TextKey;

const COMPANY: &str = "
companies:
- id: acme
  name: ACME Bank
  default_language: en
  features: {auto_promotion: false, unique_phone_number: true}
  timing: {quarantine_days: 7}
  texts:
    en: {prospect: 'EN prospect', redirect: 'EN redirect'}
    de: {prospect: 'DE prospect', redirect: 'DE redirect'}
  languages_by_country: {DE: de, AT: de}
  external_companies: [{id: north, name: North}]
  organizational_units:
  - {id: root, name: Root}
  - {id: middle, name: Middle, parent: root}
  - {id: leaf, name: Leaf, parent: middle}
  - {id: bare, name: Bare, parent: leaf}
  - {id: twin, name: Twin, parent: bare}
  - {id: stop, name: Stop, parent: middle}
  - {id: alone, name: Alone}
  users:
  - {id: anna, name: Anna, ou: leaf, extension: Straße, external_companies: [north]}
  - {id: ben, name: Ben, ou: leaf, extension: ben, active: false}
  - {id: carl, name: Carl, ou: leaf}
  official_accounts:
  - {phone_number_id: 1, display_number: +12025550101, app: main, configuration_broken: true}
  - {phone_number_id: 2, display_number: +12025550102, app: main}
  - {phone_number_id: 3, display_number: +447700900003, app: main}
  - {phone_number_id: 4, display_number: +447700900004, app: main}
  - {phone_number_id: 5, display_number: +447700900005, app: main}
  - {phone_number_id: 9, display_number: +5511987654321, app: other}
  pools:
  - {id: root-pool, primary: 1, organizational_units: [root], default_region: GB, fallback_upward: true}
  - id: leaf-pool
    primary: 2
    secondaries: [{phone_number_id: 3, capacity: 7}, {phone_number_id: 4, country: IE}]
    organizational_units: [leaf, twin]
    geography: {CA: US}
    fallback_upward: true
  - {id: stop-pool, primary: 5, organizational_units: [stop]}
";

fn picture() -> Picture {
    let directory = parse_and_validate(COMPANY).unwrap_or_else(|faults| panic!("{faults:#?}"));
    Picture::new(4, directory.companies()[0].clone())
}

fn country(text: &str) -> Option<Country> {
    Some(text.parse().unwrap())
}

#[test]
fn facts_of_the_company_name_their_version() {
    let facts = picture().company_facts(None);
    assert_eq!((facts.directory_version, facts.name.as_str()), (4, "ACME Bank"));
    assert!(!facts.auto_promotion && facts.unique_phone_number);
    assert_eq!((facts.timing.quarantine, facts.timing.reminder_interval), (7 * 86_400, 60));
}

#[test]
fn a_client_reads_its_countrys_language_or_the_companys() {
    let picture = picture();
    for (from, language, words) in [
        (country("DE"), "de", ["DE prospect", "DE redirect"]),
        (country("AT"), "de", ["DE prospect", "DE redirect"]),
        (country("FR"), "en", ["EN prospect", "EN redirect"]),
        (None, "en", ["EN prospect", "EN redirect"]),
    ] {
        let texts = picture.company_facts(from).texts;
        assert_eq!(texts.language, language);
        assert_eq!([TextKey::Prospect, TextKey::Redirect].map(|it| texts.render(it, &[])), words);
        let default = TextKey::UserNotFound;
        assert_eq!(texts.render(default, &[]), default.default_text());
    }
}

/// The company with these words.
fn with_words(words: &str) -> Picture {
    let before = "  organizational_units:\n";
    let yaml = COMPANY.replace(before, &format!("{words}{before}"));
    let directory = parse_and_validate(&yaml).unwrap_or_else(|faults| panic!("{faults:#?}"));
    Picture::new(4, directory.companies()[0].clone())
}

#[test]
fn a_company_that_names_no_words_hears_stop_and_start() {
    let picture = picture();
    for (text, wish) in [
        ("STOP", Some(Wish::Stop)),
        (" stop ", Some(Wish::Stop)),
        ("ＳＴＯＰ", Some(Wish::Stop)),
        ("Start", Some(Wish::Start)),
        ("stop it", None),
        ("#stop", None),
        ("", None),
    ] {
        assert_eq!(picture.wish(text), wish, "{text:?}");
    }
    assert_eq!(picture.start_word(None, country("DE")), "START");
}

#[test]
fn words_of_every_language_are_heard_and_texts_name_the_clients_own() {
    let picture = with_words(
        "  stop_words: {en: [STOP, No more], de: [HALT]}
  start_words: {en: [GO], de: [LOS, JA]}
",
    );
    for text in ["stop", "NO MORE", "halt"] {
        assert_eq!(picture.wish(text), Some(Wish::Stop), "{text}");
    }
    for text in ["go", "los", "ja"] {
        assert_eq!(picture.wish(text), Some(Wish::Start), "{text}");
    }
    assert_eq!(picture.wish("START"), None, "the company names others");
    for (from, word) in [(country("DE"), "LOS"), (country("FR"), "GO"), (None, "GO")] {
        assert_eq!(picture.start_word(None, from), word);
    }
}

#[test]
fn an_empty_list_switches_the_words_of_its_language_off() {
    let off = with_words("  stop_words: {en: []}\n");
    assert_eq!((off.wish("STOP"), off.wish("START")), (None, Some(Wish::Start)));
    let german_only = with_words(
        "  stop_words: {en: [], de: [HALT]}
  start_words: {en: [], de: [LOS]}
",
    );
    assert_eq!(german_only.wish("halt"), Some(Wish::Stop));
    assert_eq!(german_only.start_word(None, None), "LOS", "there is no other");
}

#[test]
fn a_client_reads_its_own_language_before_its_countrys_if_the_company_has_it() {
    let picture = picture();
    for (own, from, language) in [
        ("de", country("FR"), "de"),
        ("en", country("DE"), "en"),
        ("it", country("DE"), "de"),
        ("it", None, "en"),
    ] {
        let own = own.parse().unwrap();
        assert_eq!(picture.company_facts_for(Some(&own), from).texts.language, language);
    }
    let languages: Vec<_> = picture.languages().map(ToString::to_string).collect();
    assert_eq!(languages, ["de", "en"]);
}

#[test]
fn an_extension_names_an_active_user_however_it_is_written() {
    let picture = picture();
    let find = |text: &str| picture.user_by_extension(&text.parse().unwrap());
    for written in ["Straße", "STRASSE", "ｓｔｒａｓｓｅ", "strasse."] {
        let user = find(written).unwrap();
        assert_eq!((user.user_id.as_str(), user.ou.as_str()), ("anna", "leaf"));
        assert_eq!(user.name, Personal::new("Anna".to_owned()));
        assert_eq!(user.external_companies, ["north".parse().unwrap()].into());
    }
    assert_eq!(find("ben"), None, "not active");
    assert_eq!(find("nobody"), None);
}

#[test]
fn users_and_external_companies_are_found_by_id() {
    let picture = picture();
    let id = |text: &str| text.parse().unwrap();
    assert!(picture.active_user(&id("carl")).is_some_and(|user| user.extension.is_none()));
    assert!(picture.active_user(&id("ben")).is_none());
    assert!(picture.user(&id("ben")).is_some_and(|user| !user.active));
    assert!(picture.user(&id("nobody")).is_none());
    assert!(picture.has_external_company(&"north".parse().unwrap()));
    assert!(!picture.has_external_company(&"south".parse().unwrap()));
}

#[test]
fn each_number_has_its_line() {
    let picture = picture();
    let line = |number: &str| picture.line(&number.parse().unwrap());
    let pool = |id: &str| id.parse().unwrap();
    assert_eq!(line("1"), Some(Line::Primary { pool: pool("acme_root-pool") }));
    let primary = "+12025550102".parse().unwrap();
    assert_eq!(line("3"), Some(Line::Secondary { pool: pool("acme_leaf-pool"), primary }));
    assert_eq!(line("9"), Some(Line::Unpooled));
    assert_eq!(line("77"), None);

    let display = |number: &str| picture.secondary_display(&number.parse().unwrap()).cloned();
    assert_eq!(display("3"), Some("+447700900003".parse().unwrap()));
    assert_eq!((display("1"), display("77")), (None, None));
    assert!(picture.account(&"1".parse().unwrap()).unwrap().configuration_broken);
    assert!(picture.account(&"77".parse().unwrap()).is_none());
}

#[test]
fn the_companys_own_numbers_are_recognised() {
    let picture = picture();
    let by_phone = |text: &str| {
        let phone = Some(Personal::new(text.parse().unwrap()));
        picture.is_own_number(&Sender { phone, ..Sender::default() })
    };
    let by_wa_id = |text: &str| {
        let wa_id = Some(Personal::new(text.parse().unwrap()));
        picture.is_own_number(&Sender { wa_id, ..Sender::default() })
    };
    assert!(by_phone("+447700900003") && by_wa_id("447700900003"));
    assert!(by_wa_id("551187654321"), "as WhatsApp may write +5511987654321");
    assert!(!by_phone("+447700900099") && !by_wa_id("447700900099"));
    assert!(!picture.is_own_number(&Sender::default()));
}

#[test]
fn a_units_pools_are_its_own_or_the_nearest_and_then_upward_while_they_fall_back() {
    let picture = picture();
    for (unit, expected) in [
        ("root", &["root-pool"][..]),
        ("middle", &["root-pool"]),
        ("leaf", &["leaf-pool", "root-pool"]),
        ("bare", &["leaf-pool", "root-pool"]),
        ("twin", &["leaf-pool", "root-pool"]),
        ("stop", &["stop-pool"]),
        ("alone", &[]),
        ("unknown", &[]),
    ] {
        let chain = picture.pool_chain(&unit.parse().unwrap(), None);
        let keys: Vec<_> = chain.iter().map(|rules| rules.pool_id.key.as_str()).collect();
        assert_eq!(keys, expected, "{unit}");
    }
}

#[test]
fn a_pools_rules_are_those_for_the_clients_country() {
    let picture = picture();
    let leaf = "leaf".parse().unwrap();
    let chain = picture.pool_chain(&leaf, country("CA"));
    assert_eq!((chain[0].mapped_country, chain[0].default_region), (country("US"), None));
    assert_eq!((chain[1].mapped_country, chain[1].default_region), (None, country("GB")));
    assert_eq!(picture.pool_chain(&leaf, country("FR"))[0].mapped_country, None);
}

#[test]
fn pools_list_their_secondaries_with_country_and_capacity() {
    let picture = picture();
    let specs = &picture.pools()[&"acme_leaf-pool".parse().unwrap()];
    let seen: Vec<_> =
        specs.iter().map(|s| (s.number.as_str(), s.country.to_string(), s.capacity)).collect();
    assert_eq!(seen, [("3", "GB".to_owned(), Some(7)), ("4", "IE".to_owned(), None)]);
    assert_eq!(picture.pools().len(), 3);
}

#[test]
fn the_primary_of_a_unit_is_that_of_its_first_pool() {
    let picture = picture();
    let primary = |unit: &str| {
        let account = picture.primary_for(&unit.parse().unwrap())?;
        Some(account.phone_number_id.to_string())
    };
    assert_eq!(primary("twin").as_deref(), Some("2"));
    assert_eq!(primary("middle").as_deref(), Some("1"));
    assert_eq!(primary("alone"), None);
}

#[test]
fn a_picture_tells_whether_rooms_can_lose_their_ground_by_it() {
    let changed = |from: &str, to: &str| {
        assert!(COMPANY.contains(from), "{from}");
        let directory = parse_and_validate(&COMPANY.replace(from, to));
        let directory = directory.unwrap_or_else(|faults| panic!("{faults:#?}"));
        Picture::new(5, directory.companies()[0].clone())
    };
    let before = picture();
    for (from, to) in [
        ("extension: Straße", "extension: street"),
        ("extension: ben, active: false", "extension: ben"),
        ("capacity: 7", "capacity: 1"),
        ("default_language: en", "default_language: de"),
        ("  - {id: ben, name: Ben, ou: leaf, extension: ben, active: false}\n", ""),
        ("ou: leaf}", "ou: leaf, external_companies: [north]}"),
    ] {
        assert!(!changed(from, to).takes_away_from(&before), "{from} -> {to}");
    }
    for (from, to) in [
        ("extension: Straße,", "active: false,"),
        ("  - {id: carl, name: Carl, ou: leaf}\n", ""),
        ("external_companies: [north]}", "external_companies: []}"),
        ("{phone_number_id: 3, capacity: 7}, ", ""),
    ] {
        assert!(changed(from, to).takes_away_from(&before), "{from} -> {to}");
    }
    let (anna, three) = (&"anna".parse().unwrap(), &"3".parse().unwrap());
    assert_eq!(before.standing(anna, three).lost(Some(&"north".parse().unwrap())), None);
    assert!(before.standing(&"ben".parse().unwrap(), three).lost(None).is_some());
    assert!(before.standing(anna, &"1".parse().unwrap()).lost(None).is_some(), "a primary");
}
