//! Bugs that a run can be made with, to show that the checker finds what comes of them.
//!
//! The program is the same; each bug is put underneath it, at the place where the service relies on
//! what is taken away here.

use std::fmt;

use async_nats::{Client, Subject};
use clap::ValueEnum;
use futures::StreamExt;
use sqlx::PgPool;
use tokio_util::task::AbortOnDropHandle;

use crate::proxy::CHAIN;

/// What a delivery from INBOX is acknowledged by begins so.
const RECEIPT: &str = "$JS.ACK.INBOX.";

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Bug {
    /// What INBOX delivers is acknowledged at once, and not after the commit.
    EarlyAcknowledgement,
    /// The relay publishes without saying which event its own comes after.
    NoChain,
    /// A crash of Postgres takes rows of a view, and leaves its checkpoint where it was.
    CheckpointAlone,
    /// Nobody knows which inputs are decided: neither INBOX nor Postgres.
    NoDuplicateCheck,
    /// An append takes its positions before the lock, and keeps them whatever becomes of it.
    PositionBeforeLock,
}

impl Bug {
    /// Puts it under a service that does not run yet.
    ///
    /// # Errors
    /// The database is not as it was when this was written.
    pub(crate) async fn plant(self, pool: &PgPool) -> anyhow::Result<()> {
        let change = match self {
            Self::EarlyAcknowledgement | Self::NoChain => return Ok(()),
            Self::CheckpointAlone => CHECKPOINT_ALONE,
            Self::NoDuplicateCheck => NO_DUPLICATE_CHECK,
            Self::PositionBeforeLock => POSITION_BEFORE_LOCK,
        };
        sqlx::raw_sql(change).execute(pool).await?;
        Ok(())
    }

    /// What a way to NATS makes unreadable: a header of every event.
    pub(crate) const fn hides(self) -> Option<&'static [u8]> {
        match self {
            Self::NoChain => Some(CHAIN),
            _ => None,
        }
    }

    /// What has to go on while the service runs.
    ///
    /// # Errors
    /// NATS does not answer.
    pub(crate) async fn keep_up(
        self,
        nats: Client,
    ) -> anyhow::Result<Option<AbortOnDropHandle<()>>> {
        if self != Self::EarlyAcknowledgement {
            return Ok(None);
        }
        let mut delivered = nats.subscribe("_INBOX.>").await?;
        nats.flush().await?;
        let acknowledging = async move {
            while let Some(message) = delivered.next().await {
                let of_inbox = |reply: &Subject| reply.starts_with(RECEIPT);
                if let Some(reply) = message.reply.filter(of_inbox) {
                    // Where NATS is away, nothing is delivered either.
                    let _ = nats.publish(reply, "+ACK".into()).await;
                }
            }
        };
        Ok(Some(AbortOnDropHandle::new(tokio::spawn(acknowledging))))
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EarlyAcknowledgement => "inputs are acknowledged before the commit",
            Self::NoChain => "the relay publishes without the chain",
            Self::CheckpointAlone => "a checkpoint stays where a view's rows do not",
            Self::NoDuplicateCheck => "nobody knows which inputs are decided",
            Self::PositionBeforeLock => "positions are taken before the lock",
        })
    }
}

/// Rows and checkpoint are in one transaction; these rows do not survive a crash.
const CHECKPOINT_ALONE: &str = "ALTER TABLE rm_chat_rooms SET UNLOGGED";

/// What is noted of an input is noted of another one that never comes.
const NO_DUPLICATE_CHECK: &str = "
    CREATE FUNCTION forget_the_input() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.input_id := gen_random_uuid();
        RETURN NEW;
    END
    $$;
    CREATE TRIGGER forget_the_input BEFORE INSERT ON inputs
    FOR EACH ROW EXECUTE FUNCTION forget_the_input()";

/// A sequence gives nothing back: what an append has taken and does not use is a hole.
const POSITION_BEFORE_LOCK: &str = "
    CREATE SEQUENCE positions_taken MINVALUE 0;
    SELECT setval('positions_taken', position) FROM log_head;
    DO $do$
    DECLARE
        sound text := pg_get_functiondef('append_events(append_items, append_streams, append_rows,
            append_people, append_rooms, boolean, boolean, jsonb)'::regprocedure);
        locked text := 'SELECT * INTO STRICT head FROM log_head FOR UPDATE;';
        changed text := replace(sound, locked,
            'base := (SELECT last_value FROM positions_taken);
            PERFORM setval(''positions_taken'', base + coalesce((items).last_event[many], 0));'
            || locked || 'head.position := base;');
    BEGIN
        IF changed = sound THEN
            RAISE EXCEPTION 'append_events does not take the lock as it used to';
        END IF;
        EXECUTE changed;
    END
    $do$";
