//! A client changes its phone, and with it its ids at WhatsApp.

use acceptance::ask::Asker;
use acceptance::{PRIMARY, TestApp};
use domain::request::Outcome;
use onboarding::whatsapp::post::WebhookPost;
use serde_json::{Value, json};
use uuid::Uuid;

/// WhatsApp tells it as a change of its own kind.
fn update(previous: &str, current: &str) -> WebhookPost {
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "phone_number_id": PRIMARY },
        "user_id_update": [{
            "user_id": { "previous": previous, "current": current }, "timestamp": "1790000000",
        }],
    });
    WebhookPost::new().change("user_id_update", value)
}

#[tokio::test(flavor = "multi_thread")]
async fn its_room_survives_and_is_found_by_the_new_id() {
    let app = TestApp::start().await;
    let before = Asker::named("US.before");
    let asked = app.ask(&before, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);

    // Posted twice, as WhatsApp does.
    for _ in 0..2 {
        assert_eq!(app.stage.post(update("US.before", "US.after")).await.unwrap(), 200);
    }
    let after = Asker::named("US.after");
    let again = app.ask(&after, "#michael").await;
    assert_eq!(app.outcome(&again).await, Outcome::Reminded);
    assert_eq!(app.calls(&after), ["resume_conversation"], "to where it is reached now");
    let rooms = app.rooms().await;
    assert_eq!(rooms.len(), 1, "{rooms:?}");
    let requests = "/api/v1/onboarding-requests?company=demo-bank&outcome=ignored";
    let (_, ignored) = app.stage.get(requests).await.unwrap();
    assert_eq!(ignored["items"].as_array().unwrap().len(), 1, "the change is recorded once");
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_of_two_clients_that_are_one_clash_until_an_operator_closes_one() {
    let app = TestApp::start().await;
    for known_as in ["US.first", "US.second"] {
        let asked = app.ask(&Asker::named(known_as), "#michael").await;
        assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    }
    assert_eq!(app.stage.post(update("US.first", "US.second")).await.unwrap(), 200);
    let second = Asker::named("US.second");
    let again = app.ask(&second, "#michael").await;
    assert_eq!(app.outcome(&again).await, Outcome::Reminded);

    let items = app.rooms_where("clashing=true").await;
    assert_eq!(items.len(), 2, "{items:?}");
    assert_eq!(items[0]["clashes_with"], json!([items[1]["room_id"]]));
    assert_eq!(items[1]["clashes_with"], json!([items[0]["room_id"]]));

    let room = items[0]["room_id"].as_str().unwrap();
    let close = format!("/api/v1/companies/demo-bank/chat-rooms/{room}/close");
    let (status, closed) = app.stage.operate(&close, Uuid::now_v7(), &json!({})).await.unwrap();
    assert_eq!(status, 200, "{closed}");
    assert_eq!(app.rooms_where("clashing=true").await, Vec::<Value>::new());
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}
