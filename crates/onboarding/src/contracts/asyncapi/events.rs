//! Events, on the stream EVT.

use serde_json::json;

use super::super::schemas;
use super::{Action, Parts};

pub(super) fn add(parts: &mut Parts) {
    for (path, schema) in schemas::events() {
        let mut words = path.trim_start_matches("schemas/events/").split(['/', '.']);
        let (Some(aggregate), Some(event), Some(version)) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let message = json!({
            "name": format!("onboarding.{aggregate}.{event}.{version}"),
            "summary": schema["description"],
            "contentType": "application/json",
            "headers": { "$ref": "#/components/schemas/eventHeaders" },
            "payload": { "$ref": format!("./{path}") }
        });
        let address =
            format!("evt.onboarding.{aggregate}.{event}.{version}.{{company}}.{{aggregate_id}}");
        parts.add(&format!("{aggregate}.{event}"), &address, message, Action::Send);
    }
}
