//! Small cells: counts of a code by a demographic value that a few subjects make.

use super::suppress::lone;
use serde::Serialize;

/// Columns with more values are not crossed with codes.
const WIDEST: usize = 200;
/// Counts kept at most, 4 bytes each.
const MOST: usize = 100_000_000;

/// How many cells of code × demographic value are small. The cells themselves are not printed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SmallCells {
    /// Counts from 1 up to one below this are small.
    pub threshold: u32,
    /// Codes that anybody has.
    pub codes: u64,
    /// Codes that fewer subjects than the threshold have.
    pub rare_codes: u64,
    /// Subjects with at least one of these; `None` where they are fewer than the threshold.
    pub subjects_with_rare_code: Option<u64>,
    /// By column: cells that anybody is in, and how many of them are small.
    pub columns: Vec<CellColumn>,
    /// Columns that were not crossed: more than 200 values, or too many for memory.
    pub left_out: Vec<String>,
}

/// One column crossed with all codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellColumn {
    /// The column.
    pub name: String,
    /// Cells with at least one subject.
    pub cells: u64,
    /// Of these, cells below the threshold.
    pub small: u64,
}

/// Counts being made.
pub(super) struct Cells {
    threshold: u32,
    /// Column index, name, where its values start in a row, how many it has.
    columns: Vec<(usize, String, usize, usize)>,
    left_out: Vec<String>,
    width: usize,
    counts: Vec<u32>,
    carriers: Vec<u32>,
    with_rare: u64,
}

impl Cells {
    /// Counts for these columns, by name and number of values (a missing value has none). `carriers` are the subjects
    /// of each code.
    pub fn new(columns: &[(String, usize)], carriers: Vec<u32>, threshold: u32) -> Self {
        let mut narrow: Vec<usize> = (0..columns.len()).filter(|i| columns[*i].1 <= WIDEST).collect();
        narrow.sort_by_key(|i| (columns[*i].1, *i));
        let (mut width, mut kept) = (0, Vec::new());
        for i in narrow {
            if (width + columns[i].1) * carriers.len() <= MOST {
                width += columns[i].1;
                kept.push(i);
            }
        }
        kept.sort_unstable();
        let mut at = 0;
        let mut placed = Vec::new();
        for i in &kept {
            placed.push((*i, columns[*i].0.clone(), at, columns[*i].1));
            at += columns[*i].1;
        }
        let left_out =
            (0..columns.len()).filter(|i| !kept.contains(i)).map(|i| columns[i].0.clone()).collect();
        Cells {
            threshold,
            columns: placed,
            left_out,
            width,
            counts: vec![0; width * carriers.len()],
            carriers,
            with_rare: 0,
        }
    }

    /// Adds a subject's distinct codes; `value` gives a column's value, 0 for none.
    pub fn add(&mut self, codes: &[u32], value: impl Fn(usize) -> u32) {
        let slots: Vec<usize> = self
            .columns
            .iter()
            .filter_map(|(column, _, start, _)| Some(start + (value(*column) as usize).checked_sub(1)?))
            .collect();
        let mut rare = false;
        for code in codes {
            let row = *code as usize * self.width;
            slots.iter().for_each(|slot| self.counts[row + slot] += 1);
            rare |= self.carriers[*code as usize] < self.threshold;
        }
        self.with_rare += u64::from(rare);
    }

    pub fn finish(self) -> SmallCells {
        let small = |n: u32| n > 0 && n < self.threshold;
        let columns = self.columns.iter().map(|(_, name, start, values)| {
            let of_column = || {
                let rows = self.counts.chunks(self.width.max(1));
                rows.flat_map(|row| &row[*start..start + values]).copied()
            };
            CellColumn {
                name: name.clone(),
                cells: of_column().filter(|n| *n > 0).count() as u64,
                small: of_column().filter(|n| small(*n)).count() as u64,
            }
        });
        SmallCells {
            threshold: self.threshold,
            columns: columns.collect(),
            codes: self.carriers.iter().filter(|n| **n > 0).count() as u64,
            rare_codes: self.carriers.iter().filter(|n| small(**n)).count() as u64,
            subjects_with_rare_code: lone(self.with_rare, self.threshold),
            left_out: self.left_out,
        }
    }
}
