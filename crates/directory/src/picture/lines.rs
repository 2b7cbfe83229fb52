//! What the company's numbers are used for.

use std::collections::{HashMap, HashSet};

use domain::company::Line;
use domain::identity::{PhoneNumber, Sender};
use domain::ids::{PhoneNumberId, PoolId};

use crate::model::Company;

/// The company's numbers.
pub(super) struct Lines {
    /// The line, and the place in `official_accounts`.
    by_number: HashMap<PhoneNumberId, (Line, usize)>,
    /// Digits of the display numbers, also as WhatsApp may write them otherwise.
    own: HashSet<String>,
}

impl Lines {
    pub(super) fn new(company: &Company) -> Self {
        let accounts = company.official_accounts.iter().enumerate();
        let displays: HashMap<&PhoneNumberId, &PhoneNumber> =
            accounts.clone().map(|(_, a)| (&a.phone_number_id, &a.display_number)).collect();
        let mut by_number: HashMap<_, _> =
            accounts.map(|(at, a)| (a.phone_number_id.clone(), (Line::Unpooled, at))).collect();
        let mut set = |number: &PhoneNumberId, line: Line| {
            if let Some(entry) = by_number.get_mut(number) {
                entry.0 = line;
            }
        };
        for pool in &company.pools {
            let id = PoolId { company: company.id.clone(), key: pool.id.clone() };
            set(&pool.primary, Line::Primary { pool: id.clone() });
            let Some(primary) = displays.get(&pool.primary) else { continue };
            for secondary in &pool.secondaries {
                let line = Line::Secondary { pool: id.clone(), primary: (*primary).clone() };
                set(&secondary.phone_number_id, line);
            }
        }
        let with_variants = |number: &PhoneNumber| {
            let variants = number.variants();
            std::iter::once(number.clone()).chain(variants).map(|n| n.digits().to_owned())
        };
        let own = displays.values().flat_map(|number| with_variants(number)).collect();
        Self { by_number, own }
    }

    pub(super) fn line(&self, number: &PhoneNumberId) -> Option<&Line> {
        self.by_number.get(number).map(|(line, _)| line)
    }

    pub(super) fn place(&self, number: &PhoneNumberId) -> Option<usize> {
        self.by_number.get(number).map(|(_, at)| *at)
    }

    pub(super) fn is_own(&self, sender: &Sender) -> bool {
        let phone = sender.phone.as_ref().map(|phone| phone.expose().digits());
        let wa_id = sender.wa_id.as_ref().map(|id| id.expose().as_str());
        phone.into_iter().chain(wa_id).any(|digits| self.own.contains(digits))
    }
}
