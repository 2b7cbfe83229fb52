//! Reading values out of the tree: what does not fit is noted, and reading goes on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::fault::Fault;
use super::path::{Path, Step};
use super::tree::{Node, Value};

/// A value of the file with its place; notes faults there.
#[derive(Clone)]
pub(super) struct Spot<'a> {
    node: &'a Node<'a>,
    path: Path<'a>,
    faults: &'a RefCell<Vec<Fault>>,
}

impl<'a> Spot<'a> {
    pub(super) const fn root(node: &'a Node<'a>, faults: &'a RefCell<Vec<Fault>>) -> Self {
        Self { node, path: Path::ROOT, faults }
    }

    pub(super) const fn line(&self) -> usize {
        self.node.line
    }

    /// Notes a fault here.
    pub(super) fn fault(&self, message: impl Into<String>) {
        self.fault_at(self.line(), &self.path, message);
    }

    fn fault_at(&self, line: usize, path: &Path<'_>, message: impl Into<String>) {
        let fault = Fault { line, path: path.to_string(), message: message.into() };
        self.faults.borrow_mut().push(fault);
    }

    /// A mapping with these fields and no others.
    pub(super) fn record(&self, known: &[&'static str]) -> Option<Record<'a>> {
        let entries =
            self.map(|| format!("must be a record with the fields {}", known.join(", ")))?;
        for (name, line, entry) in &entries {
            if !known.contains(name) {
                let message = format!("unknown field; known here are {}", known.join(", "));
                self.fault_at(*line, &entry.path, message);
            }
        }
        let fields = entries.into_iter().map(|(name, _, entry)| (name, entry)).collect();
        Some(Record { spot: self.clone(), fields })
    }

    /// A mapping whose keys are free; a key that is given again is noted and left out.
    pub(super) fn entries(&self) -> Vec<(&'a str, Self)> {
        let entries = self.map(|| "must be a mapping, one 'key: value' per line".to_owned());
        entries.into_iter().flatten().map(|(key, _, entry)| (key, entry)).collect()
    }

    fn map(&self, wanted: impl Fn() -> String) -> Option<Vec<(&'a str, usize, Self)>> {
        let Value::Map(map) = &self.node.value else {
            self.wrong_type(&wanted());
            return None;
        };
        let mut lines = HashMap::new();
        let mut entries = Vec::with_capacity(map.len());
        for (key, line, node) in map {
            let entry = self.child(Step::Field(key), node);
            if let Some(first) = lines.insert(key.as_ref(), *line) {
                let message = format!("is given on line {first} already; keep one");
                self.fault_at(*line, &entry.path, message);
            } else {
                entries.push((key.as_ref(), *line, entry));
            }
        }
        Some(entries)
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        let Value::List(items) = &self.node.value else {
            self.wrong_type("must be a list");
            return None;
        };
        let items = items.iter().enumerate();
        Some(items.map(|(at, node)| self.child(Step::Item(at), node)).collect())
    }

    /// A scalar, as it was written.
    pub(super) fn text(&self) -> Option<&'a str> {
        if let Value::Scalar { text, .. } = &self.node.value {
            return Some(text);
        }
        self.wrong_type("must be a text");
        None
    }

    /// A scalar that has a form of its own.
    pub(super) fn parsed<T: FromStr<Err: fmt::Display>>(&self) -> Option<T> {
        self.text()?.parse().map_err(|error: T::Err| self.fault(error.to_string())).ok()
    }

    /// A switch.
    pub(super) fn switch(&self) -> Option<bool> {
        match &self.node.value {
            Value::Scalar { text, quoted: false } if text == "true" => Some(true),
            Value::Scalar { text, quoted: false } if text == "false" => Some(false),
            _ => {
                self.wrong_type("must be true or false, without quotes");
                None
            }
        }
    }

    /// A whole number of some unit.
    pub(super) fn whole(&self, range: RangeInclusive<u32>, unit: &str) -> Option<u32> {
        if let Value::Scalar { text, quoted: false } = &self.node.value
            && let Some(number) = text.parse().ok().filter(|number| range.contains(number))
        {
            return Some(number);
        }
        let (least, most) = (range.start(), range.end());
        self.wrong_type(&format!("must be a whole number of {unit} from {least} to {most}"));
        None
    }

    fn wrong_type(&self, wanted: &str) {
        let found = match &self.node.value {
            Value::Nothing => "nothing is given",
            Value::Scalar { .. } => return self.fault(wanted),
            Value::List(_) => "this is a list",
            Value::Map(_) => "these are fields",
        };
        self.fault(format!("{wanted}; {found}"));
    }

    fn child(&self, step: Step<'a>, node: &'a Node<'a>) -> Self {
        let path = self.path.then(step);
        Self { node, path, faults: self.faults }
    }
}

/// The fields of a mapping.
pub(super) struct Record<'a> {
    spot: Spot<'a>,
    fields: HashMap<&'a str, Spot<'a>>,
}

impl<'a> Record<'a> {
    /// A field that must be there.
    pub(super) fn required(&self, name: &'static str) -> Option<Spot<'a>> {
        let found = self.optional(name);
        if found.is_none() {
            let path = self.spot.path.then(Step::Field(name));
            let line = self.fields.get(name).map_or(self.spot.line(), Spot::line);
            self.spot.fault_at(line, &path, "is missing; add it");
        }
        found
    }

    /// A field that may be left out, or be empty, which is the same.
    pub(super) fn optional(&self, name: &'static str) -> Option<Spot<'a>> {
        self.fields.get(name).filter(|spot| !matches!(spot.node.value, Value::Nothing)).cloned()
    }

    /// A field if it is there, even if it is empty.
    pub(super) fn given(&self, name: &'static str) -> Option<Spot<'a>> {
        self.fields.get(name).cloned()
    }

    /// The items of a list that may be left out.
    pub(super) fn list(&self, name: &'static str) -> Vec<Spot<'a>> {
        self.optional(name).and_then(|list| list.items()).unwrap_or_default()
    }

    /// A switch that may be left out.
    pub(super) fn switch_or(&self, name: &'static str, default: bool) -> bool {
        self.optional(name).and_then(|spot| spot.switch()).unwrap_or(default)
    }

    /// A name that clients or operators read.
    pub(super) fn name(&self) -> Option<String> {
        let spot = self.required("name")?;
        let name = spot.text()?.trim();
        let fits = (1..=200).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if !fits {
            spot.fault("must be 1 to 200 characters on one line");
        }
        fits.then(|| name.to_owned())
    }
}
