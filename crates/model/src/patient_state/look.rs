//! About what each of many pieces of a record does to a risk, all pieces at once.
//!
//! The last token looks at the whole record in every block. Taking a piece out of one look changes what the head saw by
//! exactly `Σ w_j (o − v_j) / (1 − Σ w_j)`, over the piece's places `j`: `w` the look's weights, `v` the values, `o` what it
//! saw. How much a risk moves with what a head saw is a gradient, by one token's way back through the blocks for each risk. The
//! sum of the products over heads and blocks is what the pieces are ranked by. It is right to first order, and sees a piece's
//! own part: what later tokens took from it stays. To it comes what the moment ([`Moment`]: what has occurred, last ranks, sex)
//! would be without the piece, to first order too; a record that would begin later is not told apart. A code that would no longer have
//! occurred is asked about by another vector ([`Vectors`]): what that changes is told as it is, however much, for the state as it is,
//! while the looks' part still goes by the vector that it has with the piece. The way back is followed
//! in f32, whatever the precision in which the record was read. It costs a token's way, one back for each risk, and a product of
//! slopes and all tokens' values for each head and block. How well all this ranks pieces, and its time beside a plain answer's,
//! is measured in `docs/lab/reasoning.md`.

use super::PatientState;
use crate::config::{Config, HORIZONS};
use crate::decoder::attention_shape;
use crate::error::{Error, Result};
use crate::heads::moment::Moment;
use crate::heads::risk::{self, MomentPart, Vectors};
use crate::layers::attention::Shape;
use crate::layers::rotary::Angles;
use crate::layers::{embedding, feed_forward, norm};
use crate::matrix::{Matrix, MatrixMut, multiply as product};
use crate::model::Model;
use crate::pack::Pack;
use crate::panels::multiply;
use crate::real::{add_scaled, dot, exponentiate_scaled, vectorised};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::ops::Range;

/// Risks that one thread follows back at once, which bounds its memory: some 64 numbers a token.
const TOGETHER: usize = 64;
/// Where less than this share of a look goes to the rest of the record, what it sees there is added up rather than taken as
/// the difference to what it sees in all: 24 bits would leave little of that.
const LEAST_REST: f32 = 1e-2;

/// What the last token's way through a block left behind.
struct Passed {
    input: Vec<f32>,
    inverse: f32,
    /// Queries, turned; then the token's own keys and values.
    query: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    /// `[heads, tokens]`: what each head looks at, in shares.
    shares: Vec<f32>,
    /// What the heads saw.
    seen: Vec<f32>,
    middle: Vec<f32>,
    middle_inverse: f32,
    gate_up: Vec<f32>,
}

/// A block's keys and values: `[key_value_heads, tokens, head_width]` each.
type Kept = (Vec<f32>, Vec<f32>);

/// The last token's whole way.
struct Way {
    blocks: Vec<Passed>,
    angles: Angles<f32>,
    output: Vec<f32>,
    output_inverse: f32,
    hidden: Vec<f32>,
}

impl Model {
    /// By how much, about, each of some pieces of the record raises the log-odds of some risks within a horizon
    /// ([`HORIZON_DAYS`](crate::HORIZON_DAYS), by place): `[codes][pieces]`, to first order for all but pieces that hold the last token that was read
    /// ([`PatientState::places`]), which are read without as [`Model::risk_without`] does; NaN for a piece that is the whole
    /// record, and zero for risks within 1e-9 of none or certain. [`Model::risk_without`] is exact for all, and dearer by far.
    ///
    /// # Errors
    /// As [`Model::risk_without`], and [`Error::Unknown`] for a horizon that isn't there.
    pub fn risk_moved_by(
        &self,
        state: &PatientState,
        pieces: &[Vec<usize>],
        codes: Option<&[u32]>,
        horizon: usize,
    ) -> Result<Vec<Vec<f32>>> {
        if horizon >= HORIZONS {
            return Err(Error::Unknown("there is no such horizon".into()));
        }
        self.check_pieces(state, pieces)?;
        let indices = self.risk_indices(codes)?;
        let way = self.way_of_last(state, self.kept_of(state), look);
        let slopes = self.slopes(&way, state, &indices, horizon);
        let rows = rows_of(state, pieces);
        let share = indices.len().div_ceil(rayon::current_num_threads()).clamp(1, TOGETHER);
        let mut moved: Vec<Vec<f32>> =
            slopes.par_chunks(share).flat_map_iter(|slopes| self.looks_moved(&way, slopes, &rows)).collect();
        for (i, by_moment) in self.moments_moved((&way, state), &slopes, pieces).into_iter().enumerate() {
            moved.iter_mut().zip(by_moment).for_each(|(moved, by)| moved[i] += by);
        }
        self.read_without_last(state, pieces, (&indices, horizon), &mut moved)?;
        Ok(moved)
    }

    fn kept_of(&self, state: &PatientState) -> Vec<Kept> {
        let mut kept = vec![Kept::default(); self.config.layers];
        kept.iter_mut().enumerate().for_each(|(l, (keys, values))| state.copy_rows(l, keys, values));
        kept
    }

    /// The last token's way through the blocks again, over the keys and values that are kept, with so many looks as heads in
    /// each ([`look`]).
    fn way_of_last(
        &self,
        state: &PatientState,
        kept: Vec<Kept>,
        look: impl Fn(Shape, &[f32], &[f32], &[f32]) -> (Vec<f32>, Vec<f32>),
    ) -> Way {
        let (config, layout, weights) = (&self.config, &self.layout, self.weights.as_slice());
        let parameters = self.parameters_view();
        let (d, shape) = (config.width, attention_shape(config));
        let mut pack = Pack::default();
        pack.push_last(config, &state.sequence(), state.window);
        let mut x = vec![0.0; d];
        let tables = (weights, parameters.tables.code_table.as_slice());
        embedding::forward((config, layout), tables, &pack, &mut x, &mut embedding::Cache::default());
        let mut angles = Angles::default();
        angles.set(config, std::iter::once((pack.index[0], pack.since_start_days[0])));
        let (mut normed, mut branch) = (vec![0.0; d], vec![0.0; d]);
        let mut blocks = Vec::with_capacity(config.layers);
        let each = layout.blocks.iter().zip(&parameters.forward.blocks);
        for ((slots, block), (keys, values)) in each.zip(kept) {
            let (input, mut inverse) = (x.clone(), [0.0]);
            let epsilon = config.norm_epsilon;
            norm::forward(&x, slots.attention_norm.of(weights), epsilon, &mut normed, &mut inverse);
            let mut query = vec![0.0; shape.row()];
            multiply(&mut query, &normed, &block.query_key_value);
            if !slots.query_key_value_bias.is_empty() {
                add_scaled(&mut query, 1.0, slots.query_key_value_bias.of(weights));
            }
            angles.rotate(&mut query, shape.row(), config.heads + config.key_value_heads, false);
            let (shares, seen) = look(shape, &query, &keys, &values);
            multiply(&mut branch, &seen, &block.attention_out);
            add_scaled(&mut x, 1.0, &branch);
            let (middle, mut middle_inverse) = (x.clone(), [0.0]);
            norm::forward(&x, slots.feed_forward_norm.of(weights), epsilon, &mut normed, &mut middle_inverse);
            let mut gate_up = vec![0.0; 2 * config.feed_forward];
            multiply(&mut gate_up, &normed, &block.gate_up);
            let mut activation = vec![0.0; config.feed_forward];
            feed_forward::forward(&gate_up, config.feed_forward, &mut activation);
            multiply(&mut branch, &activation, &block.down);
            add_scaled(&mut x, 1.0, &branch);
            let ([inverse], [middle_inverse]) = (inverse, middle_inverse);
            blocks.push(Passed {
                input,
                inverse,
                query,
                keys,
                values,
                shares,
                seen,
                middle,
                middle_inverse,
                gate_up,
            });
        }
        let (mut hidden, mut inverse) = (vec![0.0; d], [0.0]);
        norm::forward(&x, layout.final_norm.of(weights), config.norm_epsilon, &mut hidden, &mut inverse);
        Way { blocks, angles, output: x, output_inverse: inverse[0], hidden }
    }

    /// How the log-odds of each risk within a horizon depend on its log-hazards and on death's.
    fn slopes(&self, way: &Way, state: &PatientState, indices: &[usize], horizon: usize) -> Vec<Slope> {
        let shape = (&self.config, &self.layout);
        let weights = (self.weights.as_slice(), self.prepared.tables.risk_table.as_slice());
        let death = self.config.death_index();
        let chosen: Vec<usize> = indices.iter().copied().chain(death).collect();
        let moment = state.moment(&self.config);
        let logs =
            risk::log_hazards_of(shape, weights, (&way.hidden, std::slice::from_ref(&moment)), &chosen);
        let of = |i: usize| -> ByInterval { std::array::from_fn(|k| f64::from(logs[k * chosen.len() + i])) };
        let slope = |(i, index): (usize, &usize)| {
            let competing = death.filter(|death| death != index);
            let (logs, of_death) = (of(i), competing.map(|_| of(indices.len())));
            let died = of_death.map_or([0.0; HORIZONS], |logs| logs.map(f64::exp));
            let (own, by_death) = risk::log_odds_slopes(logs.map(f64::exp), died, horizon);
            let occurred = moment.seen.contains(&self.config.risk.codes[*index]);
            let death = competing.zip(of_death).map(|(death, logs)| (death, logs, by_death));
            Slope { index: *index, occurred, horizon, logs, own, death }
        };
        indices.iter().enumerate().map(slope).collect()
    }

    /// By how much what the looks take from each piece (rows that the blocks have read) raises some risks.
    fn looks_moved(&self, way: &Way, slopes: &[Slope], pieces: &[Vec<usize>]) -> Vec<Vec<f32>> {
        let (config, layout, weights) = (&self.config, &self.layout, self.weights.as_slice());
        let (d, f, shape, n) = (config.width, config.feed_forward, attention_shape(config), slopes.len());
        let mut moved = vec![vec![0.0; pieces.len()]; n];
        // A norm's weights get a gradient too, which nobody wants.
        let mut unwanted = vec![0.0; d];
        let mut dx = vec![0.0; n * d];
        let d_hidden = self.hidden_slopes(slopes);
        let back =
            |dy: &[f32], (x, inverse): (&[f32], f32), weight: &[f32], dx: &mut [f32], rest: &mut [f32]| {
                norm::backward(dy, &x.repeat(n), weight, &vec![inverse; n], dx, rest);
            };
        let output = (way.output.as_slice(), way.output_inverse);
        back(&d_hidden, output, layout.final_norm.of(weights), &mut dx, &mut unwanted);
        let (mut d_normed, mut d_seen) = (vec![0.0; n * d], vec![0.0; n * d]);
        let (mut d_activation, mut activation) = (vec![0.0; n * f], vec![0.0; n * f]);
        for (slots, passed) in layout.blocks.iter().zip(&way.blocks).rev() {
            let through = |to: &mut [f32], from: &[f32], (rows, columns): (usize, usize), weight: &[f32]| {
                let weight = Matrix::new(weight, rows, columns);
                product(MatrixMut::new(to, n, columns), Matrix::new(from, n, rows), weight);
            };
            through(&mut d_activation, &dx, (d, f), slots.down.of(weights));
            let mut gate_up = passed.gate_up.repeat(n);
            feed_forward::backward(&mut gate_up, f, &d_activation, &mut activation);
            through(&mut d_normed, &gate_up, (2 * f, d), slots.gate_up.of(weights));
            let middle = (passed.middle.as_slice(), passed.middle_inverse);
            back(&d_normed, middle, slots.feed_forward_norm.of(weights), &mut dx, &mut unwanted);
            through(&mut d_seen, &dx, (d, d), slots.attention_out.of(weights));
            let mut d_query = look_back(shape, passed, &d_seen, pieces, &mut moved);
            for row in d_query.chunks_exact_mut(shape.row()) {
                way.angles.rotate(row, shape.row(), shape.heads + shape.key_value_heads, true);
            }
            through(&mut d_normed, &d_query, (shape.row(), d), slots.query_key_value.of(weights));
            let input = (passed.input.as_slice(), passed.inverse);
            back(&d_normed, input, slots.attention_norm.of(weights), &mut dx, &mut unwanted);
        }
        moved
    }

    /// The slopes by the final hidden state: `[risks, width]`.
    fn hidden_slopes(&self, slopes: &[Slope]) -> Vec<f32> {
        let (config, layout, weights) = (&self.config, &self.layout, self.weights.as_slice());
        let (rank, vectors) = (config.risk.rank, Vectors::of(config, &self.prepared.tables.risk_table));
        let mut projected = vec![0.0; slopes.len() * HORIZONS * rank];
        for (rows, slope) in projected.chunks_exact_mut(HORIZONS * rank).zip(slopes) {
            for ((index, occurred), slopes) in slope.each() {
                let vector = vectors.each(index, occurred);
                rows.chunks_exact_mut(rank).zip(slopes).for_each(|(row, by)| add_scaled(row, *by, vector));
            }
        }
        let mut d_hidden = vec![0.0; slopes.len() * config.width];
        product(
            MatrixMut::new(&mut d_hidden, slopes.len(), config.width),
            Matrix::new(&projected, slopes.len(), HORIZONS * rank),
            Matrix::new(layout.risk_state.of(weights), HORIZONS * rank, config.width),
        );
        d_hidden
    }

    /// By how much the moment ([`Moment`]) that each piece makes raises some risks.
    fn moments_moved(
        &self,
        (way, state): (&Way, &PatientState),
        slopes: &[Slope],
        pieces: &[Vec<usize>],
    ) -> Vec<Vec<f32>> {
        let (shape, weights) = ((&self.config, &self.layout), self.weights.as_slice());
        let part = |moment: &Moment| MomentPart::of(shape, weights, moment);
        let (by_code, lasting) = (ByCode::new(&self.config, state), state.lasting());
        let tables = (weights, self.prepared.tables.risk_table.as_slice());
        let projected = risk::projected(shape, weights, (&way.hidden, &state.moment(&self.config)));
        let apart = self.config.risk.repeats_apart;
        let of_piece = |piece: &Vec<usize>| {
            let mut moved = vec![0.0; slopes.len()];
            if piece.iter().any(|place| lasting[*place]) {
                let [whole, without] =
                    by_code.moments(&self.config, state, piece).map(|moment| part(&moment));
                for (moved, slope) in moved.iter_mut().zip(slopes) {
                    let over = |risk| whole.log_hazards_over(&without, shape, tables, (risk, &projected));
                    *moved = match apart && whole.has(slope.index) && !without.has(slope.index) {
                        true => slope.moved_by(over),
                        false => slope.each().map(|(risk, slopes)| dot(slopes, &over(risk))).sum(),
                    };
                }
            }
            moved
        };
        pieces.par_iter().with_min_len(16).map(of_piece).collect()
    }

    /// Pieces that hold the last token: nobody looks then, so the record is read without them.
    fn read_without_last(
        &self,
        state: &PatientState,
        pieces: &[Vec<usize>],
        (indices, horizon): (&[usize], usize),
        moved: &mut [Vec<f32>],
    ) -> Result<()> {
        let last = state.window.last();
        let chosen: Vec<usize> = (0..pieces.len()).filter(|i| pieces[*i].contains(&last)).collect();
        if chosen.is_empty() {
            return Ok(());
        }
        let codes: Vec<u32> = indices.iter().map(|index| self.config.risk.codes[*index]).collect();
        let now = self.risk_of(state, Some(&codes))?;
        let places: Vec<Vec<usize>> = chosen.iter().map(|i| pieces[*i].clone()).collect();
        for (i, table) in chosen.into_iter().zip(self.risk_without(state, &places, Some(&codes))?) {
            for (c, (moved, (_, now))) in moved.iter_mut().zip(now.rows()).enumerate() {
                let without = table.as_ref().and_then(|table| table.rows().nth(c));
                let by = |row: &[f32; HORIZONS]| risk::log_odds(now[horizon]) - risk::log_odds(row[horizon]);
                moved[i] = without.map_or(f32::NAN, |(_, row)| by(row));
            }
        }
        Ok(())
    }
}

/// Where the record has each code, `TIME` aside.
struct ByCode {
    places: FxHashMap<u32, Vec<usize>>,
    /// Codes of the record by the broader ones that they bring along ([`Moment::seen`]).
    narrower: FxHashMap<u32, Vec<u32>>,
    last_event: Option<usize>,
}

impl ByCode {
    fn new(config: &Config, state: &PatientState) -> Self {
        let (mut places, mut narrower) = (FxHashMap::default(), FxHashMap::default());
        let mut last_event = None;
        for place in (0..state.len()).filter(|place| state.code[*place] != config.time_code) {
            places.entry(state.code[place]).or_insert_with(Vec::new).push(place);
            last_event = Some(place);
        }
        for code in places.keys() {
            for broader in config.risk.broader_than(*code) {
                narrower.entry(*broader).or_insert_with(Vec::new).push(*code);
            }
        }
        ByCode { places, narrower, last_event }
    }

    /// The moment and the moment without a piece, as far as they differ: of the codes alone that may go with the piece, which
    /// are its own and their broader ones, and of those that bring one of these along too. All of it where sex may change, or the
    /// time since the last event.
    fn moments(&self, config: &Config, state: &PatientState, piece: &[usize]) -> [Moment; 2] {
        let sexes = config.risk.reference.map_or([None; 2], |codes| [codes.female, codes.male]);
        let tells_sex = |place: &usize| sexes.contains(&Some(state.code[*place]));
        let waits = |place: &usize| Some(*place) == self.last_event || state.code[*place] == config.time_code;
        if piece.iter().any(|place| waits(place) || tells_sex(place)) {
            return [state.moment(config), state.moment_without(config, piece)];
        }
        let mut codes: Vec<u32> = piece.iter().map(|place| state.code[*place]).collect();
        codes.sort_unstable();
        codes.dedup();
        let broader: Vec<u32> =
            codes.iter().flat_map(|code| config.risk.broader_than(*code)).copied().collect();
        codes.extend(broader);
        let narrower: Vec<u32> =
            codes.iter().filter_map(|code| self.narrower.get(code)).flatten().copied().collect();
        codes.extend(narrower);
        codes.sort_unstable();
        codes.dedup();
        let mut places: Vec<usize> =
            codes.iter().filter_map(|code| self.places.get(code)).flatten().copied().collect();
        places.sort_unstable();
        let whole = state.moment_over(config, places.iter().copied());
        let rest = places.iter().copied().filter(|place| !piece.contains(place));
        [whole, state.moment_over(config, rest)]
    }
}

/// Log-hazards by interval.
type ByInterval = [f64; HORIZONS];

/// How the log-odds of one risk depend on log-hazards, its own and death's, by interval.
struct Slope {
    index: usize,
    /// Whether the code has occurred; who can be asked about has not died.
    occurred: bool,
    horizon: usize,
    logs: ByInterval,
    own: [f32; HORIZONS],
    /// Death, its log-hazards, and the slopes by them.
    death: Option<(usize, ByInterval, [f32; HORIZONS])>,
}

impl Slope {
    /// Risk indices, and whether they have occurred, with the slopes by their log-hazards.
    fn each(&self) -> impl Iterator<Item = ((usize, bool), &[f32; HORIZONS])> {
        let death = self.death.as_ref().map(|(index, _, slopes)| ((*index, false), slopes));
        std::iter::once(((self.index, self.occurred), &self.own)).chain(death)
    }

    /// By how much the log-odds rise by what is over in some risks' log-hazards, however much it is: a code that would no longer have
    /// occurred is asked about by another vector, and no line leads from the one to the other.
    fn moved_by(&self, over: impl Fn((usize, bool)) -> [f32; HORIZONS]) -> f32 {
        let odds = |logs: ByInterval, died: Option<ByInterval>| {
            let died = died.map(|logs| logs.map(f64::exp));
            risk::log_odds(risk::cumulative_incidence(logs, died)[self.horizon])
        };
        let less = |logs: ByInterval, over: [f32; HORIZONS]| -> ByInterval {
            std::array::from_fn(|k| logs[k] - f64::from(over[k]))
        };
        let died = self.death.map(|(_, logs, _)| logs);
        let without = self.death.map(|(death, logs, _)| less(logs, over((death, false))));
        odds(self.logs, died) - odds(less(self.logs, over((self.index, self.occurred))), without)
    }
}

/// Where a head's keys, or values, stand in `[key_value_heads, tokens, head_width]`.
fn part_of(shape: Shape, head: usize, tokens: usize) -> Range<usize> {
    let group = head / (shape.heads / shape.key_value_heads);
    let len = tokens * shape.head_width;
    group * len..(group + 1) * len
}

/// The places of each piece that the blocks have read, as rows of what is kept, ascending, each once.
fn rows_of(state: &PatientState, pieces: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut rows = vec![None; state.len()];
    state.places_read().enumerate().for_each(|(row, place)| rows[place] = Some(row));
    let of_piece = |piece: &Vec<usize>| {
        let mut rows: Vec<usize> = piece.iter().filter_map(|place| rows[*place]).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    };
    pieces.iter().map(of_piece).collect()
}

/// What each head looks at, `[heads, tokens]`, and what it sees, `[heads · head_width]`.
fn look(shape: Shape, query: &[f32], keys: &[f32], values: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (d, tokens) = (shape.head_width, keys.len() / (shape.key_value_heads * shape.head_width));
    let (mut shares, mut seen) = (vec![0.0; shape.heads * tokens], vec![0.0; shape.heads * d]);
    let scale = 1.0 / (d as f32).sqrt();
    for head in 0..shape.heads {
        let part = part_of(shape, head, tokens);
        let shares = &mut shares[head * tokens..(head + 1) * tokens];
        let query = &query[head * d..(head + 1) * d];
        let seen = &mut seen[head * d..(head + 1) * d];
        vectorised(
            #[inline(always)]
            || {
                for (share, key) in shares.iter_mut().zip(keys[part.clone()].chunks_exact(d)) {
                    *share = dot(query, key);
                }
                let (_, sum) = exponentiate_scaled(shares, scale);
                shares.iter_mut().for_each(|share| *share /= sum);
                for (share, value) in shares.iter().zip(values[part].chunks_exact(d)) {
                    add_scaled(seen, *share, value);
                }
            },
        );
    }
    (shares, seen)
}

/// What is left of a look without a piece.
enum Rest {
    /// So much of it.
    Share(f32),
    /// So little that its rows are told one by one.
    Rows(Vec<usize>, f32),
}

impl Rest {
    /// Of a piece whose rows ascend.
    fn of(shares: &[f32], piece: &[usize]) -> Self {
        let share = 1.0 - piece.iter().map(|row| shares[*row]).sum::<f32>();
        if share >= LEAST_REST {
            return Rest::Share(share);
        }
        let rows: Vec<usize> = (0..shares.len()).filter(|row| piece.binary_search(row).is_err()).collect();
        let share = rows.iter().map(|row| shares[*row]).sum();
        Rest::Rows(rows, share)
    }

    /// What the slopes by the scores (`w_j (v_j − o)` each, so that they add up to nothing) say a piece takes from a look:
    /// `Σ w_j (v_j − o) / (1 − Σ w_j)` over the piece, or the same with the other sign over the rest. Nothing where nobody else
    /// was looked at, since what would be then isn't known.
    fn gains(&self, by_score: &[f32], piece: &[usize]) -> f32 {
        let sum = |rows: &[usize]| rows.iter().map(|row| by_score[*row]).sum::<f32>();
        match self {
            Rest::Share(share) => sum(piece) / share,
            Rest::Rows(rows, share) if *share > 0.0 => -sum(rows) / share,
            Rest::Rows(..) => 0.0,
        }
    }
}

/// The way back through a look. `d_seen` is `[risks, heads · head_width]`, the slopes by what the heads saw; what pieces take
/// from it is added to `moved` (`[risks][pieces]`). Returns the slopes by the token's own queries, keys and values:
/// `[risks, row]`.
fn look_back(
    shape: Shape,
    passed: &Passed,
    d_seen: &[f32],
    pieces: &[Vec<usize>],
    moved: &mut [Vec<f32>],
) -> Vec<f32> {
    let (d, width, n) = (shape.head_width, shape.heads * shape.head_width, moved.len());
    let tokens = passed.shares.len() / shape.heads;
    let scale = 1.0 / (d as f32).sqrt();
    let mut d_query = vec![0.0; n * shape.row()];
    let (mut by_score, mut d_part) = (vec![0.0; n * tokens], vec![0.0; n * d]);
    for head in 0..shape.heads {
        let part = part_of(shape, head, tokens);
        let (keys, values) = (&passed.keys[part.clone()], &passed.values[part]);
        let shares = &passed.shares[head * tokens..(head + 1) * tokens];
        let columns = head * d..(head + 1) * d;
        let seen = &passed.seen[columns.clone()];
        product(
            MatrixMut::new(&mut by_score, n, tokens),
            Matrix::strided(&d_seen[columns.start..], n, d, width),
            Matrix::new(values, tokens, d).t(),
        );
        vectorised(
            #[inline(always)]
            || {
                for (by_score, d_seen) in by_score.chunks_exact_mut(tokens).zip(d_seen.chunks_exact(width)) {
                    let of_seen = dot(&d_seen[columns.clone()], seen);
                    by_score.iter_mut().zip(shares).for_each(|(by, share)| *by = share * (*by - of_seen));
                }
            },
        );
        let rests: Vec<Rest> = pieces.iter().map(|piece| Rest::of(shares, piece)).collect();
        for (moved, by_score) in moved.iter_mut().zip(by_score.chunks_exact(tokens)) {
            for ((moved, piece), rest) in moved.iter_mut().zip(pieces).zip(&rests) {
                *moved += rest.gains(by_score, piece);
            }
        }
        product(
            MatrixMut::new(&mut d_part, n, d),
            Matrix::new(&by_score, n, tokens),
            Matrix::new(keys, tokens, d),
        );
        let group = head / (shape.heads / shape.key_value_heads);
        let own_key = width + group * d;
        let own_value = width + (shape.key_value_heads + group) * d;
        for (c, row) in d_query.chunks_exact_mut(shape.row()).enumerate() {
            add_scaled(&mut row[columns.clone()], scale, &d_part[c * d..(c + 1) * d]);
            // The token looks at itself too.
            let by_own = by_score[c * tokens + tokens - 1];
            add_scaled(&mut row[own_key..own_key + d], scale * by_own, &passed.query[columns.clone()]);
            let d_seen = &d_seen[c * width..][columns.clone()];
            add_scaled(&mut row[own_value..own_value + d], shares[tokens - 1], d_seen);
        }
    }
    d_query
}

#[cfg(test)]
mod tests {
    use super::super::tests::Life;
    use super::*;
    use crate::config::{DirectEffects, SexCodes};

    const HORIZON: usize = 5;

    /// With risks that are neither none nor certain, and direct effects.
    fn model(context: usize) -> Model {
        let mut config = super::super::tests::model(context).config().clone();
        config.risk.rank = 32;
        config.risk.direct = Some(DirectEffects { measured: vec![4, 6, 8, 10], horizon_knots: 3 });
        config.risk.reference = Some(SexCodes { female: Some(2), male: None });
        config.risk.broader = [(7, vec![5]), (8, vec![4, 5]), (9, vec![4])].into();
        let mut model = Model::new(config, 3).unwrap();
        for (i, weight) in model.weights.iter_mut().enumerate() {
            *weight += 0.05 * (i as f32 * 0.7).sin();
        }
        model.layout.risk_state.of_mut(&mut model.weights).iter_mut().for_each(|weight| *weight *= 4.0);
        model.layout.risk_bias.of_mut(&mut model.weights).fill(-9.0);
        model.refresh();
        model
    }

    fn read(model: &Model, life: &Life) -> PatientState {
        model.read(&[life.until(life.code.len())]).unwrap().remove(0)
    }

    /// Log-odds of all risks after a way through the blocks.
    fn log_odds_of(model: &Model, way: &Way, moment: &Moment) -> Vec<f32> {
        let table = model.risk_table((&way.hidden, moment), &model.risk_indices(None).unwrap());
        table.rows().map(|(_, row)| risk::log_odds(row[HORIZON])).collect()
    }

    #[test]
    fn the_last_token_goes_the_way_that_it_went() {
        for context in [256, 20] {
            let model = model(context);
            let state = read(&model, &Life::new(2, 10));
            let way = model.way_of_last(&state, model.kept_of(&state), look);
            for (again, hidden) in way.hidden.iter().zip(&state.hidden) {
                assert!((again - hidden).abs() < 1e-4, "{again} and {hidden}");
            }
        }
    }

    #[test]
    fn what_a_look_takes_from_a_piece_is_the_derivative() {
        let model = model(256);
        let state = read(&model, &Life::new(2, 10));
        let way = model.way_of_last(&state, model.kept_of(&state), look);
        let slopes = model.slopes(&way, &state, &model.risk_indices(None).unwrap(), HORIZON);
        let moment = state.moment(&model.config);
        let (mut largest, mut told) = (0.0_f32, 0);
        for piece in [vec![3], vec![4, 5, 9], vec![0, 12]] {
            let rows = rows_of(&state, std::slice::from_ref(&piece));
            let found = model.looks_moved(&way, &slopes, &rows);
            // A little of the piece is taken out of every look, or put in.
            let at = |share: f32| {
                let dimmed = |shape: Shape, query: &[f32], keys: &[f32], values: &[f32]| {
                    let (shares, mut seen) = look(shape, query, keys, values);
                    let (d, tokens) = (shape.head_width, shares.len() / shape.heads);
                    let whole = seen.clone();
                    for head in 0..shape.heads {
                        let values = &values[part_of(shape, head, tokens)];
                        let shares = &shares[head * tokens..];
                        let rest = 1.0 - rows[0].iter().map(|row| shares[*row]).sum::<f32>();
                        for (i, row) in (0..d).flat_map(|i| rows[0].iter().map(move |row| (i, *row))) {
                            let gained = whole[head * d + i] - values[row * d + i];
                            seen[head * d + i] += share * shares[row] * gained / rest;
                        }
                    }
                    (shares, seen)
                };
                let way = model.way_of_last(&state, model.kept_of(&state), dimmed);
                log_odds_of(&model, &way, &moment)
            };
            let (less, more) = (at(0.02), at(-0.02));
            for ((moved, less), more) in found.iter().zip(less).zip(more) {
                // The table's risks are of 24 bits, so that nothing is seen to move near certainty.
                if more > 5.0 {
                    continue;
                }
                told += 1;
                let expected = (more - less) / 0.04;
                largest = largest.max(expected.abs());
                assert!((moved[0] - expected).abs() < 1e-3, "{} and {expected}", moved[0]);
            }
        }
        assert!(largest > 0.02 && told > 9, "nothing moves: {largest}, {told} told");
    }

    #[test]
    fn the_moment_without_a_piece_counts_and_the_last_token_is_exact() {
        let model = model(256);
        let life = Life::new(2, 10);
        let n = life.code.len();
        let state = read(&model, &life);
        let all: Vec<usize> = (0..n).collect();
        let pieces = [vec![], vec![n - 1], all];
        let moved = model.risk_moved_by(&state, &pieces, None, HORIZON).unwrap();
        let exact = model.risk_without(&state, &pieces, None).unwrap().swap_remove(1).unwrap();
        let now = model.risk_of(&state, None).unwrap();
        for ((moved, (_, now)), (_, without)) in moved.iter().zip(now.rows()).zip(exact.rows()) {
            let expected = risk::log_odds(now[HORIZON]) - risk::log_odds(without[HORIZON]);
            assert!(moved[0] == 0.0 && (moved[1] - expected).abs() < 1e-4 && moved[2].is_nan());
        }
        // With the state held: all events of a measured code, so that it hasn't occurred.
        let places: Vec<usize> = (0..n).filter(|place| life.code[*place] == 6).collect();
        assert!(places.len() > 1);
        let way = model.way_of_last(&state, model.kept_of(&state), look);
        let slopes = model.slopes(&way, &state, &model.risk_indices(None).unwrap(), HORIZON);
        let found = model.moments_moved((&way, &state), &slopes, &[places.clone(), vec![places[0]]]);
        assert!(found[1].iter().all(|moved| *moved == 0.0), "a later one has the last rank");
        let at = |moment: Moment| log_odds_of(&model, &way, &moment);
        let whole = at(state.moment(&model.config));
        let without = at(state.moment_without(&model.config, &places));
        let mut largest = 0.0_f32;
        let own = model.config.risk_index(6).unwrap();
        for (i, ((found, whole), without)) in found[0].iter().zip(whole).zip(without).enumerate() {
            let expected = whole - without;
            largest = largest.max(expected.abs());
            // The risk of the code itself is told as it is.
            assert!(i != own || (found - expected).abs() < 1e-3, "{found} and {expected}");
            assert!((found - expected).abs() < 0.05 + 0.2 * expected.abs(), "{found} and {expected}");
        }
        assert!(largest > 0.02, "nothing moves: {largest}");
        assert!(model.risk_moved_by(&state, &[vec![n]], None, HORIZON).is_err());
        assert!(model.risk_moved_by(&state, &pieces, None, HORIZONS).is_err());
    }

    /// Records with a broader code of their own (11, with a value), several narrower ones of one broader, a static fact that is
    /// another's broader one, and an end in TIME.
    fn lives() -> Vec<Life> {
        let mut lives = vec![Life::new(2, 10), Life::new(1, 7), Life::new(4, 30)];
        let age = lives[1].age_days[lives[1].age_days.len() - 1];
        lives[1].code.push(0);
        lives[1].age_days.push(age + 90.0);
        lives[1].value.push(90.0);
        for (code, days, value) in [(10, 0.0, f32::NAN), (11, 0.0, 0.4), (0, 30.0, 30.0), (3, 30.0, f32::NAN)]
        {
            let age = lives[2].age_days[lives[2].age_days.len() - 1];
            lives[2].code.push(code);
            lives[2].age_days.push(if code == 0 { age + days } else { age });
            lives[2].value.push(value);
        }
        lives
    }

    #[test]
    fn as_far_as_moments_differ_is_all_that_counts() {
        let mut model = model(256);
        model.config.risk.broader =
            [(7, vec![5]), (8, vec![4, 5]), (9, vec![4]), (11, vec![10]), (3, vec![2])].into();
        let (shape, weights) = ((&model.config, &model.layout), model.weights.as_slice());
        let tables = (weights, model.prepared.tables.risk_table.as_slice());
        let (mut differing, mut compared) = (0, 0);
        for life in lives() {
            let state = read(&model, &life);
            let n = life.code.len();
            let by_code = ByCode::new(&model.config, &state);
            let each = (0..n).map(|place| vec![place]);
            let of_code = |code| (0..n).filter(|place| life.code[*place] == code).collect::<Vec<_>>();
            let of_two = |code| [of_code(code), of_code(code + 1)].concat();
            let some = [(1..n / 2).collect(), (0..n).step_by(3).collect()];
            let pieces = each.chain((0..12).map(of_code)).chain((2..11).map(of_two)).chain(some);
            for piece in pieces {
                let moment = state.moment(&model.config);
                let projected = risk::projected(shape, weights, (&state.hidden, &moment));
                let over = |[whole, without]: [Moment; 2], index| {
                    let without = MomentPart::of(shape, weights, &without);
                    let occurred = moment.seen.contains(&model.config.risk.codes[index]);
                    let of = ((index, occurred), projected.as_slice());
                    MomentPart::of(shape, weights, &whole).log_hazards_over(&without, shape, tables, of)
                };
                let in_full = [state.moment(&model.config), state.moment_without(&model.config, &piece)];
                let in_part = by_code.moments(&model.config, &state, &piece);
                compared += 1;
                differing += usize::from(in_full[0].seen != in_full[1].seen);
                for index in 0..model.config.risk.codes.len() {
                    let expected = over(in_full.clone(), index);
                    let found = over(in_part.clone(), index);
                    let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4);
                    assert!(near, "{piece:?}: {found:?} and {expected:?}");
                }
            }
        }
        assert!(differing > 20 && compared > 2 * differing, "{differing} of {compared} differ");
    }

    #[test]
    fn a_piece_that_has_nearly_all_of_a_look_is_told_as_what_the_rest_would_be() {
        let shares = [0.2, 0.3, 0.5];
        let by_score = [0.06, 0.02, -0.08];
        for piece in [vec![0], vec![0, 1], vec![2], vec![0, 2]] {
            let few = Rest::of(&shares, &piece);
            let rest: Vec<usize> = (0..3).filter(|row| !piece.contains(row)).collect();
            let share = rest.iter().map(|row| shares[*row]).sum();
            let told = Rest::Rows(rest, share).gains(&by_score, &piece);
            assert!((few.gains(&by_score, &piece) - told).abs() < 1e-6);
        }
        // The rest sees twice what is seen; of so little of a look that 24 bits of one don't tell it.
        let shares = [1.0 - 1e-7, 3e-8, 7e-8];
        let by_score = [-1e-7, 3e-8, 7e-8];
        let gains = Rest::of(&shares, &[0]).gains(&by_score, &[0]);
        assert!((gains + 1.0).abs() < 1e-5, "{gains}");
        assert_eq!(Rest::of(&[1.0, 0.0], &[0]).gains(&[0.0, 0.0], &[0]), 0.0);
    }
}
