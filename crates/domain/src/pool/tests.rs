//! What a pool makes of each command, in each of its situations.

use cqrs_es::test::TestFramework;

use super::*;
use crate::company::NumberSpec;
use crate::testing::{self, Given, id, room_id, spec};

fn given(events: impl IntoIterator<Item = PoolEvent>) -> Given<SecondaryNumberPool> {
    testing::given(events)
}

fn created() -> PoolEvent {
    PoolEvent::PoolCreated { pool_id: id("acme_main"), company: id("acme"), directory_version: 1 }
}

fn added(spec: NumberSpec, directory_version: u64) -> PoolEvent {
    PoolEvent::NumberAdded { spec, directory_version }
}

fn removed(number: &str, directory_version: u64) -> PoolEvent {
    PoolEvent::NumberRemoved { number: id(number), directory_version }
}

fn reserved(number: &str, room: u128) -> PoolEvent {
    PoolEvent::NumberReserved { number: id(number), room_id: room_id(room) }
}

fn released(number: &str, room: u128) -> PoolEvent {
    PoolEvent::NumberReleased { number: id(number), room_id: room_id(room) }
}

fn synchronise(specs: impl IntoIterator<Item = NumberSpec>, version: u64) -> PoolCommand {
    PoolCommand::Synchronise {
        pool_id: id("acme_main"),
        specs: specs.into_iter().collect(),
        directory_version: version,
    }
}

fn reserve(number: &str, room: u128) -> PoolCommand {
    PoolCommand::ReserveNumber { number: id(number), room_id: room_id(room) }
}

fn release(number: &str, room: u128) -> PoolCommand {
    PoolCommand::ReleaseNumber { number: id(number), room_id: room_id(room) }
}

fn set(number: &str, service: Service) -> PoolCommand {
    let by = crate::personal::Personal::new("Olga".to_owned());
    PoolCommand::SetService { number: id(number), service, at: testing::at(7), by }
}

fn changed(number: &str, service: Service) -> PoolEvent {
    let by = crate::personal::Personal::new("Olga".to_owned());
    PoolEvent::NumberServiceChanged { number: id(number), service, at: testing::at(7), by }
}

fn british(number: &str) -> NumberSpec {
    spec(number, "GB")
}

fn carrying_at_most(capacity: u32, number: &str) -> NumberSpec {
    NumberSpec { capacity: Some(capacity), ..british(number) }
}

fn two_numbers() -> [PoolEvent; 3] {
    [created(), added(british("2001"), 1), added(british("2002"), 1)]
}

#[test]
fn a_pool_comes_with_its_numbers() {
    given([]).when(synchronise([british("2001"), british("2002")], 1)).then(two_numbers());
}

#[test]
fn a_pool_may_come_without_numbers() {
    given([]).when(synchronise([], 1)).then([created()]);
}

#[test]
fn a_directory_that_says_the_same_changes_nothing() {
    given(two_numbers()).when(synchronise([british("2002"), british("2001")], 2)).then_nothing();
}

#[test]
fn a_number_that_is_described_differently_is_changed_and_keeps_its_load() {
    let limited = carrying_at_most(1, "2001");
    let changed = PoolEvent::NumberChanged { spec: limited.clone(), directory_version: 2 };
    given(two_numbers()).when(synchronise([limited, british("2002")], 2)).then([changed.clone()]);
    given(two_numbers().into_iter().chain([reserved("2001", 1), changed]))
        .when(reserve("2001", 2))
        .then_rejected(PoolRejection::AtCapacity(id("2001")));
}

#[test]
fn numbers_come_and_go_in_one_version() {
    given(two_numbers())
        .when(synchronise([british("2002"), british("2003")], 2))
        .then([added(british("2003"), 2), removed("2001", 2)]);
}

#[test]
fn a_number_is_removed_once() {
    let events = two_numbers().into_iter().chain([removed("2001", 2)]);
    given(events).when(synchronise([british("2002")], 3)).then_nothing();
}

#[test]
fn a_pool_that_is_gone_loses_its_numbers_and_keeps_their_rooms() {
    let gone = [removed("2001", 2), removed("2002", 2)];
    given(two_numbers()).when(synchronise([], 2)).then(gone.clone());
    let pool = given(two_numbers().into_iter().chain([reserved("2001", 1)]).chain(gone));
    pool.when(release("2001", 1)).then([released("2001", 1)]);
    pool.when(reserve("2002", 2)).then_rejected(PoolRejection::NotInService(id("2002")));
}

#[test]
fn a_number_that_comes_back_still_carries_its_rooms() {
    let gone = two_numbers().into_iter().chain([reserved("2001", 1), removed("2001", 2)]);
    let back = added(carrying_at_most(1, "2001"), 3);
    given(gone.clone())
        .when(synchronise([carrying_at_most(1, "2001"), british("2002")], 3))
        .then([back.clone()]);
    given(gone.chain([back]))
        .when(reserve("2001", 2))
        .then_rejected(PoolRejection::AtCapacity(id("2001")));
}

#[test]
fn a_removed_number_that_is_only_described_differently_elsewhere_stays_removed() {
    // 2001 is gone; a version that speaks of other numbers never brings it back.
    let gone = two_numbers().into_iter().chain([removed("2001", 2)]);
    let changed =
        PoolEvent::NumberChanged { spec: carrying_at_most(9, "2002"), directory_version: 3 };
    let pool = given(gone.chain([changed]));
    pool.when(reserve("2001", 1)).then_rejected(PoolRejection::NotInService(id("2001")));
    pool.when(reserve("2002", 1)).then([reserved("2002", 1)]);
}

#[test]
fn a_number_in_service_is_reserved() {
    given(two_numbers()).when(reserve("2001", 1)).then([reserved("2001", 1)]);
}

#[test]
fn a_number_carries_rooms_up_to_its_capacity() {
    let events = [created(), added(carrying_at_most(2, "2001"), 1), reserved("2001", 1)];
    given(events.clone()).when(reserve("2001", 2)).then([reserved("2001", 2)]);
    let full = given(events.into_iter().chain([reserved("2001", 2)]));
    full.when(reserve("2001", 3)).then_rejected(PoolRejection::AtCapacity(id("2001")));
}

#[test]
fn a_released_number_can_be_reserved_again() {
    let events = [
        created(),
        added(carrying_at_most(1, "2001"), 1),
        reserved("2001", 1),
        released("2001", 1),
    ];
    given(events).when(reserve("2001", 2)).then([reserved("2001", 2)]);
}

#[test]
fn a_number_that_is_not_in_the_pool_is_neither_reserved_nor_released() {
    let unknown = PoolRejection::NoSuchNumber(id("2009"));
    given(two_numbers()).when(reserve("2009", 1)).then_rejected(unknown.clone());
    given(two_numbers()).when(release("2009", 1)).then_rejected(unknown.clone());
    given([]).when(reserve("2009", 1)).then_rejected(unknown);
}

#[test]
fn a_number_without_rooms_has_none_to_release() {
    given(two_numbers())
        .when(release("2001", 1))
        .then_rejected(PoolRejection::NothingToRelease(id("2001")));
}

#[test]
fn a_pool_that_is_there_is_not_made_anew() {
    let pool = given(two_numbers().into_iter().chain([reserved("2001", 1), created()]));
    pool.when(release("2001", 1)).then([released("2001", 1)]);
}

#[test]
fn events_of_a_pool_that_never_came_change_nothing() {
    let events = [added(british("2001"), 1), reserved("2001", 1), removed("2001", 1)];
    assert_eq!(given(events).0, SecondaryNumberPool::Absent);
}

#[test]
fn the_framework_decides_as_we_do() {
    TestFramework::<SecondaryNumberPool>::with(())
        .given(two_numbers().to_vec())
        .when(reserve("2001", 1))
        .then_expect_events(vec![reserved("2001", 1)]);
    TestFramework::<SecondaryNumberPool>::with(())
        .given_no_previous_events()
        .when(reserve("2001", 1))
        .then_expect_error(PoolRejection::NoSuchNumber(id("2001")));
}

#[test]
fn a_number_out_of_service_takes_no_room_and_gives_back_those_it_has() {
    for service in [Service::Suspended, Service::Draining] {
        let events = two_numbers().into_iter().chain([reserved("2001", 1)]);
        let pool = given(events.chain([changed("2001", service)]));
        pool.when(reserve("2001", 2)).then_rejected(PoolRejection::NotInService(id("2001")));
        pool.when(reserve("2002", 2)).then([reserved("2002", 2)]);
        pool.when(release("2001", 1)).then([released("2001", 1)]);
        pool.when(set("2001", service)).then_nothing();
        let back = changed("2001", Service::InService);
        pool.when(set("2001", Service::InService)).then([back]);
    }
}

#[test]
fn a_new_version_of_the_directory_does_not_bring_a_suspended_number_back() {
    let suspended = changed("2001", Service::Suspended);
    let pool = given(two_numbers().into_iter().chain([suspended]));
    pool.when(synchronise([british("2001"), british("2002")], 2)).then_nothing();
}

#[test]
fn a_number_that_is_not_listed_is_neither_suspended_nor_brought_back() {
    let pool = given(two_numbers().into_iter().chain([removed("2001", 2)]));
    for number in ["2001", "2009"] {
        let none = PoolRejection::NoSuchNumber(id(number));
        pool.when(set(number, Service::InService)).then_rejected(none);
    }
}
