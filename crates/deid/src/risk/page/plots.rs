//! The plots, each from numbers that are also in the page's tables and in the JSON.

use super::words::{count, escape, percent};
use crate::risk::{Bucket, Uniqueness};
use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 48.0;

fn y(share: f64) -> f64 {
    HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
}

/// An svg with a title and a description for those who can't see it, and an axis of shares.
fn drawing(id: &str, title: &str, description: &str, x_name: &str, y_name: &str, marks: &str) -> String {
    let mut grid = String::new();
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        let at = y(share);
        let _ = write!(
            grid,
            r#"<line class="grid" x1="{LEFT}" y1="{at:.1}" x2="{WIDTH}" y2="{at:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{} %</text>"#,
            LEFT - 6.0,
            at + 4.0,
            step * 25
        );
    }
    format!(
        r#"<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{}</title><desc id="{id}-d">{}</desc>{grid}{marks}<text class="axis" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text><text class="axis" x="{LEFT}" y="12">{}</text></svg></figure>"#,
        escape(title),
        escape(description),
        (LEFT + WIDTH) / 2.0,
        HEIGHT - 6.0,
        escape(x_name),
        escape(y_name)
    )
}

/// Sizes as words: `1`, `2–4`, `1 000 and more`.
pub(super) fn sizes(bucket: &Bucket) -> String {
    match bucket.to {
        Some(to) if to == bucket.from => count(u64::from(to)),
        Some(to) => format!("{}–{}", count(u64::from(bucket.from)), count(u64::from(to))),
        None => format!("{} and more", count(u64::from(bucket.from))),
    }
}

/// Subjects by the size of their class, as bars.
pub(super) fn class_sizes(buckets: &[Bucket], subjects: u64) -> String {
    let room = (WIDTH - LEFT) / buckets.len().max(1) as f64;
    let mut marks = String::new();
    let mut told = Vec::new();
    for (i, bucket) in buckets.iter().enumerate() {
        let share = bucket.subjects as f64 / subjects.max(1) as f64;
        let (x, top) = (LEFT + room * i as f64, y(share));
        let class = if bucket.from < 11 { "bar small" } else { "bar" };
        let _ = write!(
            marks,
            r#"<rect class="{class}" x="{:.1}" y="{top:.1}" width="{:.1}" height="{:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text><text class="value" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            x + room * 0.12,
            room * 0.76,
            HEIGHT - BOTTOM - top,
            x + room / 2.0,
            HEIGHT - BOTTOM + 16.0,
            bucket.to.map_or_else(|| format!("≥ {}", count(u64::from(bucket.from))), |_| sizes(bucket)),
            x + room / 2.0,
            top - 5.0,
            percent(share)
        );
        told.push(format!("{} in groups of {}", percent(share), sizes(bucket)));
    }
    drawing(
        "sizes",
        "Subjects by how many look alike",
        &format!("Shares of subjects by the size of their group: {}.", told.join("; ")),
        "Size of the group that shows the same",
        "Share of subjects",
        &marks,
    )
}

/// The share of unique subjects by how much is known, a line an adversary, with its interval.
pub(super) fn uniqueness(found: &[Uniqueness]) -> String {
    let points = found.first().map_or(1, |u| u.known.len()).max(2);
    let x = |m: u32| LEFT + 40.0 + (WIDTH - LEFT - 190.0) * f64::from(m - 1) / (points - 1) as f64;
    let mut marks = String::new();
    for m in 1..=points as u32 {
        let _ = write!(
            marks,
            r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="middle">{m}</text>"#,
            x(m),
            HEIGHT - BOTTOM + 16.0
        );
    }
    let mut told = Vec::new();
    let mut labels: Vec<(f64, usize)> =
        found.iter().enumerate().map(|(i, u)| (y(u.known.last().map_or(0.0, |k| k.share)), i)).collect();
    // Names at the lines' ends, pushed apart where lines end together.
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut last = f64::NEG_INFINITY;
    for (at, _) in &mut labels {
        *at = at.max(last + 15.0);
        last = *at;
    }
    for (i, one) in found.iter().enumerate() {
        let line: Vec<String> =
            one.known.iter().map(|k| format!("{:.1} {:.1}", x(k.points), y(k.share))).collect();
        let _ = write!(marks, r#"<path class="line l{i}" d="M{}"/>"#, line.join("L"));
        for k in &one.known {
            let _ = write!(
                marks,
                r#"<path class="whisker l{i}" d="M{:.1} {:.1}V{:.1}"/><circle class="dot l{i}" cx="{:.1}" cy="{:.1}" r="3.5"/>"#,
                x(k.points),
                y(k.low),
                y(k.high),
                x(k.points),
                y(k.share)
            );
        }
        let shares: Vec<String> = one.known.iter().map(|k| percent(k.share)).collect();
        told.push(format!("{}: {}", one.adversary, shares.join(", ")));
    }
    for (at, i) in labels {
        let _ = write!(
            marks,
            r#"<text class="name l{i}" x="{:.1}" y="{:.1}">{}</text>"#,
            x(points as u32) + 10.0,
            at + 4.0,
            found[i].adversary
        );
    }
    drawing(
        "unique",
        "Subjects whom a few known events single out",
        &format!("Shares of unique subjects given 1 to {points} known events. {}.", told.join(". ")),
        "Events known of a subject",
        "Share of subjects who are unique",
        &marks,
    )
}
