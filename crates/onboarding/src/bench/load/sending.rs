//! Up to the fake Cloud API. Each onboarding needs two calls, one after the other, and each call two
//! receipts through the lane: the capacity is another one than that of deciding.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::Context;
use domain::input::Timestamp;
use domain::outbound::Content;
use whatsapp::fake::{FakeCloudApi, ReceivedMessage};

use super::super::Bench;
use super::super::backlog::Load;
use super::super::company::Company;
use super::super::progress::Progress;
use super::super::report::Report;
use super::super::site::{Ground, Site};
use super::open::{self, FIRST, Pace, Plan};
use super::{SHARES, start, tell};
use crate::cli::Role;

/// From INBOX to WhatsApp, and from the webhook.
const SENDING: [Role; 4] = [Role::Engine, Role::Relay, Role::Projector, Role::Sender];
const ALL: [Role; 5] = [Role::Gateway, Role::Engine, Role::Relay, Role::Projector, Role::Sender];
/// Webhooks a second: far below what any stage can bear.
const WEBHOOKS: f64 = 20.0;
/// Onboardings of the backlog, at least.
const LEAST: u64 = 200;
/// How long all messages may take.
const PATIENCE: Duration = Duration::from_secs(300);

const ABOUT: &str = "\
Saturation: the requests of a backlog in INBOX, a tenth of what the other sections measure, are decided and sent, \
from the first invitation to the last user-info message. Then new clients write at shares of that \
rate, and as signed webhooks. The stages are those of *Load*; *invitation received* is the fake Cloud \
API's own timestamp. It limits no account, each number may send 1,000 messages a second, and the \
sender makes its usual 32 calls at once.";

pub(in crate::bench) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    bench.report.section("Sending", ABOUT);
    let (onboardings, seconds) = (bench.options.onboardings, bench.options.seconds);
    for run in 1..=bench.options.runs {
        bench.report.run(run);
        measure(&bench.site, &mut bench.report, onboardings / 10, seconds).await?;
    }
    Ok(())
}

/// Saturation, shares of it, and signed webhooks.
async fn measure(site: &Site, report: &mut Report, many: u64, seconds: u64) -> anyhow::Result<()> {
    let (ground, mut load, cloud) = ground(site).await?;
    let many = many.max(LEAST);
    load.fill(many).await?;
    let before = cloud.received().len();
    send_all(&ground, &load, &cloud).await?;
    let (invitations, onboardings) = rates(&cloud.received()[before..], many)?;
    report.add("sending: invitations/s at saturation", invitations);
    report.add("sending: onboardings/s at saturation, up to the user-info message", onboardings);
    let capacity = onboardings;
    for share in SHARES {
        let rate = capacity * f64::from(share) / 100.0;
        let (ground, mut load, cloud) = self::ground(site).await?;
        let usual = Plan::usual(Pace::Open(rate), seconds);
        let plan = Plan { roles: &SENDING, cloud: Some(&cloud), ..usual };
        let stages = open::run(&ground, &mut load, &plan).await?;
        tell(report, &format!("sending at {share} %"), rate, &stages);
    }
    let (ground, mut load, cloud) = self::ground(site).await?;
    let usual = Plan::usual(Pace::Open(WEBHOOKS), seconds);
    let plan = Plan { roles: &ALL, as_webhooks: true, cloud: Some(&cloud), ..usual };
    let stages = open::run(&ground, &mut load, &plan).await?;
    tell(report, "signed webhooks", WEBHOOKS, &stages);
    Ok(())
}

/// A ground whose service sends to a fake Cloud API.
async fn ground(site: &Site) -> anyhow::Result<(Ground, Load, FakeCloudApi)> {
    let mut ground = site.fresh(&Company::USUAL).await?;
    let cloud = FakeCloudApi::start(([127, 0, 0, 1], 0).into()).await?;
    ground.config.cloud_api.base_url = cloud.url().to_owned();
    let mut load = Load::of(&ground, Company::USUAL).await?;
    load.fill(FIRST).await?;
    send_all(&ground, &load, &cloud).await?;
    Ok((ground, load, cloud))
}

/// Runs a service until INBOX is empty and everything was sent.
async fn send_all(ground: &Ground, load: &Load, cloud: &FakeCloudApi) -> anyhow::Result<()> {
    let progress = Progress::of_next_service()?;
    let service = start(ground, &SENDING).await?;
    all_sent(ground, cloud, load.sent).await?;
    progress.settled(ground).await?;
    service.stop().await;
    Ok(())
}

/// Waits until so many clients have their invitation and user-info message, and readers see their
/// rooms active; each message came once.
pub(super) async fn all_sent(
    ground: &Ground,
    cloud: &FakeCloudApi,
    clients: u64,
) -> anyhow::Result<()> {
    let wanted = usize::try_from(2 * clients)?;
    let all = cloud.wait_until(|received| received.len() >= wanted);
    let received = tokio::time::timeout(PATIENCE, all)
        .await
        .with_context(|| format!("{} of {wanted} messages were sent", cloud.received().len()))?;
    let different: HashSet<_> =
        received.iter().filter_map(|message| Some(message.reference?.message_id)).collect();
    anyhow::ensure!(
        different.len() == wanted && received.len() == wanted,
        "{} messages were sent, {} of them different, and not {wanted}",
        received.len(),
        different.len()
    );
    let begun = Instant::now();
    loop {
        let active: i64 =
            sqlx::query_scalar("SELECT count(*) FROM rm_chat_rooms WHERE phase = 'active'")
                .fetch_one(&ground.pool)
                .await?;
        if active.unsigned_abs() == clients {
            return Ok(());
        }
        anyhow::ensure!(begun.elapsed() < PATIENCE, "{active} of {clients} rooms are active only");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Invitations a second, from the first to the last; onboardings a second, from the first
/// invitation to the last user-info message.
fn rates(received: &[ReceivedMessage], clients: u64) -> anyhow::Result<(f64, f64)> {
    let invitation = |m: &&ReceivedMessage| matches!(m.content, Content::Template { .. });
    let invited: Vec<_> = received.iter().filter(invitation).map(|m| m.received_at).collect();
    anyhow::ensure!(invited.len() as u64 == clients, "{} invitations", invited.len());
    let ends = |at: &[Timestamp]| at.iter().min().copied().zip(at.iter().max().copied());
    let (first, last) = ends(&invited).context("no invitations")?;
    let done = received.iter().map(|message| message.received_at).max().unwrap_or(last);
    let rate =
        |many: u64, from: Timestamp, to: Timestamp| many as f64 / (to - from).as_seconds_f64();
    Ok((rate(clients - 1, first, last), rate(clients, first, done)))
}
