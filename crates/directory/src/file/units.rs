//! Organizational units and external companies.

use std::collections::{HashMap, HashSet};

use domain::ids::OuId;

use super::ids::Declared;
use super::spot::{Record, Spot};
use crate::model::{ExternalCompany, OrganizationalUnit};

/// The organizational units of a company.
pub(super) struct Units<'a> {
    pub(super) list: Vec<OrganizationalUnit>,
    pub(super) declared: Declared<'a>,
}

impl<'a> Units<'a> {
    pub(super) fn read(company: &Record<'a>) -> Self {
        let mut declared = Declared::new("organizational unit");
        let mut parents = Vec::new();
        let mut list = Vec::new();
        for spot in company.list("organizational_units") {
            let Some(record) = spot.record(&["id", "name", "parent"]) else { continue };
            let id: Option<OuId> = record.required("id").and_then(|id| declared.declare(&id));
            let name = record.name();
            let (Some(id), Some(name)) = (id, name) else { continue };
            parents.push((list.len(), record.optional("parent")));
            list.push(OrganizationalUnit { id, name, parent: None });
        }
        // A parent may come after its children, hence once all are declared.
        let mut places = HashMap::new();
        for (at, spot) in parents {
            let Some(spot) = spot else { continue };
            list[at].parent = declared.refer(&spot);
            places.insert(list[at].id.clone(), spot);
        }
        note_cycles(&list, &places);
        list.sort_by(|a, b| a.id.cmp(&b.id));
        Self { list, declared }
    }
}

/// Notes each cycle once, where its unit that comes first in the file names its parent.
fn note_cycles(list: &[OrganizationalUnit], places: &HashMap<OuId, Spot<'_>>) {
    let parents: HashMap<&OuId, &OuId> =
        list.iter().filter_map(|unit| Some((&unit.id, unit.parent.as_ref()?))).collect();
    let mut done = HashSet::new();
    for unit in list {
        let mut way = vec![&unit.id];
        let mut on_way = HashSet::from([&unit.id]);
        while let Some(parent) = way.last().and_then(|last| parents.get(*last)) {
            if done.contains(parent) {
                break;
            }
            way.push(parent);
            if !on_way.insert(*parent) {
                note_cycle(&way, places);
                break;
            }
        }
        done.extend(on_way);
    }
}

/// `way` ends with the unit that closes the cycle.
fn note_cycle(way: &[&OuId], places: &HashMap<OuId, Spot<'_>>) {
    let Some(closing) = way.last() else { return };
    let cycle: Vec<&str> =
        way.iter().skip_while(|id| *id != closing).map(|id| id.as_str()).collect();
    if let Some(spot) = places.get(*closing) {
        let cycle = cycle.join(" → ");
        spot.fault(format!("the parents form a cycle: {cycle}; take one of them away"));
    }
}

/// Reads `external_companies`.
pub(super) fn external_companies<'a>(company: &Record<'a>) -> (Vec<ExternalCompany>, Declared<'a>) {
    let mut declared = Declared::new("external company");
    let read = |spot: Spot<'a>| {
        let record = spot.record(&["id", "name"])?;
        let id = record.required("id").and_then(|id| declared.declare(&id));
        let name = record.name();
        Some(ExternalCompany { id: id?, name: name? })
    };
    let mut list: Vec<_> =
        company.list("external_companies").into_iter().filter_map(read).collect();
    list.sort_by(|a, b| a.id.cmp(&b.id));
    (list, declared)
}
