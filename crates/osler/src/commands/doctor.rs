//! `osler doctor`: is this machine fit for the work?

use crate::clock;
use crate::memory::words;
use crate::progress::Voice;
use anyhow::Result;
use clap::Args;
use model::{Config, EmbeddingFeatures, Memory, Size, TrainOptions};
use std::path::{Path, PathBuf};

/// Check the machine: processors, memory, disk, permissions, clock.
#[derive(Args)]
#[command(after_help = "Example:\n  osler doctor --dir /data/osler")]
pub struct Arguments {
    /// The directory that outputs will be written to.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
}

#[derive(serde::Serialize)]
struct Finding {
    what: &'static str,
    good: bool,
    finding: String,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let findings = [processor(), memory(), training(), writable(&self.dir), disk(&self.dir), time()];
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&findings)?);
        } else {
            for f in &findings {
                println!("{} {:<10} {}", if f.good { "✓" } else { "✗" }, f.what, f.finding);
            }
        }
        if findings.iter().any(|f| !f.good) {
            anyhow::bail!("something above needs attention");
        }
        Ok(())
    }
}

fn processor() -> Finding {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut features = Vec::new();
    #[cfg(target_arch = "x86_64")]
    for (name, present) in [
        ("AVX2", std::arch::is_x86_feature_detected!("avx2")),
        ("FMA", std::arch::is_x86_feature_detected!("fma")),
        ("AVX-512", std::arch::is_x86_feature_detected!("avx512f")),
        ("AVX512-BF16", std::arch::is_x86_feature_detected!("avx512bf16")),
    ] {
        if present {
            features.push(name);
        }
    }
    Finding {
        what: "processor",
        good: true,
        finding: format!(
            "{threads} threads, {}",
            if features.is_empty() { "no vector extensions known".into() } else { features.join(", ") }
        ),
    }
}

fn memory() -> Finding {
    const WANTED_GIB: f64 = 2.0;
    let available = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    });
    match available.map(|kib| kib / 1024.0 / 1024.0) {
        Some(gib) => Finding {
            what: "memory",
            good: gib >= WANTED_GIB,
            finding: format!(
                "{gib:.1} GiB available; {WANTED_GIB} GiB are enough for ingest and for a tiny model"
            ),
        },
        None => Finding { what: "memory", good: true, finding: "not told by this operating system".into() },
    }
}

/// What training takes at each size, for a vocabulary of ordinary width.
fn training() -> Finding {
    const CODES: usize = 5_000;
    let all: Vec<u32> = (4..CODES as u32).collect();
    let of = |(name, size): (&str, Size)| {
        let mut config = Config::of_size(size, CODES, 0, Some(3), &all);
        config.features = EmbeddingFeatures { count: CODES, by_code: Vec::new() };
        let options = TrainOptions { threads: super::threads(None), ..TrainOptions::for_size(size) };
        let memory = Memory::of_training(&config, &options, config.context).ok()?;
        Some(format!("{name} {}", words(memory.bytes() as u64)))
    };
    let sizes = [("tiny", Size::Tiny), ("small", Size::Small), ("base", Size::Base), ("large", Size::Large)];
    let told: Vec<String> = sizes.into_iter().filter_map(of).collect();
    Finding {
        what: "training",
        good: true,
        finding: format!("of {CODES} codes, whole contexts, takes about {}", told.join(", ")),
    }
}

fn writable(dir: &Path) -> Finding {
    let probe = dir.join(".osler-doctor");
    let result = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&probe, b"probe"));
    // Best effort: an unremovable probe is a finding of the next run.
    let _ = std::fs::remove_file(&probe);
    match result {
        Ok(()) => {
            Finding { what: "directory", good: true, finding: format!("{} can be written", dir.display()) }
        }
        Err(error) => {
            Finding { what: "directory", good: false, finding: format!("{}: {error}", dir.display()) }
        }
    }
}

/// What is free where outputs go, as POSIX's `df` tells it.
fn disk(dir: &Path) -> Finding {
    const WANTED_GIB: f64 = 1.0;
    let told = std::process::Command::new("df").args(["-Pk", "--"]).arg(dir).output();
    let free = told.ok().and_then(|told| free_kib(&String::from_utf8_lossy(&told.stdout)));
    match free.map(|kib| kib / 1024.0 / 1024.0) {
        Some(gib) => Finding {
            what: "disk",
            good: gib >= WANTED_GIB,
            finding: format!("{gib:.1} GiB free, for outputs and temporary files"),
        },
        None => Finding { what: "disk", good: true, finding: "not told by this operating system".into() },
    }
}

fn free_kib(told: &str) -> Option<f64> {
    told.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}

fn time() -> Finding {
    let (year, ..) = clock::now().ymd();
    Finding {
        what: "clock",
        good: (2025..2100).contains(&year),
        finding: format!("{}; manifests and ledgers carry it", clock::timestamp()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn free_space_is_read() {
        let told =
            "Filesystem     1024-blocks    Used Available Capacity Mounted on\n/dev/vda  100 40 60 40% /\n";
        assert_eq!(super::free_kib(told), Some(60.0));
        assert_eq!(super::free_kib(""), None);
    }
}
