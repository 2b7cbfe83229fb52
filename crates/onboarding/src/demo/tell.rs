//! Plays the scenes and shows each as its people see it.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::AnyEvent;
use domain::identity::Recipient;
use domain::ids::{RequestId, Wamid};
use domain::outbound::Content;
use domain::record::RecordedEvent;
use domain::request::Outcome;
use serde_json::json;
use whatsapp::fake::{Behaviour, ReceivedMessage, Rule};
use whatsapp::post::{Client, ClientMessage, WebhookPost};

use super::scenes::{self, Act, Person, SCENES, Scene, What};
use super::stage::Stage;

/// One line of the table at the end.
struct Played {
    row: &'static str,
    title: &'static str,
    expected: Vec<Outcome>,
    found: Vec<Outcome>,
}

impl Played {
    fn good(&self) -> bool {
        self.expected == self.found
    }
}

/// Plays everything; `true` if every outcome was the expected one.
pub(super) async fn all_scenes(stage: &Stage, colours: bool) -> anyhow::Result<bool> {
    let mut played = vec![];
    for scene in SCENES {
        played.push(Player::new(stage, scene, colours)?.play().await?);
    }
    println!("\n{}", scenes::TABLE_HEAD);
    for one in &played {
        println!("{}", scenes::table_row(one.row, one.title, &one.found, one.good()));
    }
    let good = played.iter().all(Played::good);
    println!(
        "\n{}\n",
        if good {
            "Every outcome was the expected one."
        } else {
            "Some outcomes were not the expected ones."
        }
    );
    Ok(good)
}

/// What was said on one of the company's numbers, with its place in time.
type Conversation = BTreeMap<String, Vec<String>>;

struct Player<'a> {
    stage: &'a Stage,
    scene: &'a Scene,
    client: Client,
    recipient: Recipient,
    colours: bool,
    seen: usize,
    conversation: Conversation,
    played: Played,
}

impl<'a> Player<'a> {
    fn new(stage: &'a Stage, scene: &'a Scene, colours: bool) -> anyhow::Result<Self> {
        let recipient = recipient(&scene.client)?;
        let seen = stage.received_by(&recipient).len();
        let played = Played { row: scene.row, title: scene.title, expected: vec![], found: vec![] };
        let client = as_whatsapp_tells(&scene.client);
        let conversation = Conversation::new();
        Ok(Self { stage, scene, client, recipient, colours, seen, conversation, played })
    }

    async fn play(mut self) -> anyhow::Result<Played> {
        println!("\n{}", self.bold(&format!("── {} · {}", self.scene.row, self.scene.title)));
        let mut requests = vec![];
        for act in self.scene.acts {
            requests.extend(self.act(act).await?);
        }
        for (number, lines) in &self.conversation {
            println!("   {} with {}", self.scene.client.name, display_of(number));
            for line in lines {
                println!("     {line}");
            }
        }
        for events in &requests {
            println!("   events: {}", summary(events)?);
        }
        for (expected, found) in self.played.expected.iter().zip(&self.played.found) {
            let verdict = if expected == found {
                format!("   outcome: {}", found.as_str())
            } else {
                format!("   outcome: {}, EXPECTED {}", found.as_str(), expected.as_str())
            };
            println!("{}", self.bold(&verdict));
        }
        Ok(self.played)
    }

    async fn act(&mut self, act: &Act) -> anyhow::Result<Vec<Vec<RecordedEvent>>> {
        match act {
            Act::Says(number, text, outcome) => {
                let message = self.text(text, 0);
                self.send(number, vec![message], vec![*outcome], (*text).to_owned(), 1).await
            }
            Act::SaysLate(number, text, hours, outcome) => {
                let message = self.text(text, *hours);
                let shown = format!("{text}   (sent {hours} hours ago)");
                self.send(number, vec![message], vec![*outcome], shown, 1).await
            }
            Act::SaysTwice(number, text, outcomes) => {
                let messages = vec![self.text(text, 0), self.text(text, 0)];
                self.send(number, messages, outcomes.to_vec(), format!("{text}   (twice)"), 1).await
            }
            Act::Repeats(number, text, outcome) => {
                let message = self.text(text, 0);
                let shown = format!("{text}   (one message, posted three times)");
                self.send(number, vec![message], vec![*outcome], shown, 3).await
            }
            Act::Sends(number, what, outcome) => {
                let (message, shown) = self.wordless(*what);
                self.send(number, vec![message], vec![*outcome], shown, 1).await
            }
            Act::WritesInRoom(number, text) => {
                let (_, message) = self.text(text, 0);
                self.note(number, format!("→ {text}"));
                self.stage.deliver(number, message).await?;
                let rooms = "/api/v1/chat-rooms?company=demo-bank&number=";
                self.stage
                    .until("the room shows that the client wrote", async || {
                        let (_, page) = self.stage.get(&format!("{rooms}{number}")).await?;
                        let items = page["items"].as_array().cloned().unwrap_or_default();
                        Ok(items
                            .iter()
                            .any(|room| !room["client_wrote_at"].is_null())
                            .then_some(()))
                    })
                    .await?;
                Ok(vec![])
            }
            Act::Registered(external_company) => {
                let body = json!({
                    "identifiers": [{ "kind": "phone", "value": self.scene.client.phone }],
                    "name": self.scene.client.name,
                    "external_company": external_company,
                });
                let path = "/api/v1/companies/demo-bank/client-profiles";
                let key = uuid::Uuid::now_v7();
                let (status, answer) = self.stage.operate(path, key, &body).await?;
                anyhow::ensure!(
                    status == 201,
                    "registering a profile was answered {status}: {answer}"
                );
                let whose = external_company.map_or(String::new(), |c| format!(", for {c} only"));
                println!("   an operator registers a profile of {}{whose}", self.scene.client.name);
                Ok(vec![])
            }
            Act::Refused(number, code) => {
                let rule = Rule::once(Behaviour::refuse(*code)).from_number(&number.parse()?);
                self.stage.cloud.script(rule.to(&self.recipient));
                Ok(vec![])
            }
            Act::Later(seconds) => {
                self.stage.clock.advance(TimeDelta::seconds(*seconds));
                println!("   {seconds} seconds pass");
                Ok(vec![])
            }
        }
    }

    /// Posts messages to a number, as often as said, and waits for what comes of them.
    async fn send(
        &mut self,
        number: &str,
        messages: Vec<(Wamid, ClientMessage)>,
        outcomes: Vec<Outcome>,
        shown: String,
        times: usize,
    ) -> anyhow::Result<Vec<Vec<RecordedEvent>>> {
        self.note(number, format!("→ {shown}"));
        let (ids, messages): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        let body = WebhookPost::new().messages(number, &messages).into_body();
        for _ in 0..times {
            let status = self.stage.post_bytes(body.clone()).await?;
            anyhow::ensure!(status == 200, "the webhook was answered {status}");
        }
        let company = company_of(number);
        let mut histories = vec![];
        for wamid in &ids {
            let request: RequestId = self.stage.request_of(company, number, wamid)?;
            let (outcome, events) = self.stage.settled(company, request).await?;
            self.played.found.push(outcome);
            histories.push(events);
        }
        self.played.expected.extend(outcomes);
        let received = self.stage.received_by(&self.recipient);
        for message in received.get(self.seen..).unwrap_or_default() {
            let number = message.from.to_string();
            self.note(&number, format!("← {}", words(message)));
        }
        self.seen = received.len();
        Ok(histories)
    }

    fn text(&self, text: &str, hours_ago: i64) -> (Wamid, ClientMessage) {
        let wamid = self.stage.next_wamid();
        let at = self.stage.now() - TimeDelta::hours(hours_ago);
        let message = ClientMessage::text(&self.client, wamid.as_str(), at, text);
        (wamid, message)
    }

    fn wordless(&self, what: What) -> ((Wamid, ClientMessage), String) {
        let wamid = self.stage.next_wamid();
        let (id, at) = (wamid.as_str(), self.stage.now());
        let (message, shown) = match what {
            What::Voice => (ClientMessage::voice(&self.client, id, at), "(a voice message)".into()),
            What::Location => (ClientMessage::location(&self.client, id, at), "(a place)".into()),
            What::ImageCaptioned(caption) => (
                ClientMessage::image(&self.client, id, at, caption),
                format!("(an image) {caption}"),
            ),
            What::InGroup(text) => (
                ClientMessage::text(&self.client, id, at, text).in_group("the-demo-group"),
                format!("{text}   (in a group)"),
            ),
        };
        ((wamid, message), shown)
    }

    fn note(&mut self, number: &str, line: String) {
        self.conversation.entry(number.to_owned()).or_default().push(line);
    }

    fn bold(&self, text: &str) -> String {
        if self.colours { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn as_whatsapp_tells(person: &Person) -> Client {
    let client = if person.phone.is_empty() {
        Client::with_bsuid(person.bsuid)
    } else {
        let client = Client::with_phone(person.phone);
        if person.bsuid.is_empty() { client } else { client.and_bsuid(person.bsuid) }
    };
    client.named(person.name)
}

fn recipient(person: &Person) -> anyhow::Result<Recipient> {
    Ok(if person.phone.is_empty() {
        Recipient::Bsuid(person.bsuid.parse()?)
    } else {
        Recipient::Phone(person.phone.parse()?)
    })
}

fn company_of(number: &str) -> &'static str {
    if number.starts_with('2') { "demo-wealth" } else { "demo-bank" }
}

fn display_of(number: &str) -> String {
    let directory = directory::parse_and_validate(include_str!("directory.yaml"));
    let display = directory.ok().and_then(|directory| {
        let accounts = directory.companies().iter().flat_map(|c| &c.official_accounts);
        let mut found = accounts.filter(|account| account.phone_number_id.as_str() == number);
        found.next().map(|account| account.display_number.to_string())
    });
    display.unwrap_or_else(|| number.to_owned())
}

fn words(message: &ReceivedMessage) -> String {
    match &message.content {
        Content::Text { body } => body.expose().clone(),
        Content::Template { name, parameters, .. } => {
            let parameters: Vec<_> = parameters.iter().map(|p| p.expose().as_str()).collect();
            format!("[template {name}: {}]", parameters.join(", "))
        }
    }
}

fn summary(events: &[RecordedEvent]) -> anyhow::Result<String> {
    let mut names = vec![];
    for event in events {
        AnyEvent::read(event)?;
        names.push(format!("{} {}", event.position, event.event_type));
    }
    Ok(names.join(", "))
}
