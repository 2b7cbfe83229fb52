//! What the users of `deploy/nats-accounts.conf` may, and above all what they may not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::time::Duration;

use acceptance::apart::{nats, password};
use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::{self, stream};
use async_nats::{Client, ConnectOptions, Event};
use devservers::Server;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);
/// Where a partner finds JetStream, whose usual place is its own account's.
const PREFIX: &str = "onboarding.API";
const EVENT: &str = "evt.onboarding.client-profile.room-closed.v1";

/// Somebody who is connected, and what the server has to complain of.
struct User {
    client: Client,
    complaints: mpsc::UnboundedReceiver<String>,
}

impl User {
    async fn connect(server: &Server, name: &str) -> Self {
        let (tell, complaints) = mpsc::unbounded_channel();
        let inbox = match name {
            "onboarding" | "northwind" => "_INBOX".to_owned(),
            name => format!("_INBOX.{name}"),
        };
        let options = ConnectOptions::new()
            .user_and_password(name.to_owned(), password(name))
            .custom_inbox_prefix(inbox)
            .event_callback(move |event| {
                let tell = tell.clone();
                async move {
                    if let Event::ServerError(error) = event {
                        let _ = tell.send(error.to_string());
                    }
                }
            });
        Self { client: options.connect(server.url()).await.unwrap(), complaints }
    }

    async fn is_refused(&mut self, what: &str, subject: &str) {
        let complaint = timeout(SOON, self.complaints.recv()).await;
        let complaint =
            complaint.unwrap_or_else(|_| panic!("{what} {subject} is allowed")).unwrap();
        let expected = format!("Permissions Violation for {what} \"{subject}\"");
        assert!(complaint.contains(&expected), "{expected}: {complaint}");
    }

    async fn may_not_publish(&mut self, subject: &str) {
        self.client.publish(subject.to_owned(), "{}".into()).await.unwrap();
        self.client.flush().await.unwrap();
        self.is_refused("Publish to", subject).await;
    }

    async fn may_not_listen_to(&mut self, subject: &str) {
        let subscription = self.client.subscribe(subject.to_owned()).await.unwrap();
        self.client.flush().await.unwrap();
        self.is_refused("Subscription to", subject).await;
        drop(subscription);
    }

    /// JetStream answers, if only that there is no such thing: the question came through.
    async fn may_ask(&mut self, subject: &str) {
        let answer = self.client.request(subject.to_owned(), "{}".into()).await;
        let complaint = self.complaints.try_recv().ok();
        assert_eq!((answer.is_ok(), complaint), (true, None), "{subject}");
    }
}

async fn server(name: &str) -> Server {
    let folder = std::env::temp_dir().join(format!("onboarding-{name}-{}", std::process::id()));
    nats(&folder).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_may_not_do_what_is_another_ones() {
    let server = server("users").await;
    let event = format!("{EVENT}.acme.1");
    for (name, forbidden) in [
        (
            "gateway",
            vec![
                event.as_str(),
                "cmd.onboarding.v1.acme.close-room",
                "dlq.onboarding.wa.in.v1.acme.1",
                "$KV.onboarding-numbers.1",
                "$JS.API.STREAM.CREATE.INBOX",
                "$JS.API.STREAM.CREATE.KV_onboarding-numbers",
                "$JS.API.CONSUMER.CREATE.INBOX.spy",
                "$JS.API.CONSUMER.MSG.NEXT.INBOX.engine",
                "_INBOX.api.1",
            ],
        ),
        (
            "engine",
            vec![
                event.as_str(),
                "wa.raw.v1.main",
                "$JS.API.STREAM.DELETE.INBOX",
                "$JS.API.STREAM.UPDATE.INBOX",
                "$JS.API.STREAM.PURGE.DLQ",
                "$JS.API.STREAM.CREATE.EVT",
                "$JS.API.CONSUMER.DELETE.INBOX.evidence",
                "_INBOX.gateway.1",
            ],
        ),
        (
            "relay",
            vec![
                "wa.in.v1.acme.1",
                "cmd.onboarding.v1.acme.close-room",
                "dlq.onboarding.wa.in.v1.acme.1",
                "$JS.API.STREAM.DELETE.EVT",
                "$JS.API.STREAM.PURGE.EVT",
                "$JS.API.STREAM.CREATE.INBOX",
                "$JS.API.CONSUMER.CREATE.INBOX.spy",
            ],
        ),
        (
            "projector",
            vec![
                event.as_str(),
                "wa.in.v1.acme.1",
                "cmd.onboarding.v1.acme.close-room",
                "$JS.API.STREAM.CREATE.EVT",
                "$JS.API.CONSUMER.CREATE.INBOX.spy",
                "$JS.API.CONSUMER.MSG.NEXT.INBOX.engine",
                "$JS.ACK.INBOX.engine.1.1.1.1.1",
            ],
        ),
        (
            "sender",
            vec![
                event.as_str(),
                "wa.in.v1.acme.1",
                "wa.status.v1.acme.1",
                "cmd.onboarding.v1.acme.close-room",
                "$JS.API.STREAM.MSG.GET.INBOX",
            ],
        ),
        (
            "api",
            vec![
                event.as_str(),
                "wa.in.v1.acme.1",
                "cmd.onboarding.v1.acme.record-receipt",
                "$JS.API.STREAM.MSG.GET.INBOX",
                "$JS.API.CONSUMER.CREATE.EVT",
            ],
        ),
        (
            "connector",
            vec![
                event.as_str(),
                "wa.raw.v1.main",
                "cmd.onboarding.v1.acme.record-receipt",
                "$JS.API.STREAM.INFO.INBOX",
                "$JS.API.CONSUMER.CREATE.EVT",
            ],
        ),
        ("operator", vec![event.as_str(), "wa.raw.v1.main", "$KV.onboarding-numbers.1"]),
        (
            "onboarding",
            vec![
                "$JS.API.STREAM.DELETE.INBOX",
                "$JS.API.STREAM.DELETE.EVT",
                "$JS.API.STREAM.PURGE.EVT",
                "$JS.API.STREAM.UPDATE.INBOX",
            ],
        ),
    ] {
        let mut user = User::connect(&server, name).await;
        for subject in forbidden {
            user.may_not_publish(subject).await;
        }
        for subject in [">", "wa.>", "cmd.>", "evt.>", "dlq.>"] {
            user.may_not_listen_to(subject).await;
        }
        if name != "onboarding" {
            user.may_not_listen_to("_INBOX.>").await;
            user.may_not_listen_to("_INBOX.somebody.1").await;
        }
    }
}

/// What seldom happens: a takeover, the relief of INBOX, a lost stream, connections that are lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_may_do_what_it_seldom_does() {
    let server = server("seldom").await;
    // A consumer answers for itself whether it is reset.
    let engine = jetstream::new(User::connect(&server, "engine").await.client);
    let inbox = stream::Config {
        name: "INBOX".into(),
        subjects: vec!["wa.in.v1.>".into()],
        ..stream::Config::default()
    };
    engine.create_stream(inbox).await.unwrap();
    let consumer = pull::Config { durable_name: Some("engine".into()), ..pull::Config::default() };
    engine.create_consumer_on_stream(consumer, "INBOX").await.unwrap();
    for (name, allowed) in [
        (
            "gateway",
            vec![
                "$JS.API.CONSUMER.INFO.KV_onboarding-numbers.1",
                "$JS.API.CONSUMER.DELETE.KV_onboarding-numbers.1",
            ],
        ),
        (
            "engine",
            vec![
                "$JS.API.STREAM.CREATE.DLQ",
                "$JS.API.STREAM.PURGE.INBOX",
                "$JS.API.CONSUMER.LIST.INBOX",
                "$JS.API.CONSUMER.RESET.INBOX.engine",
                "$JS.API.CONSUMER.INFO.INBOX.evidence",
                "$JS.API.CONSUMER.INFO.DLQ.parked",
                "$JS.API.CONSUMER.DELETE.KV_onboarding-numbers.1",
            ],
        ),
        ("relay", vec!["$JS.API.STREAM.CREATE.EVT", "$JS.API.CONSUMER.INFO.EVT.1"]),
        ("projector", vec!["$JS.API.STREAM.MSG.GET.INBOX", "$JS.API.CONSUMER.INFO.EVT.1"]),
        ("sender", vec!["$JS.API.CONSUMER.INFO.EVT.1"]),
        (
            "onboarding",
            vec![
                "$JS.API.STREAM.CREATE.EVT",
                "$JS.API.STREAM.PURGE.INBOX",
                "$JS.API.CONSUMER.LIST.INBOX",
                "$JS.API.CONSUMER.RESET.INBOX.engine",
                "$JS.API.CONSUMER.INFO.EVT.1",
                "$JS.API.STREAM.MSG.GET.INBOX",
            ],
        ),
        ("operator", vec!["$JS.API.STREAM.DELETE.EVT", "$JS.API.STREAM.UPDATE.INBOX"]),
    ] {
        let mut user = User::connect(&server, name).await;
        for subject in allowed {
            user.may_ask(subject).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_password_of_theirs_gets_in() {
    let server = server("strangers").await;
    for options in [
        ConnectOptions::new(),
        ConnectOptions::new().user_and_password("relay".into(), password("api")),
        ConnectOptions::new().user_and_password("northwind".into(), String::new()),
    ] {
        assert!(options.connect(server.url()).await.is_err());
    }
}

/// EVT as the relay makes and fills it, and the consumer that an operator makes for a partner.
async fn evt_with_a_partner(server: &Server) -> (jetstream::Context, jetstream::Context) {
    let relay = jetstream::new(User::connect(server, "relay").await.client);
    let config = stream::Config {
        name: "EVT".into(),
        subjects: vec!["evt.onboarding.>".into()],
        ..stream::Config::default()
    };
    relay.create_stream(config).await.unwrap();
    for (company, id) in [("acme", 1), ("globex", 2), ("acme", 3)] {
        publish(&relay, company, id).await;
    }
    let operator = jetstream::new(User::connect(server, "operator").await.client);
    let consumer = pull::Config {
        durable_name: Some("northwind".into()),
        filter_subject: "evt.onboarding.*.*.*.acme.*".into(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(2),
        ..pull::Config::default()
    };
    operator.create_consumer_on_stream(consumer, "EVT").await.unwrap();
    (relay, operator)
}

async fn publish(relay: &jetstream::Context, company: &str, id: u32) {
    let subject = format!("{EVENT}.{company}.{id}");
    relay.publish(subject, id.to_string().into()).await.unwrap().await.unwrap();
}

/// The partner's consumer, as the partner sees it.
async fn consumer(js: &jetstream::Context) -> Consumer<pull::Config> {
    js.get_consumer_from_stream("northwind", "EVT").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_reads_one_companys_events_and_settles_them() {
    let server = server("partner").await;
    let (relay, operator) = evt_with_a_partner(&server).await;
    let partner = User::connect(&server, "northwind").await.client;
    let partner = jetstream::with_prefix(partner, PREFIX);
    let its_own = consumer(&partner).await;
    let pulls = its_own.stream().expires(Duration::from_secs(5)).heartbeat(Duration::from_secs(1));
    let mut events = pulls.messages().await.unwrap();
    publish(&relay, "globex", 4).await;
    publish(&relay, "acme", 5).await;
    // In order: what is of the other company would have come in between.
    for id in [1, 3, 5] {
        let event = timeout(SOON, events.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(event.subject.as_str(), format!("{EVENT}.acme.{id}"));
        event.ack().await.unwrap();
    }
    let settled = async {
        loop {
            let info = consumer(&operator).await.cached_info().clone();
            if (info.num_ack_pending, info.ack_floor.stream_sequence) == (0, 5) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, settled).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_can_do_nothing_else() {
    let server = server("nothing-else").await;
    let (relay, operator) = evt_with_a_partner(&server).await;
    let mut partner = User::connect(&server, "northwind").await;
    let event = format!("{EVENT}.acme.9");
    for subject in [
        event.as_str(),
        "wa.in.v1.acme.1",
        "cmd.onboarding.v1.acme.close-room",
        "dlq.onboarding.wa.in.v1.acme.1",
        "qry.onboarding.v1.events",
        "_INBOX.api.1",
        "$JS.API.INFO",
        "$JS.API.STREAM.INFO.EVT",
        "$JS.API.STREAM.MSG.GET.EVT",
        "$JS.API.DIRECT.GET.EVT",
        "$JS.API.STREAM.CREATE.MINE",
        "$JS.API.CONSUMER.CREATE.EVT",
        "$JS.API.CONSUMER.CREATE.EVT.northwind",
        "$JS.API.CONSUMER.DURABLE.CREATE.EVT.mine",
        "$JS.API.CONSUMER.DELETE.EVT.northwind",
        "$JS.API.CONSUMER.RESET.EVT.northwind",
        "$JS.API.CONSUMER.LIST.EVT",
        "onboarding.API.CONSUMER.CREATE.EVT.northwind",
        "onboarding.API.CONSUMER.MSG.NEXT.EVT.another",
        "$JS.API.CONSUMER.MSG.NEXT.EVT.another",
        "$JS.API.CONSUMER.MSG.NEXT.INBOX.engine",
        "$JS.ACK.INBOX.engine.1.1.1.1.1",
    ] {
        partner.may_not_publish(subject).await;
    }
    for subject in [">", "evt.>", "evt.onboarding.*.*.*.globex.*", "wa.>", "$JS.>"] {
        partner.may_not_listen_to(subject).await;
    }

    // A pull names where its events go. Were that a subject of ours, they would go into EVT again.
    let pull = format!("{PREFIX}.CONSUMER.MSG.NEXT.EVT.northwind");
    let body = r#"{ "batch": 1, "expires": 2000000000 }"#;
    partner.client.publish_with_reply(pull, event, body.into()).await.unwrap();
    // On the same connection, so after it.
    partner.may_ask(&format!("{PREFIX}.CONSUMER.INFO.EVT.northwind")).await;
    publish(&relay, "acme", 5).await;
    let partner = jetstream::with_prefix(partner.client, PREFIX);
    let mut events = consumer(&partner).await.messages().await.unwrap();
    loop {
        let event = timeout(SOON, events.next()).await.unwrap().unwrap().unwrap();
        event.ack().await.unwrap();
        if event.subject.as_str() == format!("{EVENT}.acme.5") {
            break;
        }
    }
    let evt = operator.get_stream("EVT").await.unwrap();
    assert_eq!(evt.cached_info().state.messages, 4, "a partner's pull wrote into EVT");
}
