//! W3C Trace Context.

use axum::http::HeaderMap;

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

/// `00-<trace>-<span>-<flags>`, lower-case hexadecimal.
fn is_traceparent(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    match parts.as_slice() {
        [version, trace, span, flags] => {
            [version.len(), trace.len(), span.len(), flags.len()] == [2, 32, 16, 2]
                && value.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
                && *version != "ff"
                && !zero(trace)
                && !zero(span)
        }
        _ => false,
    }
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
        }
    }
}
