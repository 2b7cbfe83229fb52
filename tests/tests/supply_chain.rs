//! What is built in, and what it may be: `deny.toml`, held without the network. Known holes need it:
//! `cargo deny check advisories`.

#![expect(clippy::unwrap_used, reason = "a test's helper that cannot go on says so by panicking")]

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::vec::IntoIter;

use acceptance::bill;

const DENY: &str = include_str!("../../deny.toml");

/// The words in quotes of a list in `deny.toml`.
fn listed(name: &str) -> BTreeSet<String> {
    let (_, rest) = DENY.split_once(&format!("\n{name} = [\n")).unwrap();
    let (list, _) = rest.split_once("\n]").unwrap();
    let first_in_quotes = |line: &str| Some(line.split('"').nth(1)?.to_owned());
    list.lines().filter_map(first_in_quotes).collect()
}

/// Whether a license can be kept with those that are allowed: `OR` leaves the choice, `AND` none.
fn is_met(license: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = bill::expression(license).replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut words = words.into_iter().peekable();
    let met = any(&mut words, allowed);
    assert_eq!(words.next(), None, "the license {license} is not understood");
    met
}

type Words<'a> = Peekable<IntoIter<&'a str>>;

fn any(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let first = words.next().expect("a license");
    if first == "(" {
        let met = any(words, allowed);
        assert_eq!(words.next(), Some(")"));
        return met;
    }
    let license = match words.next_if_eq(&"WITH") {
        Some(_) => format!("{first} WITH {}", words.next().expect("an exception")),
        None => first.to_owned(),
    };
    allowed.contains(&license)
}

#[test]
fn a_license_is_met_by_one_side_of_or_and_by_both_of_and() {
    let allowed =
        BTreeSet::from(["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned));
    for (license, met) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("Apache-2.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("GPL-3.0 OR (MIT AND GPL-2.0)", false),
        ("MIT OR GPL-3.0 AND GPL-2.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
    ] {
        assert_eq!(is_met(license, &allowed), met, "{license}");
    }
}

#[test]
fn every_package_comes_from_the_registry_under_a_license_that_is_allowed() {
    let metadata = bill::metadata().unwrap();
    let allowed = listed("allow");
    let mut needed = String::new();
    for package in &metadata.packages {
        let Some(source) = &package.source else {
            assert!(metadata.workspace_members.contains(&package.id), "{}", package.name);
            continue;
        };
        assert!(source.is_crates_io(), "{} comes from {source}", package.name);
        let license = package.license.as_deref().unwrap_or("none");
        assert!(is_met(license, &allowed), "{} has the license {license}", package.name);
        needed.push_str(license);
    }
    for license in allowed {
        assert!(needed.contains(&license), "no package has {license} any more");
    }
}

#[test]
fn what_is_banned_is_not_built_in() {
    let metadata = bill::metadata().unwrap();
    let banned = listed("deny");
    assert!(banned.contains("openssl"), "{banned:?}");
    for package in &metadata.packages {
        assert!(!banned.contains(package.name.as_str()), "{}", package.name);
    }
}

#[test]
fn the_bill_of_materials_names_every_package_with_its_license() {
    let metadata = bill::metadata().unwrap();
    let made = bill::built_in(&metadata).unwrap();
    let bill = bill::bill_of_materials().unwrap();
    assert_eq!(bill, bill::bill_of_materials().unwrap(), "it is the same each time");
    assert_eq!(bill["metadata"]["component"]["name"], "onboarding");
    let components = bill["components"].as_array().unwrap();
    let named: BTreeSet<_> =
        components.iter().map(|component| component["purl"].as_str().unwrap()).collect();
    assert_eq!(named.len() + 1, made.len());
    for component in components {
        let license = component["licenses"][0]["expression"].as_str().unwrap();
        assert!(!license.is_empty() && !license.contains('/'), "{component}");
    }
    let is_named =
        |name: &str| named.iter().any(|url| url.starts_with(&format!("pkg:cargo/{name}@")));
    for name in ["domain", "tokio", "sqlx", "rustls", "ring"] {
        assert!(is_named(name), "{name} is built in");
    }
    for name in ["proptest", "insta", "acceptance", "jsonschema"] {
        assert!(!is_named(name), "{name} is for tests only");
    }
    for dependency in bill["dependencies"].as_array().unwrap() {
        for other in dependency["dependsOn"].as_array().unwrap() {
            assert!(named.contains(other.as_str().unwrap()), "{other}");
        }
    }
}
