//! Horizon risk: the hazard of each code's next occurrence, for every code and all horizons at once.
//!
//! For code `c` and the interval `k` between two horizons,
//! `log λ_{c,k} = a_c(age, sex) + b_{c,k} + ⟨W_k h + Σ_f x_f D_k[f], s_c P C[c]⟩` per day, and for a code that has occurred, with
//! `P' C[c]` in place of `s_c P C[c]` ([`Vectors`]), `r_c + r_k + r_{c,k}` more ([`Repeats`]): a cause-specific hazard, constant within the interval, low-rank
//! through the shared code vectors. It starts from what age and
//! sex alone let expect ([`reference`]), so that what is trained is a ratio to people of the same age and sex. Beside the state
//! `h` stand the features `x` of the moment ([`Moment::features`]): what has occurred and what was measured last, added up
//! straight (the wide part of Cheng et al. 2016, "Wide & Deep Learning"), which a network of blocks takes long to find. Their
//! effects `D_k` lie between those at a few knots over the intervals. The likelihood of first occurrences under such hazards is
//! Poisson with exposure as offset (Holford 1980):
//! `Σ_k λ_{c,k} E_{c,k} − δ_{c,k} log λ_{c,k}`, where exposure runs until the occurrence, death, or the end of
//! follow-up.
//!
//! With death competing, the cumulative incidence at horizon `H` is
//! `Σ_k λ_c/(λ_c + λ_d) · S_k · (1 − exp(−(λ_c + λ_d) Δ_k))`, `S_k` the chance that neither has happened when
//! interval `k` begins.

use super::moment::Moment;
use super::reference;
use super::{ROW_BLOCK, gather, scatter_add};
use crate::buffer::Buffer;
use crate::config::{Config, DirectEffects, HORIZON_DAYS, HORIZONS};
use crate::matrix::{Matrix, MatrixMut, multiply, multiply_add};
use crate::pack::{Pack, RiskTarget};
use crate::real::{Real, add_scaled, dot, vectorised};
use crate::weights::Layout;

/// Scratch of this head.
#[derive(Default)]
pub(crate) struct Scratch<T> {
    hidden: Buffer<T>,
    states: Buffer<T>,
    d_states: Buffer<T>,
    chosen: Buffer<T>,
    d_chosen: Buffer<T>,
    hazards: Buffer<T>,
}

/// Where gradients go, each multiplied by `scale`.
pub(crate) struct Gradient<'a, T> {
    pub(crate) scale: f64,
    pub(crate) d_hidden: &'a mut [T],
    /// The gradient of the risk vectors ([`Vectors`]).
    pub(crate) d_risk_table: &'a mut [T],
    pub(crate) arena: &'a mut [T],
}

/// The codes' risk vectors.
#[derive(Clone, Copy)]
pub(crate) struct Vectors<'a, T> {
    /// `s_c P C[c]`: `[codes, rank]`.
    first: &'a [T],
    /// `P' C[c]` of codes that have occurred, as many; empty where they have no vectors of their own.
    again: &'a [T],
    rank: usize,
}

impl<'a, T: Real> Vectors<'a, T> {
    /// Of the table that is worked out from the weights.
    pub(crate) fn of(config: &Config, table: &'a [T]) -> Self {
        let rank = config.risk.rank;
        let (first, again) = table.split_at(config.risk.codes.len() * rank);
        Vectors { first, again, rank }
    }

    /// A code's, which has occurred or hasn't.
    pub(crate) fn each(self, index: usize, occurred: bool) -> &'a [T] {
        let table = if occurred && !self.again.is_empty() { self.again } else { self.first };
        &table[index * self.rank..(index + 1) * self.rank]
    }

    /// Puts the products of a state's projection with the vectors of codes that have occurred in their places of a row.
    fn put_again(self, projected: &[T], occurred: &[usize], row: &mut [T]) {
        if self.again.is_empty() {
            return;
        }
        vectorised(
            #[inline(always)]
            || {
                for index in occurred {
                    row[*index] = dot(projected, &self.again[index * self.rank..(index + 1) * self.rank]);
                }
            },
        );
    }

    /// Takes the derivatives by the products of [`Vectors::put_again`] out of a row, and adds what they mean for the projection and the
    /// vectors.
    fn again_backward(
        self,
        (row, occurred): (&mut [T], &[usize]),
        projected: &[T],
        d_projected: &mut [T],
        d_again: &mut [T],
    ) {
        vectorised(
            #[inline(always)]
            || {
                for index in occurred {
                    let (d, place) = (std::mem::replace(&mut row[*index], T::ZERO), index * self.rank);
                    add_scaled(d_projected, d, &self.again[place..place + self.rank]);
                    add_scaled(&mut d_again[place..place + self.rank], d, projected);
                }
            },
        );
    }
}

/// What is added to log-hazards of codes that have occurred.
#[derive(Clone, Copy)]
struct Repeats<'a, T> {
    /// By code, then by interval.
    bias: &'a [T],
    /// `[HORIZONS, codes]`, or empty.
    levels: &'a [T],
    codes: usize,
}

impl<'a, T: Real> Repeats<'a, T> {
    fn of((config, layout): (&Config, &Layout), weights: &'a [T]) -> Self {
        let (bias, levels) = (layout.risk_repeat.of(weights), layout.risk_repeat_level.of(weights));
        Repeats { bias, levels, codes: config.risk.codes.len() }
    }

    fn at(self, k: usize, code: usize) -> T {
        let own = self.bias[code] + self.bias[self.codes + k];
        self.levels.get(k * self.codes + code).map_or(own, |level| own + *level)
    }
}

/// Begin and end of interval `k` in days.
pub(crate) fn interval(k: usize) -> (f64, f64) {
    (if k == 0 { 0.0 } else { HORIZON_DAYS[k - 1] }, HORIZON_DAYS[k])
}

/// Days spent in interval `k` by a wait of `days`.
pub(crate) fn exposure(k: usize, days: f64) -> f64 {
    let (begin, end) = interval(k);
    (days.min(end) - begin).max(0.0)
}

/// The interval in which `days` falls, if it falls before the last horizon.
pub(crate) fn interval_of(days: f64) -> Option<usize> {
    let k = HORIZON_DAYS.partition_point(|end| *end < days);
    (k < HORIZONS).then_some(k)
}

/// The negative log-likelihood of first occurrences after the targets' rows, summed over codes, each by its weight, and rows,
/// each times the days that it stands for.
/// `risk_table` holds the risk vectors ([`Vectors`]).
pub(crate) fn run<T: Real>(
    (config, layout): (&Config, &Layout),
    (weights, risk_table): (&[T], &[T]),
    hidden: &[T],
    pack: &Pack,
    mut gradient: Option<Gradient<'_, T>>,
    s: &mut Scratch<T>,
) -> f64 {
    let (d, rank, codes) = (config.width, config.risk.rank, config.risk.codes.len());
    if codes == 0 {
        return 0.0;
    }
    let mut loss = 0.0;
    let vectors = Vectors::of(config, risk_table);
    let table = Matrix::new(vectors.first, codes, rank);
    let project = Matrix::new(layout.risk_state.of(weights), HORIZONS * rank, d);
    let mut counts_for: Vec<T> = (0..codes).map(|c| T::of(f64::from(config.risk.weight(c)))).collect();
    for block in pack.risks.chunks(ROW_BLOCK) {
        let n = block.len();
        let rows = s.hidden.stale(n * d);
        gather(hidden, d, block.iter().map(|t| t.row), rows);
        let states = s.states.stale(n * HORIZONS * rank);
        multiply(MatrixMut::new(states, n, HORIZONS * rank), Matrix::new(rows, n, d), project.t());
        let d_states = s.d_states.zeroed(n * HORIZONS * rank);
        let moments: Vec<Moment> = block.iter().map(|t| Moment::at(config, pack, t.row)).collect();
        let seen: Vec<Vec<usize>> = moments.iter().map(|m| risk_indices(config, &m.seen)).collect();
        let places: Vec<_> = moments.iter().map(|m| reference::places(config, m)).collect();
        let features: Vec<_> = moments.iter().map(|m| m.features(config)).collect();
        let direct = Direct::of(config, layout.risk_direct.of(weights));
        for (states, features) in states.chunks_exact_mut(HORIZONS * rank).zip(&features) {
            direct.add(features, states);
        }
        let repeats = Repeats::of((config, layout), weights);
        let rates = layout.risk_reference.of(weights);
        for k in 0..HORIZONS {
            let at_risk: Vec<usize> = (0..n).filter(|i| exposure(k, block[*i].followup_days) > 0.0).collect();
            let m = at_risk.len();
            if m == 0 {
                continue;
            }
            let chosen = s.chosen.stale(m * rank);
            for (chosen, i) in chosen.chunks_exact_mut(rank).zip(&at_risk) {
                chosen.copy_from_slice(&states[(i * HORIZONS + k) * rank..][..rank]);
            }
            let hazards = s.hazards.stale(m * codes);
            multiply(MatrixMut::new(hazards, m, codes), Matrix::new(chosen, m, rank), table.t());
            let bias = &layout.risk_bias.of(weights)[k * codes..(k + 1) * codes];
            let scale = gradient.as_ref().map_or(T::ZERO, |g| T::of(g.scale));
            let rows = hazards.chunks_exact_mut(codes).zip(chosen.chunks_exact(rank));
            for ((row, chosen), i) in rows.zip(&at_risk) {
                vectors.put_again(chosen, &seen[*i], row);
                seen[*i].iter().for_each(|c| row[*c] += repeats.at(k, *c));
                if !rates.is_empty() {
                    reference::add(rates, places[*i][k], row);
                }
                let again = T::of(f64::from(config.risk.repeat_weight));
                seen[*i].iter().for_each(|c| counts_for[*c] *= again);
                loss += interval_loss(k, row, (bias, &counts_for), &block[*i], pack, scale);
                seen[*i].iter().for_each(|c| counts_for[*c] = T::of(f64::from(config.risk.weight(*c))));
            }
            if let Some(gradient) = &mut gradient {
                let d_bias = &mut layout.risk_bias.of_mut(gradient.arena)[k * codes..(k + 1) * codes];
                crate::layers::norm::bias_backward(hazards, d_bias);
                let d_repeat = layout.risk_repeat.of_mut(gradient.arena);
                for (row, i) in hazards.chunks_exact(codes).zip(&at_risk) {
                    for c in &seen[*i] {
                        d_repeat[*c] += row[*c];
                        d_repeat[codes + k] += row[*c];
                    }
                }
                let d_levels = layout.risk_repeat_level.of_mut(gradient.arena);
                if !d_levels.is_empty() {
                    for (row, i) in hazards.chunks_exact(codes).zip(&at_risk) {
                        seen[*i].iter().for_each(|c| d_levels[k * codes + c] += row[*c]);
                    }
                }
                let (d_first, d_again) = gradient.d_risk_table.split_at_mut(codes * rank);
                let d_chosen = s.d_chosen.zeroed(m * rank);
                if !d_again.is_empty() {
                    let rows = hazards.chunks_exact_mut(codes).zip(chosen.chunks_exact(rank));
                    let rows = rows.zip(d_chosen.chunks_exact_mut(rank)).zip(&at_risk);
                    for (((row, chosen), d_chosen), i) in rows {
                        vectors.again_backward((row, &seen[*i]), chosen, d_chosen, d_again);
                    }
                }
                let d_hazards = Matrix::new(hazards, m, codes);
                multiply_add(
                    MatrixMut::new(d_first, codes, rank),
                    d_hazards.t(),
                    Matrix::new(chosen, m, rank),
                );
                multiply_add(MatrixMut::new(d_chosen, m, rank), d_hazards, table);
                for (d_chosen, i) in d_chosen.chunks_exact(rank).zip(&at_risk) {
                    d_states[(i * HORIZONS + k) * rank..][..rank].copy_from_slice(d_chosen);
                }
            }
        }
        if let Some(gradient) = &mut gradient {
            let d_direct = layout.risk_direct.of_mut(gradient.arena);
            for (d_states, features) in d_states.chunks_exact(HORIZONS * rank).zip(&features) {
                direct.backward(features, d_states, d_direct);
            }
            let d_states = Matrix::new(d_states, n, HORIZONS * rank);
            let slot = layout.risk_state.of_mut(gradient.arena);
            multiply_add(MatrixMut::new(slot, HORIZONS * rank, d), d_states.t(), Matrix::new(rows, n, d));
            multiply(MatrixMut::new(rows, n, d), d_states, project);
            scatter_add(rows, d, block.iter().map(|t| t.row), gradient.d_hidden);
        }
    }
    loss
}

/// What the features of moments do to hazards directly.
#[derive(Clone, Copy)]
struct Direct<'a, T> {
    effects: Option<&'a DirectEffects>,
    /// `[feature_rows, horizon_knots · rank]`.
    table: &'a [T],
    rank: usize,
}

impl<'a, T: Real> Direct<'a, T> {
    fn of(config: &'a Config, table: &'a [T]) -> Self {
        Direct { effects: config.risk.direct.as_ref(), table, rank: config.risk.rank }
    }

    /// Adds what a moment's features say to the projections of its state for all intervals, `[HORIZONS, rank]`.
    fn add(self, features: &[(usize, f32)], states: &mut [T]) {
        let Direct { effects: Some(effects), table, rank } = self else { return };
        let row = effects.horizon_knots * rank;
        let mut sum = vec![T::ZERO; row];
        vectorised(
            #[inline(always)]
            || {
                for (feature, weight) in features {
                    let effects = &table[feature * row..(feature + 1) * row];
                    add_scaled(&mut sum, T::of(f64::from(*weight)), effects);
                }
                for (k, state) in states.chunks_exact_mut(rank).enumerate() {
                    for (knot, share) in effects.knots_about(k) {
                        add_scaled(state, T::of(share), &sum[knot * rank..(knot + 1) * rank]);
                    }
                }
            },
        );
    }

    /// Adds the gradient of what was added to the table's.
    fn backward(self, features: &[(usize, f32)], d_states: &[T], d_table: &mut [T]) {
        let Direct { effects: Some(effects), rank, .. } = self else { return };
        let row = effects.horizon_knots * rank;
        let mut d_sum = vec![T::ZERO; row];
        vectorised(
            #[inline(always)]
            || {
                for (k, d_state) in d_states.chunks_exact(rank).enumerate() {
                    for (knot, share) in effects.knots_about(k) {
                        add_scaled(&mut d_sum[knot * rank..(knot + 1) * rank], T::of(share), d_state);
                    }
                }
                for (feature, weight) in features {
                    let d_effects = &mut d_table[feature * row..(feature + 1) * row];
                    add_scaled(d_effects, T::of(f64::from(*weight)), &d_sum);
                }
            },
        );
    }
}

/// Turns a row of log-hazards (bias not yet added) into its gradient; returns its loss. All codes are first
/// taken as exposed to the end of follow-up, then those that occur are corrected.
fn interval_loss<T: Real>(
    k: usize,
    row: &mut [T],
    (bias, counts_for): (&[T], &[T]),
    target: &RiskTarget,
    pack: &Pack,
    scale: T,
) -> f64 {
    let whole = T::of(exposure(k, target.followup_days));
    let scale = scale * T::of(target.stands_for_days);
    let mut loss = 0.0;
    let occurrences = &pack.occurrences[target.occurrences.clone()];
    // Corrections need the log-hazard, so they are worked out before it is overwritten.
    let corrected: Vec<(usize, T)> = occurrences
        .iter()
        .map(|(code, days)| {
            let code = *code as usize;
            let log_hazard = row[code] + bias[code];
            let expected = log_hazard.exp() * T::of(exposure(k, *days));
            let occurs = interval_of(*days) == Some(k);
            let counts_for = counts_for[code];
            loss += (counts_for * (expected - log_hazard.exp() * whole)).to_f64();
            loss -= if occurs { (counts_for * log_hazard).to_f64() } else { 0.0 };
            (code, (expected - if occurs { T::ONE } else { T::ZERO }) * counts_for * scale)
        })
        .collect();
    loss += vectorised(
        #[inline(always)]
        || {
            let mut sums = [T::ZERO; 8];
            for ((row, bias), counts_for) in row.chunks_mut(8).zip(bias.chunks(8)).zip(counts_for.chunks(8)) {
                for (((x, b), w), sum) in row.iter_mut().zip(bias).zip(counts_for).zip(&mut sums) {
                    let expected = (*x + *b).exp() * whole * *w;
                    *sum += expected;
                    *x = expected * scale;
                }
            }
            sums.into_iter().sum::<T>().to_f64()
        },
    );
    for (code, d) in corrected {
        row[code] = d;
    }
    loss * target.stands_for_days
}

/// Which of some codes have a risk of their own, as indices.
fn risk_indices(config: &Config, codes: &[u32]) -> Vec<usize> {
    codes.iter().filter_map(|code| config.risk_index(*code)).collect()
}

/// Log-hazards per day of all codes at one state: `[HORIZONS, codes]` into `out`.
pub(crate) fn log_hazards<T: Real>(
    shape: (&Config, &Layout),
    tables: (&[T], &[T]),
    at: (&[T], &Moment),
    out: &mut [T],
) {
    of_record(shape, tables, at, out);
    add_of_everybody(shape, tables.0, at.1, out);
}

/// What the record says of log-hazards, the products of what it comes to ([`projected`]) with risk vectors ([`Vectors`]): `[HORIZONS, codes]`
/// into `out`.
pub(crate) fn of_record<T: Real>(
    (config, layout): (&Config, &Layout),
    (weights, risk_table): (&[T], &[T]),
    (state, moment): (&[T], &Moment),
    out: &mut [T],
) {
    let (rank, codes) = (config.risk.rank, config.risk.codes.len());
    if codes == 0 {
        return;
    }
    let states = projected((config, layout), weights, (state, moment));
    let vectors = Vectors::of(config, risk_table);
    let table = Matrix::new(vectors.first, codes, rank);
    multiply(MatrixMut::new(out, HORIZONS, codes), Matrix::new(&states, HORIZONS, rank), table.t());
    let occurred = risk_indices(config, &moment.seen);
    for (projected, row) in states.chunks_exact(rank).zip(out.chunks_exact_mut(codes)) {
        vectors.put_again(projected, &occurred, row);
    }
}

/// What a state and its moment come to in the directions of risk vectors, `W_k h + Σ_f x_f D_k[f]`: `[HORIZONS, rank]`.
pub(crate) fn projected<T: Real>(
    (config, layout): (&Config, &Layout),
    weights: &[T],
    (state, moment): (&[T], &Moment),
) -> Vec<T> {
    let (d, rank) = (config.width, config.risk.rank);
    let mut states = vec![T::ZERO; HORIZONS * rank];
    let project = Matrix::new(layout.risk_state.of(weights), HORIZONS * rank, d);
    multiply(MatrixMut::new(&mut states, 1, HORIZONS * rank), Matrix::new(state, 1, d), project.t());
    Direct::of(config, layout.risk_direct.of(weights)).add(&moment.features(config), &mut states);
    states
}

/// Adds what log-hazards are whatever the record says: age's and sex's share, levels, and whether a code has occurred.
pub(crate) fn add_of_everybody<T: Real>(
    (config, layout): (&Config, &Layout),
    weights: &[T],
    moment: &Moment,
    out: &mut [T],
) {
    let codes = config.risk.codes.len();
    if codes == 0 {
        return;
    }
    add_scaled(out, T::ONE, layout.risk_bias.of(weights));
    let repeats = Repeats::of((config, layout), weights);
    for c in risk_indices(config, &moment.seen) {
        for (k, row) in out.chunks_exact_mut(codes).enumerate() {
            row[c] += repeats.at(k, c);
        }
    }
    let rates = layout.risk_reference.of(weights);
    if !rates.is_empty() {
        let places = reference::places(config, moment);
        out.chunks_exact_mut(codes).zip(places).for_each(|(row, place)| reference::add(rates, place, row));
    }
}

/// Log-hazards per day of chosen risk indices at some states (`[states, width]`): `[states, HORIZONS, chosen]`.
pub(crate) fn log_hazards_of(
    (config, layout): (&Config, &Layout),
    (weights, risk_table): (&[f32], &[f32]),
    (states, moments): (&[f32], &[Moment]),
    chosen: &[usize],
) -> Vec<f32> {
    let (d, rank, codes, n) = (config.width, config.risk.rank, config.risk.codes.len(), moments.len());
    if chosen.is_empty() || n == 0 {
        return Vec::new();
    }
    let mut projected = vec![0.0; n * HORIZONS * rank];
    let project = Matrix::new(layout.risk_state.of(weights), HORIZONS * rank, d);
    multiply(MatrixMut::new(&mut projected, n, HORIZONS * rank), Matrix::new(states, n, d), project.t());
    let direct = Direct::of(config, layout.risk_direct.of(weights));
    for (projected, moment) in projected.chunks_exact_mut(HORIZONS * rank).zip(moments) {
        direct.add(&moment.features(config), projected);
    }
    let mut table = vec![0.0; chosen.len() * rank];
    let vectors = Vectors::of(config, risk_table);
    gather(vectors.first, rank, chosen.iter().copied(), &mut table);
    let mut out = vec![0.0; n * HORIZONS * chosen.len()];
    multiply(
        MatrixMut::new(&mut out, n * HORIZONS, chosen.len()),
        Matrix::new(&projected, n * HORIZONS, rank),
        Matrix::new(&table, chosen.len(), rank).t(),
    );
    let (bias, repeats) = (layout.risk_bias.of(weights), Repeats::of((config, layout), weights));
    let rates = layout.risk_reference.of(weights);
    let of_states =
        out.chunks_exact_mut(HORIZONS * chosen.len()).zip(projected.chunks_exact(HORIZONS * rank));
    for ((rows, projected), moment) in of_states.zip(moments) {
        let occurred: rustc_hash::FxHashSet<usize> = risk_indices(config, &moment.seen).into_iter().collect();
        let places = reference::places(config, moment);
        for (k, row) in rows.chunks_exact_mut(chosen.len()).enumerate() {
            for (x, c) in row.iter_mut().zip(chosen) {
                let occurred = occurred.contains(c);
                if occurred && !vectors.again.is_empty() {
                    *x = dot(&projected[k * rank..(k + 1) * rank], vectors.each(*c, true));
                }
                let again = if occurred { repeats.at(k, *c) } else { 0.0 };
                // In the order of [`log_hazards`], so that a code's risk does not depend on which others are asked for.
                *x = (*x + bias[k * codes + c]) + again;
                if !rates.is_empty() {
                    *x += reference::log_rate(rates, codes, places[k], *c);
                }
            }
        }
    }
    out
}

/// What log-hazards take from the moment itself, whatever the state.
pub(crate) struct MomentPart {
    /// What the moment's features add to a state's projections: `[HORIZONS, rank]`.
    direct: Vec<f32>,
    /// Risks of codes that have occurred.
    occurred: Vec<usize>,
    places: [(usize, f64); HORIZONS],
}

impl MomentPart {
    pub(crate) fn of((config, layout): (&Config, &Layout), weights: &[f32], moment: &Moment) -> Self {
        let mut direct = vec![0.0; HORIZONS * config.risk.rank];
        Direct::of(config, layout.risk_direct.of(weights)).add(&moment.features(config), &mut direct);
        MomentPart {
            direct,
            occurred: risk_indices(config, &moment.seen),
            places: reference::places(config, moment),
        }
    }

    /// Whether the code of a risk is among those that have occurred.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.occurred.contains(&index)
    }

    /// What it adds to a risk's log-hazards over what another moment does that lacks some of it, by interval. Of the risk is told whether
    /// its code has occurred, and what the whole record comes to ([`projected`]), since a code that no longer has has another vector.
    pub(crate) fn log_hazards_over(
        &self,
        other: &MomentPart,
        (config, layout): (&Config, &Layout),
        (weights, risk_table): (&[f32], &[f32]),
        ((index, occurred), projected): ((usize, bool), &[f32]),
    ) -> [f32; HORIZONS] {
        let (rank, codes) = (config.risk.rank, config.risk.codes.len());
        let vectors = Vectors::of(config, risk_table);
        let has_occurred = |part: &MomentPart| f32::from(u8::from(part.has(index)));
        let again = has_occurred(self) - has_occurred(other);
        let repeats = Repeats::of((config, layout), weights);
        let rates = layout.risk_reference.of(weights);
        let vector = vectors.each(index, occurred && again == 0.0);
        std::array::from_fn(|k| {
            let reference = |part: &MomentPart| match rates.is_empty() {
                true => 0.0,
                false => reference::log_rate(rates, codes, part.places[k], index),
            };
            let aged = if self.places == other.places { 0.0 } else { reference(self) - reference(other) };
            let of_interval = k * rank..(k + 1) * rank;
            let own = dot(&self.direct[of_interval.clone()], vector);
            let direct = own - dot(&other.direct[of_interval.clone()], vector);
            let turned = match again == 0.0 || vectors.again.is_empty() {
                true => 0.0,
                false => {
                    let projected = &projected[of_interval];
                    again * (dot(projected, vectors.each(index, true)) - dot(projected, vector))
                }
            };
            direct + turned + again * repeats.at(k, index) + aged
        })
    }
}

/// Cumulative incidence at each horizon from hazards per day (`[HORIZONS]` each): the logarithms of the code's, and,
/// unless the code is death itself or there is none, those of death.
pub(crate) fn cumulative_incidence(
    log_hazard: [f64; HORIZONS],
    death: Option<[f64; HORIZONS]>,
) -> [f32; HORIZONS] {
    let (mut free, mut incidence) = (1.0_f64, 0.0_f64);
    std::array::from_fn(|k| {
        let (begin, end) = interval(k);
        let hazard = log_hazard[k].exp();
        let total = hazard + death.map_or(0.0, |death| death[k]);
        let left = -(-total * (end - begin)).exp_m1();
        if total > 0.0 {
            incidence += if total.is_finite() { hazard / total } else { 0.5 } * free * left;
        }
        free *= 1.0 - left;
        incidence.min(1.0) as f32
    })
}

/// Risks nearer to none or certain than this have no log-odds of their own.
pub(crate) const LEAST_CHANCE: f64 = 1e-9;

pub(crate) fn log_odds(chance: f32) -> f32 {
    let chance = f64::from(chance).clamp(LEAST_CHANCE, 1.0 - LEAST_CHANCE);
    (chance / (1.0 - chance)).ln() as f32
}

/// The derivatives of the log-odds of a cumulative incidence ([`cumulative_incidence`]) `R` by the logarithms of its hazards a
/// day and of death's, both without logarithm here; zero beyond the horizon, where [`log_odds`] stands still, and for hazards
/// that are none or endless.
///
/// With `x = (λ_c + λ_d) Δ_k`, `g = 1 − (1 + x) exp(−x)` and the shares `p = λ_c/(λ_c + λ_d)` and `q = 1 − p`,
/// `∂R/∂log λ_c = S_k p q g + λ_c Δ_k (1 − R)_{>k}` and `∂R/∂log λ_d = −S_k p q g − λ_d Δ_k R_{>k}`, where `R_{>k}` is what later
/// intervals add to `R`, and `(1 − R)_{>k}` what they and those who are left at the horizon add to the rest. No term is
/// taken from another that is nearly the same.
pub(crate) fn log_odds_slopes(
    hazard: [f64; HORIZONS],
    death: [f64; HORIZONS],
    horizon: usize,
) -> ([f32; HORIZONS], [f32; HORIZONS]) {
    let finite = |k: usize| {
        let (begin, end) = interval(k);
        let x = (hazard[k] + death[k]) * (end - begin);
        (x > 0.0 && x.is_finite()).then_some((x, end - begin))
    };
    // What each interval adds to the risk and to death before it, and what changes hands within it.
    let mut adds = [[0.0; 2]; HORIZONS];
    let mut within = [0.0; HORIZONS];
    let mut free = 1.0_f64;
    for k in 0..=horizon {
        let total = hazard[k] + death[k];
        if total == 0.0 {
            continue;
        }
        let shares = [hazard[k], death[k]].map(|h| if total.is_finite() { h / total } else { 0.5 });
        let (begin, end) = interval(k);
        let left = -(-total * (end - begin)).exp_m1();
        adds[k] = shares.map(|share| share * free * left);
        if let Some((x, _)) = finite(k) {
            within[k] = free * shares[0] * shares[1] * (left - x * (-x).exp());
        }
        free *= 1.0 - left;
    }
    let (mut own, mut of_death) = ([0.0; HORIZONS], [0.0; HORIZONS]);
    // From the horizon back: what comes after an interval.
    let (mut risk, mut rest) = (0.0, free);
    for k in (0..=horizon).rev() {
        if let Some((_, days)) = finite(k) {
            own[k] = within[k] + hazard[k] * days * rest;
            of_death[k] = -within[k] - death[k] * days * risk;
        }
        risk += adds[k][0];
        rest += adds[k][1];
    }
    if risk.min(rest) < LEAST_CHANCE {
        return ([0.0; HORIZONS], [0.0; HORIZONS]);
    }
    // `risk + rest` is one.
    let by_odds = |slopes: [f64; HORIZONS]| slopes.map(|slope| (slope / (risk * rest)) as f32);
    (by_odds(own), by_odds(of_death))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn intervals_hold_their_ends() {
        assert_eq!(interval_of(0.0), Some(0));
        assert_eq!(interval_of(1.0), Some(0));
        assert_eq!(interval_of(1.5), Some(1));
        assert_eq!(interval_of(3652.5), Some(8));
        assert_eq!(interval_of(3653.0), None);
        let total: f64 = (0..HORIZONS).map(|k| exposure(k, 400.0)).sum();
        assert!((total - 400.0).abs() < 1e-9);
    }

    #[test]
    fn constant_hazards_give_the_textbook_incidence() {
        let (hazard, death) = (1e-3_f64, 5e-4_f64);
        let incidence = cumulative_incidence([hazard.ln(); HORIZONS], Some([death; HORIZONS]));
        for (k, horizon) in HORIZON_DAYS.iter().enumerate() {
            let total = hazard + death;
            let expected = hazard / total * (1.0 - (-total * horizon).exp());
            assert!((f64::from(incidence[k]) - expected).abs() < 1e-6);
        }
    }

    /// The log-odds of a cumulative incidence, all in f64, with the logarithms of one hazard moved.
    fn moved_log_odds(
        hazards: [[f64; HORIZONS]; 2],
        horizon: usize,
        (which, k, by): (usize, usize, f64),
    ) -> f64 {
        let [mut hazard, mut death] = hazards;
        [&mut hazard, &mut death][which][k] *= by.exp();
        let [mut risk, mut died, mut free] = [0.0, 0.0, 1.0_f64];
        for k in 0..=horizon {
            let (begin, end) = interval(k);
            let total = hazard[k] + death[k];
            let left = -(-total * (end - begin)).exp_m1();
            if total > 0.0 {
                risk += hazard[k] / total * free * left;
                died += death[k] / total * free * left;
            }
            free *= (-total * (end - begin)).exp();
        }
        (risk / (died + free)).ln()
    }

    #[test]
    fn slopes_are_known_where_hazards_are_constant() {
        let at_last =
            |hazard: f64, death: f64| log_odds_slopes([hazard; HORIZONS], [death; HORIZONS], HORIZONS - 1);
        let days = HORIZON_DAYS[HORIZONS - 1];
        // Up to a risk of 1 - 1.5e-8.
        for whole in [1e-8, 1e-3, 1.0, 5.0, 18.0_f64] {
            let own: f32 = at_last(whole / days, 0.0).0.iter().sum();
            let expected = whole / -(-whole).exp_m1();
            assert!((f64::from(own) / expected - 1.0).abs() < 1e-5, "{own} and {expected}");
        }
        for (whole, died) in [(1e-6, 3.0), (0.1, 0.1), (2.0, 30.0), (300.0, 0.01), (3.0, 1e-6_f64)] {
            let total = whole + died;
            let (p, left, stay) = (whole / total, -(-total).exp_m1(), (-total).exp());
            let (own, of_death) = at_last(whole / days, died / days);
            let by_odds = 1.0 / (p * left * (1.0 - p * left));
            let expected = [
                (p * (1.0 - p) * left + p * whole * stay) * by_odds,
                (p * died * stay - p * (1.0 - p) * left) * by_odds,
            ];
            for (slopes, expected) in [own, of_death].iter().zip(expected) {
                let found = f64::from(slopes.iter().sum::<f32>());
                let near = (found - expected).abs() < 1e-5 * expected.abs() + 1e-9;
                assert!(near, "{whole}, {died}: {found} and {expected}");
            }
        }
        let still = ([0.0; HORIZONS], [0.0; HORIZONS]);
        assert_eq!(at_last(0.0, 0.0), still);
        assert_eq!(at_last(0.01, 0.0), still, "certain within ten years");
        assert_eq!(at_last(1e-14, 0.0), still);
        assert_eq!(at_last(f64::INFINITY, 1e-4), still);
    }

    #[test]
    fn an_interval_without_hazard_or_with_an_endless_one_leaves_the_others_their_slopes() {
        let (mut hazard, mut death) = ([1e-4; HORIZONS], [2e-4; HORIZONS]);
        (hazard[4], death[4]) = (0.0, 0.0);
        let horizon = HORIZONS - 2;
        let (own, of_death) = log_odds_slopes(hazard, death, horizon);
        assert!((0..HORIZONS).all(|k| (own[k] > 0.0) == (k <= horizon && k != 4)));
        assert!((0..HORIZONS).all(|k| (of_death[k] < 0.0) == (k <= horizon && k != 4)));
        hazard[4] = f64::INFINITY;
        let (own, of_death) = log_odds_slopes(hazard, death, horizon);
        assert!((0..HORIZONS).all(|k| own[k].is_finite() && of_death[k].is_finite()));
        assert!(own[..4].iter().all(|slope| *slope > 0.0) && own[4..].iter().all(|slope| *slope == 0.0));
    }

    proptest! {
        #[test]
        fn slopes_are_derivatives_of_the_log_odds(
            hazard in prop::array::uniform9(-20.0_f64..0.0), death in prop::array::uniform9(-20.0_f64..0.0),
            horizon in 0..HORIZONS,
        ) {
            let hazards = [hazard.map(f64::exp), death.map(f64::exp)];
            let (own, of_death) = log_odds_slopes(hazards[0], hazards[1], horizon);
            let odds = moved_log_odds(hazards, horizon, (0, 0, 0.0));
            for (which, slopes) in [own, of_death].iter().enumerate() {
                for (k, slope) in slopes.iter().enumerate() {
                    let moved = |by| moved_log_odds(hazards, horizon, (which, k, by));
                    let expected = (moved(1e-4) - moved(-1e-4)) / 2e-4;
                    let told = odds.abs() < -LEAST_CHANCE.ln() && k <= horizon;
                    let expected = if told { expected } else { 0.0 };
                    prop_assert!((f64::from(*slope) - expected).abs() < 1e-5 * (1.0 + expected.abs()));
                }
            }
        }

        #[test]
        fn incidence_is_a_probability_that_grows_and_leaves_room_for_death(
            hazard in prop::array::uniform9(-40.0_f64..20.0), death in prop::array::uniform9(-40.0_f64..20.0),
        ) {
            let code = cumulative_incidence(hazard, Some(death.map(f64::exp)));
            // Death before the code, by symmetry.
            let before = cumulative_incidence(death, Some(hazard.map(f64::exp)));
            let mut free = 1.0;
            for k in 0..HORIZONS {
                let (begin, end) = interval(k);
                free *= (-(hazard[k].exp() + death[k].exp()) * (end - begin)).exp();
                prop_assert!((0.0..=1.0).contains(&code[k]));
                prop_assert!(k == 0 || code[k] >= code[k - 1]);
                prop_assert!((f64::from(code[k]) + f64::from(before[k]) + free - 1.0).abs() < 1e-5);
            }
        }
    }
}
