//! What must be so of whatever is read from outside, beside that nothing panics. Each function takes
//! any bytes and panics if something is not so; `fuzz/README.md` tells who calls them.

#![forbid(unsafe_code)]

mod envelope;
mod event;
mod webhook;

use directory::parse_and_validate;
use domain::Extension;
use domain::identity::PhoneNumber;

pub use envelope::envelope;
pub use event::event;
pub use webhook::webhook;

/// A property: panics if it does not hold for these bytes.
pub type Property = fn(&[u8]);

/// All of them, by the name of their fuzz target and the folder of their seeds.
pub const ALL: [(&str, Property); 6] = [
    ("directory", directory),
    ("envelope", envelope),
    ("event", event),
    ("extension", extension),
    ("phone", phone),
    ("webhook", webhook),
];

/// The extension that a client's words name is found again however it is written around, and is not
/// folded any further.
///
/// # Panics
/// That is not so.
pub fn extension(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some(found) = Extension::find_in(&text) else { return };
    assert!((1..=64).contains(&found.as_str().chars().count()), "{found:?}");
    assert_eq!(found.as_str().parse::<Extension>(), Ok(found.clone()), "of {text:?}");
    for written in [
        format!("#{found}"),
        format!("＃{found}"),
        format!("#\u{200b}{found}"),
        format!("Hi, #{found}, please"),
    ] {
        assert_eq!(Extension::find_in(&written), Some(found.clone()), "in {written:?}");
    }
}

/// A phone number is written as it is read; the other way to write it is another number, is one of
/// the same country, and leads back.
///
/// # Panics
/// That is not so.
pub fn phone(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(number) = text.parse::<PhoneNumber>() else { return };
    assert_eq!(number.to_string().parse::<PhoneNumber>(), Ok(number.clone()), "of {text:?}");
    assert_eq!(number.digits().parse::<PhoneNumber>(), Ok(number.clone()), "of {text:?}");
    // It has one or none; what libphonenumber makes of it is not ours.
    let _ = number.country();
    let variants = number.variants();
    assert!(variants.len() <= 1, "of {text:?}");
    for variant in variants {
        assert_ne!(variant, number, "of {text:?}");
        assert_eq!(variant.to_string().parse::<PhoneNumber>(), Ok(variant.clone()), "of {text:?}");
        assert_eq!(variant.digits().get(..2), number.digits().get(..2), "of {text:?}");
        assert_eq!(variant.variants(), std::slice::from_ref(&number), "of {text:?}");
    }
}

/// A directory file is read into what is read again from what it is written as; or every fault has a
/// line of the file, in order.
///
/// # Panics
/// That is not so.
pub fn directory(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match parse_and_validate(&text) {
        Ok(directory) => {
            let written = serde_saphyr::to_string(&directory).expect("a directory can be written");
            assert_eq!(parse_and_validate(&written), Ok(directory), "written as {written}");
        }
        Err(faults) => {
            // Whatever YAML takes for the end of a line.
            let ends = text.chars().filter(|c| "\n\r\u{85}\u{2028}\u{2029}".contains(*c));
            let lines = 1..=ends.count() + 1;
            assert!(!faults.is_empty());
            assert!(faults.is_sorted_by_key(|fault| fault.line), "{faults:?}");
            for fault in faults {
                assert!(lines.contains(&fault.line) && !fault.message.is_empty(), "{fault:?}");
            }
        }
    }
}
