//! The log's own order: positions, and each aggregate's sequence, are 1, 2, 3, … without holes.

use std::collections::HashMap;

use super::{Finding, Place};

/// What is out of order, of events in the order of their positions.
pub fn check(places: &[Place]) -> Vec<Finding> {
    let mut findings = vec![];
    let mut before = 0;
    let mut sequences: HashMap<&str, i64> = HashMap::new();
    for Place { position, aggregate, sequence } in places {
        if *position != before + 1 {
            let what = format!("position {position} comes after {before}");
            findings.push(Finding::new("position-hole", what));
        }
        before = *position;
        let last = sequences.entry(aggregate).or_default();
        if *sequence != *last + 1 {
            let what = format!("position {position}: {aggregate} goes from {last} to {sequence}");
            findings.push(Finding::new("sequence-hole", what));
        }
        *last = *sequence;
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(position: i64, aggregate: &str, sequence: i64) -> Place {
        Place { position, aggregate: aggregate.into(), sequence }
    }

    fn kinds(places: &[Place]) -> Vec<String> {
        check(places).into_iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn positions_and_sequences_without_holes_are_in_order() {
        let sound = [place(1, "a", 1), place(2, "b", 1), place(3, "a", 2)];
        assert_eq!(check(&sound), []);
        assert_eq!(check(&[]), []);
    }

    #[test]
    fn a_hole_in_the_positions_is_named_also_before_the_first() {
        assert_eq!(kinds(&[place(1, "a", 1), place(3, "a", 2)]), ["position-hole"]);
        assert_eq!(kinds(&[place(2, "a", 1)]), ["position-hole"]);
    }

    #[test]
    fn a_hole_and_a_repeat_in_an_aggregate_are_named() {
        assert_eq!(kinds(&[place(1, "a", 1), place(2, "a", 3)]), ["sequence-hole"]);
        assert_eq!(kinds(&[place(1, "a", 1), place(2, "a", 1)]), ["sequence-hole"]);
    }
}
