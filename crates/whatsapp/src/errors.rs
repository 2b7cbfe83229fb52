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

/// What has to rest after an error, beside the message itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All numbers of the app.
    Account,
    /// The number that sent.
    Number,
    /// The number's messages to this client.
    Recipient,
}

/// What has to rest after an error; `None` if only the message waits, or nothing is tried again.
pub const fn rests(error: &SendError) -> Option<Scope> {
    match error.class {
        ErrorClass::Account => Some(Scope::Account),
        ErrorClass::RateLimited if error.code == 130_429 => Some(Scope::Number),
        ErrorClass::RateLimited => Some(Scope::Account),
        ErrorClass::RecipientRateLimited => Some(Scope::Recipient),
        ErrorClass::NumberUnhealthy
        | ErrorClass::WindowClosed
        | ErrorClass::RecipientRefused
        | ErrorClass::Template
        | ErrorClass::Transient
        | ErrorClass::Unknown
        | ErrorClass::Expired
        | ErrorClass::Withdrawn => None,
    }
}

/// What the service does about an error of a class, for operators.
pub const fn action_of(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Account => {
            "All numbers of the app rest for 60 s; the messages wait until they expire. Alarm."
        }
        ErrorClass::RateLimited => {
            "The number (130429) or all numbers of the app rest, longer each time, and at least as \
             long as WhatsApp asks; the message is tried again."
        }
        ErrorClass::RecipientRateLimited => {
            "The number's messages to this client rest, longer each time; the message is tried again."
        }
        ErrorClass::NumberUnhealthy => {
            "A secondary takes no new rooms until `set-number-service` says so, whatever message told it. \
             An invitation goes out from another number, three numbers at most; any other message is \
             given up. Alarm."
        }
        ErrorClass::WindowClosed => {
            "A reminder goes out as the template `resume_conversation` instead; any other message is \
             given up."
        }
        ErrorClass::RecipientRefused => "The message is given up: it is final for this client.",
        ErrorClass::Template => "The message is given up. Alarm: mend the template.",
        ErrorClass::Transient => "The message is tried again, later each time, with jitter.",
        ErrorClass::Unknown => "The message is given up. Alarm: the code is new to this program.",
        ErrorClass::Expired => {
            "Ours, not WhatsApp's: the message was not sent while it could help."
        }
        ErrorClass::Withdrawn => {
            "Ours, not WhatsApp's: when the message's turn came, its client had stopped templates, was \
             blocked, or had left the number. The message is given up; for an invitation, the room is \
             closed and its number free."
        }
    }
}

/// The table for people, as Markdown: codes, class, meaning and action.
pub fn markdown() -> String {
    let mut text = String::from(
        "# WhatsApp's error codes\n\nWhat the service makes of `error.code` in an answer or a status. \
         Written by `onboarding contracts` from `crates/whatsapp/src/errors.rs`.\n\n\
         | code | class | meaning |\n|---|---|---|\n",
    );
    for Row { codes, class, title } in TABLE {
        let (first, last) = (codes.start(), codes.end());
        let codes = if first == last { first.to_string() } else { format!("{first}-{last}") };
        text.push_str(&format!("| {codes} | `{}` | {title} |\n", class.as_str()));
    }
    text.push_str(
        "| any other | `unknown` | |\n\nAn HTTP status counts where no code says more: 401 and 403 as \
         `account`, 429 as `rate_limited`, 408 and 5xx as `transient`.\n\n\
         | class | what the service does |\n|---|---|\n",
    );
    for class in CLASSES {
        text.push_str(&format!("| `{}` | {} |\n", class.as_str(), action_of(class)));
    }
    text
}

/// All classes, in the order in which they are explained.
const CLASSES: [ErrorClass; 11] = [
    ErrorClass::Account,
    ErrorClass::RateLimited,
    ErrorClass::RecipientRateLimited,
    ErrorClass::NumberUnhealthy,
    ErrorClass::WindowClosed,
    ErrorClass::RecipientRefused,
    ErrorClass::Template,
    ErrorClass::Transient,
    ErrorClass::Unknown,
    ErrorClass::Expired,
    ErrorClass::Withdrawn,
];

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
    fn what_rests_is_what_the_error_is_about() {
        let rests = |code| rests(&send_error(code, true));
        assert_eq!(rests(190), Some(Scope::Account));
        assert_eq!(rests(130429), Some(Scope::Number));
        for code in [4, 80007] {
            assert_eq!(rests(code), Some(Scope::Account), "{code}");
        }
        assert_eq!(rests(131056), Some(Scope::Recipient));
        for code in [131048, 131047, 131026, 132000, 131000, 5] {
            assert_eq!(rests(code), None, "{code}");
        }
    }

    #[test]
    fn every_class_is_explained_under_the_name_that_is_recorded() {
        let text = markdown();
        for class in CLASSES {
            let name = serde_json::to_value(class).unwrap();
            assert_eq!(name, class.as_str());
            assert!(text.contains(&format!("| `{}` | {}", class.as_str(), action_of(class))));
        }
        assert!(text.contains("| 200-299 | `account` | permission is missing |"), "{text}");
    }

    #[test]
    fn no_code_is_in_two_rows() {
        for row in TABLE {
            let hits = |code| TABLE.iter().filter(|r| r.codes.contains(code)).count();
            assert_eq!((hits(row.codes.start()), hits(row.codes.end())), (1, 1), "{}", row.title);
        }
    }
}
