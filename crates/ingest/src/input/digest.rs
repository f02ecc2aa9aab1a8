//! A file that is digested while it is read, so that its bytes are read once.

use crate::{Progress, summary::InputDigest};
use std::{
    fs::File,
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};

#[derive(Default)]
struct State {
    hasher: blake3::Hasher,
    bytes: u64,
}

/// Keeps the digest of a file whose reader has gone elsewhere.
pub(crate) struct Digesting {
    state: Arc<Mutex<State>>,
    file: File,
    progress: Progress,
}

/// Reads the file.
pub(super) struct DigestingReader {
    state: Arc<Mutex<State>>,
    file: File,
    progress: Progress,
}

impl Digesting {
    pub(super) fn new(file: File, progress: &Progress) -> io::Result<(Self, DigestingReader)> {
        let state = Arc::<Mutex<State>>::default();
        // The second handle shares the first one's position, and reads on where that one stopped.
        let rest = file.try_clone()?;
        let reader = DigestingReader { state: Arc::clone(&state), file, progress: progress.clone() };
        Ok((Digesting { state, file: rest, progress: progress.clone() }, reader))
    }

    /// Reads what the reader left (the padding of an archive), and states the digest of the whole file. To be
    /// called when the reader is gone.
    pub(crate) fn finish(self, name: &str) -> io::Result<InputDigest> {
        let Digesting { state, file, progress } = self;
        io::copy(&mut DigestingReader { state: Arc::clone(&state), file, progress }, &mut io::sink())?;
        let state = state.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(InputDigest {
            name: name.to_owned(),
            bytes: state.bytes,
            blake3: state.hasher.finalize().to_hex().to_string(),
        })
    }
}

impl Read for DigestingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.hasher.update(&buffer[..read]);
        state.bytes += read as u64;
        self.progress.add_bytes(read as u64);
        Ok(read)
    }
}
