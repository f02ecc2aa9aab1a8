//! Reads sources and prints what came of them, with wall time, throughput and peak memory:
//! `cargo run --release -p ingest --example summary -- fhir SOURCE…`.

use events::{Identified, SourceSubject};
use ingest::{Format, Interrupted, Mapping, Options, Progress, Summary, ingest};
use std::{convert::Infallible, path::PathBuf, time::Instant};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let format = match arguments.next().as_deref() {
        Some("fhir") => Format::Fhir,
        Some("omop") => Format::Omop,
        Some("meds") => Format::Meds,
        Some("synthea") => Format::Synthea,
        Some(file) if file.ends_with(".toml") => {
            match std::fs::read_to_string(file).map(|text| Mapping::from_toml(&text)) {
                Ok(Ok(mapping)) => Format::Table(mapping),
                Ok(Err(error)) => return eprintln!("{error}"),
                Err(error) => return eprintln!("cannot read the mapping: {error}"),
            }
        }
        _ => return eprintln!("usage: summary fhir|omop|meds|synthea|MAPPING.toml SOURCE…"),
    };
    let sources: Vec<PathBuf> = arguments.map(Into::into).collect();
    let spill = std::env::temp_dir().join(format!("osler-summary-{}", std::process::id()));
    if let Err(error) = std::fs::create_dir(&spill) {
        return eprintln!("cannot make a temporary directory: {error}");
    }
    let mut options = Options::new(format, sources, spill.clone());
    options.threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());

    let started = Instant::now();
    let mut digest = blake3::Hasher::new();
    let mut each = |subjects: Vec<Identified<SourceSubject>>| {
        for subject in &subjects {
            digest.update(format!("{:?}", subject.expose()).as_bytes());
        }
        Ok::<(), Infallible>(())
    };
    let result = ingest(&options, &route, &Progress::default(), &mut each);
    let seconds = started.elapsed().as_secs_f64();
    // The spill is the caller's; what is left of it is unreadable in any case.
    let _ = std::fs::remove_dir_all(&spill);
    match result {
        Ok(summary) => report(&summary, seconds, &digest.finalize().to_hex()[..16]),
        Err(Interrupted::Ingest(error)) => eprintln!("{error}"),
        Err(_) => {}
    }
}

fn route(key: &str) -> u64 {
    let digest = blake3::hash(key.as_bytes());
    digest.as_bytes()[..8].iter().fold(0, |route, &byte| route << 8 | u64::from(byte))
}

fn report(summary: &Summary, seconds: f64, digest: &str) {
    let bytes: u64 = summary.inputs.iter().map(|input| input.bytes).sum();
    println!(
        "{} subjects, {} facts, {} duplicates; {} rows, {} rejected; {} files, {} skipped; digest {digest}",
        summary.subjects,
        summary.facts,
        summary.duplicates,
        summary.rows,
        summary.rejected,
        summary.inputs.len(),
        summary.files_skipped,
    );
    println!(
        "{seconds:.2} s, {:.0} MB/s of {:.1} MB; spilled {:.1} MB; peak memory {:.1} MB",
        bytes as f64 / seconds / 1e6,
        bytes as f64 / 1e6,
        summary.spilled_bytes as f64 / 1e6,
        peak_memory_kib() as f64 / 1024.0,
    );
    for count in summary.rejection_counts.iter().take(20) {
        println!("rejected {:7} {} {}: {}", count.count, count.kind, count.field, count.reason);
    }
    for ignored in summary.ignored.iter().take(40) {
        println!("ignored  {:7} {}: {}", ignored.count, ignored.kind, ignored.reason);
    }
}

/// Peak resident memory, where the system tells it.
fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
