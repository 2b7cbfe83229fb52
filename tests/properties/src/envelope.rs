//! Events as they go over NATS.

use messaging::{HeaderMap, HeaderName, HeaderValue, decode, encode};

/// An event that can be read from headers and body is read again from those into which it is put:
/// whoever passes one on passes on the same. Headers are lines as on the wire, then an empty line,
/// then the body; taking them off the wire is async-nats' part.
///
/// # Panics
/// That is not so.
pub fn envelope(bytes: &[u8]) {
    let end = bytes.windows(2).position(|two| two == b"\n\n").unwrap_or(bytes.len());
    let (head, body) = bytes.split_at(end);
    let body = body.get(2..).unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in String::from_utf8_lossy(head).lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if let (Ok(name), Ok(value)) =
            (name.parse::<HeaderName>(), value.trim().parse::<HeaderValue>())
        {
            headers.append(name, value);
        }
    }
    match decode(Some(&headers), body) {
        Ok(event) => {
            // What nobody could publish was never published.
            let Ok(message) = encode(&event) else { return };
            assert_eq!(decode(Some(&message.headers), &message.body), Ok(event));
        }
        Err(bad) => assert!(bad.to_string().starts_with("the "), "{bad}"),
    }
}
