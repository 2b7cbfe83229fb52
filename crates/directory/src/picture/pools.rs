//! Which pools serve an organizational unit, in which order.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::company::{NumberSpec, PoolRules};
use domain::identity::{Country, PhoneNumber};
use domain::ids::{OuId, PhoneNumberId, PoolId};

use super::Picture;
use crate::model::{Company, Pool};

/// The tree of units.
pub(super) struct Units(HashMap<OuId, Unit>);

struct Unit {
    parent: Option<OuId>,
    /// Its own pool's place in `company.pools`.
    pool: Option<usize>,
}

impl Units {
    pub(super) fn new(company: &Company) -> Self {
        let units = company.organizational_units.iter();
        let mut units: HashMap<_, _> = units
            .map(|unit| (unit.id.clone(), Unit { parent: unit.parent.clone(), pool: None }))
            .collect();
        for (at, pool) in company.pools.iter().enumerate() {
            for id in &pool.organizational_units {
                if let Some(unit) = units.get_mut(id) {
                    unit.pool = Some(at);
                }
            }
        }
        Self(units)
    }

    /// The unit and those above it, as far as there are any.
    fn upward(&self, unit: &OuId) -> impl Iterator<Item = &Unit> {
        let parent = |unit: &&Unit| unit.parent.as_ref().and_then(|parent| self.0.get(parent));
        std::iter::successors(self.0.get(unit), parent).take(self.0.len())
    }
}

impl Picture {
    /// The pools to try for a client of a user in this unit, in order: the unit's own, or
    /// that of the nearest unit above that has one; then, while a pool falls back upward,
    /// the next one further up. No pool comes twice.
    pub fn pool_chain(&self, unit: &OuId, client_country: Option<Country>) -> Vec<PoolRules> {
        let company = &self.0.company.id;
        let rules = |pool: &Pool| PoolRules {
            pool_id: PoolId { company: company.clone(), key: pool.id.clone() },
            mapped_country: client_country.and_then(|c| pool.geography.get(&c)).copied(),
            default_region: pool.default_region,
        };
        self.chain(unit).map(rules).collect()
    }

    pub(super) fn chain(&self, unit: &OuId) -> impl Iterator<Item = &Pool> {
        let pools = &self.0.company.pools;
        let mut seen = HashSet::new();
        let mut goes_on = true;
        self.0
            .units
            .upward(unit)
            .filter_map(|unit| unit.pool)
            .filter(move |at| seen.insert(*at))
            .map(|at| &pools[at])
            .take_while(move |pool| std::mem::replace(&mut goes_on, pool.fallback_upward))
    }
}

/// The numbers of each pool that carry rooms.
pub(super) fn specs(company: &Company) -> BTreeMap<PoolId, Vec<NumberSpec>> {
    let accounts = company.official_accounts.iter();
    let displays: HashMap<&PhoneNumberId, &PhoneNumber> =
        accounts.map(|a| (&a.phone_number_id, &a.display_number)).collect();
    let numbers = |pool: &Pool| {
        let spec = |secondary: &crate::model::Secondary| {
            let display = displays.get(&secondary.phone_number_id)?;
            Some(NumberSpec {
                number: secondary.phone_number_id.clone(),
                display: (*display).clone(),
                country: secondary.country,
                capacity: secondary.capacity,
            })
        };
        pool.secondaries.iter().filter_map(spec).collect()
    };
    let id = |pool: &Pool| PoolId { company: company.id.clone(), key: pool.id.clone() };
    company.pools.iter().map(|pool| (id(pool), numbers(pool))).collect()
}
