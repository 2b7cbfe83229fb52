//! A client that the company knows already is registered.

use std::collections::BTreeSet;

use super::super::Command;
use super::OperatorRefusal;
use crate::identity::Identifier;
use crate::ids::{ClientId, CompanyId, OperationId, ProfileId, UserId};
use crate::input::{KnownClient, Timestamp};
use crate::personal::Personal;
use crate::profile::ProfileCommand;

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
    /// Whether the company says things in the named language.
    pub language_known: bool,
}

/// An operator registers a client that the company knows already.
///
/// # Errors
/// Why it is refused.
pub fn on_register_client_profile(
    company: &CompanyId,
    operation_id: OperationId,
    actor: &Personal<String>,
    client: &KnownClient,
    facts: &RegisterFacts,
) -> Result<(ProfileId, Vec<Command>), OperatorRefusal> {
    let KnownClient { identifiers, name, language, external_company, users } = client;
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
    if let Some(unknown) = language.as_ref().filter(|_| !facts.language_known) {
        return Err(OperatorRefusal::UnknownLanguage(unknown.clone()));
    }
    if let Some(holder) = facts.phone_holder.filter(|_| facts.unique_phone_number) {
        return Err(OperatorRefusal::PhoneTaken(holder));
    }
    let new_client = || ClientId::registered_by(company, operation_id);
    let profile_id = ProfileId::registered_by(company, operation_id);
    let create = ProfileCommand::Create {
        profile_id,
        company: company.clone(),
        client_id: facts.client_id.unwrap_or_else(new_client),
        identifiers,
        name: name.clone(),
        language: language.clone(),
        external_company: external_company.clone(),
        users: users.clone(),
        at: facts.at,
        by: Some(actor.clone()),
    };
    Ok((profile_id, vec![Command::Profile(profile_id, create)]))
}
