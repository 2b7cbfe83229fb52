//! Places in a file, as `companies[0].users[3].extension`.

use std::fmt;
use std::rc::Rc;

/// How to get to a value; made into text only when there is a fault.
#[derive(Clone)]
pub(super) struct Path<'a>(Option<Rc<(Path<'a>, Step<'a>)>>);

impl<'a> Path<'a> {
    /// The file itself.
    pub(super) const ROOT: Self = Self(None);

    /// One step further.
    pub(super) fn then(&self, step: Step<'a>) -> Self {
        Self(Some(Rc::new((self.clone(), step))))
    }
}

/// From a value into one that it holds.
pub(super) enum Step<'a> {
    Field(&'a str),
    Item(usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((parent, step)) = self.0.as_deref() else { return Ok(()) };
        parent.fmt(f)?;
        match step {
            Step::Field(name) if parent.0.is_none() => f.write_str(name),
            Step::Field(name) => write!(f, ".{name}"),
            Step::Item(at) => write!(f, "[{at}]"),
        }
    }
}
