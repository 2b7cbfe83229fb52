//! Which item of a post goes where.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::ids::{AppId, CompanyId, PhoneNumberId};
use messaging::inbox::InboxBody;
use messaging::numbers::NumberMap;
use messaging::stray::{Stray, UNKNOWN_NUMBER};
use whatsapp::webhook::{Item, Post, Update};

use super::parking::Parked;
use crate::problem::Problem;

/// A post, taken apart.
pub(super) struct Split {
    pub(super) post_sha256: String,
    /// Messages and statuses, in the order of the post.
    pub(super) lanes: Vec<InboxBody>,
    pub(super) parked: Vec<Parked>,
    /// How many items of which kind, for the metric.
    pub(super) kinds: BTreeMap<&'static str, u64>,
}

/// Takes a post apart.
///
/// # Errors
/// `unavailable` when no number of any company is known: then the map is not there yet, and
/// parking every message would be wrong, while WhatsApp repeats.
pub(super) fn split(app: &AppId, post: Post, numbers: &NumberMap) -> Result<Split, Problem> {
    let concerns_numbers =
        |item: &Item| matches!(&item.content, Ok(Update::Message(_) | Update::Status(_)));
    if numbers.is_empty() && post.items.iter().any(concerns_numbers) {
        tracing::warn!(%app, "no numbers are known yet; is the map of numbers filled?");
        return Err(Problem::unavailable("No numbers are known yet; post the same again"));
    }
    let mut split = Split::new(post.sha256);
    for item in post.items {
        split.add(app, item, numbers);
    }
    Ok(split)
}

impl Split {
    /// With nothing in it yet.
    pub(super) const fn new(post_sha256: String) -> Self {
        Self { post_sha256, lanes: vec![], parked: vec![], kinds: BTreeMap::new() }
    }

    fn add(&mut self, app: &AppId, item: Item, numbers: &NumberMap) {
        let kind = match item.content {
            Ok(Update::Other { field }) => {
                let field = if is_name(&field) { field.as_str() } else { "?" };
                tracing::debug!(%app, field, "an update that nothing asks for");
                "other"
            }
            Ok(Update::Message(message)) => match company(app, &message.phone_number_id, numbers) {
                Ok(company) => {
                    self.lanes.push(InboxBody::Message { company, message });
                    "message"
                }
                Err(reason) => self.park_stray(reason, &Stray::Message(message)),
            },
            Ok(Update::Status(status)) => match company(app, &status.phone_number_id, numbers) {
                Ok(company) => {
                    self.lanes.push(InboxBody::Status { company, status });
                    "status"
                }
                Err(reason) => self.park_stray(reason, &Stray::Status(status)),
            },
            Err(bad) => {
                let raw = String::from(Box::<str>::from(item.raw));
                self.park("bad-item", bad.to_string(), raw.into())
            }
        };
        *self.kinds.entry(kind).or_default() += 1;
    }

    /// As it was read, number and all: it can be put into its lane once the directory has it.
    fn park_stray(&mut self, reason: String, stray: &Stray) -> &'static str {
        self.park(UNKNOWN_NUMBER, reason, stray.to_payload())
    }

    fn park(&mut self, code: &'static str, reason: String, payload: Bytes) -> &'static str {
        self.parked.push(Parked { code, reason, payload });
        code
    }
}

/// Only what looks like WhatsApp's names of fields is logged: anything may stand there.
fn is_name(field: &str) -> bool {
    field.len() <= 40 && field.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// Whose number it is, if it is this app's: else whoever knows one app's secret could write into
/// the lanes of all companies.
fn company(app: &AppId, number: &PhoneNumberId, numbers: &NumberMap) -> Result<CompanyId, String> {
    let entry = numbers
        .get(number)
        .ok_or_else(|| format!("no company has the phone_number_id {number}"))?;
    let of_app = entry.more.get("app").and_then(|app| app.as_str());
    if of_app == Some(app.as_str()) {
        Ok(entry.company.clone())
    } else {
        Err(format!("the phone_number_id {number} belongs to another app than {app}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use whatsapp::post::{Client, ClientMessage, WebhookPost};

    use super::*;

    fn post(number: &str) -> Post {
        let at = "2026-05-01T12:00:00Z".parse().unwrap();
        let ann = Client::with_phone("12025550101");
        let message = ClientMessage::text(&ann, "wamid.A", at, "Hi #michael");
        let body = WebhookPost::new().messages(number, &[message]).into_body();
        whatsapp::webhook::parse(&body, at).unwrap()
    }

    fn numbers() -> NumberMap {
        let entry = |app: Option<&str>| {
            let entry = json!({ "company": "acme", "app": app });
            serde_json::from_value(entry).unwrap()
        };
        NumberMap::from([
            ("1".parse().unwrap(), entry(Some("main"))),
            ("2".parse().unwrap(), entry(Some("other"))),
            ("3".parse().unwrap(), entry(None)),
        ])
    }

    #[test]
    fn a_message_goes_into_the_lane_of_the_company_that_has_the_number_in_this_app() {
        let app: AppId = "main".parse().unwrap();
        for (number, taken) in [("1", true), ("2", false), ("3", false), ("4", false)] {
            let split = split(&app, post(number), &numbers()).ok().unwrap();
            assert_eq!(split.lanes.len(), usize::from(taken), "{number}");
            assert_eq!(split.parked.len(), usize::from(!taken), "{number}");
            for Parked { code, payload, .. } in &split.parked {
                let (app, stray) = Stray::of_parked("wa.raw.v1.main", code, payload).unwrap();
                assert_eq!((app.as_str(), stray.number().as_str()), ("main", number));
            }
        }
    }

    #[test]
    fn while_no_number_is_known_nothing_is_parked() {
        let app: AppId = "main".parse().unwrap();
        let problem = split(&app, post("1"), &NumberMap::new()).err().unwrap();
        assert_eq!((problem.status, problem.code()), (503, "unavailable"));
    }
}
