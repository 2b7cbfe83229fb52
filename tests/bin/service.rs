//! The service, for tests that run and kill it as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    onboarding::run()
}
