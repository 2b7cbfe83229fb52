//! Official accounts: the company's WhatsApp numbers.

use std::collections::HashMap;

use domain::identity::PhoneNumber;

use super::ids::Declared;
use super::spot::{Record, Spot};
use crate::model::OfficialAccount;

const FIELDS: [&str; 4] = ["phone_number_id", "display_number", "app", "configuration_broken"];

/// The official accounts of a company.
pub(super) struct Accounts<'a> {
    pub(super) list: Vec<OfficialAccount>,
    pub(super) declared: Declared<'a>,
}

impl<'a> Accounts<'a> {
    /// `taken` holds the company and the line of every account of the file so far.
    pub(super) fn read(
        company: &Record<'a>,
        company_id: &'a str,
        taken: &mut HashMap<&'a str, (&'a str, usize)>,
    ) -> Self {
        let mut declared = Declared::new("official account");
        let mut displays = HashMap::new();
        let read = |spot: Spot<'a>| {
            let record = spot.record(&FIELDS)?;
            let id_spot = record.required("phone_number_id");
            let id = id_spot.as_ref().and_then(|id| declared.declare(id));
            if let Some(spot) = id_spot {
                note_other_company(&spot, company_id, taken);
            }
            let display =
                record.required("display_number").and_then(|s| display(&s, &mut displays));
            let app = record.required("app").and_then(|spot| spot.parsed());
            let configuration_broken = record.switch_or("configuration_broken", false);
            Some(OfficialAccount {
                phone_number_id: id?,
                display_number: display?,
                app: app?,
                configuration_broken,
            })
        };
        let mut list: Vec<_> =
            company.list("official_accounts").into_iter().filter_map(read).collect();
        list.sort_by(|a, b| a.phone_number_id.cmp(&b.phone_number_id));
        Self { list, declared }
    }

    /// An account without faults, by its `phone_number_id`.
    pub(super) fn get(&self, phone_number_id: &str) -> Option<&OfficialAccount> {
        let at = self.list.binary_search_by(|a| a.phone_number_id.as_str().cmp(phone_number_id));
        self.list.get(at.ok()?)
    }
}

fn note_other_company<'a>(
    spot: &Spot<'a>,
    company: &'a str,
    taken: &mut HashMap<&'a str, (&'a str, usize)>,
) {
    let Some(id) = spot.text() else { return };
    match taken.get(id) {
        Some((owner, line)) if *owner != company => {
            spot.fault(format!(
                "company '{owner}' has the official account '{id}' on line {line}; \
                 leave it with one of them"
            ));
        }
        Some(_) => {} // Noted as declared twice.
        None => _ = taken.insert(id, (company, spot.line())),
    }
}

fn display(spot: &Spot<'_>, lines: &mut HashMap<PhoneNumber, usize>) -> Option<PhoneNumber> {
    let number: PhoneNumber = spot.parsed()?;
    if let Some(first) = lines.get(&number) {
        spot.fault(format!("the account on line {first} has this number already; correct one"));
        return None;
    }
    lines.insert(number.clone(), spot.line());
    Some(number)
}
