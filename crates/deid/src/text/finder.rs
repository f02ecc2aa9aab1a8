//! All layers over one text.

use super::lexicon::Lexicon;
use super::page::{Page, Scratch};
use super::{Chart, Span, dates, names, places, professions, shapes, whitelist};

/// The longest text that is read at once; a longer one is read in pieces cut where a line or a word ends.
const PIECE: usize = 256 * 1024;

/// What to look for beyond what Safe Harbor asks.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Countries too. The rule lets them stay, and most published annotations count them; a country of origin can
    /// single a patient out, so they are found unless a site turns this off.
    pub countries: bool,
    /// Whatever is no plain English, clinical or measuring word, and every long number.
    pub whitelist: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { countries: true, whitelist: false }
    }
}

/// What is known of a text beforehand.
#[derive(Clone, Copy, Default)]
pub struct Known<'a> {
    /// What the patient's record says of people and places.
    pub chart: Option<&'a Chart>,
    /// Year, month and day on which the text was written: of days without their year, those that could be a share of
    /// something are days where they lie near it.
    pub date: Option<(i32, u32, u32)>,
}

/// Finds identifiers in text. Built once, shared by threads.
pub struct Finder {
    lexicon: Lexicon,
    settings: Settings,
}

impl Finder {
    /// With the word lists that ship with the program.
    pub fn shipped() -> Self {
        Finder { lexicon: Lexicon::shipped(), settings: Settings::default() }
    }

    /// With other settings.
    pub fn with(self, settings: Settings) -> Self {
        Finder { settings, ..self }
    }

    /// What it knows of words.
    pub(crate) fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// Appends what it finds to `spans`, unsettled, so that other layers' can be added before
    /// [`settle`](super::settle).
    pub fn find(&self, text: &str, scratch: &mut Scratch, spans: &mut Vec<Span>) {
        self.find_with(text, &Known::default(), scratch, spans);
    }

    /// As [`find`](Self::find), with what is known of the text: whose it is, and when it was written.
    pub fn find_with(&self, text: &str, known: &Known<'_>, scratch: &mut Scratch, spans: &mut Vec<Span>) {
        let mut start = 0;
        while start < text.len() {
            let end = piece_end(text, start);
            self.piece(&text[start..end], known, scratch);
            spans.extend(
                scratch
                    .spans
                    .iter()
                    .map(|span| Span::new(start + span.start..start + span.end, span.identifier)),
            );
            start = end;
        }
    }

    fn piece(&self, text: &str, known: &Known<'_>, scratch: &mut Scratch) {
        let mut keys = std::mem::take(&mut scratch.keys);
        let mut charted = std::mem::take(&mut scratch.charted);
        charted.clear();
        let mut page = Page::read(text, &self.lexicon, scratch);
        if let Some(chart) = known.chart {
            chart.find(&page, &self.lexicon, &mut charted);
        }
        dates::find(&mut page, known.date);
        shapes::find(&mut page);
        places::find(&mut page, self.settings.countries);
        names::find(&mut page, &mut keys);
        professions::find(&mut page);
        if self.settings.whitelist {
            whitelist::find(&mut page);
        }
        scratch.keys = keys;
        scratch.spans.extend_from_slice(&charted);
        scratch.charted = charted;
        for span in &mut scratch.spans {
            whole(text, span);
        }
    }
}

/// A number that was found within a longer run of letters, digits and dashes is part of that run, which goes whole.
fn whole(text: &str, span: &mut Span) {
    use super::Identifier::{Age, Date, Email, Location, Name, Organization, Profession, Url};
    if matches!(span.identifier, Age | Date | Email | Location | Name | Organization | Profession | Url) {
        return;
    }
    let bytes = text.as_bytes();
    let joins = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    // Longer runs are no one's number.
    const LONGEST: usize = 64;
    let (first, last) = (span.start, span.end);
    while span.start > 0 && joins(bytes[span.start - 1]) && first - span.start < LONGEST {
        span.start -= 1;
    }
    while span.end < bytes.len() && joins(bytes[span.end]) && span.end - last < LONGEST {
        span.end += 1;
    }
}

/// Where a piece that begins at `start` ends: at a line's end if it can, else at a space, else anywhere.
fn piece_end(text: &str, start: usize) -> usize {
    if text.len() - start <= PIECE {
        return text.len();
    }
    let mut limit = start + PIECE;
    while !text.is_char_boundary(limit) {
        limit -= 1;
    }
    let piece = &text.as_bytes()[start..limit];
    let cut = memchr::memrchr(b'\n', piece).or_else(|| memchr::memrchr(b' ', piece));
    cut.map_or(limit, |at| start + at + 1)
}
