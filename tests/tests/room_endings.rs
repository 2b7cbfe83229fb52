//! Rooms that end because a version of the directory takes from them what they stand on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::ask::Asker;
use acceptance::{TestApp, directory};
use domain::request::Outcome;
use onboarding::commands::directory::apply_text;
use serde_json::{Value, json};
use uuid::Uuid;

/// The primary number of the trainees, who have one number for one room.
const TRAINEES: &str = "100400";

async fn apply(app: &TestApp, directory: &str) {
    apply_text(&app.stage.pool, directory, "a test", app.stage.now()).await.unwrap();
}

/// The only room that is closed, once one is.
async fn closed_room(app: &TestApp) -> Value {
    let path = "/api/v1/chat-rooms?company=demo-bank&phase=closed";
    let closed = app.stage.until("a room is closed", async || {
        let (_, rooms) = app.stage.get(path).await?;
        Ok(rooms["items"].as_array().filter(|items| !items.is_empty()).cloned())
    });
    let mut closed = closed.await.unwrap();
    assert_eq!(closed.len(), 1, "{closed:?}");
    closed.remove(0)
}

/// The rooms that are still open, by their users.
async fn open_rooms(app: &TestApp) -> Vec<Value> {
    app.rooms_where("phase=active").await.iter().map(|room| room["user_id"].clone()).collect()
}

async fn is_fine(app: TestApp) {
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_ends_when_its_user_is_deactivated() {
    let app = TestApp::start().await;
    let client = Asker::named("US.left");
    for text in ["#michael", "#anna"] {
        let asked = app.ask(&client, text).await;
        assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    }
    let leaves = directory::with("extension: michael }", "extension: michael, active: false }");
    apply(&app, leaves).await;
    let closed = closed_room(&app).await;
    assert_eq!(
        (&closed["user_id"], &closed["close_reason"]),
        (&json!("michael"), &json!("user_deactivated"))
    );
    assert_eq!(open_rooms(&app).await, ["anna"]);
    let again = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&again).await, Outcome::UserNotFound);
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_ends_when_its_user_may_not_see_the_profile_any_more() {
    let app = TestApp::start().await;
    let profile = json!({
        "identifiers": [{ "kind": "bsuid", "value": "US.funds" }],
        "external_company": "north-funds",
    });
    let path = "/api/v1/companies/demo-bank/client-profiles";
    let (status, registered) = app.stage.operate(path, Uuid::now_v7(), &profile).await.unwrap();
    assert_eq!(status, 201, "{registered}");
    let client = Asker::named("US.funds");
    for (text, source) in [("#nora", "taken"), ("#anna", "created")] {
        let asked = app.ask(&client, text).await;
        assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
        assert_eq!(app.decision(&asked).await["profile"]["how"], source, "{text}");
    }
    apply(&app, directory::with(", external_companies: [north-funds] }", " }")).await;
    let closed = closed_room(&app).await;
    assert_eq!(closed["profile_id"], registered["profile_id"]);
    assert_eq!(closed["close_reason"], "permission_lost");
    assert_eq!(open_rooms(&app).await, ["anna"]);
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_ends_when_its_number_leaves_the_pool() {
    let app = TestApp::start().await;
    let client = Asker::named("US.number");
    let asked = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    assert_eq!(app.invited_from(&client), "100101");
    apply(&app, directory::with("          - { phone_number_id: \"100101\" }\n", "")).await;
    let closed = closed_room(&app).await;
    assert_eq!(
        (&closed["number"], &closed["close_reason"]),
        (&json!("100101"), &json!("number_removed"))
    );
    let again = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&again).await, Outcome::Onboarded);
    assert_eq!(app.invited_from(&client), "100102");
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_has_ended_leaves_its_place_on_the_number_to_another() {
    let tim = "extension: tim }\n";
    let tina = "      - { id: tina, name: Tina Hall, ou: trainees, extension: tina }\n";
    let app = TestApp::with_directory(directory::with(tim, &format!("{tim}{tina}"))).await;
    let [greta, henry] = ["US.greta", "US.henry"].map(Asker::named);
    for (client, text, outcome) in
        [(&greta, "#tim", Outcome::Onboarded), (&henry, "#tina", Outcome::NoSecondaryNumber)]
    {
        let asked = app.ask_at(TRAINEES, client, text).await;
        assert_eq!(app.outcome(&asked).await, outcome);
    }
    let leaves = format!("extension: tim, active: false }}\n{tina}");
    apply(&app, directory::with(tim, &leaves)).await;
    assert_eq!(closed_room(&app).await["number"], "100401");
    let again = app.ask_at(TRAINEES, &henry, "#tina").await;
    assert_eq!(app.outcome(&again).await, Outcome::Onboarded);
    assert_eq!(app.invited_from(&henry), "100401");
    is_fine(app).await;
}
