//! Open loop: messages are sent at fixed moments, whether or not answers came, and each one's stages
//! count from the moment at which it should have been sent. Closed loop: the next is sent when one
//! of those under way was decided.
//!
//! Nothing is read while messages are sent, but the looks of [`Watch`] where those stages are asked
//! for: JetStream keeps the moment of every message, and the fake Cloud API too.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{self, Message};
use domain::ids::InputId;
use domain::input::Input;
use domain::outbound::Content;
use futures::StreamExt;
use messaging::inbox::{InboxBody, InboxMessage, InboxPublisher};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;
use whatsapp::fake::{FakeCloudApi, Webhook};

use super::super::backlog::Load;
use super::super::histogram::Latencies;
use super::super::posts;
use super::super::progress::Progress;
use super::super::site::Ground;
use super::watch::{Seen, Watch};
use super::{DECIDING, start};
use crate::cli::Role;

/// Sent like the others before the measurement: plans are made, caches are warm.
pub(super) const WARM: Duration = Duration::from_secs(2);
/// Where EVT tells that a request was decided.
const DECIDED: &str = "evt.onboarding.onboarding-request.decision-made.>";
/// Put into INBOX before the first is sent.
pub(in super::super) const FIRST: u64 = 16;
/// How long what is stored may take to be read back.
const PATIENCE: Duration = Duration::from_secs(60);

/// How messages are sent, and what of them is looked at.
pub(super) struct Plan<'a> {
    /// When messages are sent.
    pub(super) pace: Pace,
    /// For how long, after [`WARM`].
    pub(super) seconds: u64,
    /// The service's roles.
    pub(super) roles: &'a [Role],
    /// Whether Postgres is looked at, about once a millisecond.
    pub(super) watched: bool,
    /// Whether they come as signed webhooks and not into INBOX.
    pub(super) as_webhooks: bool,
    /// Where invitations go, if they are sent.
    pub(super) cloud: Option<&'a FakeCloudApi>,
}

/// When messages are sent.
#[derive(Clone, Copy)]
pub(super) enum Pace {
    /// So many a second, whether or not answers came.
    Open(f64),
    /// As soon as fewer than so many are under way: sent, and not yet decided on EVT. Messages that
    /// make no request are not counted.
    Closed(usize),
}

/// Latencies by stage, each from the intended moment on.
pub(super) type Stages = Vec<(&'static str, Latencies)>;

impl Plan<'_> {
    /// New clients of one company, from INBOX to the read model, with looks into Postgres.
    pub(super) const fn usual(pace: Pace, seconds: u64) -> Self {
        let (roles, watched) = (&DECIDING, true);
        Self { pace, seconds, roles, watched, as_webhooks: false, cloud: None }
    }
}

/// What became of a measured message, and when.
struct Journey {
    request: Uuid,
    due: SystemTime,
    answered: Option<SystemTime>,
    stored: Option<SystemTime>,
    /// Of the last of its events so far.
    position: u64,
    on_evt: Option<SystemTime>,
    invited: Option<SystemTime>,
}

/// Sends, waits until everything is done, and reads when.
pub(super) async fn run(
    ground: &Ground,
    load: &mut Load,
    plan: &Plan<'_>,
) -> anyhow::Result<Stages> {
    let streams = Streams::before(ground).await?;
    let progress = Progress::of_next_service()?;
    let service = start(ground, plan.roles).await?;
    // A service takes some seconds until INBOX gives it the place of the one before.
    load.fill(FIRST).await?;
    progress.settled(ground).await?;
    let way = if plan.as_webhooks {
        Way::Webhook(posts::webhook_of(&service).await?)
    } else {
        Way::Inbox(Box::new(load.publisher()))
    };
    let watch = if plan.watched { Some(Watch::start(ground).await?) } else { None };
    let mut journeys = send(ground, load, plan, &way).await?;
    let sent = load.sent;
    progress.settled(ground).await?;
    if let Some(cloud) = plan.cloud {
        super::sending::all_sent(ground, cloud, sent).await?;
        progress.settled(ground).await?;
    }
    let seen = match watch {
        Some(watch) => Some(watch.end().await?),
        None => None,
    };
    service.stop().await;
    streams.read(&mut journeys).await?;
    if let Some(cloud) = plan.cloud {
        invitations(cloud, &mut journeys);
    }
    stages(plan, seen, &journeys)
}

/// How a message comes in.
#[derive(Clone)]
enum Way {
    Inbox(Box<InboxPublisher>),
    Webhook(Webhook),
}

/// Sends at the planned moments; the journeys of those that count, by their inputs' ids.
async fn send(
    ground: &Ground,
    load: &mut Load,
    plan: &Plan<'_>,
    way: &Way,
) -> anyhow::Result<HashMap<Uuid, Journey>> {
    let mut journeys = HashMap::new();
    let mut sending = JoinSet::new();
    let mut answers = vec![];
    let mut moments = Moments::of(plan, ground).await?;
    while let Some((due, counts)) = moments.next().await {
        let repeats = load.clients.repeats(load.sent);
        if !load.clients.requests(load.sent) {
            moments.one_more();
        }
        let next = load.next()?;
        let InboxBody::Message { company, message } = &next.body else { continue };
        let input = Input::Message(message.clone()).id(company).as_uuid();
        if counts && !repeats {
            let request = message.request_id(company);
            journeys.insert(input, Journey::from(request.as_uuid(), due));
        }
        let way = way.clone();
        sending.spawn(async move { way.take(next).await.map(|at| (input, at)) });
        while let Some(answer) = sending.try_join_next() {
            answers.push(answer??);
        }
    }
    while let Some(answer) = sending.join_next().await {
        answers.push(answer??);
    }
    for (input, at) in answers {
        if let Some(journey) = journeys.get_mut(&input) {
            journey.answered = Some(at);
        }
    }
    Ok(journeys)
}

/// The moments at which messages are sent.
struct Moments<'a> {
    plan: &'a Plan<'a>,
    begun: (tokio::time::Instant, SystemTime),
    sent: u64,
    /// In a closed loop: how many more may be under way, and who counts the decided ones.
    room: Option<(Arc<Semaphore>, AbortOnDropHandle<()>)>,
}

impl<'a> Moments<'a> {
    async fn of(plan: &'a Plan<'a>, ground: &Ground) -> anyhow::Result<Self> {
        let room = match plan.pace {
            Pace::Open(_) => None,
            Pace::Closed(outstanding) => {
                let client = crate::nats_client(&ground.config).await?;
                let mut decided = client.subscribe(DECIDED).await?;
                let room = Arc::new(Semaphore::new(outstanding));
                let more = room.clone();
                let counting = tokio::spawn(async move {
                    while decided.next().await.is_some() {
                        more.add_permits(1);
                    }
                });
                Some((room, AbortOnDropHandle::new(counting)))
            }
        };
        Ok(Self { plan, begun: (tokio::time::Instant::now(), SystemTime::now()), sent: 0, room })
    }

    /// Lets one more be under way: nothing will tell that the one that was sent is decided.
    fn one_more(&self) {
        if let Some((room, _)) = &self.room {
            room.add_permits(1);
        }
    }

    /// Waits for the next one; the moment as it should be, and whether it counts.
    async fn next(&mut self) -> Option<(SystemTime, bool)> {
        let offset = match (self.plan.pace, &self.room) {
            (Pace::Closed(_), Some((room, _))) => {
                room.acquire().await.ok()?.forget();
                self.begun.0.elapsed()
            }
            (Pace::Closed(_), None) => return None,
            (Pace::Open(rate), _) => {
                let offset = Duration::from_secs_f64(self.sent as f64 / rate);
                tokio::time::sleep_until(self.begun.0 + offset).await;
                offset
            }
        };
        self.sent += 1;
        let end = WARM + Duration::from_secs(self.plan.seconds);
        (offset < end).then(|| (self.begun.1 + offset, offset >= WARM))
    }
}

impl Journey {
    const fn from(request: Uuid, due: SystemTime) -> Self {
        let (answered, stored, on_evt, invited) = (None, None, None, None);
        Self { request, due, answered, stored, position: 0, on_evt, invited }
    }
}

impl Way {
    /// When it was acknowledged, or the webhook answered. What is not acknowledged in time is sent
    /// once more, as WhatsApp would: it is decided once all the same.
    async fn take(&self, message: InboxMessage) -> anyhow::Result<SystemTime> {
        match self {
            Self::Inbox(inbox) => {
                let begun = Instant::now();
                while let Err(error) = inbox.publish(vec![message.clone()]).await {
                    let hopeless = !error.retry_helps() || begun.elapsed() > PATIENCE;
                    anyhow::ensure!(!hopeless, error);
                }
            }
            Self::Webhook(webhook) => {
                let status = webhook.post(posts::of(&[message])?).await?;
                anyhow::ensure!(status == 200, "a webhook was answered {status}");
            }
        }
        Ok(SystemTime::now())
    }
}

/// INBOX and EVT from where they were on.
struct Streams {
    inbox: jetstream::stream::Stream,
    evt: jetstream::stream::Stream,
    /// Keeps INBOX from being purged: it takes and settles nothing.
    holding: String,
    from: (u64, u64),
}

/// What of a message in INBOX tells which one it is.
#[derive(Deserialize)]
struct Stored {
    phone_number_id: domain::ids::PhoneNumberId,
    id: domain::ids::Wamid,
}

impl Streams {
    async fn before(ground: &Ground) -> anyhow::Result<Self> {
        let context = jetstream::new(crate::nats_client(&ground.config).await?);
        let mut inbox = context.get_stream("INBOX").await?;
        let mut evt = context.get_stream("EVT").await?;
        let last = |info: &jetstream::stream::Info| info.state.last_sequence + 1;
        let from = (last(inbox.info().await?), last(evt.info().await?));
        let holding = pull::Config {
            ack_policy: AckPolicy::Explicit,
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from.0 },
            inactive_threshold: Duration::from_secs(3_600),
            ..Default::default()
        };
        let holding = inbox.create_consumer(holding).await?.cached_info().name.clone();
        Ok(Self { inbox, evt, holding, from })
    }

    /// By JetStream's clock: when each message, and the last of its events, was stored.
    async fn read(self, journeys: &mut HashMap<Uuid, Journey>) -> anyhow::Result<()> {
        each(&self.inbox, self.from.0, false, |message, at| {
            let mut subject = message.subject.split('.');
            if !message.subject.starts_with("wa.in.") {
                return Ok(());
            }
            let company = subject.nth(3).context("a subject without a company")?.parse()?;
            let Stored { phone_number_id, id } = serde_json::from_slice(&message.payload)?;
            let input = InputId::of_message(&company, &phone_number_id, &id).as_uuid();
            if let Some(journey) = journeys.get_mut(&input) {
                journey.stored.get_or_insert(at);
            }
            Ok(())
        })
        .await?;
        self.inbox.delete_consumer(&self.holding).await?;
        each(&self.evt, self.from.1, true, |message, at| {
            let cause = message.headers.as_ref().and_then(|h| h.get("ce-causationid"));
            let cause: Uuid = cause.context("an event without a cause")?.as_str().parse()?;
            if let Some(journey) = journeys.get_mut(&cause) {
                let info = message.info().map_err(|error| anyhow::anyhow!("{error}"))?;
                journey.position = info.stream_sequence;
                journey.on_evt = Some(at);
            }
            Ok(())
        })
        .await
    }
}

/// Reads a stream from a sequence to its end, with the moment at which each message was stored.
async fn each(
    stream: &jetstream::stream::Stream,
    from: u64,
    headers_only: bool,
    mut read: impl FnMut(&Message, SystemTime) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let end = stream.get_info().await?.state.last_sequence;
    let reader = pull::Config {
        ack_policy: AckPolicy::None,
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
        headers_only,
        ..Default::default()
    };
    let mut messages = stream.create_consumer(reader).await?.messages().await?;
    let mut at = from.saturating_sub(1);
    while at < end {
        let next = tokio::time::timeout(PATIENCE, messages.next()).await?;
        let message = next.context("a stream ended")??;
        let info = message.info().map_err(|error| anyhow::anyhow!("{error}"))?;
        at = info.stream_sequence;
        read(&message, info.published.into())?;
    }
    Ok(())
}

/// When the invitation of each request came to the fake Cloud API.
fn invitations(cloud: &FakeCloudApi, journeys: &mut HashMap<Uuid, Journey>) {
    let came: HashMap<Uuid, SystemTime> = cloud
        .received()
        .into_iter()
        .filter(|message| matches!(message.content, Content::Template { .. }))
        .filter_map(|message| Some((message.reference?.request_id.as_uuid(), message.received_at)))
        .map(|(request, at)| (request, at.into()))
        .collect();
    for journey in journeys.values_mut() {
        journey.invited = came.get(&journey.request).copied();
    }
}

/// Every message has to have reached every stage.
fn stages(
    plan: &Plan<'_>,
    seen: Option<Seen>,
    journeys: &HashMap<Uuid, Journey>,
) -> anyhow::Result<Stages> {
    type At<'a> = Box<dyn Fn(&Journey) -> Option<SystemTime> + 'a>;
    let mut asked: Vec<(&'static str, At<'_>)> = vec![];
    asked.push(("in INBOX", Box::new(|journey| journey.stored)));
    let answered = if plan.as_webhooks { "webhook answered" } else { "acknowledged" };
    asked.push((answered, Box::new(|journey| journey.answered)));
    if let Some(seen) = &seen {
        asked.push(("committed", Box::new(|journey| seen.committed(journey.position))));
    }
    asked.push(("on EVT", Box::new(|journey| journey.on_evt)));
    if let Some(seen) = &seen {
        asked.push(("visible", Box::new(|journey| seen.visible(journey.position))));
    }
    if plan.cloud.is_some() {
        asked.push(("invitation received", Box::new(|journey| journey.invited)));
    }
    let mut stages = vec![];
    for (name, at) in &asked {
        let mut latencies = Latencies::new();
        for journey in journeys.values() {
            let at = at(journey).with_context(|| format!("a message without a stage: {name}"))?;
            latencies.add(at.duration_since(journey.due).unwrap_or_default());
        }
        anyhow::ensure!(latencies.len() > 0, "no message was measured");
        stages.push((*name, latencies));
    }
    drop(asked);
    if let Some(seen) = seen {
        stages.push(("from look to look", seen.gaps));
    }
    Ok(stages)
}
