//! WhatsApp's posts.

use std::fmt::Debug;

use domain::input::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use whatsapp::webhook::{Update, parse};

/// A post that can be read has items whose bytes stand in it, and whatever is made of one goes
/// through INBOX as it is; read again it gives the same.
///
/// # Panics
/// That is not so.
pub fn webhook(bytes: &[u8]) {
    let at = Timestamp::UNIX_EPOCH;
    let Ok(post) = parse(bytes, at) else { return };
    assert_eq!(post.sha256, sha256(bytes));
    let body = std::str::from_utf8(bytes).expect("JSON is UTF-8");
    let again = parse(bytes, at).expect("it was read before");
    assert_eq!(post.items.len(), again.items.len());
    for (item, again) in post.items.iter().zip(&again.items) {
        let raw = item.raw.get();
        assert!(body.contains(raw), "{raw} does not stand in it");
        assert_eq!(item.sha256, sha256(raw.as_bytes()));
        assert_eq!(item.content, again.content);
        match &item.content {
            Ok(Update::Message(message)) => {
                assert_eq!(item.phone_number_id.as_ref(), Some(&message.phone_number_id));
                goes_through(message);
            }
            Ok(Update::Status(status)) => {
                assert_eq!(item.phone_number_id.as_ref(), Some(&status.phone_number_id));
                goes_through(status);
            }
            Ok(Update::Other { .. }) | Err(_) => {}
        }
    }
}

fn goes_through<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let written = serde_json::to_string(value).expect("an input can be written");
    let read: T = serde_json::from_str(&written).expect("an input can be read");
    assert_eq!(read, *value, "written as {written}");
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
