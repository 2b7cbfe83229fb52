//! Logs and metrics of the whole process.

use std::sync::{Mutex, PoisonError};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::{Log, LogFormat};

/// Libraries that log what they carry, and so personal data, below these levels. Whatever the
/// filter says, they stay there.
const TALKATIVE: [&str; 1] = ["async_nats::connection=debug"];

/// Starts logging to standard error. A second call changes nothing.
///
/// # Errors
/// The filter cannot be read.
pub(crate) fn start_logs(log: &Log) -> anyhow::Result<()> {
    let mut filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| anyhow::anyhow!("log.filter {:?}: {error}", log.filter))?;
    for quiet in TALKATIVE {
        filter = filter.add_directive(quiet.parse()?);
    }
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE);
    let _ = match log.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.try_init(),
    };
    Ok(())
}

/// The process's metrics, in Prometheus' text form. One recorder a process.
pub(crate) fn metrics() -> anyhow::Result<PrometheusHandle> {
    static RECORDER: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut recorder = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*recorder {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new().install_recorder()?;
    Ok(recorder.insert(handle).clone())
}
