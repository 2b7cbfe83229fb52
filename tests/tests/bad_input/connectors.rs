//! Inbound messages that another service's connector publishes by itself.

use acceptance::PRIMARY;
use domain::Personal;
use domain::identity::Sender;
use domain::input::InboundMessage;
use domain::request::Outcome;
use onboarding::whatsapp::post::WebhookPost;
use serde_json::{Value, json};

use crate::bank::{Bank, NAME, Parked, WORDS, client};

const SUBJECT: &str = "wa.in.v1.demo-bank.100100";

/// A connector.
struct Connector<'a> {
    bank: &'a Bank,
}

impl Connector<'_> {
    /// Publishes as anybody can, and expects that INBOX has it.
    async fn publishes(&self, subject: &str, body: impl Into<Vec<u8>>) {
        let nats = onboarding::nats_client(&self.bank.app.stage.config).await.unwrap();
        let answer = nats.request(subject.to_owned(), body.into().into()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(answer["stream"], "INBOX", "{answer}");
    }

    fn message(&self, phone: &str, text: &str) -> InboundMessage {
        let now = self.bank.app.stage.now();
        let id = self.bank.app.stage.next_wamid();
        self.bank.app.stage.remember(&id, now);
        let from = Sender {
            phone: Some(Personal::new(phone.parse().unwrap())),
            name: Some(Personal::new(NAME.to_owned())),
            ..Sender::default()
        };
        InboundMessage {
            phone_number_id: PRIMARY.parse().unwrap(),
            id,
            from,
            sent_at: now,
            received_at: now,
            kind: "text".to_owned(),
            text: Some(Personal::new(text.to_owned())),
            in_group: false,
            became: None,
            evidence: None,
        }
    }
}

fn json_of(message: &InboundMessage) -> Value {
    serde_json::to_value(message).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_a_connector_publishes_is_onboarded_like_a_posted_one() {
    let bank = Bank::opens().await;
    let connector = Connector { bank: &bank };
    let message = connector.message("+12025550110", "#michael");
    let mut json = json_of(&message);
    json["new_in_version_2"] = json!({ "x": 1 });
    connector.publishes(SUBJECT, json.to_string()).await;
    assert_eq!(bank.outcome(&message.id).await, Outcome::Onboarded);
    bank.invited_by_michael("+12025550110");
    assert_eq!(bank.recorded(&message.id).await, message);

    // The same message by webhook is the same message.
    let (_, posted) = bank.text(&client("12025550110"), "#michael");
    let body = String::from_utf8(WebhookPost::new().messages(PRIMARY, &[posted]).into_body());
    let mut post: Value = serde_json::from_str(&body.unwrap()).unwrap();
    post["entry"][0]["changes"][0]["value"]["messages"][0]["id"] = json!(message.id);
    bank.takes_bytes(post.to_string()).await;
    connector.publishes(SUBJECT, json_of(&message).to_string()).await;
    bank.catches_up().await;
    bank.invited_by_michael("+12025550110");
    bank.closes(1, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_connector_gets_wrong_is_parked_with_the_field_and_nothing_else_stops() {
    let bank = Bank::opens().await;
    let connector = Connector { bank: &bank };
    let good = json_of(&connector.message("+12025550110", &format!("#michael {WORDS}")));
    let with = |path: &str, value: Value| {
        let mut message = good.clone();
        *message.pointer_mut(path).unwrap() = value;
        message.to_string()
    };
    let without = |member: &str| {
        let mut message = good.clone();
        message.as_object_mut().unwrap().remove(member);
        message.to_string()
    };
    let here = |body: String, reason: &'static str| (SUBJECT, body, "malformed", reason);
    let whole = good.to_string();
    let text = || Personal::new("#michael".to_owned());
    let elsewhere = |number: &str| {
        let mut message = connector.message("+12025550110", "#michael");
        message.phone_number_id = number.parse().unwrap();
        message.text = Some(text());
        json_of(&message).to_string()
    };
    let cases = [
        here(without("phone_number_id"), "missing field `phone_number_id`"),
        here(without("from"), "missing field `from`"),
        here(without("kind"), "missing field `kind`"),
        here(
            with("/phone_number_id", json!("100101")),
            "phone_number_id: is not the number that the subject names",
        ),
        here(
            with("/phone_number_id", json!("+12025550100")),
            "phone_number_id: a phone_number_id must be 1-32 digits",
        ),
        here(
            with("/from/phone", json!("+1 202")),
            "from.phone: a phone number must be in international format: + and 7 to 15 digits",
        ),
        here(
            with("/from", json!({ "bsuid": "us.private" })),
            "from.bsuid: a bsuid must be two capital letters, a dot and 1 to 128 letters or digits",
        ),
        here(with("/from/name", json!(12_025_550_111_i64)), "from.name: expected a string"),
        here(
            with("/id", json!("private id")),
            "id: a message id must be 1-512 printable ASCII characters without spaces",
        ),
        here(with("/sent_at", json!("yesterday")), "sent_at: the value is wrong"),
        here(with("/text", json!(["#michael"])), "text: expected a string"),
        here("#michael".to_owned(), "the body is not JSON at line 1, column 1"),
        here(String::new(), "the body is not JSON at line 1, column 0"),
        here(format!("{{\n{}", &whole[1..40]), "the body is not JSON at line 2, column 39"),
        here("{\"text\":\"\\ud83d\"}".to_owned(), "the body is not JSON at line 1, column 16"),
        ("wa.in.v1.demo-bank", whole.clone(), "malformed", "not a subject of onboarding"),
        (
            "wa.in.v1.Demo-Bank.100100",
            format!("{whole} "),
            "malformed",
            "a token of the subject is wrong: a company id must be 1-63 lower-case letters, digits or inner hyphens",
        ),
        (
            SUBJECT,
            with("/from", json!({ "name": NAME })),
            "no-sender",
            "from: the message names nobody who could be answered",
        ),
        (
            "wa.in.v1.nobody.100100",
            elsewhere(PRIMARY),
            "unknown-company",
            "the directory has no such company; apply a file that has it, then retry",
        ),
        (
            "wa.in.v1.demo-bank.999999",
            elsewhere("999999"),
            "unknown-number",
            "phone_number_id: the number is not one of the company's",
        ),
        (
            "wa.in.v1.demo-bank.200100",
            elsewhere("200100"),
            "unknown-number",
            "phone_number_id: the number is not one of the company's",
        ),
    ];
    // A good one after each bad one.
    let mut neighbours = vec![];
    for (index, (subject, body, ..)) in cases.iter().enumerate() {
        connector.publishes(subject, body.clone()).await;
        let phone = format!("+4477009000{index:02}");
        let message = connector.message(&phone, "#michael");
        connector.publishes(SUBJECT, json_of(&message).to_string()).await;
        neighbours.push((message.id, phone));
    }
    for (wamid, phone) in &neighbours {
        assert_eq!(bank.outcome(wamid).await, Outcome::Onboarded);
        bank.invited_by_michael(phone);
    }
    let parked = bank.parked(cases.len()).await;
    for (subject, body, code, reason) in &cases {
        let found =
            parked.iter().find(|row| row.subject == *subject && row.payload == body.as_bytes());
        let found = found.unwrap_or_else(|| panic!("{reason}: {parked:#?}"));
        assert_eq!((found.code.as_str(), found.reason.as_str()), (*code, *reason));
        let company = (*subject != "wa.in.v1.demo-bank" && !subject.contains("Demo"))
            .then(|| subject.split('.').nth(3).unwrap());
        assert_eq!(found.company.as_deref(), company);
    }
    assert_eq!(bank.told("+12025550110"), Vec::<String>::new());
    bank.closes(neighbours.len() as i64, cases.len()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nul_characters_of_a_connector_stop_nobody() {
    let bank = Bank::opens().await;
    let connector = Connector { bank: &bank };
    let mut good = connector.message("+12025550110", "#michael \0");
    good.from.name = Some(Personal::new("Private\0 Name".to_owned()));
    good.kind = "te\0xt".to_owned();
    // A connector's text is read as it is: this word ends at the character.
    let other = connector.message("+12025550111", "#mich\0ael");
    for message in [&good, &other] {
        connector.publishes(SUBJECT, json_of(message).to_string()).await;
    }
    assert_eq!(bank.outcome(&good.id).await, Outcome::Onboarded);
    bank.invited_by_michael("+12025550110");
    assert_eq!(bank.outcome(&other.id).await, Outcome::UserNotFound);
    // The log has what came; views, whose texts can't hold it, a replacement.
    assert_eq!(bank.recorded(&good.id).await, good);
    let path =
        format!("/api/v1/onboarding-requests/{}?company=demo-bank", bank.request_of(&good.id));
    let (status, shown) = bank.app.stage.get(&path).await.unwrap();
    assert_eq!((status, &shown["message_kind"]), (200, &json!("te\u{fffd}xt")));
    assert_eq!(shown["message_text"], "#michael \u{fffd}");
    bank.closes(1, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_as_large_as_nats_takes_are_parked_whole_and_stop_nobody() {
    /// What NATS takes, and what an event needs beside its input.
    const MOST: usize = 1024 * 1024;
    const LARGEST: usize = MOST - 16 * 1024;
    let bank = Bank::opens().await;
    let connector = Connector { bank: &bank };
    let of_size = |size: usize| {
        let mut message = connector.message("+12025550110", "#michael ");
        let rest = size - json_of(&message).to_string().len();
        message.text = Some(Personal::new(format!("#michael {}", "x".repeat(rest))));
        (message.id.clone(), json_of(&message).to_string())
    };
    let no_json = "x".repeat(MOST);
    connector.publishes(SUBJECT, no_json.clone()).await;
    let (parked, too_large) = of_size(MOST);
    connector.publishes(SUBJECT, too_large.clone()).await;
    let (taken, large) = of_size(LARGEST);
    connector.publishes(SUBJECT, large).await;

    assert_eq!(bank.outcome(&taken).await, Outcome::Onboarded);
    bank.invited_by_michael("+12025550110");
    let rows = bank.parked(4).await;
    let found: Vec<_> = rows.iter().map(|row| (row.code.as_str(), row.reason.as_str())).collect();
    let large = format!("the body is larger than {LARGEST} bytes");
    assert_eq!(
        found,
        [
            ("too-large", format!("{large} (part 1 of 2)").as_str()),
            ("too-large", format!("{large} (part 2 of 2)").as_str()),
            ("malformed", "the body is not JSON at line 1, column 1 (part 1 of 2)"),
            ("malformed", "the body is not JSON at line 1, column 1 (part 2 of 2)"),
        ]
    );
    let whole = |parts: &[Parked]| [&*parts[0].payload, &*parts[1].payload].concat();
    assert!(whole(&rows[..2]) == too_large.as_bytes(), "nothing is lost");
    assert!(whole(&rows[2..]) == no_json.as_bytes(), "nothing is lost");
    assert_eq!(bank.events(&parked).await, []);
    bank.closes(1, 4).await;
}
