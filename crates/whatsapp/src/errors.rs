//! What WhatsApp's error codes ask for: one table, as data.
//!
//! The titles are ours. WhatsApp's own messages are not repeated, because they
//! echo what was sent (code 190 even quotes the token).

use std::ops::RangeInclusive;

use domain::outbound::{ErrorClass, SendError};

/// What a code asks for; [`ErrorClass::Unknown`] where the table is silent.
pub fn class_of(code: i64) -> ErrorClass {
    row(code).map_or(ErrorClass::Unknown, |row| row.class)
}

/// What an HTTP status (100 to 599) asks for where no code in the answer says more.
pub const fn class_of_http_status(status: u16) -> ErrorClass {
    match status {
        401 | 403 => ErrorClass::Account,
        429 => ErrorClass::RateLimited,
        408 | 500..=599 => ErrorClass::Transient,
        _ => ErrorClass::Unknown,
    }
}

/// Whether sending the same message again, from the same number, can help.
pub const fn retry_helps(class: ErrorClass) -> bool {
    matches!(
        class,
        ErrorClass::Transient | ErrorClass::RateLimited | ErrorClass::RecipientRateLimited
    )
}

/// The error of a code, with our title of it.
pub(crate) fn send_error(code: i64, definite: bool) -> SendError {
    SendError {
        code,
        class: class_of(code),
        definite,
        title: row(code).map_or("a code that is not in our table", |row| row.title).to_owned(),
    }
}

struct Row {
    codes: RangeInclusive<i64>,
    class: ErrorClass,
    title: &'static str,
}

fn row(code: i64) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.codes.contains(&code))
}

const fn one(code: i64, class: ErrorClass, title: &'static str) -> Row {
    range(code, code, class, title)
}

const fn range(first: i64, last: i64, class: ErrorClass, title: &'static str) -> Row {
    Row { codes: first..=last, class, title }
}

/// Source: the Cloud API's list of error codes. No two rows overlap.
const TABLE: &[Row] = &[
    one(0, ErrorClass::Account, "the token could not be authenticated"),
    one(3, ErrorClass::Account, "capability or permission is missing"),
    one(10, ErrorClass::Account, "permission is missing or was removed"),
    one(190, ErrorClass::Account, "the token has expired"),
    range(200, 299, ErrorClass::Account, "permission is missing"),
    one(131005, ErrorClass::Account, "access denied"),
    one(4, ErrorClass::RateLimited, "the app calls too often"),
    one(80007, ErrorClass::RateLimited, "the business account calls too often"),
    one(130429, ErrorClass::RateLimited, "the number sends too fast"),
    one(131056, ErrorClass::RecipientRateLimited, "too many messages to this client"),
    one(131031, ErrorClass::NumberUnhealthy, "the account is locked"),
    one(131037, ErrorClass::NumberUnhealthy, "the number's display name is not approved"),
    one(131045, ErrorClass::NumberUnhealthy, "the number's certificate is wrong"),
    one(131048, ErrorClass::NumberUnhealthy, "the number is restricted as spam"),
    one(133010, ErrorClass::NumberUnhealthy, "the number is not registered"),
    one(131047, ErrorClass::WindowClosed, "the 24-hour window is closed"),
    one(130403, ErrorClass::RecipientRefused, "the client can't get this message"),
    one(131026, ErrorClass::RecipientRefused, "undeliverable to this client"),
    one(131050, ErrorClass::RecipientRefused, "the client opted out"),
    range(132000, 132999, ErrorClass::Template, "trouble with the template"),
    one(1, ErrorClass::Transient, "invalid request or server error"),
    one(2, ErrorClass::Transient, "the service is down or overloaded"),
    one(131000, ErrorClass::Transient, "something went wrong"),
    one(131016, ErrorClass::Transient, "the service is unavailable"),
    one(133004, ErrorClass::Transient, "the server is unavailable"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_class_that_the_domain_names() {
        use ErrorClass::*;
        for (codes, class) in [
            (&[0, 190, 3, 10, 200, 250, 299, 131005][..], Account),
            (&[130429, 4, 80007], RateLimited),
            (&[131056], RecipientRateLimited),
            (&[131048, 131031, 131037, 131045, 133010], NumberUnhealthy),
            (&[131047], WindowClosed),
            (&[131026, 131050, 130403], RecipientRefused),
            (&[132000, 132001, 132999], Template),
            (&[1, 2, 131000, 131016, 133004], Transient),
            (&[-1, 5, 100, 199, 300, 131999, 133000, i64::MAX], Unknown),
        ] {
            for code in codes {
                assert_eq!(class_of(*code), class, "{code}");
            }
        }
        assert_eq!(class_of_http_status(429), RateLimited);
        assert_eq!(class_of_http_status(503), Transient);
        assert_eq!(class_of_http_status(400), Unknown);
    }

    #[test]
    fn no_code_is_in_two_rows() {
        for row in TABLE {
            let hits = |code| TABLE.iter().filter(|r| r.codes.contains(code)).count();
            assert_eq!((hits(row.codes.start()), hits(row.codes.end())), (1, 1), "{}", row.title);
        }
    }
}
