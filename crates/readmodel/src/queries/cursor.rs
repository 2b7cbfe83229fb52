//! Where a page ended: the list, the time and the id of its last row, opaque to callers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use domain::input::Timestamp;
use uuid::Uuid;

use super::QueryError;

/// Microseconds, as Postgres keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) at: Timestamp,
    pub(super) id: Uuid,
}

impl Cursor {
    pub(super) fn write(self, list: &str) -> String {
        let Self { at, id } = self;
        URL_SAFE_NO_PAD.encode(format!("1/{list}/{}/{id}", at.timestamp_micros()))
    }

    pub(super) fn read(text: &str, list: &str) -> Result<Self, QueryError> {
        let parse = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            let (at, id) =
                text.strip_prefix("1/")?.strip_prefix(list)?.strip_prefix('/')?.split_once('/')?;
            let at = DateTime::from_timestamp_micros(at.parse().ok()?)?;
            Some(Self { at, id: id.parse().ok()? })
        };
        parse().ok_or(QueryError::BadCursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_in_its_own_list_only() {
        let at = "2026-05-01T12:00:00.123456Z".parse().unwrap();
        let cursor = Cursor { at, id: Uuid::from_u128(7) };
        let text = cursor.write("reminders");
        assert_eq!(Cursor::read(&text, "reminders").unwrap(), cursor);
        assert!(matches!(Cursor::read(&text, "chat rooms"), Err(QueryError::BadCursor)));
        for broken in ["", "%", "abc", &text[1..], &text[..text.len() - 2]] {
            assert!(matches!(Cursor::read(broken, "reminders"), Err(QueryError::BadCursor)));
        }
    }
}
