//! Every bound that keeps an export finite.

use std::time::Duration;

/// Bounds on one export.
#[derive(Clone, Copy, Debug)]
pub struct ExportLimits {
    /// All of it, from the first question to the last file.
    pub time: Duration,
    /// For the head of an answer, or the whole of a short one.
    pub answer: Duration,
    /// Between two pieces of a file.
    pub idle: Duration,
    /// The first pause before something is tried again or asked again; each later one is twice as long.
    pub pause: Duration,
    /// The longest pause, unless the server asks for a longer one.
    pub longest_pause: Duration,
    /// The longest pause that a server may ask for (`Retry-After`); one that asks for more is asked again after this one.
    pub longest_asked: Duration,
    /// How often in a row something may fail before it is given up. A file that gained some bytes begins to count anew.
    pub attempts: u32,
    /// Files fetched at the same time.
    pub at_once: usize,
    /// Files of one export.
    pub files: usize,
    /// The largest file, in bytes as it is kept (decompressed).
    pub file_bytes: u64,
    /// All files together, in bytes as they are kept.
    pub all_bytes: u64,
    /// The largest list of files, or page of it, in bytes.
    pub manifest_bytes: usize,
    /// Pages of the list of files.
    pub manifest_pages: u32,
    /// Redirects that are followed for one file, and only to servers that may be asked.
    pub redirects: u32,
}

impl Default for ExportLimits {
    /// A day; a minute for an answer or a piece; pauses from one second to two minutes, of an hour where the server asks
    /// for it; eight attempts; four files at once; 10,000
    /// files of 64 GiB at most, 1 TiB together; a list of 16 MiB, in 1,000 pages of that size at most; three redirects.
    fn default() -> Self {
        ExportLimits {
            time: Duration::from_secs(86_400),
            answer: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(120),
            longest_asked: Duration::from_secs(3_600),
            attempts: 8,
            at_once: 4,
            files: 10_000,
            file_bytes: 64 << 30,
            all_bytes: 1 << 40,
            manifest_bytes: 16 << 20,
            manifest_pages: 1_000,
            redirects: 3,
        }
    }
}

impl ExportLimits {
    /// How long to wait before the next of several attempts; `asked` is what the server asked for.
    pub(super) fn pause_before(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        let own = || self.pause.saturating_mul(1 << attempt.min(10)).min(self.longest_pause);
        asked.map_or_else(own, |asked| asked.min(self.longest_asked)).max(self.pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_in_bounds() {
        let limits = ExportLimits::default();
        let seconds = |attempt, asked: Option<u64>| {
            limits.pause_before(attempt, asked.map(Duration::from_secs)).as_secs()
        };
        assert_eq!([0, 1, 2, 6, 7, 99].map(|attempt| seconds(attempt, None)), [1, 2, 4, 64, 120, 120]);
        assert_eq!([0, 30, 3_600, 9_999].map(|asked| seconds(0, Some(asked))), [1, 30, 3_600, 3_600]);
    }
}
