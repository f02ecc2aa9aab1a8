//! How likely a model holds the records themselves.

use super::{Job, read_as};
use crate::progress::grouped;
use anyhow::{Context, Result};
use events::meds::{EventLikelihoodRow, LikelihoodWriter};
use model::{EventLikelihoods, LogLikelihood};
use rayon::prelude::*;
use smol_str::SmolStr;
use timeline::{Sequence, TokenizationCounts, TokenizedSubject};

impl Job<'_> {
    /// The log-likelihood of whole records, in nats per event.
    pub(super) fn likelihood(&self, out: &std::path::Path) -> Result<(serde_json::Value, String)> {
        let mut each: Vec<LogLikelihood> = Vec::new();
        let mut read = TokenizationCounts::default();
        let mut writer = LikelihoodWriter::create(&out.join("likelihood.parquet"))?;
        let model = &self.directory.model;
        self.chunks("reading", &mut |chunk| {
            let tokens: Vec<TokenizedSubject> =
                chunk.iter().map(|subject| self.directory.tokenizer.tokenize(subject)).collect();
            tokens.iter().for_each(|tokens| read += tokens.counts);
            let sequences: Vec<Sequence<'_>> =
                tokens.iter().map(TokenizedSubject::as_sequence).filter(|s| !s.is_empty()).collect();
            let scored: Vec<EventLikelihoods> =
                sequences.par_iter().map(|s| model.event_log_likelihoods(s)).collect::<Result<_, _>>()?;
            each.extend(scored.iter().map(EventLikelihoods::total));
            let mut rows = Vec::new();
            for (tokens, scored) in tokens.iter().filter(|t| !t.code.is_empty()).zip(&scored) {
                rows.extend(self.event_rows(tokens, scored));
            }
            writer.write(&rows)?;
            Ok(())
        })?;
        writer.finish()?;
        let mut total = LogLikelihood::default();
        each.iter().for_each(|one| total.add(one));
        let per_event = |part: fn(&LogLikelihood) -> f64| {
            let ratio = part(&total) / total.events.max(1) as f64;
            // The ratio's standard error by linearisation over subjects (Cochran 1977, section 6.4).
            let residuals: f64 = each.iter().map(|l| (part(l) - ratio * l.events as f64).powi(2)).sum();
            let error = residuals.sqrt() / total.events.max(1) as f64;
            serde_json::json!({ "mean": ratio, "low": ratio - 1.96 * error, "high": ratio + 1.96 * error })
        };
        let mut found = serde_json::json!({
            "unit": "nats per event; TIME tokens and the censored end are part of the code and time terms",
            "subjects": each.len(),
            "events": total.events,
            "code": per_event(|l| l.code),
            "time": per_event(|l| l.time),
            "code_and_time": per_event(|l| l.code + l.time),
            "value": per_event(|l| l.value),
        });
        let path = out.join("likelihood.json");
        std::fs::write(&path, format!("{found:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
        let told = format!(
            "{} events of {} subjects, code and time {:.4} nats per event [{:.4}, {:.4}]",
            grouped(total.events as u64),
            grouped(each.len() as u64),
            found["code_and_time"]["mean"].as_f64().unwrap_or(f64::NAN),
            found["code_and_time"]["low"].as_f64().unwrap_or(f64::NAN),
            found["code_and_time"]["high"].as_f64().unwrap_or(f64::NAN),
        );
        // For the manifest alone: it is about the records, not about their likelihood.
        found["events_read"] = read_as::counted(read);
        Ok((found, told))
    }

    /// One subject's scored events.
    fn event_rows<'a>(
        &'a self,
        tokens: &'a TokenizedSubject,
        scored: &'a EventLikelihoods,
    ) -> impl Iterator<Item = EventLikelihoodRow> + 'a {
        let vocabulary = self.directory.tokenizer.vocabulary();
        let first_age = tokens.age_days.get(tokens.static_len).copied();
        scored.events.iter().filter_map(move |event| {
            let age_days = tokens.age_days[event.position];
            Some(EventLikelihoodRow {
                subject_id: tokens.subject_id,
                time: tokens.origin?.plus_days(age_days),
                code: SmolStr::new(vocabulary.entry(tokens.code[event.position])?.code.as_str()),
                code_log_likelihood: event.code,
                time_log_likelihood: (Some(age_days) != first_age).then_some(event.time),
                value_log_likelihood: event.value,
            })
        })
    }
}
