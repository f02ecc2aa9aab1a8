//! What a risk would be if pieces of the record had not been there, or if something came next: the record is read again from
//! the first token that differs. For a record of `n` tokens that costs `n/2` tokens a piece on average; what pieces are worth
//! reading without is found by a look that costs little ([`Model::risk_moved_by`]).

use super::PatientState;
use crate::error::{Error, Result};
use crate::heads::moment::Moment;
use crate::heads::risk;
use crate::infer::RiskTable;
use crate::model::Model;
use crate::patient_state::Token;

/// Tokens that one thread reads at once, in records that miss a piece each.
const PACK_TOKENS: usize = 2048;

impl PatientState {
    /// The places in the record of the tokens that a model has read, in order: static facts and the last tokens that the
    /// context holds.
    pub fn places(&self) -> Vec<usize> {
        self.places_read().collect()
    }
}

impl Model {
    /// The risk right after a state's last token had each of some pieces of the record not been there. A piece is a list
    /// of places in the record; gaps around an emptied moment become one. What lies before the tokens that the blocks have read
    /// ([`PatientState::places`]) is left out of what is known of the whole record.
    ///
    /// None for a piece that is the whole record.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a code without a risk head, or a place that the record doesn't have.
    pub fn risk_without(
        &self,
        state: &PatientState,
        pieces: &[Vec<usize>],
        codes: Option<&[u32]>,
    ) -> Result<Vec<Option<RiskTable>>> {
        self.check_pieces(state, pieces)?;
        let indices = self.risk_indices(codes)?;
        let mut edited: Vec<Option<PatientState>> =
            pieces.iter().map(|piece| state.without(&self.config, piece)).collect();
        let mut tables = vec![None; pieces.len()];
        let mut begin = 0;
        while begin < edited.len() {
            let mut tokens = 0;
            let fits = |edited: &&Option<PatientState>| {
                tokens += edited.as_ref().map_or(0, PatientState::unread);
                tokens <= PACK_TOKENS * rayon::current_num_threads()
            };
            let n = edited[begin..].iter().take_while(fits).count().max(1);
            let mut places: Vec<usize> = (begin..begin + n).filter(|i| edited[*i].is_some()).collect();
            // Threads take equal numbers of them: long and short ones by turns.
            places.sort_by_key(|i| edited[*i].as_ref().map_or(0, PatientState::unread));
            let mut together: Vec<PatientState> = places.iter().filter_map(|i| edited[*i].take()).collect();
            self.catch_up(&mut together);
            let hidden: Vec<f32> = together.iter().flat_map(|state| &state.hidden).copied().collect();
            let moments: Vec<Moment> = together.iter().map(|state| state.moment(&self.config)).collect();
            for (i, table) in places.into_iter().zip(self.risk_tables(&hidden, &moments, &indices)) {
                tables[i] = Some(table);
            }
            begin += n;
        }
        Ok(tables)
    }

    /// The risk right after each of some tokens, had it come next after a state.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a code without a risk head, [`Error::Sequence`] for a token that can't come next.
    pub fn risk_with(
        &self,
        state: &PatientState,
        tokens: &[Token],
        codes: Option<&[u32]>,
    ) -> Result<Vec<RiskTable>> {
        let indices = self.risk_indices(codes)?;
        let mut states = vec![state.clone(); tokens.len()];
        self.append(&mut states, tokens)?;
        let hidden: Vec<f32> = states.iter().flat_map(|state| &state.hidden).copied().collect();
        let moments: Vec<Moment> = states.iter().map(|state| state.moment(&self.config)).collect();
        Ok(self.risk_tables(&hidden, &moments, &indices))
    }

    /// What each of some codes would measure, came it next with a value: the chance of each of the equal bins of the rank
    /// within the code's training distribution.
    pub fn value_shares(&self, state: &PatientState, codes: &[u32]) -> Vec<Vec<f32>> {
        let asked: Vec<(usize, u32, f32)> =
            codes.iter().map(|code| (0, *code, state.last_rank(*code))).collect();
        let mut heads = crate::simulate::Heads::default();
        let (bins, sums) = heads.values(self.parameters_view(), &state.hidden, &asked);
        let rows = bins.chunks_exact(self.config.value.bins).zip(sums);
        rows.map(|(row, sum)| row.iter().map(|weight| weight / sum).collect()).collect()
    }

    /// Risk tables of some hidden states (`[states, width]`).
    fn risk_tables(&self, hidden: &[f32], moments: &[Moment], indices: &[usize]) -> Vec<RiskTable> {
        let shape = (&self.config, &self.layout);
        let weights = (self.weights.as_slice(), self.prepared.tables.risk_table.as_slice());
        let death = self.config.death_index();
        let chosen: Vec<usize> = indices.iter().copied().chain(death).collect();
        let logs = risk::log_hazards_of(shape, weights, (hidden, moments), &chosen);
        let table = |logs: &[f32]| {
            let of = |i: usize| std::array::from_fn(|k| f64::from(logs[k * chosen.len() + i]));
            let competing = death.map(|_| of(indices.len()).map(f64::exp));
            let rows = indices.iter().enumerate().flat_map(|(i, index)| {
                risk::cumulative_incidence(of(i), if Some(*index) == death { None } else { competing })
            });
            let codes = indices.iter().map(|i| self.config.risk.codes[*i]).collect();
            RiskTable::new(codes, rows.collect())
        };
        logs.chunks_exact((crate::config::HORIZONS * chosen.len()).max(1)).map(table).collect()
    }

    pub(super) fn check_pieces(&self, state: &PatientState, pieces: &[Vec<usize>]) -> Result<()> {
        if pieces.iter().flatten().all(|place| *place < state.len()) {
            return Ok(());
        }
        Err(Error::Unknown("a piece of the record holds a token that the record doesn't".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Life, agree, model};

    fn life() -> Life {
        Life::new(2, 10)
    }

    /// The life without some tokens that each leave their moment an event.
    fn shortened(life: &Life, removed: &[usize]) -> Life {
        let kept = |i: &usize| !removed.contains(i);
        let places: Vec<usize> = (0..life.code.len()).filter(kept).collect();
        Life {
            code: places.iter().map(|i| life.code[*i]).collect(),
            age_days: places.iter().map(|i| life.age_days[*i]).collect(),
            value: places.iter().map(|i| life.value[*i]).collect(),
        }
    }

    /// Places of events that share their moment with another.
    fn tied(life: &Life) -> Vec<usize> {
        let time = |i: usize| life.code.get(i).is_none_or(|code| *code == 0);
        (2..life.code.len()).filter(|i| !time(*i) && (!time(i - 1) || !time(i + 1))).collect()
    }

    #[test]
    fn without_is_reading_the_shorter_record() {
        for context in [256, 20] {
            let model = model(context);
            let life = life();
            let n = life.code.len();
            let state = model.read(&[life.until(n)]).unwrap().remove(0);
            let read = state.places();
            let pieces: Vec<Vec<usize>> = tied(&life)
                .into_iter()
                .filter(|place| read.contains(place))
                .map(|place| vec![place])
                .collect();
            assert!(pieces.len() > 4);
            let found = model.risk_without(&state, &pieces, None).unwrap();
            for (piece, found) in pieces.iter().zip(found) {
                let shorter = shortened(&life, piece);
                // In a small context the shorter record would reach one token further back.
                let context = read.len() - piece.len();
                let expected = model.read_within(&[shorter.until(n - 1)], context).unwrap().remove(0);
                agree(&found.unwrap(), &model.risk_of(&expected, None).unwrap());
            }
            assert!(model.risk_without(&state, &[vec![n]], None).is_err());
        }
    }

    #[test]
    fn what_lies_before_the_window_is_left_out_of_what_is_known() {
        let (model, life) = (model(20), life());
        let state = model.read(&[life.until(life.code.len())]).unwrap().remove(0);
        let read = state.places();
        let unread = |place: &usize| !read.contains(place);
        let occurs_within = |place: &usize| read.iter().any(|other| life.code[*other] == life.code[*place]);
        let mut alone = 0;
        for place in tied(&life).into_iter().filter(unread) {
            let pieces = [vec![place]];
            let found = model.risk_without(&state, &pieces, None).unwrap().remove(0).unwrap();
            let shorter = shortened(&life, &pieces[0]);
            let expected =
                model.read_within(&[shorter.until(life.code.len() - 1)], read.len()).unwrap().remove(0);
            agree(&found, &model.risk_of(&expected, None).unwrap());
            let now = model.risk_of(&state, None).unwrap();
            let looked = model.risk_moved_by(&state, &pieces, None, 5).unwrap();
            for ((looked, (_, now)), (_, without)) in looked.iter().zip(now.rows()).zip(found.rows()) {
                let exact = super::risk::log_odds(now[5]) - super::risk::log_odds(without[5]);
                assert!((looked[0] - exact).abs() < 0.1 * exact.abs() + 1e-3, "{} for {exact}", looked[0]);
                alone += usize::from(!occurs_within(&place) && exact.abs() > 1e-3);
            }
        }
        assert!(alone > 0, "no code of the record lies before the window alone");
    }

    #[test]
    fn what_comes_next_is_weighed_and_its_value_is_a_distribution() {
        let (model, life) = (model(256), life());
        let n = life.code.len();
        let state = model.read(&[life.until(n - 1)]).unwrap().remove(0);
        let found = model.risk_with(&state, &[life.token(n - 1)], None).unwrap().remove(0);
        agree(&found, &model.risk(&[life.until(n)], None).unwrap()[0]);
        for shares in model.value_shares(&state, &[4, 6]) {
            assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }
}
