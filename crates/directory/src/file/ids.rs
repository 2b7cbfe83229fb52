//! Ids that the file declares, and values that name one of them.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use super::spot::Spot;

/// The ids of one kind, as they are written, with their lines: an id in a bad form
/// is one fault where it is declared, and none where it is referred to.
pub(super) struct Declared<'a> {
    kind: &'static str,
    lines: HashMap<&'a str, usize>,
}

impl<'a> Declared<'a> {
    /// None yet; `kind` is the word for one of them.
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, lines: HashMap::new() }
    }

    /// Declares an id; notes it if it is there already.
    pub(super) fn declare<T: FromStr<Err: Display>>(&mut self, spot: &Spot<'a>) -> Option<T> {
        let text = spot.text()?;
        if let Some(first) = self.lines.get(text) {
            let kind = self.kind;
            spot.fault(format!("{kind} '{text}' is on line {first} already; choose another id"));
            return None;
        }
        self.lines.insert(text, spot.line());
        spot.parsed()
    }

    /// Reads a reference; notes it if it leads nowhere.
    pub(super) fn refer<T: FromStr>(&self, spot: &Spot<'a>) -> Option<T> {
        let text = spot.text()?;
        if !self.lines.contains_key(text) {
            let kind = self.kind;
            spot.fault(format!("the company has no {kind} '{text}'; add it or correct this"));
            return None;
        }
        text.parse().ok()
    }
}
