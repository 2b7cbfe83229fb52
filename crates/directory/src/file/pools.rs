//! Pools: which numbers work together, for whom, and in which countries.

use std::collections::{BTreeSet, HashMap};

use domain::ids::{OuId, PhoneNumberId};

use super::accounts::Accounts;
use super::ids::Declared;
use super::spot::{Record, Spot};
use super::texts::{country, country_pairs};
use super::units::Units;
use crate::model::{CAPACITY, OfficialAccount, Pool, Secondary};

const FIELDS: [&str; 7] = [
    "id",
    "primary",
    "secondaries",
    "organizational_units",
    "geography",
    "default_region",
    "fallback_upward",
];

/// Reads `pools`.
pub(super) fn read<'a>(
    company: &Record<'a>,
    units: &Units<'a>,
    accounts: &Accounts<'a>,
) -> Vec<Pool> {
    let mut ids = Declared::new("pool");
    let mut places = Places { units, accounts, numbers: HashMap::new(), ous: HashMap::new() };
    let read = |spot: Spot<'a>| {
        let record = spot.record(&FIELDS)?;
        let id_spot = record.required("id");
        let id = id_spot.as_ref().and_then(|id| ids.declare(id));
        let pool = id_spot.and_then(|id| id.text()).unwrap_or("?");
        let primary =
            record.required("primary").and_then(|spot| places.number(pool, "the primary", &spot));
        let app = primary.as_ref().and_then(|id| accounts.get(id.as_str()));
        let secondaries = secondaries(&record, pool, app, &mut places);
        let organizational_units = places.organizational_units(&record, pool);
        let geography = country_pairs(&record, "geography", country);
        let default_region = record.optional("default_region").and_then(|spot| country(&spot));
        let fallback_upward = record.switch_or("fallback_upward", false);
        Some(Pool {
            id: id?,
            primary: primary?,
            secondaries,
            organizational_units,
            geography,
            default_region,
            fallback_upward,
        })
    };
    let mut pools: Vec<_> = company.list("pools").into_iter().filter_map(read).collect();
    pools.sort_by(|a, b| a.id.cmp(&b.id));
    pools
}

fn secondaries<'a>(
    pool_record: &Record<'a>,
    pool: &'a str,
    primary: Option<&OfficialAccount>,
    places: &mut Places<'a, '_>,
) -> Vec<Secondary> {
    let read = |spot: Spot<'a>| {
        let record = spot.record(&["phone_number_id", "capacity", "country"])?;
        let number = record.required("phone_number_id");
        let id = number.as_ref().and_then(|spot| places.number(pool, "a secondary", spot));
        let account = id.as_ref().and_then(|id| places.accounts.get(id.as_str()));
        if let (Some(primary), Some(account), Some(spot)) = (primary, account, &number)
            && primary.app != account.app
        {
            spot.fault(format!(
                "is of app '{}', the pool's primary of '{}'; all numbers of a pool must be of one \
                 app, because a client's id holds only there",
                account.app, primary.app
            ));
        }
        let capacity = record.optional("capacity").and_then(|s| s.whole(CAPACITY, "rooms"));
        let country = match (record.optional("country"), account) {
            (Some(given), _) => country(&given),
            (None, Some(account)) => own_country(&spot, account),
            (None, None) => None, // The account has a fault already.
        };
        Some(Secondary { phone_number_id: id?, capacity, country: country? })
    };
    let mut list: Vec<_> = pool_record.list("secondaries").into_iter().filter_map(read).collect();
    list.sort_by(|a, b| a.phone_number_id.cmp(&b.phone_number_id));
    list
}

fn own_country(spot: &Spot<'_>, account: &OfficialAccount) -> Option<domain::identity::Country> {
    let country = account.display_number.country();
    if country.is_none() {
        spot.fault("its country cannot be told from the display number; add country");
    }
    country
}

/// Where each number and each unit is: in one pool at most.
struct Places<'a, 'b> {
    units: &'b Units<'a>,
    accounts: &'b Accounts<'a>,
    numbers: HashMap<&'a str, (String, usize)>,
    ous: HashMap<&'a str, (&'a str, usize)>,
}

impl<'a> Places<'a, '_> {
    fn number(&mut self, pool: &str, role: &str, spot: &Spot<'a>) -> Option<PhoneNumberId> {
        let text = spot.text()?;
        let id = self.accounts.declared.refer(spot);
        if let Some((place, line)) = self.numbers.get(text) {
            spot.fault(format!(
                "'{text}' is {place} on line {line} already; a number has one place only"
            ));
            return None;
        }
        self.numbers.insert(text, (format!("{role} of pool '{pool}'"), spot.line()));
        id
    }

    fn organizational_units(&mut self, record: &Record<'a>, pool: &'a str) -> BTreeSet<OuId> {
        let mut units = BTreeSet::new();
        for spot in record.list("organizational_units") {
            let Some(text) = spot.text() else { continue };
            units.extend(self.units.declared.refer::<OuId>(&spot));
            if let Some((other, line)) = self.ous.insert(text, (pool, spot.line())) {
                spot.fault(format!(
                    "organizational unit '{text}' is in pool '{other}' on line {line} already; a \
                     unit has one pool"
                ));
            }
        }
        units
    }
}
