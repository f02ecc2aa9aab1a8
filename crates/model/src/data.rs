//! What training reads.

use crate::pack::TaskLabel;
use timeline::Sequence;

/// Subjects by index. Sequences may be memory-mapped; they are asked for again every epoch.
pub trait TrainingData: Sync {
    /// Number of subjects.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sequence of a subject, `index < len()`.
    fn sequence(&self, index: usize) -> Sequence<'_>;

    /// The labels of a subject's supervised tasks, if any.
    fn labels(&self, _index: usize) -> &[TaskLabel] {
        &[]
    }
}

/// Sequences and labels borrowed from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Subjects<'a> {
    sequences: Vec<Sequence<'a>>,
    labels: Vec<Vec<TaskLabel>>,
}

impl<'a> Subjects<'a> {
    /// No subjects.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a subject.
    pub fn push(&mut self, sequence: Sequence<'a>, labels: Vec<TaskLabel>) {
        self.sequences.push(sequence);
        self.labels.push(labels);
    }
}

impl<'a> FromIterator<Sequence<'a>> for Subjects<'a> {
    fn from_iter<I: IntoIterator<Item = Sequence<'a>>>(sequences: I) -> Self {
        let sequences: Vec<_> = sequences.into_iter().collect();
        Subjects { labels: vec![Vec::new(); sequences.len()], sequences }
    }
}

impl TrainingData for Subjects<'_> {
    fn len(&self) -> usize {
        self.sequences.len()
    }
    fn sequence(&self, index: usize) -> Sequence<'_> {
        self.sequences[index]
    }
    fn labels(&self, index: usize) -> &[TaskLabel] {
        &self.labels[index]
    }
}
