//! What clients write, and what may come of it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use domain::ids::{RequestId, Wamid};
use domain::input::Timestamp;
use domain::request::Outcome;
use onboarding::demo::Stage;
use onboarding::whatsapp::fake::Webhook;
use onboarding::whatsapp::post::{Client, ClientMessage, WebhookPost};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::schedule::Schedule;

const BANK: &str = "lab-bank";
const WEALTH: &str = "lab-wealth";
const PRIMARY: &str = "800100";
const WEALTH_PRIMARY: &str = "900100";
const SECONDARIES: u32 = 8;
const USERS: u32 = 24;
/// Posts under way at once.
const POSTERS: usize = 4;
/// WhatsApp does not wait for ever either.
const ANSWER: Duration = Duration::from_secs(3);
/// Before a post that was not answered 200 comes again.
const AGAIN: Duration = Duration::from_millis(100);

/// What may come of a message that asks for a user.
const ANY_ROOM: &[Outcome] = &[
    Outcome::Onboarded,
    Outcome::Joined,
    Outcome::Reminded,
    Outcome::NoSecondaryNumber,
    Outcome::InvitationFailed,
];

/// A message of a client.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The request that it makes.
    pub request: RequestId,
    /// How it may end.
    pub allowed: &'static [Outcome],
}

/// All posts of a run, and how far they are.
pub struct Load {
    /// Every message, once.
    pub asked: Vec<Asked>,
    /// How many posts there are, those that come twice counted twice.
    pub posts: usize,
    waiting: Mutex<VecDeque<Post>>,
    answers: Mutex<Answers>,
}

/// A post, and when it is due.
struct Post {
    due: Duration,
    body: Vec<u8>,
    requests: Vec<RequestId>,
}

/// What was answered.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Requests of posts that were answered 200.
    pub requests: HashSet<RequestId>,
    /// How many posts were.
    pub posts: usize,
    /// How often a post got no answer, or another one.
    pub refused: usize,
}

impl Load {
    /// Draws so many messages, to be posted over this time, a few in a post. One post in ten comes
    /// twice.
    ///
    /// # Errors
    /// Never: the ids are good.
    pub fn draw(stage: &Stage, seed: u64, messages: u32, over: Duration) -> anyhow::Result<Self> {
        Self::draw_beside(&Schedule(vec![]), stage, seed, messages, over)
    }

    /// The same, beside faults: where the service's clocks jump forward for good, the clients' go
    /// with them, for nobody may take a message of a moment ago for one of yesterday.
    ///
    /// # Errors
    /// Never: the ids are good.
    pub fn draw_beside(
        faults: &Schedule,
        stage: &Stage,
        seed: u64,
        messages: u32,
        over: Duration,
    ) -> anyhow::Result<Self> {
        // Apart from the schedule's: that must not change with the load.
        let mut rng = StdRng::seed_from_u64(seed ^ u64::from_be_bytes(*b"messages"));
        let begun = stage.now();
        let clients = (messages / 3).max(20);
        let (mut asked, mut waiting) = (vec![], VecDeque::new());
        let mut number = 0;
        while number < messages {
            let some = rng.random_range(1..=4).min(messages - number);
            let due = over.mul_f64(f64::from(number) / f64::from(messages));
            let sent_at = begun + TimeDelta::seconds(due.as_secs().cast_signed());
            let sent_at = sent_at + faults.ahead_at(due);
            let (mut post, mut requests) = (WebhookPost::new(), vec![]);
            for number in number..number + some {
                let wamid = stage.next_wamid();
                let Drawn { to, at, message, allowed } =
                    Drawn::new(&mut rng, &wamid, (number, clients), sent_at);
                stage.remember(&wamid, at);
                let company = if to == WEALTH_PRIMARY { WEALTH } else { BANK };
                let request = stage.request_of(company, &to, &wamid)?;
                asked.push(Asked { request, allowed });
                requests.push(request);
                post = post.messages(&to, &[message]);
            }
            number += some;
            let post = Post { due, body: post.into_body(), requests };
            if rng.random_bool(0.1) {
                let (body, requests) = (post.body.clone(), post.requests.clone());
                waiting.push_back(Post { due, body, requests });
            }
            waiting.push_back(post);
        }
        let posts = waiting.len();
        Ok(Self { asked, posts, waiting: Mutex::new(waiting), answers: Mutex::default() })
    }

    /// Posts everything when it is due, to either webhook, and again what is not answered 200.
    pub async fn post(&self, webhooks: &[Webhook; 2], begun: Instant) {
        futures::future::join_all((0..POSTERS).map(|first| self.poster(webhooks, first, begun)))
            .await;
    }

    async fn poster(&self, webhooks: &[Webhook; 2], first: usize, begun: Instant) {
        let mut turn = first;
        loop {
            let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(post) = next else { return };
            sleep_until(begun + post.due).await;
            loop {
                turn += 1;
                let answer = timeout(ANSWER, webhooks[turn % 2].post(post.body.clone())).await;
                if matches!(answer, Ok(Ok(200))) {
                    break;
                }
                self.lock().refused += 1;
                sleep(AGAIN).await;
            }
            let mut answers = self.lock();
            answers.posts += 1;
            answers.requests.extend(post.requests);
        }
    }

    /// What was answered so far.
    pub fn answers(&self) -> Answers {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message that was drawn.
struct Drawn {
    to: String,
    at: Timestamp,
    message: ClientMessage,
    allowed: &'static [Outcome],
}

impl Drawn {
    /// The message of this number, of one of so many clients.
    fn new(rng: &mut StdRng, wamid: &Wamid, (number, clients): (u32, u32), at: Timestamp) -> Self {
        let says =
            |who: &Client, at, text: &str| ClientMessage::text(who, wamid.as_str(), at, text);
        let who = client(rng.random_range(0..clients));
        // Who asks in vain too often is not answered any more: each of these asks once.
        let stranger = Client::with_bsuid(&format!("US.labstranger{number}"));
        let user = rng.random_range(1..=USERS);
        let new = |to: &str, message, allowed: &'static [Outcome]| Self {
            to: to.to_owned(),
            at,
            message,
            allowed,
        };
        match rng.random_range(0..100) {
            0..76 => {
                let text = format!("Hello #U{user}, please call me");
                new(PRIMARY, says(&who, at, &text), ANY_ROOM)
            }
            76..82 => {
                let voice = ClientMessage::voice(&stranger, wamid.as_str(), at);
                new(PRIMARY, voice, &[Outcome::ExtensionMissing])
            }
            82..87 => new(PRIMARY, says(&stranger, at, "#nobody"), &[Outcome::UserNotFound]),
            87..92 => {
                let paula = says(&stranger, at, "#paula");
                new(WEALTH_PRIMARY, paula, &[Outcome::ProspectRecorded])
            }
            92..96 => {
                let to = secondary(rng.random_range(0..SECONDARIES));
                new(&to, says(&stranger, at, "Hello?"), &[Outcome::Redirected])
            }
            _ => {
                // Too late also for a copy whose clock has still to jump.
                let at = at - TimeDelta::hours(30);
                let late = says(&who, at, "#u1");
                Self { at, ..new(PRIMARY, late, &[Outcome::Expired]) }
            }
        }
    }
}

/// Three in four show their number; the others have a username only.
fn client(number: u32) -> Client {
    let bsuid = format!("US.lab{number}");
    if number.is_multiple_of(4) {
        return Client::with_bsuid(&bsuid);
    }
    // Numbers for fiction: 555 0100 to 0199 in each area. Not those of 202, which the companies have:
    // whoever writes from a company's own number is not answered.
    let area = 210 + number / 100 % 700;
    Client::with_phone(&format!("1{area}55501{:02}", number % 100)).and_bsuid(&bsuid)
}

fn secondary(number: u32) -> String {
    (800_101 + number).to_string()
}

/// The companies that the messages are for.
pub fn directory() -> String {
    let users: String = (1..=USERS)
        .map(|n| format!("      - {{ id: u{n}, name: User {n}, ou: main, extension: u{n} }}\n"))
        .collect();
    let account = |(number, label): (String, u32)| {
        format!(
            "      - {{ phone_number_id: \"{number}\", display_number: \"+1202555{label:04}\", app: demo }}\n"
        )
    };
    let primary = std::iter::once((PRIMARY.to_owned(), 100));
    let accounts: String =
        primary.chain((0..SECONDARIES).map(|n| (secondary(n), 101 + n))).map(account).collect();
    let carries: String = (0..SECONDARIES)
        .map(|n| format!("          - {{ phone_number_id: \"{}\" }}\n", secondary(n)))
        .collect();
    format!(
        r#"
companies:
  - id: {BANK}
    name: Lab Bank
    organizational_units:
      - {{ id: main, name: Main }}
    users:
{users}    official_accounts:
{accounts}    pools:
      - id: main
        primary: "{PRIMARY}"
        secondaries:
{carries}        organizational_units: [main]
        default_region: US
  - id: {WEALTH}
    name: Lab Wealth
    features: {{ auto_promotion: false }}
    organizational_units:
      - {{ id: all, name: Everybody }}
    users:
      - {{ id: paula, name: Paula Reed, ou: all, extension: paula }}
    official_accounts:
      - {{ phone_number_id: "{WEALTH_PRIMARY}", display_number: "+1 202 555 0170", app: demo }}
      - {{ phone_number_id: "900101", display_number: "+1 202 555 0171", app: demo }}
    pools:
      - id: main
        primary: "{WEALTH_PRIMARY}"
        secondaries:
          - {{ phone_number_id: "900101" }}
        organizational_units: [all]
        default_region: US
"#
    )
}
