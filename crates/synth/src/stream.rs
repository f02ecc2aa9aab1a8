//! Something made of every subject, in parallel, and handed over in order.
//!
//! Blocks of subjects are made by a pool of threads while the caller takes the block before; what the caller sees
//! depends on neither the number of threads nor the size of the population, and at most two blocks are in memory.

use crate::error::Error;
use crate::population::Population;
use rayon::prelude::*;
use std::sync::mpsc::sync_channel;

/// Subjects in a block, for each thread.
const SUBJECTS_PER_THREAD: u64 = 64;

/// Makes something of each subject's index on `threads` threads (0: as many as there are cores) and hands it over
/// block by block, in order. Stops at the first error of `take`.
///
/// # Errors
/// [`Error::Threads`], or what `take` gives.
pub fn in_order<T: Send, E: From<Error>>(
    population: &Population,
    threads: usize,
    make: impl Fn(u64) -> T + Sync,
    mut take: impl FnMut(Vec<T>) -> Result<(), E>,
) -> Result<(), E> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::Threads { threads, reason: error.to_string() })?;
    let block = SUBJECTS_PER_THREAD * pool.current_num_threads() as u64;
    let make = &make;
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Vec<T>>(1);
        scope.spawn(move || {
            let mut start = 0;
            while start < population.len() {
                let end = population.len().min(start + block);
                let made = pool.install(|| (start..end).into_par_iter().map(make).collect());
                // The caller gave up.
                if sender.send(made).is_err() {
                    return;
                }
                start = end;
            }
        });
        receiver.into_iter().try_for_each(&mut take)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[test]
    fn blocks_come_in_order_and_an_error_ends_them() {
        let population = Population::new(Settings { subjects: 1_000, ..Settings::default() }).unwrap();
        let mut seen = Vec::new();
        in_order(
            &population,
            3,
            |index| index,
            |block| -> Result<(), Error> {
                seen.extend(block);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(seen, (0..1_000).collect::<Vec<_>>());
        let mut blocks = 0;
        let stopped = in_order(
            &population,
            1,
            |index| index,
            |_| {
                blocks += 1;
                Err(Error::Settings("enough"))
            },
        );
        assert!(stopped.is_err() && blocks == 1);
    }
}
