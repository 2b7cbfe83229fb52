//! What must hold once everything has drained, told from what was sent, what WhatsApp received, and
//! the stores. Nothing here knows which faults there were.
//!
//! The part that needs no server ([`requests`], [`sends`], [`order`]) works on what [`Stores`] has
//! read; `onboarding check` is run beside it, as a process, and its findings count as ours.

pub mod order;
pub mod requests;
pub mod sends;
mod stores;

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::ids::RequestId;
use domain::input::Timestamp;
use onboarding::whatsapp::fake::ReceivedMessage;
use serde::Serialize;
use uuid::Uuid;

pub use stores::Stores;

use crate::clock::History;
use crate::load::Asked;

/// What is known from outside.
pub struct Evidence {
    /// Every message that was posted.
    pub asked: Vec<Asked>,
    /// Requests of posts that were answered 200.
    pub answered: HashSet<RequestId>,
    /// What WhatsApp took, in its order.
    pub received: Vec<ReceivedMessage>,
    /// When the statuses of which of these had been answered 200, by place.
    pub told: HashMap<usize, Timestamp>,
    /// How the copies' clocks have stood: `received` and `told` are by the machine's, what the log
    /// tells by theirs.
    pub clocks: History,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Who says so: `lab`, or `onboarding check`.
    pub by: &'static str,
    /// What kind of thing.
    pub kind: String,
    /// What exactly, without personal data.
    pub what: String,
}

impl Finding {
    /// One of the lab's own.
    pub fn new(kind: &str, what: String) -> Self {
        Self { by: "lab", kind: kind.to_owned(), what }
    }
}

/// An event's place.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Place {
    /// In the log.
    pub position: i64,
    /// The aggregate.
    pub aggregate: String,
    /// In its stream.
    pub sequence: i64,
}

/// An event of a request, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Told {
    /// In the log.
    pub position: i64,
    /// Its name.
    pub event_type: String,
    /// The request.
    pub request: Uuid,
    /// The message of ours that it tells of.
    pub message: Option<Uuid>,
    /// Which attempt.
    pub attempt: Option<i64>,
    /// When.
    pub at: Option<Timestamp>,
    /// How the request ended.
    pub outcome: Option<String>,
}

/// What the checker says.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What does not hold.
    pub findings: Vec<Finding>,
    /// How the requests ended.
    pub outcomes: BTreeMap<String, usize>,
    /// Events in the log.
    pub events: usize,
    /// How often WhatsApp got a message that it had.
    pub sent_again: usize,
}

/// Checks everything.
///
/// # Errors
/// The stores don't answer, or `onboarding check` does not run.
pub async fn all(evidence: &Evidence, stores: &Stores<'_>) -> anyhow::Result<Checked> {
    let places = stores.places().await?;
    let told = stores.told().await?;
    let mut findings = requests::check(evidence, &told);
    findings.extend(sends::check(evidence, &told));
    findings.extend(order::check(&places));
    findings.extend(stores.check().await?);
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for outcome in told.iter().filter_map(|event| event.outcome.clone()) {
        *outcomes.entry(outcome).or_default() += 1;
    }
    let (events, sent_again) = (places.len(), sends::sent_again(evidence));
    Ok(Checked { findings, outcomes, events, sent_again })
}
