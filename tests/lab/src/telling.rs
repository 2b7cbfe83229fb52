//! WhatsApp's statuses: posted for every message that the fake took, some of them late.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use domain::input::Timestamp;
use domain::outbound::DeliveryStatus;
use onboarding::demo::Stage;
use onboarding::whatsapp::fake::{ReceivedMessage, Webhook};
use onboarding::whatsapp::post::{StatusUpdate, WebhookPost};
use tokio::time::{sleep, timeout};

const TICK: Duration = Duration::from_millis(100);
const ANSWER: Duration = Duration::from_secs(3);
/// Of so many calls, the statuses of one come late.
const ONE_LATE_IN: usize = 10;
/// How many messages' statuses are in one post.
const TOGETHER: usize = 200;

/// What WhatsApp has told.
#[derive(Default)]
pub(crate) struct Telling {
    /// When the statuses of a call had been answered 200, by its place among all that were taken.
    told: Mutex<HashMap<usize, Timestamp>>,
}

impl Telling {
    /// Tells of every call, for ever. What is late comes this much later: after the sender has given
    /// up waiting for it.
    pub(crate) async fn tell(&self, stage: &Stage, webhooks: &[Webhook; 2], late: Duration) {
        let late = TimeDelta::from_std(late).unwrap_or_default();
        let (mut turn, mut calls, mut untold) = (0, Vec::<ReceivedMessage>::new(), vec![]);
        loop {
            sleep(TICK).await;
            let known = calls.len();
            calls.extend(stage.cloud.received_after(known));
            untold.extend(known..calls.len());
            let now = stage.clock.now();
            let is_due = |call: &usize| {
                !call.is_multiple_of(ONE_LATE_IN) || now - calls[*call].received_at > late
            };
            let (due, later): (Vec<usize>, Vec<usize>) = untold.into_iter().partition(is_due);
            untold = later;
            for some in due.chunks(TOGETHER) {
                turn += 1;
                let body = body_of(some.iter().map(|call| &calls[*call]), stage.now());
                let answer = timeout(ANSWER, webhooks[turn % 2].post(body)).await;
                if matches!(answer, Ok(Ok(200))) {
                    let now = stage.clock.now();
                    let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                    told.extend(some.iter().map(|call| (*call, now)));
                } else {
                    untold.extend_from_slice(some);
                }
            }
        }
    }

    /// Of how many calls it was told.
    pub(crate) fn count(&self) -> usize {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// When the statuses of which calls had been answered 200.
    pub(crate) fn told(&self) -> HashMap<usize, Timestamp> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn body_of<'a>(calls: impl Iterator<Item = &'a ReceivedMessage>, at: Timestamp) -> Vec<u8> {
    let told = calls.fold(WebhookPost::new(), |post, call| {
        let wamid = call.wamid.as_str();
        let statuses = [DeliveryStatus::Sent, DeliveryStatus::Delivered].map(|status| {
            let update = StatusUpdate::new(wamid, status, at);
            match call.reference {
                Some(reference) => update.with_reference(reference),
                None => update,
            }
        });
        post.statuses(call.from.as_str(), &statuses)
    });
    told.into_body()
}
