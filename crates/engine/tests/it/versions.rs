//! Operators who say which version they saw.

use domain::ids::{ProfileId, RoomId};
use domain::outbound::Purpose;
use domain::pool::Service;
use serde_json::Value;

use crate::harness::{Worker, World, answer};
use crate::inputs::{
    accepted, archive, block, client, close, company_id, message, number, promote, reassign,
    register, remove_number, request_of, seen_at, set_extension, set_service, unblock,
};

/// A client is registered for Michael: two events of one profile.
async fn profile(engine: &Worker) -> ProfileId {
    let told = answer(engine.decide(register(1, &client(1), "michael")).await);
    assert_eq!(told["version"], 2, "created, and its user assigned: {told}");
    told["profile_id"].as_str().unwrap().parse().unwrap()
}

fn is_refused(told: &Value, actual: u64) {
    assert_eq!((&told["status"], &told["code"]), (&"refused".into(), &"version-mismatch".into()));
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("at version {actual} ")), "{detail}");
    assert_eq!(told["position"], Value::Null, "nothing is recorded but the answer");
}

#[tokio::test]
async fn who_saw_what_is_so_is_served_and_who_saw_something_older_is_not() {
    let world = World::new().await;
    let engine = world.start();
    let profile_id = profile(&engine).await;
    let before = world.position().await;
    is_refused(&answer(engine.decide(seen_at(1, block(2, profile_id))).await), 2);
    is_refused(&answer(engine.decide(seen_at(3, archive(3, profile_id))).await), 2);
    assert_eq!(world.position().await, before);

    let blocked = answer(engine.decide(seen_at(2, block(4, profile_id))).await);
    assert_eq!((&blocked["status"], &blocked["version"]), (&"done".into(), &3.into()));
    let so = answer(engine.decide(seen_at(3, block(5, profile_id))).await);
    assert_eq!((&so["status"], &so["version"]), (&"done".into(), &3.into()), "it is so");
    engine.done(unblock(6, profile_id)).await;
    let again = answer(engine.decide(seen_at(2, block(4, profile_id))).await);
    assert_eq!(again, blocked, "asked again, whatever the version is by now");
    let refused = answer(engine.decide(seen_at(1, block(2, profile_id))).await);
    is_refused(&refused, 2);

    let nobody = ProfileId::from_uuid(uuid::Uuid::from_u128(9));
    let unknown = answer(engine.decide(seen_at(1, archive(7, nobody))).await);
    assert_eq!(unknown["code"], "unknown-client-profile");
    let new = answer(engine.decide(seen_at(1, register(8, &client(2), "anna"))).await);
    is_refused(&new, 0);
    engine.stop().await;
    world.checked().await;
}

/// What one command of a batch changes, the next one of it has not seen.
#[tokio::test]
async fn of_two_who_saw_the_same_the_second_is_refused() {
    let world = World::new().await;
    let engine = world.start();
    let profile_id = profile(&engine).await;
    let both = [seen_at(2, block(2, profile_id)), seen_at(2, archive(3, profile_id))];
    let told: Vec<_> = engine.decide_all(both).await.into_iter().map(answer).collect();
    assert_eq!(told[0]["status"], "done");
    is_refused(&told[1], 3);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn rooms_go_by_the_version_of_their_profile() {
    let world = World::new().await;
    let engine = world.start();
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    let room_id = RoomId::opened_by(request);
    engine.done(hello).await;
    for purpose in [Purpose::Invitation, Purpose::UserInfo] {
        let sent = world.requested(purpose).await;
        engine.done(accepted(request, &sent, world.clock.now())).await;
    }
    let told = answer(engine.decide(reassign(1, room_id, "anna")).await);
    let version = told["version"].as_u64().unwrap();
    let profile_id = ProfileId::created_by(request);
    let stored = world.store.load::<domain::profile::ClientProfile>(&profile_id).await.unwrap();
    assert_eq!(stored.version, version);
    is_refused(&answer(engine.decide(seen_at(version - 1, close(2, room_id))).await), version);
    let closed = answer(engine.decide(seen_at(version, close(3, room_id))).await);
    assert_eq!((&closed["status"], &closed["version"]), (&"done".into(), &(version + 1).into()));

    let prospect = answer(engine.decide(seen_at(1, promote(4, request))).await);
    let loaded = world.store.load::<domain::request::OnboardingRequest>(&request).await.unwrap();
    is_refused(&prospect, loaded.version);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn numbers_go_by_their_pool_and_the_directory_by_its_own_version() {
    let world = World::new().await;
    let engine = world.start();
    let one = number(0, 1);
    let first = answer(engine.decide(set_service(1, &one, Service::Suspended)).await);
    let version = first["version"].as_u64().unwrap();
    let back =
        |operation, version| seen_at(version, set_service(operation, &one, Service::InService));
    is_refused(&answer(engine.decide(back(2, version + 1)).await), version);
    let done = answer(engine.decide(back(3, version)).await);
    assert_eq!((&done["status"], &done["version"]), (&"done".into(), &(version + 1).into()));

    let latest = world.directory.latest(&company_id("acme")).await.unwrap().unwrap();
    let mike =
        |operation, version| seen_at(version, set_extension(operation, "michael", Some("mike")));
    is_refused(&answer(engine.decide(mike(4, latest + 1)).await), latest);
    let told = answer(engine.decide(mike(5, latest)).await);
    assert_eq!(told["directory_version"], latest + 1);
    is_refused(&answer(engine.decide(seen_at(latest, remove_number(6, &one))).await), latest + 1);
    assert_eq!(world.directory.versions().await.unwrap().len(), 2);
    engine.stop().await;
    world.checked().await;
}
