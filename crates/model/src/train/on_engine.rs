//! Training with another engine: the same packs, the same masks of dropout, the same optimiser; losses and
//! gradients come from elsewhere.

use super::epoch::{self, Pass};
use super::{Slot, TrainOptions, check_data, scales};
use crate::data::TrainingData;
use crate::engine::{Batch, Engine};
use crate::error::{Error, Result};
use crate::layers::dropout::Dropout;
use crate::model::Model;
use crate::objective::{Losses, Scales};
use crate::pack::Pack;
use crate::random::{self, Purpose};

/// The dropout of a pack: by step, slot and place in the slot.
pub(super) fn dropout(options: &TrainOptions, step: u64, slot: usize, place: usize) -> Dropout {
    let key = random::key(options.seed, Purpose::Dropout, &[step, slot as u64, place as u64]);
    Dropout { key, rate: options.dropout }
}

/// The gradient of all packs in the first slot's arena, complete, and each slot's losses.
pub(super) fn gradient(
    engine: &mut dyn Engine,
    model: &Model,
    slots: &mut [Slot],
    (options, step): (&TrainOptions, u64),
    scales: &Scales,
) -> Result<()> {
    let Some(first) = slots.first_mut() else { return Ok(()) };
    let mut arena = std::mem::take(&mut first.gradient.arena);
    let mut batches = Vec::new();
    let mut of_slot = Vec::new();
    for (index, slot) in slots.iter().enumerate() {
        for (place, pack) in slot.packs[..slot.used].iter().enumerate() {
            batches.push(Batch::new(&model.config, pack, dropout(options, step, index, place)));
            of_slot.push((index, Losses::counts(&model.config, pack)));
        }
    }
    let parts = engine.gradient(&batches, &scales.into(), &mut arena)?;
    drop(batches);
    slots.iter_mut().for_each(|slot| slot.losses = Losses::default());
    for ((index, counts), parts) in of_slot.into_iter().zip(parts) {
        slots[index].losses.add(&parts.counted(counts));
    }
    slots[0].gradient.arena = arena;
    Ok(())
}

/// Losses over all subjects, every token once, without dropout.
pub(super) fn evaluate(
    engine: &mut dyn Engine,
    model: &Model,
    data: &dyn TrainingData,
    options: &TrainOptions,
) -> Result<Losses> {
    let jobs = epoch::evaluation_jobs(&model.config, data, options);
    let mut losses = Losses::default();
    let mut pack = Pack::default();
    for group in epoch::group(&jobs, options.pack_tokens) {
        pack.clear();
        for job in group {
            epoch::push(&model.config, data, options, Pass::Evaluation, job, &mut pack);
        }
        let parts = engine.losses(&Batch::new(&model.config, &pack, Dropout::default()))?;
        losses.add(&parts.counted(Losses::counts(&model.config, &pack)));
    }
    Ok(losses)
}

/// The packs of a run's first step and its scales, for [`crate::engine::FirstStep`].
pub(crate) fn first_step(
    model: &Model,
    data: &dyn TrainingData,
    options: &TrainOptions,
) -> Result<(Vec<(Pack, Dropout)>, Scales)> {
    options.validate()?;
    check_data(model, data)?;
    let nothing = || Error::Data("there is nothing to learn from".into());
    let batch = epoch::plan(&model.config, data, options, 0).into_iter().next().ok_or_else(nothing)?;
    let mut packs = Vec::new();
    for (index, jobs) in epoch::assign(&batch, options.gradient_slots).into_iter().enumerate() {
        let mut of_slot = Vec::new();
        epoch::pack(&model.config, data, options, Pass::Training(0), &jobs, &mut of_slot);
        let masked = of_slot.into_iter().enumerate().map(|(i, pack)| (pack, dropout(options, 0, index, i)));
        packs.extend(masked);
    }
    let mut counts = Losses::default();
    packs.iter().for_each(|(pack, _)| counts.add(&Losses::counts(&model.config, pack)));
    let scales = scales(options, &counts);
    Ok((packs, scales))
}
