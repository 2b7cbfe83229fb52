//! The way down: post, entries, changes, items. Each level reports what is
//! broken in it as one item and goes on with the next.

use domain::ids::PhoneNumberId;
use domain::input::{Evidence, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::contact::Contacts;
use super::{BadItem, BadItemCode, Item, Update, identity, json, message, sha256_hex, status};

/// Everything in a post's root object.
pub(super) fn items(root: &RawValue, post_sha256: &str, received_at: Timestamp) -> Vec<Item> {
    let mut reader = Reader { post_sha256, received_at, items: Vec::new() };
    let read = reader.post(root);
    reader.report(root, read);
    reader.items
}

struct Reader<'a> {
    post_sha256: &'a str,
    received_at: Timestamp,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct RawPost<'a> {
    #[serde(borrow)]
    object: Option<&'a RawValue>,
    entry: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawEntry<'a> {
    #[serde(borrow)]
    changes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawChange<'a> {
    #[serde(borrow)]
    field: Option<&'a RawValue>,
    value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawChangeValue<'a> {
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    contacts: Option<&'a RawValue>,
    messages: Option<&'a RawValue>,
    statuses: Option<&'a RawValue>,
    user_id_update: Option<&'a RawValue>,
    errors: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawMetadata<'a> {
    #[serde(borrow)]
    phone_number_id: Option<&'a RawValue>,
}

impl Reader<'_> {
    fn post(&mut self, raw: &RawValue) -> Result<(), BadItem> {
        let post: RawPost<'_> = json::object(raw, "the post")?;
        let of_whatsapp =
            |object| json::text(object).as_deref() == Some("whatsapp_business_account");
        if !post.object.is_none_or(of_whatsapp) {
            return Err(BadItem { code: BadItemCode::NotWhatsApp, field: "object" });
        }
        for entry in json::list(json::required(post.entry, "entry")?, "entry")? {
            let read = self.entry(entry);
            self.report(entry, read);
        }
        Ok(())
    }

    fn entry(&mut self, raw: &RawValue) -> Result<(), BadItem> {
        let entry: RawEntry<'_> = json::object(raw, "entry[]")?;
        let changes = json::required(entry.changes, "entry[].changes")?;
        for change in json::list(changes, "entry[].changes")? {
            let read = self.change(change);
            self.report(change, read);
        }
        Ok(())
    }

    fn change(&mut self, raw: &RawValue) -> Result<(), BadItem> {
        let change: RawChange<'_> = json::object(raw, "changes[]")?;
        let field = change.field.map_or_else(
            || Ok("messages".to_owned()),
            |field| json::name(field).ok_or(json::invalid("changes[].field")),
        )?;
        if field == "messages" {
            let value = json::required(change.value, "changes[].value")?;
            self.messages_change(raw, value)
        } else if field == "user_id_update" {
            let value = json::required(change.value, "changes[].value")?;
            self.identity_change(value)
        } else {
            let value = change.value.and_then(|value| json::object(value, "").ok());
            let number = value.and_then(|value| phone_number_id(&value).ok());
            self.push(number.as_ref(), raw, Ok(Update::Other { field }));
            Ok(())
        }
    }

    /// A change of the field `user_id_update`: clients that have another id from now on.
    fn identity_change(&mut self, value: &RawValue) -> Result<(), BadItem> {
        const UPDATES: &str = "user_id_update";
        let value: RawChangeValue<'_> = json::object(value, "changes[].value")?;
        let number = phone_number_id(&value)?;
        for raw in json::list(json::required(value.user_id_update, UPDATES)?, UPDATES)? {
            let read = identity::of_update(raw, &number, self.received_at);
            self.push(Some(&number), raw, read.map(Update::Message));
        }
        Ok(())
    }

    /// A change of the field `messages`: messages, statuses, or both.
    fn messages_change(&mut self, change: &RawValue, value: &RawValue) -> Result<(), BadItem> {
        let value: RawChangeValue<'_> = json::object(value, "changes[].value")?;
        let number = phone_number_id(&value)?;
        if let Some(messages) = value.messages {
            let read = self.messages(&number, messages, value.contacts);
            self.report_of(Some(&number), change, read);
        }
        if let Some(statuses) = value.statuses {
            let read = self.statuses(&number, statuses);
            self.report_of(Some(&number), change, read);
        }
        if let Some(errors) = value.errors {
            self.push(Some(&number), errors, Ok(other("errors")));
        }
        if value.messages.or(value.statuses).or(value.errors).is_none() {
            self.push(Some(&number), change, Ok(other("messages")));
        }
        Ok(())
    }

    fn messages(
        &mut self,
        number: &PhoneNumberId,
        messages: &RawValue,
        contacts: Option<&RawValue>,
    ) -> Result<(), BadItem> {
        let contacts = Contacts::read(contacts);
        for raw in json::list(messages, "messages")? {
            let read = message::read(raw, &contacts, number, self.received_at);
            self.push(Some(number), raw, read.map(Update::Message));
        }
        Ok(())
    }

    fn statuses(&mut self, number: &PhoneNumberId, statuses: &RawValue) -> Result<(), BadItem> {
        for raw in json::list(statuses, "statuses")? {
            let read = status::read(raw, number);
            let update = read.map(|s| s.map_or_else(|| other("statuses"), Update::Status));
            self.push(Some(number), raw, update);
        }
        Ok(())
    }

    fn report(&mut self, raw: &RawValue, read: Result<(), BadItem>) {
        self.report_of(None, raw, read);
    }

    fn report_of(
        &mut self,
        number: Option<&PhoneNumberId>,
        raw: &RawValue,
        read: Result<(), BadItem>,
    ) {
        if let Err(bad) = read {
            self.push(number, raw, Err(bad));
        }
    }

    fn push(
        &mut self,
        number: Option<&PhoneNumberId>,
        raw: &RawValue,
        mut content: Result<Update, BadItem>,
    ) {
        let sha256 = sha256_hex(raw.get().as_bytes());
        let evidence = || {
            Some(Evidence { post_sha256: self.post_sha256.to_owned(), item_sha256: sha256.clone() })
        };
        match &mut content {
            Ok(Update::Message(message)) => message.evidence = evidence(),
            Ok(Update::Status(status)) => status.evidence = evidence(),
            Ok(Update::Other { .. }) | Err(_) => {}
        }
        self.items.push(Item {
            phone_number_id: number.cloned(),
            raw: raw.to_owned(),
            sha256,
            content,
        });
    }
}

fn other(field: &str) -> Update {
    Update::Other { field: field.to_owned() }
}

fn phone_number_id(value: &RawChangeValue<'_>) -> Result<PhoneNumberId, BadItem> {
    const FIELD: &str = "metadata.phone_number_id";
    let metadata: RawMetadata<'_> =
        json::object(json::required(value.metadata, "metadata")?, "metadata")?;
    json::text(json::required(metadata.phone_number_id, FIELD)?)
        .and_then(|id| id.parse().ok())
        .ok_or(json::invalid(FIELD))
}
