//! Operators' requests and new versions of the directory.

use std::collections::{BTreeMap, BTreeSet};

use super::Command;
use crate::company::NumberSpec;
use crate::identity::Identifier;
use crate::ids::{ClientId, CompanyId, ExternalCompanyId, PoolId, ProfileId, UserId};
use crate::input::{OperatorCommand, OperatorRequest, Timestamp};
use crate::personal::Personal;
use crate::pool::PoolCommand;
use crate::profile::ProfileCommand;

/// Why an operator's request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorRefusal {
    /// Nothing leads to the client.
    #[error("identifiers: give at least one of bsuid, wa_id and phone")]
    NoIdentifier,
    /// The directory has no such user.
    #[error("users: the company has no active user {0}")]
    UnknownUser(UserId),
    /// The directory has no such external company.
    #[error("external_company: the company has no external company {0}")]
    UnknownExternalCompany(ExternalCompanyId),
    /// Another profile holds the phone number, and the company wants them unique.
    #[error(
        "identifiers: profile {0} holds this phone number, and the company has unique_phone_number on"
    )]
    PhoneTaken(ProfileId),
}

impl OperatorRefusal {
    /// A stable name for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoIdentifier => "no-identifier",
            Self::UnknownUser(_) => "unknown-user",
            Self::UnknownExternalCompany(_) => "unknown-external-company",
            Self::PhoneTaken(_) => "phone-taken",
        }
    }
}

/// What is known when a client profile is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterFacts {
    /// The moment of the decision.
    pub at: Timestamp,
    /// The client that the identifiers lead to, if it is known.
    pub client_id: Option<ClientId>,
    /// A profile that holds the phone number already.
    pub phone_holder: Option<ProfileId>,
    /// Whether phone numbers are unique in the company.
    pub unique_phone_number: bool,
    /// Those of the named users whom the directory does not have.
    pub unknown_users: Vec<UserId>,
    /// Whether the directory has the named external company.
    pub external_company_known: bool,
}

/// An operator registers a client that the company knows already.
///
/// # Errors
/// Why it is refused.
pub fn on_register_client_profile(
    company: &CompanyId,
    command: &OperatorCommand,
    facts: &RegisterFacts,
) -> Result<(ProfileId, Vec<Command>), OperatorRefusal> {
    let OperatorRequest::RegisterClientProfile { identifiers, name, external_company, users } =
        &command.request;
    let identifiers: BTreeSet<Personal<Identifier>> = identifiers.iter().cloned().collect();
    if identifiers.is_empty() {
        return Err(OperatorRefusal::NoIdentifier);
    }
    if let Some(user) = facts.unknown_users.first() {
        return Err(OperatorRefusal::UnknownUser(user.clone()));
    }
    if let Some(unknown) = external_company.as_ref().filter(|_| !facts.external_company_known) {
        return Err(OperatorRefusal::UnknownExternalCompany(unknown.clone()));
    }
    if let Some(holder) = facts.phone_holder.filter(|_| facts.unique_phone_number) {
        return Err(OperatorRefusal::PhoneTaken(holder));
    }
    let new_client = || ClientId::registered_by(company, command.operation_id);
    let profile_id = ProfileId::registered_by(company, command.operation_id);
    let create = ProfileCommand::Create {
        profile_id,
        company: company.clone(),
        client_id: facts.client_id.unwrap_or_else(new_client),
        identifiers,
        name: name.clone(),
        external_company: external_company.clone(),
        users: users.clone(),
        at: facts.at,
    };
    Ok((profile_id, vec![Command::Profile(profile_id, create)]))
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
