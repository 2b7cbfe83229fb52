//! Clients' messages as the posts in which WhatsApp would bring them.

use std::time::{Duration, Instant};

use anyhow::Context;
use domain::input::InboundMessage;
use messaging::inbox::{InboxBody, InboxMessage};
use whatsapp::fake::Webhook;
use whatsapp::post::{Client, ClientMessage, WebhookPost};

use crate::demo::stage::{APP, APP_SECRET};
use crate::service::Service;

/// How long a service may take until it takes posts.
const PATIENCE: Duration = Duration::from_secs(30);

/// The webhook of a service, once it takes posts.
pub(super) async fn webhook_of(service: &Service) -> anyhow::Result<Webhook> {
    let base = format!("http://{}", service.http());
    let begun = Instant::now();
    while !reqwest::get(format!("{base}/readyz")).await.is_ok_and(|a| a.status().is_success()) {
        anyhow::ensure!(begun.elapsed() < PATIENCE, "the service is not ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(Webhook::new(&format!("{base}/webhooks/whatsapp/{APP}"), APP_SECRET.as_bytes())?)
}

/// One post with all of these texts.
pub(super) fn of(messages: &[InboxMessage]) -> anyhow::Result<Vec<u8>> {
    let mut post = WebhookPost::new();
    for message in messages {
        let InboxBody::Message { message, .. } = &message.body else {
            anyhow::bail!("only messages come as webhooks");
        };
        post = post.messages(message.phone_number_id.as_str(), &[text(message)?]);
    }
    Ok(post.into_body())
}

fn text(message: &InboundMessage) -> anyhow::Result<ClientMessage> {
    let text = message.text.as_ref().context("only texts come as webhooks")?;
    let digits = message.from.wa_id.as_ref().map(|wa_id| wa_id.expose().to_string());
    let mut client = digits.map_or_else(Client::default, |digits| Client::with_phone(&digits));
    if let Some(bsuid) = &message.from.bsuid {
        client = client.and_bsuid(bsuid.expose().as_str());
    }
    Ok(ClientMessage::text(&client, message.id.as_str(), message.sent_at, text.expose()))
}
