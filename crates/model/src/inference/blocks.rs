//! Memory for blocks of keys and values.
//!
//! Reading them is what decoding is bound by, a few kilobytes here and there out of hundreds of megabytes. So blocks lie in the
//! system's larger pages where it has them, which spares most look-ups of addresses, and a block that nobody needs any more is
//! the next one's: to clear pages anew for each record took a twentieth of the time.

use super::kept::Line;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A larger page.
const PAGE: usize = 2 << 20;

/// Most pages that are asked for at a time, unless a block is larger.
const PAGES: usize = 8;

/// The memory of all blocks of a model, which have one size. It grows to the most that was in use at a time, and goes with the
/// model and the last block.
pub(crate) struct Memory {
    block: usize,
    slabs: Mutex<Slabs>,
}

#[derive(Default)]
struct Slabs {
    slabs: Vec<NonNull<u8>>,
    /// Blocks of the last slab that were never used.
    fresh: usize,
    /// Blocks that were used.
    free: Vec<NonNull<u8>>,
}

// SAFETY: the pointers are to memory that is theirs alone; who takes a block takes it out of `free`.
unsafe impl Send for Slabs {}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("block", &self.block).finish_non_exhaustive()
    }
}

impl Memory {
    /// For blocks of so many bytes, whole cache lines of them.
    pub(crate) fn new(block: usize) -> Arc<Self> {
        assert!(block > 0 && block.is_multiple_of(64), "a block is whole cache lines");
        Arc::new(Memory { block, slabs: Mutex::default() })
    }

    /// A slab: so many pages that the least is left over behind its last block.
    fn slab(&self) -> Layout {
        let most = PAGES.max(self.block.div_ceil(PAGE));
        let left_over = |pages: &usize| pages * PAGE % self.block * (2 * PAGES) / pages;
        let pages = (self.block.div_ceil(PAGE)..=most).min_by_key(left_over).unwrap_or(most);
        Layout::from_size_align(pages * PAGE, PAGE).expect("a size that memory has")
    }

    /// A block that is nobody else's, with whatever its last user left; zeros if there was none.
    fn take(&self) -> NonNull<u8> {
        let mut slabs = self.lock();
        if let Some(block) = slabs.free.pop() {
            return block;
        }
        let slab = self.slab();
        if slabs.fresh == 0 {
            // SAFETY: a slab is no less than a page.
            let Some(begin) = NonNull::new(unsafe { alloc(slab) }) else { handle_alloc_error(slab) };
            ask_for_larger_pages(begin, slab.size());
            slabs.slabs.push(begin);
            slabs.fresh = slab.size() / self.block;
        }
        slabs.fresh -= 1;
        let begin = slabs.slabs[slabs.slabs.len() - 1];
        // SAFETY: the slab has room for so many blocks, of which this one was never handed out.
        unsafe {
            let block = begin.add(slabs.fresh * self.block);
            block.write_bytes(0, self.block);
            block
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slabs> {
        self.slabs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let layout = self.slab();
        for slab in self.lock().slabs.drain(..) {
            // SAFETY: allocated with this layout; blocks keep the memory alive, so that none is left.
            unsafe { dealloc(slab.as_ptr(), layout) };
        }
    }
}

/// Says that a slab would better be in larger pages.
fn ask_for_larger_pages(begin: NonNull<u8>, bytes: usize) {
    #[cfg(all(target_os = "linux", not(miri)))]
    // SAFETY: advice that changes nothing of what the memory holds; a system that has no such pages refuses it, which does no harm.
    unsafe {
        libc::madvise(begin.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE);
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = (begin, bytes);
}

/// Some lines, as many as a block of the memory has.
#[derive(Debug)]
pub(crate) struct Block<L> {
    lines: NonNull<L>,
    memory: Arc<Memory>,
}

// SAFETY: the lines are the block's alone, as a boxed slice's are.
unsafe impl<L: Send> Send for Block<L> {}
// SAFETY: as above.
unsafe impl<L: Sync> Sync for Block<L> {}

impl<L: Line> Block<L> {
    /// With whatever lines the memory has there.
    pub(crate) fn stale(memory: &Arc<Memory>) -> Self {
        const { assert!(size_of::<L>() > 0 && align_of::<L>() <= 64) };
        Block { lines: memory.take().cast(), memory: Arc::clone(memory) }
    }
}

impl<L: Line> Deref for Block<L> {
    type Target = [L];
    #[inline(always)]
    fn deref(&self) -> &[L] {
        // SAFETY: the memory is this block's, aligned to a cache line, and holds numbers of any bits, all of which are lines.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr(), self.memory.block / size_of::<L>()) }
    }
}

impl<L: Line> DerefMut for Block<L> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [L] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_ptr(), self.memory.block / size_of::<L>()) }
    }
}

impl<L: Line> Clone for Block<L> {
    fn clone(&self) -> Self {
        let mut copy = Block::stale(&self.memory);
        copy.copy_from_slice(self);
        copy
    }
}

impl<L> Drop for Block<L> {
    fn drop(&mut self) {
        self.memory.lock().free.push(self.lines.cast());
    }
}

#[cfg(test)]
mod tests {
    use super::super::kept::Whole;
    use super::*;

    const BYTES: usize = 3 << 19;

    fn filled(memory: &Arc<Memory>, value: f32) -> Block<Whole> {
        let mut block = Block::<Whole>::stale(memory);
        block.fill(Whole::of([value; 16]));
        block
    }

    fn holds(block: &Block<Whole>, value: f32) -> bool {
        block.len() == BYTES / 64 && block.iter().all(|line| line.widen() == [value; 16])
    }

    #[test]
    fn blocks_do_not_overlap_and_are_used_again() {
        let memory = Memory::new(BYTES);
        // Three pages hold four blocks, and nothing is left over.
        assert_eq!(memory.slab().size(), 3 * PAGE);
        let mut blocks: Vec<_> = (0..9).map(|i| filled(&memory, i as f32)).collect();
        assert!(blocks.iter().enumerate().all(|(i, block)| holds(block, i as f32)));
        assert_eq!(memory.lock().slabs.len(), 3);
        blocks.truncate(2);
        let copy = blocks[1].clone();
        blocks[1].fill(Whole::of([7.5; 16]));
        assert!(holds(&copy, 1.0) && holds(&blocks[1], 7.5) && holds(&blocks[0], 0.0));
        blocks.extend((0..6).map(|_| filled(&memory, -1.0)));
        assert_eq!(memory.lock().slabs.len(), 3);
        assert_eq!(memory.lock().free.len(), 0);
        // The memory outlives whoever made it.
        drop(memory);
        assert!(holds(&blocks[1], 7.5) && holds(&copy, 1.0));
    }

    #[test]
    fn slabs_leave_little_over() {
        for block in [64, 4096, 64 << 10, 288 << 10, PAGE - 64, PAGE, PAGE + 64, 5 << 20, 9 * PAGE + 64] {
            let slab = Memory::new(block).slab().size();
            assert!(slab >= block && slab.is_multiple_of(PAGE));
            assert!(block > PAGE || slab % block <= slab / 16, "{block} in {slab}");
        }
    }

    #[test]
    fn threads_take_and_give_back() {
        let memory = Memory::new(BYTES);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let memory = &memory;
                scope.spawn(move || {
                    for round in 0..20 {
                        let value = (thread * 100 + round) as f32;
                        let blocks = [filled(memory, value), filled(memory, value + 0.5)];
                        assert!(holds(&blocks[0], value) && holds(&blocks[1], value + 0.5));
                    }
                });
            }
        });
        assert!(memory.lock().slabs.len() <= 2);
    }
}
