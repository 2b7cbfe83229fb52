//! Operators' requests, and new versions of the directory.

use std::collections::{BTreeMap, BTreeSet};

use crate::company::Line;
use crate::flow::{
    Command, OperatorRefusal, RegisterFacts, check_version, on_archive_client_profile,
    on_block_client, on_directory_version, on_register_client_profile, on_set_client_language,
    on_set_number_service,
};
use crate::identity::Identifier;
use crate::ids::{ClientId, OperationId, ProfileId};
use crate::input::KnownClient;
use crate::personal::Personal;
use crate::pool::{PoolCommand, Service};
use crate::profile::ProfileCommand;
use crate::testing::{
    at, company_id, id, line_primary, line_secondary, profile_id, request_id, room_id, spec,
};

fn operation() -> OperationId {
    id("00000000-0000-0000-0000-000000000901")
}

fn phone() -> Personal<Identifier> {
    Personal::new(Identifier::Phone(id("+447700900123")))
}

/// An operator registers a client of the external company "north" for Anna.
fn carla(identifiers: Vec<Personal<Identifier>>) -> KnownClient {
    KnownClient {
        identifiers,
        name: Some(Personal::new("Carla".to_owned())),
        language: Some(id("de")),
        external_company: Some(id("north")),
        users: vec![id("anna")],
    }
}

fn olga() -> Personal<String> {
    Personal::new("Olga".to_owned())
}

/// Nothing stands in its way.
fn facts() -> RegisterFacts {
    RegisterFacts {
        at: at(1),
        client_id: None,
        phone_holder: None,
        unique_phone_number: false,
        unknown_users: vec![],
        external_company_known: true,
        language_known: true,
    }
}

fn registering(facts: &RegisterFacts) -> Result<(ProfileId, Vec<Command>), OperatorRefusal> {
    let client = carla(vec![phone(), phone()]);
    on_register_client_profile(&company_id(), operation(), &olga(), &client, facts)
}

#[test]
fn a_client_that_nobody_knows_is_registered() {
    let profile_id = ProfileId::registered_by(&company_id(), operation());
    let create = ProfileCommand::Create {
        profile_id,
        company: company_id(),
        client_id: ClientId::registered_by(&company_id(), operation()),
        identifiers: [phone()].into(),
        name: Some(Personal::new("Carla".to_owned())),
        language: Some(id("de")),
        external_company: Some(id("north")),
        users: vec![id("anna")],
        at: at(1),
        by: Some(olga()),
    };
    let expected = (profile_id, vec![Command::Profile(profile_id, create)]);
    assert_eq!(registering(&facts()), Ok(expected));
}

#[test]
fn a_client_that_is_known_stays_who_it_is() {
    let known = ClientId::first_seen_by(request_id(1));
    let (_, commands) = registering(&RegisterFacts { client_id: Some(known), ..facts() }).unwrap();
    let [Command::Profile(_, ProfileCommand::Create { client_id, .. })] = commands.as_slice()
    else {
        panic!("{commands:?}");
    };
    assert_eq!(*client_id, known);
}

#[test]
fn a_phone_may_be_held_twice_unless_the_company_wants_it_unique() {
    let held = RegisterFacts { phone_holder: Some(profile_id(7)), ..facts() };
    assert!(registering(&held).is_ok());
    let unique = RegisterFacts { unique_phone_number: true, ..held };
    assert_eq!(registering(&unique), Err(OperatorRefusal::PhoneTaken(profile_id(7))));
    let free = RegisterFacts { unique_phone_number: true, ..facts() };
    assert!(registering(&free).is_ok());
}

#[test]
fn a_client_needs_something_that_leads_to_it() {
    let nobody = carla(vec![]);
    let refused =
        on_register_client_profile(&company_id(), operation(), &olga(), &nobody, &facts());
    assert_eq!(refused, Err(OperatorRefusal::NoIdentifier));
}

#[test]
fn users_and_external_companies_must_be_known() {
    let unknown = RegisterFacts { unknown_users: vec![id("zoe"), id("yan")], ..facts() };
    assert_eq!(registering(&unknown), Err(OperatorRefusal::UnknownUser(id("zoe"))));
    let elsewhere = RegisterFacts { external_company_known: false, ..facts() };
    let refusal = OperatorRefusal::UnknownExternalCompany(id("north"));
    assert_eq!(registering(&elsewhere), Err(refusal));
}

#[test]
fn a_client_is_written_to_only_in_a_language_that_the_company_has() {
    let facts = RegisterFacts { language_known: false, ..facts() };
    assert_eq!(registering(&facts), Err(OperatorRefusal::UnknownLanguage(id("de"))));

    let (profile, german) = (profile_id(7), id("de"));
    let asked = |known, speaks| {
        on_set_client_language(&olga(), profile, Some(&german), (known, speaks), at(1))
    };
    let language = Some(german.clone());
    let set = ProfileCommand::SetLanguage { language, at: at(1), by: olga() };
    assert_eq!(asked(true, true), Ok(vec![Command::Profile(profile, set)]));
    assert_eq!(asked(true, false), Err(OperatorRefusal::UnknownLanguage(german.clone())));
    assert_eq!(asked(false, true), Err(OperatorRefusal::UnknownProfile(profile)));
}

#[test]
fn a_profile_is_archived_by_whoever_asked_if_the_company_has_it() {
    let (olga, profile) = (Personal::new("Olga".to_owned()), profile_id(7));
    let archive = ProfileCommand::Archive { at: at(1), by: olga.clone() };
    let asked = |known| on_archive_client_profile(&olga, profile, known, at(1));
    assert_eq!(asked(true), Ok(vec![Command::Profile(profile, archive)]));
    assert_eq!(asked(false), Err(OperatorRefusal::UnknownProfile(profile)));
}

#[test]
fn a_client_is_blocked_by_whoever_asked_if_the_company_has_the_profile() {
    let (olga, profile) = (Personal::new("Olga".to_owned()), profile_id(7));
    for blocked in [true, false] {
        let set = ProfileCommand::SetBlocked { blocked, at: at(1), by: olga.clone() };
        let asked = |known| on_block_client(&olga, profile, blocked, known, at(1));
        assert_eq!(asked(true), Ok(vec![Command::Profile(profile, set)]));
        assert_eq!(asked(false), Err(OperatorRefusal::UnknownProfile(profile)));
    }
}

#[test]
fn only_a_secondary_number_is_taken_out_of_service() {
    let olga = Personal::new("Olga".to_owned());
    let asked = |line: Option<&Line>| {
        on_set_number_service(&olga, &id("2001"), Service::Suspended, line, at(1))
    };
    let suspend = PoolCommand::SetService {
        number: id("2001"),
        service: Service::Suspended,
        at: at(1),
        by: olga.clone(),
    };
    let Line::Secondary { pool, .. } = line_secondary() else { panic!("no secondary") };
    assert_eq!(asked(Some(&line_secondary())), Ok(vec![Command::Pool(pool, suspend)]));
    for line in [None, Some(Line::Unpooled), Some(line_primary())] {
        let refusal = OperatorRefusal::UnknownNumber(id("2001"));
        assert_eq!(asked(line.as_ref()), Err(refusal));
    }
}

#[test]
fn who_saw_another_version_is_told_the_one_that_is_so() {
    assert_eq!(check_version(None, 4), Ok(()));
    assert_eq!(check_version(Some(4), 4), Ok(()));
    for seen in [3, 5] {
        let refusal = OperatorRefusal::VersionMismatch { expected: seen, actual: 4 };
        assert_eq!(check_version(Some(seen), 4), Err(refusal));
    }
}

#[test]
fn a_refusal_names_what_was_wrong_and_a_code_for_machines() {
    for (refusal, code, names) in [
        (OperatorRefusal::NoIdentifier, "no-identifier", "identifiers"),
        (OperatorRefusal::UnknownUser(id("zoe")), "unknown-user", "zoe"),
        (OperatorRefusal::UnknownExternalCompany(id("north")), "unknown-external-company", "north"),
        (OperatorRefusal::UnknownLanguage(id("de")), "unknown-language", "language"),
        (OperatorRefusal::PhoneTaken(profile_id(7)), "phone-taken", "unique_phone_number"),
        (OperatorRefusal::UnknownProfile(profile_id(7)), "unknown-client-profile", "profile_id"),
        (
            OperatorRefusal::UnknownRequest(request_id(1)),
            "unknown-onboarding-request",
            "request_id",
        ),
        (OperatorRefusal::NoProspect(request_id(1)), "no-prospect", "request_id"),
        (OperatorRefusal::UserGone(request_id(1)), "user-not-found", "request_id"),
        (OperatorRefusal::ClientMoved(request_id(1)), "client-moved", "request_id"),
        (OperatorRefusal::ClientBlocked(request_id(1)), "client-blocked", "request_id"),
        (OperatorRefusal::ClientStopped(request_id(1)), "client-stopped", "request_id"),
        (OperatorRefusal::NoSuchUser(id("zoe")), "unknown-user", "user_id"),
        (OperatorRefusal::ExtensionTaken(id("zoe")), "extension-taken", "extension"),
        (OperatorRefusal::UnknownNumber(id("2001")), "unknown-number", "number"),
        (OperatorRefusal::UnknownPool(id("main")), "unknown-pool", "pool: "),
        (OperatorRefusal::NumberExists(id("2001")), "number-exists", "number: "),
        (OperatorRefusal::NumberTaken(id("2001")), "number-taken", "number: "),
        (OperatorRefusal::DisplayNumberTaken(id("2001")), "display-number-taken", "display_number"),
        (OperatorRefusal::OtherApp(id("2001")), "other-app", "number: "),
        (OperatorRefusal::NoCountry, "no-country", "country: "),
        (OperatorRefusal::CapacityOutOfRange, "capacity-out-of-range", "capacity: "),
        (OperatorRefusal::NumberIsPrimary(id("2001")), "number-is-primary", "number: "),
        (OperatorRefusal::UnknownRoom(room_id(1)), "unknown-chat-room", "room_id"),
        (OperatorRefusal::RoomClosed(room_id(1)), "room-closed", "room_id"),
        (OperatorRefusal::NoInvitationNeeded(room_id(1)), "no-invitation-needed", "room_id"),
        (OperatorRefusal::InvitationUnderWay(room_id(1)), "invitation-under-way", "room_id"),
        (OperatorRefusal::RoomUnderWay(room_id(1)), "room-under-way", "room_id"),
        (OperatorRefusal::UnknownParkedInput(7), "unknown-parked-input", "parked_input_id"),
        (OperatorRefusal::NotRetriable(7), "not-retriable", "parked_input_id"),
        (OperatorRefusal::RetryUnderWay(7), "retry-under-way", "parked_input_id"),
        (
            OperatorRefusal::VersionMismatch { expected: 3, actual: 4 },
            "version-mismatch",
            "at version 4",
        ),
        (OperatorRefusal::NoActiveUser(id("zoe")), "unknown-user", "user_id"),
        (OperatorRefusal::ProfileHidden(id("zoe")), "client-profile-hidden", "user_id"),
        (OperatorRefusal::RoomOpenWithUser(room_id(1)), "room-open-with-user", "user_id"),
    ] {
        assert_eq!(refusal.code(), code);
        assert!(refusal.to_string().contains(names), "{refusal}");
    }
}

#[test]
fn a_directory_version_gives_each_pool_its_numbers_and_those_gone_none() {
    let listed = BTreeMap::from([(id("acme_main"), vec![spec("2001", "GB")])]);
    let gone = BTreeSet::from([id("acme_old")]);
    let synchronise = |pool: &str, specs| {
        let pool_id = id(pool);
        Command::Pool(id(pool), PoolCommand::Synchronise { pool_id, specs, directory_version: 3 })
    };
    let expected =
        [synchronise("acme_main", vec![spec("2001", "GB")]), synchronise("acme_old", vec![])];
    assert_eq!(on_directory_version(3, &listed, &gone), expected);
}
