//! What a client does, and what comes of it.

use domain::identity::{PhoneNumber, Recipient};
use domain::ids::{RequestId, Wamid};
use domain::outbound::Content;
use domain::request::Outcome;
use onboarding::whatsapp::fake::ReceivedMessage;
use onboarding::whatsapp::post::{Client, ClientMessage, WebhookPost};
use serde_json::Value;

use crate::{PRIMARY, TestApp};

/// The company whose client it is.
const BANK: &str = "demo-bank";

/// A client of the demo bank.
pub struct Asker {
    /// As WhatsApp shows it.
    pub client: Client,
    /// Where it is answered.
    pub to: Recipient,
}

impl Asker {
    /// A client with a username only: this bsuid.
    ///
    /// # Panics
    /// It is no bsuid.
    pub fn named(bsuid: &str) -> Self {
        let to = bsuid.parse().expect("a bsuid");
        Self { client: Client::with_bsuid(bsuid), to: Recipient::Bsuid(to) }
    }

    /// A client whose phone number everybody sees.
    ///
    /// # Panics
    /// It is no phone number.
    pub fn with_phone(number: &str) -> Self {
        let to: PhoneNumber = number.parse().expect("a phone number");
        Self { client: Client::with_phone(to.digits()), to: Recipient::Phone(to) }
    }
}

/// A message that was posted.
#[derive(Clone, Debug)]
pub struct Asked {
    /// WhatsApp's id of it.
    pub wamid: Wamid,
    /// The request that it makes.
    pub request: RequestId,
    /// The post.
    pub body: Vec<u8>,
}

impl TestApp {
    /// A message to the primary that was not posted yet.
    ///
    /// # Panics
    /// Never: the ids are good.
    pub fn message(&self, asker: &Asker, text: &str) -> Asked {
        self.message_at(PRIMARY, asker, text)
    }

    fn message_at(&self, number: &str, asker: &Asker, text: &str) -> Asked {
        let wamid = self.stage.next_wamid();
        let now = self.stage.now();
        let message = ClientMessage::text(&asker.client, wamid.as_str(), now, text);
        self.stage.remember(&wamid, now);
        let request = self.stage.request_of(BANK, number, &wamid).expect("ids");
        Asked { wamid, request, body: WebhookPost::new().messages(number, &[message]).into_body() }
    }

    /// The client writes to the primary.
    ///
    /// # Panics
    /// The webhook is not answered 200.
    pub async fn ask(&self, asker: &Asker, text: &str) -> Asked {
        self.ask_at(PRIMARY, asker, text).await
    }

    /// The client writes to another number of the bank.
    ///
    /// # Panics
    /// The webhook is not answered 200.
    pub async fn ask_at(&self, number: &str, asker: &Asker, text: &str) -> Asked {
        let asked = self.message_at(number, asker, text);
        let status = self.stage.post_bytes(asked.body.clone()).await;
        assert_eq!(status.expect("an answer"), 200);
        asked
    }

    /// How it ended, once everything is sent or given up.
    ///
    /// # Panics
    /// It does not end in a while.
    pub async fn outcome(&self, asked: &Asked) -> Outcome {
        self.stage.settled(BANK, asked.request).await.expect("an outcome").0
    }

    /// What was decided about a message, as it is recorded.
    ///
    /// # Panics
    /// Nothing was decided yet.
    pub async fn decision(&self, asked: &Asked) -> Value {
        let events = self.stage.store.events_by_correlation(asked.request.as_uuid()).await;
        let events = events.expect("the log can be read");
        let made = events.iter().find(|event| event.event_type == "decision-made");
        let made: Value = serde_json::from_str(&made.expect("a decision").payload).expect("JSON");
        made["decision"].clone()
    }

    /// The number that a client's newest invitation came from.
    ///
    /// # Panics
    /// It was not invited.
    pub fn invited_from(&self, asker: &Asker) -> String {
        let received = self.stage.received_by(&asker.to);
        let newest = received.iter().rfind(|message| kind(message) == "invitation");
        newest.expect("an invitation").from.to_string()
    }

    /// What WhatsApp was asked to send to a client: the template's name, or `text`; in order.
    pub fn calls(&self, asker: &Asker) -> Vec<String> {
        self.stage.received_by(&asker.to).iter().map(kind).collect()
    }
}

fn kind(message: &ReceivedMessage) -> String {
    match &message.content {
        Content::Text { .. } => "text".into(),
        Content::Template { name, .. } => name.clone(),
    }
}
