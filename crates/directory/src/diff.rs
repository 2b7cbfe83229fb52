//! What a new version changes, line by line, for the operator who applies it.

use std::collections::BTreeSet;
use std::fmt;

use domain::Personal;
use domain::ids::CompanyId;
use serde::Serialize;
use serde_json::Value;

use crate::model::Company;

/// One difference. It prints as `~ user anna: extension 'an' → 'anna'`, with names of
/// people, for the operator's terminal and never for a log; its `Debug` form hides values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The company.
    pub company: CompanyId,
    /// What is different: `company`, `user anna`, `pool main: secondary 1001`.
    pub subject: String,
    /// How it is different.
    pub kind: ChangeKind,
}

/// How something is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new. What a new company holds is not listed.
    Added,
    /// It is gone.
    Removed,
    /// One of its fields is another.
    Field {
        /// The field, as the file names it.
        name: String,
        /// What it was; `None` if it was not given.
        from: Option<Personal<String>>,
        /// What it is; `None` if it is not given.
        to: Option<Personal<String>>,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = &self.subject;
        match &self.kind {
            ChangeKind::Added => write!(f, "+ {subject}"),
            ChangeKind::Removed => write!(f, "- {subject}"),
            ChangeKind::Field { name, from, to } => {
                let shown = |value: &Option<Personal<String>>| {
                    value.as_ref().map_or("none".to_owned(), |text| text.expose().clone())
                };
                write!(f, "~ {subject}: {name} {} → {}", shown(from), shown(to))
            }
        }
    }
}

/// The changes from one version of a company to the next, in the order of the file's sections.
pub(crate) fn changes(old: Option<&Company>, new: &Company) -> Vec<Change> {
    let mut diff = Diff { company: &new.id, changes: Vec::new() };
    let Some(old) = old else {
        let (users, pools) = (new.users.len(), new.pools.len());
        diff.push(format!("company {} ({users} users, {pools} pools)", new.id), ChangeKind::Added);
        return diff.changes;
    };
    if old == new {
        return diff.changes;
    }
    diff.fields("company", &head(old), &head(new), &[]);
    diff.lists(
        "external company",
        (&old.external_companies, &new.external_companies),
        |it| it.id.as_str(),
        &[],
    );
    diff.lists(
        "organizational unit",
        (&old.organizational_units, &new.organizational_units),
        |it| it.id.as_str(),
        &[],
    );
    diff.lists("user", (&old.users, &new.users), |it| it.id.as_str(), &[]);
    diff.lists(
        "official account",
        (&old.official_accounts, &new.official_accounts),
        |it| it.phone_number_id.as_str(),
        &[],
    );
    diff.lists("pool", (&old.pools, &new.pools), |it| it.id.as_str(), &["secondaries"]);
    for pool in &new.pools {
        let before = old.pools.iter().find(|p| p.id == pool.id);
        let before = before.map(|p| p.secondaries.as_slice()).unwrap_or_default();
        let kind = format!("pool {}: secondary", pool.id);
        diff.lists(&kind, (before, &pool.secondaries), |it| it.phone_number_id.as_str(), &[]);
    }
    diff.changes
}

/// The company without its lists, which are compared item by item.
fn head(company: &Company) -> Company {
    Company {
        id: company.id.clone(),
        name: company.name.clone(),
        default_language: company.default_language.clone(),
        features: company.features,
        timing: company.timing,
        limits: company.limits,
        texts: company.texts.clone(),
        stop_words: company.stop_words.clone(),
        start_words: company.start_words.clone(),
        languages_by_country: company.languages_by_country.clone(),
        external_companies: Vec::new(),
        organizational_units: Vec::new(),
        users: Vec::new(),
        official_accounts: Vec::new(),
        pools: Vec::new(),
    }
}

struct Diff<'a> {
    company: &'a CompanyId,
    changes: Vec<Change>,
}

impl Diff<'_> {
    /// Two lists that are sorted by `id`.
    fn lists<T: PartialEq + Serialize>(
        &mut self,
        kind: &str,
        (old, new): (&[T], &[T]),
        id: fn(&T) -> &str,
        apart: &[&str],
    ) {
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        while let Some(order) = match (old.peek(), new.peek()) {
            (Some(a), Some(b)) => Some(id(a).cmp(id(b))),
            (Some(_), None) => Some(std::cmp::Ordering::Less),
            (None, Some(_)) => Some(std::cmp::Ordering::Greater),
            (None, None) => None,
        } {
            let before = old.next_if(|_| order.is_le());
            let after = new.next_if(|_| order.is_ge());
            match (before, after) {
                (Some(a), Some(b)) if a == b => {}
                (Some(a), Some(b)) => self.fields(&format!("{kind} {}", id(a)), a, b, apart),
                (Some(a), None) => self.push(format!("{kind} {}", id(a)), ChangeKind::Removed),
                (None, Some(b)) => self.push(format!("{kind} {}", id(b)), ChangeKind::Added),
                (None, None) => {}
            }
        }
    }

    /// Two records that differ; the fields in `apart` are compared elsewhere.
    fn fields<T: Serialize>(&mut self, subject: &str, old: &T, new: &T, apart: &[&str]) {
        let to_value = |record: &T| serde_json::to_value(record).unwrap_or_default();
        self.values(subject, "", &to_value(old), &to_value(new), apart);
    }

    fn values(&mut self, subject: &str, path: &str, old: &Value, new: &Value, apart: &[&str]) {
        if old == new {
            return;
        }
        let empty = serde_json::Map::new();
        let fields = |value: &Value| value.as_object().cloned();
        let (a, b) = (fields(old), fields(new));
        if a.is_none() && b.is_none() {
            let name = path.to_owned();
            return self.push(
                subject.to_owned(),
                ChangeKind::Field { name, from: shown(old), to: shown(new) },
            );
        }
        let (a, b) = (a.as_ref().unwrap_or(&empty), b.as_ref().unwrap_or(&empty));
        for name in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
            if !apart.contains(&name.as_str()) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let of = |map: &serde_json::Map<String, Value>| {
                    map.get(name).cloned().unwrap_or(Value::Null)
                };
                self.values(subject, &path, &of(a), &of(b), &[]);
            }
        }
    }

    fn push(&mut self, subject: String, kind: ChangeKind) {
        self.changes.push(Change { company: self.company.clone(), subject, kind });
    }
}

fn shown(value: &Value) -> Option<Personal<String>> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => format!("'{text}'"),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| item.as_str().unwrap_or("…")).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    };
    Some(Personal::new(text))
}
