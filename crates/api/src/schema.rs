//! The read models' rows, and other types with a JSON Schema of their own, as OpenAPI knows them:
//! translated, so that each is described once, where it is.

use std::borrow::Cow;

use readmodel::queries;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! row {
    ($($(#[$doc:meta])* $name:ident = $row:ty;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub $row);

        impl From<$row> for $name {
            fn from(row: $row) -> Self {
                Self(row)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                translated::<$row>().0
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }

            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                schemas.extend(translated::<$row>().1);
            }
        }
    )+};
}
row! {
    /// A 1:1 room.
    ChatRoom = queries::ChatRoom;
    /// A request as lists show it.
    OnboardingRequest = queries::OnboardingRequest;
    /// A request with everything that is known of it. Holds personal data.
    OnboardingRequestDetail = queries::OnboardingRequestDetail;
    /// A reminder.
    Reminder = queries::Reminder;
    /// What a message would lead to. Holds personal data.
    DryRunAnswer = crate::dry_run::DryRun;
}

/// The schema of a type, and those that it refers to.
fn translated<T: JsonSchema>() -> (RefOr<Schema>, Vec<(String, RefOr<Schema>)>) {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut root = schema.to_value();
    let definitions = root.pointer_mut("/components/schemas").map(Value::take);
    if let Some(members) = root.as_object_mut() {
        members.remove("components");
        members.remove("title");
    }
    let named = definitions.as_ref().and_then(Value::as_object).into_iter().flatten();
    let named = named.map(|(name, schema)| (name.clone(), open_api(schema.clone()))).collect();
    (open_api(root), named)
}

/// OpenAPI 3.1 takes JSON Schema as it is; utoipa's types lack `const` and need a `type`.
fn open_api(mut schema: Value) -> RefOr<Schema> {
    adapt(&mut schema);
    serde_json::from_value(schema).unwrap_or_default()
}

fn adapt(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(only) = members.remove("const") {
                members.insert("enum".into(), Value::Array(vec![only]));
            }
            if members.remove("x-personal-data").is_some() {
                let said = members.get("description").and_then(Value::as_str).unwrap_or_default();
                let said = format!("{said} Personal data.");
                members.insert("description".into(), said.trim().into());
            }
            members.values_mut().for_each(adapt);
        }
        Value::Array(values) => values.iter_mut().for_each(adapt),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(schema: &RefOr<Schema>) -> Value {
        serde_json::to_value(schema).unwrap()
    }

    #[test]
    fn a_row_keeps_its_fields_and_says_which_are_personal() {
        let room = json(&ChatRoom::schema());
        assert_eq!(room["properties"]["joined"]["type"], "integer", "{room:#}");
        assert_eq!(room["properties"]["phase"]["$ref"], "#/components/schemas/RoomPhase");
        assert_eq!(room["properties"]["closed_at"]["type"], serde_json::json!(["string", "null"]));
        let request = json(&OnboardingRequestDetail::schema());
        let text = request["properties"]["message_text"]["description"].as_str().unwrap();
        assert!(text.ends_with("Personal data."), "{text}");
    }

    #[test]
    fn nothing_is_lost_on_the_way_into_utoipa() {
        let mut all = Vec::new();
        OnboardingRequestDetail::schemas(&mut all);
        ChatRoom::schemas(&mut all);
        Reminder::schemas(&mut all);
        for (name, schema) in all {
            let schema = json(&schema);
            let says = ["type", "oneOf", "anyOf", "allOf", "$ref"];
            assert!(says.iter().any(|key| schema.get(key).is_some()), "{name}: {schema:#}");
        }
    }
}
