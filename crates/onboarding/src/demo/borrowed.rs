//! Servers that are not the demo's own (`DATABASE_URL`, `NATS_URL`): it leaves
//! them as it found them.

use anyhow::Context;
use async_nats::jetstream::{self, context::GetStreamErrorKind};
use devservers::Server;
use sqlx::{Connection, PgConnection};

/// Everything that the service creates on NATS.
const STREAMS: [&str; 4] = ["INBOX", "EVT", "DLQ", "KV_onboarding-numbers"];

/// Refuses a NATS that somebody else's onboarding uses.
///
/// # Errors
/// It is used, or does not answer.
pub(super) async fn require_unused(nats: &Server) -> anyhow::Result<()> {
    if nats.is_private() {
        return Ok(());
    }
    let jetstream = jetstream::new(async_nats::connect(nats.url()).await?);
    for name in STREAMS {
        match jetstream.get_stream(name).await {
            Ok(_) => anyhow::bail!(
                "the NATS server that NATS_URL names holds a stream {name} already: unset NATS_URL \
                 for a private one, or name one that nobody uses"
            ),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error).context("looking at the streams of NATS_URL"),
        }
    }
    Ok(())
}

fn is_absent(error: &jetstream::context::GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error)
        if error.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND)
}

/// Removes what the demo left on servers that are not its own.
pub(super) async fn clean_up(postgres: &Server, nats: &Server, database: &str) {
    if !nats.is_private()
        && let Ok(client) = async_nats::connect(nats.url()).await
    {
        let jetstream = jetstream::new(client);
        for name in STREAMS {
            let _ = jetstream.delete_stream(name).await;
        }
    }
    if !postgres.is_private()
        && let Ok(mut connection) = PgConnection::connect(postgres.url()).await
    {
        let drop = format!("DROP DATABASE IF EXISTS \"{database}\" WITH (FORCE)");
        if sqlx::query(&drop).execute(&mut connection).await.is_err() {
            eprintln!("The database {database} could not be removed; remove it by hand.");
        }
    }
}
