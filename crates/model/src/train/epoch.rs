//! One pass over the data: which windows, in which order, in which batch, in which slot.

use super::options::TrainOptions;
use crate::config::Config;
use crate::data::TrainingData;
use crate::pack::{Pack, Targets, TaskLabel};
use crate::random::{self, Purpose};
use crate::window::{self, Window};
use timeline::{Sequence, TokenBuffer, with_landmarks};

/// A window to learn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Job {
    subject: usize,
    window: Window,
    teaches: Teaches,
    /// Distinguishes the windows of a subject, for sampling.
    number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Teaches {
    /// Likelihood and risk, and the labels if this window is the whole sequence.
    Timeline { labels: bool },
    /// One label, seen with as much history as the context holds.
    Label(TaskLabel),
}

/// What the data are read for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pass {
    /// Training in this epoch, with landmarks of its own.
    Training(u64),
    /// Measuring the records as they are.
    Evaluation,
}

/// A subject's sequence, in training with landmarks in its stretches without events, and its labels moved along.
pub(crate) fn landmarked<'a>(
    config: &Config,
    data: &'a dyn TrainingData,
    options: &TrainOptions,
    pass: Pass,
    subject: usize,
    buffer: &'a mut TokenBuffer,
) -> (Sequence<'a>, Vec<TaskLabel>) {
    let (sequence, mut labels) = (data.sequence(subject), data.labels(subject).to_vec());
    let Pass::Training(epoch) = pass else { return (sequence, labels) };
    if options.earlier_labels > 0.0 {
        let key = random::key(options.seed, Purpose::EarlierLabel, &[epoch, subject as u64]);
        for (i, label) in labels.iter_mut().enumerate() {
            let back = options.earlier_labels * random::uniform(key, i as u64);
            label.position = earlier(config.time_code, &sequence, label.position, back);
        }
    }
    if options.landmarks.share <= 0.0 {
        return (sequence, labels);
    }
    let seed = random::key(options.seed, Purpose::Landmark, &[epoch, subject as u64]);
    let split = with_landmarks(&sequence, &options.landmarks, seed, buffer);
    for label in &mut labels {
        let mut moved = 0;
        for place in 0..=label.position {
            // A landmark lies before the token it was put in front of, so ages tell them apart.
            while split.age_days[moved] < sequence.age_days[place] {
                moved += 1;
            }
            moved += 1;
        }
        label.position = moved - 1;
    }
    (split, labels)
}

/// The last event before the share `back` of the time from the record's start to `position` has to be gone back.
fn earlier(time_code: u32, sequence: &Sequence<'_>, position: usize, back: f64) -> usize {
    let (begin, end) = (sequence.age_days[0], sequence.age_days[position]);
    let limit = end - back * (end - begin);
    let known = (0..=position).rev().find(|place| {
        *place >= sequence.static_len
            && sequence.age_days[*place] <= limit
            && sequence.code[*place] != time_code
    });
    known.unwrap_or(position)
}

/// The batches of an epoch.
pub(crate) fn plan(
    config: &Config,
    data: &dyn TrainingData,
    options: &TrainOptions,
    epoch: u64,
) -> Vec<Vec<Job>> {
    let mut jobs = Vec::new();
    let mut buffer = TokenBuffer::default();
    for subject in 0..data.len() {
        let (sequence, labels) =
            landmarked(config, data, options, Pass::Training(epoch), subject, &mut buffer);
        let windows = || window::training(&sequence, config.context, options.seed, epoch, subject);
        push_jobs(config, options, (subject, &sequence, &labels), windows, &mut jobs);
    }
    random::shuffle(&mut jobs, random::key(options.seed, Purpose::Order, &[epoch]));
    let mut batches: Vec<Vec<Job>> = Vec::new();
    let mut room = 0;
    for job in jobs {
        if room == 0 {
            batches.push(Vec::new());
            room = options.batch_tokens;
        }
        room = room.saturating_sub(job.window.tokens());
        if let Some(batch) = batches.last_mut() {
            batch.push(job);
        }
    }
    batches
}

/// All windows once, in order.
pub(crate) fn evaluation_jobs(config: &Config, data: &dyn TrainingData, options: &TrainOptions) -> Vec<Job> {
    let mut jobs = Vec::new();
    for subject in 0..data.len() {
        let (sequence, labels) = (data.sequence(subject), data.labels(subject));
        let windows = || window::scoring(&sequence, config.context);
        push_jobs(config, options, (subject, &sequence, labels), windows, &mut jobs);
    }
    jobs
}

fn push_jobs(
    config: &Config,
    options: &TrainOptions,
    (subject, sequence, labels): (usize, &Sequence<'_>, &[TaskLabel]),
    windows: impl FnOnce() -> Vec<Window>,
    jobs: &mut Vec<Job>,
) {
    let labels = if options.task_weight > 0.0 { labels } else { &[] };
    let timeline = options.likelihood_weight > 0.0 || options.risk_weight > 0.0;
    let windows = if timeline { windows() } else { Vec::new() };
    let whole = windows.len() == 1;
    for (number, window) in windows.into_iter().enumerate() {
        jobs.push(Job {
            subject,
            window,
            teaches: Teaches::Timeline { labels: whole },
            number: number as u64,
        });
    }
    if !whole {
        jobs.extend(labels.iter().enumerate().map(|(number, label)| Job {
            subject,
            window: Window::ending_at(sequence, label.position, config.context),
            teaches: Teaches::Label(*label),
            number: number as u64,
        }));
    }
}

/// Deals the jobs of a batch to slots, longest first to the least loaded.
pub(crate) fn assign(batch: &[Job], slots: usize) -> Vec<Vec<Job>> {
    let mut order: Vec<usize> = (0..batch.len()).collect();
    order.sort_by_key(|i| (std::cmp::Reverse(batch[*i].window.tokens()), *i));
    let mut dealt = vec![(0, Vec::new()); slots];
    for i in order {
        if let Some((load, jobs)) = dealt.iter_mut().min_by_key(|(load, _)| *load) {
            *load += batch[i].window.tokens();
            jobs.push(batch[i]);
        }
    }
    dealt.into_iter().map(|(_, jobs)| jobs).collect()
}

/// Fills `packs` with the jobs, in order; returns how many packs are used.
pub(crate) fn pack(
    config: &Config,
    data: &dyn TrainingData,
    options: &TrainOptions,
    pass: Pass,
    jobs: &[Job],
    packs: &mut Vec<Pack>,
) -> usize {
    let groups = group(jobs, options.pack_tokens);
    if packs.len() < groups.len() {
        packs.resize_with(groups.len(), Pack::default);
    }
    for (jobs, pack) in groups.iter().zip(packs.iter_mut()) {
        pack.clear();
        for job in *jobs {
            push(config, data, options, pass, job, pack);
        }
    }
    groups.len()
}

/// Cuts jobs into runs of at most `tokens` (or a single longer window).
pub(crate) fn group(jobs: &[Job], tokens: usize) -> Vec<&[Job]> {
    let mut groups = Vec::new();
    let (mut begin, mut load) = (0, 0);
    for (i, job) in jobs.iter().enumerate() {
        let more = job.window.tokens();
        if load > 0 && load + more > tokens {
            groups.push(&jobs[begin..i]);
            (begin, load) = (i, 0);
        }
        load += more;
    }
    if begin < jobs.len() {
        groups.push(&jobs[begin..]);
    }
    groups
}

/// Appends one job to a pack.
pub(crate) fn push(
    config: &Config,
    data: &dyn TrainingData,
    options: &TrainOptions,
    pass: Pass,
    job: &Job,
    pack: &mut Pack,
) {
    let epoch = match pass {
        Pass::Training(epoch) => epoch + 1,
        Pass::Evaluation => 0,
    };
    let key = random::key(options.seed, Purpose::RiskSample, &[epoch, job.subject as u64, job.number]);
    let mut buffer = TokenBuffer::default();
    let (sequence, labels) = landmarked(config, data, options, pass, job.subject, &mut buffer);
    let labels: &[TaskLabel] = if options.task_weight > 0.0 { &labels } else { &[] };
    let targets = match &job.teaches {
        Teaches::Timeline { labels: with } => Targets {
            likelihood: options.likelihood_weight > 0.0,
            risk: (options.risk_weight > 0.0).then_some((options.risk_positions, key)),
            labels: if *with { labels } else { &[] },
        },
        Teaches::Label(label) => Targets { labels: std::slice::from_ref(label), ..Targets::default() },
    };
    pack.push(config, &sequence, job.window, targets);
}
