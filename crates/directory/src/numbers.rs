//! One secondary number joins or leaves a company's pool, by the rules that a file is read by.

use domain::flow::OperatorRefusal;
use domain::ids::PhoneNumberId;
use domain::input::NewNumber;

use crate::model::{CAPACITY, Company, OfficialAccount, Secondary};

impl Company {
    /// Adds a secondary number to a pool, and its official account if the company has not got it.
    /// `false`: it is there already, just so.
    pub(crate) fn add_number(&mut self, new: &NewNumber) -> Result<bool, OperatorRefusal> {
        let NewNumber { pool, number, display_number, country, capacity } = new;
        if capacity.is_some_and(|rooms| !CAPACITY.contains(&rooms)) {
            return Err(OperatorRefusal::CapacityOutOfRange);
        }
        let country = country.or_else(|| display_number.country());
        let country = country.ok_or(OperatorRefusal::NoCountry)?;
        let unknown = || OperatorRefusal::UnknownPool(pool.clone());
        let at = self.pools.iter().position(|it| it.id == *pool).ok_or_else(unknown)?;
        let app = self.account(&self.pools[at].primary).ok_or_else(unknown)?.app.clone();
        let secondary = Secondary { phone_number_id: number.clone(), capacity: *capacity, country };

        let account = self.account(number);
        let looks_so = account.is_none_or(|account| account.display_number == *display_number);
        if looks_so && self.pools[at].secondaries.contains(&secondary) {
            return Ok(false);
        }
        if !looks_so || self.is_in_a_pool(number) {
            return Err(OperatorRefusal::NumberExists(number.clone()));
        }
        if account.is_some_and(|account| account.app != app) {
            return Err(OperatorRefusal::OtherApp(number.clone()));
        }
        let mut others = self.official_accounts.iter();
        let looks_the_same = |it: &&OfficialAccount| {
            it.display_number == *display_number && it.phone_number_id != *number
        };
        if let Some(other) = others.find(looks_the_same) {
            return Err(OperatorRefusal::DisplayNumberTaken(other.phone_number_id.clone()));
        }
        if account.is_none() {
            let account = OfficialAccount {
                phone_number_id: number.clone(),
                display_number: display_number.clone(),
                app,
                configuration_broken: false,
            };
            insert(&mut self.official_accounts, account, |it| &it.phone_number_id);
        }
        insert(&mut self.pools[at].secondaries, secondary, |it| &it.phone_number_id);
        Ok(true)
    }

    /// Takes a secondary number out of its pool. The official account stays, in no pool, so that
    /// what still comes about it is the company's. `false`: it is in no pool.
    pub(crate) fn remove_number(
        &mut self,
        number: &PhoneNumberId,
    ) -> Result<bool, OperatorRefusal> {
        if self.account(number).is_none() {
            return Err(OperatorRefusal::UnknownNumber(number.clone()));
        }
        if self.pools.iter().any(|pool| pool.primary == *number) {
            return Err(OperatorRefusal::NumberIsPrimary(number.clone()));
        }
        let was_in_a_pool = self.is_in_a_pool(number);
        for pool in &mut self.pools {
            pool.secondaries.retain(|secondary| secondary.phone_number_id != *number);
        }
        Ok(was_in_a_pool)
    }

    fn account(&self, number: &PhoneNumberId) -> Option<&OfficialAccount> {
        self.official_accounts.iter().find(|account| account.phone_number_id == *number)
    }

    fn is_in_a_pool(&self, number: &PhoneNumberId) -> bool {
        self.pools.iter().any(|pool| {
            let mut secondaries = pool.secondaries.iter();
            pool.primary == *number || secondaries.any(|it| it.phone_number_id == *number)
        })
    }
}

/// Lists are sorted by id.
fn insert<T>(list: &mut Vec<T>, new: T, id: fn(&T) -> &PhoneNumberId) {
    let at = list.partition_point(|it| id(it) < id(&new));
    list.insert(at, new);
}
