//! A small drawing board: a frame with two linear scales, and marks in the data's own units.
//!
//! Colours and strokes are classes of the page's style sheet, so that print and screen can differ. Every drawing
//! has a title and a description for those who can't see it.

use super::page::escape;
use std::fmt::Write;

/// Margins around the frame: room for the axes' numbers and names.
const LEFT: f64 = 52.0;
const LEFT_OF_NAMES: f64 = 96.0;
/// Width of a letter of the axes' numbers and names, about.
const LETTER: f64 = 5.8;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 42.0;

/// How the numbers on an axis are written.
#[derive(Clone, Debug)]
pub enum Ticks {
    /// As they are, with so many decimals.
    Decimals(usize),
    /// As percentages.
    Percent,
    /// By a name in the middle of each unit, the highest first.
    Names(Vec<String>),
}

/// One axis.
#[derive(Clone, Debug)]
pub struct Axis<'a> {
    /// What it shows, with its unit.
    pub name: &'a str,
    /// The lowest value shown.
    pub from: f64,
    /// The highest.
    pub to: f64,
    /// How its numbers are written.
    pub ticks: Ticks,
}

/// A drawing in progress.
#[derive(Debug)]
pub struct Board {
    width: f64,
    height: f64,
    left: f64,
    x: (f64, f64),
    y: (f64, f64),
    marks: String,
}

impl Board {
    /// A framed board with its axes drawn.
    pub fn new(width: f64, height: f64, x: &Axis, y: &Axis) -> Self {
        let span = |axis: &Axis| (axis.from, if axis.to > axis.from { axis.to } else { axis.from + 1.0 });
        let left = match &y.ticks {
            Ticks::Names(names) => {
                let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
                (LETTER * longest as f64 + 12.0).max(LEFT_OF_NAMES)
            }
            _ => LEFT,
        };
        let mut board = Board { width, height, left, x: span(x), y: span(y), marks: String::new() };
        board.axes(x, y);
        board
    }

    fn px(&self, x: f64) -> f64 {
        self.left
            + (x.clamp(self.x.0, self.x.1) - self.x.0) / (self.x.1 - self.x.0)
                * (self.width - self.left - RIGHT)
    }

    fn py(&self, y: f64) -> f64 {
        let share = (y.clamp(self.y.0, self.y.1) - self.y.0) / (self.y.1 - self.y.0);
        self.height - BOTTOM - share * (self.height - TOP - BOTTOM)
    }

    fn axes(&mut self, x: &Axis, y: &Axis) {
        let (left, right, top, bottom) = (self.left, self.width - RIGHT, TOP, self.height - BOTTOM);
        for (at, label) in ticks(self.x, &x.ticks) {
            let px = self.px(at);
            let _ = write!(
                self.marks,
                r#"<line class="grid" x1="{px:.1}" y1="{top}" x2="{px:.1}" y2="{bottom}"/><text class="tick" x="{px:.1}" y="{:.1}" text-anchor="middle">{label}</text>"#,
                bottom + 15.0
            );
        }
        for (at, label) in ticks(self.y, &y.ticks) {
            let py = self.py(at);
            let _ = write!(
                self.marks,
                r#"<line class="grid" x1="{left}" y1="{py:.1}" x2="{right}" y2="{py:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{label}</text>"#,
                left - 6.0,
                py + 3.5
            );
        }
        let _ = write!(
            self.marks,
            r#"<path class="frame" d="M{left} {top}V{bottom}H{right}"/><text class="axis" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            (left + right) / 2.0,
            self.height - 6.0,
            escape(x.name)
        );
        let middle = (top + bottom) / 2.0;
        let _ = write!(
            self.marks,
            r#"<text class="axis" transform="translate(12 {middle:.1}) rotate(-90)" text-anchor="middle">{}</text>"#,
            escape(y.name)
        );
    }

    /// A line through the points.
    pub fn line(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let mut path = String::new();
        for (x, y) in points {
            let command = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", self.px(x), self.py(y));
        }
        if !path.is_empty() {
            let _ = write!(self.marks, r#"<path class="{class}" d="{path}"/>"#);
        }
    }

    /// The area between lower and upper values along x: (x, low, high).
    pub fn band(&mut self, class: &str, points: &[(f64, f64, f64)]) {
        let mut path = String::new();
        let upper = points.iter().map(|p| (p.0, p.2));
        let lower = points.iter().rev().map(|p| (p.0, p.1));
        for (x, y) in upper.chain(lower) {
            let command = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", self.px(x), self.py(y));
        }
        if !path.is_empty() {
            let _ = write!(self.marks, r#"<path class="{class}" d="{path}Z"/>"#);
        }
    }

    /// A filled rectangle from corner to corner.
    pub fn bar(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let (x0, x1, y0, y1) = (self.px(from.0), self.px(to.0), self.py(from.1), self.py(to.1));
        let (x, y, w, h) = (x0.min(x1), y0.min(y1), (x1 - x0).abs(), (y1 - y0).abs());
        if h > 0.05 {
            let _ = write!(
                self.marks,
                r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{w:.1}" height="{h:.1}"/>"#
            );
        }
    }

    /// A dot.
    pub fn dot(&mut self, class: &str, at: (f64, f64), radius: f64) {
        let (x, y) = (self.px(at.0), self.py(at.1));
        let _ = write!(self.marks, r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="{radius}"/>"#);
    }

    /// The finished drawing. `id` must be unique within the page.
    pub fn finish(self, id: &str, title: &str, description: &str) -> String {
        format!(
            r#"<svg role="img" aria-labelledby="{id}-t {id}-d" viewBox="0 0 {} {}"><title id="{id}-t">{}</title><desc id="{id}-d">{}</desc>{}</svg>"#,
            self.width,
            self.height,
            escape(title),
            escape(description),
            self.marks
        )
    }
}

/// Four to six round numbers within the span.
fn ticks(span: (f64, f64), style: &Ticks) -> Vec<(f64, String)> {
    if let Ticks::Names(names) = style {
        return names.iter().rev().enumerate().map(|(i, name)| (i as f64 + 0.5, escape(name))).collect();
    }
    let step = round_step((span.1 - span.0) / 5.0);
    let mut at = (span.0 / step).ceil();
    let mut made = Vec::new();
    while at * step <= span.1 + step * 1e-6 {
        let value = at * step;
        let label = match style {
            Ticks::Decimals(places) => crate::words::decimals(value, *places),
            Ticks::Percent => {
                let places = if step >= 0.01 {
                    0
                } else if step >= 0.001 {
                    1
                } else {
                    2
                };
                format!("{}%", crate::words::decimals(value * 100.0, places))
            }
            Ticks::Names(_) => String::new(),
        };
        made.push((value, label));
        at += 1.0;
    }
    made
}

/// 1, 2 or 5 times a power of ten, at or above `raw`.
fn round_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.max(1e-12).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|step| *step >= raw * 0.999)
        .unwrap_or(power * 10.0)
}
