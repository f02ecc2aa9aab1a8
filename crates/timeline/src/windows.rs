//! Subjects cut into windows of bounded length and dealt out in batches: the same plan for the same seed.

use crate::random::SplitMix64;
use crate::sequence::TokenBuffer;
use crate::{Error, Sequence, SplitTimeline};

/// How windows are cut and batched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WindowOptions {
    /// The most tokens in a window, static ones included.
    pub context: usize,
    /// Tokens that a window of a longer subject repeats from the one before, as context that isn't scored
    /// again. At least 1, since a token is predicted from the one before it, and below half the context.
    pub overlap: usize,
    /// The most tokens in a batch; a batch has at least one window.
    pub batch_tokens: usize,
}

impl Default for WindowOptions {
    fn default() -> Self {
        WindowOptions { context: 1024, overlap: 256, batch_tokens: 16_384 }
    }
}

/// A subject's static tokens and a run of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The subject, by its place in the split.
    pub subject: u32,
    /// Leading static tokens, counted from the first; all of them unless they fill half the context.
    pub static_len: u32,
    /// Where the run begins, as an index into the subject's tokens.
    pub start: u32,
    /// How many tokens it has.
    pub len: u32,
    /// The first token, as an index into the window, whose likelihood counts here; those before it counted in
    /// an earlier window.
    pub first_scored: u32,
    /// Whether it holds the subject's last token, after which follow-up ends.
    pub is_last: bool,
}

impl Window {
    /// Number of tokens, static ones included.
    pub fn tokens(&self) -> usize {
        self.static_len as usize + self.len as usize
    }
}

/// A window's tokens, and the subject they are from.
#[derive(Clone, Copy, Debug)]
pub struct WindowedSequence<'a> {
    /// The window's tokens. Ages, follow-up end and death are the subject's: only when `is_last` does the
    /// follow-up end where these tokens do.
    pub sequence: Sequence<'a>,
    /// The first token of `sequence` whose likelihood counts here.
    pub first_scored: usize,
    /// Whether `sequence` holds the subject's last token.
    pub is_last: bool,
    /// All of the subject's tokens: what follows the window is needed for the time to a next onset, what
    /// precedes it to tell a first one.
    pub subject: Sequence<'a>,
    /// Where the window's run begins within `subject`; it ends after `sequence.len() - sequence.static_len`
    /// tokens more.
    pub start: usize,
}

/// Windows in the order in which they are to be read, grouped into batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowPlan {
    windows: Vec<Window>,
    /// Where each batch ends.
    batch_ends: Vec<usize>,
}

impl WindowPlan {
    /// Every subject's windows, shuffled by seed and epoch: for training.
    ///
    /// # Errors
    /// When an option is out of range.
    pub fn shuffled(
        split: &SplitTimeline,
        options: &WindowOptions,
        seed: u64,
        epoch: u64,
    ) -> Result<Self, Error> {
        let mut windows = cut_all(split.lengths(), options)?;
        shuffle(&mut windows, seed, epoch);
        Ok(Self::batched(windows, options.batch_tokens))
    }

    /// Every subject's windows in the order of the subjects: for evaluation.
    ///
    /// # Errors
    /// When an option is out of range.
    pub fn in_order(split: &SplitTimeline, options: &WindowOptions) -> Result<Self, Error> {
        Ok(Self::batched(cut_all(split.lengths(), options)?, options.batch_tokens))
    }

    fn batched(windows: Vec<Window>, batch_tokens: usize) -> Self {
        let mut batch_ends = Vec::new();
        let mut tokens = 0;
        for (at, window) in windows.iter().enumerate() {
            if tokens > 0 && tokens + window.tokens() > batch_tokens {
                batch_ends.push(at);
                tokens = 0;
            }
            tokens += window.tokens();
        }
        if !windows.is_empty() {
            batch_ends.push(windows.len());
        }
        WindowPlan { windows, batch_ends }
    }

    /// All windows.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Number of batches.
    pub fn batches_len(&self) -> usize {
        self.batch_ends.len()
    }

    /// One batch, so that training can resume in mid-epoch; `None` past the last.
    pub fn batch(&self, i: usize) -> Option<&[Window]> {
        let end = *self.batch_ends.get(i)?;
        let start = if i == 0 { 0 } else { self.batch_ends[i - 1] };
        Some(&self.windows[start..end])
    }

    /// All batches, in order.
    pub fn batches(&self) -> impl Iterator<Item = &[Window]> {
        (0..self.batches_len()).filter_map(|i| self.batch(i))
    }

    /// Number of tokens, those repeated as context included.
    pub fn tokens(&self) -> u64 {
        self.windows.iter().map(|window| window.tokens() as u64).sum()
    }
}

impl SplitTimeline {
    /// A window's tokens: borrowed from the mapping where the window begins with its subject, else gathered in
    /// `buffer`.
    ///
    /// # Panics
    /// When the window is of another split, and lies beyond what this one has.
    pub fn window<'a>(&'a self, window: &Window, buffer: &'a mut TokenBuffer) -> WindowedSequence<'a> {
        let subject = self.sequence(window.subject as usize);
        window.of(subject, buffer)
    }
}

impl Window {
    /// The window's tokens out of all its subject's.
    ///
    /// # Panics
    /// When the subject has fewer tokens than the window speaks of.
    pub fn of<'a>(&self, subject: Sequence<'a>, buffer: &'a mut TokenBuffer) -> WindowedSequence<'a> {
        let (leading, start, len) = (self.static_len as usize, self.start as usize, self.len as usize);
        let run = start..start + len;
        let (code, age_days, value) = if leading == start {
            (&subject.code[..run.end], &subject.age_days[..run.end], &subject.value[..run.end])
        } else {
            (
                gather(&mut buffer.code, subject.code, leading, run.clone()),
                gather(&mut buffer.age_days, subject.age_days, leading, run.clone()),
                gather(&mut buffer.value, subject.value, leading, run),
            )
        };
        WindowedSequence {
            sequence: Sequence { code, age_days, value, static_len: leading, ..subject },
            first_scored: self.first_scored as usize,
            is_last: self.is_last,
            subject,
            start,
        }
    }
}

fn gather<'a, T: Copy>(
    buffer: &'a mut Vec<T>,
    column: &[T],
    leading: usize,
    run: std::ops::Range<usize>,
) -> &'a [T] {
    buffer.clear();
    buffer.extend_from_slice(&column[..leading]);
    buffer.extend_from_slice(&column[run]);
    buffer
}

fn cut_all(
    lengths: impl Iterator<Item = (usize, usize)>,
    options: &WindowOptions,
) -> Result<Vec<Window>, Error> {
    let refuse = |option, problem| Err(Error::Options { option, problem });
    if options.context < 4 || u32::try_from(options.context).is_err() {
        return refuse("context", "must be between 4 and 4294967295 tokens");
    }
    if options.overlap == 0 || options.overlap >= options.context / 2 {
        return refuse("overlap", "must be at least 1 and below half the context");
    }
    if options.batch_tokens < options.context {
        return refuse("batch_tokens", "must be at least the context");
    }
    let mut windows = Vec::new();
    for (subject, (tokens, static_len)) in lengths.enumerate() {
        let Ok(subject) = u32::try_from(subject) else {
            return refuse("context", "can't be planned for more than 2³² subjects at once");
        };
        cut(subject, tokens, static_len, options, &mut windows);
    }
    Ok(windows)
}

/// Cuts one subject so that every token is scored once. Token and static counts fit u32: shards check that.
fn cut(subject: u32, tokens: usize, static_len: usize, options: &WindowOptions, windows: &mut Vec<Window>) {
    if tokens == 0 {
        return;
    }
    let leading = if tokens <= options.context { static_len } else { static_len.min(options.context / 2) };
    let run = options.context - leading;
    let mut scored_to = static_len;
    loop {
        let first = scored_to == static_len;
        let start = if first { static_len } else { static_len.max(scored_to - options.overlap) };
        let end = tokens.min(start + run);
        let first_scored = if first { 0 } else { leading + scored_to - start };
        windows.push(Window {
            subject,
            static_len: leading as u32,
            start: start as u32,
            len: (end - start) as u32,
            first_scored: first_scored as u32,
            is_last: end == tokens,
        });
        if end == tokens {
            return;
        }
        scored_to = end;
    }
}

/// Fisher–Yates, fixed for good, so that a resumed run deals the same batches whatever the release.
fn shuffle(windows: &mut [Window], seed: u64, epoch: u64) {
    let mut random = SplitMix64::new(&[seed, epoch]);
    for last in (1..windows.len()).rev() {
        windows.swap(last, random.below(last as u64 + 1) as usize);
    }
}

#[cfg(test)]
mod tests;
