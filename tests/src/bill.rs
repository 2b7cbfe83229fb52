//! The bill of materials: what the program is made of, as CycloneDX 1.6, from what cargo resolves.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use serde_json::{Value, json};

/// The package whose bill it is.
const PROGRAM: &str = "onboarding";

/// What cargo knows of the workspace and all that it depends on, by `Cargo.lock`.
///
/// # Errors
/// Cargo refuses: the lock file is not up to date, or a package is neither here nor to be had.
pub fn metadata() -> anyhow::Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
    command.other_options(["--locked".to_owned()]);
    command.exec().context("asking cargo for the packages")
}

/// The packages that the program or its building is made of, on any platform, and on which each
/// depends. What only tests need is not among them.
///
/// # Errors
/// Cargo has resolved nothing.
pub fn built_in(metadata: &Metadata) -> anyhow::Result<BTreeMap<&PackageId, BTreeSet<&PackageId>>> {
    let resolve = metadata.resolve.as_ref().context("cargo has resolved nothing")?;
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let program = metadata.packages.iter().find(|package| package.name.as_str() == PROGRAM);
    let mut waiting = vec![&program.context("there is no program")?.id];
    let mut found: BTreeMap<&PackageId, BTreeSet<&PackageId>> = BTreeMap::new();
    while let Some(id) = waiting.pop() {
        if found.contains_key(id) {
            continue;
        }
        let node = nodes.get(id).context("cargo has not resolved a package")?;
        let needed = node.deps.iter().filter(|dependency| {
            let mut kinds = dependency.dep_kinds.iter();
            kinds.any(|kind| kind.kind != DependencyKind::Development)
        });
        let needed: BTreeSet<&PackageId> = needed.map(|dependency| &dependency.pkg).collect();
        waiting.extend(&needed);
        found.insert(id, needed);
    }
    Ok(found)
}

/// The bill as JSON: the same each time for the same `Cargo.lock`, so without a number and a time.
///
/// # Errors
/// Cargo refuses, or a package names no license.
pub fn bill_of_materials() -> anyhow::Result<Value> {
    let metadata = metadata()?;
    let found = built_in(&metadata)?;
    let (mut components, mut dependencies, mut program) = (vec![], vec![], Value::Null);
    for (id, needed) in &found {
        let package = &metadata[*id];
        let needed: Vec<_> = needed.iter().map(|id| url(&metadata[*id])).collect();
        dependencies.push(json!({ "ref": url(package), "dependsOn": needed }));
        if package.name.as_str() == PROGRAM {
            program = component(package, "application")?;
        } else {
            components.push(component(package, "library")?);
        }
    }
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": program },
        "components": components,
        "dependencies": dependencies,
    }))
}

fn component(package: &Package, kind: &str) -> anyhow::Result<Value> {
    let license = package.license.as_deref();
    let license = license.with_context(|| format!("{} names no license", package.name))?;
    Ok(json!({
        "type": kind,
        "bom-ref": url(package),
        "name": package.name.as_str(),
        "version": package.version.to_string(),
        "purl": url(package),
        "licenses": [{ "expression": expression(license) }],
    }))
}

/// Package URL: what scanners for known holes look up.
fn url(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

/// A license as an SPDX expression; older packages write a slash for `OR`.
pub fn expression(license: &str) -> String {
    license.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ")
}
