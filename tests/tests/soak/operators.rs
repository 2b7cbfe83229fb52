//! Operators at work meanwhile: whatever they are answered, nothing breaks.

use std::collections::BTreeMap;

use onboarding::demo::Stage;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use uuid::Uuid;

use super::place::{BANK, SECONDARIES, SPARE, SPARE_DISPLAY, USERS, WEALTH, secondary};

/// How often each command was done, and how often refused.
#[derive(Debug, Default)]
pub(super) struct Done(BTreeMap<&'static str, [usize; 2]>);

impl Done {
    /// How many there were.
    pub(super) fn all(&self) -> usize {
        self.0.values().flatten().sum()
    }

    /// Those that were done at least once.
    pub(super) fn kinds(&self) -> usize {
        self.0.values().filter(|[done, _]| *done > 0).count()
    }

    pub(super) fn note(&mut self, kind: &'static str, status: u16) {
        let refused = usize::from(status >= 400);
        self.0.entry(kind).or_default()[refused] += 1;
    }
}

/// A command: its name, whose it is, the path below the company's, the body.
type Command = (&'static str, &'static str, String, Value);

/// All that [`drawn`] draws: what operators do but with parked inputs, of which there are none here
/// that are a company's.
pub(super) const KINDS: usize = 14;

/// Gives one command.
pub(super) async fn command(stage: &Stage, rng: &mut StdRng) -> (&'static str, u16) {
    let (kind, company, path, body) = drawn(stage, rng).await;
    let path = format!("/api/v1/companies/{company}/{path}");
    let (status, answer) = stage.operate(&path, Uuid::now_v7(), &body).await.unwrap();
    assert!([200, 201, 202, 404, 409, 422].contains(&status), "{path}: {status} {answer}");
    (kind, status)
}

async fn drawn(stage: &Stage, rng: &mut StdRng) -> Command {
    let bank = |kind, path: String, body| (kind, BANK, path, body);
    let user = format!("u{}", rng.random_range(1..=USERS));
    let number = secondary(rng.random_range(0..SECONDARIES));
    let of_room = rng.random_range(0..12);
    let rooms = format!("/api/v1/chat-rooms?company={BANK}&limit=50");
    if let (0..8, Some(room)) = (of_room, one_of(stage, &rooms, rng).await) {
        let of = |name: &str| format!("chat-rooms/{}/{name}", text(&room, "room_id"));
        let profile = |name: &str| format!("client-profiles/{}/{name}", text(&room, "profile_id"));
        return match of_room {
            0 => bank("close-room", of("close"), json!({})),
            1 => bank("resend-invitation", of("resend-invitation"), json!({})),
            2 => bank("reassign-room", of("reassign"), json!({ "user_id": user })),
            3 => bank("block-client", profile("block"), json!({})),
            4 | 5 => bank("unblock-client", profile("unblock"), json!({})),
            6 => {
                let language = [json!("en"), Value::Null].choose(rng).cloned();
                bank("set-client-language", profile("language"), json!({ "language": language }))
            }
            _ => bank("archive-client-profile", profile("archive"), json!({})),
        };
    }
    match rng.random_range(0..11) {
        // Its own, or one that nobody else has.
        0 => {
            let extension =
                if rng.random_bool(0.7) { user.clone() } else { format!("other-{user}") };
            let path = format!("users/{user}/extension");
            bank("set-user-extension", path, json!({ "extension": extension }))
        }
        1 => {
            let client = format!("US.registered{}", rng.random_range(0..1_000));
            let body = json!({ "identifiers": [{ "kind": "bsuid", "value": client }] });
            bank("register-client-profile", "client-profiles".into(), body)
        }
        2 | 3 => {
            let prospects =
                format!("/api/v1/onboarding-requests?company={WEALTH}&promoted=false&limit=50");
            match one_of(stage, &prospects, rng).await {
                Some(one) => {
                    let path = format!("onboarding-requests/{}/promote", text(&one, "request_id"));
                    ("promote-prospect", WEALTH, path, json!({}))
                }
                None => in_service(number),
            }
        }
        4 => {
            let body = json!({ "number": SPARE, "display_number": SPARE_DISPLAY });
            bank("add-number", "pools/main/numbers".into(), body)
        }
        5 => bank("remove-number", format!("numbers/{SPARE}/remove"), json!({})),
        6 => {
            let service = ["suspended", "draining"].choose(rng);
            let path = format!("numbers/{number}/service");
            bank("set-number-service: no new rooms", path, json!({ "service": service }))
        }
        // What is out of service, by WhatsApp or by an operator, is put back, or nobody would be
        // onboarded in the end.
        _ => in_service(number),
    }
}

fn in_service(number: &str) -> Command {
    let body = json!({ "service": "in_service" });
    ("set-number-service: in service", BANK, format!("numbers/{number}/service"), body)
}

/// One of a list's first items.
async fn one_of(stage: &Stage, list: &str, rng: &mut StdRng) -> Option<Value> {
    let (status, page) = stage.get(list).await.unwrap();
    assert_eq!(status, 200, "{list}: {page}");
    page["items"].as_array().unwrap().choose(rng).cloned()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
}
