//! Memory that is kept: buffers grow to the largest size asked of them and are never given back.

use crate::real::Real;

/// A growing buffer whose contents are whatever the last use left.
#[derive(Default)]
pub(crate) struct Buffer<T>(Vec<T>);

impl<T: Real> Buffer<T> {
    /// The first `len` elements, with stale contents.
    pub(crate) fn stale(&mut self, len: usize) -> &mut [T] {
        if self.0.len() < len {
            self.0.resize(len, T::ZERO);
        }
        &mut self.0[..len]
    }

    /// The first `len` elements, zero.
    pub(crate) fn zeroed(&mut self, len: usize) -> &mut [T] {
        let slice = self.stale(len);
        slice.fill(T::ZERO);
        slice
    }

    /// The first `len` elements as they are.
    pub(crate) fn filled(&self, len: usize) -> &[T] {
        &self.0[..len]
    }

    pub(crate) fn filled_mut(&mut self, len: usize) -> &mut [T] {
        &mut self.0[..len]
    }
}
