//! Ctrl-C: the step under way is finished and a checkpoint written; a second one ends the program at once.

use crate::stopped::HeardElsewhere;
use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether somebody wants the run to stop.
pub struct Interruption {
    wanted: Arc<AtomicBool>,
    registered: Vec<signal_hook::SigId>,
    _heard: HeardElsewhere,
}

impl Interruption {
    /// Listens to `SIGINT` and `SIGTERM` for as long as it lives.
    pub fn listen() -> Result<Self> {
        let heard = HeardElsewhere::new();
        let wanted = Arc::new(AtomicBool::new(false));
        let mut registered = Vec::new();
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag down and raises it, the second finds it up.
            let ends = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&wanted));
            registered.push(ends.context("cannot listen to signals")?);
            registered.push(flag::register(signal, Arc::clone(&wanted)).context("cannot listen to signals")?);
        }
        Ok(Interruption { wanted, registered, _heard: heard })
    }

    /// Whether a signal has come.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }
}

impl Drop for Interruption {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}
