//! Versions as the servers print them.

use std::fmt;

/// A version such as 15.18 or 2.15.1, compared number by number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u32>);

impl Version {
    /// Reads what `--version` printed: `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`,
    /// `nats-server: v2.15.1`. A suffix such as `beta1` is ignored. `None` when no word starts
    /// with a number.
    pub fn parse(output: &str) -> Option<Self> {
        output.split_whitespace().find_map(|word| {
            let word = word.strip_prefix('v').unwrap_or(word);
            let end = word.find(|c: char| !c.is_ascii_digit() && c != '.');
            let numbers: Vec<u32> = word[..end.unwrap_or(word.len())]
                .split('.')
                .map_while(|number| number.parse().ok())
                .collect();
            (!numbers.is_empty()).then_some(Self(numbers))
        })
    }

    /// Whether this version is the given one or a later one; missing numbers count as lowest.
    pub fn is_at_least(&self, least: &[u32]) -> bool {
        self.0.as_slice() >= least
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        out.write_str(&numbers.join("."))
    }
}
