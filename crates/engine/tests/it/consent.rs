//! A client says by a word that it wants no more templates, or wants them again.

use chrono::TimeDelta;
use domain::ids::{PhoneNumberId, RoomId};
use domain::input::{Input, LaneInput};
use domain::outbound::Purpose;
use domain::request::Outcome;

use crate::harness::{Worker, World, answer};
use crate::inputs::{
    accepted, client, company, message, message_to, number_locked, promote, request_of, resend,
};

/// A message that was sent so many seconds later: what is said in the same second is weighed.
fn later(seconds: i64, mut input: LaneInput) -> LaneInput {
    if let Input::Message(message) = &mut input.input {
        message.sent_at += TimeDelta::seconds(seconds);
    }
    input
}

fn stop(n: u32) -> LaneInput {
    message(client(n), "STOP")
}

fn start(n: u32) -> LaneInput {
    later(10, message(client(n), "Start"))
}

#[tokio::test]
async fn who_has_stopped_gets_no_room_until_it_starts_again_also_after_a_restart() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(stop(1)).await;
    engine.done(message(client(1), "#michael")).await;
    assert_eq!(world.outcomes().await, [Outcome::Stopped, Outcome::TemplatesStopped]);
    world.requested(Purpose::Stopped).await;
    world.requested(Purpose::TemplatesStopped).await;
    assert_eq!(world.count("message-requested").await, 2);
    assert_eq!(world.count("client-profile-created").await, 0);
    engine.stop().await;

    let engine = world.start();
    engine.done(message(client(1), "#michael")).await;
    assert_eq!(world.outcomes().await.last(), Some(&Outcome::TemplatesStopped));
    assert_eq!(world.count("number-reserved").await, 0);
    engine.done(message(client(2), "#michael")).await;
    assert_eq!(world.count("room-reserved").await, 1, "others are served");

    engine.done(start(1)).await;
    assert_eq!(world.outcomes().await.last(), Some(&Outcome::Started));
    engine.done(message(client(1), "#michael")).await;
    assert_eq!(world.count("room-reserved").await, 2);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_comes_in_the_same_batch_is_decided_on_it() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(message(client(1), "hello")).await;
    // One client is known, the other is new.
    for n in [1, 2] {
        let ask = || message(client(n), "#michael");
        engine.decide_all([stop(n), ask(), start(n), ask()]).await;
        let ended = world.outcomes().await;
        let ended = &ended[ended.len() - 3..];
        assert_eq!(ended, [Outcome::Stopped, Outcome::TemplatesStopped, Outcome::Started]);
        assert_eq!(world.count("room-reserved").await, n as usize);
        engine.decide_all([later(20, stop(n)), message(client(n), "#anna")]).await;
        assert_eq!(world.outcomes().await.last(), Some(&Outcome::TemplatesStopped));
    }
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_was_sent_last_counts_whatever_comes_last() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(start(1)).await;
    engine.done(stop(1)).await;
    assert_eq!(world.outcomes().await, [Outcome::Started, Outcome::Stopped]);
    assert_eq!(world.count("templates-stopped").await, 0, "it is older than what counts");
    assert_eq!(world.all_requested(Purpose::Stopped).await.len(), 0, "and would not be true");
    engine.done(message(client(1), "#michael")).await;
    assert_eq!(world.count("room-reserved").await, 1);
    engine.done(later(10, stop(1))).await;
    engine.done(message(client(1), "#anna")).await;
    assert_eq!(world.count("room-reserved").await, 1, "of the same second the stop word counts");
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn an_invitation_that_fails_is_not_sent_from_another_number_even_in_one_batch() {
    for in_one_batch in [false, true] {
        let world = World::new().await;
        let engine = world.start();
        let asked = message(client(1), "#michael");
        let request = request_of(&asked);
        engine.done(asked).await;
        let invitation = world.requested(Purpose::Invitation).await;
        let failed = number_locked(request, &invitation, world.clock.now());
        if in_one_batch {
            engine.decide_all([stop(1), failed]).await;
        } else {
            engine.done(stop(1)).await;
            engine.done(failed).await;
        }
        assert_eq!(world.outcomes().await, [Outcome::Stopped, Outcome::TemplatesStopped]);
        world.requested(Purpose::Invitation).await;
        assert_eq!(world.count("room-closed").await, 1);
        engine.stop().await;
        world.checked().await;
    }
}

/// Client 1 has a room with Michael, on this number.
async fn onboarded(world: &World, engine: &Worker) -> (RoomId, PhoneNumberId) {
    let asked = message(client(1), "#michael");
    let request = request_of(&asked);
    engine.done(asked).await;
    let invitation = world.requested(Purpose::Invitation).await;
    engine.done(accepted(request, &invitation, world.clock.now())).await;
    let user_info = world.requested(Purpose::UserInfo).await;
    engine.done(accepted(request, &user_info, world.clock.now())).await;
    (RoomId::opened_by(request), invitation.from)
}

#[tokio::test]
async fn no_template_goes_into_a_room_whose_client_has_stopped() {
    let world = World::new().await;
    let engine = world.start();
    let (room, number) = onboarded(&world, &engine).await;
    engine.done(stop(1)).await;
    engine.done(message(client(1), "#michael")).await;
    assert_eq!(world.outcomes().await.last(), Some(&Outcome::Reminded));
    assert_eq!(world.count("room-reminded").await, 1, "it is recorded");
    assert_eq!(world.all_requested(Purpose::Reminder).await.len(), 0, "and not sent");
    let refused = answer(engine.decide(resend(1, room)).await);
    assert_eq!(refused["code"], "client-stopped");

    // What it writes there opens the window for free texts.
    engine.done(message_to("acme", number, client(1), "stop")).await;
    assert_eq!(world.outcomes().await.last(), Some(&Outcome::Stopped));
    assert_eq!(world.count("client-wrote").await, 1);
    engine.done(message(client(1), "#michael")).await;
    world.requested(Purpose::Reminder).await;
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_prospect_who_has_stopped_is_not_promoted() {
    let cautious = company("acme", 0, 0..3).replace(
        "    name: Company acme\n",
        "    name: Company acme\n    features: { auto_promotion: false }\n",
    );
    let world = World::with(&format!("companies:\n{cautious}")).await;
    let engine = world.start();
    let asked = message(client(1), "#michael");
    let prospect = request_of(&asked);
    engine.decide_all([asked, stop(1)]).await;
    let refused = answer(engine.decide(promote(1, prospect)).await);
    assert_eq!(refused["code"], "client-stopped");
    assert_eq!(world.count("room-reserved").await, 0);
    engine.done(start(1)).await;
    let done = answer(engine.decide(promote(2, prospect)).await);
    assert_eq!(done["status"], "done", "{done}");
    assert_eq!(world.count("room-reserved").await, 1);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn the_words_are_the_companys() {
    let halting = company("acme", 0, 0..3) + "    stop_words: { en: [HALT] }\n";
    let world = World::with(&format!("companies:\n{halting}")).await;
    let engine = world.start();
    engine.done(stop(1)).await;
    engine.done(message(client(1), " halt ")).await;
    assert_eq!(world.outcomes().await, [Outcome::ExtensionMissing, Outcome::Stopped]);
    engine.stop().await;
    world.checked().await;
}
