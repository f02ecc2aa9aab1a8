//! k-anonymity: how the subjects fall into equivalence classes, and what makes the classes small.

use super::Classes;
use super::suppress::suppress;
use serde::Serialize;

/// The class sizes, told without telling of anybody.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Anonymity {
    /// Equivalence classes.
    pub classes: u64,
    /// The size of the smallest: the k of k-anonymity.
    pub smallest: u32,
    /// Subjects by the size of their class.
    pub distribution: Vec<Bucket>,
    /// Subjects in classes smaller than k.
    pub below: Vec<Below>,
    /// What it would be without one column, the most helpful first.
    pub without: Vec<Without>,
    /// Who is in classes smaller than the small-cell threshold; `None` where too few are.
    pub profile: Option<Profile>,
}

/// Classes of sizes `from` to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// The least size.
    pub from: u32,
    /// The greatest size; `None` without an end.
    pub to: Option<u32>,
    /// Classes of these sizes.
    pub classes: u64,
    /// Subjects in them.
    pub subjects: u64,
}

/// Subjects in classes smaller than `k`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Below {
    /// The size wanted.
    pub k: u32,
    /// Subjects in smaller classes.
    pub subjects: u64,
    /// Their share of all.
    pub share: f64,
}

/// Classes without one of the columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Without {
    /// The column left out.
    pub column: String,
    /// Then the smallest class.
    pub smallest: u32,
    /// Then the subjects in smaller classes.
    pub below: Vec<Below>,
}

/// How the subjects in small classes spread over the values of columns with few values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// Classes below this size.
    pub below: u32,
    /// Subjects in them.
    pub subjects: u64,
    /// Counts by value, with small ones suppressed.
    pub cells: Vec<ProfileCell>,
}

/// One value's count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProfileCell {
    /// The column.
    pub column: String,
    /// The value; values that few subjects have are pooled under one name.
    pub value: String,
    /// Subjects in small classes; `None` where that isn't printed.
    pub subjects: Option<u64>,
}

/// A column as it is measured: 0 is a missing value, other values are positions in `labels` plus one.
pub(super) struct Table {
    pub names: Vec<String>,
    pub labels: Vec<Vec<String>>,
    pub values: Vec<Vec<u32>>,
}

/// Sizes whose shares are told.
const K: [u32; 4] = [2, 5, 11, 20];
/// Where size buckets begin.
const FROM: [u32; 8] = [1, 2, 5, 11, 20, 50, 100, 1000];
/// Columns with more values have no profile.
const PROFILE_VALUES: usize = 12;
/// Under this name values that few subjects have are pooled.
pub(super) const POOLED: &str = "other values";
/// A missing value's name.
pub(super) const MISSING: &str = "not recorded";

pub(super) fn anonymity(table: &Table, classes: &Classes, threshold: u32) -> Anonymity {
    let subjects = classes.subjects();
    let all = || table.values.iter().map(Vec::as_slice);
    let mut without: Vec<Without> = (0..table.names.len())
        .map(|left_out| {
            let kept = all().enumerate().filter(|(i, _)| *i != left_out).map(|(_, column)| column);
            let classes = Classes::new(subjects, kept);
            Without {
                column: table.names[left_out].clone(),
                smallest: classes.smallest(),
                below: below(&classes),
            }
        })
        .collect();
    let small = |w: &Without| w.below.iter().map(|b| b.subjects).sum::<u64>();
    without.sort_by_key(|w| (small(w), w.column.clone()));
    Anonymity {
        classes: classes.sizes().len() as u64,
        smallest: classes.smallest(),
        distribution: distribution(classes),
        below: below(classes),
        without,
        profile: profile(table, classes, threshold),
    }
}

fn below(classes: &Classes) -> Vec<Below> {
    let n = classes.subjects().max(1) as f64;
    let at = |k: u32| {
        let subjects = classes.subjects_below(k);
        Below { k, subjects, share: subjects as f64 / n }
    };
    K.into_iter().map(at).collect()
}

fn distribution(classes: &Classes) -> Vec<Bucket> {
    let ends = FROM.iter().skip(1).map(|next| Some(next - 1)).chain([None]);
    FROM.iter()
        .zip(ends)
        .map(|(from, to)| {
            let within = |size: &&u32| **size >= *from && to.is_none_or(|to| **size <= to);
            let sizes = classes.sizes().iter().filter(within);
            let (number, sum) = sizes.fold((0, 0), |(n, sum), size| (n + 1, sum + u64::from(*size)));
            Bucket { from: *from, to, classes: number, subjects: sum }
        })
        .collect()
}

fn profile(table: &Table, classes: &Classes, threshold: u32) -> Option<Profile> {
    let subjects = classes.subjects_below(threshold);
    if subjects < u64::from(threshold) {
        return None;
    }
    let in_small: Vec<bool> = classes.of().iter().map(|c| classes.sizes()[*c as usize] < threshold).collect();
    let mut cells = Vec::new();
    for ((name, labels), values) in table.names.iter().zip(&table.labels).zip(&table.values) {
        if labels.len() > PROFILE_VALUES {
            continue;
        }
        let (mut everywhere, mut here) = (vec![0u64; labels.len() + 1], vec![0u64; labels.len() + 1]);
        for (value, small) in values.iter().zip(&in_small) {
            everywhere[*value as usize] += 1;
            here[*value as usize] += u64::from(*small);
        }
        let mut rows: Vec<(String, u64)> = Vec::new();
        let mut pooled = 0;
        for (i, n) in here.iter().enumerate() {
            let label = i.checked_sub(1).map_or(MISSING, |i| labels[i].as_str());
            // A value that few subjects have would be told by its name alone.
            match everywhere[i] {
                0 => {}
                few if few < u64::from(threshold) => pooled += n,
                _ => rows.push((label.to_owned(), *n)),
            }
        }
        rows.sort();
        if pooled > 0 {
            rows.push((POOLED.to_owned(), pooled));
        }
        let counts: Vec<u64> = rows.iter().map(|(_, n)| *n).collect();
        for ((value, _), shown) in rows.into_iter().zip(suppress(&counts, threshold)) {
            cells.push(ProfileCell { column: name.clone(), value, subjects: shown });
        }
    }
    Some(Profile { below: threshold, subjects, cells })
}
