//! YAML as a tree of values with their lines.
//!
//! Scalars stay as they were written, so that the extension `007` and the country
//! `NO` are neither a number nor `false`.

use std::borrow::Cow;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::fault::Fault;

/// The format needs 7 levels.
const DEEPEST: usize = 16;

/// A value, and the line where it starts.
#[derive(Debug)]
pub(super) struct Node<'y> {
    pub(super) line: usize,
    pub(super) value: Value<'y>,
}

/// What stands there.
#[derive(Debug)]
pub(super) enum Value<'y> {
    /// Nothing, `~` or `null`.
    Nothing,
    /// A scalar; quoted ones are never taken for a number or a switch.
    Scalar { text: Cow<'y, str>, quoted: bool },
    /// A sequence.
    List(Vec<Node<'y>>),
    /// A mapping, in the file's order, with the lines of its keys; repeated keys included.
    Map(Vec<(Cow<'y, str>, usize, Node<'y>)>),
}

/// Reads the one document of a text.
pub(super) fn read(yaml: &str) -> Result<Node<'_>, Fault> {
    let mut reader = Reader { parser: Parser::new_from_str(yaml), line: 1 };
    let mut root = None;
    loop {
        match reader.next()? {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            _ if root.is_some() => {
                return Err(reader.fault("a second document starts here; keep one"));
            }
            event => root = Some(reader.node(event, 0)?),
        }
    }
    Ok(root.unwrap_or(Node { line: 1, value: Value::Nothing }))
}

struct Reader<'y> {
    parser: Parser<'y, granit_parser::StrInput<'y>>,
    /// Where the last event starts.
    line: usize,
}

impl<'y> Reader<'y> {
    /// The next event that is no comment.
    fn next(&mut self) -> Result<Event<'y>, Fault> {
        let next: Option<Result<(Event<'y>, Span), ScanError>> = self.parser.next();
        match next {
            None => Ok(Event::StreamEnd),
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            Some(Err(error)) => {
                self.line = error.marker().line();
                Err(self.fault(&format!("this is no YAML: {}", error.info())))
            }
        }
    }

    fn node(&mut self, event: Event<'y>, depth: usize) -> Result<Node<'y>, Fault> {
        let line = self.line;
        if depth > DEEPEST {
            return Err(self.fault("is nested too deeply for a directory file"));
        }
        let value = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => match text.as_ref() {
                "" | "~" | "null" => Value::Nothing,
                _ => Value::Scalar { text, quoted: false },
            },
            Event::Scalar(text, ..) => Value::Scalar { text, quoted: true },
            Event::SequenceStart(..) => Value::List(self.list(depth)?),
            Event::MappingStart(..) => Value::Map(self.map(depth)?),
            _ => {
                return Err(
                    self.fault("aliases (*name) are not read here; write the value out instead")
                );
            }
        };
        Ok(Node { line, value })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node<'y>>, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(items),
                event => items.push(self.node(event, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(Cow<'y, str>, usize, Node<'y>)>, Fault> {
        let mut entries = Vec::new();
        loop {
            let key = match self.next()? {
                Event::MappingEnd => return Ok(entries),
                Event::Scalar(text, ..) => text,
                _ => return Err(self.fault("a field's name must be a plain word")),
            };
            let line = self.line;
            let event = self.next()?;
            let mut node = self.node(event, depth + 1)?;
            if matches!(node.value, Value::Nothing) {
                node.line = line; // an empty value has no place of its own
            }
            entries.push((key, line, node));
        }
    }

    fn fault(&self, message: &str) -> Fault {
        Fault { line: self.line, path: String::new(), message: message.to_owned() }
    }
}
