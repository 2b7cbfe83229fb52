//! What comes twice is decided once.

use acceptance::PRIMARY;
use domain::request::{Outcome, RequestEvent};
use futures::future::join_all;
use onboarding::whatsapp::post::{ClientMessage, WebhookPost};

use crate::bank::{BANK, Bank, client};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_again_is_decided_once() {
    let bank = Bank::opens().await;
    let (wamid, message) = bank.text(&client("12025550110"), "#michael");
    // Twice in a change, in another change, in another entry.
    let twice = [message.clone(), message.clone()];
    let body = WebhookPost::new()
        .messages(PRIMARY, &twice)
        .messages(PRIMARY, std::slice::from_ref(&message))
        .next_entry()
        .messages(PRIMARY, &twice)
        .into_body();
    for status in join_all((0..8).map(|_| bank.app.stage.post_bytes(body.clone()))).await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(bank.outcome(&wamid).await, Outcome::Onboarded);
    for _ in 0..3 {
        bank.takes_bytes(body.clone()).await;
    }
    let all = bank.app.stage.until("every arrival is kept", async || {
        Ok((bank.arrivals(&body).await >= 11).then_some(()))
    });
    all.await.unwrap();
    bank.catches_up().await;

    assert_eq!(bank.arrivals(&body).await, 11);
    bank.invited_by_michael("+12025550110");
    let events = bank.events(&wamid).await;
    let of = |wanted: fn(&RequestEvent) -> bool| events.iter().filter(|e| wanted(e)).count();
    assert_eq!(of(|e| matches!(e, RequestEvent::OnboardingRequested { .. })), 1);
    assert_eq!(of(|e| matches!(e, RequestEvent::DecisionMade { .. })), 1);
    assert_eq!(of(|e| matches!(e, RequestEvent::OutcomeRecorded { .. })), 1);
    assert_eq!(of(|e| matches!(e, RequestEvent::MessageRequested { .. })), 2);
    bank.closes(1, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_repeats_of_many_messages_from_many_posts_at_once_are_decided_once_each() {
    let bank = Bank::opens().await;
    let messages: Vec<_> =
        (10..40).map(|n| bank.text(&client(&format!("120255501{n}")), "#michael")).collect();
    let all: Vec<ClientMessage> = messages.iter().map(|(_, message)| message.clone()).collect();
    // Forwards, backwards, and each on its own: no two posts agree on the order.
    let backwards: Vec<_> = all.iter().rev().cloned().collect();
    let mut posts: Vec<_> = all.chunks(1).map(<[_]>::to_vec).collect();
    posts.extend([all.clone(), backwards.clone(), all, backwards]);
    let posts = posts.iter().map(|some| WebhookPost::new().messages(PRIMARY, some));
    for status in join_all(posts.map(|post| bank.app.stage.post(post))).await {
        assert_eq!(status.unwrap(), 200);
    }
    for (index, (wamid, _)) in messages.iter().enumerate() {
        assert_eq!(bank.outcome(wamid).await, Outcome::Onboarded);
        bank.invited_by_michael(&format!("+120255501{}", index + 10));
    }
    bank.catches_up().await;
    assert_eq!(bank.app.stage.cloud.received().len(), 2 * messages.len() + 1);
    bank.closes(messages.len() as i64, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_known_by_its_id_and_number_and_never_by_its_words() {
    let bank = Bank::opens().await;
    let ann = client("12025550110");
    let (first, message) = bank.text(&ann, "#michael");
    bank.takes(message.clone()).await;
    assert_eq!(bank.outcome(&first).await, Outcome::Onboarded);
    bank.invited_by_michael("+12025550110");
    let events = bank.events(&first).await;

    // The same id with other words is the same message.
    let other = ClientMessage::text(&ann, first.as_str(), bank.app.stage.now(), "#anna");
    bank.takes(other).await;
    // The same words with another id are another message.
    let (second, again) = bank.text(&ann, "#michael");
    bank.takes(again).await;
    assert_eq!(bank.outcome(&second).await, Outcome::Reminded);
    assert_eq!(bank.events(&first).await, events);
    // So is the same id on another number, and in another company.
    for (company, number, outcome) in
        [(BANK, "100300", Outcome::Reminded), ("demo-wealth", "200100", Outcome::UserNotFound)]
    {
        bank.app.stage.deliver(number, message.clone()).await.unwrap();
        let request = bank.app.stage.request_of(company, number, &first).unwrap();
        assert_eq!(bank.app.stage.settled(company, request).await.unwrap().0, outcome);
    }
    let told = bank.told("+12025550110");
    assert_eq!(told.len(), 4, "invitation, user info, one reminder, not found: {told:?}");
    assert_eq!(told[2], "100101: [resume_conversation]");
    assert!(told[3].starts_with("200100: Oops"), "{told:?}");
    bank.closes(1, 0).await;
}
