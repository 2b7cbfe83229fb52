//! The checker: silent on a sound store, and it names what was tampered with.

use domain::ids::{ClientId, MessageId, RequestId, RoomId};
use domain::outbound::{ErrorClass, SendError};
use domain::pool::PoolEvent;
use domain::request::{Outcome, RequestEvent};
use eventstore::{AppendItem, EventStore, Finding, FindingKind, Progress};

use crate::support::*;

/// A store in which everything happens: two profiles, a closed and an open room, a pool, requests
/// with outcomes and one whose room is under way, and a client who wants no more templates.
async fn busy() -> EventStore {
    let store = store().await;
    let (client, profile) = (new_client(), new_profile());
    let (first_request, second_request) = (new_request(), new_request());
    let [first, second] = [first_request, second_request].map(RoomId::opened_by);
    let number_reserved =
        |room_id| PoolEvent::NumberReserved { number: "200".parse().unwrap(), room_id };
    let number_released =
        PoolEvent::NumberReleased { number: "200".parse().unwrap(), room_id: first };
    let added = PoolEvent::NumberAdded { spec: number("200"), directory_version: 1 };
    appended(&store, item().pool("acme_main", 0, vec![pool_created(), added])).await;
    let request = first_request;
    let opening = item()
        .request(request, 0, vec![requested(request, client, &[phone("+447700900123")])])
        .profile(
            profile,
            0,
            vec![
                created(profile, client, &[phone("+447700900123"), bsuid("GB.abc")]),
                reserved(first, client, "michael", "200"),
            ],
        )
        .pool("acme_main", 2, vec![number_reserved(first)]);
    appended(&store, opening).await;
    let closing = item()
        .request(request, 1, vec![accepted(request, 0, "wamid.OUT"), ended(Outcome::Onboarded)])
        .profile(profile, 2, vec![invited(first), activated(first), closed(first, Some(at(1_000)))])
        .pool("acme_main", 3, vec![number_released]);
    appended(&store, closing).await;
    let request = second_request;
    let again = item()
        .request(request, 0, vec![requested(request, client, &[bsuid("GB.abc")])])
        .profile(profile, 5, vec![reserved(second, client, "michael", "200")])
        .pool("acme_main", 4, vec![number_reserved(second)]);
    appended(&store, again).await;
    let request = new_request();
    let words = vec![
        requested(request, client, &[bsuid("GB.abc")]),
        stopped(client, 3),
        ended(Outcome::Stopped),
    ];
    appended(&store, item().request(request, 0, words)).await;
    store
}

async fn kinds(store: &EventStore) -> Vec<FindingKind> {
    let findings = store.check(|_| {}).await.unwrap();
    let mut kinds: Vec<_> = findings.iter().map(|finding| finding.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn a_sound_store_gives_no_finding() {
    let store = busy().await;
    let mut told = vec![];
    assert_eq!(store.check(|progress| told.push(progress)).await.unwrap(), []);
    let events = store.last_position().await.unwrap();
    assert_eq!(told.last(), Some(&Progress { done: 2 * events, total: 2 * events }));
}

#[tokio::test]
async fn an_empty_store_gives_no_finding() {
    assert_eq!(store().await.check(|_| {}).await.unwrap(), []);
}

#[tokio::test]
async fn an_event_that_was_changed_is_named() {
    let store = busy().await;
    let change = "UPDATE events SET correlation_id = gen_random_uuid() WHERE position = 5";
    tamper(&store, change).await;
    let findings = store.check(|_| {}).await.unwrap();
    let [Finding { kind: FindingKind::Digest, what }] = &findings[..] else {
        panic!("{findings:?}")
    };
    assert!(what.contains("position 5"), "{what}");
}

#[tokio::test]
async fn each_kind_of_damage_is_found() {
    use FindingKind::*;
    for (damage, expected) in [
        ("DELETE FROM events WHERE position = 2", vec![Positions, Digest, Sequences, PoolLoad]),
        ("UPDATE log_head SET position = 99", vec![Head]),
        (
            "UPDATE events SET event_version = '9' WHERE position = 9",
            vec![Digest, Readable, Profiles, Rooms],
        ),
        ("UPDATE events SET recorded_at = '1999-01-01' WHERE position = 3", vec![Times, Digest]),
        (
            "UPDATE inputs SET first_position = NULL, last_position = NULL WHERE first_position = 1",
            vec![Inputs],
        ),
        (
            "UPDATE rooms SET phase = 'closed', deadline = NULL WHERE phase = 'reserved'",
            vec![NoOutcome, Rooms, PoolLoad],
        ),
        ("UPDATE rooms SET deadline = deadline + interval '1 hour'", vec![Rooms]),
        ("UPDATE rooms SET quarantine_until = NULL", vec![Rooms]),
        ("DELETE FROM message_references", vec![Messages]),
        ("UPDATE message_references SET wamid = 'wamid.OTHER'", vec![Messages]),
        ("UPDATE client_identifiers SET client_id = gen_random_uuid()", vec![Clients]),
        ("DELETE FROM client_identifiers WHERE kind = 'phone'", vec![Clients]),
        ("INSERT INTO clients VALUES ('acme', gen_random_uuid(), 1)", vec![Clients]),
        ("DELETE FROM clients", vec![Clients]),
        (
            "INSERT INTO client_links SELECT company, client_id, gen_random_uuid(), 1 FROM clients",
            vec![Clients],
        ),
        ("UPDATE client_consents SET stopped = false", vec![Consents]),
        ("UPDATE client_consents SET sent_at = sent_at + interval '1 second'", vec![Consents]),
        ("DELETE FROM client_consents", vec![Consents]),
        (
            "INSERT INTO client_consents VALUES ('acme', gen_random_uuid(), true, now())",
            vec![Consents],
        ),
        ("DELETE FROM profile_identifiers WHERE kind = 'phone'", vec![Profiles]),
        (
            "INSERT INTO profiles VALUES (gen_random_uuid(), 'acme', gen_random_uuid(), 1)",
            vec![Profiles],
        ),
    ] {
        let store = busy().await;
        tamper(&store, damage).await;
        assert_eq!(kinds(&store).await, expected, "{damage}");
    }
}

#[tokio::test]
async fn a_second_outcome_and_a_double_booking_are_found() {
    let store = store().await;
    let (client, profile, request) = (new_client(), new_profile(), new_request());
    let twice = vec![
        requested(request, client, &[]),
        ended(Outcome::UserNotFound),
        ended(Outcome::Reminded),
    ];
    appended(&store, item().request(request, 0, twice)).await;
    sqlx::raw_sql("DROP INDEX one_open_room_per_client_and_user")
        .execute(store.pool())
        .await
        .unwrap();
    let both = vec![
        created(profile, client, &[]),
        reserved(new_room(), client, "michael", "200"),
        reserved(new_room(), client, "michael", "201"),
    ];
    appended(&store, item().profile(profile, 0, both)).await;

    let found = kinds(&store).await;

    use FindingKind::*;
    assert_eq!(found, [SecondOutcome, DoubleBooked, PoolLoad]);
}

#[tokio::test]
async fn a_room_on_a_number_that_rested_for_another_user_is_found() {
    let store = store().await;
    let (client, profile) = (new_client(), new_profile());
    let (first, second, own) = (new_room(), new_room(), new_room());
    let before = vec![
        created(profile, client, &[]),
        reserved(first, client, "michael", "200"),
        closed(first, Some(at(1_000))),
        reserved(own, client, "michael", "200"),
        // Definitely refused: it does not rest, and the first still does.
        closed(own, None),
    ];
    appended(&store, item().profile(profile, 0, before)).await;
    assert!(!kinds(&store).await.contains(&FindingKind::Quarantine), "the same user may");
    // The store looks at the input's time, the check at the event's.
    let late = item().profile(profile, 5, vec![reserved(second, client, "anna", "200")]);
    appended(&store, AppendItem { at: at(2_000), ..late }).await;
    assert!(kinds(&store).await.contains(&FindingKind::Quarantine));
}

#[tokio::test]
async fn a_message_that_was_tried_after_it_had_expired_is_found() {
    let store = store().await;
    let (client, request) = (new_client(), new_request());
    let message_id = MessageId::of(request, 0);
    let message = serde_json::from_value(serde_json::json!({
        "message_id": message_id,
        "purpose": "redirect",
        "from": "100",
        "to": { "kind": "bsuid", "value": "GB.abc" },
        "content": { "kind": "text", "body": "Hello" },
        "expires_at": at(100),
    }))
    .unwrap();
    let attempted =
        |seconds| RequestEvent::MessageAttempted { message_id, attempt: 1, at: at(seconds) };
    let events = vec![
        requested(request, client, &[]),
        RequestEvent::MessageRequested { message },
        attempted(99),
        ended(Outcome::Redirected),
    ];
    appended(&store, item().request(request, 0, events)).await;
    assert_eq!(kinds(&store).await, []);
    appended(&store, item().request(request, 4, vec![attempted(200)])).await;
    assert_eq!(kinds(&store).await, [FindingKind::LateSend]);
}

#[tokio::test]
async fn a_message_that_nobody_will_send_or_that_would_be_sent_again_is_found() {
    let store = store().await;
    let (client, request) = (new_client(), new_request());
    let message_id = MessageId::of(request, 0);
    let message = serde_json::json!({
        "message_id": message_id,
        "purpose": "redirect",
        "from": "100",
        "to": { "kind": "bsuid", "value": "GB.abc" },
        "content": { "kind": "text", "body": "Hello" },
        "expires_at": at(100),
    });
    let events = vec![
        requested(request, client, &[]),
        RequestEvent::MessageRequested {
            message: serde_json::from_value(message.clone()).unwrap(),
        },
        ended(Outcome::Redirected),
    ];
    appended(&store, item().request(request, 0, events)).await;
    assert_eq!(kinds(&store).await, [], "the queue has not come so far");

    let queued = "UPDATE rm_checkpoints SET position = (SELECT position FROM log_head) \
         WHERE view = 'send-queue'";
    sqlx::raw_sql(queued).execute(store.pool()).await.unwrap();
    assert_eq!(kinds(&store).await, [FindingKind::LostMessage]);
    let row = "INSERT INTO send_queue (message_id, company, request_id, from_number, recipient, \
         message, position, state, expires_at, updated_at) \
         VALUES ($1, 'acme', $2, '100', 'GB.abc', $3, 2, 'waiting', $4, $4)";
    sqlx::query(row)
        .bind(message_id.as_uuid())
        .bind(request.as_uuid())
        .bind(&message)
        .bind(at(100))
        .execute(store.pool())
        .await
        .unwrap();
    assert_eq!(kinds(&store).await, []);

    let error =
        SendError { code: 0, class: ErrorClass::Expired, definite: true, title: "expired".into() };
    let failed = RequestEvent::MessageFailed { message_id, error, at: at(101) };
    appended(&store, item().request(request, 3, vec![failed])).await;
    assert_eq!(kinds(&store).await, [], "the queue has not come so far");
    sqlx::raw_sql(queued).execute(store.pool()).await.unwrap();
    assert_eq!(kinds(&store).await, [FindingKind::SettledMessageWaits]);
}

/// A request that is decided so many seconds later: a template as a reminder.
fn reminded(client: ClientId, seconds: i64) -> AppendItem {
    let request = new_request();
    item().request(request, 0, decided_to_remind(request, client, seconds))
}

fn decided_to_remind(request: RequestId, client: ClientId, seconds: i64) -> Vec<RequestEvent> {
    let decided = serde_json::from_value(serde_json::json!({
        "type": "decision-made",
        "facts": {
            "at": at(seconds),
            "draw": 0,
            "company": {
                "directory_version": 1,
                "name": "Acme",
                "auto_promotion": true,
                "unique_phone_number": false,
                "timing": {},
                "texts": { "language": "en" },
            },
            "line": { "role": "primary", "pool": "acme_main" },
            "client_id": client,
        },
        "decision": {
            "kind": "remind",
            "profile_id": new_profile(),
            "room_id": new_room(),
            "form": "template",
        },
    }));
    vec![requested(request, client, &[]), decided.unwrap(), ended(Outcome::Reminded)]
}

#[tokio::test]
async fn a_template_for_a_client_that_had_stopped_them_is_found() {
    let store = store().await;
    let (client, request) = (new_client(), new_request());
    let words = vec![requested(request, client, &[]), stopped(client, 0), ended(Outcome::Stopped)];
    appended(&store, reminded(client, 3)).await;
    appended(&store, item().request(request, 0, words)).await;
    appended(&store, reminded(client, 30)).await;
    assert_eq!(kinds(&store).await, [], "another worker may have been slow");
    appended(&store, reminded(client, 300)).await;
    assert_eq!(kinds(&store).await, [FindingKind::StoppedTemplate]);

    let again = new_request();
    let words = vec![requested(again, client, &[]), started(client, 400), ended(Outcome::Started)];
    appended(&store, item().request(again, 0, words)).await;
    let before = store.check(|_| {}).await.unwrap();
    appended(&store, reminded(client, 500)).await;
    assert_eq!(store.check(|_| {}).await.unwrap(), before, "it wants them again");
}

#[tokio::test]
async fn a_template_that_was_tried_after_its_client_had_stopped_them_is_found() {
    let store = store().await;
    let (client, request) = (new_client(), new_request());
    let message_id = MessageId::of(request, 0);
    let template = serde_json::from_value(serde_json::json!({
        "message_id": message_id,
        "purpose": "reminder",
        "from": "200",
        "to": { "kind": "bsuid", "value": "GB.abc" },
        "content": { "kind": "template", "name": "resume", "language": "en", "parameters": [] },
        "expires_at": at(9_000),
    }));
    let mut events = decided_to_remind(request, client, 0);
    events.insert(2, RequestEvent::MessageRequested { message: template.unwrap() });
    appended(&store, item().request(request, 0, events)).await;
    let stop = new_request();
    let words = vec![requested(stop, client, &[]), stopped(client, 3), ended(Outcome::Stopped)];
    appended(&store, item().request(stop, 0, words)).await;
    let attempted =
        |attempt, seconds| RequestEvent::MessageAttempted { message_id, attempt, at: at(seconds) };
    appended(&store, item().request(request, 4, vec![attempted(1, 30)])).await;
    assert_eq!(kinds(&store).await, [], "another worker may have been slow");
    appended(&store, item().request(request, 5, vec![attempted(2, 300)])).await;
    assert_eq!(kinds(&store).await, [FindingKind::StoppedTemplate]);
}

#[tokio::test]
async fn findings_tell_no_personal_data() {
    let store = busy().await;
    tamper(
        &store,
        "DELETE FROM client_identifiers; DELETE FROM profile_identifiers; \
        DELETE FROM message_references",
    )
    .await;
    for finding in store.check(|_| {}).await.unwrap() {
        let what = finding.what;
        assert!(
            !what.contains("4477") && !what.contains("GB.") && !what.contains("wamid"),
            "{what}"
        );
    }
}
