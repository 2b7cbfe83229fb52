//! A version of the directory takes from rooms what they stand on.

use domain::ids::RoomId;
use domain::input::{Input, OperatorRequest};
use domain::outbound::Purpose;
use domain::profile::{CloseReason, ProfileEvent};

use crate::harness::{Worker, World};
use crate::inputs::{accepted, client, company_id, file, message, register, request_of};

/// Makes another version of a directory.
type Change<'a> = &'a dyn Fn(&str) -> String;

/// The directory of [`World::new`], with an external company that Michael is assigned to.
fn directory() -> String {
    file(&["acme"], 3)
        .replace(
            "    users:\n",
            "    external_companies: [{ id: north, name: North }]\n    users:\n",
        )
        .replace("extension: michael }", "extension: michael, external_companies: [north] }")
}

/// A client of Michael, whose profile only the north may see, has an active room.
async fn active_room(world: &World, engine: &Worker) -> RoomId {
    let mut known = register(1, &client(1), "michael");
    if let Input::Command(command) = &mut known.input
        && let OperatorRequest::RegisterClientProfile(client) = &mut command.request
    {
        client.external_company = Some("north".parse().unwrap());
    }
    engine.decide(known).await;
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    engine.done(hello).await;
    for purpose in [Purpose::Invitation, Purpose::UserInfo] {
        let sent = world.requested(purpose).await;
        engine.done(accepted(request, &sent, world.clock.now())).await;
    }
    RoomId::opened_by(request)
}

async fn is_closed(world: &World, expected: CloseReason) {
    world.until("the room is closed", async |world| world.count("room-closed").await > 0).await;
    let closed = world.profile_events().await.into_iter().filter_map(|event| match event {
        ProfileEvent::RoomClosed { reason, by, at, quarantine_until, .. } => {
            assert!(quarantine_until.unwrap() > at, "the pair rests");
            Some((reason, by))
        }
        _ => None,
    });
    assert_eq!(closed.collect::<Vec<_>>(), [(expected, None)]);
    assert_eq!(world.count("number-released").await, 1);
}

#[tokio::test]
async fn a_room_is_closed_when_its_user_its_number_or_the_permission_is_gone() {
    let without_number = |yaml: &str| {
        let account = yaml.lines().find(|line| line.contains("100001\", display")).unwrap();
        let carries = "          - { phone_number_id: \"100001\" }\n";
        assert!(yaml.contains(carries));
        yaml.replace(&format!("{account}\n"), "").replace(carries, "")
    };
    let cases: [(Change<'_>, CloseReason); 4] = [
        (
            &|yaml| yaml.replace("extension: michael,", "extension: michael, active: false,"),
            CloseReason::UserDeactivated,
        ),
        (
            &|yaml| {
                let michael = yaml.lines().find(|line| line.contains("Michael")).unwrap();
                yaml.replace(&format!("{michael}\n"), "")
            },
            CloseReason::UserDeactivated,
        ),
        (&without_number, CloseReason::NumberRemoved),
        (&|yaml| yaml.replace("external_companies: [north]", "external_companies: []"), {
            CloseReason::PermissionLost
        }),
    ];
    for (change, reason) in cases {
        let world = World::with(&directory()).await;
        let engine = world.start();
        active_room(&world, &engine).await;
        let changed = change(&directory());
        assert_ne!(changed, directory());
        world.apply(&changed).await;
        is_closed(&world, reason).await;
        engine.stop().await;
        world.checked().await;
    }
}

#[tokio::test]
async fn a_version_that_came_while_nobody_ran_closes_rooms_at_the_start() {
    let world = World::with(&directory()).await;
    let engine = world.start();
    active_room(&world, &engine).await;
    engine.stop().await;
    world.apply(&directory().replace("extension: michael,", "active: false,")).await;
    assert_eq!(world.count("room-closed").await, 0);
    let engine = world.start();
    is_closed(&world, CloseReason::UserDeactivated).await;
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_version_that_takes_nothing_closes_nothing() {
    let world = World::with(&directory()).await;
    let acme = company_id("acme");
    world.store.set_reviewed_version(&acme, 1).await.unwrap();
    let engine = world.start();
    active_room(&world, &engine).await;
    let version = world.apply(&directory().replace("extension: michael", "extension: mike")).await;
    let reviewed =
        async |world: &World| world.store.reviewed_version(&acme).await.unwrap() == Some(version);
    world.until("the version is reviewed", reviewed).await;
    assert_eq!(world.count("room-closed").await, 0);
    engine.stop().await;
    world.checked().await;
}

/// What a room stands on was there only for a while: the versions around it are the same.
#[tokio::test]
async fn a_version_that_is_taken_back_takes_its_rooms_with_it() {
    let world = World::with(&directory().replace("extension: michael,", "active: false,")).await;
    let acme = company_id("acme");
    world.store.set_reviewed_version(&acme, 1).await.unwrap();
    world.apply(&directory()).await;
    let engine = world.start();
    active_room(&world, &engine).await;
    engine.stop().await;
    // As if the process had died before it came to that.
    sqlx::query("UPDATE room_reviews SET directory_version = 1")
        .execute(&world.pool)
        .await
        .unwrap();
    world.apply(&directory().replace("extension: michael,", "active: false,")).await;
    let engine = world.start();
    is_closed(&world, CloseReason::UserDeactivated).await;
    engine.stop().await;
    world.checked().await;
}

/// Many more than are on their way at once.
#[tokio::test]
async fn all_rooms_of_a_user_are_closed_and_those_of_others_stay() {
    let world = World::new().await;
    let engine = world.start();
    let ask = |n, text| {
        let hello = message(client(n), text);
        (request_of(&hello), hello)
    };
    let asked: Vec<_> =
        (0..150).map(|n| ask(n, "#michael")).chain((0..10).map(|n| ask(n, "#anna"))).collect();
    engine.decide_all(asked.iter().map(|(_, hello)| hello.clone())).await;
    // All become active by their deadlines, once their invitations are out.
    for sent in world.all_requested(Purpose::Invitation).await {
        engine.done(accepted(sent.0, &sent.1, world.clock.now())).await;
    }
    world.advance(8 * 3_600);
    world.until("all are active", async |w| w.count("room-activated").await == 160).await;
    world.apply(&file(&["acme"], 3).replace("extension: michael }", "active: false }")).await;
    world.until("all are closed", async |w| w.count("room-closed").await == 150).await;
    let open = world.store.open_rooms(&company_id("acme"), None, 1_000).await.unwrap();
    assert_eq!(open.len(), 10);
    assert!(open.iter().all(|room| room.user_id.as_str() == "anna"));
    engine.stop().await;
    world.checked().await;
}
