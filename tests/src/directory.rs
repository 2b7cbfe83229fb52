//! Directories that differ from the demo's in what a test is about.

use onboarding::demo::StageOptions;

use crate::TestApp;

/// A line about the demo bank, and about no other company.
const OF_THE_BANK: &str = "    features: { auto_promotion: true }\n";

/// The demo's directory with something else in a place that it has once.
///
/// # Panics
/// The place is not there, or more than once: then the test would be about something else.
pub fn with(place: &str, instead: &str) -> &'static str {
    let directory = StageOptions::default().directory;
    assert_eq!(directory.matches(place).count(), 1, "{place}");
    directory.replace(place, instead).leak()
}

/// The demo's directory with these lines more about the bank.
pub fn bank_with(lines: &str) -> &'static str {
    with(OF_THE_BANK, &format!("{OF_THE_BANK}{lines}"))
}

impl TestApp {
    /// All roles, with this directory.
    pub async fn with_directory(directory: &'static str) -> Self {
        Self::with(StageOptions { directory, ..StageOptions::default() }).await
    }
}
