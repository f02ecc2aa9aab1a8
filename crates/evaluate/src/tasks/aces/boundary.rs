//! The small language in which windows say where they start and end: `trigger + 24h`, `start -> discharge`.

use super::duration;
use crate::error::Result;
use crate::tasks::document::Node;

/// The start of a subject's record, as a boundary.
pub(super) const RECORD_START: &str = "_RECORD_START";
/// The end of a subject's record, as a boundary.
pub(super) const RECORD_END: &str = "_RECORD_END";
/// Any moment at which something happened.
pub(super) const ANY_EVENT: &str = "_ANY_EVENT";

/// What a boundary is measured from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reference {
    /// The event that triggers an extraction.
    Trigger,
    /// This window's own start.
    OwnStart,
    /// This window's own end.
    OwnEnd,
    /// The start (`false`) or end (`true`) of another window.
    Window(String, bool),
}

/// How far a boundary lies from its reference.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Distance {
    /// It is the reference.
    None,
    /// So many microseconds later, or earlier when negative.
    Micros(i64),
    /// At the first event of this predicate after the reference.
    Next(String),
    /// At the last event of this predicate before the reference.
    Last(String),
}

/// Where a window starts or ends.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Boundary {
    pub from: Reference,
    pub distance: Distance,
}

impl Boundary {
    /// Reads one; `null` is the start or the end of the record. `is_end`: is it a window's end?
    pub fn read(node: &Node, is_end: bool) -> Result<Self> {
        let what = if is_end { "a window's end" } else { "a window's start" };
        let Some(text) = node.text_or_null(what)? else {
            return Ok(if is_end {
                Boundary { from: Reference::OwnStart, distance: Distance::Next(RECORD_END.into()) }
            } else {
                Boundary { from: Reference::OwnEnd, distance: Distance::Last(RECORD_START.into()) }
            });
        };
        let arrows = text.matches("->").count() + text.matches("<-").count();
        if arrows > 1 {
            return Err(node.refuse(format!("{what} holds several arrows; one `->` or `<-` is possible")));
        }
        if let Some((from, predicate)) = text.split_once("->") {
            let predicate = predicate.trim();
            if predicate == RECORD_START {
                return Err(node.refuse(
                    "the start of the record never comes next; `<- _RECORD_START` looks back for it",
                ));
            }
            return Ok(Boundary {
                from: reference(node, from)?,
                distance: Distance::Next(name(node, predicate)?),
            });
        }
        if let Some((from, predicate)) = text.split_once("<-") {
            let predicate = predicate.trim();
            if predicate == RECORD_END {
                return Err(node
                    .refuse("the end of the record never came before; `-> _RECORD_END` looks ahead for it"));
            }
            return Ok(Boundary {
                from: reference(node, from)?,
                distance: Distance::Last(name(node, predicate)?),
            });
        }
        let signs = text.matches(['+', '-']).count();
        if signs > 1 {
            return Err(node.refuse(format!(
                "{what} holds several signs; one `+` or `-` with a length of time is possible"
            )));
        }
        let Some(at) = text.find(['+', '-']) else {
            return Ok(Boundary { from: reference(node, text)?, distance: Distance::None });
        };
        let micros = duration::parse(&text[at + 1..]).ok_or_else(|| {
            node.refuse(format!(
                "`{}` is no length of time; write `24h`, `30 days` or `1w 2d`",
                text[at + 1..].trim()
            ))
        })?;
        let micros = if text[at..].starts_with('-') { -micros } else { micros };
        let distance = if micros == 0 { Distance::None } else { Distance::Micros(micros) };
        Ok(Boundary { from: reference(node, &text[..at])?, distance })
    }

    /// Does it surely lie before (`true`) or after (`false`) its reference?
    pub fn is_before(&self) -> Option<bool> {
        match &self.distance {
            Distance::None => None,
            Distance::Micros(micros) => Some(*micros < 0),
            Distance::Next(_) => Some(false),
            Distance::Last(_) => Some(true),
        }
    }
}

/// Letters, digits and `_`, as ACES names things.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn name(node: &Node, text: &str) -> Result<String> {
    if is_name(text) {
        Ok(text.to_owned())
    } else {
        Err(node.refuse(format!("`{text}` is no predicate's name (letters, digits and _)")))
    }
}

fn reference(node: &Node, text: &str) -> Result<Reference> {
    match text.trim() {
        "trigger" => Ok(Reference::Trigger),
        "start" => Ok(Reference::OwnStart),
        "end" => Ok(Reference::OwnEnd),
        text => match text.split_once('.') {
            Some((window, "start")) if is_name(window) => Ok(Reference::Window(window.to_owned(), false)),
            Some((window, "end")) if is_name(window) => Ok(Reference::Window(window.to_owned(), true)),
            _ => Err(node.refuse(format!(
                "`{text}` is nothing to measure from; write `trigger`, `start`, `end`, or another window's `NAME.start` or `NAME.end`"
            ))),
        },
    }
}
