//! An operator gives rooms to other users.

use domain::identity::Sender;
use domain::ids::{RequestId, RoomId};
use domain::input::{Input, LaneInput, OperatorRequest};
use domain::outbound::Purpose;
use domain::profile::{CloseReason, ProfileEvent};
use domain::request::{Outcome, RequestEvent};
use domain::{AnyEvent, Personal};
use serde_json::Value;

use crate::harness::{Worker, World, answer};
use crate::inputs::{
    accepted, client, close, company_id, file, given_up, message, reassign, register, request_of,
};

/// Client 1 has an active room with Michael.
async fn active_room(world: &World, engine: &Worker) -> RoomId {
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    engine.done(hello).await;
    for purpose in [Purpose::Invitation, Purpose::UserInfo] {
        let sent = world.requested(purpose).await;
        engine.done(accepted(request, &sent, world.clock.now())).await;
    }
    RoomId::opened_by(request)
}

async fn given(engine: &Worker, operation: u128, room_id: RoomId, user: &str) -> Value {
    answer(engine.decide(reassign(operation, room_id, user)).await)
}

async fn user_of(world: &World, room_id: RoomId) -> String {
    let room = world.store.room(&company_id("acme"), room_id).await.unwrap();
    room.unwrap().user_id.to_string()
}

/// How a request ended.
async fn outcome_of(world: &World, request: RequestId) -> Option<Outcome> {
    world.recorded().await.iter().find_map(|event| match AnyEvent::read(event).unwrap() {
        AnyEvent::Request(RequestEvent::OutcomeRecorded { outcome, .. })
            if event.aggregate_id == request.to_string() =>
        {
            Some(outcome)
        }
        _ => None,
    })
}

#[tokio::test]
async fn the_room_is_the_new_users_and_its_client_is_led_there() {
    let world = World::new().await;
    let engine = world.start();
    let room_id = active_room(&world, &engine).await;
    let told = given(&engine, 1, room_id, "anna").await;
    assert_eq!((&told["status"], &told["user_id"]), (&"done".into(), &"anna".into()), "{told}");
    assert_eq!(told["position"], world.position().await);
    assert_eq!(user_of(&world, room_id).await, "anna");
    let reassigned = world.profile_events().await.into_iter().find_map(|event| match event {
        ProfileEvent::RoomReassigned { from, to, by, .. } => Some((from, to, by)),
        _ => None,
    });
    let (from, to, by) = reassigned.unwrap();
    assert_eq!((from.as_str(), to.as_str(), by.expose().as_str()), ("michael", "anna", "operator"));

    assert_eq!(given(&engine, 1, room_id, "anna").await, told, "asked again");
    let so = given(&engine, 2, room_id, "anna").await;
    assert_eq!((&so["status"], &so["position"]), (&"done".into(), &Value::Null), "it is so");
    let (to_anna, to_michael) = (message(client(1), "#anna"), message(client(1), "#michael"));
    let (anna, michael) = (request_of(&to_anna), request_of(&to_michael));
    engine.done(to_anna).await;
    engine.done(to_michael).await;
    assert_eq!(outcome_of(&world, anna).await, Some(Outcome::Reminded));
    assert_eq!(outcome_of(&world, michael).await, None, "a room of its own is under way");
    assert_eq!(world.count("room-reserved").await, 2);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_is_around_it_in_one_batch_is_decided_in_its_order() {
    let world = World::new().await;
    let engine = world.start();
    let room_id = active_room(&world, &engine).await;
    let inputs = [
        message(client(2), "#anna"),
        reassign(1, room_id, "anna"),
        message(client(1), "#michael"),
        message(client(1), "#anna"),
        close(2, room_id),
        message(client(1), "#anna"),
    ];
    engine.decide_all(inputs).await;
    assert_eq!(world.count("room-reassigned").await, 1);
    assert_eq!(world.count("room-reminded").await, 1);
    assert_eq!(world.count("room-closed").await, 1);
    assert_eq!(world.count("room-reserved").await, 4);
    engine.stop().await;
    world.checked().await;
}

/// WhatsApp tells that client 1 is also known by this id.
fn also(known_as: Sender) -> LaneInput {
    let LaneInput { company, input: Input::Message(mut notice) } = message(client(1), "") else {
        panic!("no message")
    };
    notice.kind = "system".to_owned();
    notice.text = None;
    notice.became = Some(Box::new(known_as));
    LaneInput { company, input: Input::Message(notice) }
}

#[tokio::test]
async fn a_room_of_a_client_that_turned_out_to_be_the_same_stands_in_the_way() {
    let world = World::new().await;
    let engine = world.start();
    let room_id = active_room(&world, &engine).await;
    let bsuid = Some(Personal::new("US.second".parse().unwrap()));
    let second = Sender { bsuid, ..Sender::default() };
    engine.done(message(second.clone(), "#anna")).await;
    engine.done(also(second)).await;
    assert_eq!(world.count("clients-linked").await, 1);

    let refused = given(&engine, 1, room_id, "anna").await;
    assert_eq!(refused["code"], "room-open-with-user", "{refused}");
    assert_eq!(user_of(&world, room_id).await, "michael");
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_reason() {
    let yaml = file(&["acme"], 3)
        .replace(
            "    users:\n",
            "    users:\n      - { id: zoe, name: Zoe Hill, ou: all, active: false }\n",
        )
        .replace(
            "    users:\n",
            "    external_companies: [{ id: north, name: North }]\n    users:\n",
        )
        .replace("extension: michael }", "extension: michael, external_companies: [north] }");
    let world = World::with(&yaml).await;
    let engine = world.start();
    let nowhere = RoomId::from_uuid(uuid::Uuid::from_u128(9));
    assert_eq!(given(&engine, 1, nowhere, "anna").await["code"], "unknown-chat-room");

    let mut known = register(2, &client(1), "michael");
    if let Input::Command(command) = &mut known.input
        && let OperatorRequest::RegisterClientProfile(client) = &mut command.request
    {
        client.external_company = Some("north".parse().unwrap());
    }
    engine.decide(known).await;
    let hello = message(client(1), "#michael");
    let room_id = RoomId::opened_by(request_of(&hello));
    let request = request_of(&hello);
    engine.done(hello).await;
    assert_eq!(given(&engine, 3, room_id, "anna").await["code"], "room-under-way");
    for purpose in [Purpose::Invitation, Purpose::UserInfo] {
        let sent = world.requested(purpose).await;
        engine.done(accepted(request, &sent, world.clock.now())).await;
    }
    let cases = [
        (4, "zoe", "unknown-user"),
        (5, "nobody", "unknown-user"),
        (6, "anna", "client-profile-hidden"),
    ];
    for (operation, user, code) in cases {
        let refused = given(&engine, operation, room_id, user).await;
        assert_eq!((&refused["status"], &refused["code"]), (&"refused".into(), &code.into()));
    }
    engine.done(close(7, room_id)).await;
    assert_eq!(given(&engine, 8, room_id, "anna").await["code"], "room-closed");
    assert_eq!(world.count("room-reassigned").await, 0);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_room_that_the_client_has_with_the_user_already_stands_in_the_way() {
    let world = World::new().await;
    let engine = world.start();
    let room_id = active_room(&world, &engine).await;
    engine.decide_all([message(client(1), "#anna"), reassign(1, room_id, "anna")]).await;
    let refused = given(&engine, 1, room_id, "anna").await;
    assert_eq!(refused["code"], "room-open-with-user", "{refused}");
    assert_eq!(user_of(&world, room_id).await, "michael");
    engine.stop().await;
    world.checked().await;
}

/// When the change is decided, the store may not have the other room yet: then it refuses the
/// change, which is decided again.
#[tokio::test]
async fn a_room_in_another_profile_of_the_client_stands_in_the_way_too() {
    let world = World::new().await;
    let engine = world.start();
    let room_id = active_room(&world, &engine).await;
    engine.decide(register(2, &client(1), "anna")).await;
    engine.decide_all([message(client(1), "#anna"), reassign(1, room_id, "anna")]).await;
    let (acme, anna) = (company_id("acme"), "anna".parse().unwrap());
    let room = world.store.room(&acme, room_id).await.unwrap().unwrap();
    let open = world.store.open_room_with(&acme, room.client_id, &anna).await.unwrap().unwrap();
    assert_ne!(open.0, room.profile_id, "the new profile is Anna's");
    for operation in [1, 3] {
        let refused = given(&engine, operation, room_id, "anna").await;
        assert_eq!(refused["code"], "room-open-with-user", "{refused}");
    }
    // That room is over: nothing stands in the way.
    let invitations = world.all_requested(Purpose::Invitation).await;
    let (request, sent) = &invitations[1];
    engine.done(given_up(*request, sent, world.clock.now())).await;
    assert_eq!(given(&engine, 4, room_id, "anna").await["status"], "done");
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn the_room_ends_with_its_new_user_and_not_with_the_one_before() {
    let world = World::new().await;
    let engine = world.start();
    let room_id = active_room(&world, &engine).await;
    given(&engine, 1, room_id, "anna").await;
    let acme = company_id("acme");
    let without = |user: &str| {
        let of_user = format!("extension: {user} }}");
        file(&["acme"], 3).replace(&of_user, "active: false }")
    };
    let version = world.apply(&without("michael")).await;
    let taken = async |world: &World| world.store.lane(&acme).await.unwrap() >= Some(version);
    world.until("the version counts", taken).await;
    assert_eq!(world.count("room-closed").await, 0);
    world.apply(&without("anna")).await;
    world.until("the room is closed", async |world| world.count("room-closed").await == 1).await;
    let reasons = world.profile_events().await.into_iter().filter_map(|event| match event {
        ProfileEvent::RoomClosed { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(reasons.collect::<Vec<_>>(), [CloseReason::UserDeactivated]);
    engine.stop().await;
    world.checked().await;
}
