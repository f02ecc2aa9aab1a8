//! Times the training step at the S shape (128 wide, 4 blocks, 4 heads, 384 inside, 2048 codes, 16 × 256 tokens,
//! next-token head alone), to be set beside the same architecture in other engines.
//!
//! `cargo run --release -p model --example decoder_step -- [threads] [steps]`

use model::{
    Config, EvaluationReport, Model, Observer, Rotary, Size, StepReport, Subjects, TrainOptions, train,
};
use std::ops::ControlFlow;
use std::time::Instant;
use timeline::Sequence;

struct Clock {
    last: Instant,
    seconds: Vec<f64>,
}

impl Observer for Clock {
    fn step(&mut self, _: &StepReport) -> ControlFlow<()> {
        self.seconds.push(self.last.elapsed().as_secs_f64());
        self.last = Instant::now();
        ControlFlow::Continue(())
    }
    fn evaluation(&mut self, _: &EvaluationReport) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>());
    let threads = arguments.next().transpose()?.unwrap_or(2) as usize;
    let steps = arguments.next().transpose()?.unwrap_or(20);
    let (vocabulary, batch, length) = (2048_u32, 16, 257);
    let config = Config {
        rotary: Rotary::Index { base: 10_000.0 },
        tied_head: false,
        context: length,
        ..Config::of_size(Size::Tiny, vocabulary as usize, 0, None, &[])
    };
    let mut state = 1_u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        1 + (state >> 33) as u32 % (vocabulary - 1)
    };
    let codes: Vec<Vec<u32>> = (0..batch).map(|_| (0..length).map(|_| draw()).collect()).collect();
    let (ages, values) = (vec![0.0; length], vec![f32::NAN; length]);
    let subjects: Subjects = codes
        .iter()
        .map(|code| Sequence {
            subject_id: 0,
            code,
            age_days: &ages,
            value: &values,
            static_len: 0,
            followup_end_age_days: 0.0,
            died: false,
            birth_known: false,
        })
        .collect();
    let options = TrainOptions {
        batch_tokens: batch * length,
        epochs: u32::try_from(steps)?,
        dropout: 0.0,
        risk_weight: 0.0,
        threads,
        ..TrainOptions::default()
    };
    let mut clock = Clock { last: Instant::now(), seconds: Vec::new() };
    train(Model::new(config, 0)?, &subjects, &Subjects::new(), &options, None, &mut clock)?;
    let mut times = clock.seconds.split_off(2.min(clock.seconds.len()));
    times.sort_by(f64::total_cmp);
    let (median, least) = (times[times.len() / 2], times[0]);
    println!("step: median {:.1} ms, least {:.1} ms, {threads} threads", median * 1e3, least * 1e3);
    Ok(())
}
