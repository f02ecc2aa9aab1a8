//! Progress on a terminal; silence elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How a command speaks: what the `--json` and `--quiet` flags decided.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    /// One JSON object on standard output at the end, nothing else.
    pub json: bool,
    /// Nothing but errors and results.
    pub quiet: bool,
}

impl Voice {
    /// A line for a person, on standard error.
    pub fn say(self, line: impl AsRef<str>) {
        if !self.quiet && !self.json {
            to_standard_error(line.as_ref());
        }
    }

    /// A bar over bytes.
    pub fn bytes(self, label: &'static str, total: u64) -> Bar {
        self.bar(label, total, "{msg:>12} {bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta} left")
    }

    /// A bar over things counted.
    pub fn count(self, label: &'static str, total: u64) -> Bar {
        self.bar(label, total, "{msg:>12} {bar:32} {human_pos}/{human_len} {per_sec} {eta} left {prefix}")
    }

    /// Bytes of which nobody knows how many there will be.
    pub fn transfer(self, label: &'static str) -> Bar {
        self.bar(label, 0, "{msg:>12} {bytes} {bytes_per_sec} {prefix}")
    }

    /// Words alone, of what has neither an end that anybody knows nor a pace.
    pub fn words(self, label: &'static str) -> Bar {
        self.bar(label, 0, "{msg:>12} {prefix}")
    }

    fn bar(self, label: &'static str, total: u64, template: &str) -> Bar {
        let shown = !self.quiet && !self.json && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━━─"));
        }
        bar.set_message(label);
        Bar { bar, started: Instant::now() }
    }
}

/// A line on standard error. Where it can't be written (a full disk, `2>&1 | head`) the work goes on: `eprintln!` would panic.
pub fn to_standard_error(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A progress bar; gone when dropped.
pub struct Bar {
    bar: ProgressBar,
    started: Instant,
}

impl Bar {
    /// Sets where it begins: what was done before says nothing of how fast it goes.
    pub fn begin_at(&self, position: u64) {
        self.bar.set_position(position);
        self.bar.reset_eta();
    }

    /// Sets how far it is.
    pub fn set(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// Adds to how far it is.
    pub fn add(&self, amount: u64) {
        self.bar.inc(amount);
    }

    /// A short note after the bar.
    pub fn note(&self, note: String) {
        self.bar.set_prefix(note);
    }

    /// Time since it started.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// `1,234,567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `4.2 s`, `3 min 07 s`.
pub fn seconds(duration: Duration) -> String {
    let s = duration.as_secs_f64();
    if s < 60.0 { format!("{s:.1} s") } else { format!("{} min {:02} s", s as u64 / 60, s as u64 % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([grouped(7), grouped(1_000), grouped(1_234_567)], ["7", "1,000", "1,234,567"]);
        assert_eq!(seconds(Duration::from_millis(187_400)), "3 min 07 s");
    }
}
