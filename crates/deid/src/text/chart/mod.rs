//! The patient's own chart against the patient's notes: what a record says of people and places is found in its
//! text however it is written there.
//!
//! Names: in any order and case, without accents, by nickname, by initial, misspelt by a letter, misread by a
//! scanner. Addresses whole and in part. Numbers whatever stands between their digits. A name that is a word too
//! (Will, Rose, Long) counts where it stands as a name.

mod initials;
mod nearby;
mod nicknames;
mod numbers;
mod person;
mod phrases;
mod shapes;
mod streets;

use super::{Identifier, Span};
use events::{IdentityKind, SourceIdentity};

use super::fold::{LONGEST_WORD, fold, folded, scan, scanned, words};
use super::lexicon::{Class, Lexicon};
use super::page::Page;
use super::token::{Case, Token};
use initials::Initials;
use nearby::{Word, context};
use numbers::Numbers;
use person::Person;
use phrases::Phrases;
use rustc_hash::{FxHashMap, FxHashSet};
use shapes::Shapes;

/// Most identities of one chart that are looked for; a record with more than this many names is no one person's.
const MOST_IDENTITIES: usize = 20_000;
/// Shortest name that may be misspelt by a letter.
const SHORTEST_MISSPELT: usize = 5;

/// Is a folded word an ordinary or a clinical one, so that it may stand in a note without being a name?
type Ordinary<'a> = dyn Fn(&str) -> bool + 'a;

/// What to look for in one patient's notes.
#[derive(Default)]
pub struct Chart {
    /// Names by themselves.
    names: FxHashSet<Box<str>>,
    /// The names as a scanner might have read them.
    scanned: FxHashSet<Box<str>>,
    /// The names, each with one letter left out, to find those that are misspelt by one.
    shortened: FxHashMap<Box<str>, Vec<Box<str>>>,
    /// `van`, `de`, `O`: of these people's names, where one of the names follows.
    particles: FxHashSet<Box<str>>,
    /// Initials of everyone, in lower case, zeros after them.
    initials: FxHashSet<[u8; 4]>,
    phrases: Phrases,
    numbers: Numbers,
    /// Years of birth, which tell an age where they stand alone too.
    birth_years: Vec<i32>,
    /// Which shapes of word can be anything at all, so that most words cost one look.
    shapes: Shapes,
}

impl Chart {
    /// A chart of these identities.
    pub fn new<'i>(identities: impl IntoIterator<Item = &'i SourceIdentity>) -> Self {
        let mut chart = Chart::default();
        for identity in identities.into_iter().take(MOST_IDENTITIES) {
            chart.add(identity);
        }
        chart
    }

    /// The years in which it says that somebody was born.
    pub(crate) fn birth_years(&self) -> &[i32] {
        &self.birth_years
    }

    /// Is there nothing to look for?
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.phrases.is_empty() && self.numbers.is_empty()
    }

    fn add(&mut self, identity: &SourceIdentity) {
        let text = identity.text.as_str();
        match identity.kind {
            IdentityKind::Name | IdentityKind::OtherName => self.add_person(&Person::read(text)),
            IdentityKind::Organization => self.phrases.add_organization(text, &mut self.shapes),
            IdentityKind::AddressLine => self.phrases.add_address(text, &mut self.shapes),
            IdentityKind::City => self.phrases.add_city(text, &mut self.shapes),
            IdentityKind::PostalCode => {
                self.numbers.add(text, Identifier::Location);
                if let Some(five) = text.get(..5).filter(|_| text.len() > 5) {
                    self.numbers.add(five, Identifier::Location);
                }
            }
            IdentityKind::Phone => self.numbers.add_phone(text, Identifier::Phone),
            IdentityKind::Email => self.numbers.add(text, Identifier::Email),
            IdentityKind::Url => self.numbers.add(text, Identifier::Url),
            IdentityKind::RecordNumber => self.numbers.add(text, Identifier::MedicalRecordNumber),
            IdentityKind::PlanNumber => self.numbers.add(text, Identifier::HealthPlanNumber),
            IdentityKind::DeviceNumber => self.numbers.add(text, Identifier::Device),
            IdentityKind::BirthDate => {
                self.numbers.add_birth_date(text);
                self.birth_years.extend(text.get(..4).and_then(|year| year.parse::<i32>().ok()));
            }
        }
    }

    fn add_person(&mut self, person: &Person) {
        for name in person.telling() {
            self.add_name(name);
            if let Some(bare) = person::without_number(name) {
                self.add_name(bare);
                self.add_nicknames(bare);
            }
            self.add_nicknames(name);
        }
        for particle in person.particles() {
            // As it is, and as a scanner reads it: `dc` for `de`, `A1` for `Al`, `0'` for `O'`.
            let misread =
                [particle.replace('e', "c"), particle.replace('l', "1"), particle.replace('o', "0")];
            self.particles.extend(misread.map(Box::from));
            self.particles.insert(particle.into());
        }
        for joined in person.joined() {
            self.shapes.add(&joined);
            self.names.insert(joined.into());
        }
        self.initials.extend(person.initials().iter().filter(|letters| letters.len() <= 4).map(|letters| {
            let mut padded = [0; 4];
            padded[..letters.len()].copy_from_slice(letters.as_bytes());
            padded
        }));
    }

    fn add_nicknames(&mut self, name: &str) {
        for nickname in nicknames::of(name) {
            self.add_name(nickname);
        }
    }

    fn add_name(&mut self, name: &str) {
        self.shapes.add(name);
        if !self.names.insert(name.into()) {
            return;
        }
        self.scanned.insert(scanned(name).into());
        if name.chars().count() >= SHORTEST_MISSPELT {
            let misread = scanned(name);
            for name in [name, &misread] {
                for short in shortened(name).chain([name.to_owned()]) {
                    self.shortened.entry(short.into()).or_default().push(name.into());
                }
            }
        }
    }

    /// Adds what the chart knows of in a text to `spans`, whose words the finder has read already.
    pub(super) fn find(&self, page: &Page, lexicon: &Lexicon, spans: &mut Vec<Span>) {
        if self.is_empty() {
            return;
        }
        let mut reading = Reading {
            seen: Vec::new(),
            last_number: 0,
            buffer: String::new(),
            misread: String::new(),
            short: String::new(),
            spans,
        };
        let (text, tokens) = (page.text(), page.tokens());
        let ordinary = |word: &str| lexicon.word(word).1.any(Class::PLAIN);
        let (mut at, mut initials_end) = (0, 0);
        while let Some(token) = tokens.get(at) {
            if !(token.is_word() || token.is_number()) {
                at += 1;
                continue;
            }
            // A run of letters and digits is one word here: `R0berta`.
            let first = at;
            at += 1;
            while tokens
                .get(at)
                .is_some_and(|next| next.start == tokens[at - 1].end && (next.is_word() || next.is_number()))
            {
                at += 1;
            }
            let (start, end) = (token.start as usize, tokens[at - 1].end as usize);
            let alone = at == first + 1;
            if alone && !token.apostrophe {
                self.number(text, start, &mut reading);
                let is_plain = token.class.any(Class::PLAIN);
                if self.may_be_known(text.as_bytes(), token, is_plain) {
                    self.word(text, (start, end), Some(is_plain), at, &ordinary, &mut reading);
                }
            } else {
                for (from, to) in words(&text[start..end]) {
                    let (start, end) = (start + from, start + to);
                    self.number(text, start, &mut reading);
                    self.word(text, (start, end), None, at, &ordinary, &mut reading);
                }
            }
            if start >= initials_end
                && initials::may_be_initials(text, token)
                && let Some(found) = initials::find(page, start, &self.initials)
            {
                initials_end = found.range.end;
                self.keep_initials(page, &found, first, &ordinary, reading.spans);
            }
        }
        let seen = std::mem::take(&mut reading.seen);
        self.keep_names(page, &seen, reading.spans);
    }

    /// The number that begins at `start`.
    #[inline]
    fn number(&self, text: &str, start: usize, reading: &mut Reading<'_>) {
        if start >= reading.last_number
            && let Some((end, identifier)) = self.numbers.at(text.as_bytes(), start)
        {
            reading.spans.push(Span::new(start..end, identifier));
            reading.last_number = end;
        }
    }

    /// Whether [`word`](Self::word) could find anything in a token that stands by itself: most words cost this alone.
    #[inline]
    fn may_be_known(&self, text: &[u8], token: &Token, is_plain: bool) -> bool {
        let word = &text[token.start as usize..token.end as usize];
        !token.ascii
            || self.shapes.hold(word)
            || !is_plain
                && match token.case {
                    // Numbers are of this case too.
                    Case::Lower => word[0] == b'l',
                    _ => true,
                }
    }

    /// Looks one word up. `plain` says whether it is an ordinary one, where that is known; `next` is the token behind.
    fn word(
        &self,
        text: &str,
        (start, end): (usize, usize),
        plain: Option<bool>,
        next: usize,
        ordinary: &Ordinary<'_>,
        reading: &mut Reading<'_>,
    ) {
        let word = &text[start..end];
        let possible = self.shapes.possible(word);
        if end - start > LONGEST_WORD || !(possible || plain != Some(true) && may_be_misread(word)) {
            return;
        }
        let buffer = &mut reading.buffer;
        fold(word, buffer);
        let is_ordinary = |name: &str| plain.unwrap_or_else(|| ordinary(name));
        let begins = possible && self.phrases.begins(buffer);
        if begins {
            self.phrases.at(text, buffer, (start, end), ordinary, reading.spans);
        }
        let misread = &mut reading.misread;
        misread.clear();
        if may_be_misread(word) && !is_ordinary(buffer) {
            scan(buffer, misread);
            if !begins {
                for first in self.phrases.misread(misread) {
                    self.phrases.at(text, first, (start, end), ordinary, reading.spans);
                }
            }
        }
        let written = Written { word, name: buffer, misread, short: &mut reading.short };
        if let Some(is_ordinary) = self.is_name(written, &is_ordinary, ordinary) {
            reading.seen.push(Word { start, end, next, is_ordinary });
        }
    }

    /// Is it one of the names, or nearly? And could it be an ordinary word?
    fn is_name(
        &self,
        Written { word, name, misread, short }: Written<'_>,
        is_ordinary: &Ordinary<'_>,
        ordinary: &Ordinary<'_>,
    ) -> Option<bool> {
        if self.names.contains(name) {
            return Some(is_ordinary(name));
        }
        if let Some(bare) = name.strip_suffix('s').filter(|bare| self.names.contains(*bare)) {
            // A possessive without its apostrophe.
            return Some(is_ordinary(name) || ordinary(bare));
        }
        let letters = word.chars().count();
        if letters < 4 || is_ordinary(name) {
            return None;
        }
        if misread.is_empty() {
            scan(name, misread);
        }
        let mut is_near = |name: &str| letters >= SHORTEST_MISSPELT && self.is_misspelt(name, short);
        (self.scanned.contains(misread.as_str()) || is_near(name) || is_near(misread)).then_some(false)
    }

    /// Is it one of the names but for one letter: another, missing, one too many, or two changed over?
    fn is_misspelt(&self, word: &str, short: &mut String) -> bool {
        let near = |short: &str| {
            let names = self.shortened.get(short);
            names.is_some_and(|names| names.iter().any(|name| within_one(name, word)))
        };
        near(word)
            || word.char_indices().any(|(at, letter)| {
                leave_out(word, (at, letter), short);
                near(short)
            })
    }

    /// Of the words that are names, those that stand as names, joined with their neighbours and initials.
    fn keep_names(&self, page: &Page, seen: &[Word], spans: &mut Vec<Span>) {
        let text = page.text();
        for (at, word) in seen.iter().enumerate() {
            let before =
                at.checked_sub(1).map(|at| &seen[at]).filter(|before| nearby::adjoin(text, before, word));
            let after = seen.get(at + 1).filter(|after| nearby::adjoin(text, word, after));
            let particle = nearby::particle_before(text, word.start)
                .is_some_and(|particle| self.is_particle(&text[particle]));
            // `Art van den Heuvel`: particles alone stand between.
            let joined =
                seen.get(at + 1).is_some_and(|after| self.particles_between(text, word.end, after.start));
            if !context(page, word, before.is_some() || after.is_some() || particle || joined) {
                continue;
            }
            let (start, end) = nearby::with_initials(text, word.start, word.end);
            let start = nearby::with_given(page, word, start);
            let start = self.with_particles(page, word, start);
            // Names beside each other are one: the space between says how many there were.
            match before.and_then(|before| {
                spans.last_mut().filter(|last| last.end >= before.end && last.end <= start)
            }) {
                Some(last) if last.identifier == Identifier::Name => last.end = end,
                _ => spans.push(Span::new(start..end, Identifier::Name)),
            }
        }
    }

    /// Is it a particle of one of the names, as it stands or as a scanner reads it?
    fn is_particle(&self, written: &str) -> bool {
        if self.particles.is_empty() {
            return false;
        }
        match written.is_ascii() {
            true => {
                let mut lower = [0; nearby::LONGEST_PARTICLE];
                let Some(lower) = lower.get_mut(..written.len()) else { return false };
                lower.copy_from_slice(written.as_bytes());
                lower.make_ascii_lowercase();
                std::str::from_utf8(lower).is_ok_and(|lower| self.particles.contains(lower))
            }
            false => self.particles.contains(folded(written).as_str()),
        }
    }

    /// Does nothing but particles stand between two names?
    fn particles_between(&self, text: &str, end: usize, start: usize) -> bool {
        const FARTHEST: usize = 24;
        let Some(between) = text.get(end..start).filter(|between| between.len() <= FARTHEST) else {
            return false;
        };
        let mut found = words(between).peekable();
        found.peek().is_some()
            && found.all(|(from, to)| self.is_particle(&between[from..to]))
            && between
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '\n' | '\'' | '’' | '-' | '.'))
            && !between.starts_with('.')
    }

    /// A name's span with the particles before it, and what stands before those: `J. van der Berg`.
    fn with_particles(&self, page: &Page, word: &Word, start: usize) -> usize {
        let text = page.text();
        let mut from = start;
        while let Some(particle) = nearby::particle_before(text, from) {
            if !self.is_particle(&text[particle.clone()]) {
                break;
            }
            from = particle.start;
        }
        if from == start {
            return start;
        }
        let (from, _) = nearby::with_initials(text, from, word.end);
        nearby::with_given(page, word, from)
    }

    /// `J.S.`, `J. M. S.`, and `JS` where someone's initials stand.
    fn keep_initials(
        &self,
        page: &Page,
        found: &Initials,
        first: usize,
        ordinary: &Ordinary<'_>,
        spans: &mut Vec<Span>,
    ) {
        let letters = found.letters.to_ascii_lowercase();
        let class = page.lexicon_class(first, &letters);
        let usual = class.any(Class::ABBREVIATION);
        // Without stops they are nobody's where the letters mean anything else.
        let free = class.is_none() && !usual || class.any(Class::NAME) && !class.any(Class::PLAIN);
        let stands = match found.is_dotted {
            true => {
                found.is_alone
                    || found.is_introduced
                    || !usual
                    || found.acts
                    || found.signs
                    || found.ends_phrase && (found.is_mentioned || found.listed)
            }
            false => {
                found.is_alone
                    || found.is_introduced && (!ordinary(&letters) || found.does)
                    || (found.is_mentioned || found.signs || found.acts) && free
            }
        };
        if stands {
            spans.push(Span::new(found.range.clone(), Identifier::Name));
        }
    }
}

/// A word as it stands, folded, as a scanner might have read it (empty until that is known), and room for more.
struct Written<'w> {
    word: &'w str,
    name: &'w str,
    misread: &'w mut String,
    short: &'w mut String,
}

/// What is being found in one text.
struct Reading<'s> {
    seen: Vec<Word>,
    last_number: usize,
    buffer: String,
    /// The word as a scanner might have read it, and with a letter left out.
    misread: String,
    short: String,
    spans: &'s mut Vec<Span>,
}

/// A word that no dictionary has to be asked about, unless it begins with a capital, mixes letters and digits, or has
/// nothing but letters that digits are taken for.
fn may_be_misread(word: &str) -> bool {
    let bytes = word.as_bytes();
    // A scanner reads a capital I as a small l: `lrene`, which no word begins like.
    let capital = bytes[0].is_ascii_uppercase()
        || bytes[0] >= 0x80
        || bytes[0] == b'l' && bytes.len() > 2 && !b"aeiouy".contains(&bytes[1]);
    (bytes.len() >= 3 && capital)
        || (bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic))
        || bytes.len() > 1
            && bytes.iter().all(|byte| b"OoIlSsBbZzGgqTA".contains(byte))
            && bytes.iter().any(u8::is_ascii_uppercase)
}

/// Each way to leave one letter out.
fn shortened(word: &str) -> impl Iterator<Item = String> + '_ {
    word.char_indices().map(|letter| {
        let mut short = String::with_capacity(word.len());
        leave_out(word, letter, &mut short);
        short
    })
}

/// The word without this letter.
fn leave_out(word: &str, (at, letter): (usize, char), short: &mut String) {
    short.clear();
    short.push_str(&word[..at]);
    short.push_str(&word[at + letter.len_utf8()..]);
}

/// Damerau's distance of at most one.
fn within_one(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let same_before = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same_before..], &b[same_before..]);
    let same_after = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[..a.len() - same_after], &b[..b.len() - same_after]);
    match (a, b) {
        (a, b) if a.len().max(b.len()) <= 1 => true,
        ([w, x], [y, z]) => w == z && x == y,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
