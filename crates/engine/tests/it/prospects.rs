//! An operator promotes prospects.

use domain::ids::RequestId;
use domain::outbound::Purpose;
use domain::request::Outcome;
use engine::Settlement;
use serde_json::Value;

use crate::harness::{World, answer};
use crate::inputs::{accepted, client, file, message, promote, request_of};

/// A company that has auto promotion off.
fn cautious() -> String {
    file(&["acme"], 3).replace(
        "    name: Company acme\n",
        "    name: Company acme\n    features: { auto_promotion: false }\n",
    )
}

#[tokio::test]
async fn a_prospect_is_onboarded_when_an_operator_promotes_it() {
    let world = World::with(&cautious()).await;
    let engine = world.start();
    let asked = message(client(1), "#michael");
    let prospect = request_of(&asked);
    engine.done(asked).await;
    assert_eq!(world.outcomes().await, [Outcome::ProspectRecorded]);

    world.advance(3 * 86_400);
    let told = answer(engine.decide(promote(1, prospect)).await);
    assert_eq!(
        (&told["status"], &told["position"]),
        (&"done".into(), &world.position().await.into())
    );
    let made: RequestId = told["request_id"].as_str().unwrap().parse().unwrap();
    let invitation = world.requested(Purpose::Invitation).await;
    engine.done(accepted(made, &invitation, world.clock.now())).await;
    let user_info = world.requested(Purpose::UserInfo).await;
    engine.done(accepted(made, &user_info, world.clock.now())).await;
    assert_eq!(world.outcomes().await, [Outcome::ProspectRecorded, Outcome::Onboarded]);
    assert_eq!(world.count("client-profile-created").await, 1);

    let again = answer(engine.decide(promote(1, prospect)).await);
    assert_eq!(again, told, "the same command gets the same answer");
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_comes_with_it_in_one_batch_is_about_the_same_client() {
    let world = World::with(&cautious()).await;
    let engine = world.start();
    let asked = message(client(1), "#michael");
    let prospect = request_of(&asked);
    // The prospect's own message, two promotions, and the client's next question.
    let inputs = [asked, promote(1, prospect), message(client(1), "#anna"), promote(2, prospect)];
    for settled in engine.decide_all(inputs).await {
        assert!(matches!(settled, Settlement::Done { .. }), "{settled:?}");
    }
    assert_eq!(world.count("client-profile-created").await, 1);
    assert_eq!(world.count("room-reserved").await, 1);
    assert_eq!(world.count("room-joined").await, 1);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_is_no_prospect_is_refused() {
    let world = World::new().await;
    let engine = world.start();
    let asked = message(client(1), "#michael");
    let request = request_of(&asked);
    engine.done(asked).await;
    let nobody = RequestId::from_uuid(uuid::Uuid::from_u128(9));
    for (operation, request, code) in
        [(1, request, "no-prospect"), (2, nobody, "unknown-onboarding-request")]
    {
        let refused: Value = answer(engine.decide(promote(operation, request)).await);
        assert_eq!(refused["code"], code);
    }
    assert_eq!(world.count("onboarding-requested").await, 1);
    engine.stop().await;
    world.checked().await;
}
