//! Reading a directory file: every fault in one go, each with its line.
//!
//! YAML becomes a tree with lines ([`tree`]); [`spot`] reads values out of it and
//! notes what does not fit; the other files are the format, section by section.
//! Serde is not used here because it stops at the first fault.

mod accounts;
mod company;
mod fault;
mod ids;
mod path;
mod pools;
mod spot;
mod texts;
mod tree;
mod units;
mod users;
mod words;

use std::cell::RefCell;

pub use fault::Fault;

use self::company::Reading;
use self::spot::Spot;
use crate::model::Directory;

/// Reads a directory file.
///
/// # Errors
/// Every fault of the file, by line. If the text is no YAML at all, the first place
/// where it is none. Faults name ids and extensions, never names of people.
pub fn parse_and_validate(yaml: &str) -> Result<Directory, Vec<Fault>> {
    let root = tree::read(yaml).map_err(|fault| vec![fault])?;
    let faults = RefCell::new(Vec::new());
    let directory = read(Spot::root(&root, &faults));
    let mut faults = faults.into_inner();
    faults.sort_by_key(|fault| fault.line);
    directory.filter(|_| faults.is_empty()).ok_or(faults)
}

fn read(root: Spot<'_>) -> Option<Directory> {
    let file = root.record(&["companies"])?;
    let list = file.required("companies")?;
    let items = list.items()?;
    if items.is_empty() {
        list.fault("names no company; give at least one");
    }
    let mut reading = Reading::default();
    let mut companies: Vec<_> =
        items.into_iter().filter_map(|item| reading.company(&item)).collect();
    companies.sort_by(|a, b| a.id.cmp(&b.id));
    Some(Directory { companies })
}
