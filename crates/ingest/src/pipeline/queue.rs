//! Work shared among threads: whole sources, and pieces of them that a busy thread hands to idle ones.

use crate::Input;
use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// A part of the sources that can be read by itself.
pub(crate) enum Piece {
    /// A whole input.
    Input {
        /// Which of the sources it is (see [`crate::Sink::source`]).
        source: u64,
        /// The input.
        input: Input,
    },
    /// Whole lines of an input.
    Lines {
        /// Which of the sources it is.
        source: u64,
        /// The input's safe name.
        file: Arc<str>,
        /// The number of the first line, from 1.
        first_line: u64,
        /// The lines.
        bytes: Vec<u8>,
    },
    /// One JSON document.
    Document {
        /// Which of the sources it is.
        source: u64,
        /// The input's safe name.
        file: Arc<str>,
        /// Does its name say that it is JSON? Then one that isn't closed is a damaged one.
        promised: bool,
        /// The document.
        bytes: Vec<u8>,
    },
}

impl Piece {
    /// Which of the sources it is.
    pub(super) fn source(&self) -> u64 {
        match self {
            Piece::Input { source, .. } | Piece::Lines { source, .. } | Piece::Document { source, .. } => {
                *source
            }
        }
    }
}

/// What a thread is to do next.
pub(super) enum Work {
    Piece(Piece),
    /// The source with this position.
    Source(usize),
}

/// The work that is left. Sources are taken in order; a thread in the middle of one gives pieces away only
/// while others wait, so that a single large file keeps every thread busy and many small ones stay whole.
pub(crate) struct Pieces {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    pieces: VecDeque<Piece>,
    next_source: usize,
    sources: usize,
    busy: usize,
    waiting: usize,
    stopped: bool,
}

impl Pieces {
    pub(super) fn new(sources: usize) -> Self {
        let state =
            State { pieces: VecDeque::new(), next_source: 0, sources, busy: 0, waiting: 0, stopped: false };
        Pieces { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a piece to an idle thread, or back to the caller when there is none.
    pub(crate) fn offer(&self, piece: Piece) -> Option<Piece> {
        let mut state = self.state();
        if state.stopped || state.waiting <= state.pieces.len() {
            return Some(piece);
        }
        state.pieces.push_back(piece);
        self.changed.notify_one();
        None
    }

    /// Has the run been stopped? Whoever reads a long input asks now and then.
    pub(crate) fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Ends the run: no more work is given out.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        state.pieces.clear();
        self.changed.notify_all();
    }

    /// The next thing to do, waiting for a piece if need be; `None` when all is done. Others wait for as long as what goes
    /// with it is held.
    pub(super) fn take(&self) -> Option<(Work, Taken<'_>)> {
        self.next().map(|work| (work, Taken(self)))
    }

    fn next(&self) -> Option<Work> {
        let mut state = self.state();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(piece) = state.pieces.pop_front() {
                state.busy += 1;
                return Some(Work::Piece(piece));
            }
            if state.next_source < state.sources {
                state.next_source += 1;
                state.busy += 1;
                return Some(Work::Source(state.next_source - 1));
            }
            if state.busy == 0 {
                return None;
            }
            state.waiting += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    fn done(&self) {
        let mut state = self.state();
        state.busy -= 1;
        if state.busy == 0 {
            self.changed.notify_all();
        }
    }
}

/// Says that what was taken is done, when it goes. Where its thread goes down with it the run ends: the others would wait
/// for pieces that nobody makes.
pub(super) struct Taken<'a>(&'a Pieces);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
        self.0.done();
    }
}
