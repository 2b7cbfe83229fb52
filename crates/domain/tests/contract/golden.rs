//! Each event against its file, in both directions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::{env, fs};

use domain::pool::PoolEvent;
use domain::profile::ProfileEvent;
use domain::request::RequestEvent;
use domain::{AggregateType, AnyEvent};

use super::samples::{self, Sample, recorded};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/events")
}

fn file_of(sample: &Sample) -> PathBuf {
    let form = sample.form.map(|form| format!(".{form}")).unwrap_or_default();
    let name = format!("{}.v{}{form}.json", sample.event_type(), sample.event_version());
    folder().join(sample.aggregate_type().as_str()).join(name)
}

/// Every file: its path, aggregate, event and version.
fn files() -> Vec<(PathBuf, String, String, String)> {
    let mut files = vec![];
    for aggregate in fs::read_dir(folder()).unwrap() {
        for file in fs::read_dir(aggregate.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let aggregate = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
            let mut parts = name.split('.');
            let event = parts.next().unwrap().to_owned();
            let version = parts.next().unwrap().strip_prefix('v').unwrap().to_owned();
            files.push((path.clone(), aggregate.to_owned(), event, version));
        }
    }
    files
}

/// Every event with its file, which is written anew if that was asked for.
fn golden_files() -> Vec<(Sample, PathBuf)> {
    static ACCEPTED: Once = Once::new();
    ACCEPTED.call_once(|| {
        for sample in samples::all().iter().filter(|_| env::var_os("UPDATE_GOLDEN").is_some()) {
            let file = file_of(sample);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, sample.pretty()).unwrap();
        }
    });
    let with_file = |sample: Sample| {
        let file = file_of(&sample);
        (sample, file)
    };
    samples::all().into_iter().map(with_file).collect()
}

#[test]
fn every_event_is_written_as_its_file_says() {
    for (sample, file) in golden_files() {
        let written = sample.pretty();
        let golden = fs::read_to_string(&file)
            .unwrap_or_else(|why| panic!("{}: {why}; is it a new event?", file.display()));
        assert!(
            written == golden,
            "{} says otherwise than the event, which is now\n{written}",
            file.display()
        );
    }
}

#[test]
fn every_event_is_read_from_its_file() {
    for (sample, file) in golden_files() {
        let golden = fs::read_to_string(file).unwrap();
        let (event, version) = (sample.event_type(), sample.event_version());
        let aggregate = sample.aggregate_type().as_str();
        let read = AnyEvent::read(&recorded(aggregate, event, version, &golden)).unwrap();
        assert_eq!(read, sample.event);
    }
}

#[test]
fn every_shape_that_was_ever_recorded_is_still_read() {
    for (path, aggregate, event, version) in files() {
        let golden = fs::read_to_string(&path).unwrap();
        if let Err(why) = AnyEvent::read(&recorded(&aggregate, &event, &version, &golden)) {
            panic!("{}: {why}", path.display());
        }
    }
}

#[test]
fn no_file_is_there_for_nothing() {
    let known: BTreeSet<_> = golden_files().into_iter().map(|(_, file)| file).collect();
    for (path, _, _, version) in files() {
        // A file of an earlier version has no sample any more, and stays.
        assert!(version != "1" || known.contains(&path), "{} has no sample", path.display());
    }
}

#[test]
fn an_event_calls_itself_in_json_as_the_store_calls_it() {
    for sample in samples::all() {
        assert_eq!(sample.json()["type"], sample.event_type());
    }
}

#[test]
fn every_event_has_a_sample_and_its_name_is_listed() {
    for (aggregate, types) in [
        (AggregateType::OnboardingRequest, RequestEvent::TYPES),
        (AggregateType::ClientProfile, ProfileEvent::TYPES),
        (AggregateType::SecondaryNumberPool, PoolEvent::TYPES),
    ] {
        let samples = samples::all();
        let of_aggregate = samples.iter().filter(|s| s.aggregate_type() == aggregate);
        let sampled: BTreeSet<_> = of_aggregate.map(Sample::event_type).collect();
        assert_eq!(sampled, types.iter().copied().collect(), "{}", aggregate.as_str());
        assert_eq!(types.len(), sampled.len(), "a name is listed twice");
    }
}
