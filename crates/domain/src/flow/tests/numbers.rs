//! Row 7: which secondary number carries a room, and why not another.

use crate::flow::{
    Decision, NumberChoice, NumberFacts, NumberVerdict, PoolFacts, Preference, ProfileFacts,
    RoomFacts, SelectionStep,
};
use crate::profile::RoomPhase;
use crate::testing::{
    DAY, Scene, at, from_bsuid, from_phone, from_wa_id, id, number, pool, profile, profile_id,
    room, room_id, scene,
};

type Considered = Vec<(String, NumberVerdict)>;

/// The number that is taken, and what is made of every number.
fn selection(scene: &Scene) -> (Option<NumberChoice>, Considered) {
    let (chosen, considered) = match scene.decision() {
        Decision::OpenRoom { number, considered, .. } => (Some(number), considered),
        Decision::ReportNoNumber { considered, .. } => (None, considered),
        other => panic!("no number was looked for: {other:?}"),
    };
    let considered =
        considered.into_iter().map(|c| (c.number.as_str().to_owned(), c.verdict)).collect();
    (chosen, considered)
}

#[track_caller]
fn assert_takes(scene: &Scene, number: &str, step: SelectionStep, preference: Preference) {
    let (chosen, considered) = selection(scene);
    let chosen = chosen.unwrap_or_else(|| panic!("no number was taken: {considered:?}"));
    let found = (chosen.number.as_str(), chosen.step, chosen.preference);
    assert_eq!(found, (number, step, preference), "{considered:?}");
    let taken: Vec<_> = considered.iter().filter(|(_, v)| *v == NumberVerdict::Chosen).collect();
    assert_eq!(taken, [&(number.to_owned(), NumberVerdict::Chosen)]);
}

#[track_caller]
fn assert_takes_unused(scene: &Scene, number: &str, step: SelectionStep) {
    assert_takes(scene, number, step, Preference::Unused);
}

/// The only number is not taken; why?
#[track_caller]
fn verdict_on_the_only(scene: &Scene) -> NumberVerdict {
    let (chosen, considered) = selection(scene);
    assert_eq!((chosen, considered.len()), (None, 1), "{considered:?}");
    considered[0].1
}

fn from_pool(pool: PoolFacts) -> Scene {
    scene().pools([pool])
}

/// The client had, or has, these rooms.
fn with_rooms(scene: Scene, rooms: impl IntoIterator<Item = RoomFacts>) -> Scene {
    let rooms = rooms.into_iter().collect();
    scene.knowing([ProfileFacts { rooms, ..profile(profile_id(1)) }])
}

fn closed(n: u128, user: &str, number: &str) -> RoomFacts {
    room(room_id(n), user, number, RoomPhase::Closed)
}

fn resting(n: u128, user: &str, number: &str, until: i64) -> RoomFacts {
    RoomFacts { quarantine_until: Some(at(until)), ..closed(n, user, number) }
}

fn world_pool() -> PoolFacts {
    pool("main", [number("2001", "DE", 0), number("2002", "GB", 0), number("2003", "US", 0)])
}

#[test]
fn the_clients_own_country_comes_first() {
    for (client, number) in [("+447700900123", "2002"), ("+12025550123", "2003")] {
        let scene =
            from_pool(world_pool().mapping_to("DE").defaulting_to("DE")).from(from_phone(client));
        assert_takes_unused(&scene, number, SelectionStep::ClientCountry);
    }
}

#[test]
fn a_client_without_a_phone_has_the_country_of_its_bsuid() {
    let scene = from_pool(world_pool()).from(from_bsuid("US.client1"));
    assert_takes_unused(&scene, "2003", SelectionStep::ClientCountry);
}

#[test]
fn then_comes_the_country_that_the_clients_is_mapped_to() {
    let scene =
        from_pool(world_pool().mapping_to("DE").defaulting_to("GB")).from(from_bsuid("AT.client1"));
    assert_takes_unused(&scene, "2001", SelectionStep::MappedCountry);
}

#[test]
fn then_comes_the_default_region() {
    let scene = from_pool(world_pool().defaulting_to("GB")).from(from_bsuid("AT.client1"));
    assert_takes_unused(&scene, "2002", SelectionStep::DefaultRegion);
}

#[test]
fn a_client_without_a_country_gets_the_default_region() {
    let scene = from_pool(world_pool().defaulting_to("GB")).from(from_wa_id("12025550123"));
    assert_takes_unused(&scene, "2002", SelectionStep::DefaultRegion);
}

#[test]
fn a_step_whose_numbers_are_all_taken_falls_through_to_the_next() {
    let mut numbers = world_pool().mapping_to("DE").defaulting_to("US");
    numbers.numbers[1].in_service = false;
    assert_takes_unused(&from_pool(numbers.clone()), "2001", SelectionStep::MappedCountry);
    numbers.numbers[0].in_service = false;
    assert_takes_unused(&from_pool(numbers), "2003", SelectionStep::DefaultRegion);
}

#[test]
fn a_country_that_no_step_looks_for_is_not_used() {
    let scene = from_pool(pool("main", [number("2001", "US", 0)]));
    assert_eq!(verdict_on_the_only(&scene), NumberVerdict::OtherRegion);
}

#[test]
fn the_parents_pool_is_tried_after_every_step_of_the_own() {
    let full = NumberFacts { in_service: false, ..number("2001", "GB", 0) };
    let own = pool("own", [full, number("2002", "US", 0)]).defaulting_to("US");
    let parent = pool("parent", [number("3001", "GB", 0)]);
    let scene = scene().pools([own, parent.clone()]);
    assert_takes_unused(&scene, "2002", SelectionStep::DefaultRegion);

    let nothing_left = pool("own", [number("2001", "US", 0)]);
    let grandparent = pool("grandparent", [number("4001", "GB", 0)]);
    let fallback = scene.pools([nothing_left, parent, grandparent]);
    assert_takes_unused(&fallback, "3001", SelectionStep::ClientCountry);
    let (chosen, considered) = selection(&fallback);
    assert_eq!(chosen.unwrap().pool_id, id("acme_parent"));
    let expected = [
        ("2001".to_owned(), NumberVerdict::OtherRegion),
        ("3001".to_owned(), NumberVerdict::Chosen),
    ];
    assert_eq!(considered, expected, "and pools after it are not considered");
}

#[test]
fn the_parents_pool_has_rules_of_its_own() {
    let own = pool("own", [number("2001", "DE", 0)]);
    let parent = pool("parent", [number("3001", "DE", 0)]).mapping_to("DE");
    assert_takes_unused(&scene().pools([own, parent]), "3001", SelectionStep::MappedCountry);
}

#[test]
fn without_a_pool_there_is_no_number() {
    assert_eq!(selection(&scene().pools([])), (None, vec![]));
}

#[test]
fn the_number_that_this_client_and_user_had_before_comes_first() {
    let numbers = [number("2001", "GB", 0), number("2002", "GB", 9)];
    let scene = with_rooms(from_pool(pool("main", numbers)), [closed(1, "anna", "2002")]);
    assert_takes(&scene, "2002", SelectionStep::ClientCountry, Preference::Sticky);
}

#[test]
fn a_number_of_an_earlier_step_comes_before_the_one_they_had() {
    let numbers = [number("2001", "GB", 0), number("2002", "DE", 0)];
    let main = pool("main", numbers).defaulting_to("DE");
    let scene = with_rooms(from_pool(main), [closed(1, "anna", "2002")]);
    assert_takes_unused(&scene, "2001", SelectionStep::ClientCountry);
}

#[test]
fn then_comes_a_number_that_the_client_never_had() {
    let numbers = [number("2001", "GB", 0), number("2002", "GB", 9)];
    let scene = with_rooms(from_pool(pool("main", numbers)), [closed(1, "ben", "2001")]);
    assert_takes_unused(&scene, "2002", SelectionStep::ClientCountry);
}

#[test]
fn then_the_least_loaded() {
    let numbers = [number("2001", "GB", 3), number("2002", "GB", 1), number("2003", "GB", 2)];
    let rooms = ["2001", "2002", "2003"].map(|number| closed(1, "ben", number));
    let scene = with_rooms(from_pool(pool("main", numbers)), rooms);
    assert_takes(&scene, "2002", SelectionStep::ClientCountry, Preference::LeastLoaded);
}

#[test]
fn ties_are_settled_by_the_number() {
    let numbers = [number("2003", "GB", 1), number("2001", "GB", 1), number("2002", "GB", 1)];
    let used = ["2001", "2002", "2003"].map(|number| closed(1, "ben", number));
    let unused = from_pool(pool("main", numbers));
    assert_takes_unused(&unused, "2001", SelectionStep::ClientCountry);
    let all_used = with_rooms(unused, used);
    assert_takes(&all_used, "2001", SelectionStep::ClientCountry, Preference::LeastLoaded);
}

fn only() -> Scene {
    from_pool(pool("main", [number("2001", "GB", 0)]))
}

#[test]
fn a_number_that_is_not_in_service_is_not_taken() {
    let suspended = NumberFacts { in_service: false, ..number("2001", "GB", 0) };
    let scene = from_pool(pool("main", [suspended]));
    assert_eq!(verdict_on_the_only(&scene), NumberVerdict::NotInService);
    let had = with_rooms(scene, [closed(1, "anna", "2001")]);
    assert_eq!(verdict_on_the_only(&had), NumberVerdict::NotInService, "not even the old one");
}

#[test]
fn a_number_at_its_capacity_is_not_taken() {
    let carrying = |load| from_pool(pool("main", [number("2001", "GB", load)]).with_capacity(2));
    assert_takes_unused(&carrying(1), "2001", SelectionStep::ClientCountry);
    for load in [2, 3] {
        assert_eq!(verdict_on_the_only(&carrying(load)), NumberVerdict::AtCapacity);
    }
}

#[test]
fn a_number_carries_one_open_room_of_a_client() {
    for phase in [RoomPhase::Reserved, RoomPhase::Invited, RoomPhase::Active] {
        let scene = with_rooms(only(), [room(room_id(1), "ben", "2001", phase)]);
        assert_eq!(verdict_on_the_only(&scene), NumberVerdict::OpenRoom, "{phase:?}");
    }
}

#[test]
fn rooms_in_profiles_that_are_not_visible_count_too() {
    let room = room(room_id(1), "ben", "2001", RoomPhase::Active);
    let scene = with_rooms(only(), [room]).with(|s| s.facts.profiles[0].archived = true);
    assert_eq!(verdict_on_the_only(&scene), NumberVerdict::OpenRoom);
}

#[test]
fn a_pair_that_rests_is_not_taken_for_another_user() {
    let scene = with_rooms(only(), [resting(1, "ben", "2001", 30 * DAY)]);
    assert_eq!(verdict_on_the_only(&scene), NumberVerdict::Quarantined);
}

#[test]
fn the_same_user_may_take_it_again_at_once() {
    let scene = with_rooms(only(), [resting(1, "anna", "2001", 30 * DAY)]);
    assert_takes(&scene, "2001", SelectionStep::ClientCountry, Preference::Sticky);
}

#[test]
fn but_not_if_it_rests_for_another_user_as_well() {
    let rooms = [resting(1, "anna", "2001", DAY), resting(2, "ben", "2001", 30 * DAY)];
    assert_eq!(verdict_on_the_only(&with_rooms(only(), rooms)), NumberVerdict::Quarantined);
}

#[test]
fn a_pair_has_rested_when_its_time_is_over() {
    let until = |seconds| with_rooms(only(), [resting(1, "ben", "2001", seconds)]);
    assert_eq!(verdict_on_the_only(&until(3)), NumberVerdict::Quarantined);
    assert_takes(&until(2), "2001", SelectionStep::ClientCountry, Preference::LeastLoaded);
}

#[test]
fn every_number_has_its_verdict() {
    use NumberVerdict::{
        AtCapacity, Chosen, NotInService, NotPreferred, OpenRoom, OtherRegion, Quarantined,
    };
    let suspended = NumberFacts { in_service: false, ..number("2001", "GB", 0) };
    let mut full = number("2002", "GB", 1);
    full.spec.capacity = Some(1);
    let numbers = [
        suspended,
        full,
        number("2003", "GB", 0),
        number("2004", "GB", 0),
        number("2005", "GB", 0),
        number("2006", "GB", 0),
        number("2007", "US", 0),
    ];
    let rooms =
        [room(room_id(1), "ben", "2003", RoomPhase::Active), resting(2, "ben", "2004", DAY)];
    let (_, considered) = selection(&with_rooms(from_pool(pool("main", numbers)), rooms));
    let verdicts: Vec<_> = considered.iter().map(|(_, verdict)| *verdict).collect();
    let expected =
        [NotInService, AtCapacity, OpenRoom, Quarantined, Chosen, NotPreferred, OtherRegion];
    assert_eq!(verdicts, expected);
}
