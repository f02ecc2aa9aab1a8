//! Writes a population as FHIR bulk NDJSON with its truth, and says how quickly:
//! `cargo run --release -p synth --example export -- DIRECTORY 2000 7 2` (subjects, seed, threads).

use std::{env, error::Error, fs, io, path::PathBuf, time::Instant};
use synth::{Population, Settings, write_fhir, write_truth};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("which directory?")?);
    let mut numbers = arguments.filter_map(|a| a.parse::<u64>().ok());
    let subjects = numbers.next().unwrap_or(2_000);
    let seed = numbers.next().unwrap_or(0);
    let threads = numbers.next().unwrap_or(0) as usize;
    let population = Population::new(Settings { subjects, seed, ..Settings::default() })?;
    fs::create_dir_all(&directory)?;

    population.subject(0); // the tables are made on first use
    let start = Instant::now();
    let events: usize =
        (0..subjects).map(|index| synth::meds::subject(&population.subject(index)).events().len()).sum();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "MEDS, in memory, one core: {:.0} lives/s, {:.0} events a subject",
        subjects as f64 / seconds,
        events as f64 / subjects as f64
    );

    let start = Instant::now();
    let mut open = |name: &str| {
        let file = fs::File::create(directory.join(format!("{name}.ndjson")))?;
        Ok(Box::new(io::BufWriter::new(file)) as Box<dyn io::Write>)
    };
    write_fhir(&population, &mut open, threads, &|_| {})?;
    let seconds = start.elapsed().as_secs_f64();
    let bytes: u64 = fs::read_dir(&directory)?
        .filter_map(|entry| entry.ok())
        .filter(|entry| {
            synth::RESOURCE_TYPES
                .iter()
                .any(|name| entry.file_name().to_str() == Some(format!("{name}.ndjson").as_str()))
        })
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .sum();
    println!(
        "FHIR: {:.0} lives/s, {:.1} MB/s, {:.1} MB",
        subjects as f64 / seconds,
        bytes as f64 / seconds / 1e6,
        bytes as f64 / 1e6
    );
    write_truth(
        &population,
        threads,
        &mut io::BufWriter::new(fs::File::create(directory.join("truth.ndjson"))?),
    )?;
    Ok(())
}
