//! What the streams should be. What the server would fill in is written out,
//! so that it can be compared.

use std::time::Duration;

use async_nats::jetstream::stream::{
    Compression, Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType,
};

use super::{DLQ, EVT, INBOX, StreamSettings};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Every input until all its consumers have settled it, 14 days at most. Full means refused: the
/// gateway then answers WhatsApp with an error, and WhatsApp delivers again. It takes atomic
/// batches, because a batch is synced to the disk once.
pub(super) fn inbox(settings: StreamSettings) -> Config {
    Config {
        name: INBOX.into(),
        description: Some("What enters the lanes of the companies, and raw posts".into()),
        subjects: ["wa.raw.v1.>", "wa.in.v1.>", "wa.status.v1.>", "cmd.onboarding.v1.>"]
            .map(Into::into)
            .to_vec(),
        max_age: 14 * DAY,
        allow_atomic_publish: true,
        max_bytes: settings
            .inbox_max_bytes
            .map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        ..plain(settings)
    }
}

/// Every event; its sequence is the event's position. No message may go missing inside, so
/// single ones can't be deleted.
pub(super) fn evt(settings: StreamSettings) -> Config {
    Config {
        name: EVT.into(),
        description: Some("Every event at its position; can be refilled from Postgres".into()),
        subjects: vec!["evt.onboarding.>".into()],
        deny_delete: true,
        persist_mode: (settings.replicas == 1).then_some(PersistenceMode::Async),
        ..plain(settings)
    }
}

/// Inputs that could not be decided, until somebody looks at them.
pub(super) fn dlq(settings: StreamSettings) -> Config {
    Config {
        name: DLQ.into(),
        description: Some("Parked inputs, each with its reason".into()),
        subjects: vec!["dlq.onboarding.>".into()],
        ..plain(settings)
    }
}

fn plain(settings: StreamSettings) -> Config {
    Config {
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        num_replicas: settings.replicas,
        allow_direct: true,
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_consumers: -1,
        // Only looked at for messages with `Nats-Msg-Id`, which we don't send.
        duplicate_window: Duration::from_secs(120),
        compression: Some(Compression::None),
        ..Config::default()
    }
}
