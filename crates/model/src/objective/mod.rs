//! The loss of a pack of windows, in parts, and its gradient.

use crate::buffer::Buffer;
use crate::config::Config;
use crate::decoder::Decoder;
use crate::derived::Derived;
use crate::heads::{next_event, risk, task, value, waiting_time};
use crate::layers::dropout::Dropout;
use crate::layers::embedding;
use crate::pack::Pack;
use crate::packed::Parameters;
use crate::real::Real;
use crate::weights::Layout;

/// A gradient: of the weights used directly, and of the derived tables.
#[derive(Clone)]
pub(crate) struct Gradient<T> {
    pub(crate) arena: Vec<T>,
    pub(crate) tables: Derived<T>,
}

impl<T: Real> Gradient<T> {
    pub(crate) fn zeros(config: &Config, layout: &Layout) -> Self {
        Gradient { arena: vec![T::ZERO; layout.len()], tables: Derived::zeros(config) }
    }

    #[cfg(test)]
    pub(crate) fn clear(&mut self) {
        self.arena.fill(T::ZERO);
        self.tables.code_table.fill(T::ZERO);
        self.tables.risk_table.fill(T::ZERO);
    }
}

/// By how much each part's summed loss is multiplied in the total; already divided by the batch's counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scales {
    pub(crate) next_event: f64,
    pub(crate) waiting_time: f64,
    pub(crate) value: f64,
    pub(crate) risk: f64,
    pub(crate) task: f64,
}

/// Summed negative log-likelihoods and how many targets each is over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Losses {
    pub(crate) next_event: f64,
    pub(crate) next_events: usize,
    /// Those of the next events that are not `TIME`.
    pub(crate) events: usize,
    pub(crate) waiting_time: f64,
    pub(crate) waiting_times: usize,
    pub(crate) value: f64,
    pub(crate) values: usize,
    pub(crate) risk: f64,
    /// Days that the risk targets stand for.
    pub(crate) risk_days: f64,
    pub(crate) task: f64,
    pub(crate) tasks: usize,
}

impl Losses {
    pub(crate) fn add(&mut self, other: &Losses) {
        self.next_event += other.next_event;
        self.next_events += other.next_events;
        self.events += other.events;
        self.waiting_time += other.waiting_time;
        self.waiting_times += other.waiting_times;
        self.value += other.value;
        self.values += other.values;
        self.risk += other.risk;
        self.risk_days += other.risk_days;
        self.task += other.task;
        self.tasks += other.tasks;
    }

    /// The counts of a pack, with losses zero.
    pub(crate) fn counts(config: &Config, pack: &Pack) -> Self {
        Losses {
            next_events: pack.next_events.len(),
            events: pack.next_events.iter().filter(|t| t.code != config.time_code).count(),
            waiting_times: pack.waiting_times.len(),
            values: pack.values.len(),
            risk_days: pack.risks.iter().map(|target| target.stands_for_days).sum(),
            tasks: pack.tasks.len(),
            ..Losses::default()
        }
    }

    pub(crate) fn total(&self, scales: &Scales) -> f64 {
        self.next_event * scales.next_event
            + self.waiting_time * scales.waiting_time
            + self.value * scales.value
            + self.risk * scales.risk
            + self.task * scales.task
    }
}

/// The memory of one thread.
#[derive(Default)]
pub(crate) struct Workspace<T> {
    pub(crate) pack: Pack,
    embedding: embedding::Cache<T>,
    decoder: Decoder<T>,
    d_hidden: Buffer<T>,
    dx: Buffer<T>,
    next_event: next_event::Scratch<T>,
    waiting_time: waiting_time::Scratch<T>,
    value: value::Scratch<T>,
    risk: risk::Scratch<T>,
}

impl<T: Real> Workspace<T> {
    /// Forward only; the workspace's pack and its hidden state, `[tokens, width]`.
    pub(crate) fn hidden(&mut self, p: Parameters<'_, T>, dropout: Dropout) -> (&Pack, &[T]) {
        let tokens = self.pack.tokens();
        let shape = (p.config, p.layout);
        let input = self.decoder.input(p.config, tokens);
        embedding::forward(shape, (p.weights, &p.tables.code_table), &self.pack, input, &mut self.embedding);
        self.decoder.forward(p, &self.pack, dropout);
        (&self.pack, self.decoder.hidden(p.config, tokens))
    }

    /// The losses of the workspace's pack.
    pub(crate) fn losses(&mut self, p: Parameters<'_, T>) -> Losses {
        self.run(p, Dropout::default(), None)
    }

    /// The losses, and their gradient (scaled by part) added to `gradient`.
    pub(crate) fn gradient(
        &mut self,
        p: Parameters<'_, T>,
        dropout: Dropout,
        scales: &Scales,
        gradient: &mut Gradient<T>,
    ) -> Losses {
        self.run(p, dropout, Some((scales, gradient)))
    }

    fn run(
        &mut self,
        p: Parameters<'_, T>,
        dropout: Dropout,
        mut gradient: Option<(&Scales, &mut Gradient<T>)>,
    ) -> Losses {
        let Parameters { config, layout, weights, tables, .. } = p;
        let shape = (config, layout);
        let tokens = self.pack.tokens();
        self.hidden(p, dropout);
        let hidden = self.decoder.hidden(config, tokens);
        let pack = &self.pack;
        let d_hidden = self.d_hidden.zeroed(if gradient.is_some() { tokens * config.width } else { 0 });
        let mut losses = Losses::counts(config, pack);

        let tied = layout.head.is_empty();
        // The bias and an untied head share the arena, so the head's gradient goes through a detour.
        let mut d_bias = vec![T::ZERO; config.vocabulary_size];
        let mut d_repeat = vec![T::ZERO; config.vocabulary_size + 1];
        losses.next_event = next_event::run(
            (&p.forward.head, layout.head_bias.of(weights), layout.head_repeat.of(weights)),
            hidden,
            pack,
            gradient.as_mut().map(|(scales, g)| next_event::Gradient {
                scale: scales.next_event,
                backward: &p.backward.head,
                d_hidden: &mut *d_hidden,
                d_table: if tied { &mut g.tables.code_table } else { layout.head.of_mut(&mut g.arena) },
                d_bias: &mut d_bias,
                d_repeat: &mut d_repeat,
            }),
            &mut self.next_event,
        );
        if let Some((_, g)) = &mut gradient {
            crate::real::add_scaled(layout.head_bias.of_mut(&mut g.arena), T::ONE, &d_bias);
            crate::real::add_scaled(layout.head_repeat.of_mut(&mut g.arena), T::ONE, &d_repeat);
        }

        let mut d_weight = vec![T::ZERO; layout.waiting.of(weights).len()];
        let mut d_bias = vec![T::ZERO; config.waiting_time_intervals()];
        losses.waiting_time = waiting_time::run(
            &config.waiting_time_edges_days,
            (layout.waiting.of(weights), layout.waiting_bias.of(weights)),
            hidden,
            &pack.waiting_times,
            gradient.as_mut().map(|(scales, _)| waiting_time::Gradient {
                scale: scales.waiting_time,
                d_hidden: &mut *d_hidden,
                d_weight: &mut d_weight,
                d_bias: &mut d_bias,
            }),
            &mut self.waiting_time,
        );
        if let Some((_, g)) = &mut gradient {
            crate::real::add_scaled(layout.waiting.of_mut(&mut g.arena), T::ONE, &d_weight);
            crate::real::add_scaled(layout.waiting_bias.of_mut(&mut g.arena), T::ONE, &d_bias);
        }

        losses.value = value::run(
            shape,
            (weights, &tables.code_table),
            hidden,
            &pack.values,
            gradient.as_mut().map(|(scales, g)| value::Gradient {
                scale: scales.value,
                d_hidden: &mut *d_hidden,
                d_code_table: &mut g.tables.code_table,
                arena: &mut g.arena,
            }),
            &mut self.value,
        );
        losses.risk = risk::run(
            shape,
            (weights, &tables.risk_table),
            hidden,
            pack,
            gradient.as_mut().map(|(scales, g)| risk::Gradient {
                scale: scales.risk,
                d_hidden: &mut *d_hidden,
                d_risk_table: &mut g.tables.risk_table,
                arena: &mut g.arena,
            }),
            &mut self.risk,
        );
        losses.task = task::run(
            shape,
            weights,
            (hidden, &pack.code),
            &pack.tasks,
            gradient.as_mut().map(|(scales, g)| task::Gradient {
                scale: scales.task,
                d_hidden: &mut *d_hidden,
                arena: &mut g.arena,
            }),
        );

        if let Some((_, g)) = gradient {
            let dx = self.dx.stale(tokens * config.width);
            let d_hidden = self.d_hidden.filled(tokens * config.width);
            self.decoder.backward(p, &self.pack, dropout, (d_hidden, dx, &mut g.arena));
            let into = (&mut g.arena[..], &mut g.tables.code_table[..]);
            embedding::backward(shape, weights, &self.pack, dx, into, &mut self.embedding);
        }
        losses
    }
}

#[cfg(test)]
mod tests;
