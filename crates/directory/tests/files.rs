//! Every fault of a file is told with its line, its place and the way out.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use directory::{Directory, parse_and_validate};

/// The faults of a file, one a line.
fn faults(yaml: &str) -> String {
    let found = parse_and_validate(yaml.trim_start_matches('\n')).unwrap_err();
    found.iter().map(|fault| format!("{fault}\n")).collect()
}

fn good(yaml: &str) -> Directory {
    parse_and_validate(yaml).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

#[track_caller]
fn assert_faults(yaml: &str, expected: &[&str]) {
    let found = faults(yaml);
    assert_eq!(found.lines().collect::<Vec<_>>(), expected, "\n{found}");
}

const ACME: &str = "
companies:
- id: acme
  name: ACME
  external_companies: [{id: north, name: North}]
  organizational_units: [{id: sales, name: Sales}]
  users:
  - {id: anna, name: Anna, ou: sales, extension: anna}
  official_accounts:
  - {phone_number_id: 1, display_number: +12025550101, app: main}
  - {phone_number_id: 2, display_number: +12025550102, app: main}
  pools:
  - {id: main, primary: 1, secondaries: [{phone_number_id: 2}], organizational_units: [sales]}
";

#[test]
fn the_example_file_has_no_faults_and_uses_every_field() {
    let yaml = include_str!("../../../deploy/directory.example.yaml");
    let directory = good(yaml);
    let shown = serde_json::to_value(&directory).unwrap();
    for field in fields_of(&shown) {
        assert!(yaml.contains(&format!("{field}:")), "{field} is not explained");
    }
    assert_eq!(directory.companies().len(), 1);
}

/// Names of all fields, without the keys of mappings that are data.
fn fields_of(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Array(items) => items.iter().flat_map(fields_of).collect(),
        serde_json::Value::Object(fields) => {
            let nested = fields.iter().flat_map(|(name, value)| {
                let mut names = fields_of(value);
                names.push(name.clone());
                names
            });
            nested.collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn what_is_no_directory_is_told_where_it_starts() {
    assert_faults("", &["line 1: must be a record with the fields companies; nothing is given"]);
    assert_faults("- 1", &["line 1: must be a record with the fields companies; this is a list"]);
    assert_faults("companies:\n", &["line 1: companies: is missing; add it"]);
    assert_faults("companies: []", &["line 1: companies: names no company; give at least one"]);
    assert_faults("companies: all", &["line 1: companies: must be a list"]);
    assert_faults(
        "companies: []\n---\nmore: 1",
        &["line 3: a second document starts here; keep one"],
    );
    assert_faults(
        "companies:\n- &a {id: a}\n- *a",
        &["line 3: aliases (*name) are not read here; write the value out instead"],
    );
    assert_faults(
        &format!("{}{}", "[".repeat(40), "]".repeat(40)),
        &["line 1: is nested too deeply for a directory file"],
    );
    let no_yaml = faults("companies:\n- id: a\n  name: 'ACME\n");
    assert!(no_yaml.contains("this is no YAML: "), "{no_yaml}");
}

#[test]
fn unknown_missing_and_repeated_fields_are_told_in_one_go() {
    assert_faults(
        "
companies:
- id: acme
  naem: ACME
  users:
  - id: anna
    name: Anna
    name: Anna B
    extention: anna
  features: {auto_promotion: true, auto_promotion: false}
  timing: [60]
colour: red
",
        &[
            "line 2: companies[0].name: is missing; add it",
            "line 3: companies[0].naem: unknown field; known here are id, name, default_language, \
             features, timing, limits, texts, stop_words, start_words, languages_by_country, \
             external_companies, organizational_units, users, official_accounts, pools",
            "line 5: companies[0].users[0].ou: is missing; add it",
            "line 7: companies[0].users[0].name: is given on line 6 already; keep one",
            "line 8: companies[0].users[0].extention: unknown field; known here are id, name, ou, \
             extension, active, external_companies",
            "line 9: companies[0].features.auto_promotion: is given on line 9 already; keep one",
            "line 10: companies[0].timing: must be a record with the fields \
             reminder_interval_seconds, user_info_interval_seconds, invitation_deadline_seconds, \
             user_info_deadline_seconds, quarantine_days; this is a list",
            "line 11: colour: unknown field; known here are companies",
        ],
    );
}

#[test]
fn wrong_types_in_several_places_are_told_in_one_go() {
    assert_faults(
        "
companies:
- id: Acme Bank
  name: [ACME]
  default_language: english
  features: {auto_promotion: yes, unique_phone_number: 'true'}
  timing: {quarantine_days: 6, reminder_interval_seconds: 1m, user_info_interval_seconds: -1}
  organizational_units: {sales: Sales}
  users:
  - anna
  - {id: b, name: '', ou: {id: sales}, external_companies: north}
  official_accounts:
  - {phone_number_id: x1, display_number: 020 555, app: Main}
",
        &[
            "line 2: companies[0].id: a company id must be 1-63 lower-case letters, digits or \
             inner hyphens",
            "line 3: companies[0].name: must be a text; this is a list",
            "line 4: companies[0].default_language: a language must be written as WhatsApp does: \
             'en', 'de' or 'pt_BR'",
            "line 5: companies[0].features.auto_promotion: must be true or false, without quotes",
            "line 5: companies[0].features.unique_phone_number: must be true or false, without \
             quotes",
            "line 6: companies[0].timing.reminder_interval_seconds: must be a whole number of \
             seconds from 1 to 86400",
            "line 6: companies[0].timing.user_info_interval_seconds: must be a whole number of \
             seconds from 1 to 86400",
            "line 6: companies[0].timing.quarantine_days: must be a whole number of days from 7 \
             to 3650",
            "line 7: companies[0].organizational_units: must be a list; these are fields",
            "line 9: companies[0].users[0]: must be a record with the fields id, name, ou, \
             extension, active, external_companies",
            "line 10: companies[0].users[1].name: must be 1 to 200 characters on one line",
            "line 10: companies[0].users[1].ou: must be a text; these are fields",
            "line 10: companies[0].users[1].external_companies: must be a list",
            "line 12: companies[0].official_accounts[0].phone_number_id: a phone_number_id must \
             be 1-32 digits",
            "line 12: companies[0].official_accounts[0].display_number: a phone number must be in \
             international format: + and 7 to 15 digits",
            "line 12: companies[0].official_accounts[0].app: an app id must be 1-63 lower-case \
             letters, digits or inner hyphens",
        ],
    );
}

#[test]
fn references_lead_somewhere_and_ids_are_given_once() {
    assert_faults(
        "
companies:
- id: acme
  name: ACME
  external_companies:
  - {id: north, name: North}
  - {id: north, name: North again}
  organizational_units:
  - {id: sales, name: Sales, parent: board}
  - {id: Bad, name: Bad}
  users:
  - {id: anna, name: Anna, ou: sale}
  - {id: anna, name: Anna, ou: sales, external_companies: [north, south]}
  - {id: ben, name: Ben, ou: Bad}
  pools:
  - {id: main, primary: 1, organizational_units: [nowhere]}
- id: acme
  name: ACME
",
        &[
            "line 6: companies[0].external_companies[1].id: external company 'north' is on line 5 \
             already; choose another id",
            "line 8: companies[0].organizational_units[0].parent: the company has no \
             organizational unit 'board'; add it or correct this",
            "line 9: companies[0].organizational_units[1].id: an organizational unit id must be \
             1-63 lower-case letters, digits or inner hyphens",
            "line 11: companies[0].users[0].ou: the company has no organizational unit 'sale'; \
             add it or correct this",
            "line 12: companies[0].users[1].id: user 'anna' is on line 11 already; choose another \
             id",
            "line 12: companies[0].users[1].external_companies[1]: the company has no external \
             company 'south'; add it or correct this",
            "line 15: companies[0].pools[0].primary: the company has no official account '1'; add \
             it or correct this",
            "line 15: companies[0].pools[0].organizational_units[0]: the company has no \
             organizational unit 'nowhere'; add it or correct this",
            "line 16: companies[1].id: company 'acme' is on line 2 already; choose another id",
        ],
    );
}

#[test]
fn units_form_a_tree() {
    assert_faults(
        "
companies:
- id: acme
  name: ACME
  organizational_units:
  - {id: leaf, name: Leaf, parent: a}
  - {id: a, name: A, parent: b}
  - {id: b, name: B, parent: c}
  - {id: c, name: C, parent: a}
  - {id: own, name: Own, parent: own}
  - {id: late, name: Late, parent: root}
  - {id: root, name: Root}
",
        &[
            "line 6: companies[0].organizational_units[1].parent: the parents form a cycle: \
             a → b → c → a; take one of them away",
            "line 9: companies[0].organizational_units[4].parent: the parents form a cycle: \
             own → own; take one of them away",
        ],
    );
}

#[test]
fn extensions_are_unique_after_folding() {
    assert_faults(
        "
companies:
- id: acme
  name: ACME
  organizational_units: [{id: sales, name: Sales}]
  users:
  - {id: anna, name: Secret Name, ou: sales, extension: Anna}
  - {id: ben, name: Ben, ou: sales, extension: ＡＮＮＡ}
  - {id: carl, name: Carl, ou: sales, extension: anna., active: false}
  - {id: dora, name: Dora, ou: sales, extension: '#dora'}
  - {id: emil, name: Emil, ou: sales, extension: e mil}
  - {id: fred, name: Fred, ou: sales, extension: }
  - {id: gina, name: Gina, ou: sales, extension: 007}
  - {id: hans, name: Hans, ou: sales, extension: 7}
",
        &[
            "line 7: companies[0].users[1].extension: user 'anna' on line 6 has the extension \
             'anna' already (capital and wide letters count as the same); give one of them another",
            "line 8: companies[0].users[2].extension: user 'anna' on line 6 has the extension \
             'anna' already (capital and wide letters count as the same); give one of them another",
            "line 9: companies[0].users[3].extension: is written without the '#'; take that away",
            "line 10: companies[0].users[4].extension: an extension must be 1 to 64 letters, \
             digits, '_', '-' or inner '.'",
        ],
    );
}

#[test]
fn an_official_account_has_one_place() {
    assert_faults(
        "
companies:
- id: acme
  name: ACME
  organizational_units: [{id: sales, name: Sales}]
  official_accounts:
  - {phone_number_id: 1, display_number: +12025550101, app: main}
  - {phone_number_id: 2, display_number: +12025550102, app: other}
  - {phone_number_id: 3, display_number: +1 202 555 0101, app: main}
  - {phone_number_id: 4, display_number: +999 5550104, app: main}
  pools:
  - id: one
    primary: 1
    secondaries:
    - {phone_number_id: 1}
    - {phone_number_id: 2, capacity: 0}
    - {phone_number_id: 4}
    - {phone_number_id: 5}
    organizational_units: [sales]
    geography: {UK: GB, CA: usa, XX: US}
    default_region: us
  - id: two
    secondaries: [{phone_number_id: 2, capacity: 5}]
    organizational_units: [sales]
    fallback_upward: maybe
- id: bank
  name: Bank
  official_accounts:
  - {phone_number_id: 1, display_number: +12025550101, app: main}
",
        &[
            "line 8: companies[0].official_accounts[2].display_number: the account on line 6 has \
             this number already; correct one",
            "line 14: companies[0].pools[0].secondaries[0].phone_number_id: '1' is the primary of \
             pool 'one' on line 12 already; a number has one place only",
            "line 15: companies[0].pools[0].secondaries[1].phone_number_id: is of app 'other', the \
             pool's primary of 'main'; all numbers of a pool must be of one app, because a \
             client's id holds only there",
            "line 15: companies[0].pools[0].secondaries[1].capacity: must be a whole number of \
             rooms from 1 to 1000000",
            "line 16: companies[0].pools[0].secondaries[2]: its country cannot be told from the \
             display number; add country",
            "line 17: companies[0].pools[0].secondaries[3].phone_number_id: the company has no \
             official account '5'; add it or correct this",
            "line 19: companies[0].pools[0].geography.UK: there is no country UK; write GB",
            "line 19: companies[0].pools[0].geography.CA: a country must be two capital letters \
             (ISO 3166-1)",
            "line 19: companies[0].pools[0].geography.XX: there is no country XX with phone \
             numbers (ISO 3166-1)",
            "line 20: companies[0].pools[0].default_region: a country must be two capital letters \
             (ISO 3166-1)",
            "line 21: companies[0].pools[1].primary: is missing; add it",
            "line 22: companies[0].pools[1].secondaries[0].phone_number_id: '2' is a secondary of \
             pool 'one' on line 15 already; a number has one place only",
            "line 23: companies[0].pools[1].organizational_units[0]: organizational unit 'sales' \
             is in pool 'one' on line 18 already; a unit has one pool",
            "line 24: companies[0].pools[1].fallback_upward: must be true or false, without quotes",
            "line 28: companies[1].official_accounts[0].phone_number_id: company 'acme' has the \
             official account '1' on line 6; leave it with one of them",
        ],
    );
}

#[test]
fn texts_use_only_their_placeholders_and_fit_into_a_message() {
    let long = "x".repeat(4_097);
    let yaml = format!(
        "companies:
- id: acme
  name: ACME
  texts:
    en:
      user_info: Hello {{user}}, {{secondery}} and {{}}
      extension_missing: Hello {{user}}
      user_not_found: {long}
      reminder:
      prospect: '  '
      greeting: Hello
    EN: {{redirect: 'Write to {{primary}}'}}
    de: {{reminder: 5}}
  languages_by_country: {{DE: de, FR: fr, GB: en}}
"
    );
    assert_faults(
        &yaml,
        &[
            "line 6: companies[0].texts.en.user_info: unknown placeholder {secondery}; this text \
             may use {user}, {secondary}",
            "line 6: companies[0].texts.en.user_info: unknown placeholder {}; this text may use \
             {user}, {secondary}",
            "line 7: companies[0].texts.en.extension_missing: unknown placeholder {user}; this \
             text may use none",
            "line 8: companies[0].texts.en.user_not_found: has 4097 characters; WhatsApp takes at \
             most 4096",
            "line 9: companies[0].texts.en.reminder: must be a text; nothing is given",
            "line 10: companies[0].texts.en.prospect: is empty; word it, or leave it out to use \
             the default",
            "line 11: companies[0].texts.en.greeting: unknown field; known here are \
             extension_missing, user_not_found, user_info, no_secondary_number, \
             invitation_failed, prospect, redirect, reminder, recording_notice, stopped, \
             started, templates_stopped",
            "line 12: companies[0].texts.EN: a language must be written as WhatsApp does: 'en', \
             'de' or 'pt_BR'",
            "line 13: companies[0].texts.de: lacks extension_missing, user_not_found, user_info, \
             prospect, which en words: a client would read both languages",
            "line 14: companies[0].languages_by_country.FR: 'fr' has no texts; add texts.fr or \
             choose another language",
        ],
    );
}

#[test]
fn words_about_templates_are_words_and_mean_one_thing() {
    assert_faults(
        "
companies:
- id: acme
  name: ACME
  default_language: en
  stop_words:
    en: [Stop, '#stop', ' ', {word: stop}]
    de: HALT
    pt-BR: [PARAR]
  start_words:
    en: [START, sTOP]
    de: ['please #anna']
",
        &[
            "line 6: companies[0].stop_words.en[1]: names an extension; a word may not start with \
             # or have a #… in it",
            "line 6: companies[0].stop_words.en[2]: is empty; give a word of 1 to 64 characters",
            "line 6: companies[0].stop_words.en[3]: must be a text; these are fields",
            "line 7: companies[0].stop_words.de: must be a list",
            "line 8: companies[0].stop_words.pt-BR: a language must be written as WhatsApp does: \
             'en', 'de' or 'pt_BR'",
            "line 10: companies[0].start_words.en[1]: is a stop word too; a word can only mean one \
             of the two",
            "line 11: companies[0].start_words.de[0]: names an extension; a word may not start \
             with # or have a #… in it",
        ],
    );
}

#[test]
fn words_that_are_left_out_count_too() {
    let company = |words: &str| format!("companies:\n- id: acme\n  name: ACME\n{words}");
    assert_faults(
        &company("  stop_words: {en: [START]}\n"),
        &["line 4: companies[0].stop_words.en[0]: is the start word where a company names none; \
           give another one in start_words.en"],
    );
    assert_faults(
        &company("  start_words: {de: [stop]}\n"),
        &[
            "line 4: companies[0].start_words.de[0]: is a stop word too; a word can only mean one of \
           the two",
        ],
    );
    assert_faults(
        &company("  stop_words: {en: []}\n  start_words: {en: []}\n"),
        &["line 5: companies[0].start_words: has no word; who has stopped templates needs one to \
           get them again"],
    );
    good(&company("  stop_words: {en: []}\n"));
    good(&company("  stop_words: {en: [START]}\n  start_words: {en: [MORE, AGAIN]}\n"));
    good(&company("  start_words: {en: [], de: [LOS]}\n"));
}

#[test]
fn what_is_left_out_has_its_default() {
    let directory = good(ACME);
    let company = &directory.companies()[0];
    assert_eq!(company.default_language.as_str(), "en");
    assert!(company.features.auto_promotion && !company.features.unique_phone_number);
    assert_eq!(company.timing.quarantine_days, 30);
    let limits = (company.limits.replies_per_hour, company.limits.wrong_extensions_per_hour);
    assert_eq!(limits, (30, 10));
    assert!(company.users[0].active);
    assert_eq!(company.pools[0].secondaries[0].country.to_string(), "US");
    assert!(!company.pools[0].fallback_upward);
}

#[test]
fn the_order_of_a_files_lists_means_nothing() {
    let head = "companies: [{id: a, name: A, organizational_units: [";
    let one = format!("{head}{{id: x, name: X}}, {{id: y, name: Y}}]}}]");
    let other = format!("{head}{{id: y, name: Y}}, {{id: x, name: X}}]}}]");
    assert_eq!(good(&one), good(&other));
}

#[test]
fn what_is_printed_for_debugging_hides_names_and_numbers() {
    let printed = format!("{:?}", good(ACME));
    assert!(!printed.contains("Anna") && !printed.contains("2025550101"), "{printed}");
}
