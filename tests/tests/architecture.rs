//! The dependency direction is the architecture.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Crate, and the workspace crates that it may depend on.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("eventstore", &["domain"]),
    ("directory", &["domain"]),
    ("readmodel", &["domain"]),
    ("messaging", &["domain"]),
    ("whatsapp", &["domain"]),
    ("engine", &["domain", "eventstore", "directory"]),
    ("api", &["domain", "directory", "readmodel", "messaging", "whatsapp"]),
    (
        "onboarding",
        &[
            "domain",
            "eventstore",
            "directory",
            "readmodel",
            "messaging",
            "whatsapp",
            "engine",
            "api",
            "devservers",
        ],
    ),
    ("devservers", &[]),
    ("acceptance", &["onboarding", "domain", "devservers"]),
    ("lab", &["acceptance", "onboarding", "domain", "devservers"]),
    ("properties", &["domain", "directory", "messaging", "whatsapp"]),
];

/// Packages that only some crates may use directly.
const OWNED: &[(&str, &[&str])] = &[
    ("async-nats", &["messaging", "onboarding", "lab"]),
    ("sqlx", &["eventstore", "directory", "readmodel", "api", "onboarding", "acceptance", "lab"]),
    ("axum", &["whatsapp", "api", "onboarding"]),
];

#[test]
fn crates_import_only_what_the_architecture_allows() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let allowed: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let members: BTreeSet<_> = metadata.packages.iter().map(|p| p.name.to_string()).collect();
    assert_eq!(members, allowed.keys().map(ToString::to_string).collect(), "the table is complete");
    for package in &metadata.packages {
        let name = package.name.as_str();
        let direct = package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development);
        for dependency in direct {
            if members.contains(&dependency.name) {
                assert!(
                    allowed[name].contains(&dependency.name.as_str()),
                    "{name} must not import {}",
                    dependency.name
                );
            }
            if let Some((_, owners)) = OWNED.iter().find(|(owned, _)| *owned == dependency.name) {
                assert!(owners.contains(&name), "{name} must not use {}", dependency.name);
            }
        }
    }
}

#[test]
fn the_write_side_and_the_read_side_never_meet() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let apart = ["eventstore", "directory", "readmodel", "messaging", "whatsapp"];
    for package in metadata.packages.iter().filter(|p| apart.contains(&p.name.as_str())) {
        for dependency in &package.dependencies {
            assert!(
                !apart.contains(&dependency.name.as_str()),
                "{} must not import {}, not even in tests",
                package.name,
                dependency.name
            );
        }
    }
}

/// Every path that the documents name exists.
#[test]
fn the_documents_name_paths_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut documents = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                documents.push(path);
            }
        }
    }
    let mut checked = 0;
    for document in documents {
        let text = std::fs::read_to_string(&document).unwrap();
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = [
                "crates/",
                "migrations/",
                "deploy/",
                "docs/",
                "fuzz/",
                "tests/",
                ".ci/",
                ".cargo/",
            ]
            .iter()
            .any(|top| quoted.starts_with(top));
            if is_path && !quoted.contains([' ', '*', '<', '{']) {
                checked += 1;
                assert!(root.join(quoted).exists(), "{}: {quoted}", document.display());
            }
        }
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                checked += 1;
                assert!(
                    document.parent().unwrap().join(target).exists(),
                    "{}: {link}",
                    document.display()
                );
            }
        }
    }
    assert!(checked > 10, "only {checked} paths were found: does the test still read them?");
}

/// Every test that the page on security relies on exists. Their names are the only words there with
/// underscores.
#[test]
fn the_page_on_security_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/SECURITY.md")).unwrap();
    let mut sources = String::new();
    let mut folders = vec![root.join("crates"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let is_name = |text: &&str| {
        text.contains('_')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b"_0123456789".contains(&b))
    };
    let names: BTreeSet<_> = page.split('`').skip(1).step_by(2).filter(is_name).collect();
    assert!(names.len() > 40, "only {} tests were found on the page", names.len());
    for name in names {
        assert!(sources.contains(&format!("fn {name}()")), "there is no test {name}");
    }
}

/// The README shows the table that the demo prints when all is well.
#[test]
fn the_readme_shows_what_the_demo_plays() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let table = onboarding::demo::scenes::expected_table();
    assert!(readme.contains(&table), "the README's table must be:\n{table}");
}
