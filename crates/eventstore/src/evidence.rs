//! The raw bytes of WhatsApp's posts, and every time that they came.
//!
//! Written by a consumer of its own, never under the append lock; events carry the hash.

use domain::ids::AppId;
use domain::input::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::types::Json;

use crate::error::During;
use crate::row::{parse, signed, unsigned};
use crate::{EventStore, StoreError};

const STORE: &str = "store evidence";
const READ: &str = "read evidence";

/// A piece of a post's raw bytes, as it came over INBOX.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// SHA-256 of the whole post, 64 hexadecimal digits in lower case.
    pub post_sha256: &'a str,
    /// The webhook that it came in on.
    pub app: &'a AppId,
    /// Which piece this is, from 0.
    pub piece: u32,
    /// How many there are.
    pub pieces: u32,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// One time that a post came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// SHA-256 of the whole post, 64 hexadecimal digits in lower case.
    pub post_sha256: String,
    /// The webhook that it came in on.
    pub app: AppId,
    /// When the gateway took it.
    pub received_at: Timestamp,
    /// Its place in INBOX (of its first piece).
    pub inbox_sequence: u64,
    /// Its HTTP headers.
    pub headers: Option<serde_json::Value>,
}

impl EventStore {
    /// Keeps a piece; a second time nothing happens.
    ///
    /// # Errors
    /// If the database does not answer, or the piece's numbers or hash are impossible.
    pub async fn store_piece(&self, piece: Piece<'_>) -> Result<(), StoreError> {
        // The same hash, cut in the same way, is the same bytes: nothing to compare.
        sqlx::query(
            "INSERT INTO evidence_pieces (post_sha256, pieces, piece, app, bytes) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (post_sha256, pieces, piece) DO NOTHING",
        )
        .bind(piece.post_sha256)
        .bind(i64::from(piece.pieces))
        .bind(i64::from(piece.piece))
        .bind(piece.app.as_str())
        .bind(piece.bytes)
        .execute(&self.pool)
        .await
        .during(STORE)?;
        Ok(())
    }

    /// Keeps that a post came; a second time (same place in INBOX) nothing happens.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn store_arrival(&self, arrival: &Arrival) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO evidence_arrivals (post_sha256, received_at, inbox_sequence, app, headers) \
             VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (post_sha256, received_at, inbox_sequence) DO NOTHING",
        )
        .bind(&arrival.post_sha256)
        .bind(arrival.received_at)
        .bind(signed(arrival.inbox_sequence))
        .bind(arrival.app.as_str())
        .bind(arrival.headers.as_ref().map(Json))
        .execute(&self.pool)
        .await
        .during(STORE)?;
        Ok(())
    }

    /// A post's bytes; `None` while not all its pieces are there.
    ///
    /// # Errors
    /// If the database does not answer, or the bytes do not have the hash any more.
    pub async fn evidence(&self, post_sha256: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT string_agg(bytes, '' ORDER BY piece) FROM evidence_pieces \
             WHERE post_sha256 = $1 GROUP BY pieces HAVING count(*) = pieces \
             ORDER BY pieces LIMIT 1",
        )
        .bind(post_sha256)
        .fetch_optional(&self.pool)
        .await
        .during(READ)?;
        match bytes {
            Some(bytes) if hex::encode(Sha256::digest(&bytes)) != post_sha256 => {
                Err(StoreError::corrupt(READ, "a post's bytes do not have its hash"))
            }
            complete_or_not => Ok(complete_or_not),
        }
    }

    /// Every time that a post came, in order.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn arrivals(&self, post_sha256: &str) -> Result<Vec<Arrival>, StoreError> {
        type Row = (String, Timestamp, i64, Option<Json<serde_json::Value>>);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT app, received_at, inbox_sequence, headers FROM evidence_arrivals \
             WHERE post_sha256 = $1 ORDER BY received_at, inbox_sequence",
        )
        .bind(post_sha256)
        .fetch_all(&self.pool)
        .await
        .during(READ)?;
        rows.into_iter()
            .map(|(app, received_at, sequence, headers)| {
                Ok(Arrival {
                    post_sha256: post_sha256.to_owned(),
                    app: parse(READ, "app", &app)?,
                    received_at,
                    inbox_sequence: unsigned(READ, sequence)?,
                    headers: headers.map(|Json(headers)| headers),
                })
            })
            .collect()
    }
}
