//! The demo bank as these tests see it, and what must be true of it after each of them.

use acceptance::{PRIMARY, TestApp};
use domain::AnyEvent;
use domain::ids::{RequestId, Wamid};
use domain::input::InboundMessage;
use domain::outbound::Content;
use domain::request::{Outcome, RequestEvent};
use onboarding::demo::StageOptions;
use onboarding::whatsapp::post::{Client, ClientMessage, WebhookPost};
use serde_json::{Value, json};

/// The bank's company.
pub(crate) const BANK: &str = "demo-bank";
/// The automatic reply.
pub(crate) const ASK: &str =
    "I'm sorry, the extension provided is not valid. Please provide the correct extension.";
/// What a client is called, and what it says beside the extension: nobody may read it in a reason.
pub(crate) const NAME: &str = "Private Name";
pub(crate) const WORDS: &str = "private words";

/// Parts of the personal data of all clients here.
const PERSONAL: [&str; 8] =
    ["1202555", "447700", "US.", "GB.", "wamid", "#michael", "rivate", "+1 202"];

/// The demo bank, open.
pub(crate) struct Bank {
    pub(crate) app: TestApp,
}

/// A row of `parked_inputs`.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) code: String,
    /// Without the post's hash.
    pub(crate) reason: String,
    /// The post's hash, if it came in one.
    pub(crate) post: Option<String>,
    pub(crate) company: Option<String>,
    pub(crate) subject: String,
    pub(crate) payload: Vec<u8>,
}

impl Bank {
    pub(crate) async fn opens() -> Self {
        Self { app: TestApp::start().await }
    }

    /// WhatsApp tells nothing about our messages unless the test does.
    pub(crate) async fn opens_without_statuses() -> Self {
        let options = StageOptions { statuses: None, ..StageOptions::default() };
        Self { app: TestApp::with(options).await }
    }

    /// A text that a client sends now.
    pub(crate) fn text(&self, client: &Client, text: &str) -> (Wamid, ClientMessage) {
        let (wamid, now) = (self.app.stage.next_wamid(), self.app.stage.now());
        self.app.stage.remember(&wamid, now);
        (wamid.clone(), ClientMessage::text(client, wamid.as_str(), now, text))
    }

    /// A text as JSON, for what [`ClientMessage`] has no words for.
    pub(crate) fn raw_text(&self, phone: &str, text: &str) -> (Wamid, Value) {
        let wamid = self.app.stage.next_wamid();
        let at = self.app.stage.now().timestamp().to_string();
        let message = json!({
            "from": phone, "id": wamid, "timestamp": at, "type": "text", "text": { "body": text },
        });
        (wamid, message)
    }

    /// Posts to the primary and expects that it is taken.
    pub(crate) async fn takes(&self, message: ClientMessage) {
        self.app.stage.deliver(PRIMARY, message).await.unwrap();
    }

    /// Posts signed bytes and expects that they are taken.
    pub(crate) async fn takes_bytes(&self, body: impl Into<Vec<u8>>) {
        assert_eq!(self.app.stage.post_bytes(body.into()).await.unwrap(), 200);
    }

    /// How the request of a message to the primary ends.
    pub(crate) async fn outcome(&self, wamid: &Wamid) -> Outcome {
        let request = self.request_of(wamid);
        self.app.stage.settled(BANK, request).await.unwrap().0
    }

    pub(crate) fn request_of(&self, wamid: &Wamid) -> RequestId {
        self.app.stage.request_of(BANK, PRIMARY, wamid).unwrap()
    }

    /// What is recorded of the request of a message to the primary.
    pub(crate) async fn events(&self, wamid: &Wamid) -> Vec<RequestEvent> {
        let id = self.request_of(wamid);
        let events = self.app.stage.store.events_by_correlation(id.as_uuid()).await.unwrap();
        let events = events.iter().map(|event| AnyEvent::read(event).unwrap());
        events
            .filter_map(|event| match event {
                AnyEvent::Request(event) => Some(event),
                _ => None,
            })
            .collect()
    }

    /// A message as it is recorded.
    pub(crate) async fn recorded(&self, wamid: &Wamid) -> InboundMessage {
        let mut events = self.events(wamid).await.into_iter();
        let message = events.find_map(|event| match event {
            RequestEvent::OnboardingRequested { message, .. } => Some(message),
            _ => None,
        });
        message.expect("the message is recorded")
    }

    /// What WhatsApp was asked to send to somebody (`+…` or a bsuid), in order:
    /// `number: text` or `number: [template]`.
    pub(crate) fn told(&self, whom: &str) -> Vec<String> {
        let recipient = if whom.starts_with('+') {
            domain::identity::Recipient::Phone(whom.parse().unwrap())
        } else {
            domain::identity::Recipient::Bsuid(whom.parse().unwrap())
        };
        let received = self.app.stage.received_by(&recipient).into_iter();
        received
            .map(|message| match message.content {
                Content::Text { body } => format!("{}: {}", message.from, body.expose()),
                Content::Template { name, .. } => format!("{}: [{name}]", message.from),
            })
            .collect()
    }

    /// The client got one invitation from a secondary number and one word about Michael from the
    /// primary, and nothing else. Gives the secondary number.
    pub(crate) fn invited_by_michael(&self, whom: &str) -> String {
        let told = self.told(whom);
        let [invitation, user_info] = told.as_slice() else { panic!("{told:?}") };
        let number = invitation.strip_suffix(": [invitation]").unwrap();
        assert!(["100101", "100102", "100201"].contains(&number), "{number}");
        let words = format!("{PRIMARY}: Dear customer, I have found an employee Michael Stone ");
        assert!(user_info.starts_with(&words), "{user_info}");
        number.to_owned()
    }

    /// The parked inputs once there are as many, sorted by reason.
    pub(crate) async fn parked(&self, many: usize) -> Vec<Parked> {
        let waiting = format!("{many} inputs are parked");
        let parked = self.app.stage.until(&waiting, async || {
            let parked = self.parked_now().await?;
            Ok((parked.len() >= many).then_some(parked))
        });
        let parked = parked.await.unwrap();
        assert_eq!(parked.len(), many, "{parked:#?}");
        parked
    }

    async fn parked_now(&self) -> anyhow::Result<Vec<Parked>> {
        type Row = (String, String, Option<String>, String, Vec<u8>);
        let select = "SELECT code, reason, company, subject, payload FROM parked_inputs";
        let rows: Vec<Row> = sqlx::query_as(select).fetch_all(&self.app.stage.pool).await?;
        let parked = rows.into_iter().map(|(code, reason, company, subject, payload)| {
            let whole = reason.strip_suffix(')').and_then(|reason| reason.rsplit_once(" (post "));
            let (reason, post) = match whole {
                Some((reason, post)) => (reason.to_owned(), Some(post.to_owned())),
                None => (reason, None),
            };
            Parked { code, reason, post, company, subject, payload }
        });
        let mut parked: Vec<_> = parked.collect();
        parked.sort_by(|a, b| a.reason.cmp(&b.reason));
        Ok(parked)
    }

    /// How often exactly these bytes came as a post, by the evidence.
    pub(crate) async fn arrivals(&self, body: &[u8]) -> i64 {
        let count = "SELECT count(*) FROM evidence_arrivals JOIN evidence_pieces \
                     USING (post_sha256) WHERE pieces = 1 AND bytes = $1";
        sqlx::query_scalar(count).bind(body).fetch_one(&self.app.stage.pool).await.unwrap()
    }

    /// Waits until the evidence has exactly these bytes.
    pub(crate) async fn keeps(&self, body: &[u8]) {
        let kept = self.app.stage.until("the evidence is kept", async || {
            Ok((self.arrivals(body).await > 0).then_some(()))
        });
        kept.await.unwrap();
    }

    /// Everything that was posted before has been decided: inputs are decided in order, and a
    /// question asked now has its answer.
    pub(crate) async fn catches_up(&self) {
        let (wamid, message) = self.text(&Client::with_phone("12025550198"), "Are you there?");
        self.takes(message).await;
        assert_eq!(self.outcome(&wamid).await, Outcome::ExtensionMissing);
    }

    /// After each test: the next client is onboarded as if nothing had happened, there are no more
    /// rooms and parked inputs than these, no reason tells personal data, nothing that we sent was
    /// malformed, and `check` finds nothing.
    pub(crate) async fn closes(self, rooms: i64, parked: usize) {
        let (wamid, message) = self.text(&Client::with_phone("12025550199"), "#anna");
        self.takes(message).await;
        assert_eq!(self.outcome(&wamid).await, Outcome::Onboarded);
        // The view follows in order: with this room it shows all the earlier ones.
        let opened: (i64, i64) = {
            let request = self.request_of(&wamid).as_uuid();
            let shown = self.app.stage.until("the last room is shown", async || {
                let count = "SELECT count(*), count(*) FILTER (WHERE request_id = $1) \
                             FROM rm_chat_rooms";
                let count = sqlx::query_as(count).bind(request);
                let rooms: (i64, i64) = count.fetch_one(&self.app.stage.pool).await?;
                Ok((rooms.1 > 0).then_some(rooms))
            });
            shown.await.unwrap()
        };
        assert_eq!(opened, (rooms + 1, 1));
        for Parked { reason, subject, .. } in self.parked(parked).await {
            for personal in PERSONAL {
                assert!(!reason.contains(personal), "{reason}");
                assert!(!subject.contains(personal), "{subject}");
            }
        }
        assert_eq!(self.app.stage.cloud.refusals(), []);
        assert_eq!(self.app.findings().await, Vec::<String>::new());
        self.app.stop().await;
    }
}

/// A client with a phone number, whose name is its own affair.
pub(crate) fn client(phone: &str) -> Client {
    Client::with_phone(phone).named(NAME)
}

/// A post with these messages to the primary, and nobody's contact.
pub(crate) fn post_of(messages: &[Value]) -> WebhookPost {
    WebhookPost::new().change(
        "messages",
        json!({
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "12025550100", "phone_number_id": PRIMARY },
            "messages": messages,
        }),
    )
}
