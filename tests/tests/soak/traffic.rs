//! What is posted, drawn from the seed before anything runs.

use std::collections::HashSet;

use chrono::TimeDelta;
use domain::ids::RequestId;
use onboarding::demo::Stage;
use onboarding::whatsapp::post::{Client, ClientMessage, WebhookPost};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::place::{BANK, PRIMARY, SECONDARIES, USERS, WEALTH, WEALTH_PRIMARY, secondary};

/// Posts, and what has to come of them.
pub(super) struct Traffic {
    /// The next one last.
    pub(super) posts: Vec<Vec<u8>>,
    /// The requests of well-formed messages to primaries.
    pub(super) expected: HashSet<RequestId>,
    /// How many items can't be read.
    pub(super) broken: usize,
}

impl Traffic {
    pub(super) fn draw(stage: &Stage, updates: usize, rng: &mut StdRng) -> Self {
        let clients = (updates / 12).max(20);
        let mut ids: Vec<u32> = vec![0; clients];
        let mut expected = HashSet::new();
        let mut broken = 0;
        let mut changes: Vec<(&str, Value)> = vec![];
        for _ in 0..updates {
            let who = rng.random_range(0..clients);
            let client = client(who, ids[who]);
            let wamid = stage.next_wamid();
            let now = stage.now();
            let says = |at, text: &str| ClientMessage::text(&client, wamid.as_str(), at, text);
            let user = format!("Hello #U{}, please", rng.random_range(1..=USERS));
            let secondary = secondary(rng.random_range(0..SECONDARIES));
            let (to, sent_at, message): (&str, _, ClientMessage) = match rng.random_range(0..100) {
                0..45 => (PRIMARY, now, says(now, &user)),
                45..52 => (PRIMARY, now, says(now, "Is anybody there?")),
                52..55 => (PRIMARY, now, ClientMessage::voice(&client, wamid.as_str(), now)),
                55..60 => (PRIMARY, now, says(now, &format!("#nobody{}", rng.random_range(0..50)))),
                60..64 => (WEALTH_PRIMARY, now, says(now, "#paula")),
                64..67 => {
                    let yesterday = now - TimeDelta::hours(25);
                    (PRIMARY, yesterday, says(yesterday, &user))
                }
                67..69 => (PRIMARY, now, says(now, &user).in_group("group-1")),
                69..87 => (secondary, now, says(now, "Good morning!")),
                87..90 => {
                    let earlier = now - TimeDelta::seconds(rng.random_range(0..120));
                    let word = ["STOP", "stop", "Start"][rng.random_range(0..3)];
                    let to = if rng.random_bool(0.5) { PRIMARY } else { secondary };
                    (to, earlier, says(earlier, word))
                }
                90..93 => {
                    ids[who] += 1;
                    changes.push(("user_id_update", renamed(who, ids[who])));
                    continue;
                }
                93..96 => {
                    broken += 1;
                    changes.push(("messages", nonsense(rng)));
                    continue;
                }
                _ => {
                    changes.push(("messages", strange_status(wamid.as_str())));
                    continue;
                }
            };
            stage.remember(&wamid, sent_at);
            if [PRIMARY, WEALTH_PRIMARY].contains(&to) {
                let company = if to == PRIMARY { BANK } else { WEALTH };
                expected.insert(stage.request_of(company, to, &wamid).unwrap());
            }
            changes.push(("", json!(String::from_utf8(body_of(to, message)).unwrap())));
        }
        Self { posts: posts_of(changes, rng), expected, broken }
    }
}

fn body_of(to: &str, message: ClientMessage) -> Vec<u8> {
    WebhookPost::new().messages(to, &[message]).into_body()
}

/// Some changes together make a post; one post in ten comes twice, and none in the order of its
/// making.
fn posts_of(changes: Vec<(&str, Value)>, rng: &mut StdRng) -> Vec<Vec<u8>> {
    let mut posts = vec![];
    let mut rest = changes.as_slice();
    while !rest.is_empty() {
        let (some, more) = rest.split_at(rng.random_range(1..=6).min(rest.len()));
        rest = more;
        let post = some.iter().fold(WebhookPost::new(), |post, (field, value)| match *field {
            "" => {
                let body: Value = serde_json::from_str(value.as_str().unwrap()).unwrap();
                let change = &body["entry"][0]["changes"][0];
                post.change("messages", change["value"].clone())
            }
            field => post.change(field, value.clone()),
        });
        let post = post.into_body();
        if rng.random_bool(0.1) {
            posts.push(post.clone());
        }
        posts.push(post);
    }
    // What comes late comes a few posts later.
    for at in 0..posts.len() {
        if rng.random_bool(0.3) {
            let other = (at + rng.random_range(1..20)).min(posts.len() - 1);
            posts.swap(at, other);
        }
    }
    posts.reverse();
    posts
}

/// Three in four show their number; the others have a username only. `id` counts how often the
/// client has changed.
fn client(number: usize, id: u32) -> Client {
    let bsuid = format!("US.soak{number}x{id}");
    if number.is_multiple_of(4) {
        return Client::with_bsuid(&bsuid);
    }
    // Numbers for fiction: 555 0100 to 0199 in each area.
    let area = 200 + number / 100 % 700;
    Client::with_phone(&format!("1{area}55501{:02}", number % 100)).and_bsuid(&bsuid)
}

fn metadata(number: &str) -> Value {
    json!({ "display_phone_number": "12025550199", "phone_number_id": number })
}

fn renamed(who: usize, id: u32) -> Value {
    let (previous, current) = (format!("US.soak{who}x{}", id - 1), format!("US.soak{who}x{id}"));
    json!({
        "metadata": metadata(PRIMARY),
        "user_id_update": [{ "user_id": { "previous": previous, "current": current } }],
    })
}

/// One item that can be read and one that can't.
fn nonsense(rng: &mut StdRng) -> Value {
    let bad = [
        json!({ "id": "", "timestamp": "1", "type": "text", "from": "12025550100" }),
        json!({ "id": "wamid.x", "type": "text", "from": "12025550100" }),
        json!({ "id": "wamid.y", "timestamp": "soon", "from": "12025550100" }),
        json!("no message at all"),
        json!({ "id": "wamid.z", "timestamp": "1790000000", "type": "text" }),
    ];
    json!({ "metadata": metadata(PRIMARY), "messages": [bad.choose(rng).unwrap()] })
}

/// Of a message that nobody sent.
fn strange_status(wamid: &str) -> Value {
    let status = json!({ "id": format!("{wamid}x"), "status": "read", "timestamp": "1790000000" });
    json!({ "metadata": metadata(PRIMARY), "statuses": [status] })
}
