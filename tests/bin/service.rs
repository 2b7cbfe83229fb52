//! The service, for tests that run and kill it as a process of its own.

use std::process::ExitCode;

use onboarding::allocator::{ALLOCATOR, Allocator};

#[global_allocator]
static GLOBAL: Allocator = ALLOCATOR;

fn main() -> ExitCode {
    onboarding::run()
}
