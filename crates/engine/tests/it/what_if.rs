//! What a message would lead to, without it.

use domain::AnyEvent;
use domain::flow::{Command, Decision, IgnoreReason};
use domain::ids::{CompanyId, Wamid};
use domain::input::{InboundMessage, Input, LaneInput};
use domain::profile::ProfileCommand;
use domain::request::{Receive, RequestCommand, RequestEvent};
use engine::{Engine, WhatIfError};

use crate::harness::World;
use crate::inputs::{client, message, number};

/// An engine that is not started, on the same database.
fn idle(world: &World) -> Engine {
    Engine::new(world.store.clone(), world.directory.clone(), world.clock.clone())
}

/// What an input says, and the same under an id of its own.
fn written(input: &LaneInput) -> (CompanyId, InboundMessage) {
    let Input::Message(message) = &input.input else { panic!("it is a message") };
    let id: Wamid = "dry-run.1".parse().unwrap();
    (input.company.clone(), InboundMessage { id, ..message.clone() })
}

async fn request(world: &World, input: &LaneInput) -> Box<Receive> {
    let (company, message) = written(input);
    let commands = idle(world).what_if(&company, &message).await.unwrap();
    match commands.into_iter().next() {
        Some(Command::Request(_, RequestCommand::Receive(received))) => received,
        other => panic!("no request: {other:?}"),
    }
}

#[tokio::test]
async fn it_says_what_then_happens_and_records_nothing() {
    let world = World::new().await;
    let hello = message(client(1), "#michael");
    // Also before the lane has ever started.
    let foreseen = request(&world, &hello).await;
    assert_eq!(world.position().await, 0);
    let engine = world.start();
    engine.done(hello.clone()).await;
    let decided = world.events().await.into_iter().find_map(|event| match event {
        AnyEvent::Request(RequestEvent::DecisionMade { facts, decision }) => {
            Some((facts, decision))
        }
        _ => None,
    });
    let (facts, decision) = decided.unwrap();
    let (
        Decision::OpenRoom { number, considered, .. },
        Decision::OpenRoom { number: foreseen_number, considered: foreseen_considered, .. },
    ) = (&*decision, &foreseen.decision)
    else {
        panic!("{decision:?} and {:?}", foreseen.decision)
    };
    assert_eq!((number, considered), (foreseen_number, foreseen_considered));
    assert_eq!(facts.pools, foreseen.facts.pools);
    assert_eq!(foreseen.messages.len(), 1, "the invitation");

    let before = world.position().await;
    let again = request(&world, &hello).await;
    assert!(matches!(again.decision, Decision::Join { .. }), "{:?}", again.decision);
    assert_eq!(world.position().await, before);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_message_into_a_room_makes_no_request() {
    let world = World::new().await;
    let engine = world.start();
    let hello = message(client(1), "#michael");
    engine.done(hello.clone()).await;
    let (company, mut words) = written(&message(client(1), "Good morning"));
    words.phone_number_id = number(0, 1);
    let commands = idle(&world).what_if(&company, &words).await.unwrap();
    let wrote = matches!(
        commands.first(),
        Some(Command::Profile(_, ProfileCommand::RecordClientWrote { .. }))
    );
    assert!(wrote, "{commands:?}");
    assert_eq!(commands.len(), 2, "and the request of the room is onboarded");
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_cannot_come_in_is_told() {
    let world = World::new().await;
    let (company, hello) = written(&message(client(1), "#michael"));
    let nobody = "nobody".parse().unwrap();
    let answer = idle(&world).what_if(&nobody, &hello).await;
    assert!(matches!(answer, Err(WhatIfError::UnknownCompany)), "{answer:?}");
    let elsewhere = InboundMessage { phone_number_id: number(7, 0), ..hello.clone() };
    let answer = idle(&world).what_if(&company, &elsewhere).await;
    assert!(matches!(answer, Err(WhatIfError::UnknownNumber)), "{answer:?}");
    let anonymous = InboundMessage { from: domain::identity::Sender::default(), ..hello };
    let answer = idle(&world).what_if(&company, &anonymous).await;
    assert!(matches!(answer, Err(WhatIfError::NoSender)), "{answer:?}");
}

#[tokio::test]
async fn it_counts_what_the_client_has_asked_in_vain() {
    let world = World::new().await;
    let engine = world.start();
    for n in 0..10 {
        engine.done(message(client(1), &format!("#guess{n}"))).await;
    }
    let foreseen = request(&world, &message(client(1), "#michael")).await;
    let reason = IgnoreReason::TooManyExtensions;
    assert_eq!(foreseen.decision, Decision::Ignore { reason });
    engine.stop().await;
}
