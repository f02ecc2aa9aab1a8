//! Training: AdamW or Muon on packed windows, the same result on any number of threads, resumable at any step.

mod checkpoint;
mod epoch;
mod memory;
mod on_engine;
mod optimiser;
mod options;
mod report;

pub use memory::Memory;
pub(crate) use on_engine::first_step;
pub use options::{Monitor, Optimiser, TrainOptions, Trainable};
pub use report::{EvaluationReport, LossReport, Observer, Outcome, Silent, StepReport};

use crate::data::TrainingData;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::objective::{Gradient, Losses, Scales};
use crate::pack::{Pack, TaskLabel, check_sequence};
use crate::panels::Products;
use crate::real::{add_scaled, vectorised};
use crate::weights::Layout;
use checkpoint::Progress;
use epoch::{Job, Pass};
use optimiser::{Moments, Step};
use rayon::prelude::*;
use std::ops::Range;
use std::path::Path;

/// Elements per task of a reduction over an arena.
pub(crate) const REDUCTION_BLOCK: usize = 1 << 16;

/// Part of a batch: its packs and the gradient they sum to. Which windows a slot gets does not depend on the
/// number of threads, and slots are added up in order, so neither does the result.
struct Slot {
    packs: Vec<Pack>,
    used: usize,
    gradient: Gradient<f32>,
    losses: Losses,
}

/// Trains `model` on `data`, watching `tuning` (which may be empty) for when to stop.
///
/// With a `checkpoint` path, the state is written there every [`TrainOptions::checkpoint_every`] steps, and read
/// from there first if it exists: the run then goes on as if it had never stopped, to the same weights bit for
/// bit. The weights returned are the best ones seen on `tuning`, or the last ones without it, or where it holds nothing of
/// what is monitored.
///
/// # Errors
/// [`Error::Options`], [`Error::Data`] and [`Error::Sequence`] before anything is done; [`Error::Diverged`] if
/// the gradient stops being finite; [`Error::File`] and [`Error::Malformed`] from the checkpoint.
pub fn train(
    model: Model,
    data: &dyn TrainingData,
    tuning: &dyn TrainingData,
    options: &TrainOptions,
    checkpoint: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<(Model, Outcome)> {
    train_on(None, model, (data, tuning), options, checkpoint, observer)
}

/// [`train`], with losses and gradients computed by `engine` if there is one. Windows, dropout, optimiser,
/// averaging and checkpoints stay here, so a run differs from the cpu's by rounding alone.
///
/// # Errors
/// As [`train`]; [`Error::Engine`] if the engine fails.
pub fn train_on(
    engine: Option<&mut dyn Engine>,
    model: Model,
    (data, tuning): (&dyn TrainingData, &dyn TrainingData),
    options: &TrainOptions,
    checkpoint: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<(Model, Outcome)> {
    options.validate()?;
    check_data(&model, data)?;
    check_data(&model, tuning)?;
    options.precision.check()?;
    if engine.is_some() && options.precision != Products::F32 {
        return Err(Error::Options("precision other than f32 is for the cpu".into()));
    }
    let engine = engine.map(|engine| -> &mut dyn Engine { engine });
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build()
        .map_err(|e| Error::Options(format!("threads: {e}")))?;
    Run::new(engine, model, (data, tuning), options, checkpoint, &pool)?.go(observer)
}

fn check_data(model: &Model, data: &dyn TrainingData) -> Result<()> {
    for index in 0..data.len() {
        let sequence = data.sequence(index);
        check_sequence(&model.config, &sequence)?;
        let fits = |l: &TaskLabel| l.task < model.config.tasks.len() && l.position < sequence.len();
        if !data.labels(index).iter().all(fits) {
            return Err(Error::Data("a label names a task or a position that does not exist".into()));
        }
    }
    Ok(())
}

struct Run<'a> {
    /// What computes, if it isn't this crate's own engine.
    engine: Option<&'a mut dyn Engine>,
    model: Model,
    data: &'a dyn TrainingData,
    tuning: &'a dyn TrainingData,
    options: &'a TrainOptions,
    checkpoint: Option<&'a Path>,
    pool: &'a rayon::ThreadPool,
    slots: Vec<Slot>,
    moments: Moments,
    progress: Progress,
    /// The running average of the weights; empty without averaging.
    average: Vec<f32>,
    best: Vec<f32>,
    total_steps: u64,
}

impl<'a> Run<'a> {
    fn new(
        engine: Option<&'a mut dyn Engine>,
        model: Model,
        (data, tuning): (&'a dyn TrainingData, &'a dyn TrainingData),
        options: &'a TrainOptions,
        checkpoint: Option<&'a Path>,
        pool: &'a rayon::ThreadPool,
    ) -> Result<Self> {
        let batches = epoch::plan(&model.config, data, options, 0).len() as u64;
        if batches == 0 {
            return Err(Error::Data(
                "there is nothing to learn from: no tokens to predict and no labels".into(),
            ));
        }
        let planned = batches * u64::from(options.epochs);
        let (config, layout) = (&model.config, &model.layout);
        let slots = (0..options.gradient_slots)
            .map(|_| Slot {
                packs: Vec::new(),
                used: 0,
                gradient: Gradient::zeros(config, layout),
                losses: Losses::default(),
            })
            .collect();
        let mut run = Run {
            engine,
            slots,
            moments: Moments::new(layout.len()),
            progress: Progress::default(),
            average: if options.averaging > 0.0 { model.weights.clone() } else { Vec::new() },
            best: Vec::new(),
            total_steps: options.max_steps.map_or(planned, |most| most.min(planned)),
            model,
            data,
            tuning,
            options,
            checkpoint,
            pool,
        };
        run.resume()?;
        run.model.prepare(run.engine.is_none(), options.precision);
        if let Some(engine) = &mut run.engine {
            engine.load(&run.model.weights)?;
        }
        Ok(run)
    }

    /// To be called whenever the weights have changed.
    fn refresh(&mut self) -> Result<()> {
        match &mut self.engine {
            Some(engine) => engine.load(&self.model.weights),
            None => {
                let Run { model, pool, .. } = self;
                pool.install(|| model.refresh());
                Ok(())
            }
        }
    }

    fn resume(&mut self) -> Result<()> {
        let Some(path) = self.checkpoint.filter(|path| path.exists()) else { return Ok(()) };
        let kept = (self.average.as_mut_slice(), &mut self.best);
        self.progress = checkpoint::read(path, &mut self.model, self.options, &mut self.moments, kept)?;
        Ok(())
    }

    fn save(&self) -> Result<()> {
        let Some(path) = self.checkpoint else { return Ok(()) };
        checkpoint::write(
            path,
            &self.model,
            self.options,
            &self.moments,
            (&self.average, &self.best),
            &self.progress,
        )
    }

    fn go(mut self, observer: &mut dyn Observer) -> Result<(Model, Outcome)> {
        let mut stopped_early = self.progress.finished;
        let mut interrupted = false;
        if self.options.evaluate_first && self.progress.step == 0 && !self.tuning.is_empty() {
            let report = self.evaluate()?;
            observer.evaluation(&report);
        }
        'epochs: while self.progress.step < self.total_steps && !stopped_early {
            let batches = epoch::plan(&self.model.config, self.data, self.options, self.progress.epoch);
            while let Some(batch) = batches.get(self.progress.batch) {
                let report = self.step(batch, batches.len())?;
                let step = self.progress.step;
                let last = step == self.total_steps;
                let flow = observer.step(&report);
                let epoch_ends = self.progress.batch == batches.len();
                let due = match self.options.evaluate_every {
                    Some(every) => step.is_multiple_of(every),
                    None => epoch_ends,
                };
                if (due || last) && !self.tuning.is_empty() {
                    let report = self.evaluate()?;
                    observer.evaluation(&report);
                    stopped_early =
                        self.progress.worse_evaluations >= self.options.patience.unwrap_or(u32::MAX);
                }
                interrupted = flow.is_break() && !last && !stopped_early;
                self.progress.finished = stopped_early || last;
                if self.progress.finished || interrupted || step.is_multiple_of(self.options.checkpoint_every)
                {
                    self.save()?;
                }
                if self.progress.finished || interrupted {
                    break 'epochs;
                }
            }
            self.progress.epoch += 1;
            self.progress.batch = 0;
        }
        let outcome = Outcome {
            steps: self.progress.step,
            total_steps: self.total_steps,
            best_loss: self.progress.best_loss(),
            best_step: self.progress.best_step,
            stopped_early,
            interrupted,
        };
        if !interrupted {
            // The best that was seen, or, where nothing was watched, the last.
            let last = std::mem::take(&mut self.average);
            for kept in [last, std::mem::take(&mut self.best)] {
                if !kept.is_empty() {
                    self.model.weights = kept;
                }
            }
        }
        self.model.prepare(false, Products::F32);
        Ok((self.model, outcome))
    }

    /// One step of the optimiser on one batch.
    fn step(&mut self, batch: &[Job], batches: usize) -> Result<StepReport> {
        let Run { engine, model, slots, options, data, pool, .. } = self;
        let step = self.progress.step;
        let pass = Pass::Training(self.progress.epoch);
        epoch::assign(batch, slots.len()).into_iter().zip(slots.iter_mut()).for_each(|(jobs, slot)| {
            slot.used = epoch::pack(&model.config, *data, options, pass, &jobs, &mut slot.packs);
        });
        let mut counts = Losses::default();
        for pack in slots.iter().flat_map(|s| &s.packs[..s.used]) {
            counts.add(&Losses::counts(&model.config, pack));
        }
        let tokens = slots.iter().flat_map(|s| &s.packs[..s.used]).map(Pack::tokens).sum();
        let scales = scales(options, &counts);
        if let Some(engine) = engine {
            on_engine::gradient(*engine, model, slots, (options, step), &scales)?;
        } else {
            let parameters = model.parameters_view();
            let worked = worked(&model.layout);
            pool.install(|| {
                slots.par_iter_mut().enumerate().for_each(|(index, slot)| {
                    slot.losses = Losses::default();
                    if slot.used == 0 && index > 0 {
                        return;
                    }
                    clear(&mut slot.gradient, &worked);
                    // As many workspaces as threads, not as slots.
                    model.with_workspace(|workspace| {
                        for place in 0..slot.used {
                            std::mem::swap(&mut workspace.pack, &mut slot.packs[place]);
                            let dropout = on_engine::dropout(options, step, index, place);
                            let losses = workspace.gradient(parameters, dropout, &scales, &mut slot.gradient);
                            slot.losses.add(&losses);
                            std::mem::swap(&mut workspace.pack, &mut slot.packs[place]);
                        }
                    });
                });
                reduce(slots, &worked);
            });
            let Gradient { arena, tables } = &mut slots[0].gradient;
            let shape = (&model.config, &model.layout);
            tables.backward(shape, (&model.weights, &model.prepared.tables), arena);
        }
        let mut losses = Losses::default();
        slots.iter().for_each(|slot| losses.add(&slot.losses));
        let arena = &mut slots[0].gradient.arena;
        let norm = pool.install(|| optimiser::norm(arena));
        if !norm.is_finite() {
            return Err(Error::Diverged { step });
        }
        let learning_rate = options.learning_rate_at(step, self.total_steps);
        let clip = if norm > options.clip_norm { options.clip_norm / norm } else { 1.0 };
        pool.install(|| {
            let step = Step { number: step, learning_rate, scale: clip, options };
            self.moments.update(&model.layout, &mut model.weights, arena, &step);
        });
        self.refresh()?;
        let Run { model, options, pool, .. } = self;
        if !self.average.is_empty() {
            // Early steps are soon forgotten, so that the average does not lag behind the start.
            let decay = options.averaging.min((step + 1) as f64 / (step + 10) as f64) as f32;
            let average = &mut self.average;
            let weights = &model.weights;
            pool.install(|| {
                let blocks = average.par_chunks_mut(REDUCTION_BLOCK).zip(weights.par_chunks(REDUCTION_BLOCK));
                blocks.for_each(|(average, weights)| {
                    for (a, w) in average.iter_mut().zip(weights) {
                        *a += (1.0 - decay) * (*w - *a);
                    }
                });
            });
        }
        self.progress.step += 1;
        self.progress.batch += 1;
        Ok(StepReport {
            step: self.progress.step,
            total_steps: self.total_steps,
            epoch: self.progress.epoch,
            batch: self.progress.batch,
            batches,
            tokens,
            losses: LossReport::new(&losses, &scales),
            learning_rate,
            gradient_norm: norm,
        })
    }

    fn evaluate(&mut self) -> Result<EvaluationReport> {
        self.exchange_average()?;
        let losses = match &mut self.engine {
            Some(engine) => on_engine::evaluate(*engine, &self.model, self.tuning, self.options)?,
            None => self.pool.install(|| evaluate(&self.model, self.tuning, self.options)),
        };
        let scales = scales(self.options, &losses);
        let report = LossReport::new(&losses, &scales);
        let (monitored, is_of_something) = match self.options.monitor {
            Monitor::Total => (report.total, scales.next_event + scales.risk + scales.task > 0.0),
            Monitor::Task => (report.task, losses.tasks > 0),
        };
        // A mean over nothing is 0, and better than nothing.
        let improved = is_of_something && monitored < self.progress.best_loss();
        if improved {
            self.progress.set_best(monitored);
            self.best.clone_from(&self.model.weights);
        } else if is_of_something {
            self.progress.worse_evaluations += 1;
        }
        self.exchange_average()?;
        Ok(EvaluationReport {
            step: self.progress.step,
            epoch: self.progress.epoch,
            losses: report,
            improved,
        })
    }

    /// Puts the average in the weights' place, or the weights back in theirs.
    fn exchange_average(&mut self) -> Result<()> {
        if self.average.is_empty() {
            return Ok(());
        }
        std::mem::swap(&mut self.model.weights, &mut self.average);
        self.refresh()
    }
}

/// The stretches of the arena into which windows add their gradients: all but the code and feature vectors, whose
/// gradients come from the tables' once a step, into the first slot. With many codes they are nearly everything, and
/// memory that is never written to is never taken from the system.
fn worked(layout: &Layout) -> Vec<Range<usize>> {
    let mut left_out = [layout.code.range(), layout.feature.range()];
    left_out.sort_by_key(|range| range.start);
    let mut worked = Vec::new();
    let mut begin = 0;
    for range in left_out.into_iter().filter(|range| !range.is_empty()) {
        worked.push(begin..range.start);
        begin = range.end;
    }
    worked.push(begin..layout.len());
    worked
}

fn clear(gradient: &mut Gradient<f32>, worked: &[Range<usize>]) {
    worked.iter().for_each(|range| gradient.arena[range.clone()].fill(0.0));
    gradient.tables.code_table.fill(0.0);
    gradient.tables.risk_table.fill(0.0);
}

/// Adds the slots' gradients into the first, in order; what no slot writes to becomes zero there.
fn reduce(slots: &mut [Slot], worked: &[Range<usize>]) {
    let Some((first, rest)) = slots.split_first_mut() else { return };
    let add = |target: &mut [f32], from: usize, of: fn(&Gradient<f32>) -> &[f32]| {
        target.par_chunks_mut(REDUCTION_BLOCK).enumerate().for_each(|(block, target)| {
            let begin = from + block * REDUCTION_BLOCK;
            for slot in rest.iter().filter(|slot| slot.used > 0) {
                let source = &of(&slot.gradient)[begin..begin + target.len()];
                vectorised(
                    #[inline(always)]
                    || add_scaled(target, 1.0, source),
                );
            }
        });
    };
    let Gradient { arena, tables } = &mut first.gradient;
    let mut begin = 0;
    for range in worked {
        arena[begin..range.start].fill(0.0);
        add(&mut arena[range.clone()], range.start, |g| &g.arena);
        begin = range.end;
    }
    add(&mut tables.code_table, 0, |g| &g.tables.code_table);
    add(&mut tables.risk_table, 0, |g| &g.tables.risk_table);
}

/// The factor of each part: its weight over the number of its targets. Code, waiting time and value share the
/// number of next events, so that with a value weight of one their sum is the log-likelihood per token.
fn scales(options: &TrainOptions, counts: &Losses) -> Scales {
    let per = |weight: f64, n: usize| if n == 0 { 0.0 } else { weight / n as f64 };
    Scales {
        next_event: per(options.likelihood_weight, counts.next_events),
        waiting_time: per(options.likelihood_weight, counts.next_events),
        value: per(options.likelihood_weight * options.value_weight, counts.next_events),
        risk: if counts.risk_days > 0.0 { options.risk_weight / counts.risk_days } else { 0.0 },
        task: per(options.task_weight, counts.tasks),
    }
}

/// Losses over all subjects, every token once, without dropout.
fn evaluate(model: &Model, data: &dyn TrainingData, options: &TrainOptions) -> Losses {
    let jobs = epoch::evaluation_jobs(&model.config, data, options);
    let parts: Vec<Losses> = epoch::group(&jobs, options.pack_tokens)
        .into_par_iter()
        .map(|group| {
            model.with_workspace(|workspace| {
                workspace.pack.clear();
                for job in group {
                    epoch::push(&model.config, data, options, Pass::Evaluation, job, &mut workspace.pack);
                }
                workspace.losses(model.parameters_view())
            })
        })
        .collect();
    let mut losses = Losses::default();
    parts.iter().for_each(|part| losses.add(part));
    losses
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod truth;
