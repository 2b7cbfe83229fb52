//! What the derived schemas do not say: their `$id`, the grammar of our texts,
//! and that what is missing is left out and never `null`.

use serde_json::{Map, Value, json};

/// Our ids as tokens of a subject.
const TOKEN: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
const BSUID: &str = r"^[A-Z]{2}\.[A-Za-z0-9]{1,128}$";
const PHONE: &str = r"^\+[1-9][0-9]{6,14}$";
const WA_ID: &str = "^[0-9]{5,20}$";

/// The grammar of a text type, as we write it. Where a type is read more
/// tolerantly (phone numbers), this is the form to send.
const PATTERNS: &[(&str, &str)] = &[
    ("CompanyId", TOKEN),
    ("UserId", TOKEN),
    ("OuId", TOKEN),
    ("ExternalCompanyId", TOKEN),
    ("PoolKey", TOKEN),
    ("PoolId", "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?_[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
    ("PhoneNumberId", "^[0-9]{1,32}$"),
    ("Wamid", "^[!-~]{1,512}$"),
    ("Country", "^[A-Z]{2}$"),
    ("PhoneNumber", PHONE),
    ("WaId", WA_ID),
    ("Bsuid", BSUID),
];

/// The same for the parts of a sender, whose types are lost in the derived schema.
const SENDER: &[(&str, &str)] = &[("bsuid", BSUID), ("wa_id", WA_ID), ("phone", PHONE)];

/// Finishes the schema of something that we write.
pub(super) fn written(path: String, mut schema: Value) -> (String, Value) {
    each(&mut schema, &mut |object| {
        if object.get("additionalProperties") == Some(&json!(false)) {
            object.remove("additionalProperties");
        }
        absent_not_null(object);
    });
    read(path, schema)
}

/// Finishes the schema of something that we read.
pub(super) fn read(path: String, mut schema: Value) -> (String, Value) {
    for (name, pattern) in PATTERNS {
        if let Some(definition) = schema.pointer_mut(&format!("/$defs/{name}")) {
            definition["pattern"] = json!(pattern);
        }
    }
    for (name, pattern) in SENDER {
        let property = format!("/$defs/Sender/properties/{name}");
        if let Some(property) = schema.pointer_mut(&property) {
            property["pattern"] = json!(pattern);
        }
    }
    each(&mut schema, &mut |object| {
        if let Some(Value::String(words)) = object.get_mut("description") {
            *words = plain(words);
        }
    });
    schema["$id"] = json!(format!("urn:onboarding:{path}"));
    (path, schema)
}

/// Lines that were only wrapped are joined; `None` is said without Rust, and what
/// follows up to a link into the code is left out.
fn plain(words: &str) -> String {
    let words = words.split("; [`crate::").next().unwrap_or(words);
    let paragraphs = words.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n").replace("`None`", "absent")
}

/// A property that need not be there is left out when there is no value.
fn absent_not_null(schema: &mut Map<String, Value>) {
    let required = schema.get("required").cloned().unwrap_or_else(|| json!([]));
    let is_required =
        |name: &str| required.as_array().is_some_and(|all| all.contains(&json!(name)));
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !is_required(name)) {
        let Some(property) = property.as_object_mut() else { continue };
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                property.insert("type".into(), only);
            }
        }
        if let Some(Value::Array(either)) = property.get_mut("anyOf") {
            either.retain(|one| *one != json!({ "type": "null" }));
            if let [Value::Object(only)] = either.as_slice() {
                let only = only.clone();
                property.remove("anyOf");
                property.extend(only);
            }
        }
    }
}

/// Calls `change` for every object in a schema.
fn each(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            change(object);
            object.values_mut().for_each(|value| each(value, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| each(value, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_need_not_be_there_is_never_null() {
        let schema = json!({
            "required": ["c"],
            "additionalProperties": false,
            "properties": {
                "a": { "type": ["string", "null"] },
                "b": { "anyOf": [{ "$ref": "#/$defs/B" }, { "type": "null" }], "description": "x\ny" },
                "c": { "type": ["string", "null"] }
            }
        });
        let (_, finished) = written("p".into(), schema);
        let expected = json!({
            "$id": "urn:onboarding:p",
            "required": ["c"],
            "properties": {
                "a": { "type": "string" },
                "b": { "$ref": "#/$defs/B", "description": "x y" },
                "c": { "type": ["string", "null"] }
            }
        });
        assert_eq!(finished, expected);
    }
}
