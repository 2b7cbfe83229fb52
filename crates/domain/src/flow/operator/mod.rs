//! Operators' requests and new versions of the directory: those of a few lines here, each other one in
//! a file of its own. (`closing`, `reassigning` and `numbers` have more of them.)

mod promoting;
mod refusal;
mod registering;
mod resending;

use std::collections::{BTreeMap, BTreeSet};

pub use self::promoting::{Prospect, on_promote_prospect, prospect_of};
pub use self::refusal::{OperatorRefusal, check_version};
pub use self::registering::{RegisterFacts, on_register_client_profile};
pub use self::resending::{ResendFacts, on_resend_invitation};
use super::Command;
use crate::company::{Line, NumberSpec};
use crate::ids::{PhoneNumberId, PoolId, ProfileId};
use crate::input::Timestamp;
use crate::language::Language;
use crate::personal::Personal;
use crate::pool::{PoolCommand, Service};
use crate::profile::ProfileCommand;

/// An operator archives a profile: the company has it if it is `known`.
///
/// # Errors
/// Why it is refused.
pub fn on_archive_client_profile(
    actor: &Personal<String>,
    profile_id: ProfileId,
    known: bool,
    at: Timestamp,
) -> Result<Vec<Command>, OperatorRefusal> {
    if !known {
        return Err(OperatorRefusal::UnknownProfile(profile_id));
    }
    let archive = ProfileCommand::Archive { at, by: actor.clone() };
    Ok(vec![Command::Profile(profile_id, archive)])
}

/// An operator blocks the client of a profile, or unblocks it; the company has the profile if it
/// is `known`.
///
/// # Errors
/// Why it is refused.
pub fn on_block_client(
    actor: &Personal<String>,
    profile_id: ProfileId,
    blocked: bool,
    known: bool,
    at: Timestamp,
) -> Result<Vec<Command>, OperatorRefusal> {
    if !known {
        return Err(OperatorRefusal::UnknownProfile(profile_id));
    }
    let by = actor.clone();
    Ok(vec![Command::Profile(profile_id, ProfileCommand::SetBlocked { blocked, at, by })])
}

/// An operator says in which language a profile's client is written to; the company has the profile
/// if it is `known`, and says things in that language if it `speaks` it.
///
/// # Errors
/// Why it is refused.
pub fn on_set_client_language(
    actor: &Personal<String>,
    profile_id: ProfileId,
    language: Option<&Language>,
    (known, speaks): (bool, bool),
    at: Timestamp,
) -> Result<Vec<Command>, OperatorRefusal> {
    if !known {
        return Err(OperatorRefusal::UnknownProfile(profile_id));
    }
    if let Some(unknown) = language.filter(|_| !speaks) {
        return Err(OperatorRefusal::UnknownLanguage(unknown.clone()));
    }
    let (language, by) = (language.cloned(), actor.clone());
    Ok(vec![Command::Profile(profile_id, ProfileCommand::SetLanguage { language, at, by })])
}

/// An operator says whether a number takes new rooms; `line` is what the directory makes of it.
///
/// # Errors
/// Why it is refused.
pub fn on_set_number_service(
    actor: &Personal<String>,
    number: &PhoneNumberId,
    service: Service,
    line: Option<&Line>,
    at: Timestamp,
) -> Result<Vec<Command>, OperatorRefusal> {
    let Some(Line::Secondary { pool, .. }) = line else {
        return Err(OperatorRefusal::UnknownNumber(number.clone()));
    };
    let (number, by) = (number.clone(), actor.clone());
    Ok(vec![Command::Pool(pool.clone(), PoolCommand::SetService { number, service, at, by })])
}

/// A new version of the directory counts: each pool has exactly its numbers. A
/// pool that the directory no longer has keeps its open rooms and takes no new.
pub fn on_directory_version(
    version: u64,
    pools: &BTreeMap<PoolId, Vec<NumberSpec>>,
    gone: &BTreeSet<PoolId>,
) -> Vec<Command> {
    let none = Vec::new();
    let gone = gone.iter().map(|pool_id| (pool_id, &none));
    let synchronise = |(pool_id, specs): (&PoolId, &Vec<NumberSpec>)| {
        let command = PoolCommand::Synchronise {
            pool_id: pool_id.clone(),
            specs: specs.clone(),
            directory_version: version,
        };
        Command::Pool(pool_id.clone(), command)
    };
    pools.iter().chain(gone).map(synchronise).collect()
}
