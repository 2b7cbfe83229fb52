//! How long a message is on its way from INBOX to EVT, at a steady rate that does not wait for
//! answers: a message that should have been sent while the service was busy counts from the moment
//! at which it should have been sent.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use domain::ids::RequestId;
use futures::StreamExt;
use messaging::inbox::InboxBody;
use uuid::Uuid;

use super::Bench;
use super::backlog::Load;
use super::company::Company;
use super::histogram::Latencies;
use super::site::Site;
use crate::cli::Role;
use crate::service::Service;

/// Events of an onboarding until its room is reserved.
const EVENTS: usize = 6;
/// Before the measurement: plans are made, caches are warm.
const WARM: Duration = Duration::from_secs(2);

/// INBOX to EVT, at rates far below capacity.
pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    bench.report.section(
        "Steady",
        "Messages are sent at fixed moments, whether or not answers came; from the moment at which \
         one should have been sent.",
    );
    for run in 1..=bench.options.runs {
        bench.report.run(run);
        for rate in [50, 500] {
            let taken = at_rate(&bench.site, Company::USUAL, rate, bench.options.seconds).await?;
            bench.report.add_latencies(&format!("INBOX to EVT at {rate}/s"), &taken);
        }
    }
    Ok(())
}

/// Sends `rate` messages a second; by JetStream's clock, when the last of each one's events was stored.
async fn at_rate(
    site: &Site,
    company: Company,
    rate: u32,
    seconds: u64,
) -> anyhow::Result<Latencies> {
    let ground = site.fresh(&company).await?;
    let mut load = Load::of(&ground, company).await?;
    let roles = [Role::Engine, Role::Relay, Role::Projector];
    let service = Service::start(&ground.config, &roles, ground.clock.clone()).await?;
    let publisher = load.publisher();
    let mut due: HashMap<Uuid, SystemTime> = HashMap::new();
    let begun = (tokio::time::Instant::now(), SystemTime::now());
    let many = u64::from(rate) * (seconds + WARM.as_secs());
    for n in 0..many {
        let offset = Duration::from_secs_f64(n as f64 / f64::from(rate));
        tokio::time::sleep_until(begun.0 + offset).await;
        let message = load.next()?;
        if offset >= WARM
            && let InboxBody::Message { company, message } = &message.body
        {
            let request = RequestId::of(company, &message.phone_number_id, &message.id);
            due.insert(request.as_uuid(), begun.1 + offset);
        }
        let publisher = publisher.clone();
        tokio::spawn(async move { publisher.publish(vec![message]).await });
    }
    let client = crate::nats_client(&ground.config).await?;
    let evt = async_nats::jetstream::new(client).get_stream("EVT").await?;
    let reader = evt
        .create_consumer(pull::Config { ack_policy: AckPolicy::None, ..Default::default() })
        .await?;
    let mut messages = reader.messages().await?;
    let mut stored: HashMap<Uuid, (usize, SystemTime)> = HashMap::new();
    let mut complete = 0;
    while complete < due.len() {
        let next = tokio::time::timeout(Duration::from_secs(30), messages.next()).await?;
        let message = next.ok_or_else(|| anyhow::anyhow!("EVT ended"))??;
        let correlation = message.headers.as_ref().and_then(|h| h.get("ce-correlationid"));
        let correlation: Option<Uuid> = correlation.and_then(|id| id.as_str().parse().ok());
        let Some(id) = correlation.filter(|id| due.contains_key(id)) else { continue };
        let info = message.info().map_err(|error| anyhow::anyhow!("{error}"))?;
        let known = stored.entry(id).or_insert((0, SystemTime::UNIX_EPOCH));
        *known = (known.0 + 1, known.1.max(info.published.into()));
        complete += usize::from(known.0 == EVENTS);
    }
    service.stop().await;
    let mut latencies = Latencies::new();
    for (id, due) in &due {
        let (_, stored) = stored.get(id).context("a message without events")?;
        latencies.add(stored.duration_since(*due).unwrap_or_default());
    }
    Ok(latencies)
}
