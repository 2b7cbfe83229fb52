//! What one input at a time costs: statements sent to Postgres.

use domain::outbound::{DeliveryStatus, Purpose};

use crate::harness::World;
use crate::inputs::{accepted, client, company_id, file, message, register, request_of, status};
use crate::proxy::Proxy;

#[tokio::test]
async fn an_input_costs_few_round_trips() {
    let direct = World::with(&file(&["acme"], 3)).await;
    let proxy = Proxy::to(&direct.url).await;
    let world = World::at(&proxy.url(&direct.url)).await;
    direct.store.set_reviewed_version(&company_id("acme"), 1).await.unwrap();
    let engine = world.start();
    let warm = [message(client(9), "#michael"), message(client(8), "#michael")];
    engine.decide_all(warm).await;
    proxy.timers_have_looked().await;
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    let now = world.clock.now();

    let cost = async |what: &str, input, most: usize| {
        proxy.statements();
        engine.done(input).await;
        let statements = proxy.statements();
        println!("{what}: {}", statements.len());
        assert!(statements.len() <= most, "{what}: {statements:#?}");
    };
    cost("new client, room", hello, 2).await;
    cost("new client, no extension", message(client(2), "hello"), 2).await;
    cost("known client, stops templates", message(client(2), "STOP"), 2).await;
    cost("known client, joins", message(client(1), "#michael"), 4).await;
    let sent = direct.events().await;
    let invitation = sent.iter().find_map(|event| match event {
        domain::AnyEvent::Request(domain::request::RequestEvent::MessageRequested { message })
            if domain::ids::MessageId::of(request, 0) == message.message_id =>
        {
            Some(message.clone())
        }
        _ => None,
    });
    let invitation = invitation.unwrap();
    assert_eq!(invitation.purpose, Purpose::Invitation);
    cost("receipt of an invitation", accepted(request, &invitation, now), 6).await;
    let delivered = status(Some(request), &invitation, DeliveryStatus::Delivered, now);
    cost("status with reference", delivered.clone(), 6).await;
    cost("a status again", delivered, 1).await;
    let read = status(None, &invitation, DeliveryStatus::Read, now);
    cost("status without reference", read, 7).await;
    cost("operator registers", register(1, &client(3), "anna"), 2).await;
    cost("the same again", register(1, &client(3), "anna"), 1).await;
    engine.stop().await;
    direct.checked().await;
}
