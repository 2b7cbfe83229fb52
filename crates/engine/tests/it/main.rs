//! The engine against a real Postgres; each test has a database of its own, and
//! ends with a check of the whole log.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod abuse;
mod adding_numbers;
mod another_number;
mod archiving;
mod blocking;
mod closing;
mod consent;
mod deadlines;
mod directories;
mod duplicates;
mod early;
mod extensions;
mod harness;
mod identities;
mod inputs;
mod lanes;
mod numbers;
mod onboarding;
mod outages;
mod poison;
mod prospects;
mod proxy;
mod reassigning;
mod reminders;
mod resending;
mod retries;
mod reviews;
mod round_trips;
mod throughput;
mod two_workers;
mod versions;
mod what_if;
