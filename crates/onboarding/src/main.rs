//! The one binary; [`onboarding::run`] is the program.

use std::process::ExitCode;

fn main() -> ExitCode {
    onboarding::run()
}
