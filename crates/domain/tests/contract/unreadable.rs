//! An event that cannot be read stops the reader, and says why without saying what.

use domain::AnyEvent;

use super::samples::{PERSONAL, all, recorded};

const POOL: &str = "secondary-number-pool";

fn why(aggregate: &str, event: &str, version: &str, payload: &str) -> String {
    match AnyEvent::read(&recorded(aggregate, event, version, payload)) {
        Ok(read) => panic!("it was read as {read:?}"),
        Err(why) => why.to_string(),
    }
}

#[test]
fn what_this_program_does_not_know_is_not_read() {
    for (aggregate, event, version, reason) in [
        ("parcel", "room-closed", "1", "does not know the aggregate"),
        ("client-profile", "room-painted", "1", "does not know the event"),
        ("client-profile", "pool-created", "1", "does not know the event"),
        ("client-profile", "room-closed", "0", "does not know the version"),
        ("client-profile", "room-closed", "2", "does not know the version"),
    ] {
        let why = why(aggregate, event, version, "{}");
        assert!(why.contains(reason) && why.contains(event), "{why}");
    }
}

#[test]
fn an_event_that_its_json_calls_otherwise_is_not_read() {
    let pool = all().into_iter().filter(|sample| sample.aggregate_type().as_str() == POOL);
    let samples: Vec<_> = pool.collect();
    for sample in &samples {
        let others = samples.iter().map(|other| other.event_type());
        for name in others.filter(|name| *name != sample.event_type()) {
            let told = why(POOL, name, sample.event_version(), &sample.json().to_string());
            assert!(told.contains("another event"), "{told}");
        }
    }
}

#[test]
fn what_does_not_fit_is_not_read_and_nothing_of_it_is_told() {
    for sample in all() {
        let mut json = sample.json();
        for field in ["at", "sent_at", "message", "facts", "spec", "number", "directory_version"] {
            json[field] = format!("{}?", PERSONAL[0]).into();
        }
        let aggregate = sample.aggregate_type().as_str();
        let event = sample.event_type();
        let told = why(aggregate, event, sample.event_version(), &json.to_string());
        assert!(told.contains("shape") && !told.contains(PERSONAL[0]), "{told}");
    }
    let broken = why("client-profile", "room-closed", "1", "{");
    assert!(broken.contains("shape"), "{broken}");
}
