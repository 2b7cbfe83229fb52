//! Logs and metrics of the whole process.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
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

/// Has panics told without their words: those may quote whatever was at hand, a client's message
/// too. Where it happened is enough to find the fault.
pub(crate) fn keep_panics_to_themselves() {
    std::panic::set_hook(Box::new(|panic| {
        let told = told_of(panic);
        if tracing::enabled!(tracing::Level::ERROR) {
            tracing::error!("{told}");
        } else {
            eprintln!("{told}");
        }
    }));
}

fn told_of(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "an unknown place".into(), ToString::to_string);
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("without a name");
    let told = format!("the thread {name} panicked at {place}; what it said is not repeated");
    // Names of functions and lines of sources only, and only if RUST_BACKTRACE asks for them.
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => format!("{told}\n{backtrace}"),
        _ => told,
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_panic_tells_where_it_happened_and_not_what_it_said() {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let (hears, usual) = (Arc::clone(&told), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            hears.lock().unwrap().push(told_of(panic));
        }));
        let words = "+12025550111 says #michael";
        let panicked = std::panic::catch_unwind(|| panic!("{words}"));
        std::panic::set_hook(usual);
        assert!(panicked.is_err());
        let told = told.lock().unwrap().join("\n");
        assert!(told.contains("telemetry.rs:"), "{told}");
        assert!(!told.contains("1202555") && !told.contains("michael"), "{told}");
    }
}
