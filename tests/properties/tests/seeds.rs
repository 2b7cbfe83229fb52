//! A short run of what fuzzing does for hours: the committed seeds, and changes of them that are the
//! same each time.

#![expect(clippy::unwrap_used, reason = "a test's helper that cannot go on says so by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use properties::ALL;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// How many changes of each target's seeds are tried, unless `PROPERTIES_RUNS` says otherwise.
const RUNS: usize = 2_000;
/// What parsers stumble over.
const PIECES: [&str; 18] = [
    "",
    "\0",
    "\n",
    "\r\n",
    "#",
    "＃",
    "\"",
    "{",
    "}",
    "[",
    "]",
    "-1",
    "1e309",
    "\u{200b}",
    "ß",
    "\\u0000",
    "null",
    "99999999999999999999",
];

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = seeds_folder().join(target);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn seeds_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds")
}

/// A seed with a few changes: bytes turned, cut out, doubled, put in, taken from another seed.
fn changed(seeds: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..=4) {
        let from = random.random_range(0..=bytes.len());
        let to = random.random_range(from..=bytes.len().min(from + 40));
        match random.random_range(0..5) {
            0 if from < bytes.len() => bytes[from] ^= 1_u8 << random.random_range(0..8_u32),
            1 => drop(bytes.drain(from..to)),
            2 => {
                let part = bytes[from..to].to_vec();
                bytes.splice(to..to, part);
            }
            3 => {
                let other = &seeds[random.random_range(0..seeds.len())];
                let part = other[from.min(other.len())..to.min(other.len())].to_vec();
                bytes.splice(from..to, part);
            }
            _ => {
                let piece = PIECES[random.random_range(0..PIECES.len())];
                bytes.splice(from..to, piece.bytes());
            }
        }
    }
    bytes
}

#[test]
fn what_is_read_from_outside_keeps_its_properties() {
    let runs = std::env::var("PROPERTIES_RUNS").ok().map_or(RUNS, |runs| runs.parse().unwrap());
    for (target, property) in ALL {
        let seeds = seeds(target);
        assert!(seeds.len() >= 3, "{target} has only {} seeds", seeds.len());
        let mut random = StdRng::seed_from_u64(1);
        let changes = std::iter::repeat_with(|| changed(&seeds, &mut random)).take(runs);
        for bytes in seeds.iter().cloned().chain(changes) {
            let held = catch_unwind(AssertUnwindSafe(|| property(&bytes)));
            if let Err(panic) = held {
                println!("{target} does not hold for {:?}", String::from_utf8_lossy(&bytes));
                resume_unwind(panic);
            }
        }
    }
}

/// A seed that is refused at once leads nowhere.
#[test]
fn most_seeds_are_read() {
    let read = |target: &str, is_read: fn(&str) -> bool| {
        let seeds = seeds(target);
        let read = seeds.iter().filter(|seed| is_read(&String::from_utf8_lossy(seed))).count();
        assert!(read * 2 > seeds.len(), "{target}: {read} of {}", seeds.len());
    };
    read("directory", |text| directory::parse_and_validate(text).is_ok());
    read("extension", |text| domain::Extension::find_in(text).is_some());
    read("phone", |text| text.parse::<domain::identity::PhoneNumber>().is_ok());
    read("webhook", |text| {
        let post = whatsapp::webhook::parse(text.as_bytes(), domain::input::Timestamp::UNIX_EPOCH);
        post.is_ok_and(|post| post.items.iter().any(|item| item.content.is_ok()))
    });
}

#[test]
fn every_property_has_a_fuzz_target_and_seeds() {
    let names = |folder: PathBuf| {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let targets = ALL.map(|(target, _)| target.to_owned());
    assert_eq!(names(seeds_folder()), targets);
    assert_eq!(names(seeds_folder().join("../fuzz_targets")), targets);
}
