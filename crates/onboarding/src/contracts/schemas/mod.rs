//! JSON Schemas of what travels on NATS.
//!
//! Events are described as they are written, inputs and questions as they are
//! read. An event may get more fields within its version, so its schema does not
//! forbid unknown ones.

mod finish;
mod split;

use api::dry_run::{DryRun, DryRunQuery};
use api::events_query::{EventsPage, EventsQuery, MAX_LIMIT};
use domain::AggregateType;
use domain::input::{InboundMessage, MessageStatus, OperatorCommand, SendReceipt};
use domain::pool::PoolEvent;
use domain::profile::ProfileEvent;
use domain::request::RequestEvent;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

/// Every schema by its path.
pub(super) fn all() -> Vec<(String, Value)> {
    events().into_iter().chain(inputs()).chain(queries()).collect()
}

/// One schema per event: `schemas/events/<aggregate>/<event>.v1.json`.
pub(super) fn events() -> Vec<(String, Value)> {
    let mut all = vec![];
    for (aggregate, schema) in [
        (AggregateType::OnboardingRequest, written::<RequestEvent>()),
        (AggregateType::ClientProfile, written::<ProfileEvent>()),
        (AggregateType::SecondaryNumberPool, written::<PoolEvent>()),
    ] {
        for (event, schema) in split::variants(&schema) {
            let path = format!("schemas/events/{}/{event}.v1.json", aggregate.as_str());
            all.push(finish::written(path, schema));
        }
    }
    all
}

/// One schema per input that other programs may publish.
fn inputs() -> Vec<(String, Value)> {
    [
        ("inbound-message", read::<InboundMessage>()),
        ("message-status", read::<MessageStatus>()),
        ("send-receipt", read::<SendReceipt>()),
        ("operator-command", read::<OperatorCommand>()),
    ]
    .into_iter()
    .map(|(name, schema)| finish::read(format!("schemas/inputs/{name}.v1.json"), schema))
    .collect()
}

/// The queries that whoever has the log answers; the others are described in OpenAPI.
fn queries() -> Vec<(String, Value)> {
    let (mut question, mut answer) = (read::<EventsQuery>(), written::<EventsPage>());
    question["properties"]["limit"]["minimum"] = json!(1);
    question["properties"]["limit"]["maximum"] = json!(MAX_LIMIT);
    answer["$defs"]["RecordedEvent"]["properties"]["payload"]["contentMediaType"] =
        json!("application/json");
    vec![
        finish::read("schemas/queries/events.question.v1.json".into(), question),
        finish::written("schemas/queries/events.answer.v1.json".into(), answer),
        finish::read("schemas/queries/dry-run.question.v1.json".into(), read::<DryRunQuery>()),
        finish::written("schemas/queries/dry-run.answer.v1.json".into(), written::<DryRun>()),
    ]
}

fn written<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

fn read<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    settings.into_generator().into_root_schema_for::<T>().to_value()
}
