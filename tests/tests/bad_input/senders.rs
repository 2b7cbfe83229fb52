//! Messages from somebody who is no ordinary client.

use domain::request::Outcome;
use onboarding::whatsapp::post::{Client, WebhookPost};
use serde_json::json;

use crate::bank::{Bank, NAME, client, post_of};

#[tokio::test(flavor = "multi_thread")]
async fn our_own_numbers_are_never_answered() {
    let bank = Bank::opens().await;
    // A secondary of the pool, the primary itself, another pool's number.
    let own = ["12025550101", "12025550100", "447700900300"];
    let mut wamids = vec![];
    for phone in own {
        for text in ["#michael", "Hello, is anybody there?"] {
            let (wamid, message) = bank.text(&client(phone), text);
            bank.takes(message).await;
            wamids.push(wamid);
        }
    }
    for wamid in &wamids {
        assert_eq!(bank.outcome(wamid).await, Outcome::Ignored);
    }
    assert_eq!(bank.app.stage.cloud.received(), []);
    bank.closes(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_never_answered() {
    let bank = Bank::opens().await;
    let mut wamids = vec![];
    let mut messages = vec![];
    for (text, member, value) in [
        ("#michael", "group_id", json!("the-group")),
        ("Hello", "group_id", json!("the-group")),
        ("#michael", "group_id", json!(7)),
        ("#michael", "recipient_type", json!("group")),
        ("#michael", "context", json!({ "group_id": "the-group" })),
    ] {
        let (wamid, mut message) = bank.raw_text("12025550110", text);
        message[member] = value;
        wamids.push(wamid);
        messages.push(message);
    }
    bank.takes_bytes(post_of(&messages).into_body()).await;
    for wamid in &wamids {
        assert_eq!(bank.outcome(wamid).await, Outcome::Ignored);
        assert!(bank.recorded(wamid).await.in_group);
    }
    assert_eq!(bank.app.stage.cloud.received(), []);
    bank.closes(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_phone_and_wa_id_is_onboarded_and_written_to_by_its_bsuid() {
    let bank = Bank::opens().await;
    let (wamid, message) = bank.text(&Client::with_bsuid("GB.olga").named(NAME), "#michael");
    bank.takes(message).await;
    assert_eq!(bank.outcome(&wamid).await, Outcome::Onboarded);
    // Its country is known by its bsuid: the British number carries the room.
    assert_eq!(bank.invited_by_michael("GB.olga"), "100201");
    let recorded = bank.recorded(&wamid).await.from;
    assert_eq!(recorded.bsuid.unwrap().expose().as_str(), "GB.olga");
    assert_eq!((recorded.wa_id, recorded.phone), (None, None), "nothing is invented");

    // Named in the contact only, with a phone number that is none.
    let (wamid, mut message) = bank.raw_text("", "#michael");
    message["from"] = json!("ann@example.com");
    let mut post = serde_json::from_slice::<serde_json::Value>(&post_of(&[message]).into_body());
    let value = &mut post.as_mut().unwrap()["entry"][0]["changes"][0]["value"];
    value["contacts"] = json!([{ "user_id": "US.paul", "wa_id": null, "profile": 7 }]);
    bank.takes_bytes(post.unwrap().to_string()).await;
    assert_eq!(bank.outcome(&wamid).await, Outcome::Onboarded);
    bank.invited_by_michael("US.paul");
    assert_eq!(bank.app.stage.cloud.received().len(), 4);
    bank.closes(2, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_that_contradict_a_message_do_not_make_two_clients_one() {
    let bank = Bank::opens().await;
    let (ann, first) = bank.raw_text("12025550110", "#michael");
    let (bob, second) = bank.raw_text("12025550111", "#michael");
    // One contact for two messages: it is Ann's, and says nothing about Bob.
    for message in [first, second] {
        let body = post_of(&[message]).into_body();
        let mut post: serde_json::Value = serde_json::from_slice(&body).unwrap();
        post["entry"][0]["changes"][0]["value"]["contacts"] =
            json!([{ "wa_id": "12025550110", "user_id": "US.ann", "profile": { "name": NAME } }]);
        bank.takes_bytes(post.to_string()).await;
    }
    assert_eq!(bank.outcome(&ann).await, Outcome::Onboarded);
    assert_eq!(bank.outcome(&bob).await, Outcome::Onboarded);
    bank.invited_by_michael("+12025550110");
    bank.invited_by_michael("+12025550111");
    let of_bob = bank.recorded(&bob).await.from;
    assert_eq!((of_bob.bsuid, of_bob.name), (None, None));
    bank.closes(2, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_a_secondary_number_from_a_stranger_opens_no_room() {
    let bank = Bank::opens().await;
    let (wamid, message) = bank.text(&client("12025550110"), "#michael");
    let post = WebhookPost::new().messages("100101", &[message]);
    assert_eq!(bank.app.stage.post(post).await.unwrap(), 200);
    let request = bank.app.stage.request_of("demo-bank", "100101", &wamid).unwrap();
    let (outcome, _) = bank.app.stage.settled("demo-bank", request).await.unwrap();
    assert_eq!(outcome, Outcome::Redirected);
    assert_eq!(bank.told("+12025550110"), ["100101: Please write to +12025550100."]);
    bank.closes(0, 0).await;
}
