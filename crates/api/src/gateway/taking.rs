//! Taking in a post's body, within the memory that posts may use together.
//!
//! Whether a post is WhatsApp's is known once it is there: without this, whoever opens enough
//! connections could have every one of them hold 3 MB.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::MAX_POST;
use crate::limits::BodyTime;
use crate::params::{body_too_large, body_too_slow, body_unreadable};
use crate::problem::Problem;

/// The memory for posts that are being taken in.
#[derive(Clone, Debug)]
pub struct PostMemory(Arc<Semaphore>);

impl PostMemory {
    /// Memory of so many bytes.
    pub fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }
}

/// A body, and its part of the memory until it is dropped.
pub(super) struct Taken {
    pub(super) bytes: Bytes,
    pub(super) held: Option<OwnedSemaphorePermit>,
}

/// Takes a body in.
///
/// # Errors
/// `body-too-large`; or it comes too slowly, or there is no memory for it just now: then WhatsApp
/// posts it again.
pub(super) async fn take(request: Request, memory: &PostMemory) -> Result<Taken, Problem> {
    let within = BodyTime::of(&request);
    let reading = read(request.into_body(), memory);
    tokio::time::timeout(within, reading).await.unwrap_or_else(|_| Err(body_too_slow(within)))
}

async fn read(body: Body, memory: &PostMemory) -> Result<Taken, Problem> {
    let mut body = body.into_data_stream();
    let (mut chunks, mut length) = (Vec::<Bytes>::new(), 0);
    let mut held: Option<OwnedSemaphorePermit> = None;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| body_unreadable())?;
        length += chunk.len();
        if length > MAX_POST {
            return Err(body_too_large());
        }
        let part = hold(chunk.len(), memory)?;
        match &mut held {
            Some(held) => held.merge(part),
            None => held = Some(part),
        }
        chunks.push(chunk);
    }
    Ok(Taken { bytes: joined(&chunks, length), held })
}

fn joined(chunks: &[Bytes], length: usize) -> Bytes {
    if let [whole] = chunks {
        return whole.clone();
    }
    let mut joined = Vec::with_capacity(length);
    for chunk in chunks {
        joined.extend_from_slice(chunk);
    }
    joined.into()
}

fn hold(bytes: usize, memory: &PostMemory) -> Result<OwnedSemaphorePermit, Problem> {
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    Arc::clone(&memory.0).try_acquire_many_owned(bytes).map_err(|_| {
        tracing::warn!("a post is refused: http.limits.posts_megabytes are in use");
        Problem::unavailable("Too many posts are at hand; post the same again")
    })
}
