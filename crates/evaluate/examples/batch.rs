//! How long AUROCs with intervals of many outcomes take: `cargo run --release -p evaluate --example batch`.
//! Arguments: outcomes, subjects, draws. Prints JSON: seconds, peak memory, and the first outcomes' intervals, for
//! `docs/lab/scripts/bench_evaluate.py`, which does the same in scikit-learn and NumPy. The data is simulated.

use evaluate::Bootstrap;
use evaluate::metrics::batch::Draws;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rayon::prelude::*;
use std::time::Instant;

/// Outcome `number`: risks and what came true, by the same rule in the script.
fn outcome(number: u64, subjects: usize) -> (Vec<f32>, Vec<Option<bool>>) {
    let mut rng = StdRng::seed_from_u64(number);
    (0..subjects)
        .map(|_| {
            let risk: f32 = rng.random::<f32>() * 0.2;
            (risk, Some(rng.random::<f32>() < risk))
        })
        .unzip()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument =
        |i: usize, default: usize| std::env::args().nth(i).map_or(Ok(default), |a| a.parse::<usize>());
    let (outcomes, subjects, draws) = (argument(1, 4000)?, argument(2, 10_000)?, argument(3, 500)?);
    let bootstrap = Bootstrap { draws, ..Bootstrap::default() };
    let started = Instant::now();
    let shared = Draws::new(&bootstrap, subjects)?;
    let intervals = (0..outcomes as u64)
        .into_par_iter()
        .map(|number| {
            let (risks, outcomes) = outcome(number, subjects);
            let bounds = bootstrap.interval(shared.aurocs(&risks, &outcomes)?).bounds;
            Ok(bounds.map(|(low, high)| [low, high]))
        })
        .collect::<evaluate::Result<Vec<_>>>()?;
    let seconds = started.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).map(|l| l.trim().to_owned());
    println!(
        "{}",
        serde_json::json!({
            "outcomes": outcomes, "subjects": subjects, "draws": draws, "threads": rayon::current_num_threads(),
            "seconds": seconds, "peak_memory": peak, "first": intervals.iter().take(3).collect::<Vec<_>>(),
        })
    );
    Ok(())
}
