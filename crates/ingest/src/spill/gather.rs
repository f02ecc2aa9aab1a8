//! From buckets back to subjects, in ascending order of route, each with its facts in one fixed order.

use super::{
    BUCKETS, Spill,
    record::{self, Decoder, Record},
};
use crate::{
    Error, Limits, Rejection, Version,
    rows::is_padded,
    version::{Read, Settled},
};
use events::{Code, Identified, SourceEvent, SourceFact, SourceSubject};
use rustc_hash::FxHashSet;

/// Keys of as many digits or more are counted as one length.
pub(crate) const KEY_DIGITS: usize = 24;

/// Some whole subjects, in ascending order of route.
#[derive(Default)]
pub(crate) struct Batch {
    pub subjects: Vec<Identified<SourceSubject>>,
    pub facts: u64,
    pub duplicates: u64,
    pub displaced: u64,
    /// Ends of follow-up of who is still watched.
    pub ends_left_out: u64,
    /// Keys of digits alone, by their length: those that begin with a zero, and the others.
    pub padded_keys: [u64; KEY_DIGITS],
    pub plain_keys: [u64; KEY_DIGITS],
    /// Subjects of whom something is told beside the end of follow-up.
    pub with_facts: u64,
    /// Of them, those without a birth.
    pub without_birth: u64,
    /// And those without a sex.
    pub without_sex: u64,
    pub rejections: Vec<Rejection>,
}

/// Completes a fact that refers to something read elsewhere in the sources, or says why it can't.
pub(crate) type Complete<'a> = dyn Fn(&mut SourceFact, &Settled) -> Result<(), Rejection> + 'a;

/// Gathers a spill.
pub(crate) struct Gather<'a> {
    limits: &'a Limits,
    complete: &'a Complete<'a>,
    withdrawn: &'a dyn Fn(u64, &mut Vec<Version>),
    deliver: &'a mut dyn FnMut(Batch) -> bool,
    batch: Batch,
    decoder: Decoder,
    origins: FxHashSet<u64>,
    stopped: bool,
    /// Are buckets to stay, to be gathered again?
    keep: bool,
}

impl<'a> Gather<'a> {
    /// `withdrawn` adds what was said of a resource's end without its subject; `deliver` takes each batch, and ends the
    /// work by `false`.
    pub(crate) fn new(
        limits: &'a Limits,
        complete: &'a Complete<'a>,
        withdrawn: &'a dyn Fn(u64, &mut Vec<Version>),
        deliver: &'a mut dyn FnMut(Batch) -> bool,
    ) -> Self {
        Gather {
            limits,
            complete,
            withdrawn,
            deliver,
            batch: Batch::default(),
            decoder: Decoder::default(),
            origins: FxHashSet::default(),
            stopped: false,
            keep: false,
        }
    }

    /// Delivers every subject of `spill`, which can be gathered again.
    ///
    /// # Errors
    /// As [`Gather::all`].
    pub(crate) fn all_but_keep(mut self, spill: &Spill) -> Result<(), Error> {
        self.keep = true;
        self.spill(spill)?;
        self.hand_over();
        Ok(())
    }

    /// Delivers every subject of `spill`, and returns how many bytes had been spilled to disk.
    ///
    /// # Errors
    /// When the spill cannot be read, or two subjects share a route.
    pub(crate) fn all(mut self, spill: Spill) -> Result<u64, Error> {
        self.spill(&spill)?;
        self.hand_over();
        Ok(spill.spilled_bytes())
    }

    fn spill(&mut self, spill: &Spill) -> Result<(), Error> {
        for bucket in 0..BUCKETS {
            if spill.bytes(bucket) > 0 && !self.stopped {
                self.bucket(spill, bucket)?;
                self.clear(spill, bucket);
            }
        }
        Ok(())
    }

    fn bucket(&mut self, spill: &Spill, bucket: usize) -> Result<(), Error> {
        if spill.bytes(bucket) <= self.limits.gather_bytes as u64 {
            self.load(spill, bucket)
        } else if spill.lowest(bucket) == spill.highest(bucket) {
            self.large_subject(spill, bucket)
        } else {
            let finer = spill.within(bucket);
            let mut writer = finer.writer(self.limits.spill_buffer_bytes);
            spill.chunks(bucket, &mut |mut chunk| {
                while !chunk.is_empty() {
                    writer.push_record(&record::take(&mut chunk).ok_or(Error::SpillAltered)?)?;
                }
                Ok(())
            })?;
            writer.finish()?;
            self.clear(spill, bucket);
            // What is within a bucket is made anew each time.
            let keep = std::mem::take(&mut self.keep);
            self.spill(&finer)?;
            self.keep = keep;
            Ok(())
        }
    }

    fn clear(&self, spill: &Spill, bucket: usize) {
        if !self.keep {
            spill.clear(bucket);
        }
    }

    /// One subject that alone is larger than what is gathered at once: looked through before it is loaded.
    fn large_subject(&mut self, spill: &Spill, bucket: usize) -> Result<(), Error> {
        let mut first_key: Option<Vec<u8>> = None;
        spill.chunks(bucket, &mut |mut chunk| {
            while !chunk.is_empty() {
                let record = record::take(&mut chunk).ok_or(Error::SpillAltered)?;
                if record.key != first_key.get_or_insert_with(|| record.key.to_vec()).as_slice() {
                    return Err(Error::RouteCollision);
                }
            }
            Ok(())
        })?;
        if spill.bytes(bucket) > self.limits.max_subject_bytes as u64 {
            self.reject("more bytes of facts than one subject may have");
            Ok(())
        } else {
            self.load(spill, bucket)
        }
    }

    fn load(&mut self, spill: &Spill, bucket: usize) -> Result<(), Error> {
        let mut bytes = Vec::with_capacity(spill.bytes(bucket) as usize);
        spill.chunks(bucket, &mut |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        self.clear(spill, bucket);
        let mut records = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            records.push(record::take(&mut rest).ok_or(Error::SpillAltered)?);
        }
        records.sort_unstable_by(|a, b| {
            (a.route, a.key, a.fact, a.version).cmp(&(b.route, b.key, b.fact, b.version))
        });
        let mut previous = None;
        for subject in records.chunk_by(|a, b| a.route == b.route && a.key == b.key) {
            if previous.replace(subject[0].route) == Some(subject[0].route) {
                return Err(Error::RouteCollision);
            }
            self.subject(subject)?;
            if self.stopped {
                break;
            }
        }
        Ok(())
    }

    fn subject(&mut self, records: &[Record<'_>]) -> Result<(), Error> {
        let key = std::str::from_utf8(records[0].key).map_err(|_| Error::SpillAltered)?.to_owned();
        let mut facts = Vec::with_capacity(records.len());
        let settled = Settled::new(&records, self.withdrawn);
        // Copies and older versions, which come with every export, are none of its facts.
        let counting =
            |(at, record): &(usize, &Record<'_>)| settled.counts(*at) && record::is_fact(record.fact);
        if records.iter().enumerate().filter(counting).count() > self.limits.max_facts_per_subject {
            self.reject("more facts than one subject may have");
            return Ok(());
        }
        self.batch.duplicates += settled.duplicates;
        self.batch.displaced += settled.displaced;
        self.batch.ends_left_out += settled.ends_left_out;
        self.origins.clear();
        let mut previous: &[u8] = &[];
        for (at, record) in records.iter().enumerate() {
            if !settled.counts(at) || !record::is_fact(record.fact) {
                continue;
            }
            // Facts are in order, so that equal ones stand side by side. Those of a resource's version differ from each other, and copies
            // of it were left out; but ends of several periods of observation may be the same.
            let has_version = record::version(record.version).is_some();
            if record.fact == previous && (has_version || record::is_identity(record.fact)) {
                self.batch.duplicates += u64::from(has_version);
                continue;
            }
            previous = record.fact;
            let origin = if has_version { 0 } else { record::origin(record.fact) };
            if origin != 0 && !self.origins.insert(origin) {
                self.batch.duplicates += 1;
                continue;
            }
            let mut fact = self.decoder.fact(record.fact).ok_or(Error::SpillAltered)?;
            match (self.complete)(&mut fact, &settled) {
                // What an identity refers to is not always among the sources.
                Ok(()) if matches!(&fact, SourceFact::Identity(identity) if identity.text.is_empty()) => {}
                Ok(()) => facts.push(fact),
                Err(rejection) => self.batch.rejections.push(rejection),
            }
        }
        if !facts.is_empty() {
            self.batch.facts += facts.len() as u64;
            let lacks = |is: &dyn Fn(&SourceEvent) -> bool| {
                !facts.iter().any(|fact| matches!(fact, SourceFact::Event(event) if is(event)))
            };
            let is = |event: &SourceEvent, code: &str| event.system.is_empty() && event.code == code;
            if !lacks(&|event| !is(event, Code::FOLLOWUP_END)) {
                self.batch.with_facts += 1;
                self.batch.without_birth += u64::from(lacks(&|event| is(event, Code::BIRTH)));
                self.batch.without_sex += u64::from(lacks(&|event| event.system == "GENDER"));
            }
            if key.bytes().all(|byte| byte.is_ascii_digit()) {
                let lengths = match is_padded(&key) {
                    true => &mut self.batch.padded_keys,
                    false => &mut self.batch.plain_keys,
                };
                lengths[key.len().min(KEY_DIGITS - 1)] += 1;
            }
            self.batch.subjects.push(Identified::new(SourceSubject { key, facts }));
        }
        if self.batch.facts >= self.limits.batch_facts as u64 {
            self.hand_over();
        }
        Ok(())
    }

    fn reject(&mut self, reason: &'static str) {
        self.batch.rejections.push(Rejection {
            file: String::new(),
            line: 0,
            kind: "subject",
            field: String::new(),
            reason,
        });
    }

    fn hand_over(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if !self.stopped && !(self.deliver)(batch) {
            self.stopped = true;
        }
    }
}

impl Read for &[Record<'_>] {
    fn len(&self) -> usize {
        <[_]>::len(self)
    }

    fn version(&self, at: usize) -> Option<Version> {
        record::version(self[at].version)
    }

    fn is_fact(&self, at: usize) -> bool {
        record::is_fact(self[at].fact)
    }

    fn is_same(&self, a: usize, b: usize) -> bool {
        self[a].fact == self[b].fact
    }
}
