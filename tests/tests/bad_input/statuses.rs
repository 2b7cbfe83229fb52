//! Statuses that nobody waits for, and statuses that nobody waits for yet.

use std::time::Duration;

use acceptance::PRIMARY;
use chrono::TimeDelta;
use domain::ids::{MessageId, RequestId};
use domain::input::{MessageReference, SendReceipt, SendResult, Timestamp};
use domain::outbound::DeliveryStatus;
use domain::request::{Outcome, RequestEvent};
use futures::StreamExt;
use onboarding::whatsapp::fake::{Behaviour, ReceivedMessage, Rule};
use onboarding::whatsapp::post::{StatusUpdate, WebhookPost};
use serde_json::json;
use uuid::Uuid;

use crate::bank::{Bank, client};

/// A status as WhatsApp tells it of a message that it took.
fn status(of: &ReceivedMessage, status: DeliveryStatus, at: Timestamp) -> WebhookPost {
    let status = StatusUpdate::new(of.wamid.as_str(), status, at);
    let status = status.with_reference(of.reference.unwrap());
    WebhookPost::new().statuses(of.from.as_str(), &[status])
}

/// When each message of a request was recorded as accepted.
fn accepted(events: &[RequestEvent]) -> Vec<(MessageId, Timestamp)> {
    let accepted = |event: &RequestEvent| match event {
        RequestEvent::MessageAccepted { message_id, at, .. } => Some((*message_id, *at)),
        _ => None,
    };
    events.iter().filter_map(accepted).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_of_a_message_that_nobody_knows_changes_nothing() {
    let bank = Bank::opens_without_statuses().await;
    let (wamid, message) = bank.text(&client("12025550110"), "#michael");
    bank.takes(message).await;
    assert_eq!(bank.outcome(&wamid).await, Outcome::Onboarded);
    let events = bank.events(&wamid).await;
    let request_id = bank.request_of(&wamid);
    let sent = bank.app.stage.cloud.received();
    let (ours, reference) = (&sent[0], sent[0].reference.unwrap());

    let now = bank.app.stage.now();
    let somebody = || Uuid::now_v7();
    let message_id = MessageId::from_uuid(somebody());
    let nobodys = MessageReference { request_id: RequestId::from_uuid(somebody()), message_id };
    let no_message = MessageReference { request_id, message_id };
    let unknown = |status| StatusUpdate::new("wamid.OF-ANOTHER-SERVICE", status, now);
    let failed = StatusUpdate::failed("wamid.OF-ANOTHER-SERVICE", now, 131_026);
    let known = StatusUpdate::new(ours.wamid.as_str(), DeliveryStatus::Read, now);
    let wordless = json!({
        "metadata": { "phone_number_id": "100101" },
        "statuses": [
            { "id": ours.wamid, "status": "pondered", "timestamp": now.timestamp().to_string() },
            { "id": ours.wamid, "status": "read" },
            { "id": "", "status": "read", "timestamp": "1" },
        ],
    });
    let post = WebhookPost::new()
        .statuses(
            "100101",
            &[
                unknown(DeliveryStatus::Sent),
                unknown(DeliveryStatus::Read).with_reference(nobodys),
                failed.clone().with_reference(no_message),
                failed,
            ],
        )
        // Another company's number tells nothing about our message.
        .statuses("200101", &[known.with_reference(reference)])
        .change("messages", wordless);
    assert_eq!(bank.app.stage.post(post).await.unwrap(), 200);

    let parked = bank.parked(2).await;
    let found: Vec<_> = parked.iter().map(|p| (p.code.as_str(), p.reason.as_str())).collect();
    let missing = ("bad-item", "statuses[].timestamp is missing");
    assert_eq!(found, [("bad-item", "statuses[].id is not valid"), missing]);
    bank.catches_up().await;
    let (other, message) = bank.text(&client("12025550111"), "hello");
    bank.app.stage.deliver("200100", message).await.unwrap();
    let request = bank.app.stage.request_of("demo-wealth", "200100", &other).unwrap();
    bank.app.stage.settled("demo-wealth", request).await.unwrap();
    assert_eq!(bank.events(&wamid).await, events);
    bank.closes(1, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_settles_a_message_whose_answer_was_lost() {
    let bank = Bank::opens_without_statuses().await;
    bank.app.stage.cloud.script(Rule::always(Behaviour::LoseAnswer).times(2));
    let (wamid, message) = bank.text(&client("12025550110"), "#michael");
    bank.takes(message).await;
    // The invitation, and after its status the user-info message: of neither does any answer come.
    let at = [1, 2].map(|seconds| bank.app.stage.now() - TimeDelta::seconds(seconds));
    for (index, at) in at.into_iter().enumerate() {
        let sent = bank.app.stage.cloud.wait_until(|received| received.len() > index).await;
        assert_eq!(sent.len(), index + 1);
        let post = status(&sent[index], DeliveryStatus::Delivered, at);
        assert_eq!(bank.app.stage.post(post).await.unwrap(), 200);
    }
    assert_eq!(bank.outcome(&wamid).await, Outcome::Onboarded);
    let sent = bank.app.stage.cloud.received();
    let ids = [0, 1].map(|index| sent[index].reference.unwrap().message_id);
    let events = bank.events(&wamid).await;
    assert_eq!(accepted(&events), [(ids[0], at[0]), (ids[1], at[1])]);
    bank.invited_by_michael("+12025550110");
    bank.closes(1, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_that_overtake_our_own_record_count_and_the_record_changes_nothing() {
    let bank = Bank::opens_without_statuses().await;
    let nats = onboarding::nats_client(&bank.app.stage.config).await.unwrap();
    let receipts = "cmd.onboarding.v1.demo-bank.record-receipt";
    let mut receipts = nats.subscribe(receipts).await.unwrap();
    nats.flush().await.unwrap();
    let late = Behaviour::AnswerLate(Duration::from_secs(2));
    bank.app.stage.cloud.script(Rule::once(late).from_number(&"100101".parse().unwrap()));
    let (wamid, message) = bank.text(&client("12025550110"), "#michael");
    bank.takes(message).await;
    let sent = bank.app.stage.cloud.wait_until(|received| !received.is_empty()).await;
    let invitation = &sent[0];
    let id = invitation.reference.unwrap().message_id;

    // All in the wrong order, and twice.
    let at = bank.app.stage.now() - TimeDelta::seconds(3);
    for told in [DeliveryStatus::Delivered, DeliveryStatus::Sent, DeliveryStatus::Delivered] {
        assert_eq!(bank.app.stage.post(status(invitation, told, at)).await.unwrap(), 200);
    }
    assert_eq!(bank.outcome(&wamid).await, Outcome::Onboarded, "while the call is still open");
    let before = bank.events(&wamid).await;
    let of_invitation = |events: &[RequestEvent]| {
        accepted(events).into_iter().filter(|(of, _)| *of == id).collect::<Vec<_>>()
    };
    assert_eq!(of_invitation(&before), [(id, at)]);
    let statuses = before.iter().filter(|event| {
        matches!(event, RequestEvent::MessageStatusChanged { message_id, status, .. }
            if *message_id == id && *status == DeliveryStatus::Delivered)
    });
    assert_eq!(statuses.count(), 1);

    // Only now the answer comes, and with it our own record.
    let own = async {
        while let Some(message) = receipts.next().await {
            let receipt: SendReceipt = serde_json::from_slice(&message.payload).unwrap();
            if receipt.message_id == id && matches!(receipt.result, SendResult::Accepted { .. }) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), own).await.expect("our own record comes");
    bank.catches_up().await;
    assert_eq!(bank.events(&wamid).await, before);
    bank.invited_by_michael("+12025550110");
    assert!(bank.told("+12025550110")[1].starts_with(PRIMARY));
    bank.closes(1, 0).await;
}
