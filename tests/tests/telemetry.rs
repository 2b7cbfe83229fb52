//! One trace from the webhook to WhatsApp, and logs that tell an operator everything and nothing
//! of who the clients are.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use acceptance::TestApp;
use acceptance::ask::Asker;
use async_nats::jetstream;
use domain::request::Outcome;
use onboarding::demo::scenes::{Act, SCENES, What};
use onboarding::demo::{APP, StageOptions, stage};
use onboarding::whatsapp::signature;
use serde_json::Value;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_goes_from_the_webhook_through_inbox_events_and_evt_to_whatsapp() {
    // Statuses come in posts of their own, and so in traces of their own.
    let app = TestApp::with(StageOptions { statuses: None, ..StageOptions::default() }).await;
    let asker = Asker::named("US.traced");
    let asked = app.message(&asker, "#michael");
    let posted = reqwest::Client::new()
        .post(format!("{}/webhooks/whatsapp/{APP}", app.stage.api()))
        .header(signature::HEADER, signature::sign(stage::APP_SECRET.as_bytes(), &asked.body))
        .header("traceparent", TRACE)
        .body(asked.body.clone())
        .send();
    assert_eq!(posted.await.unwrap().status(), 200);
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);

    let nats = onboarding::nats_client(&app.stage.config).await.unwrap();
    let traces = traces_of(&nats, "INBOX").await;
    let of_this = |traces: &[(String, Option<String>)]| {
        let ours = traces.iter().filter(|(_, trace)| trace.as_deref() == Some(TRACE));
        let mut counts = BTreeMap::<String, usize>::new();
        for (subject, _) in ours {
            let kind = subject.split('.').take(2).collect::<Vec<_>>().join(".");
            *counts.entry(kind).or_default() += 1;
        }
        counts
    };
    // Invitation and user info: an attempt and its answer each.
    let expected = [("cmd.onboarding", 4), ("wa.in", 1), ("wa.raw", 1)];
    assert_eq!(of_this(&traces), expected.map(|(kind, n)| (kind.to_owned(), n)).into());

    let events = app.stage.store.events_by_correlation(asked.request.as_uuid()).await.unwrap();
    assert!(events.iter().any(|event| event.event_type == "outcome-recorded"), "{events:?}");
    let published = traces_of(&nats, "EVT").await;
    for event in &events {
        let place = format!("{} at {}", event.event_type, event.position);
        assert_eq!(event.traceparent.as_deref(), Some(TRACE), "{place}");
        let (subject, trace) = &published[event.position as usize - 1];
        assert!(subject.contains(&event.event_type), "{place}: {subject}");
        assert_eq!(trace.as_deref(), Some(TRACE), "{place} on EVT");
    }
    let calls = app.stage.received_by(&asker.to);
    assert_eq!(calls.len(), 2, "invitation and user info");
    for call in calls {
        assert_eq!(call.traceparent.as_deref(), Some(TRACE));
    }
    app.stop().await;
}

/// Subject and trace context of every message of a stream, in order.
async fn traces_of(nats: &async_nats::Client, stream: &str) -> Vec<(String, Option<String>)> {
    let mut stream = jetstream::new(nats.clone()).get_stream(stream).await.unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    let mut traces = vec![];
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let trace = message.headers.get("traceparent").map(ToString::to_string);
        traces.push((message.subject.to_string(), trace));
    }
    traces
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logs_of_a_whole_play_are_json_follow_each_trace_and_name_nobody() {
    let ran = tokio::task::spawn_blocking(|| {
        Command::new(env!("CARGO_BIN_EXE_service"))
            .args(["demo", "--once"])
            .env("ONBOARDING_LOG__FILTER", "trace")
            .env("ONBOARDING_LOG__FORMAT", "json")
            .env_remove("DATABASE_URL")
            .env_remove("NATS_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output()
    });
    let ran = ran.await.unwrap().unwrap();
    let logs = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.success(), "{}", tail(&logs));

    // What the demo says to people while it prepares is indented or plain; the rest are objects.
    let lines: Vec<&str> = logs.lines().filter(|line| line.starts_with('{')).collect();
    assert!(lines.len() > 1_000, "only {} lines", lines.len());
    let mut stages_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in &lines {
        let entry: Value = serde_json::from_str(line).expect("a log line is JSON");
        for key in ["timestamp", "level", "target"] {
            assert!(entry[key].is_string(), "{key} in {line}");
        }
        for span in entry["spans"].as_array().into_iter().flatten() {
            if let (Some(name), Some(trace)) = (span["name"].as_str(), span["trace"].as_str()) {
                stages_of.entry(trace.to_owned()).or_default().insert(name.to_owned());
            }
        }
    }
    let followed = stages_of
        .values()
        .filter(|stages| ["http", "decide", "send"].iter().all(|stage| stages.contains(*stage)));
    assert!(followed.count() >= 20, "traces with their stages: {stages_of:?}");

    let personal = personal_data();
    assert!(personal.len() > 60, "the play has more people and words than {}", personal.len());
    let naming: Vec<String> = lines
        .iter()
        .filter_map(|line| {
            let line = line.to_lowercase();
            let found = personal.iter().find(|word| line.contains(word.as_str()))?;
            Some(format!("{found:?} in {line}"))
        })
        .collect();
    assert_eq!(
        naming.len(),
        0,
        "{}",
        naming.iter().take(5).cloned().collect::<Vec<_>>().join("\n")
    );
}

fn tail(logs: &str) -> String {
    let lines: Vec<_> = logs.lines().rev().take(20).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// Names, numbers, ids and words of everybody in the play, and WhatsApp's ids of messages, which
/// are made of phone numbers.
fn personal_data() -> BTreeSet<String> {
    let mut data = BTreeSet::new();
    let mut add = |word: &str| {
        // Shorter words stand in names of modules and columns.
        if word.chars().count() >= 4 {
            data.insert(word.trim_start_matches('+').to_lowercase());
        }
    };
    for scene in SCENES {
        let client = &scene.client;
        if !client.bsuid.is_empty() {
            add(client.bsuid);
            add(&format!("\"{}\"", client.name));
        }
        add(client.phone);
        for act in scene.acts {
            match act {
                Act::Says(_, text, _)
                | Act::SaysTwice(_, text, _)
                | Act::Repeats(_, text, _)
                | Act::WritesInRoom(_, text)
                | Act::SaysLate(_, text, _, _)
                | Act::Sends(_, What::ImageCaptioned(text) | What::InGroup(text), _) => add(text),
                Act::Sends(_, What::Voice | What::Location, _)
                | Act::Registered(_)
                | Act::Refused(..)
                | Act::Later(_) => {}
            }
        }
    }
    for user in
        ["Michael Stone", "Anna Bell", "Dominic Ray", "Nora Field", "Tim Young", "Paula Reed"]
    {
        add(user);
    }
    add("wamid.");
    // What our texts say to a client.
    add("I have found an employee");
    add("extension is not in our phonebook");
    data
}
