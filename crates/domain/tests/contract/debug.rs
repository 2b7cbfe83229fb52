//! What is personal never shows where an event is printed for a log.

use super::samples::{self, PERSONAL};

#[test]
fn nothing_personal_shows_when_an_event_is_printed() {
    for sample in samples::all() {
        let printed = format!("{0:?} {0:#?}", sample.event);
        for personal in PERSONAL {
            assert!(!printed.contains(personal), "{} shows {personal:?}", sample.event_type());
        }
    }
}

#[test]
fn the_samples_are_full_of_it() {
    let written: String = samples::all().iter().map(|s| s.json().to_string()).collect();
    for personal in PERSONAL {
        assert!(written.contains(personal), "no sample holds {personal:?}");
    }
}
