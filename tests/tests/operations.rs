//! What operators read is what the program does.

#![expect(clippy::unwrap_used, reason = "a test's helper that cannot go on says so by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every metric that the code names, with its kind: `("onboarding_inputs_total", "counter")`.
fn metrics_of_the_code() -> BTreeSet<(String, String)> {
    let mut metrics = BTreeSet::new();
    let mut files = vec![];
    for krate in std::fs::read_dir(root().join("crates")).unwrap() {
        sources(&krate.unwrap().path().join("src"), &mut files);
    }
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for kind in ["counter", "gauge", "histogram"] {
            for call in text.split(&format!("metrics::{kind}!(")).skip(1) {
                let name =
                    call.trim_start().strip_prefix('"').expect("a metric's name is a literal");
                metrics.insert((name.split('"').next().unwrap().to_owned(), kind.to_owned()));
            }
        }
    }
    metrics
}

#[test]
fn every_metric_is_in_the_table_and_no_other() {
    let text = std::fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `onboarding_"));
    let documented: BTreeSet<_> = rows
        .map(|row| {
            let mut cells = row.split('|').map(str::trim).skip(1);
            let name = cells.next().unwrap().trim_matches('`').to_owned();
            (name, cells.next().unwrap().to_owned())
        })
        // The table of alarms begins its rows with metrics too.
        .filter(|(_, kind)| ["counter", "gauge", "histogram"].contains(&kind.as_str()))
        .collect();
    let named = metrics_of_the_code();
    assert!(named.len() > 15, "only {} metrics were found in the code", named.len());
    assert_eq!(documented, named, "documented on the left, in the code on the right");
}
