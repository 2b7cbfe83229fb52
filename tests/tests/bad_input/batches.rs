//! Posts in which some items are bad: the others never pay for it.

use std::collections::BTreeMap;

use acceptance::PRIMARY;
use chrono::TimeDelta;
use domain::ids::Wamid;
use domain::outbound::DeliveryStatus;
use domain::request::Outcome;
use onboarding::whatsapp::post::{StatusUpdate, WebhookPost};
use serde_json::{Value, json};

use crate::bank::{ASK, Bank, client, post_of};

/// Ten broken updates, and why each is one.
fn broken(at: &str) -> [(Value, &'static str); 10] {
    let michael = json!({ "body": "#michael" });
    let item = |id: &str, from: &str| json!({ "id": id, "from": from, "timestamp": at, "type": "text", "text": michael });
    let without = |mut item: Value, member: &str| {
        item.as_object_mut().unwrap().remove(member);
        item
    };
    let with = |mut item: Value, member: &str, value: Value| {
        item[member] = value;
        item
    };
    let good = item("wamid.B0", "12025550111");
    [
        (json!("#michael"), "messages[] is not an object"),
        (json!(["wamid.B1", "12025550111"]), "messages[] is not an object"),
        (json!(null), "messages[] is not an object"),
        (without(good.clone(), "id"), "messages[].id is missing"),
        (with(good.clone(), "id", json!("wamid with blanks")), "messages[].id is not valid"),
        (with(good.clone(), "id", json!(12_025_550_111_i64)), "messages[].id is not valid"),
        (without(good.clone(), "timestamp"), "messages[].timestamp is missing"),
        (with(good, "timestamp", json!("yesterday")), "messages[].timestamp is not valid"),
        (
            item("wamid.B9", "not a number"),
            "messages[] names nobody by a valid bsuid, wa_id or phone number",
        ),
        (
            // Named twice below: which of the two counts?
            with(item("wamid.B10", "12025550111"), "TWICE", json!("12025550112")),
            "messages[] is not an object",
        ),
    ]
}

/// 990 clients. Three numbers of the range are the bank's own.
fn phones() -> impl Iterator<Item = String> {
    let clients = (0..1000).filter(|number| ![201, 300, 301].contains(number));
    clients.map(|number| format!("447700900{number:03}")).take(990)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_1000_updates_990_get_one_outcome_each_and_ten_are_parked() {
    let bank = Bank::opens_without_statuses().await;
    let now = bank.app.stage.now();
    let mut asked = vec![];
    let mut updates = vec![];
    for (index, phone) in phones().enumerate() {
        let (text, outcome) = match index % 3 {
            0 => ("#michael", Outcome::Onboarded),
            1 => ("no extension", Outcome::ExtensionMissing),
            _ => ("#michael, a week ago", Outcome::Expired),
        };
        let (wamid, mut message) = bank.raw_text(&phone, text);
        if outcome == Outcome::Expired {
            message["timestamp"] = json!((now - TimeDelta::days(7)).timestamp().to_string());
        }
        asked.push((wamid, outcome.as_str()));
        updates.push(message);
    }
    let broken = broken(&now.timestamp().to_string());
    for (index, (item, _)) in broken.iter().enumerate() {
        updates.insert(index * 100 + 37, item.clone());
    }
    assert_eq!(updates.len(), 1000);
    let body = String::from_utf8(post_of(&updates).into_body()).unwrap();
    let body = body.replace("\"TWICE\"", "\"from\"");
    bank.takes_bytes(body.clone()).await;

    let parked = bank.parked(10).await;
    for (item, reason) in &broken {
        let bytes = item.to_string().replace("\"TWICE\"", "\"from\"");
        let row = parked.iter().find(|row| row.payload == bytes.as_bytes()).unwrap();
        assert_eq!((row.code.as_str(), row.reason.as_str()), ("bad-item", *reason));
        let evidence = bank.app.stage.store.evidence(row.post.as_deref().unwrap()).await.unwrap();
        assert!(evidence.unwrap() == body.as_bytes(), "the whole post is kept");
    }

    let all = bank.app.stage.until("all requests have an outcome", async || {
        let count = "SELECT count(outcome) FROM rm_onboarding_requests";
        let count: i64 = sqlx::query_scalar(count).fetch_one(&bank.app.stage.pool).await?;
        Ok((count >= 990).then_some(()))
    });
    all.await.unwrap();
    let outcomes = "SELECT aggregate_id, payload->>'outcome' FROM events \
                    WHERE event_type = 'outcome-recorded'";
    let outcomes: Vec<(String, String)> =
        sqlx::query_as(outcomes).fetch_all(&bank.app.stage.pool).await.unwrap();
    assert_eq!(outcomes.len(), 990, "exactly one each");
    let found: BTreeMap<_, _> = outcomes.iter().map(|(id, o)| (id.clone(), o.as_str())).collect();
    let expected = asked.iter().map(|(wamid, o)| (bank.request_of(wamid).to_string(), *o));
    assert_eq!(found, expected.collect::<BTreeMap<_, _>>());

    let asked = |r: &[onboarding::whatsapp::fake::ReceivedMessage]| r.len() >= 3 * 330;
    assert_eq!(bank.app.stage.cloud.wait_until(asked).await.len(), 3 * 330);
    for (index, phone) in phones().enumerate() {
        let told = bank.told(&format!("+{phone}"));
        match index % 3 {
            0 => assert_eq!(told.len(), 2, "{told:?}"),
            1 => assert_eq!(told, [format!("{PRIMARY}: {ASK}")]),
            _ => assert_eq!(told, Vec::<String>::new()),
        }
    }
    bank.closes(330, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_for_numbers_that_nobody_has_are_parked_and_their_neighbours_taken() {
    let bank = Bank::opens().await;
    let (stray, for_nobody) = bank.text(&client("12025550111"), "#michael");
    let (first, for_us) = bank.text(&client("12025550112"), "#michael");
    let (second, for_us_too) = bank.text(&client("12025550113"), "#michael");
    let now = bank.app.stage.now();
    let status = StatusUpdate::new("wamid.OF-NOBODY", DeliveryStatus::Sent, now);
    let numberless = |metadata: Value| json!({ "metadata": metadata, "messages": [] });
    let body = WebhookPost::new()
        .messages(PRIMARY, &[for_us])
        .messages("999999", &[for_nobody])
        .statuses("999999", &[status])
        .change("messages", numberless(json!({})))
        .change("messages", numberless(json!({ "phone_number_id": "+1 202 555 0100" })))
        .change("messages", numberless(json!("+1 202 555 0100")))
        .next_entry()
        .messages(PRIMARY, &[for_us_too])
        .into_body();
    bank.takes_bytes(body.clone()).await;

    for (wamid, phone) in [(&first, "+12025550112"), (&second, "+12025550113")] {
        assert_eq!(bank.outcome(wamid).await, Outcome::Onboarded);
        bank.invited_by_michael(phone);
    }
    let parked = bank.parked(5).await;
    let found: Vec<_> = parked.iter().map(|p| (p.code.as_str(), p.reason.as_str())).collect();
    assert_eq!(
        found,
        [
            ("bad-item", "metadata is not an object"),
            ("bad-item", "metadata.phone_number_id is missing"),
            ("bad-item", "metadata.phone_number_id is not valid"),
            ("unknown-number", "no company has the phone_number_id 999999"),
            ("unknown-number", "no company has the phone_number_id 999999"),
        ]
    );
    // As they were read, so that they can be retried once somebody has the number.
    let ids: Vec<Wamid> = parked[3..]
        .iter()
        .map(|row| serde_json::from_slice::<Value>(&row.payload).unwrap())
        .map(|row| match row.get("message") {
            Some(message) => message["id"].clone(),
            None => row["status"]["wamid"].clone(),
        })
        .map(|id| serde_json::from_value(id).unwrap())
        .collect();
    assert!(ids.contains(&stray), "{ids:?}");
    assert!(ids.contains(&"wamid.OF-NOBODY".parse().unwrap()), "{ids:?}");
    assert!(parked.iter().all(|row| row.company.is_none() && row.subject == "wa.raw.v1.demo"));
    assert_eq!(bank.told("+12025550111"), Vec::<String>::new());
    assert_eq!(bank.arrivals(&body).await, 1);
    bank.closes(2, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_are_too_large_for_a_message_are_parked_and_their_neighbours_taken() {
    let bank = Bank::opens().await;
    // One that fits into no message of NATS, and one that fits but leaves its events no room.
    let (_, huge) = bank.raw_text("12025550110", &format!("#michael {}", "x".repeat(1_500_000)));
    let (_, large) = bank.raw_text("12025550111", &format!("#michael {}", "x".repeat(1_045_000)));
    let (taken, small) = bank.raw_text("12025550112", "#michael");
    let body = post_of(&[huge.clone(), large, small]).into_body();
    bank.takes_bytes(body.clone()).await;
    assert_eq!(bank.outcome(&taken).await, Outcome::Onboarded);
    bank.invited_by_michael("+12025550112");

    let parked = bank.parked(3).await;
    let found: Vec<_> = parked.iter().map(|p| (p.code.as_str(), p.reason.as_str())).collect();
    assert_eq!(
        found,
        [
            ("bad-item", "it is larger than the server's max_payload"),
            ("too-large", "the body is larger than 1032192 bytes (part 1 of 2)"),
            ("too-large", "the body is larger than 1032192 bytes (part 2 of 2)"),
        ]
    );
    // Its place is taken by a pointer to the evidence, which has all of the post.
    let pointer: Value = serde_json::from_slice(&parked[0].payload).unwrap();
    let sha256 = parked[0].post.as_deref().unwrap();
    assert_eq!(pointer["post_sha256"], sha256);
    let kept = bank
        .app
        .stage
        .until("all pieces are kept", async || Ok(bank.app.stage.store.evidence(sha256).await?));
    assert!(kept.await.unwrap() == body, "the evidence is what was posted");
    for whom in ["+12025550110", "+12025550111"] {
        assert_eq!(bank.told(whom), Vec::<String>::new());
    }
    bank.closes(1, 3).await;
}
