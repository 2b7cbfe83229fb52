//! What a client profile makes of each command, in each situation of its rooms.

use cqrs_es::test::TestFramework;

use super::*;
use crate::testing::{self, DAY, Given, at, id, message_id, profile_id, request_id, room_id};

fn given(events: impl IntoIterator<Item = ProfileEvent>) -> Given<ClientProfile> {
    testing::given(events)
}

const ROOM: u128 = 1;

fn create(users: &[&str]) -> ProfileCommand {
    ProfileCommand::Create {
        profile_id: profile_id(1),
        company: id("acme"),
        client_id: client(1),
        identifiers: phone(),
        name: None,
        language: None,
        external_company: None,
        users: users.iter().map(|user| id(user)).collect(),
        at: at(0),
        by: None,
    }
}

fn client(n: u128) -> ClientId {
    ClientId::from_uuid(uuid::Uuid::from_u128(n))
}

fn phone() -> BTreeSet<Personal<Identifier>> {
    BTreeSet::from([Personal::new(Identifier::Phone(id("+447700900123")))])
}

fn created() -> ProfileEvent {
    ProfileEvent::ClientProfileCreated {
        profile_id: profile_id(1),
        company: id("acme"),
        client_id: client(1),
        identifiers: phone(),
        name: None,
        language: None,
        external_company: None,
        at: at(0),
        by: None,
    }
}

fn assigned(user: &str, when: i64) -> ProfileEvent {
    ProfileEvent::UserAssigned { user_id: id(user), at: at(when) }
}

fn reserve(room: u128, who: (u128, &str), number: &str) -> ProfileCommand {
    ProfileCommand::ReserveRoom {
        room_id: room_id(room),
        client_id: client(who.0),
        user_id: id(who.1),
        number: id(number),
        pool_id: id("acme_main"),
        request_id: request_id(room),
        at: at(10),
        deadline: at(3_610),
    }
}

fn reserved(room: u128, who: (u128, &str), number: &str) -> ProfileEvent {
    ProfileEvent::RoomReserved {
        room_id: room_id(room),
        client_id: client(who.0),
        user_id: id(who.1),
        number: id(number),
        pool_id: id("acme_main"),
        request_id: request_id(room),
        at: at(10),
        deadline: at(3_610),
    }
}

fn invite() -> ProfileCommand {
    ProfileCommand::InviteRoom { room_id: room_id(ROOM), at: at(20), deadline: at(620) }
}

fn invited() -> ProfileEvent {
    ProfileEvent::RoomInvited { room_id: room_id(ROOM), at: at(20), deadline: at(620) }
}

fn activate() -> ProfileCommand {
    let cause = ActivationCause::UserInfoSettled;
    ProfileCommand::ActivateRoom { room_id: room_id(ROOM), cause, at: at(30) }
}

fn activated(cause: ActivationCause, when: i64) -> ProfileEvent {
    ProfileEvent::RoomActivated { room_id: room_id(ROOM), cause, at: at(when) }
}

fn close() -> ProfileCommand {
    ProfileCommand::CloseRoom {
        room_id: room_id(ROOM),
        reason: CloseReason::InvitationLost,
        at: at(40),
        quarantine_until: Some(at(30 * DAY)),
        by: None,
    }
}

fn closed() -> ProfileEvent {
    ProfileEvent::RoomClosed {
        room_id: room_id(ROOM),
        reason: CloseReason::InvitationLost,
        at: at(40),
        quarantine_until: Some(at(30 * DAY)),
        by: None,
    }
}

fn wrote(input: u128, sent: i64) -> ProfileEvent {
    ProfileEvent::ClientWrote {
        room_id: room_id(ROOM),
        input_id: input_id(input),
        sent_at: at(sent),
    }
}

fn record_wrote(input: u128, sent: i64) -> ProfileCommand {
    ProfileCommand::RecordClientWrote {
        room_id: room_id(ROOM),
        identifiers: BTreeSet::new(),
        input_id: input_id(input),
        sent_at: at(sent),
        at: at(51),
    }
}

fn learn(added: &Personal<Identifier>) -> ProfileCommand {
    ProfileCommand::RecordClientWrote {
        room_id: room_id(ROOM),
        identifiers: [added.clone()].into(),
        input_id: input_id(1),
        sent_at: at(49),
        at: at(51),
    }
}

fn input_id(n: u128) -> crate::ids::InputId {
    crate::ids::InputId::from_uuid(uuid::Uuid::from_u128(n))
}

fn no_room() -> Given<ClientProfile> {
    given([created()])
}

fn reserved_room() -> Given<ClientProfile> {
    given([created(), reserved(ROOM, (1, "anna"), "2001")])
}

fn invited_room() -> Given<ClientProfile> {
    given([created(), reserved(ROOM, (1, "anna"), "2001"), invited()])
}

fn active_room() -> Given<ClientProfile> {
    let active = [
        created(),
        reserved(ROOM, (1, "anna"), "2001"),
        invited(),
        assigned("anna", 30),
        activated(ActivationCause::UserInfoSettled, 30),
    ];
    given(active)
}

fn closed_room() -> Given<ClientProfile> {
    given([created(), reserved(ROOM, (1, "anna"), "2001"), closed()])
}

fn is_closed() -> ProfileRejection {
    ProfileRejection::RoomClosed(room_id(ROOM))
}

/// Everything that can be asked about the room.
fn room_commands() -> Vec<ProfileCommand> {
    let remind = ProfileCommand::RemindRoom {
        room_id: room_id(ROOM),
        request_id: request_id(2),
        message_id: Some(message_id(1)),
        at: at(50),
    };
    vec![invite(), request_user_info(), activate(), join(), remind, record_wrote(1, 49), close()]
}

fn join() -> ProfileCommand {
    let request_id = request_id(2);
    ProfileCommand::JoinRoom { room_id: room_id(ROOM), request_id, at: at(25) }
}

fn request_user_info() -> ProfileCommand {
    let message_id = message_id(1);
    ProfileCommand::RequestUserInfo { room_id: room_id(ROOM), message_id, at: at(21) }
}

#[test]
fn a_profile_is_created_with_what_leads_to_its_client() {
    given([]).when(create(&[])).then([created()]);
}

#[test]
fn a_profile_may_come_with_its_users() {
    let events = [created(), assigned("anna", 0), assigned("ben", 0)];
    given([]).when(create(&["ben", "anna"])).then(events);
}

#[test]
fn a_user_who_is_named_twice_is_assigned_once() {
    given([]).when(create(&["anna", "anna"])).then([created(), assigned("anna", 0)]);
}

#[test]
fn a_profile_is_created_once() {
    no_room().when(create(&["anna"])).then_nothing();
}

#[test]
fn a_profile_needs_something_that_leads_to_its_client() {
    let mut command = create(&[]);
    if let ProfileCommand::Create { identifiers, .. } = &mut command {
        identifiers.clear();
    }
    given([]).when(command).then_rejected(ProfileRejection::NoIdentifier);
}

#[test]
fn a_profile_is_archived_once_and_its_rooms_stay() {
    let by = || Personal::new("Olga".to_owned());
    let archive = || ProfileCommand::Archive { at: at(60), by: by() };
    let archived = ProfileEvent::ClientProfileArchived { at: at(60), by: by() };
    active_room().when(archive()).then([archived.clone()]);
    let after = given([created(), reserved(ROOM, (1, "anna"), "2001"), archived]);
    after.when(archive()).then_nothing();
    after.when(invite()).then([invited()]);
}

#[test]
fn a_client_is_blocked_until_it_is_unblocked() {
    let by = || Personal::new("Olga".to_owned());
    let set = |blocked| ProfileCommand::SetBlocked { blocked, at: at(60), by: by() };
    let blocked = ProfileEvent::ClientBlocked { at: at(60), by: by() };
    let unblocked = ProfileEvent::ClientUnblocked { at: at(60), by: by() };
    no_room().when(set(false)).then_nothing();
    no_room().when(set(true)).then([blocked.clone()]);
    let after = given([created(), blocked]);
    after.when(set(true)).then_nothing();
    after.when(set(false)).then([unblocked]);
}

#[test]
fn nothing_can_be_asked_of_a_profile_that_is_not_there() {
    let commands = room_commands().into_iter().chain([reserve(ROOM, (1, "anna"), "2001")]);
    for command in commands {
        given([]).when(command).then_rejected(ProfileRejection::NoSuchProfile);
    }
}

#[test]
fn nothing_can_be_asked_of_a_room_that_is_not_there() {
    for command in room_commands() {
        no_room().when(command).then_rejected(ProfileRejection::NoSuchRoom(room_id(ROOM)));
    }
}

#[test]
fn a_room_is_reserved() {
    no_room().when(reserve(ROOM, (1, "anna"), "2001")).then([reserved(ROOM, (1, "anna"), "2001")]);
}

#[test]
fn a_room_is_reserved_once() {
    reserved_room().when(reserve(ROOM, (1, "anna"), "2001")).then_nothing();
    closed_room().when(reserve(ROOM, (1, "anna"), "2001")).then_nothing();
}

#[test]
fn a_client_has_one_open_room_with_a_user() {
    for profile in [reserved_room(), invited_room(), active_room()] {
        profile
            .when(reserve(2, (1, "anna"), "2002"))
            .then_rejected(ProfileRejection::RoomOpenWithUser(room_id(ROOM)));
    }
}

#[test]
fn a_client_has_one_open_room_on_a_number() {
    for profile in [reserved_room(), invited_room(), active_room()] {
        profile
            .when(reserve(2, (1, "ben"), "2001"))
            .then_rejected(ProfileRejection::RoomOpenOnNumber(room_id(ROOM)));
    }
}

#[test]
fn a_client_may_have_rooms_with_several_users_on_several_numbers() {
    active_room().when(reserve(2, (1, "ben"), "2002")).then([reserved(2, (1, "ben"), "2002")]);
}

#[test]
fn another_client_in_the_same_profile_may_have_the_same_user_and_number() {
    active_room().when(reserve(2, (2, "anna"), "2001")).then([reserved(2, (2, "anna"), "2001")]);
}

#[test]
fn a_closed_room_leaves_its_user_and_number_free() {
    closed_room().when(reserve(2, (1, "anna"), "2001")).then([reserved(2, (1, "anna"), "2001")]);
}

#[test]
fn a_reserved_room_is_invited() {
    reserved_room().when(invite()).then([invited()]);
    assert_eq!(invited_room().0.room(room_id(ROOM)).unwrap().deadline, Some(at(620)));
}

#[test]
fn a_room_is_invited_once() {
    invited_room().when(invite()).then_nothing();
    active_room().when(invite()).then_nothing();
}

#[test]
fn activating_a_room_assigns_its_user() {
    let events = [assigned("anna", 30), activated(ActivationCause::UserInfoSettled, 30)];
    reserved_room().when(activate()).then(events.clone());
    invited_room().when(activate()).then(events);
    assert_eq!(active_room().0.room(room_id(ROOM)).unwrap().deadline, None);
}

#[test]
fn a_user_who_looks_after_the_client_already_is_not_assigned_again() {
    given([created(), assigned("anna", 0), reserved(ROOM, (1, "anna"), "2001"), invited()])
        .when(activate())
        .then([activated(ActivationCause::UserInfoSettled, 30)]);
}

#[test]
fn a_room_is_activated_once() {
    active_room().when(activate()).then_nothing();
}

#[test]
fn another_request_joins_an_open_room() {
    let joined =
        ProfileEvent::RoomJoined { room_id: room_id(ROOM), request_id: request_id(2), at: at(25) };
    for profile in [reserved_room(), invited_room(), active_room()] {
        profile.when(join()).then([joined.clone()]);
    }
}

#[test]
fn the_user_info_message_of_an_open_room_is_remembered() {
    let requested = ProfileEvent::UserInfoRequested {
        room_id: room_id(ROOM),
        message_id: message_id(1),
        at: at(21),
    };
    invited_room().when(request_user_info()).then([requested.clone()]);
    let profile = given([created(), reserved(ROOM, (1, "anna"), "2001"), invited(), requested]);
    assert_eq!(profile.0.room(room_id(ROOM)).unwrap().user_info_at, Some(at(21)));
}

#[test]
fn only_a_reminder_that_was_sent_counts_for_the_next() {
    let reminded = |message_id, when| ProfileEvent::RoomReminded {
        room_id: room_id(ROOM),
        request_id: request_id(2),
        message_id,
        at: at(when),
    };
    let remind = |message_id, when| ProfileCommand::RemindRoom {
        room_id: room_id(ROOM),
        request_id: request_id(2),
        message_id,
        at: at(when),
    };
    let sent = Some(message_id(1));
    active_room().when(remind(sent, 50)).then([reminded(sent, 50)]);
    active_room().when(remind(None, 60)).then([reminded(None, 60)]);

    let mut profile = active_room().0;
    profile.evolve(&reminded(sent, 50));
    profile.evolve(&reminded(None, 60));
    assert_eq!(profile.room(room_id(ROOM)).unwrap().reminded_at, Some(at(50)));
}

#[test]
fn a_client_who_writes_activates_a_room_that_is_under_way() {
    let events = [wrote(1, 49), assigned("anna", 51), activated(ActivationCause::ClientWrote, 51)];
    reserved_room().when(record_wrote(1, 49)).then(events.clone());
    invited_room().when(record_wrote(1, 49)).then(events);
}

#[test]
fn a_message_that_is_older_than_the_room_activates_nothing() {
    for room in [reserved_room(), invited_room()] {
        room.when(record_wrote(1, 9)).then([wrote(1, 9)]);
    }
    for (sent, counts) in [(9, false), (10, true)] {
        let mut profile = reserved_room().0;
        profile.evolve(&wrote(1, sent));
        assert_eq!(profile.room(room_id(ROOM)).unwrap().was_written_to(), counts);
    }
}

#[test]
fn a_client_may_write_into_an_active_and_into_a_closed_room() {
    active_room().when(record_wrote(1, 49)).then([wrote(1, 49)]);
    closed_room().when(record_wrote(1, 49)).then([wrote(1, 49)]);
}

#[test]
fn messages_that_come_out_of_order_leave_the_latest_moment() {
    let mut profile = active_room().0;
    profile.evolve(&wrote(2, 49));
    profile.evolve(&wrote(1, 40));
    assert_eq!(profile.room(room_id(ROOM)).unwrap().client_wrote_at, Some(at(49)));
}

#[test]
fn an_open_room_is_closed_and_its_pair_rests() {
    for profile in [reserved_room(), invited_room(), active_room()] {
        profile.when(close()).then([closed()]);
    }
    let room = closed_room().0.room(room_id(ROOM)).unwrap().clone();
    assert_eq!((room.deadline, room.quarantine_until), (None, Some(at(30 * DAY))));
}

#[test]
fn a_room_is_closed_once() {
    closed_room().when(close()).then_nothing();
}

#[test]
fn a_closed_room_does_not_open_again() {
    let not_allowed = room_commands().into_iter().filter(|command| {
        !matches!(
            command,
            ProfileCommand::CloseRoom { .. } | ProfileCommand::RecordClientWrote { .. }
        )
    });
    for command in not_allowed {
        closed_room().when(command).then_rejected(is_closed());
    }
}

fn reassign(to: &str) -> ProfileCommand {
    let by = Personal::new("Olga".to_owned());
    ProfileCommand::ReassignRoom { room_id: room_id(ROOM), user_id: id(to), at: at(60), by }
}

fn reassigned(from: &str, to: &str) -> ProfileEvent {
    let (from, to, by) = (id(from), id(to), Personal::new("Olga".to_owned()));
    ProfileEvent::RoomReassigned { room_id: room_id(ROOM), from, to, at: at(60), by }
}

#[test]
fn an_active_room_goes_to_another_user_who_is_assigned() {
    active_room().when(reassign("anna")).then_nothing();
    active_room().when(reassign("ben")).then([assigned("ben", 60), reassigned("anna", "ben")]);
    let mut profile = active_room().0;
    profile.evolve(&assigned("ben", 60));
    profile.evolve(&reassigned("anna", "ben"));
    let room = profile.room(room_id(ROOM)).unwrap();
    assert_eq!((room.user_id.as_str(), room.number.as_str()), ("ben", "2001"));
    assert!(profile.present().unwrap().users.contains(&id("anna")), "other rooms may be hers");
    Given(profile).when(reassign("anna")).then([reassigned("ben", "anna")]);
}

#[test]
fn only_an_active_room_is_given_away() {
    let under_way = ProfileRejection::RoomUnderWay(room_id(ROOM));
    reserved_room().when(reassign("ben")).then_rejected(under_way.clone());
    invited_room().when(reassign("ben")).then_rejected(under_way);
    closed_room().when(reassign("ben")).then_rejected(is_closed());
    no_room().when(reassign("ben")).then_rejected(ProfileRejection::NoSuchRoom(room_id(ROOM)));
}

#[test]
fn a_room_is_not_given_to_a_user_with_whom_the_client_has_one() {
    let mut profile = active_room().0;
    profile.evolve(&reserved(2, (1, "ben"), "2002"));
    let open = ProfileRejection::RoomOpenWithUser(room_id(2));
    Given(profile.clone()).when(reassign("ben")).then_rejected(open);
    profile.evolve(&reserved(3, (2, "carl"), "2001"));
    let events = [assigned("carl", 60), reassigned("anna", "carl")];
    Given(profile).when(reassign("carl")).then(events);
}

#[test]
fn the_user_before_and_the_next_may_have_the_rooms_that_the_change_leaves_free() {
    let mut profile = active_room().0;
    profile.evolve(&reassigned("anna", "ben"));
    let given = || Given(profile.clone());
    given().when(reserve(2, (1, "anna"), "2002")).then([reserved(2, (1, "anna"), "2002")]);
    given()
        .when(reserve(2, (1, "ben"), "2002"))
        .then_rejected(ProfileRejection::RoomOpenWithUser(room_id(ROOM)));
}

#[test]
fn a_profile_that_is_there_is_not_made_anew() {
    let mut profile = active_room().0;
    profile.evolve(&created());
    assert_eq!(profile, active_room().0);
}

#[test]
fn events_of_a_profile_or_room_that_never_came_change_nothing() {
    assert_eq!(given([invited(), closed()]).0, ClientProfile::Absent);
    assert_eq!(given([created(), invited(), closed(), wrote(1, 1)]).0, no_room().0);
}

#[test]
fn a_profile_learns_identifiers() {
    let wa_id = Personal::new(Identifier::WaId(id("447700900123")));
    let added = ProfileEvent::IdentifiersAdded { identifiers: [wa_id].into(), at: at(5) };
    let profile = given([created(), added]).0;
    assert_eq!(profile.present().unwrap().identifiers.len(), 2);
}

#[test]
fn a_message_into_a_room_tells_more_of_its_client_once() {
    let bsuid = Personal::new(Identifier::Bsuid(id("GB.abc123")));
    let added = ProfileEvent::IdentifiersAdded { identifiers: [bsuid.clone()].into(), at: at(51) };
    active_room().when(learn(&bsuid)).then([added.clone(), wrote(1, 49)]);

    let mut known = active_room();
    known.0.evolve(&added);
    known.when(learn(&bsuid)).then([wrote(1, 49)]);
}

#[test]
fn a_room_of_another_client_tells_nothing_of_the_profiles() {
    let bsuid = Personal::new(Identifier::Bsuid(id("GB.abc123")));
    let other = given([created(), reserved(ROOM, (2, "anna"), "2001"), closed()]);
    other.when(learn(&bsuid)).then([wrote(1, 49)]);
}

#[test]
fn its_client_is_written_to_in_the_language_that_an_operator_says() {
    let olga = Personal::new("Olga".to_owned());
    let set = |language: Option<&str>| ProfileCommand::SetLanguage {
        language: language.map(id),
        at: at(5),
        by: olga.clone(),
    };
    let was_set = |language: Option<&str>| ProfileEvent::ClientLanguageSet {
        language: language.map(id),
        at: at(5),
        by: olga.clone(),
    };
    given([created()]).when(set(Some("de"))).then([was_set(Some("de"))]);
    given([created()]).when(set(None)).then_nothing();
    let german = || given([created(), was_set(Some("de"))]);
    german().when(set(Some("de"))).then_nothing();
    german().when(set(None)).then([was_set(None)]);
    let facts = german().0.present().unwrap().facts(&[], Held::Exactly);
    assert_eq!(facts.language, Some(id("de")));
}

#[test]
fn rooms_that_clash_are_told_once() {
    let at = at(52);
    let report = || ProfileCommand::ReportClash { room_id: room_id(ROOM), with: room_id(77), at };
    let clash = ProfileEvent::RoomsClashed { room_id: room_id(ROOM), with: room_id(77), at };
    active_room().when(report()).then([clash.clone()]);
    let mut told = active_room();
    told.0.evolve(&clash);
    told.when(report()).then_nothing();
}

#[test]
fn a_decision_sees_the_rooms_of_its_own_clients_only() {
    let events = [created(), reserved(1, (1, "anna"), "2001"), reserved(2, (2, "anna"), "2001")];
    let profile = given(events).0;
    let rooms = |clients: &[ClientId]| {
        let facts = profile.present().unwrap().facts(clients, Held::Exactly);
        facts.rooms.iter().map(|room| room.room_id).collect::<Vec<_>>()
    };
    assert_eq!(rooms(&[client(1)]), [room_id(1)]);
    assert_eq!(rooms(&[client(1), client(2)]), [room_id(1), room_id(2)]);
    assert_eq!(rooms(&[client(3)]), []);
}

#[test]
fn the_framework_decides_as_we_do() {
    TestFramework::<ClientProfile>::with(())
        .given(vec![created(), reserved(ROOM, (1, "anna"), "2001"), invited()])
        .when(activate())
        .then_expect_events(vec![
            assigned("anna", 30),
            activated(ActivationCause::UserInfoSettled, 30),
        ]);
    TestFramework::<ClientProfile>::with(())
        .given(vec![created(), reserved(ROOM, (1, "anna"), "2001"), closed()])
        .when(activate())
        .then_expect_error(is_closed());
}
