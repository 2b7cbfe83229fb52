//! Pages of a list, by keyset: a page starts right after the row that the last one ended with.

use domain::input::Timestamp;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgPool, Postgres, QueryBuilder};

use super::cursor::Cursor;
use super::{QueryError, failed};

/// The longest page, in rows.
pub const MAX_LIMIT: u32 = 200;

/// Which page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Paging {
    /// How many rows at most, 1 to 200. Default 50.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 200))]
    pub limit: u32,
    /// `next` of the page before; none for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

const fn default_limit() -> u32 {
    50
}

impl Default for Paging {
    fn default() -> Self {
        Self { limit: default_limit(), cursor: None }
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The rows, newest first.
    pub items: Vec<T>,
    /// The cursor of the page after this one; none if there is none.
    pub next: Option<String>,
}

/// A list: what it is called, and the columns that order it.
pub(super) struct List {
    pub(super) name: &'static str,
    pub(super) time: &'static str,
    pub(super) id: &'static str,
}

/// A row knows its place in its list.
pub(super) trait Place: DeserializeOwned + Send + Unpin + 'static {
    fn place(&self) -> Cursor;
}

impl List {
    /// Restricts the list to a span of time: from, inclusive, to, exclusive.
    pub(super) fn span(
        &self,
        sql: &mut QueryBuilder<'_, Postgres>,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) {
        if let Some(from) = from {
            sql.push(format!(" AND {} >= ", self.time)).push_bind(from);
        }
        if let Some(to) = to {
            sql.push(format!(" AND {} < ", self.time)).push_bind(to);
        }
    }

    /// One page of a `SELECT` that gives each row as JSON and ends within its `WHERE`.
    pub(super) async fn page<T: Place>(
        &self,
        pool: &PgPool,
        mut sql: QueryBuilder<'_, Postgres>,
        paging: &Paging,
    ) -> Result<Page<T>, QueryError> {
        if !(1..=MAX_LIMIT).contains(&paging.limit) {
            return Err(QueryError::BadLimit(paging.limit));
        }
        let Self { name, time, id } = self;
        if let Some(cursor) = &paging.cursor {
            let Cursor { at, id: last } = Cursor::read(cursor, name)?;
            sql.push(format!(" AND ({time}, {id}) < (")).push_bind(at);
            sql.push(", ").push_bind(last).push(")");
        }
        sql.push(format!(" ORDER BY {time} DESC, {id} DESC LIMIT "));
        sql.push_bind(i64::from(paging.limit) + 1);
        let rows: Vec<Json<T>> =
            sql.build_query_scalar().fetch_all(pool).await.map_err(failed(name))?;
        let mut items: Vec<T> = rows.into_iter().map(|Json(row)| row).collect();
        let limit = paging.limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|row| row.place().write(name));
        Ok(Page { items, next })
    }
}

/// Adds `AND column = value`, if there is a value.
pub(super) fn equals(
    sql: &mut QueryBuilder<'_, Postgres>,
    column: &'static str,
    value: Option<impl Into<String>>,
) {
    if let Some(value) = value {
        sql.push(format!(" AND {column} = ")).push_bind(value.into());
    }
}

/// Adds `AND column = id`, if there is an id.
pub(super) fn is(
    sql: &mut QueryBuilder<'_, Postgres>,
    column: &'static str,
    id: Option<uuid::Uuid>,
) {
    if let Some(id) = id {
        sql.push(format!(" AND {column} = ")).push_bind(id);
    }
}
