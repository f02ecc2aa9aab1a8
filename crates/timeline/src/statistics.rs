//! What a timeline holds, in numbers.

use crate::values::{Sketch, ValueDistribution};
use crate::{TokenizationCounts, TokenizedSubject};

/// What a timeline holds, by split.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TimelineStatistics {
    /// Fitted on.
    pub train: SplitStatistics,
    /// Chosen on.
    pub tuning: SplitStatistics,
    /// Measured on.
    pub held_out: SplitStatistics,
}

/// What one split holds.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SplitStatistics {
    /// Subjects.
    pub subjects: u64,
    /// Subjects of whom nothing but birth or the end of follow-up is known; they are left out.
    pub subjects_without_tokens: u64,
    /// Of them, those whose follow-up ended in death.
    pub deaths: u64,
    /// Of them, those whose birth is known.
    pub births_known: u64,
    /// Tokens, `TIME` included.
    pub tokens: u64,
    /// Distinct tokens that occur.
    pub distinct_tokens: u64,
    /// Days of follow-up, from each subject's first dated event.
    pub followup_days: f64,
    /// What tokenization met.
    pub counts: TokenizationCounts,
    /// Tokens per subject.
    pub lengths: TokenLengths,
}

/// How many tokens subjects have. Percentiles are exact up to a thousand subjects and close beyond.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TokenLengths {
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The most that any subject has.
    pub maximum: u64,
}

impl SplitStatistics {
    /// Share of events that became the token of a broader code; 0 of none.
    pub fn backed_off_share(&self) -> f64 {
        share(self.counts.backed_off, self.counts.events)
    }

    /// Share of events of which not even the system is known; 0 of none.
    pub fn unknown_share(&self) -> f64 {
        share(self.counts.unknown, self.counts.events)
    }

    /// Share of numbers that got no rank; 0 of none.
    pub fn numeric_values_without_rank_share(&self) -> f64 {
        share(self.counts.numeric_values_without_rank, self.counts.numeric_values)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Gathers one split's statistics, one subject at a time.
pub(crate) struct StatisticsBuilder {
    statistics: SplitStatistics,
    seen: Vec<bool>,
    lengths: Sketch,
}

impl StatisticsBuilder {
    pub fn new(vocabulary_size: usize) -> Self {
        StatisticsBuilder {
            statistics: SplitStatistics::default(),
            seen: vec![false; vocabulary_size],
            lengths: Sketch::default(),
        }
    }

    pub fn push(&mut self, subject: &TokenizedSubject) {
        let statistics = &mut self.statistics;
        if subject.code.is_empty() {
            statistics.subjects_without_tokens += 1;
            statistics.counts += subject.counts;
            return;
        }
        statistics.subjects += 1;
        statistics.deaths += u64::from(subject.died);
        statistics.births_known += u64::from(subject.birth_known);
        statistics.tokens += subject.code.len() as u64;
        statistics.counts += subject.counts;
        let opening = subject.age_days.first().copied().unwrap_or(subject.followup_end_age_days);
        statistics.followup_days += subject.followup_end_age_days - opening;
        statistics.lengths.maximum = statistics.lengths.maximum.max(subject.code.len() as u64);
        self.lengths.insert(subject.code.len() as f32);
        for &code in &subject.code {
            self.seen[code as usize] = true;
        }
    }

    pub fn finish(self) -> SplitStatistics {
        let mut statistics = self.statistics;
        statistics.distinct_tokens = self.seen.iter().filter(|&&seen| seen).count() as u64;
        if statistics.subjects > 0 {
            let lengths = ValueDistribution::from_sketch(&self.lengths, None, statistics.subjects, 1024);
            let at = |share: f32| f64::from(lengths.value(share));
            statistics.lengths.mean = statistics.tokens as f64 / statistics.subjects as f64;
            (statistics.lengths.p50, statistics.lengths.p90, statistics.lengths.p99) =
                (at(0.5), at(0.9), at(0.99));
        }
        statistics
    }
}
