//! What the tests of the client and of the fake share.

use std::time::Duration;

use chrono::DateTime;
use domain::Personal;
use domain::identity::Recipient;
use domain::ids::Wamid;
use domain::input::{MessageReference, Timestamp};
use domain::outbound::{Content, OutboundMessage, Purpose};
use whatsapp::client::{AccessToken, CloudApi, SendFailure};
use whatsapp::fake::FakeCloudApi;

/// A fake on a free port.
pub(crate) async fn a_fake() -> FakeCloudApi {
    FakeCloudApi::start(([127, 0, 0, 1], 0).into()).await.unwrap()
}

/// A client of the fake that waits 5 seconds at most.
pub(crate) fn client_of(fake: &FakeCloudApi) -> CloudApi {
    CloudApi::new(fake.url(), Duration::from_secs(5)).unwrap()
}

pub(crate) fn token() -> AccessToken {
    AccessToken::new("good-token")
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(1_775_000_000 + seconds, 0).unwrap()
}

pub(crate) fn reference() -> MessageReference {
    "5f0c0f3e-0000-5000-8000-000000000001/5f0c0f3e-0000-5000-8000-000000000002".parse().unwrap()
}

pub(crate) fn by_phone(phone: &str) -> Recipient {
    Recipient::Phone(phone.parse().unwrap())
}

/// A message from number 1001.
pub(crate) fn message(to: Recipient, content: Content) -> OutboundMessage {
    OutboundMessage {
        message_id: reference().message_id,
        purpose: Purpose::UserInfo,
        from: "1001".parse().unwrap(),
        to: Personal::new(to),
        content,
        room_id: None,
        expires_at: at(86_400),
    }
}

pub(crate) fn text(body: &str) -> Content {
    Content::Text { body: Personal::new(body.to_owned()) }
}

/// A text to Ann.
pub(crate) fn a_text() -> OutboundMessage {
    message(by_phone("+12025550101"), text("Hello"))
}

/// Sends a text to Ann with the good token.
pub(crate) async fn send_to(fake: &FakeCloudApi) -> Result<Wamid, SendFailure> {
    client_of(fake).send(&token(), &a_text(), reference(), None).await
}
