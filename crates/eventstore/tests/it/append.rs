//! What an append records, what it refuses, and what it says about it.

use domain::profile::ClientProfile;
use domain::{AggregateType, AnyEvent};
use eventstore::{AppendVerdict, Loss, Positions, RoomConstraint, StoredAnswer};
use serde_json::json;

use crate::support::*;

fn positions(first: u64, last: u64) -> Positions {
    Positions { first: Some(first), last: Some(last) }
}

#[tokio::test]
async fn what_was_appended_is_loaded_again() {
    let store = store().await;
    let (profile, client, room) = (new_profile(), new_client(), new_room());
    let events = vec![
        created(profile, client, &[phone("+447700900123")]),
        reserved(room, client, "michael", "200"),
        invited(room),
        activated(room),
    ];
    let mut expected = ClientProfile::default();
    events.iter().for_each(|event| expected.evolve(event));

    let verdicts = store.append(&[item().profile(profile, 0, events.clone())]).await.unwrap();

    assert_eq!(verdicts, [AppendVerdict::Appended(positions(1, 4))]);
    let loaded = store.load::<ClientProfile>(&profile).await.unwrap();
    assert_eq!((loaded.state, loaded.version), (expected, 4));
    let early = store.load_at::<ClientProfile>(&profile, 1).await.unwrap();
    assert!(early.state.present().unwrap().rooms.is_empty());
    let recorded = store.events_after(0, 10).await.unwrap();
    let read: Vec<_> = recorded.iter().map(|e| AnyEvent::read(e).unwrap()).collect();
    assert_eq!(read, events.into_iter().map(AnyEvent::Profile).collect::<Vec<_>>());
    let kind = AggregateType::ClientProfile;
    assert_eq!(store.stream(kind, &profile.to_string(), 2).await.unwrap(), recorded[2..]);
}

#[tokio::test]
async fn the_same_input_is_recorded_once_and_its_answer_kept() {
    let store = store().await;
    let profile = new_profile();
    let mut first = item().profile(profile, 0, vec![created(profile, new_client(), &[])]);
    first.answer = Some(json!({"z": 1, "a": [null, "x"]}));
    let mut again = first.clone();
    again.answer = Some(json!("another"));

    let verdicts = store.append(&[first.clone(), again.clone()]).await.unwrap();

    let answer = StoredAnswer { answer: first.answer.clone(), positions: positions(1, 1) };
    assert_eq!(
        verdicts,
        [AppendVerdict::Appended(positions(1, 1)), AppendVerdict::Duplicate(answer.clone())]
    );
    assert_eq!(store.append(&[again]).await.unwrap(), [AppendVerdict::Duplicate(answer.clone())]);
    let decided = store.decided(&first.company, &[first.input_id, item().input_id]).await.unwrap();
    assert_eq!(decided, [(first.input_id, answer)]);
    assert_eq!(store.last_position().await.unwrap(), 1);
}

#[tokio::test]
async fn an_input_without_events_is_remembered_too() {
    let store = store().await;
    let mut nothing = item();
    nothing.directory_version = Some(7);

    let verdicts = store.append(&[nothing.clone()]).await.unwrap();

    assert_eq!(verdicts, [AppendVerdict::Appended(Positions::default())]);
    let verdicts = store.append(&[nothing]).await.unwrap();
    assert_eq!(verdicts, [AppendVerdict::Duplicate(StoredAnswer::default())]);
    assert_eq!(store.lane(&company("acme")).await.unwrap(), Some(7));
    assert_eq!(store.lane(&company("other")).await.unwrap(), None);
}

#[tokio::test]
async fn a_version_conflict_names_both_versions() {
    let store = store().await;
    let profile = new_profile();
    let first = item().profile(profile, 0, vec![created(profile, new_client(), &[])]);
    appended(&store, first).await;

    let verdicts =
        store.append(&[item().profile(profile, 5, vec![assigned("michael")])]).await.unwrap();

    let conflict = Loss::VersionConflict {
        aggregate_type: "client-profile".to_owned(),
        aggregate_id: profile.to_string(),
        expected: 5,
        found: 1,
    };
    assert_eq!(verdicts, [AppendVerdict::Lost(conflict)]);
}

#[tokio::test]
async fn a_lost_item_takes_its_lane_with_it_and_no_other() {
    let store = store().await;
    let (a, b, c, d) = (new_profile(), new_profile(), new_profile(), new_profile());
    let create = |id| vec![created(id, new_client(), &[])];
    let items = [
        item().profile(a, 0, create(a)).pool("acme_main", 0, vec![]),
        // Its first stream would fit, its second does not: nothing of it is recorded.
        item().profile(b, 0, create(b)).profile(a, 0, vec![assigned("michael")]),
        item().profile(c, 0, create(c)),
        item().of("other").profile(d, 0, create(d)),
    ];

    let verdicts = store.append(&items).await.unwrap();

    assert_eq!(verdicts[0], AppendVerdict::Appended(positions(1, 1)));
    assert!(matches!(verdicts[1], AppendVerdict::Lost(Loss::VersionConflict { found: 1, .. })));
    assert_eq!(verdicts[2], AppendVerdict::Lost(Loss::LaneBehind));
    assert_eq!(verdicts[3], AppendVerdict::Appended(positions(2, 2)));
    for absent in [b, c] {
        assert_eq!(store.load::<ClientProfile>(&absent).await.unwrap().version, 0);
    }
}

#[tokio::test]
async fn a_client_has_one_open_room_with_a_user_and_one_on_a_number() {
    let store = store().await;
    let (client, room) = (new_client(), new_room());
    let [a, b] = [new_profile(), new_profile()];
    let first = vec![created(a, client, &[]), reserved(room, client, "michael", "200")];
    appended(&store, item().profile(a, 0, first)).await;
    appended(&store, item().profile(b, 0, vec![created(b, client, &[])])).await;

    for (user, number, constraint) in [
        ("michael", "201", RoomConstraint::ClientUser),
        ("anna", "200", RoomConstraint::ClientNumber),
    ] {
        let second = item().profile(b, 1, vec![reserved(new_room(), client, user, number)]);
        let lost = Loss::RoomOpen { constraint, room_id: room };
        assert_eq!(store.append(&[second]).await.unwrap(), [AppendVerdict::Lost(lost)]);
    }
    let free = vec![reserved(new_room(), client, "anna", "201")];
    appended(&store, item().profile(b, 1, free)).await;
    let another_client = vec![reserved(new_room(), new_client(), "michael", "200")];
    appended(&store, item().profile(b, 2, another_client)).await;
}

#[tokio::test]
async fn a_closed_rooms_pair_rests_except_for_the_same_user() {
    let store = store().await;
    let (client, profile, room) = (new_client(), new_profile(), new_room());
    let history = vec![
        created(profile, client, &[]),
        reserved(room, client, "michael", "200"),
        closed(room, Some(at(100))),
    ];
    appended(&store, item().profile(profile, 0, history)).await;
    let reserve = |user, version, when| {
        let event = reserved(new_room(), client, user, "200");
        item().at(at(when)).profile(profile, version, vec![event])
    };

    let early = store.append(&[reserve("anna", 3, 99)]).await.unwrap();
    assert_eq!(early, [AppendVerdict::Lost(Loss::PairQuarantined)]);
    appended(&store, reserve("michael", 3, 50)).await;
    let busy = store.append(&[reserve("anna", 4, 200)]).await.unwrap();
    assert!(matches!(busy[0], AppendVerdict::Lost(Loss::RoomOpen { .. })));

    let mut later = reserve("anna", 4, 100);
    let open = store.events_after(3, 1).await.unwrap().remove(0);
    let AnyEvent::Profile(domain::profile::ProfileEvent::RoomReserved { room_id, .. }) =
        AnyEvent::read(&open).unwrap()
    else {
        panic!("not a room")
    };
    let close = (uuid::Uuid::now_v7(), AnyEvent::Profile(closed(room_id, None)));
    later.streams[0].events.insert(0, close);
    appended(&store, later).await;
}

#[tokio::test]
async fn one_item_may_close_a_room_and_open_the_next() {
    let store = store().await;
    let (client, profile, first, second) = (new_client(), new_profile(), new_room(), new_room());
    let history = vec![created(profile, client, &[]), reserved(first, client, "michael", "200")];
    appended(&store, item().profile(profile, 0, history)).await;

    let swap = vec![closed(first, None), reserved(second, client, "michael", "200")];
    appended(&store, item().profile(profile, 2, swap)).await;

    let due = store.due_rooms(at(10_000), 10).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].1.room_id, due[0].1.deadline), (second, at(3_600)));
    assert!(store.due_rooms(at(3_599), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_the_checks_miss_the_indexes_refuse() {
    let store = store().await;
    let (client, profile) = (new_client(), new_profile());
    let twice = vec![
        created(profile, client, &[]),
        reserved(new_room(), client, "michael", "200"),
        reserved(new_room(), client, "michael", "201"),
    ];

    let error = store.append(&[item().profile(profile, 0, twice)]).await.unwrap_err();

    assert!(!error.is_transient());
    assert!(error.to_string().contains("one_open_room_per_client_and_user"), "{error}");
    assert_eq!(store.last_position().await.unwrap(), 0);
}

#[tokio::test]
async fn payloads_are_kept_byte_for_byte() {
    let store = store().await;
    let (request, client) = (new_request(), new_client());
    let event = requested(request, client, &[phone("+447700900123"), bsuid("GB.abc")]);
    let payload = serde_json::to_string(&event).unwrap();
    assert!(payload.contains("\\u0000"), "the message has a NUL in it");

    appended(&store, item().request(request, 0, vec![event.clone()])).await;

    let recorded = store.events_after(0, 1).await.unwrap().remove(0);
    assert_eq!(recorded.payload, payload);
    assert_eq!(AnyEvent::read(&recorded).unwrap(), AnyEvent::Request(event));
}

#[tokio::test]
async fn times_finer_than_the_database_keeps_are_refused() {
    let store = store().await;
    let fine = at(0) + std::time::Duration::from_nanos(1);
    let error = store.append(&[item().at(fine)]).await.unwrap_err();
    assert!(error.to_string().contains("microseconds"), "{error}");
}

#[tokio::test]
async fn a_new_client_loses_if_what_leads_to_it_leads_to_another_one() {
    let store = store().await;
    let (first, second) = (new_request(), new_request());
    let known = requested(first, new_client(), &[bsuid("BR.abc")]);
    appended(&store, item().request(first, 0, vec![known])).await;

    let taken_for_new = requested(second, new_client(), &[bsuid("BR.abc")]);
    let verdicts = store.append(&[item().request(second, 0, vec![taken_for_new])]).await.unwrap();

    assert_eq!(verdicts, [AppendVerdict::Lost(Loss::ClientKnown)]);
}

#[tokio::test]
async fn what_follows_a_duplicate_in_its_lane_is_decided_again() {
    let store = store().await;
    let (first, second) = (new_request(), new_request());
    let event = |request| vec![requested(request, new_client(), &[bsuid("BR.a")])];
    let twice = item().request(first, 0, event(first));
    appended(&store, twice.clone()).await;

    let after = item().request(second, 0, vec![requested(second, new_client(), &[bsuid("BR.b")])]);
    let verdicts = store.append(&[twice, after]).await.unwrap();

    assert!(matches!(verdicts[0], AppendVerdict::Duplicate(_)));
    assert_eq!(verdicts[1], AppendVerdict::Lost(Loss::LaneBehind));
}

#[tokio::test]
async fn a_room_that_one_item_opens_and_the_next_moves_ends_in_its_last_state() {
    let store = store().await;
    let (client, profile, room) = (new_client(), new_profile(), new_room());
    let opening = vec![created(profile, client, &[]), reserved(room, client, "michael", "200")];
    let moves = [vec![invited(room)], vec![activated(room)], vec![closed(room, Some(at(900)))]];
    let mut items = vec![item().profile(profile, 0, opening)];
    items.extend((2..).zip(moves).map(|(at, events)| item().profile(profile, at, events)));

    for (n, verdict) in store.append(&items).await.unwrap().into_iter().enumerate() {
        assert!(matches!(verdict, AppendVerdict::Appended(_)), "item {n}: {verdict:?}");
    }
    let found = store.room(&company("acme"), room).await.unwrap().unwrap();
    assert_eq!(found.phase, domain::profile::RoomPhase::Closed);
    assert_eq!(store.check(|_| {}).await.unwrap(), []);
}

#[tokio::test]
async fn what_the_version_before_appends_is_found_by_its_correlation_and_is_sound() {
    let store = store().await;
    let (room, correlation) = (new_room(), uuid::Uuid::now_v7());
    let payload = serde_json::to_string(&pool_created()).unwrap();
    let items = serde_json::json!([{
        "company": "acme", "input_id": room.as_uuid(), "at": at(0), "correlation_id": correlation,
        "metadata": "{}", "facts": {},
        "streams": [{ "kind": "secondary-number-pool", "id": "acme_main", "expected": 0 }],
        "events": [{ "kind": "secondary-number-pool", "id": "acme_main", "sequence": 1,
            "event_id": room.as_uuid(), "type": "pool-created", "version": "1",
            "payload": payload }],
    }]);
    let done = sqlx::query("SELECT append_events($1::jsonb)").bind(items).fetch_all(store.pool());
    assert_eq!(done.await.unwrap().len(), 1);

    assert_eq!(store.events_by_correlation(correlation).await.unwrap().len(), 1);
    assert_eq!(store.check(|_| {}).await.unwrap(), [], "its digest has the older form");
}

#[tokio::test]
async fn an_event_that_nobody_could_publish_is_refused() {
    let store = store().await;
    for (length, fits) in [(1_008 * 1_024, true), (1_016 * 1_024, false)] {
        let request = new_request();
        let mut event = requested(request, new_client(), &[phone("+447700900123")]);
        if let domain::request::RequestEvent::OnboardingRequested { message, .. } = &mut event {
            message.text = Some(domain::Personal::new("x".repeat(length)));
        }
        let appended = store.append(&[item().request(request, 0, vec![event])]).await;
        assert_eq!(appended.is_ok(), fits, "{length}");
    }
    let one_event = store.last_position().await.unwrap();
    assert_eq!(one_event, 1);
}
