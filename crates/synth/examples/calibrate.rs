//! Writes `calibration/mean_hazard_ratio.csv` anew, after any change of a rate or a hazard ratio:
//! `cargo run --release -p synth --example calibrate -- 60000 5`.

use std::{env, fs, io, path::Path};

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1).filter_map(|a| a.parse::<u64>().ok());
    let lives = arguments.next().unwrap_or(20_000);
    let passes = arguments.next().unwrap_or(4) as usize;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("calibration/mean_hazard_ratio.csv");
    fs::write(&path, synth::calibration::measure(lives, passes))?;
    println!("wrote calibration/mean_hazard_ratio.csv from {lives} lives of each sex in {passes} passes");
    Ok(())
}
