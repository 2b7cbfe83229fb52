//! Row 7: which secondary number carries a new room.

use super::decision::{ConsideredNumber, NumberChoice, NumberVerdict, Preference, SelectionStep};
use super::facts::{NumberFacts, PoolFacts, RoomFacts};
use crate::identity::Country;
use crate::ids::{PhoneNumberId, UserId};
use crate::input::Timestamp;

/// Who needs a number, and which numbers it has or had.
pub(super) struct Need<'a> {
    pub(super) user: &'a UserId,
    pub(super) country: Option<Country>,
    pub(super) rooms: &'a [&'a RoomFacts],
    pub(super) failed: &'a [PhoneNumberId],
    pub(super) at: Timestamp,
}

/// Goes through the pools in order and through the steps in each; the first
/// step with an available number gives it. A step whose numbers are all taken
/// falls through to the next.
pub(super) fn choose(
    pools: &[PoolFacts],
    need: &Need<'_>,
) -> (Option<NumberChoice>, Vec<ConsideredNumber>) {
    let mut considered = vec![];
    for pool in pools {
        let steps = steps(pool, need.country);
        let chosen = steps.iter().find_map(|(step, country)| {
            let best = pool
                .numbers
                .iter()
                .filter(|n| n.spec.country == *country && need.verdict(n).is_none())
                .min_by_key(|n| (need.preference(n), n.load, &n.spec.number))?;
            Some(NumberChoice {
                number: best.spec.number.clone(),
                pool_id: pool.pool_id().clone(),
                step: *step,
                preference: need.preference(best),
            })
        });
        considered.extend(pool.numbers.iter().map(|n| {
            let is_chosen = chosen.as_ref().is_some_and(|c| c.number == n.spec.number);
            let verdict = if is_chosen {
                NumberVerdict::Chosen
            } else if !steps.iter().any(|(_, country)| n.spec.country == *country) {
                NumberVerdict::OtherRegion
            } else {
                need.verdict(n).unwrap_or(NumberVerdict::NotPreferred)
            };
            let pool_id = pool.pool_id().clone();
            ConsideredNumber { number: n.spec.number.clone(), pool_id, verdict }
        }));
        if chosen.is_some() {
            return (chosen, considered);
        }
    }
    (None, considered)
}

fn steps(pool: &PoolFacts, client: Option<Country>) -> Vec<(SelectionStep, Country)> {
    [
        (SelectionStep::ClientCountry, client),
        (SelectionStep::MappedCountry, pool.rules.mapped_country),
        (SelectionStep::DefaultRegion, pool.rules.default_region),
    ]
    .into_iter()
    .filter_map(|(step, country)| Some((step, country?)))
    .collect()
}

impl Need<'_> {
    /// Why a number is not available to this client, if it is not.
    fn verdict(&self, number: &NumberFacts) -> Option<NumberVerdict> {
        let on_number = || self.rooms.iter().filter(|r| r.number == number.spec.number);
        // The same user and client may take their pair again at once.
        let rests = |r: &&&RoomFacts| r.is_quarantined(self.at) && r.user_id != *self.user;
        if self.failed.contains(&number.spec.number) {
            Some(NumberVerdict::Failed)
        } else if !number.in_service {
            Some(NumberVerdict::NotInService)
        } else if on_number().any(|r| r.is_open()) {
            Some(NumberVerdict::OpenRoom)
        } else if on_number().any(|r| rests(&r)) {
            Some(NumberVerdict::Quarantined)
        } else if !number.has_room() {
            Some(NumberVerdict::AtCapacity)
        } else {
            None
        }
    }

    fn preference(&self, number: &NumberFacts) -> Preference {
        let mut before = self.rooms.iter().filter(|r| r.number == number.spec.number).peekable();
        if before.peek().is_none() {
            Preference::Unused
        } else if before.any(|r| r.user_id == *self.user) {
            Preference::Sticky
        } else {
            Preference::LeastLoaded
        }
    }
}
