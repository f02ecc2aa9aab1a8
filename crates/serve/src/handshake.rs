//! Handshakes under way, bounded in number and in time: who opens connections and never shakes hands holds nobody else's.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

/// The handshakes under way. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Handshakes {
    most: usize,
    patience: Duration,
    under_way: Arc<Mutex<UnderWay>>,
}

#[derive(Default)]
struct UnderWay {
    begun: u64,
    /// Oldest first. A sender that is dropped cuts its handshake off.
    open: VecDeque<(u64, oneshot::Sender<()>)>,
}

impl UnderWay {
    fn lock(shared: &Mutex<Self>) -> MutexGuard<'_, Self> {
        shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handshakes {
    pub(crate) fn new(most: usize, patience: Duration) -> Self {
        Handshakes { most, patience, under_way: Arc::default() }
    }

    /// Begins one. When there are as many as may be, the one that has taken longest is cut off: honest callers are done within a
    /// few round trips, so that it is hardly ever theirs.
    pub(crate) fn begin(&self) -> Handshake {
        let (stay, cut) = oneshot::channel();
        let mut under_way = UnderWay::lock(&self.under_way);
        while under_way.open.len() >= self.most {
            under_way.open.pop_front();
        }
        under_way.begun += 1;
        let number = under_way.begun;
        under_way.open.push_back((number, stay));
        drop(under_way);
        Handshake { all: self.clone(), number, cut }
    }

    /// Cuts off all of them.
    pub(crate) fn end(&self) {
        UnderWay::lock(&self.under_way).open.clear();
    }
}

/// One of them, until it is dropped.
pub(crate) struct Handshake {
    all: Handshakes,
    number: u64,
    cut: oneshot::Receiver<()>,
}

impl Handshake {
    /// What comes of it, unless it takes too long or is cut off.
    pub(crate) async fn within<T>(mut self, shaking: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            shaken = timeout(self.all.patience, shaking) => shaken.ok(),
            _ = &mut self.cut => None,
        }
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        UnderWay::lock(&self.all.under_way).open.retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test]
    async fn the_oldest_makes_room_and_none_takes_longer_than_it_may() {
        let all = Handshakes::new(2, Duration::from_millis(50));
        let (first, second) = (all.begin(), all.begin());
        let third = all.begin();
        let (first, second, third) = tokio::join!(
            first.within(pending::<()>()),
            second.within(ready(())),
            third.within(pending::<()>())
        );
        assert_eq!((first, second, third), (None, Some(()), None));
        assert!(UnderWay::lock(&all.under_way).open.is_empty(), "those that ended hold no place");
    }

    #[tokio::test]
    async fn all_end_at_once_when_told() {
        let all = Handshakes::new(2, Duration::from_secs(3600));
        let one = all.begin();
        all.end();
        assert_eq!(one.within(pending::<()>()).await, None);
    }
}
