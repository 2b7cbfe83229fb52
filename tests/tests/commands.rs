//! Every command of an operator, over NATS and, with the same key, over HTTP: it is done once, and
//! both get the same answer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::time::Duration;

use acceptance::TestApp;
use acceptance::ask::Asker;
use async_nats::{HeaderMap, jetstream};
use domain::Personal;
use domain::identity::Identifier;
use domain::ids::{PhoneNumberId, ProfileId, RequestId, RoomId};
use domain::input::{KnownClient, NewNumber, OperatorCommand, OperatorRequest};
use domain::pool::Service;
use domain::request::Outcome;
use futures::StreamExt;
use onboarding::whatsapp::post::{ClientMessage, WebhookPost};
use serde_json::{Value, json};
use uuid::Uuid;

const BANK: &str = "demo-bank";
/// A company that has auto promotion off.
const WEALTH: &str = "demo-wealth";

/// Asks over NATS, then over HTTP; gives the answer.
async fn asked(
    app: &TestApp,
    company: &str,
    request: OperatorRequest,
    path: &str,
    body: Value,
) -> Value {
    let key = Uuid::now_v7();
    let answer = over_nats(app, company, key, request).await;
    assert_eq!(answer["status"], "done", "{answer}");
    let path = format!("/api/v1/companies/{company}/{path}");
    let (status, over_http) = app.stage.operate(&path, key, &body).await.unwrap();
    assert!([200, 201].contains(&status), "{status} {over_http}");
    for (name, value) in over_http.as_object().unwrap() {
        assert_eq!(answer[name], *value, "{name} of {answer}");
    }
    answer
}

async fn over_nats(app: &TestApp, company: &str, key: Uuid, request: OperatorRequest) -> Value {
    let nats = onboarding::nats_client(&app.stage.config).await.unwrap();
    let inbox = nats.new_inbox();
    let mut answers = nats.subscribe(inbox.clone()).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("reply-to", inbox.as_str());
    let subject = format!("cmd.onboarding.v1.{company}.{}", request.name());
    let command = OperatorCommand {
        operation_id: key.to_string().parse().unwrap(),
        actor: Personal::new("Olga".to_owned()),
        at: app.stage.now(),
        request,
        expected_version: None,
    };
    let body = serde_json::to_vec(&command).unwrap();
    let context = jetstream::new(nats);
    let published = context.publish_with_headers(subject, headers, body.into()).await.unwrap();
    published.await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(20), answers.next()).await;
    serde_json::from_slice(&answer.unwrap().unwrap().payload).unwrap()
}

/// How many events of this name are recorded.
async fn count(app: &TestApp, name: &str) -> usize {
    let events = app.stage.store.events_after(0, 100_000).await.unwrap();
    events.iter().filter(|event| event.event_type == name).count()
}

async fn is_fine(app: TestApp) {
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

/// The client's only room, active.
async fn room_of(app: &TestApp, client: &Asker) -> (RoomId, Value) {
    let asked = app.ask(client, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    let room = app.rooms().await.swap_remove(0);
    (room["room_id"].as_str().unwrap().parse().unwrap(), room)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_registered_blocked_unblocked_translated_and_archived() {
    let app = TestApp::start().await;
    let bsuid = Identifier::Bsuid("US.known".parse().unwrap());
    let identifiers = vec![Personal::new(bsuid)];
    let (name, language, external_company) = (None, None, None);
    let client = KnownClient { identifiers, name, language, external_company, users: vec![] };
    let body = json!({ "identifiers": [{ "kind": "bsuid", "value": "US.known" }] });
    let register = OperatorRequest::RegisterClientProfile(client);
    let registered = asked(&app, BANK, register, "client-profiles", body).await;
    let profile_id: ProfileId = registered["profile_id"].as_str().unwrap().parse().unwrap();
    for (request, what) in [
        (OperatorRequest::BlockClient { profile_id }, "block"),
        (OperatorRequest::UnblockClient { profile_id }, "unblock"),
        (OperatorRequest::ArchiveClientProfile { profile_id }, "archive"),
    ] {
        let path = format!("client-profiles/{profile_id}/{what}");
        asked(&app, BANK, request, &path, json!({})).await;
    }
    let language = Some("en".parse().unwrap());
    let set = OperatorRequest::SetClientLanguage { profile_id, language };
    let path = format!("client-profiles/{profile_id}/language");
    asked(&app, BANK, set, &path, json!({ "language": "en" })).await;
    assert_eq!(count(&app, "client-language-set").await, 1);
    for name in
        ["client-profile-created", "client-blocked", "client-unblocked", "client-profile-archived"]
    {
        assert_eq!(count(&app, name).await, 1, "{name}");
    }
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_invited_to_once_more_and_closed() {
    let app = TestApp::start().await;
    let (room_id, _) = room_of(&app, &Asker::named("US.ann")).await;
    let resend = OperatorRequest::ResendInvitation { room_id };
    let path = format!("chat-rooms/{room_id}/resend-invitation");
    asked(&app, BANK, resend, &path, json!({})).await;
    let close = OperatorRequest::CloseRoom { room_id };
    asked(&app, BANK, close, &format!("chat-rooms/{room_id}/close"), json!({})).await;
    for name in ["invitation-resent", "room-closed"] {
        assert_eq!(count(&app, name).await, 1, "{name}");
    }
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_given_to_another_user() {
    let app = TestApp::start().await;
    let (room_id, _) = room_of(&app, &Asker::named("US.ann")).await;
    let user_id = "anna".parse().unwrap();
    let reassign = OperatorRequest::ReassignRoom { room_id, user_id };
    let path = format!("chat-rooms/{room_id}/reassign");
    asked(&app, BANK, reassign, &path, json!({ "user_id": "anna" })).await;
    assert_eq!(count(&app, "room-reassigned").await, 1);
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_joins_a_pool_and_leaves_it() {
    let app = TestApp::start().await;
    let add = OperatorRequest::AddNumber(NewNumber {
        pool: "head-office".parse().unwrap(),
        number: "100103".parse().unwrap(),
        display_number: "+12025550103".parse().unwrap(),
        country: None,
        capacity: None,
    });
    let body = json!({ "number": "100103", "display_number": "+12025550103" });
    asked(&app, BANK, add, "pools/head-office/numbers", body).await;
    let remove = OperatorRequest::RemoveNumber { number: "100103".parse().unwrap() };
    let path = "numbers/100103/remove";
    let removed = asked(&app, BANK, remove, path, json!({})).await;
    assert!(removed["directory_version"].is_u64(), "{removed}");
    assert_eq!(count(&app, "number-removed").await, 1);
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_suspended_drained_and_put_back_into_service() {
    let app = TestApp::start().await;
    let number: PhoneNumberId = "100101".parse().unwrap();
    let all = [
        (Service::Suspended, "suspended"),
        (Service::Draining, "draining"),
        (Service::InService, "in_service"),
    ];
    for (changes, (service, name)) in (1..).zip(all) {
        let set = OperatorRequest::SetNumberService { number: number.clone(), service };
        let body = json!({ "service": name });
        asked(&app, BANK, set, "numbers/100101/service", body).await;
        assert_eq!(count(&app, "number-service-changed").await, changes, "{name}");
    }
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_extension_is_changed() {
    let app = TestApp::start().await;
    let (user_id, extension) = ("michael".parse().unwrap(), Some("mike".parse().unwrap()));
    let set = OperatorRequest::SetUserExtension { user_id, extension };
    asked(&app, BANK, set, "users/michael/extension", json!({ "extension": "mike" })).await;
    let client = Asker::named("US.ann");
    for (text, outcome) in [("#michael", Outcome::UserNotFound), ("#mike", Outcome::Onboarded)] {
        let asked = app.ask(&client, text).await;
        assert_eq!(app.outcome(&asked).await, outcome, "{text}");
    }
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_extension_is_taken_away() {
    let app = TestApp::start().await;
    let user_id = "michael".parse().unwrap();
    let set = OperatorRequest::SetUserExtension { user_id, extension: None };
    let body = json!({ "extension": null });
    let answer = asked(&app, BANK, set, "users/michael/extension", body).await;
    assert!(answer["directory_version"].is_u64(), "{answer}");
    let client = Asker::named("US.ann");
    for (text, outcome) in [("#michael", Outcome::UserNotFound), ("#anna", Outcome::Onboarded)] {
        let asked = app.ask(&client, text).await;
        assert_eq!(app.outcome(&asked).await, outcome, "{text}");
    }
    is_fine(app).await;
}

/// A request that was recorded as a prospect.
async fn prospect(app: &TestApp) -> RequestId {
    let primary = "200100";
    let client = Asker::named("US.prospect");
    let (wamid, now) = (app.stage.next_wamid(), app.stage.now());
    let message = ClientMessage::text(&client.client, wamid.as_str(), now, "#paula");
    app.stage.remember(&wamid, now);
    let post = WebhookPost::new().messages(primary, &[message]);
    assert_eq!(app.stage.post(post).await.unwrap(), 200);
    let request_id = app.stage.request_of(WEALTH, primary, &wamid).unwrap();
    let settled = app.stage.settled(WEALTH, request_id).await.unwrap();
    assert_eq!(settled.0, Outcome::ProspectRecorded);
    request_id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prospect_is_promoted() {
    let app = TestApp::start().await;
    let request_id = prospect(&app).await;
    let promote = OperatorRequest::PromoteProspect { request_id };
    let path = format!("onboarding-requests/{request_id}/promote");
    let promoted = asked(&app, WEALTH, promote, &path, json!({})).await;
    let made = promoted["request_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(app.stage.settled(WEALTH, made).await.unwrap().0, Outcome::Onboarded);
    assert_eq!(count(&app, "room-reserved").await, 1);
    is_fine(app).await;
}

/// The only input of the bank that is parked, once it was tried again so often.
async fn parked(app: &TestApp, tries: u64) -> Value {
    let path = format!("/api/v1/companies/{BANK}/parked-inputs");
    let found = app.stage.until("one input is parked", async || {
        let (_, list) = app.stage.get(&path).await?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        Ok(items.first().filter(|it| items.len() == 1 && it["tries"] == tries).cloned())
    });
    found.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_input_is_put_back_into_its_lane() {
    let app = TestApp::start().await;
    let context = jetstream::new(onboarding::nats_client(&app.stage.config).await.unwrap());
    let published = context.publish("wa.in.v1.demo-bank.100100", "no message".into()).await;
    published.unwrap().await.unwrap();
    let first = parked(&app, 0).await;
    let parked_input_id = first["id"].as_u64().unwrap();
    let retry = OperatorRequest::RetryParkedInput { parked_input_id };
    let path = format!("parked-inputs/{parked_input_id}/retry");
    asked(&app, BANK, retry, &path, json!({})).await;
    // It is no better now: parked again, once, under another number.
    assert_ne!(parked(&app, 1).await["id"], first["id"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_input_is_dropped() {
    let app = TestApp::start().await;
    let parking = "INSERT INTO parked_inputs \
                   (inbox_sequence, company, subject, code, reason, payload, parked_at) \
                   VALUES (1, $1, 'wa.in.v1.demo-bank.100100', 'malformed', 'it is so', '{', now()) \
                   RETURNING id";
    let id = sqlx::query_scalar::<_, i64>(parking).bind(BANK).fetch_one(&app.stage.pool);
    let parked_input_id = id.await.unwrap().cast_unsigned();
    let reason = Personal::new("a test".parse().unwrap());
    let drop = OperatorRequest::DropParkedInput { parked_input_id, reason };
    let path = format!("parked-inputs/{parked_input_id}/drop");
    asked(&app, BANK, drop, &path, json!({ "reason": "a test" })).await;
    let kept = sqlx::query_scalar("SELECT actor FROM parked_outcomes WHERE outcome = 'dropped'");
    let kept: Vec<String> = kept.fetch_all(&app.stage.pool).await.unwrap();
    assert_eq!(kept, ["Olga"], "once, by whom it was asked first");
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_refused_over_both_and_stays_so() {
    let app = TestApp::start().await;
    let room_id = RoomId::from_uuid(Uuid::now_v7());
    let key = Uuid::now_v7();
    let close = OperatorRequest::CloseRoom { room_id };
    let answer = over_nats(&app, BANK, key, close).await;
    assert_eq!(
        (&answer["status"], &answer["code"]),
        (&json!("refused"), &json!("unknown-chat-room"))
    );
    let path = format!("/api/v1/companies/{BANK}/chat-rooms/{room_id}/close");
    let (status, problem) = app.stage.operate(&path, key, &json!({})).await.unwrap();
    assert_eq!((status, &problem["detail"]), (404, &answer["detail"]), "{problem}");
    is_fine(app).await;
}

/// Asks over HTTP, having seen this version.
async fn having_seen(app: &TestApp, version: u64, path: &str, body: &Value) -> (u16, Value) {
    let company = path.split('/').next().unwrap();
    let token = app.stage.token(&company.parse().unwrap()).await.unwrap();
    let url = format!("{}/api/v1/companies/{path}", app.stage.api());
    let request = reqwest::Client::new().post(url).bearer_auth(token).json(body);
    let request = request.header("Idempotency-Key", Uuid::now_v7().to_string());
    let answer = request.header("If-Match", format!("\"{version}\"")).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// The version that a refusal says to be the one that is so.
fn version_in(problem: &Value) -> u64 {
    assert_eq!(problem["type"], "urn:onboarding:problem:version-mismatch", "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    let (_, version) = detail.split_once("at version ").unwrap();
    version.split(' ').next().unwrap().parse().unwrap()
}

/// Waits until so many messages are delivered: a status that comes later makes a new version.
async fn are_delivered(app: &TestApp, messages: i64) {
    let query = "SELECT count(*) FROM rm_outbound_messages WHERE delivered_at IS NOT NULL";
    let delivered = app.stage.until("the messages are delivered", async || {
        let found: i64 = sqlx::query_scalar(query).fetch_one(&app.stage.pool).await?;
        Ok((found == messages).then_some(()))
    });
    delivered.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_see_what_is_so_is_refused_whatever_the_command_is_about() {
    let app = TestApp::start().await;
    let (room_id, room) = room_of(&app, &Asker::named("US.ann")).await;
    let profile_id = room["profile_id"].as_str().unwrap();
    let request_id = prospect(&app).await;
    // Invitation, user info, and the reply to the prospect.
    are_delivered(&app, 3).await;
    let mut last = Value::Null;
    let known = json!({ "identifiers": [{ "kind": "bsuid", "value": "US.known" }] });
    let [none, more] = [json!({}), json!({ "number": "100103", "display_number": "+12025550103" })];
    for (path, body) in [
        // A profile, by itself and by its room; one that is made.
        (format!("{BANK}/client-profiles/{profile_id}/block"), &none),
        (format!("{BANK}/chat-rooms/{room_id}/close"), &none),
        (format!("{BANK}/client-profiles"), &known),
        // The number's pool.
        (format!("{BANK}/numbers/100102/service"), &json!({ "service": "suspended" })),
        // The directory.
        (format!("{BANK}/users/michael/extension"), &json!({ "extension": "mike" })),
        (format!("{BANK}/pools/head-office/numbers"), &more),
        // The request.
        (format!("{WEALTH}/onboarding-requests/{request_id}/promote"), &none),
    ] {
        let before = app.stage.store.last_position().await.unwrap();
        let (status, problem) = having_seen(&app, 9_999, &path, body).await;
        assert_eq!(status, 412, "{path}: {problem}");
        let now = version_in(&problem);
        if let Some(earlier) = now.checked_sub(1) {
            let (status, problem) = having_seen(&app, earlier, &path, body).await;
            assert_eq!((status, version_in(&problem)), (412, now), "{path}: {problem}");
        }
        let after = app.stage.store.last_position().await.unwrap();
        assert_eq!(after, before, "{path}: nothing is done");
        let (status, done) = having_seen(&app, now, &path, body).await;
        assert!([200, 201].contains(&status), "{path}: {status} {done}");
        last = done;
    }
    let made = last["request_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(app.stage.settled(WEALTH, made).await.unwrap().0, Outcome::Onboarded);
    is_fine(app).await;
}

/// The pool of the bank's head office, and the version of the directory.
async fn head_office(app: &TestApp) -> (Value, u64) {
    let path = format!("/api/v1/companies/{BANK}/numbers");
    let (status, mut shown) = app.stage.get(&path).await.unwrap();
    assert_eq!(status, 200, "{shown}");
    let pools = shown["pools"].as_array_mut().unwrap();
    let place = pools.iter().position(|pool| pool["pool"] == "head-office").unwrap();
    (pools.swap_remove(place), shown["directory_version"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looked_at_a_number_or_a_profile_may_change_what_was_seen() {
    let app = TestApp::start().await;
    let (_, room) = room_of(&app, &Asker::named("US.ann")).await;
    are_delivered(&app, 2).await;
    let number = room["number"].as_str().unwrap();
    let of = |pool: &Value| {
        let numbers = pool["numbers"].as_array().unwrap().clone();
        numbers.into_iter().find(|it| it["number"] == number).unwrap()
    };
    let (pool, directory_version) = head_office(&app).await;
    let one = format!("/api/v1/companies/{BANK}/numbers?pool=head-office");
    let (_, alone) = app.stage.get(&one).await.unwrap();
    assert_eq!(alone["pools"], json!([pool]));
    let (status, problem) = app.stage.get(&one.replace("head-", "no-")).await.unwrap();
    assert_eq!((status, &problem["field"]), (404, &json!("pool")), "{problem}");
    let seen = of(&pool);
    assert_eq!((&seen["service"], &seen["open_rooms"]), (&json!("in_service"), &json!(1)));
    let (path, suspend) =
        (format!("{BANK}/numbers/{number}/service"), json!({ "service": "suspended" }));
    let version = pool["version"].as_u64().unwrap();
    let (status, done) = having_seen(&app, version, &path, &suspend).await;
    assert_eq!(status, 200, "{done}");
    let (pool, _) = head_office(&app).await;
    assert_eq!((&of(&pool)["service"], &pool["version"]), (&json!("suspended"), &done["version"]));
    let (status, problem) = having_seen(&app, version, &path, &suspend).await;
    assert_eq!(status, 412, "{problem}");

    let profile_id = room["profile_id"].as_str().unwrap();
    let profile = format!("/api/v1/companies/{BANK}/client-profiles/{profile_id}");
    let (status, seen) = app.stage.get(&profile).await.unwrap();
    assert_eq!((status, &seen["blocked"]), (200, &json!(false)), "{seen}");
    assert_eq!(seen["identifiers"], json!([{ "kind": "bsuid", "value": "US.ann" }]));
    let path = format!("{BANK}/client-profiles/{profile_id}/block");
    let version = seen["version"].as_u64().unwrap();
    let (status, done) = having_seen(&app, version, &path, &json!({})).await;
    assert_eq!(status, 200, "{done}");
    let (_, seen) = app.stage.get(&profile).await.unwrap();
    assert_eq!((&seen["blocked"], &seen["version"]), (&json!(true), &done["version"]), "{seen}");
    let foreign = profile.replace(BANK, "demo-shop");
    let (status, problem) = app.stage.get(&foreign).await.unwrap();
    assert_eq!((status, &problem["field"]), (404, &json!("profile_id")), "{problem}");

    let path = format!("{BANK}/numbers/{number}/remove");
    let (status, done) = having_seen(&app, directory_version, &path, &json!({})).await;
    assert_eq!(status, 200, "{done}");
    is_fine(app).await;
}
