//! First onsets of codes, or when they come again: at one time a subject, or right after every moment.

use super::job::CHUNK;
use super::{HORIZON_NAMES, Job, read_as};
use crate::broader;
use crate::commands::moments::labels_by_subject;
use crate::progress::grouped;
use ::evaluate::tasks::{Landmark, OnsetTask, SubjectTimeline, prediction_times};
use anyhow::Result;
use events::meds::{PredictionWriter, RiskWriter};
use events::{Subject, Time};
use model::HORIZON_DAYS;
use timeline::{Sequence, TokenizationCounts, TokenizedSubject};

/// About how many rows of a pass are held at once, nine horizons each: 100 MB.
const RISKS_HELD: usize = 2 << 20;

impl Job<'_> {
    /// Onsets of codes, or recurrences, at one time a subject; what the subject's own rate says of the latter goes to `own_rate`.
    pub(super) fn onsets(
        &self,
        writer: &mut PredictionWriter,
        mut own_rate: Option<&mut PredictionWriter>,
    ) -> Result<(serde_json::Value, String)> {
        let vocabulary = self.directory.tokenizer.vocabulary();
        let codes = self.codes(vocabulary)?;
        let indices: Vec<u32> = codes.iter().map(|(index, _)| *index).collect();
        let horizons = self.horizons()?;
        let shortest = horizons.iter().map(|k| HORIZON_DAYS[*k]).fold(f64::INFINITY, f64::min);
        let landmark = Landmark::RandomVisit {
            study_end: self.study_end()?,
            leave_days: shortest,
            minimum_history_days: self.arguments.min_history_days,
        };
        let tasks: Vec<Vec<(usize, OnsetTask)>> = codes
            .iter()
            .map(|(_, code)| {
                let task = |k: &usize| {
                    let first = OnsetTask::code(code, HORIZON_DAYS[*k], landmark.clone());
                    if self.arguments.again { first.recurring() } else { first }
                };
                horizons.iter().map(|k| (*k, task(k))).collect()
            })
            .collect();
        let broader = broader::by_vocabulary(&self.directory.tokenizer);
        let stated = self.arguments.at.as_deref().map(labels_by_subject).transpose()?;
        let (mut people, mut not_asked, mut subjects, mut rows_written) = (0u64, 0u64, 0u64, 0u64);
        let mut read = TokenizationCounts::default();
        // With many codes, fewer subjects at once.
        let most = (RISKS_HELD / codes.len()).clamp(1, CHUNK);
        self.chunks("predicting", &mut |chunk| {
            for chunk in chunk.chunks(most) {
                people += chunk.len() as u64;
                let spots: Vec<(&Subject, Time)> = chunk
                    .iter()
                    .flat_map(|s| {
                        let times = match &stated {
                            Some(labels) => {
                                labels.get(&s.id).into_iter().flatten().map(|l| l.prediction_time).collect()
                            }
                            None => prediction_times(s, &landmark, self.arguments.seed),
                        };
                        not_asked += u64::from(times.is_empty());
                        times.into_iter().map(move |t| (&**s, t))
                    })
                    .collect();
                let tokens: Vec<TokenizedSubject> =
                    spots.iter().map(|(s, t)| self.tokens(self.directory, s, *t)).collect();
                tokens.iter().for_each(|tokens| read += tokens.counts);
                let usable: Vec<usize> =
                    (0..tokens.len()).filter(|i| !tokens[*i].as_sequence().is_empty()).collect();
                let sequences: Vec<_> = usable.iter().map(|i| tokens[*i].as_sequence()).collect();
                let tables = self.directory.model.risk(&sequences, Some(&indices))?;
                let (mut rows, mut of_own_rate) = (Vec::new(), Vec::new());
                for (i, table) in usable.into_iter().zip(&tables) {
                    let (subject, time) = spots[i];
                    subjects += 1;
                    let timeline = SubjectTimeline::new(subject, &broader);
                    for ((_, risks), ((_, code), tasks)) in table.rows().zip(codes.iter().zip(&tasks)) {
                        for (k, task) in tasks {
                            let Some(label) = timeline.label(time, task) else { continue };
                            let age = label.age_years.map(f64::from);
                            let horizon = HORIZON_DAYS[*k];
                            // Age and sex are counted of onsets.
                            let baseline = (!task.again)
                                .then(|| self.directory.reference.probability(code, label.sex, age, horizon))
                                .flatten();
                            rows.push(label.predicted(task, f64::from(risks[*k]), baseline));
                            let rate = own_rate.as_ref().and_then(|_| timeline.own_rate(time, task));
                            of_own_rate.extend(rate.map(|rate| label.predicted(task, rate, None)));
                        }
                    }
                }
                rows_written += rows.len() as u64;
                writer.write(&rows)?;
                own_rate.as_deref_mut().map_or(Ok(()), |writer| writer.write(&of_own_rate))?;
            }
            Ok(())
        })?;
        let mut told = format!("{} predictions for {} subjects", grouped(rows_written), grouped(subjects));
        if not_asked > 0 {
            told.push_str(&format!(
                " of {}: {} {}",
                grouped(people),
                grouped(not_asked),
                match stated {
                    Some(_) => "have no moment in --at",
                    None => "have no visit after the date that was drawn for them, or nobody watches them any longer",
                }
            ));
        }
        Ok((
            serde_json::json!({
                "predictions": rows_written, "subjects": subjects, "subjects_of_the_split": people,
                "subjects_without_a_moment": not_asked, "codes": codes.len(), "events_read": read_as::counted(read),
            }),
            told,
        ))
    }

    /// The risks of codes right after every moment that has events.
    pub(super) fn every_event(&self, path: &std::path::Path) -> Result<(serde_json::Value, String)> {
        let codes = self.codes(self.directory.tokenizer.vocabulary())?;
        let indices: Vec<u32> = codes.iter().map(|(index, _)| *index).collect();
        let names: Vec<&str> = codes.iter().map(|(_, code)| code.as_str()).collect();
        let horizons = self.horizons()?;
        let horizon_names: Vec<&str> = horizons.iter().map(|k| HORIZON_NAMES[*k]).collect();
        let mut writer = RiskWriter::create(path, &names, &horizon_names)?;
        let (mut subjects, mut asked_at) = (0u64, 0u64);
        let mut read = TokenizationCounts::default();
        self.chunks("predicting", &mut |chunk| {
            let tokens: Vec<TokenizedSubject> =
                chunk.iter().map(|subject| self.directory.tokenizer.tokenize(subject)).collect();
            tokens.iter().for_each(|tokens| read += tokens.counts);
            let moments: Vec<Vec<(usize, Time)>> = tokens.iter().map(|t| t.moments().collect()).collect();
            subjects += moments.iter().filter(|moments| !moments.is_empty()).count() as u64;
            let most = (RISKS_HELD / codes.len()).max(1);
            let pieces: Vec<(usize, &[(usize, Time)])> =
                moments.iter().enumerate().flat_map(|(i, m)| m.chunks(most).map(move |m| (i, m))).collect();
            let mut held = 0;
            let group_ends = |_: &(usize, &[(usize, Time)]), (_, next): &(usize, &[(usize, Time)])| {
                held += next.len();
                let goes_on = held < most;
                held = if goes_on { held } else { 0 };
                goes_on
            };
            for group in pieces.chunk_by(group_ends) {
                let spots: Vec<(Sequence<'_>, Vec<usize>)> = group
                    .iter()
                    .map(|(i, m)| (tokens[*i].as_sequence(), m.iter().map(|(place, _)| *place).collect()))
                    .collect();
                let tables = self.directory.model.risk_at_each(&spots, Some(&indices))?;
                for ((i, moments), tables) in group.iter().zip(tables) {
                    for ((_, time), table) in moments.iter().zip(&tables) {
                        asked_at += 1;
                        let chosen: Vec<Vec<f32>> =
                            table.rows().map(|(_, row)| horizons.iter().map(|k| row[*k]).collect()).collect();
                        writer.push(chunk[*i].id, *time, chosen.iter().map(Vec::as_slice))?;
                    }
                }
            }
            Ok(())
        })?;
        writer.finish()?;
        let told = format!(
            "risks of {} codes at {} moments of {} subjects",
            grouped(codes.len() as u64),
            grouped(asked_at),
            grouped(subjects)
        );
        let counts = serde_json::json!({
            "moments": asked_at, "subjects": subjects, "codes": codes.len(), "events_read": read_as::counted(read),
        });
        Ok((counts, told))
    }
}
