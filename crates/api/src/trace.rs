//! W3C Trace Context.

use axum::http::{HeaderMap, HeaderValue};
use messaging::is_traceparent;

const HEADER: &str = "traceparent";

/// The trace context of a request, or a new one.
pub(crate) fn traceparent(headers: &HeaderMap) -> String {
    let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
    match given.filter(|value| is_traceparent(value)) {
        Some(value) => value.to_owned(),
        // Neither number may be zero.
        None => format!(
            "00-{:032x}-{:016x}-01",
            rand::random::<u128>().max(1),
            rand::random::<u64>().max(1)
        ),
    }
}

/// Gives a request without a (good) trace context a new one, and returns what it has now.
pub(crate) fn ensure(headers: &mut HeaderMap) -> String {
    let traceparent = traceparent(headers);
    if let Ok(value) = HeaderValue::from_str(&traceparent) {
        headers.insert(HEADER, value);
    }
    traceparent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_context_is_kept_and_any_other_replaced() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let zero = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        for (value, kept) in [(good, true), (zero, false), ("00-1-2-3", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, value.parse().unwrap());
            let used = traceparent(&headers);
            assert_eq!(used == value, kept, "{value}");
            assert!(is_traceparent(&used), "{used}");
            assert_eq!(ensure(&mut headers) == value, kept);
            assert_eq!(traceparent(&headers), ensure(&mut headers), "it stays");
        }
    }
}
