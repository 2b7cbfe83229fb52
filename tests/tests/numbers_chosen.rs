//! Which secondary number carries a room: the invitation comes from it, and the decision says of
//! every number why it was taken or not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::ask::{Asked, Asker};
use acceptance::{TestApp, directory};
use chrono::TimeDelta;
use domain::request::Outcome;
use serde_json::{Value, json};
use uuid::Uuid;

/// The primary number of the bank's unit in London.
const LONDON: &str = "100300";
/// More than the 30 days for which a closed room's pair rests.
const QUARANTINE: TimeDelta = TimeDelta::days(31);

/// The client asks on a primary and gets its room.
async fn onboarded_at(app: &TestApp, primary: &str, client: &Asker, text: &str) -> Asked {
    let asked = app.ask_at(primary, client, text).await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded, "{text}");
    asked
}

async fn onboarded(app: &TestApp, client: &Asker, text: &str) -> Asked {
    onboarded_at(app, acceptance::PRIMARY, client, text).await
}

/// What was made of each number that was considered.
async fn verdicts(app: &TestApp, asked: &Asked) -> Value {
    let decision = app.decision(asked).await;
    let considered = decision["considered"].as_array().unwrap().iter();
    considered.map(|one| (one["number"].as_str().unwrap(), one["verdict"].clone())).collect()
}

async fn set_service(app: &TestApp, number: &str, service: &str) {
    let path = format!("/api/v1/companies/demo-bank/numbers/{number}/service");
    let body = json!({ "service": service });
    let (status, set) = app.stage.operate(&path, Uuid::now_v7(), &body).await.unwrap();
    assert_eq!(status, 200, "{set}");
}

/// An operator closes the room that a request has opened.
async fn close_room(app: &TestApp, opened: &Asked) {
    let decision = app.decision(opened).await;
    let room_id = decision["room_id"].as_str().unwrap();
    let path = format!("/api/v1/companies/demo-bank/chat-rooms/{room_id}/close");
    let (status, closed) = app.stage.operate(&path, Uuid::now_v7(), &json!({})).await.unwrap();
    assert_eq!(status, 200, "{closed}");
}

async fn is_fine(app: TestApp) {
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_british_client_gets_the_british_number_and_an_american_one_an_american() {
    let app = TestApp::start().await;
    let british = Asker::with_phone("+44 7700 900111");
    let asked = onboarded(&app, &british, "#anna").await;
    assert_eq!(app.invited_from(&british), "100201");
    let expected =
        json!({ "100101": "not_preferred", "100102": "not_preferred", "100201": "chosen" });
    assert_eq!(verdicts(&app, &asked).await, expected);
    assert_eq!(app.decision(&asked).await["number"]["step"], "client_country");

    // Without a phone, by the country in its bsuid.
    let by_bsuid = Asker::named("GB.username");
    onboarded(&app, &by_bsuid, "#anna").await;
    assert_eq!(app.invited_from(&by_bsuid), "100201");

    let american = Asker::with_phone("+1 202 555 0111");
    let asked = onboarded(&app, &american, "#anna").await;
    assert_eq!(app.invited_from(&american), "100101");
    let expected =
        json!({ "100101": "chosen", "100102": "not_preferred", "100201": "other_region" });
    assert_eq!(verdicts(&app, &asked).await, expected);
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_without_numbers_gets_those_that_it_is_mapped_to() {
    // Not the default region, which would give American ones.
    let to_britain = directory::with("geography: { CA: US }", "geography: { CA: GB }");
    let app = TestApp::with_directory(to_britain).await;
    let canadian = Asker::with_phone("+1 613 555 0117");
    let asked = onboarded(&app, &canadian, "#anna").await;
    assert_eq!(app.invited_from(&canadian), "100201");
    assert_eq!(app.decision(&asked).await["number"]["step"], "mapped_country");

    let french = Asker::named("FR.unmapped");
    let asked = onboarded(&app, &french, "#anna").await;
    assert_eq!(app.invited_from(&french), "100101");
    assert_eq!(app.decision(&asked).await["number"]["step"], "default_region");
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_whose_numbers_are_taken_gets_one_of_its_parents() {
    let app = TestApp::start().await;
    let [kate, liam] = ["GB.kate", "GB.liam"].map(Asker::named);
    let asked = onboarded_at(&app, LONDON, &kate, "#dom123456").await;
    assert_eq!(app.invited_from(&kate), "100301");
    assert_eq!(verdicts(&app, &asked).await, json!({ "100301": "chosen" }));

    let asked = onboarded_at(&app, LONDON, &liam, "#dom123456").await;
    assert_eq!(app.invited_from(&liam), "100201");
    let expected = json!({
        "100301": "at_capacity",
        "100101": "not_preferred", "100102": "not_preferred", "100201": "chosen",
    });
    assert_eq!(verdicts(&app, &asked).await, expected);
    assert_eq!(app.decision(&asked).await["number"]["pool_id"], "demo-bank_head-office");
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_does_not_fall_back_has_its_own_numbers_only() {
    let app = TestApp::with_directory(directory::with("        fallback_upward: true\n", "")).await;
    onboarded_at(&app, LONDON, &Asker::named("GB.kate"), "#dom123456").await;
    let liam = Asker::named("GB.liam");
    let asked = app.ask_at(LONDON, &liam, "#dom123456").await;
    assert_eq!(app.outcome(&asked).await, Outcome::NoSecondaryNumber);
    assert_eq!(verdicts(&app, &asked).await, json!({ "100301": "at_capacity" }));
    assert_eq!(app.calls(&liam), ["text"]);
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_at_its_capacity_is_passed_by() {
    let number = r#"{ phone_number_id: "100101" }"#;
    let of_one = r#"{ phone_number_id: "100101", capacity: 1 }"#;
    let app = TestApp::with_directory(directory::with(number, of_one)).await;
    // For the third both carry one room: the first number would come first.
    for (who, number) in [("US.one", "100101"), ("US.two", "100102"), ("US.three", "100102")] {
        let client = Asker::named(who);
        let asked = onboarded(&app, &client, "#michael").await;
        assert_eq!(app.invited_from(&client), number, "{who}");
        let full = verdicts(&app, &asked).await["100101"] == "at_capacity";
        assert_eq!(full, number == "100102", "{who}");
    }
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_are_suspended_or_draining_are_passed_by_and_their_rooms_go_on() {
    let app = TestApp::start().await;
    set_service(&app, "100101", "suspended").await;
    let first = Asker::named("US.first");
    let asked = onboarded(&app, &first, "#michael").await;
    assert_eq!(app.invited_from(&first), "100102");
    let expected =
        json!({ "100101": "not_in_service", "100102": "chosen", "100201": "other_region" });
    assert_eq!(verdicts(&app, &asked).await, expected);

    set_service(&app, "100102", "draining").await;
    let second = Asker::named("US.second");
    let asked = app.ask(&second, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::NoSecondaryNumber);
    let expected =
        json!({ "100101": "not_in_service", "100102": "not_in_service", "100201": "other_region" });
    assert_eq!(verdicts(&app, &asked).await, expected);
    let again = app.ask(&first, "#michael").await;
    assert_eq!(app.outcome(&again).await, Outcome::Reminded);

    set_service(&app, "100101", "in_service").await;
    onboarded(&app, &second, "#michael").await;
    assert_eq!(app.invited_from(&second), "100101");
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_and_a_user_who_meet_again_have_the_number_that_they_had() {
    let app = TestApp::start().await;
    set_service(&app, "100101", "suspended").await;
    let client = Asker::named("US.sticky");
    let with_michael = onboarded(&app, &client, "#michael").await;
    assert_eq!(app.invited_from(&client), "100102");
    set_service(&app, "100101", "in_service").await;
    let with_anna = onboarded(&app, &client, "#anna").await;
    assert_eq!(app.invited_from(&client), "100101");
    assert_eq!(verdicts(&app, &with_anna).await["100102"], "open_room");

    close_room(&app, &with_anna).await;
    close_room(&app, &with_michael).await;
    let stranger = Asker::named("US.stranger");
    onboarded(&app, &stranger, "#michael").await;
    assert_eq!(app.invited_from(&stranger), "100101", "the number that comes first");
    let again = onboarded(&app, &client, "#michael").await;
    assert_eq!(app.invited_from(&client), "100102");
    assert_eq!(app.decision(&again).await["number"]["preference"], "sticky");
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_rests_is_not_given_to_another_user_until_its_quarantine_is_over() {
    let app = TestApp::start().await;
    set_service(&app, "100102", "suspended").await;
    let client = Asker::named("US.rests");
    let opened = onboarded(&app, &client, "#michael").await;
    close_room(&app, &opened).await;

    let asked = app.ask(&client, "#anna").await;
    assert_eq!(app.outcome(&asked).await, Outcome::NoSecondaryNumber);
    let expected =
        json!({ "100101": "quarantined", "100102": "not_in_service", "100201": "other_region" });
    assert_eq!(verdicts(&app, &asked).await, expected);
    // It is the pair that rests, not the number.
    let other = Asker::named("US.other");
    onboarded(&app, &other, "#anna").await;
    assert_eq!(app.invited_from(&other), "100101");

    app.stage.clock.advance(QUARANTINE);
    onboarded(&app, &client, "#anna").await;
    assert_eq!(app.invited_from(&client), "100101");
    is_fine(app).await;
}
