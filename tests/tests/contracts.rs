//! What is published is what the code does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/contracts")
}

#[test]
fn the_committed_contracts_are_those_of_the_code() {
    let mut expected = BTreeSet::new();
    for (name, text) in onboarding::contracts::all() {
        let path = folder().join(&name);
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "{name} differs; run `cargo run -p onboarding -- contracts`");
        expected.insert(path);
    }
    assert!(expected.len() > 25, "every event has a schema");
    let mut folders = vec![folder()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert!(expected.contains(&path), "{} is not generated any more", path.display());
            }
        }
    }
}
