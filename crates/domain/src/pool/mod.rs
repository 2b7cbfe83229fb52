//! The secondary number pool: its numbers, whether they take new rooms, and how
//! many open rooms each carries. Counts, not rooms: the state stays small.

mod command;
mod decide;
mod event;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use command::{PoolCommand, PoolRejection};
pub use event::{PoolEvent, Service};

use crate::company::{NumberSpec, PoolRules};
use crate::flow::{NumberFacts, PoolFacts};
use crate::ids::{PhoneNumberId, PoolId};

/// One pool's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecondaryNumberPool {
    /// The directory has not brought it yet.
    #[default]
    Absent,
    /// It has numbers, or had.
    Present {
        /// Which pool it is.
        pool_id: PoolId,
        /// Every number that ever was in it.
        numbers: BTreeMap<PhoneNumberId, PoolNumber>,
    },
}

/// One number of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolNumber {
    /// What the directory says of it.
    pub spec: NumberSpec,
    /// Whether it takes new rooms.
    pub status: NumberStatus,
    /// How many open rooms it carries.
    pub load: u32,
}

/// Whether a number takes new rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NumberStatus {
    /// It does.
    InService,
    /// Not for the time being; its open rooms go on.
    Suspended,
    /// No more; its open rooms go on.
    Draining,
    /// It is no longer in the directory; its open rooms go on.
    Removed,
}

impl NumberStatus {
    /// The name as queries write it; what operators set has the same.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InService => "in_service",
            Self::Suspended => "suspended",
            Self::Draining => "draining",
            Self::Removed => "removed",
        }
    }
}

impl From<Service> for NumberStatus {
    fn from(service: Service) -> Self {
        match service {
            Service::InService => Self::InService,
            Service::Suspended => Self::Suspended,
            Service::Draining => Self::Draining,
        }
    }
}

impl SecondaryNumberPool {
    /// The state after one more event. Total: an event that cannot follow
    /// changes nothing.
    pub fn evolve(&mut self, event: &PoolEvent) {
        match event {
            PoolEvent::PoolCreated { pool_id, .. } => {
                if matches!(self, Self::Absent) {
                    *self = Self::Present { pool_id: pool_id.clone(), numbers: BTreeMap::new() };
                }
            }
            PoolEvent::NumberAdded { spec, .. } => {
                let Self::Present { numbers, .. } = self else { return };
                let load = numbers.get(&spec.number).map_or(0, |number| number.load);
                numbers.insert(
                    spec.number.clone(),
                    PoolNumber { spec: spec.clone(), status: NumberStatus::InService, load },
                );
            }
            PoolEvent::NumberChanged { spec, .. } => {
                if let Some(number) = self.number_mut(&spec.number) {
                    number.spec = spec.clone();
                }
            }
            PoolEvent::NumberRemoved { number, .. } => {
                if let Some(number) = self.number_mut(number) {
                    number.status = NumberStatus::Removed;
                }
            }
            PoolEvent::NumberServiceChanged { number, service, .. } => {
                if let Some(number) = self.number_mut(number) {
                    number.status = (*service).into();
                }
            }
            PoolEvent::NumberReserved { number, .. } => {
                if let Some(number) = self.number_mut(number) {
                    number.load += 1;
                }
            }
            PoolEvent::NumberReleased { number, .. } => {
                if let Some(number) = self.number_mut(number) {
                    number.load = number.load.saturating_sub(1);
                }
            }
        }
    }

    /// The pool as a decision sees it, in the order of its numbers.
    pub fn facts(&self, rules: PoolRules) -> PoolFacts {
        let numbers = self
            .numbers()
            .map(|number| NumberFacts {
                spec: number.spec.clone(),
                in_service: number.status == NumberStatus::InService,
                load: number.load,
            })
            .collect();
        PoolFacts { rules, numbers }
    }

    /// Its numbers, in order.
    pub fn numbers(&self) -> impl Iterator<Item = &PoolNumber> {
        let numbers = match self {
            Self::Absent => None,
            Self::Present { numbers, .. } => Some(numbers.values()),
        };
        numbers.into_iter().flatten()
    }

    fn number_mut(&mut self, number: &PhoneNumberId) -> Option<&mut PoolNumber> {
        match self {
            Self::Absent => None,
            Self::Present { numbers, .. } => numbers.get_mut(number),
        }
    }
}
