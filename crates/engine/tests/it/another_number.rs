//! An invitation fails by the fault of its number.

use domain::AnyEvent;
use domain::outbound::{OutboundMessage, Purpose};
use domain::request::{Outcome, RequestEvent};

use crate::harness::World;
use crate::inputs::{accepted, client, message, number_locked, request_of};

async fn invitations(world: &World) -> Vec<OutboundMessage> {
    let all = world.events().await.into_iter().filter_map(|event| match event {
        AnyEvent::Request(RequestEvent::MessageRequested { message }) => Some(message),
        _ => None,
    });
    all.filter(|message| message.purpose == Purpose::Invitation).collect()
}

#[tokio::test]
async fn the_request_goes_on_with_another_number_until_it_is_onboarded() {
    let world = World::new().await;
    let engine = world.start();
    let asked = message(client(1), "#michael");
    let request = request_of(&asked);
    engine.done(asked).await;
    let first = invitations(&world).await.remove(0);
    engine.done(number_locked(request, &first, world.clock.now())).await;
    let second = invitations(&world).await.remove(1);
    assert_ne!(second.from, first.from);
    engine.done(number_locked(request, &first, world.clock.now())).await;
    assert_eq!(invitations(&world).await.len(), 2, "the same told twice");

    engine.done(accepted(request, &second, world.clock.now())).await;
    let user_info = world.requested(Purpose::UserInfo).await;
    engine.done(accepted(request, &user_info, world.clock.now())).await;
    assert_eq!(world.outcomes().await, [Outcome::Onboarded]);
    for (event, count) in [
        ("room-reserved", 2),
        ("room-closed", 1),
        ("number-service-changed", 1),
        ("client-profile-created", 1),
    ] {
        assert_eq!(world.count(event).await, count, "{event}");
    }

    // The next client gets a number that works.
    engine.done(message(client(2), "#michael")).await;
    assert_ne!(invitations(&world).await[2].from, first.from);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn failures_of_several_requests_in_one_batch_each_find_another_number() {
    let world = World::new().await;
    let engine = world.start();
    let asked: Vec<_> = (1..=2).map(|n| message(client(n), "#michael")).collect();
    let requests: Vec<_> = asked.iter().map(request_of).collect();
    for one in asked {
        engine.done(one).await;
    }
    let sent = invitations(&world).await;
    let now = world.clock.now();
    let failed = requests.iter().zip(&sent);
    let failed = failed.map(|(request, sent)| number_locked(*request, sent, now));
    engine.decide_all(failed.collect::<Vec<_>>()).await;
    let all = invitations(&world).await;
    assert_eq!(all.len(), 4);
    for (first, second) in sent.iter().zip(&all[2..]) {
        assert_ne!(first.from, second.from);
    }
    engine.stop().await;
    world.checked().await;
}
