//! Versions of the directory in a real Postgres.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{apply, good, operator, store};
use directory::DirectoryError;
use domain::ids::CompanyId;

const ACME: &str = "companies:
- id: acme
  name: ACME
  organizational_units: [{id: sales, name: Sales}, {id: desk, name: Desk, parent: sales}]
  users:
  - {id: anna, name: Anna, ou: sales, extension: an}
  - {id: ben, name: Ben, ou: sales, extension: ben}
  official_accounts:
  - {phone_number_id: 11, display_number: +12025550111, app: main}
  - {phone_number_id: 12, display_number: +12025550112, app: main}
  pools:
  - {id: main, primary: 11, secondaries: [{phone_number_id: 12}], organizational_units: [sales]}
";

const BANK: &str = "companies:
- id: bank
  name: Bank
  official_accounts: [{phone_number_id: 21, display_number: +447700900021, app: other}]
";

fn id(text: &str) -> CompanyId {
    text.parse().unwrap()
}

#[tokio::test]
async fn each_change_is_a_version_of_the_companies_that_it_changes() {
    let (store, _) = store("versions").await;
    let first = apply(&store, ACME).await.unwrap();
    assert_eq!(first.version, Some(1));
    assert_eq!(first.to_string(), "acme\n  + company acme (2 users, 1 pools)\n");
    assert_eq!(apply(&store, BANK).await.unwrap().version, Some(2));
    assert_eq!(apply(&store, &ACME.replace("ACME", "ACME Bank")).await.unwrap().version, Some(3));

    assert_eq!(store.companies().await.unwrap(), [id("acme"), id("bank")]);
    assert_eq!(store.latest(&id("acme")).await.unwrap(), Some(3));
    assert_eq!(store.latest(&id("nobody")).await.unwrap(), None);
    assert_eq!(store.latest_versions().await.unwrap(), [(id("acme"), 3), (id("bank"), 2)]);
    assert_eq!(store.changed_after(1).await.unwrap(), [(id("bank"), 2), (id("acme"), 3)]);
    assert_eq!(store.changed_after(3).await.unwrap(), []);
    assert_eq!(store.versions_of(&id("acme"), 0).await.unwrap(), [1, 3]);
    assert_eq!(store.versions_of(&id("acme"), 1).await.unwrap(), [3]);

    let versions = store.versions().await.unwrap();
    let numbers: Vec<_> = versions.iter().map(|v| (v.version, v.companies.as_slice())).collect();
    assert_eq!(numbers, [(1, &[id("acme")][..]), (2, &[id("bank")]), (3, &[id("acme")])]);
    assert_eq!(versions[0].actor, operator());
    assert_eq!(versions[0].at.to_rfc3339(), "2026-03-01T09:00:00+00:00");
    assert_eq!(versions[0].source_sha256.len(), 64);
    assert_ne!(versions[0].source_sha256, versions[2].source_sha256);
}

#[tokio::test]
async fn what_changes_nothing_makes_no_version() {
    let (store, _) = store("nothing").await;
    apply(&store, ACME).await.unwrap();
    let same_but_for_words = format!("# a comment\n{ACME}  features: {{auto_promotion: true}}\n");
    let again = apply(&store, &same_but_for_words).await.unwrap();
    assert_eq!((again.version, again.changes.len()), (None, 0));
    assert_eq!(store.versions().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_dry_run_tells_the_changes_and_makes_none() {
    let (store, _) = store("dry").await;
    apply(&store, ACME).await.unwrap();
    let new = ACME
        .replace("extension: an}", "extension: anna}")
        .replace("{id: ben, name: Ben, ou: sales, extension: ben}", "{id: cleo, name: C, ou: desk}")
        .replace("[{phone_number_id: 12}]", "[{phone_number_id: 12, capacity: 9}], default_region: US")
        .replace("  name: ACME", "  name: ACME\n  texts: {en: {redirect: 'To {primary}'}}\n  timing: {quarantine_days: 8}")
        .replace("parent: sales", "");
    let at = "2026-03-01T09:00:00Z".parse().unwrap();
    let dry = store.apply(&good(&new), &new, &operator(), at, true).await.unwrap();
    assert_eq!(dry.version, Some(2));
    assert_eq!(
        dry.to_string(),
        "acme
  ~ company: texts.en.redirect none → 'To {primary}'
  ~ company: timing.quarantine_days 30 → 8
  ~ organizational unit desk: parent 'sales' → none
  ~ user anna: extension 'an' → 'anna'
  - user ben
  + user cleo
  ~ pool main: default_region none → 'US'
  ~ pool main: secondary 12: capacity none → 9
"
    );
    assert!(!format!("{dry:?}").contains("anna'"), "values stay out of logs");
    assert_eq!(store.versions().await.unwrap().len(), 1);

    let wet = apply(&store, &new).await.unwrap();
    assert_eq!(wet, dry);
}

#[tokio::test]
async fn a_picture_is_the_company_as_it_was() {
    let (store, _) = store("picture").await;
    apply(&store, BANK).await.unwrap();
    apply(&store, ACME).await.unwrap();
    apply(&store, &BANK.replace("name: Bank", "name: Big Bank")).await.unwrap();
    apply(&store, &ACME.replace("extension: an}", "extension: anna}")).await.unwrap();

    let anna = "anna".parse().unwrap();
    assert!(store.picture(&id("acme"), 1).await.unwrap().is_none(), "younger than that");
    let old = store.picture(&id("acme"), 3).await.unwrap().unwrap();
    assert_eq!(old.version(), 2);
    assert!(old.user_by_extension(&anna).is_none());
    let new = store.picture(&id("acme"), 4).await.unwrap().unwrap();
    assert_eq!((new.version(), new.company_facts(None).directory_version), (4, 4));
    assert!(new.user_by_extension(&anna).is_some());
    assert!(store.picture(&id("nobody"), 4).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_shown_can_be_applied_again() {
    let example = include_str!("../../../deploy/directory.example.yaml");
    let tricky = "companies:
- id: tricky
  name: 'null'
  texts: {en: {redirect: \"a: {primary} # no\\n- comment 'x' \\\"y\\\"\", reminder: '~'}}
  organizational_units: [{id: no, name: 'No'}, {id: '1', name: '1e3'}]
  users: [{id: 'true', name: '*anna', ou: no, extension: 007}]
  languages_by_country: {NO: en}
";
    for (name, yaml) in [("show_1", ACME), ("show_2", example), ("show_3", tricky)] {
        let (store, _) = store(name).await;
        let version = apply(&store, yaml).await.unwrap().version;
        let name = good(yaml).companies()[0].id.clone();
        let shown = store.show(Some(&name), version).await.unwrap().unwrap();
        assert_eq!(good(&shown), good(yaml), "{shown}");
        assert_eq!(apply(&store, &shown).await.unwrap().version, None);
    }
}

#[tokio::test]
async fn an_old_version_can_be_shown() {
    let (store, _) = store("show_old").await;
    assert_eq!(store.show(None, None).await.unwrap(), None);
    apply(&store, ACME).await.unwrap();
    apply(&store, BANK).await.unwrap();
    apply(&store, &ACME.replace("name: Anna", "name: Anne")).await.unwrap();
    let show = async |company: Option<&str>, at| {
        let company = company.map(id);
        store.show(company.as_ref(), at).await.unwrap()
    };
    assert_eq!(good(&show(None, Some(1)).await.unwrap()), good(ACME));
    let all = good(&show(None, None).await.unwrap());
    assert_eq!(all.companies().len(), 2);
    assert_eq!(all.companies()[0].users[0].name.expose(), "Anne");
    assert_eq!(good(&show(Some("bank"), Some(3)).await.unwrap()), good(BANK));
    for (company, at) in [(Some("bank"), Some(1)), (Some("nobody"), None), (None, Some(4))] {
        assert_eq!(show(company, at).await, None, "{company:?} {at:?}");
    }
}

#[tokio::test]
async fn a_number_of_a_company_outside_the_file_is_refused_and_nothing_is_applied() {
    let (store, _) = store("taken").await;
    apply(&store, BANK).await.unwrap();
    let greedy = format!(
        "{ACME}- id: more\n  name: More\n  official_accounts:\n  \
         - {{phone_number_id: 21, display_number: +447700900099, app: main}}\n"
    );
    let error = apply(&store, &greedy).await.unwrap_err();
    assert!(matches!(&error, DirectoryError::NumbersTaken(taken) if taken.len() == 1));
    assert!(!error.may_pass());
    assert_eq!(
        error.to_string(),
        "official account '21' belongs to company 'bank'; take it from that company in the same \
         file, or correct the id"
    );
    assert_eq!(store.companies().await.unwrap(), [id("bank")]);
    assert_eq!(store.versions().await.unwrap().len(), 1);
    assert_eq!(store.numbers().await.unwrap().len(), 1);

    let moved = greedy
        + "- id: bank\n  name: Bank\n  official_accounts:\n  \
           - {phone_number_id: 22, display_number: +447700900021, app: other}\n";
    assert_eq!(apply(&store, &moved).await.unwrap().version, Some(2));
    let numbers: Vec<_> = store.numbers().await.unwrap();
    let numbers: Vec<_> =
        numbers.iter().map(|(n, c, a)| (n.as_str(), c.as_str(), a.as_str())).collect();
    assert_eq!(
        numbers,
        [
            ("11", "acme", "main"),
            ("12", "acme", "main"),
            ("21", "more", "main"),
            ("22", "bank", "other"),
        ]
    );
}

#[tokio::test]
async fn concurrent_applies_take_their_turns() {
    let (store, _) = store("concurrent").await;
    let one = |at: usize| {
        let store = store.clone();
        tokio::spawn(async move {
            let yaml = format!("companies: [{{id: c{}, name: Name {at}}}]", at % 4);
            apply(&store, &yaml).await.unwrap().version.unwrap()
        })
    };
    let mut made = Vec::new();
    for task in (0..20).map(one).collect::<Vec<_>>() {
        made.push(task.await.unwrap());
    }
    made.sort_unstable();
    assert_eq!(made, (1..=20).collect::<Vec<u64>>());
    assert_eq!(store.companies().await.unwrap().len(), 4);
}

#[tokio::test]
async fn an_apply_that_fails_half_way_leaves_no_trace() {
    let (store, pool) = store("half_way").await;
    apply(&store, ACME).await.unwrap();
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON directory_numbers EXECUTE FUNCTION refuse();";
    sqlx::raw_sql(refuse).execute(&pool).await.unwrap();
    let error = apply(&store, BANK).await.unwrap_err();
    assert_eq!(error.to_string(), "the database could not write the official accounts");
    sqlx::raw_sql("DROP TRIGGER refuse ON directory_numbers").execute(&pool).await.unwrap();
    assert_eq!(store.versions().await.unwrap().len(), 1);
    assert_eq!(store.numbers().await.unwrap().len(), 2);
    assert_eq!(apply(&store, BANK).await.unwrap().version, Some(2), "no hole");
}

#[tokio::test]
async fn versions_cannot_be_changed() {
    let (store, pool) = store("immutable").await;
    apply(&store, ACME).await.unwrap();
    for statement in [
        "UPDATE directory_versions SET actor = 'somebody'",
        "DELETE FROM directory_companies",
        "UPDATE directory_companies SET document = '{}'",
        "TRUNCATE directory_versions CASCADE",
    ] {
        let refused = sqlx::raw_sql(statement).execute(&pool).await.unwrap_err().to_string();
        assert!(refused.contains("never changed or removed"), "{statement}: {refused}");
    }
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_told_without_its_text() {
    let (store, pool) = store("unreadable").await;
    apply(&store, BANK).await.unwrap();
    let insert = "INSERT INTO directory_companies VALUES ('acme', 1, '{\"id\": \"Secret Name\"}')";
    sqlx::raw_sql(insert).execute(&pool).await.unwrap();
    let error = store.picture(&id("acme"), 1).await.unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(told.contains("company acme in version 1") && !told.contains("Secret"), "{told}");
}
