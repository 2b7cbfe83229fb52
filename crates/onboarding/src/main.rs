//! The one binary; [`onboarding::run`] is the program.

use std::process::ExitCode;

use onboarding::allocator::{ALLOCATOR, Allocator};

#[global_allocator]
static GLOBAL: Allocator = ALLOCATOR;

fn main() -> ExitCode {
    onboarding::run()
}
