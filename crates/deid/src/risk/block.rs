//! An inverted index over some subjects at a time: for each code the subjects who have it, ascending, with their days.
//!
//! One block bounds memory; a query that found its match in one block is not asked again in the next.

use super::adversary::{Known, Relation};
use rayon::slice::ParallelSliceMut;

/// One code of one subject on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    code: u32,
    subject: u32,
    day: i32,
}

/// Points being gathered.
#[derive(Default)]
pub(super) struct BlockBuilder {
    points: Vec<Point>,
}

impl BlockBuilder {
    /// Adds a subject's sorted distinct (code, day) pairs.
    pub fn add(&mut self, subject: u32, points: &[(u32, i32)]) {
        self.points.extend(points.iter().map(|(code, day)| Point { code: *code, subject, day: *day }));
    }

    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// The index of what was gathered; gathering starts again, in the same memory, with [`BlockBuilder::reuse`].
    pub fn index(&mut self, codes: usize) -> Block {
        let mut points = std::mem::take(&mut self.points);
        points.par_sort_unstable();
        let mut starts = vec![0u32; codes + 1];
        for point in &points {
            starts[point.code as usize + 1] += 1;
        }
        for i in 0..codes {
            starts[i + 1] += starts[i];
        }
        Block { points, starts }
    }

    /// Takes a finished block's memory back.
    pub fn reuse(&mut self, block: Block) {
        self.points = block.points;
        self.points.clear();
    }
}

/// The index.
pub(super) struct Block {
    /// Sorted by code, subject, day.
    points: Vec<Point>,
    /// Where each code's points start.
    starts: Vec<u32>,
}

impl Block {
    fn posting(&self, code: u32) -> &[Point] {
        let (from, to) = (self.starts[code as usize], self.starts[code as usize + 1]);
        &self.points[from as usize..to as usize]
    }

    /// Does anybody but `target` fit all that is known? The smallest posting list is walked and the others follow.
    pub fn anybody_but(&self, target: u32, relation: Relation, known: &[Known]) -> bool {
        let mut rest: Vec<&[Point]> = known.iter().map(|k| self.posting(k.code)).collect();
        let Some(smallest) = (0..rest.len()).min_by_key(|i| rest[*i].len()) else { return false };
        let mut wanted = 0;
        'candidates: loop {
            rest[smallest] = from_subject(rest[smallest], wanted);
            let Some(subject) = rest[smallest].first().map(|p| p.subject) else { return false };
            wanted = subject + 1;
            if subject == target {
                continue;
            }
            for (i, posting) in rest.iter_mut().enumerate() {
                if i == smallest {
                    continue;
                }
                *posting = from_subject(posting, subject);
                match posting.first() {
                    None => return false,
                    Some(first) if first.subject != subject => {
                        wanted = first.subject;
                        continue 'candidates;
                    }
                    Some(_) => {}
                }
            }
            if relation == Relation::None || fits(&rest, subject, relation, known) {
                return true;
            }
        }
    }
}

/// The points from the first of a subject at or after `wanted` on: by doubling steps, then by halves.
fn from_subject(points: &[Point], wanted: u32) -> &[Point] {
    let mut step = 1;
    while step < points.len() && points[step - 1].subject < wanted {
        step *= 2;
    }
    let (from, to) = (step / 2, step.min(points.len()));
    &points[from + points[from..to].partition_point(|p| p.subject < wanted)..]
}

/// Do the times of one subject, whose points each posting begins with, fit?
fn fits(postings: &[&[Point]], subject: u32, relation: Relation, known: &[Known]) -> bool {
    let own = |i: usize| {
        let points: &[Point] = postings[i];
        &points[..points.len() - from_subject(points, subject + 1).len()]
    };
    let within = |points: &[Point], low: i32, high: i32| {
        let at = points.partition_point(|p| p.day < low);
        points.get(at).is_some_and(|p| p.day <= high)
    };
    if relation == Relation::Absolute {
        return known.iter().enumerate().all(|(i, k)| within(own(i), k.low, k.high));
    }
    own(0).iter().any(|first| {
        let others = known.iter().enumerate().skip(1);
        others.into_iter().all(|(i, k)| within(own(i), first.day + k.low, first.day + k.high))
    })
}
