//! Which parts of a record moved a risk, and by how much.
//!
//! The parts are single events, all events of a code, and all events of a moment. One pass back from the model's last look
//! says about how much each of them does (`Model::risk_moved_by`), for all conditions at once; the strongest are then reckoned
//! exactly, by reading the record without them (`Model::risk_without`), and say so.

use super::case::{Case, day, time_of_day};
use super::{Named, chance, log_odds};
use anyhow::Result;
use events::Time;
use model::RiskTable;
use serde::Serialize;
use std::collections::BTreeMap;
use timeline::Vocabulary;

/// What a part of a record is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Piece {
    /// One event, or one static fact.
    Event {
        /// What.
        #[serde(flatten)]
        what: Named,
        /// Which day; none for static facts.
        #[serde(skip_serializing_if = "Option::is_none")]
        day: Option<String>,
        /// What it measured.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<f32>,
        /// In which unit.
        #[serde(skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
    },
    /// All events of a code.
    Code {
        /// What.
        #[serde(flatten)]
        what: Named,
        /// How many.
        events: usize,
    },
    /// All events of a moment.
    Moment {
        /// Which day.
        day: String,
        /// At what time, where the day has other moments too.
        #[serde(skip_serializing_if = "Option::is_none")]
        time: Option<String>,
        /// How many.
        events: usize,
    },
}

/// Kinds of parts.
const KINDS: usize = 3;

impl Piece {
    fn kind(&self) -> usize {
        match self {
            Piece::Event { .. } => 0,
            Piece::Code { .. } => 1,
            Piece::Moment { .. } => 2,
        }
    }
}

/// A record's parts, each with the places of its tokens.
pub struct Pieces {
    pieces: Vec<Piece>,
    places: Vec<Vec<usize>>,
}

impl Pieces {
    /// The parts of the record. Codes and moments of one event are that event; what lies before the tokens that the blocks have read
    /// is told by its codes alone, since that is what is known of it.
    pub fn of(case: &Case<'_>) -> Self {
        let vocabulary = case.vocabulary();
        let mut made = Pieces { pieces: Vec::new(), places: Vec::new() };
        let (mut codes, mut moments) = (BTreeMap::new(), BTreeMap::new());
        let event = |place: usize| {
            let what = Named::of(vocabulary, case.tokens.code[place]);
            let (value, unit) = measured(case, place);
            Piece::Event { what, day: case.time_of(place).map(day), value, unit }
        };
        let read = case.state.places();
        for place in (0..case.tokens.code.len()).filter(|place| case.tokens.code[*place] != Vocabulary::TIME)
        {
            let is_read = read.binary_search(&place).is_ok();
            if is_read {
                made.push(event(place), vec![place]);
            }
            if place >= case.tokens.static_len {
                codes.entry(case.tokens.code[place]).or_insert_with(Vec::new).push((place, is_read));
                if is_read {
                    moments.entry(case.tokens.age_days[place].to_bits()).or_insert_with(Vec::new).push(place);
                }
            }
        }
        for (code, places) in codes {
            match places[..] {
                [(_, true)] => {}
                [(place, false)] => made.push(event(place), vec![place]),
                _ => {
                    let places: Vec<usize> = places.into_iter().map(|(place, _)| place).collect();
                    let what = Named::of(vocabulary, code);
                    made.push(Piece::Code { what, events: places.len() }, places);
                }
            }
        }
        let moments: Vec<(Time, Vec<usize>)> =
            moments.into_values().filter_map(|places| Some((case.time_of(places[0])?, places))).collect();
        let mut on_day = BTreeMap::new();
        moments.iter().for_each(|(time, _)| *on_day.entry(time.ymd()).or_insert(0) += 1);
        for (time, places) in moments.into_iter().filter(|(_, places)| places.len() > 1) {
            let among_others = on_day[&time.ymd()] > 1;
            let at = among_others.then(|| time_of_day(time));
            made.push(Piece::Moment { day: day(time), time: at, events: places.len() }, places);
        }
        made
    }

    fn push(&mut self, piece: Piece, places: Vec<usize>) {
        self.pieces.push(piece);
        self.places.push(places);
    }

    /// The places of each part's tokens.
    pub fn places(&self) -> &[Vec<usize>] {
        &self.places
    }

    /// What a part is.
    pub fn piece(&self, i: usize) -> &Piece {
        &self.pieces[i]
    }
}

/// What a token measured: as recorded where that is found, else as its rank says.
fn measured(case: &Case<'_>, place: usize) -> (Option<f32>, Option<String>) {
    let (code, rank) = (case.tokens.code[place], case.tokens.value[place]);
    let Some(entry) = case.vocabulary().entry(code).filter(|_| rank.is_finite()) else { return (None, None) };
    let time = case.time_of(place);
    let same = |event: &&events::Event| {
        case.vocabulary().read_as(event.code.as_str()) == Some(code)
            && event.time.zip(time).is_some_and(|(a, b)| (a.days_since(b)).abs() < 1e-5)
            && event.numeric_value.is_some_and(|value| {
                let back = case.vocabulary().rank_of(event.code.as_str(), code, event.unit.as_deref(), value);
                back.is_some_and(|back| (back - rank).abs() < 1e-4)
            })
    };
    match case.subject.events().iter().find(same) {
        Some(event) => (event.numeric_value, event.unit.as_ref().map(ToString::to_string)),
        None => {
            let commonest = entry.commonest_values();
            let value = commonest.map(|distribution| distribution.value(rank));
            (value, commonest.and_then(|d| d.unit.as_ref()).map(ToString::to_string))
        }
    }
}

/// A part of the record that speaks for or against a condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// Which part.
    #[serde(flatten)]
    pub piece: Piece,
    /// What the risk would be without it.
    pub risk_without: f64,
    /// Log-odds of the risk less those without it: above zero it speaks for the condition.
    pub log_odds: f64,
    /// Whether the record was read again without it; else about what the model's last look takes from it, to first order.
    pub exact: bool,
}

/// What moved the risk of one condition, strongest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Attribution {
    /// Single events.
    pub events: Vec<Evidence>,
    /// Codes with several events.
    pub codes: Vec<Evidence>,
    /// Moments with several events.
    pub moments: Vec<Evidence>,
}

/// How much is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Place of the horizon.
    pub horizon: usize,
    /// Parts told of each kind.
    pub most: usize,
    /// Parts of each condition that are reckoned exactly, a third of each kind; 0 for a quick look.
    pub exact: usize,
}

impl Attribution {
    /// What moved each of some risks.
    pub fn of(case: &Case<'_>, pieces: &Pieces, codes: &[u32], wanted: Wanted) -> Result<Vec<Self>> {
        let model = &case.directory.model;
        let now = case.risk(codes)?;
        let looked = model.risk_moved_by(&case.state, pieces.places(), Some(codes), wanted.horizon)?;
        let at =
            |table: &RiskTable, c: usize| table.rows().nth(c).map(|(_, row)| f64::from(row[wanted.horizon]));
        let moved = |c: usize, table: &Option<RiskTable>| -> Option<(f64, f64)> {
            let (full, without) = (at(&now, c)?, at(table.as_ref()?, c)?);
            Some((without, log_odds(full) - log_odds(without)))
        };
        let mut ranked: Vec<Vec<(usize, f64, f64)>> = Vec::new();
        for (c, looked) in looked.iter().enumerate() {
            let full = at(&now, c).map(log_odds);
            let about = |(i, by): (usize, &f32)| {
                let by = f64::from(*by);
                let without = chance(full? - by);
                by.is_finite().then_some((i, without, by))
            };
            let mut each: Vec<(usize, f64, f64)> = looked.iter().enumerate().filter_map(about).collect();
            each.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()).then(a.0.cmp(&b.0)));
            ranked.push(each);
        }
        // Nobody looks from where the last token was taken away, so that such a part was read without to begin with.
        let last = case.state.places().last().copied();
        let holds_last = |i: usize| pieces.places()[i].iter().any(|place| Some(*place) == last);
        // Of each kind as many, or groups would leave no event to be read without.
        let strongest = |kind: usize| {
            ranked.iter().flat_map(move |each| {
                let own = each.iter().filter(move |(i, ..)| pieces.piece(*i).kind() == kind);
                own.take(wanted.exact.div_ceil(KINDS)).map(|(i, ..)| *i)
            })
        };
        let mut chosen: Vec<usize> = (0..KINDS).flat_map(strongest).filter(|i| !holds_last(*i)).collect();
        chosen.sort_unstable();
        chosen.dedup();
        let places: Vec<Vec<usize>> = chosen.iter().map(|i| pieces.places()[*i].clone()).collect();
        let exact = match places.is_empty() {
            true => Vec::new(),
            false => model.risk_without(&case.state, &places, Some(codes))?,
        };
        let exact: BTreeMap<usize, &Option<RiskTable>> = chosen.into_iter().zip(&exact).collect();
        let told = |(c, each): (usize, Vec<(usize, f64, f64)>)| {
            let mut told: Vec<(usize, Evidence)> = each
                .into_iter()
                .map(|(i, without, by)| {
                    let read = exact.get(&i).and_then(|table| moved(c, table));
                    let (risk_without, log_odds) = read.unwrap_or((without, by));
                    let piece = pieces.piece(i).clone();
                    (i, Evidence { piece, risk_without, log_odds, exact: read.is_some() || holds_last(i) })
                })
                .collect();
            told.sort_by(|a, b| b.1.log_odds.abs().total_cmp(&a.1.log_odds.abs()).then(a.0.cmp(&b.0)));
            let mut made = Attribution::default();
            for (_, evidence) in told {
                let list = match evidence.piece {
                    Piece::Event { .. } => &mut made.events,
                    Piece::Code { .. } => &mut made.codes,
                    Piece::Moment { .. } => &mut made.moments,
                };
                if list.len() < wanted.most {
                    list.push(evidence);
                }
            }
            made
        };
        Ok(ranked.into_iter().enumerate().map(told).collect())
    }
}
