//! A task file as a tree whose every node knows its line, read strictly: a key that nobody asked for is an error.

use crate::error::{Error, Result};
use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

/// A YAML document, and what to call it in an error.
pub(super) struct Document<'a> {
    name: &'static str,
    root: MarkedYaml<'a>,
}

impl<'a> Document<'a> {
    /// Reads one document. `name` is how errors speak of the file: `task file`, `predicates file`.
    pub fn parse(name: &'static str, text: &'a str) -> Result<Self> {
        let mut documents = MarkedYaml::load_from_str(text).map_err(|e| Error::Task {
            file: name,
            line: e.marker().line(),
            problem: format!("is not YAML: {}", e.info()),
        })?;
        match documents.len() {
            1 => Ok(Document { name, root: documents.swap_remove(0) }),
            0 => Err(Error::Task { file: name, line: 1, problem: "is empty".into() }),
            _ => {
                Err(Error::Task { file: name, line: 1, problem: "holds several documents; keep one".into() })
            }
        }
    }

    /// The whole document.
    pub fn root(&self) -> Node<'_> {
        Node { file: self.name, line: 1, yaml: &self.root }
    }
}

/// A place in a document.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    file: &'static str,
    line: usize,
    yaml: &'a MarkedYaml<'a>,
}

impl<'a> Node<'a> {
    /// An error at this place.
    pub fn refuse(&self, problem: impl Into<String>) -> Error {
        Error::Task { file: self.file, line: self.line, problem: problem.into() }
    }

    /// The entries of a mapping, in order. Each value stands on its key's line.
    pub fn entries(&self, what: &str) -> Result<Vec<(&'a str, Node<'a>)>> {
        let YamlData::Mapping(mapping) = &self.yaml.data else {
            return Err(self.refuse(format!("{what} must be a mapping of names to settings")));
        };
        let mut entries = Vec::with_capacity(mapping.len());
        for (key, value) in mapping {
            let node = Node { file: self.file, line: key.span.start.line(), yaml: value };
            let YamlData::Value(Scalar::String(name)) = &key.data else {
                return Err(node.refuse(format!("a key of {what} is not text; quote it")));
            };
            entries.push((name.as_ref(), node));
        }
        Ok(entries)
    }

    /// The text here.
    pub fn text(&self, what: &str) -> Result<&'a str> {
        match &self.yaml.data {
            YamlData::Value(Scalar::String(text)) => Ok(text.as_ref()),
            _ => Err(self.refuse(format!("{what} must be text"))),
        }
    }

    /// The text here, or nothing where `null` stands.
    pub fn text_or_null(&self, what: &str) -> Result<Option<&'a str>> {
        if self.is_null() { Ok(None) } else { self.text(what).map(Some) }
    }

    /// Does `null` stand here?
    pub fn is_null(&self) -> bool {
        matches!(self.yaml.data, YamlData::Value(Scalar::Null))
    }

    /// Is it a mapping?
    pub fn is_mapping(&self) -> bool {
        matches!(self.yaml.data, YamlData::Mapping(_))
    }

    /// Is it exactly this text?
    pub fn is_text(&self, text: &str) -> bool {
        matches!(&self.yaml.data, YamlData::Value(Scalar::String(t)) if t == text)
    }

    /// The number here.
    pub fn number(&self, what: &str) -> Result<f64> {
        let number = match &self.yaml.data {
            YamlData::Value(Scalar::Integer(n)) => *n as f64,
            YamlData::Value(Scalar::FloatingPoint(n)) => n.0,
            _ => f64::NAN,
        };
        if number.is_finite() { Ok(number) } else { Err(self.refuse(format!("{what} must be a number"))) }
    }

    /// The number here, or nothing where `null` stands.
    pub fn number_or_null(&self, what: &str) -> Result<Option<f64>> {
        if self.is_null() { Ok(None) } else { self.number(what).map(Some) }
    }

    /// `true` or `false`.
    pub fn boolean(&self, what: &str) -> Result<bool> {
        match &self.yaml.data {
            YamlData::Value(Scalar::Boolean(b)) => Ok(*b),
            _ => Err(self.refuse(format!("{what} must be true or false"))),
        }
    }

    /// The items of a list.
    pub fn items(&self, what: &str) -> Result<Vec<Node<'a>>> {
        let YamlData::Sequence(items) = &self.yaml.data else {
            return Err(self.refuse(format!("{what} must be a list")));
        };
        Ok(items.iter().map(|yaml| Node { file: self.file, line: yaml.span.start.line(), yaml }).collect())
    }

    /// A list of texts.
    pub fn texts(&self, what: &str) -> Result<Vec<&'a str>> {
        self.items(what)?.into_iter().map(|item| item.text(what)).collect()
    }
}
