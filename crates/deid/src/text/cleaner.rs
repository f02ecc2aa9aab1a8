//! A text in, the text that may pass out: all layers, then the rewriting.

use super::rewrite::Years;
use super::{
    Chart, DateTreatment, Finder, Identifier, Known, Rewriter, Rewritten, Scratch, Settings, Span, Treatment,
    settle,
};

/// Of whom nothing is known, the oldest age that a year may tell.
const OLDEST_TOLD: i32 = 89;

/// Finds identifiers by every layer, and rewrites the text without them. Built once, shared by threads.
pub struct Cleaner {
    finder: Finder,
    kept: &'static [Identifier],
}

/// What was found in a text, and the text without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// What was found, as bytes of the text that was read, in order.
    pub spans: Vec<Span>,
    /// The text that may pass, and where in it each span's replacement stands.
    pub rewritten: Rewritten,
}

impl Cleaner {
    /// A cleaner that leaves `kept` where they stand: a limited data set keeps its dates.
    pub fn new(finder: Finder, kept: &'static [Identifier]) -> Self {
        Cleaner { finder, kept }
    }

    /// With other settings for what is looked for.
    pub fn with(self, settings: Settings) -> Self {
        Cleaner { finder: self.finder.with(settings), ..self }
    }

    /// Cleans one text of a subject. `chart` is what their record says of people and places; `date` is the day
    /// on which it was written; `note` is as in [`Rewriter::rewrite`].
    pub fn clean(
        &self,
        text: &str,
        chart: &Chart,
        rewriter: &Rewriter<'_>,
        (date, note): (Option<(i32, u32, u32)>, usize),
        scratch: &mut Scratch,
    ) -> Cleaned {
        let mut spans = Vec::new();
        self.finder.find_with(text, &Known { chart: Some(chart), date }, scratch, &mut spans);
        spans.retain(|span| !self.kept.contains(&span.identifier));
        if let Some(earliest) = rewriter.dates().earliest() {
            // Of whom nothing is known, the day of the note tells what would be a great age.
            let known = earliest < i32::MAX;
            let years = Years {
                lexicon: self.finder.lexicon(),
                introduced: matches!(rewriter.dates(), DateTreatment::Shift { .. })
                    && (known || rewriter.treatment() == Treatment::Surrogates),
                earliest: match date {
                    _ if known => earliest,
                    Some((year, _, _)) => year - OLDEST_TOLD,
                    None => i32::MIN,
                },
                births: chart.birth_years(),
            };
            years.find(text, &mut spans);
        }
        settle(&mut spans);
        let rewritten = rewriter.rewrite(text, &spans, date.map(|(year, _, _)| year), note);
        Cleaned { spans, rewritten }
    }
}
