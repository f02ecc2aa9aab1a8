//! What of a subject's record a timeline holds, up to a moment.

use events::{Code, Event, Subject, Time};

/// The part of a record that is known at a moment: what the vocabulary counts and the tokenizer turns into
/// tokens, so that both see the same.
pub(crate) struct Record<'a> {
    undated: &'a [Event],
    dated: &'a [Event],
    pub birth: Option<Time>,
    /// The first dated death; of a whole record none that came after the end of follow-up
    /// ([`Subject::followup_end`]).
    pub death: Option<Time>,
    pub followup_end: Option<Time>,
    /// Events dated after death, left out.
    pub after_death: u64,
    /// Of a whole record: events dated after the end of follow-up, left out; death among them.
    pub after_followup: u64,
}

impl<'a> Record<'a> {
    /// The record up to and including `until`, or all of it.
    pub fn of(subject: &'a Subject, until: Option<Time>) -> Self {
        let events = subject.events();
        let (undated, dated) = events.split_at(events.partition_point(|event| event.time.is_none()));
        let dated = match until {
            Some(until) => &dated[..dated.partition_point(|event| event.time <= Some(until))],
            None => dated,
        };
        let mut record = Record {
            undated,
            dated,
            birth: None,
            death: None,
            followup_end: None,
            after_death: 0,
            after_followup: 0,
        };
        for event in dated {
            let seen = match event.code.as_str() {
                Code::BIRTH => &mut record.birth,
                Code::DEATH => &mut record.death,
                Code::FOLLOWUP_END => {
                    // Of several periods of observation the last counts; events come by time.
                    record.followup_end = event.time;
                    continue;
                }
                _ => continue,
            };
            *seen = seen.or(event.time);
        }
        if record.death.is_some() {
            let kept = dated.partition_point(|event| event.time <= record.death);
            record.after_death = dated[kept..].iter().filter(|event| is_fact(event)).count() as u64;
            record.dated = &dated[..kept];
        }
        // Of a whole record: what a source tells of somebody after the end of their follow-up, death too, is nothing that others' could
        // be told beside: who had it is on record, who didn't is not. As history it counts.
        if until.is_none() && record.followup_end.is_some() {
            if record.death > record.followup_end {
                record.death = None;
                record.after_followup += 1;
            }
            let kept = record.dated.partition_point(|event| event.time <= record.followup_end);
            record.after_followup +=
                record.dated[kept..].iter().filter(|event| is_fact(event)).count() as u64;
            record.dated = &record.dated[..kept];
        }
        record
    }

    /// Everything that becomes a token, but death.
    pub fn facts(&self) -> impl Iterator<Item = &'a Event> + use<'a> {
        self.undated_facts().chain(self.dated_facts())
    }

    /// Static facts.
    pub fn undated_facts(&self) -> impl Iterator<Item = &'a Event> + use<'a> {
        self.undated.iter().filter(|event| is_fact(event))
    }

    /// Dated facts but death, by time.
    pub fn dated_facts(&self) -> impl Iterator<Item = &'a Event> + use<'a> {
        self.dated.iter().filter(|event| is_fact(event))
    }
}

/// Birth is told by age, death and the end of follow-up by how the record closes. Without a date none of the
/// three says anything that a timeline could use, and a static death would tell the outcome in advance.
fn is_fact(event: &Event) -> bool {
    !matches!(event.code.as_str(), Code::BIRTH | Code::DEATH | Code::FOLLOWUP_END)
}
