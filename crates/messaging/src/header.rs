//! Header values from outside: async-nats panics on a line break in one.

use async_nats::{HeaderMap, HeaderName};

pub(crate) const TRACEPARENT: &str = "traceparent";

/// Adds the trace context if it is one; a malformed one is not worth an error.
pub(crate) fn set_traceparent(headers: &mut HeaderMap, traceparent: Option<&str>) {
    if let Some(value) = traceparent.filter(|t| is_traceparent(t)) {
        headers.insert(TRACEPARENT, value);
    }
}

/// The trace context of a message, if it has a well-formed one.
pub(crate) fn traceparent(headers: Option<&HeaderMap>) -> Option<String> {
    text(headers, TRACEPARENT).filter(|t| is_traceparent(t)).map(str::to_owned)
}

/// A header's value; the last one if there are several.
pub(crate) fn text<'a>(headers: Option<&'a HeaderMap>, name: &'static str) -> Option<&'a str> {
    headers?.get_last(HeaderName::from_static(name)).map(|value| value.as_str())
}

/// Bytes that the headers take on the wire: `NATS/1.0`, a line each, an empty line.
pub(crate) fn wire_len(headers: &HeaderMap) -> usize {
    const BEGIN_AND_END: usize = "NATS/1.0\r\n\r\n".len();
    const PER_LINE: usize = ": \r\n".len();
    let lines = headers.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values.iter().map(move |value| name.len() + value.as_str().len() + PER_LINE)
    });
    BEGIN_AND_END + lines.sum::<usize>()
}

/// A value that reads back as it was written: no control characters, no blanks at its ends.
pub(crate) fn is_safe(value: &str) -> bool {
    value.trim() == value && !value.is_empty() && !value.chars().any(char::is_control)
}

/// Our own words as a value: control characters become blanks, 500 characters at most.
pub(crate) fn cleaned(value: &str) -> String {
    let line: String =
        value.chars().take(500).map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.trim().to_owned()
}

/// W3C Trace Context: `<version>-<trace>-<span>-<flags>`, lower-case hexadecimal; version `ff` is
/// invalid, and so are ids of zeros.
pub fn is_traceparent(value: &str) -> bool {
    let parts = || value.split('-');
    let is_zero = |part: &str| part.bytes().all(|b| b == b'0');
    parts().map(str::len).eq([2, 32, 16, 2])
        && value.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
        && !value.starts_with("ff")
        && !parts().skip(1).take(2).any(is_zero)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_w3c_trace_context_is_carried() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let no_trace = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        let no_span = "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01";
        let no_version = "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let bad = [no_trace, no_span, no_version, "00-1-2-3", "a\r\nevil: 1"];
        for (value, kept) in [(good, true)].into_iter().chain(bad.map(|bad| (bad, false))) {
            let mut headers = HeaderMap::new();
            set_traceparent(&mut headers, Some(value));
            assert_eq!(traceparent(Some(&headers)).is_some(), kept, "{value:?}");
        }
    }
}
