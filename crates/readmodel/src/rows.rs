//! How rows go into SQL: as one JSON array a statement, which Postgres unfolds with
//! `json_populate_recordset`. The keys are the columns.

use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

/// Runs a statement that unfolds `rows` from its first parameter; nothing for no rows.
pub(crate) async fn execute<T: Serialize>(
    connection: &mut PgConnection,
    statement: &'static str,
    rows: &[T],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let encode = |error| sqlx::Error::Encode(Box::new(error));
    let mut json = serde_json::to_string(rows).map_err(encode)?;
    if json.contains("\\u0000") {
        let mut rows: Value = serde_json::from_str(&json).map_err(encode)?;
        replace_nul(&mut rows);
        json = rows.to_string();
    }
    sqlx::query(statement).bind(json).execute(connection).await?;
    Ok(())
}

/// Postgres' texts cannot hold U+0000, and clients can send it: one such message must not
/// stop a view.
fn replace_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{FFFD}"),
        Value::Array(values) => values.iter_mut().for_each(replace_nul),
        Value::Object(fields) => fields.values_mut().for_each(replace_nul),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_replaced_wherever_it_stands() {
        let mut value = serde_json::json!({"a": ["x\0y", 1, null], "b": {"c": "\0"}});
        replace_nul(&mut value);
        assert_eq!(
            value,
            serde_json::json!({"a": ["x\u{FFFD}y", 1, null], "b": {"c": "\u{FFFD}"}})
        );
    }
}
