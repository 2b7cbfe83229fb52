//! `cargo lab`: see `cargo lab --help`.
//!
//! The same binary is the service too, for its own copies and for `check`: what cargo has built is
//! what is hurt, and nothing has to be built twice.

use std::io::Read;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use lab::options::LabOptions;
use onboarding::allocator::{ALLOCATOR, Allocator};

#[global_allocator]
static GLOBAL: Allocator = ALLOCATOR;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("serve") => {
            std::thread::spawn(end_with_the_lab);
            onboarding::run_by(lab::clock::of_this_copy())
        }
        Some("check") => onboarding::run(),
        _ => match hurt(&LabOptions::parse()) {
            Ok(code) => code,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

/// No copy outlives the lab, however that ends: its standard input is a pipe that only the lab holds.
fn end_with_the_lab() {
    let _ = std::io::stdin().read_to_end(&mut vec![]);
    std::process::exit(1);
}

fn hurt(options: &LabOptions) -> anyhow::Result<ExitCode> {
    let plan = options.plan();
    eprintln!("left out: {}", plan.left_out());
    if options.schedule {
        println!("seed {}", plan.seed);
        print!("{}", plan.schedule());
        return Ok(ExitCode::SUCCESS);
    }
    let program = std::env::current_exe().context("this program can't be found")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let say = |line: &str| eprintln!("{line}");
    say(&format!("seed {}", plan.seed));
    let report = runtime.block_on(async {
        tokio::select! {
            report = lab::run(&program, &plan, &say) => report,
            signal = tokio::signal::ctrl_c() => {
                signal?;
                anyhow::bail!("stopped before the end")
            }
        }
    })?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("\n{report}");
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
