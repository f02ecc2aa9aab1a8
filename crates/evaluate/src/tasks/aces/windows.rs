//! Windows as a task states them, and the tree of boundaries that they make.

use super::boundary::{Boundary, Distance, Reference, is_name};
use super::predicates::{Definition, Predicates};
use crate::error::Result;
use crate::tasks::document::Node;
use rustc_hash::FxHashMap;

/// How far a boundary lies from the one above it in the tree, predicates by number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// So many microseconds later, or earlier when negative.
    Micros(i64),
    /// At the next event of this predicate.
    Next(Bound),
    /// At the last event of this predicate.
    Last(Bound),
}

/// A predicate, or an end of the record, which is a bound whether or not it is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    Predicate(usize),
    RecordStart,
    RecordEnd,
}

/// A boundary that has to be found.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The boundary that it is measured from; 0 is the trigger.
    pub parent: usize,
    pub step: Step,
    /// Does the window between this place and its parent hold its earlier and its later end?
    pub start_inclusive: bool,
    pub end_inclusive: bool,
    /// Counts that the window must have: predicate, least, most.
    pub has: Vec<(usize, i64, i64)>,
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    /// Places after the trigger, each after its parent. A place's number is its position plus 1.
    pub places: Vec<Place>,
    /// The place whose window is counted for the label, and the predicate counted.
    pub label: (usize, usize),
    /// The place whose window's start (`false`) or end (`true`) is the prediction time.
    pub index: (usize, bool),
}

/// A window as stated.
struct Window<'a> {
    name: &'a str,
    node: Node<'a>,
    start: Boundary,
    end: Boundary,
    start_inclusive: bool,
    end_inclusive: bool,
    has: Vec<(usize, i64, i64)>,
    label: Option<(usize, Node<'a>)>,
    index: Option<(bool, Node<'a>)>,
    /// Is the start measured from the end?
    anchored_at_end: bool,
}

impl Tree {
    /// Reads the windows of a task.
    pub fn read(
        windows: &Node,
        predicates: &mut Predicates,
        definitions: &FxHashMap<&str, Definition>,
    ) -> Result<Self> {
        let stated = windows
            .entries("windows")?
            .into_iter()
            .map(|(name, node)| Window::read(name, node, predicates, definitions))
            .collect::<Result<Vec<_>>>()?;
        let labels: Vec<&Window> = stated.iter().filter(|w| w.label.is_some()).collect();
        let indices: Vec<&Window> = stated.iter().filter(|w| w.index.is_some()).collect();
        let (label, index) = match (labels.as_slice(), indices.as_slice()) {
            ([label], [index]) => (*label, *index),
            ([], _) => {
                return Err(windows.refuse("no window has a `label`; one must, or there is nothing to write"));
            }
            (_, []) => {
                return Err(windows.refuse(
                    "no window has an `index_timestamp`; one must say whether its start or end is the prediction time",
                ));
            }
            ([_, second, ..], _) => return Err(second.node.refuse("only one window may have a `label`")),
            (_, [_, second, ..]) => {
                return Err(second.node.refuse("only one window may have an `index_timestamp`"));
            }
        };
        let mut builder = Builder {
            stated: &stated,
            predicates,
            definitions,
            tree: Tree::default(),
            known: FxHashMap::default(),
        };
        for (number, window) in stated.iter().enumerate() {
            builder.place(number, false, window, 0)?;
            builder.place(number, true, window, 0)?;
        }
        let (places, known) = (builder.tree.places, builder.known);
        let of = |window: &Window| {
            let number = stated.iter().position(|w| std::ptr::eq(w, window)).unwrap_or(0);
            known[&(number, !window.anchored_at_end)]
        };
        let mut tree = Tree { places, ..Tree::default() };
        if let (Some((predicate, node)), Some((at_end, index_node))) = (&label.label, &index.index) {
            let zero_length = |w: &Window, node: &Node| match w.free_end().distance {
                Distance::None => Err(node
                    .refuse(format!("window `{}` has no length, so it holds nothing to refer to", w.name))),
                _ => Ok(()),
            };
            zero_length(label, node)?;
            zero_length(index, index_node)?;
            if index.anchored_at_end && matches!(index.start.distance, Distance::Micros(_)) {
                return Err(index_node.refuse(format!(
                    "`index_timestamp` in window `{}`, whose start is set back from its end: ACES takes the two ends of such a \
                     window for each other; state its start first and its end from it (end: start + …)",
                    index.name
                )));
            }
            tree.label = (of(label), *predicate);
            tree.index = (of(index), *at_end);
        }
        Ok(tree)
    }
}

impl<'a> Window<'a> {
    fn read(
        name: &'a str,
        node: Node<'a>,
        predicates: &mut Predicates,
        definitions: &FxHashMap<&str, Definition>,
    ) -> Result<Self> {
        if !is_name(name) {
            return Err(node.refuse(format!("`{name}` is no window's name (letters, digits and _)")));
        }
        let (mut start, mut end, mut start_inclusive, mut end_inclusive) = (None, None, None, None);
        let (mut has, mut label, mut index) = (vec![], None, None);
        for (key, value) in node.entries("a window")? {
            match key {
                "start" => start = Some(Boundary::read(&value, false)?),
                "end" => end = Some(Boundary::read(&value, true)?),
                "start_inclusive" => start_inclusive = Some(value.boolean("start_inclusive")?),
                "end_inclusive" => end_inclusive = Some(value.boolean("end_inclusive")?),
                "has" => {
                    for (predicate, range) in value.entries("has")? {
                        let (least, most) = self::range(&range)?;
                        has.push((countable(predicate, &range, predicates, definitions)?, least, most));
                    }
                }
                "label" if value.is_null() => {}
                "label" => {
                    let text = value.text("label")?;
                    if !definitions.contains_key(text) {
                        return Err(
                            value.refuse(format!("a label must be one of the predicates; `{text}` is not"))
                        );
                    }
                    label = Some((countable(text, &value, predicates, definitions)?, value));
                }
                "index_timestamp" if value.is_null() => {}
                "index_timestamp" => match value.text("index_timestamp")? {
                    "start" => index = Some((false, value)),
                    "end" => index = Some((true, value)),
                    other => {
                        return Err(
                            value.refuse(format!("index_timestamp is `start` or `end`, not `{other}`"))
                        );
                    }
                },
                other => {
                    return Err(value.refuse(format!(
                        "a window has no setting `{other}`: known are start, end, start_inclusive, end_inclusive, has, label \
                         and index_timestamp"
                    )));
                }
            }
        }
        let missing = |what: &str| node.refuse(format!("window `{name}` lacks `{what}`"));
        let start = start.ok_or_else(|| missing("start"))?;
        let end = end.ok_or_else(|| missing("end"))?;
        let start_inclusive = start_inclusive.ok_or_else(|| missing("start_inclusive"))?;
        let end_inclusive = end_inclusive.ok_or_else(|| missing("end_inclusive"))?;
        let anchored_at_end = match (start.from == Reference::OwnEnd, end.from == Reference::OwnStart) {
            (true, false) => true,
            (false, true) => false,
            (true, true) => {
                return Err(node.refuse(format!("window `{name}` is fixed at neither end; one end must refer to the trigger or another window")));
            }
            (false, false) => {
                return Err(node.refuse(format!(
                    "in window `{name}` neither end refers to the other; write its end from `start`, or its start from `end`"
                )));
            }
        };
        let backwards = match anchored_at_end {
            true => start.is_before() == Some(false),
            false => end.is_before() == Some(true),
        };
        if backwards {
            return Err(node.refuse(format!("window `{name}` would start after its end")));
        }
        let window = Window {
            name,
            node,
            start,
            end,
            start_inclusive,
            end_inclusive,
            has,
            label,
            index,
            anchored_at_end,
        };
        if window.free_end().distance == Distance::None && !window.has.is_empty() {
            return Err(node.refuse(format!("window `{name}` has no length, so `has` can't hold of it")));
        }
        if [Reference::OwnStart, Reference::OwnEnd].contains(&window.fixed_end().from) {
            return Err(node.refuse(format!("an end of window `{name}` refers to itself")));
        }
        Ok(window)
    }

    /// The end that is measured from the other.
    fn free_end(&self) -> &Boundary {
        if self.anchored_at_end { &self.start } else { &self.end }
    }

    /// The end that is measured from elsewhere.
    fn fixed_end(&self) -> &Boundary {
        if self.anchored_at_end { &self.end } else { &self.start }
    }
}

/// A predicate that can be counted in windows: static ones are of subjects, not of moments.
fn countable(
    name: &str,
    user: &Node,
    predicates: &mut Predicates,
    definitions: &FxHashMap<&str, Definition>,
) -> Result<usize> {
    let number = predicates.need(name, user, definitions)?;
    if predicates.is_static[number] {
        return Err(
            user.refuse(format!("`{name}` is static: it chooses subjects and can't be found at a moment"))
        );
    }
    Ok(number)
}

/// `(least, most)`, either of them `None`.
fn range(node: &Node) -> Result<(i64, i64)> {
    let text = node.text("a range of counts, (least, most),")?;
    let wrong =
        || node.refuse(format!("`{text}` is no range of counts; write (least, most) with None for no limit"));
    let parts: Vec<&str> = text.trim_matches(['(', ')']).split(',').map(str::trim).collect();
    let [least, most] = parts.as_slice() else { return Err(wrong()) };
    let limit = |part: &str| match part {
        "None" | "" => Ok(None),
        number => number.parse::<i64>().map(Some).map_err(|_| wrong()),
    };
    let (least, most) = (limit(least)?, limit(most)?);
    if least.is_none() && most.is_none() {
        return Err(node.refuse("a range of counts without any limit asks nothing; leave it out"));
    }
    if let (Some(least), Some(most)) = (least, most)
        && most < least
    {
        return Err(node.refuse("no count is at least the first and at most the second"));
    }
    Ok((least.unwrap_or(i64::MIN), most.unwrap_or(i64::MAX)))
}

struct Builder<'b, 'a> {
    stated: &'b [Window<'a>],
    predicates: &'b mut Predicates,
    definitions: &'b FxHashMap<&'b str, Definition<'b>>,
    tree: Tree,
    /// The place of a window's start or end.
    known: FxHashMap<(usize, bool), usize>,
}

impl Builder<'_, '_> {
    /// The place of a window's start or end, put into the tree after what it is measured from.
    fn place(&mut self, number: usize, is_end: bool, user: &Window, depth: usize) -> Result<usize> {
        if let Some(&place) = self.known.get(&(number, is_end)) {
            return Ok(place);
        }
        let stated = self.stated;
        let window = &stated[number];
        if depth > 2 * stated.len() {
            return Err(user.node.refuse(format!("window `{}` is fixed by way of itself", window.name)));
        }
        let boundary = if is_end { &window.end } else { &window.start };
        let parent = match &boundary.from {
            Reference::Trigger => 0,
            Reference::OwnStart => self.place(number, false, user, depth + 1)?,
            Reference::OwnEnd => self.place(number, true, user, depth + 1)?,
            Reference::Window(name, end) => {
                let Some(other) = stated.iter().position(|w| w.name == name) else {
                    return Err(window
                        .node
                        .refuse(format!("window `{}` refers to `{name}`, which is no window", window.name)));
                };
                self.place(other, *end, user, depth + 1)?
            }
        };
        let step = match &boundary.distance {
            Distance::None => None,
            Distance::Micros(micros) => Some(Step::Micros(*micros)),
            Distance::Next(name) => Some(Step::Next(self.bound(name, &window.node)?)),
            Distance::Last(name) => Some(Step::Last(self.bound(name, &window.node)?)),
        };
        let place = match step {
            None => parent,
            Some(step) => {
                // A window's conditions are checked where its free end is found; on the way to its fixed end there
                // is no window, and an event at that very moment is none that bounds it.
                let free = is_end != window.anchored_at_end;
                self.tree.places.push(Place {
                    parent,
                    step,
                    start_inclusive: free && window.start_inclusive,
                    end_inclusive: free && window.end_inclusive,
                    has: if free { window.has.clone() } else { vec![] },
                });
                self.tree.places.len()
            }
        };
        self.known.insert((number, is_end), place);
        Ok(place)
    }

    fn bound(&mut self, name: &str, user: &Node) -> Result<Bound> {
        Ok(match name {
            super::boundary::RECORD_START => Bound::RecordStart,
            super::boundary::RECORD_END => Bound::RecordEnd,
            _ => Bound::Predicate(countable(name, user, self.predicates, self.definitions)?),
        })
    }
}
