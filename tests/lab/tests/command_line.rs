//! `cargo lab` as its user types it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::process::{Command, Output};

fn lab(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lab")).args(arguments).output().unwrap()
}

fn printed(output: Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_same_seed_prints_the_same_schedule() {
    let print = |seed| printed(lab(&["--schedule", "--seed", seed, "--faults", "20"]));
    let schedule = print("7");
    assert_eq!(schedule, print("7"));
    assert_ne!(schedule, print("8"));
    assert_eq!(schedule.lines().count(), 21, "{schedule}");
    assert!(schedule.starts_with("seed 7\n"), "{schedule}");
}

#[test]
fn a_wrong_command_line_ends_with_status_2_and_says_what_is_wrong() {
    let output = lab(&["--falts", "20"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("--falts") && said.contains("--faults"), "{said}");
}

#[test]
fn the_help_teaches_what_it_does_and_how_it_ends() {
    let output = lab(&["--help"]);
    assert!(output.status.success());
    let help = printed(output);
    for taught in ["--seed", "--minutes", "--keep", "Exit status: 0", "docs/RELIABILITY.md"] {
        assert!(help.contains(taught), "{taught} is not in {help}");
    }
}
