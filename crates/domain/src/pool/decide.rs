//! What a pool makes of a command.

use std::collections::BTreeSet;

use super::{
    NumberStatus, PoolCommand, PoolEvent, PoolNumber, PoolRejection, SecondaryNumberPool, Service,
};
use crate::company::NumberSpec;
use crate::ids::{PhoneNumberId, PoolId};
use crate::personal::Personal;

impl SecondaryNumberPool {
    /// The events that a command leads to: none if it is already so.
    ///
    /// # Errors
    /// Why it is not allowed.
    pub fn decide(&self, command: &PoolCommand) -> Result<Vec<PoolEvent>, PoolRejection> {
        match command {
            PoolCommand::Synchronise { pool_id, specs, directory_version } => {
                Ok(self.synchronise(pool_id, specs, *directory_version))
            }
            PoolCommand::SetService { number, service, at, by } => {
                let changed = PoolEvent::NumberServiceChanged {
                    number: number.clone(),
                    service: *service,
                    at: *at,
                    by: by.clone(),
                };
                match self.find(number)?.status {
                    NumberStatus::Removed => Err(PoolRejection::NoSuchNumber(number.clone())),
                    now if now == NumberStatus::from(*service) => Ok(vec![]),
                    _ => Ok(vec![changed]),
                }
            }
            PoolCommand::SuspendUnhealthy { number, at, code } => {
                let suspended = PoolEvent::NumberServiceChanged {
                    number: number.clone(),
                    service: Service::Suspended,
                    at: *at,
                    by: Personal::new(format!("WhatsApp's error {code}")),
                };
                let in_service = self.find(number)?.status == NumberStatus::InService;
                Ok(if in_service { vec![suspended] } else { vec![] })
            }
            PoolCommand::ReserveNumber { number, room_id } => {
                let found = self.find(number)?;
                if found.status != NumberStatus::InService {
                    return Err(PoolRejection::NotInService(number.clone()));
                }
                if found.spec.capacity.is_some_and(|capacity| found.load >= capacity) {
                    return Err(PoolRejection::AtCapacity(number.clone()));
                }
                Ok(vec![PoolEvent::NumberReserved { number: number.clone(), room_id: *room_id }])
            }
            PoolCommand::ReleaseNumber { number, room_id } => {
                if self.find(number)?.load == 0 {
                    return Err(PoolRejection::NothingToRelease(number.clone()));
                }
                Ok(vec![PoolEvent::NumberReleased { number: number.clone(), room_id: *room_id }])
            }
        }
    }

    fn find(&self, number: &PhoneNumberId) -> Result<&PoolNumber, PoolRejection> {
        self.numbers()
            .find(|n| n.spec.number == *number)
            .ok_or_else(|| PoolRejection::NoSuchNumber(number.clone()))
    }

    fn synchronise(&self, pool_id: &PoolId, specs: &[NumberSpec], version: u64) -> Vec<PoolEvent> {
        let created = matches!(self, Self::Absent).then(|| PoolEvent::PoolCreated {
            pool_id: pool_id.clone(),
            company: pool_id.company.clone(),
            directory_version: version,
        });
        let listed = specs.iter().filter_map(|spec| match self.find(&spec.number) {
            Ok(known) if known.status == NumberStatus::Removed => {
                Some(PoolEvent::NumberAdded { spec: spec.clone(), directory_version: version })
            }
            Ok(known) if known.spec != *spec => {
                Some(PoolEvent::NumberChanged { spec: spec.clone(), directory_version: version })
            }
            Ok(_) => None,
            Err(_) => {
                Some(PoolEvent::NumberAdded { spec: spec.clone(), directory_version: version })
            }
        });
        let kept: BTreeSet<_> = specs.iter().map(|spec| &spec.number).collect();
        let removed = self
            .numbers()
            .filter(|n| n.status != NumberStatus::Removed && !kept.contains(&n.spec.number))
            .map(|n| PoolEvent::NumberRemoved {
                number: n.spec.number.clone(),
                directory_version: version,
            });
        created.into_iter().chain(listed).chain(removed).collect()
    }
}
