//! `osler synth --check`: are the simulated rates the published ones?

use super::threads;
use crate::progress::{Voice, grouped};
use ::synth::agreement::{self, Agreement};
use anyhow::{Context, Result, bail};
use events::Sex;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// Simulates, compares, says; fails where something doesn't agree.
pub fn run(lives: u64, seed: u64, asked: Option<usize>, voice: Voice) -> Result<()> {
    if lives < 200 {
        bail!("{lives} lives say nothing about rates; ask for some thousands with --subjects");
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(asked))
        .build()
        .context("cannot start threads")?;
    let bar = voice.count("living", lives);
    let done = AtomicU64::new(0);
    let progress = |lived: u64| bar.set(done.fetch_add(lived, Ordering::Relaxed) + lived);
    let agreement = pool.install(|| agreement::check(lives.div_ceil(2), seed, &progress));
    drop(bar);
    if voice.json {
        println!("{}", serde_json::to_string_pretty(&agreement)?);
    } else {
        print!("{}", page(&agreement));
    }
    let failures = agreement.failures();
    if !failures.is_empty() {
        bail!("{} rates are not the published ones:\n{}", failures.len(), failures.join("\n"));
    }
    Ok(())
}

/// What a person reads.
fn page(agreement: &Agreement) -> String {
    let mut page = format!(
        "{} simulated lives of each sex (synthetic), rates per 1,000 person-years over all ages\n\n\
         {:<34} {:<7} {:>10} {:>10}  {}\n",
        grouped(agreement.lives),
        "condition",
        "sex",
        "published",
        "simulated",
        "simulated / published [95 %]"
    );
    for total in &agreement.totals {
        // Writing to a String can't fail.
        let _ = writeln!(
            page,
            "{:<34} {:<7} {:>10.3} {:>10.3}  {:.3} [{:.3}, {:.3}]",
            total.condition,
            if total.sex == Sex::Female { "female" } else { "male" },
            total.published_per_1000,
            total.simulated_per_1000,
            total.ratio,
            total.low,
            total.high
        );
    }
    let ([men, women], [men_error, women_error]) =
        (agreement.life_expectancy, agreement.life_expectancy_error);
    let _ = writeln!(
        page,
        "\nlife expectancy: men {men:.1} ± {:.1} (published 76.3), women {women:.1} ± {:.1} (81.4)",
        1.96 * men_error,
        1.96 * women_error
    );
    if let Some(cell) = agreement.furthest() {
        let _ = writeln!(
            page,
            "{} cells of condition, sex and decade of age; furthest off: {}, {}, {}s, {:.1} standard errors (4.5 allowed)",
            agreement.cells.len(),
            cell.condition,
            if cell.sex == Sex::Female { "women" } else { "men" },
            cell.age,
            cell.deviation()
        );
    }
    page
}
