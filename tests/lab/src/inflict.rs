//! Does to the site what the schedule says, and heals it again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_nats::jetstream::Context as JetStream;
use async_nats::jetstream::stream::Info;
use chrono::TimeDelta;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use onboarding::whatsapp::fake::{Behaviour, FakeCloudApi};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::evt_folder;
use crate::fault::{Fault, Place, Server, Twin, Way};
use crate::nats::PATIENCE;
use crate::proxy::Mode;
use crate::report::{Inflicted, Tell};
use crate::schedule::{Planned, Schedule};
use crate::site::Site;

/// How long a relay may take until it publishes, or until it takes over.
const OVERTAKEN: Duration = Duration::from_secs(30);
/// Slow, but within the time that the sender waits for.
const SLOW: Duration = Duration::from_millis(400);
/// Beyond it.
const TOO_SLOW: Duration = Duration::from_millis(2_500);

/// All faults at their times. Returns when the last one is healed.
pub(crate) async fn all(
    site: &Site,
    streams: &JetStream,
    schedule: &Schedule,
    begun: Instant,
    tell: &Tell<'_>,
) -> anyhow::Result<Vec<Inflicted>> {
    let of = schedule.0.len();
    // Faults of a place take their turn: a healing may last longer than was drawn, for a server takes
    // its time to start, or nodes of a cluster to elect.
    let mut turns: BTreeMap<Place, Arc<Mutex<()>>> = BTreeMap::new();
    let faults = schedule.0.iter().enumerate().map(|(number, planned)| {
        let turn = turns.entry(planned.fault.place()).or_default().clone();
        (number, planned, turn)
    });
    let faults = faults.map(|(number, planned, turn)| async move {
        let Planned { at, lasts, fault } = *planned;
        sleep_until(begun + at).await;
        let _turn = turn.lock().await;
        let seconds = lasts.as_secs_f64();
        tell.line(&format!("fault {} of {of}: {fault}, for {seconds:.1} s", number + 1));
        let struck = Instant::now();
        let done = async {
            strike(site, streams, fault).await?;
            sleep(lasts).await;
            heal(site, streams, fault).await
        };
        done.await.with_context(|| fault.to_string())?;
        anyhow::Ok(Inflicted {
            kind: fault.kind(),
            fault,
            at_seconds: (struck - begun).as_secs_f64(),
            seconds: struck.elapsed().as_secs_f64(),
        })
    });
    futures::future::try_join_all(faults).await
}

async fn strike(site: &Site, streams: &JetStream, fault: Fault) -> anyhow::Result<()> {
    match fault {
        Fault::Killed(twin) => site.kill(twin).await,
        Fault::Paused(twin) => {
            // One that has just ended by itself is not there to be stopped.
            let _ = site.process(twin).await.signal(Signal::SIGSTOP);
            Ok(())
        }
        Fault::PostgresCrashed => site.postgres.kill().await,
        Fault::PostgresStopped => site.postgres.stop().await,
        Fault::PostgresClosed => signal(&site.postgres, Signal::SIGSTOP),
        Fault::NatsCrashed => site.nats.kill().await,
        Fault::NatsPaused => site.nats.signal(Signal::SIGSTOP),
        Fault::NodeKilled(leads) => site.nats.kill_node(leads).await,
        Fault::NodeApart(leads, clients) => site.nats.part(leads, clients).await,
        Fault::NodeEmptied(leads) => site.nats.empty(leads).await,
        Fault::EvtDeleted => delete_evt(streams).await,
        Fault::EvtOlder => evt_folder::keep_copy(site).await,
        Fault::EvtFolderGone => evt_folder::lose(site).await,
        Fault::InboxFull => limit_inbox(streams, None).await,
        Fault::PostgresDiskFull => site.disk(Server::Postgres)?.fill(),
        Fault::NatsDiskFull => site.disk(Server::Nats)?.fill(),
        Fault::ClockAhead(whose, seconds) => {
            site.clocks.advance(&whose.twins(), TimeDelta::seconds(seconds.into()))
        }
        Fault::ClockBack(whose, seconds) => {
            site.clocks.advance(&whose.twins(), TimeDelta::seconds(-i64::from(seconds)))
        }
        Fault::Cut(way) => {
            site.way(way).set(Mode::Cut);
            Ok(())
        }
        Fault::Stalled(way) => {
            site.way(way).set(Mode::Stalled);
            Ok(())
        }
        Fault::RelayOvertaken => overtake_relay(site, streams).await,
        Fault::CommitAnswersLost(twin) => {
            site.way(Way { twin, to: Server::Postgres }).set(Mode::LosingAnswers);
            Ok(())
        }
        Fault::CloudAway | Fault::CloudSlow | Fault::CloudAnswersLost => {
            misbehave(&site.stage.cloud, fault);
            Ok(())
        }
    }
}

async fn heal(site: &Site, streams: &JetStream, fault: Fault) -> anyhow::Result<()> {
    match fault {
        Fault::Killed(twin) => site.start_again(twin).await,
        Fault::Paused(twin) => {
            let _ = site.process(twin).await.signal(Signal::SIGCONT);
            Ok(())
        }
        Fault::PostgresCrashed | Fault::PostgresStopped => site.postgres.restart().await,
        Fault::PostgresClosed => signal(&site.postgres, Signal::SIGCONT),
        Fault::NatsCrashed => site.nats.restart().await,
        Fault::NatsPaused => site.nats.signal(Signal::SIGCONT),
        Fault::NodeKilled(_) => site.nats.restart_node().await,
        Fault::NodeApart(..) => site.nats.rejoin(),
        Fault::NodeEmptied(_) => site.nats.refill().await,
        // By the relay.
        Fault::EvtDeleted => Ok(()),
        Fault::EvtOlder => evt_folder::put_copy_back(site).await,
        Fault::EvtFolderGone => site.nats.restart().await,
        Fault::InboxFull => {
            let limit = site.stage.config.streams.inbox_max_bytes;
            limit_inbox(streams, Some(limit)).await
        }
        Fault::PostgresDiskFull => {
            site.disk(Server::Postgres)?.empty()?;
            // It may have given up meanwhile.
            site.postgres.restart().await
        }
        Fault::NatsDiskFull => {
            site.disk(Server::Nats)?.empty()?;
            // After an error of the disk it takes nothing more until it is started anew.
            site.nats.restart().await
        }
        Fault::ClockAhead(..) => site.clocks.agree(),
        Fault::ClockBack(whose, seconds) => {
            site.clocks.advance(&whose.twins(), TimeDelta::seconds(seconds.into()))
        }
        Fault::Cut(way) | Fault::Stalled(way) => {
            site.way(way).set(Mode::Open);
            Ok(())
        }
        Fault::RelayOvertaken => {
            for twin in Twin::BOTH {
                site.way(Way { twin, to: Server::Postgres }).set(Mode::Open);
                site.way(Way { twin, to: Server::Nats }).set(Mode::Open);
            }
            Ok(())
        }
        Fault::CommitAnswersLost(twin) => {
            site.way(Way { twin, to: Server::Postgres }).set(Mode::Open);
            Ok(())
        }
        Fault::CloudAway | Fault::CloudSlow | Fault::CloudAnswersLost => {
            site.stage.cloud.forget_script();
            Ok(())
        }
    }
}

fn signal(server: &devservers::Server, signal: Signal) -> anyhow::Result<()> {
    let pid = server.pid().context("the server does not run")?;
    kill(Pid::from_raw(pid.cast_signed()), signal).context("a signal to a server")
}

/// Returns when the other copy's relay has published; what the first one has published is still on its
/// way.
async fn overtake_relay(site: &Site, streams: &JetStream) -> anyhow::Result<()> {
    let to_nats = |twin| site.way(Way { twin, to: Server::Nats });
    for twin in Twin::BOTH {
        to_nats(twin).set(Mode::StallingAtEvent);
    }
    let (first, second) = (to_nats(Twin::First), to_nats(Twin::Second));
    let active = timeout(OVERTAKEN, async {
        tokio::select! {
            () = first.stalled() => Twin::First,
            () = second.stalled() => Twin::Second,
        }
    });
    let active = active.await.context("no relay publishes anything")?;
    to_nats(active.other()).set(Mode::Open);
    let ends_at =
        async || anyhow::Ok(streams.get_stream("EVT").await?.cached_info().state.last_sequence);
    // What it has published before is still being stored.
    let mut before = ends_at().await?;
    loop {
        sleep(Duration::from_millis(500)).await;
        match ends_at().await? {
            same if same == before => break,
            more => before = more,
        }
    }
    site.way(Way { twin: active, to: Server::Postgres }).set(Mode::Cut);
    let overtaken = timeout(OVERTAKEN, async {
        while ends_at().await? == before {
            sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    });
    overtaken.await.context("the other copy's relay publishes nothing")?
}

async fn delete_evt(streams: &JetStream) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match streams.delete_stream("EVT").await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            // Not back yet, or the relay is just making it.
            Err(_) => sleep(Duration::from_millis(200)).await,
        }
    }
}

/// INBOX takes so many bytes; none more than it holds now without a number. What it holds stays: a
/// stream that refuses what is new drops nothing for a lower limit.
async fn limit_inbox(streams: &JetStream, bytes: Option<u64>) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match try_to_limit_inbox(streams, bytes).await {
            Err(_) if Instant::now() < deadline => sleep(Duration::from_millis(200)).await,
            done => return done,
        }
    }
}

async fn try_to_limit_inbox(streams: &JetStream, bytes: Option<u64>) -> anyhow::Result<()> {
    let inbox = streams.get_stream("INBOX").await?;
    let Info { mut config, state, .. } = inbox.cached_info().clone();
    config.max_bytes = i64::try_from(bytes.unwrap_or(state.bytes.max(1)))?;
    streams.update_stream(&config).await?;
    Ok(())
}

/// Two behaviours by turns.
fn misbehave(cloud: &FakeCloudApi, fault: Fault) {
    let unavailable = Behaviour::Refuse { http_status: 503, code: None, retry_after: None };
    let [one, other] = match fault {
        Fault::CloudAway => [Behaviour::HangUp, unavailable],
        Fault::CloudSlow => [Behaviour::AnswerLate(SLOW), Behaviour::AnswerLate(TOO_SLOW)],
        _ => [Behaviour::LoseAnswer, Behaviour::Accept],
    };
    let mut turn = false;
    cloud.usually(move || {
        turn = !turn;
        if turn { one.clone() } else { other.clone() }
    });
}
