//! Patients that callers leave here to ask about again: de-identified records, in memory alone, each for its caller alone.
//!
//! What is kept is bounded in bytes, over all callers and for each; whoever leaves more loses what he has not used for
//! longest. A patient that nobody asks about for a while goes. Nothing of it is on disk, so a server that is started anew keeps nobody.

use crate::{Patient, ServeSettings, error::ApiError, metrics::Metrics};
use events::Event;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Why a patient is kept no longer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Removal {
    /// Nobody asked for too long.
    Expired,
    /// Others needed the room.
    Evicted,
    /// The caller said so.
    Deleted,
}

/// A turn at changing one patient.
pub(crate) type Turn = tokio::sync::Mutex<()>;

/// A patient that may be kept, and the memory that it takes.
pub(crate) struct Weighed {
    patient: Arc<Patient>,
    bytes: usize,
}

/// The limits, of [`ServeSettings`].
#[derive(Clone, Copy, Debug)]
struct Limits {
    bytes: usize,
    bytes_per_caller: usize,
    events: usize,
    idle: Duration,
}

pub(crate) struct KeptPatients {
    limits: Limits,
    state: Mutex<State>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct State {
    patients: HashMap<String, Kept>,
    /// Who was used when, the longest ago first; since all may be idle equally long, also the order in which they expire.
    by_use: BTreeMap<u64, String>,
    uses: u64,
    bytes: usize,
    bytes_of: HashMap<Arc<str>, usize>,
}

struct Kept {
    owner: Arc<str>,
    patient: Arc<Patient>,
    /// Whose turn it is to change the patient, until the change is on record.
    turn: Arc<Turn>,
    bytes: usize,
    used: u64,
    expires: Instant,
}

impl KeptPatients {
    pub(crate) fn new(settings: &ServeSettings, metrics: Arc<Metrics>) -> Self {
        let limits = Limits {
            bytes: settings.max_kept_bytes,
            bytes_per_caller: settings.max_kept_bytes_per_caller,
            events: settings.max_kept_events,
            idle: settings.kept_idle,
        };
        KeptPatients { limits, state: Mutex::default(), metrics }
    }

    /// How long a patient is kept that nobody asks about.
    pub(crate) fn idle(&self) -> Duration {
        self.limits.idle
    }

    /// Keeps a patient for `owner` under this name, which nobody must be able to guess.
    pub(crate) fn put(&self, owner: &Arc<str>, id: &str, patient: Weighed) {
        let Weighed { patient, bytes } = patient;
        let (turn, expires) = (Arc::default(), self.expiry());
        let kept = Kept { owner: owner.clone(), patient, turn, bytes, used: 0, expires };
        let mut state = self.lock();
        state.insert(id.to_owned(), kept);
        self.make_room(&mut state, owner, id);
    }

    /// The turn at changing a patient, if `owner` left it here. Who has it alone reads the patient to change it, has that recorded, and
    /// puts it in its place.
    pub(crate) fn turn(&self, owner: &str, id: &str) -> Result<Arc<Turn>, ApiError> {
        let state = self.lock();
        state
            .patients
            .get(id)
            .filter(|kept| kept.is_of(owner))
            .map(|kept| kept.turn.clone())
            .ok_or(ApiError::NoSuchPatient)
    }

    /// The patient, if `owner` left it here and it is still kept; what is somebody else's is as if it weren't there.
    pub(crate) fn get(&self, owner: &str, id: &str) -> Result<Arc<Patient>, ApiError> {
        let mut state = self.lock();
        let mut kept = state.take(owner, id)?;
        kept.expires = self.expiry();
        let patient = kept.patient.clone();
        state.insert(id.to_owned(), kept);
        Ok(patient)
    }

    /// Puts `after` in the patient's place, unless it went meanwhile.
    pub(crate) fn replace(&self, owner: &Arc<str>, id: &str, after: Weighed) {
        let mut state = self.lock();
        let Ok(mut kept) = state.take(owner, id) else { return };
        (kept.patient, kept.bytes) = (after.patient, after.bytes);
        kept.expires = self.expiry();
        state.insert(id.to_owned(), kept);
        self.make_room(&mut state, owner, id);
    }

    /// Lets a patient go, if it hasn't yet.
    pub(crate) fn delete(&self, owner: &str, id: &str) {
        let mut state = self.lock();
        if state.take(owner, id).is_ok() {
            self.told(&state, Removal::Deleted);
        }
    }

    /// Lets those go whose time is over.
    pub(crate) fn sweep(&self) {
        self.expire(&mut self.lock());
    }

    fn expiry(&self) -> Instant {
        Instant::now() + self.limits.idle
    }

    /// Refuses what is larger than may be kept.
    pub(crate) fn weighed(&self, patient: Arc<Patient>) -> Result<Weighed, ApiError> {
        let (events, bytes) = (patient.subject.events().len(), bytes_of(&patient));
        if events > self.limits.events || bytes > self.limits.bytes_per_caller {
            return Err(ApiError::PatientTooLarge { limit: self.limits.events });
        }
        Ok(Weighed { patient, bytes })
    }

    /// Evicts until everything fits, never the patient `newest`.
    fn make_room(&self, state: &mut State, owner: &Arc<str>, newest: &str) {
        self.expire(state);
        loop {
            let of_owner = state.bytes_of.get(owner).copied().unwrap_or(0);
            let own_share = of_owner > self.limits.bytes_per_caller;
            if !own_share && state.bytes <= self.limits.bytes {
                break;
            }
            let may_go = |id: &&String| {
                **id != newest
                    && (!own_share || state.patients.get(*id).is_some_and(|kept| kept.owner == *owner))
            };
            let Some(id) = state.by_use.values().find(may_go).cloned() else { break };
            state.remove(&id);
            self.told(state, Removal::Evicted);
        }
        self.metrics.patients_kept(state.patients.len(), state.bytes);
    }

    fn expire(&self, state: &mut State) {
        let now = Instant::now();
        while let Some(id) = state.by_use.values().next().cloned()
            && state.patients.get(&id).is_none_or(|kept| kept.expires <= now)
        {
            state.remove(&id);
            self.told(state, Removal::Expired);
        }
    }

    fn told(&self, state: &State, removal: Removal) {
        self.metrics.patient_let_go(removal);
        self.metrics.patients_kept(state.patients.len(), state.bytes);
    }

    /// No code that can panic runs under the lock, so that a poisoned one still holds a sound state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Is it this caller's, and its time not over?
    fn is_of(&self, owner: &str) -> bool {
        *self.owner == *owner && self.expires > Instant::now()
    }
}

impl State {
    fn insert(&mut self, id: String, mut kept: Kept) {
        self.uses += 1;
        kept.used = self.uses;
        self.by_use.insert(kept.used, id.clone());
        self.bytes += kept.bytes;
        *self.bytes_of.entry(kept.owner.clone()).or_default() += kept.bytes;
        self.patients.insert(id, kept);
    }

    fn take(&mut self, owner: &str, id: &str) -> Result<Kept, ApiError> {
        if !self.patients.get(id).is_some_and(|kept| kept.is_of(owner)) {
            return Err(ApiError::NoSuchPatient);
        }
        self.remove(id).ok_or(ApiError::NoSuchPatient)
    }

    fn remove(&mut self, id: &str) -> Option<Kept> {
        let kept = self.patients.remove(id)?;
        self.by_use.remove(&kept.used);
        self.bytes -= kept.bytes;
        if let Some(bytes) = self.bytes_of.get_mut(&kept.owner) {
            *bytes -= kept.bytes;
            if *bytes == 0 {
                self.bytes_of.remove(&kept.owner);
            }
        }
        Some(kept)
    }
}

/// Bytes that a record takes in memory, its place in the tables counted with it.
fn bytes_of(patient: &Patient) -> usize {
    // Longer words lie outside of their event.
    let outside = |text: &str| if text.len() > 22 { text.len() + 16 } else { 0 };
    let event = |event: &Event| {
        let texts = [Some(event.code.as_str()), event.unit.as_deref(), event.text_value.as_deref()];
        size_of::<Event>() + texts.into_iter().flatten().map(outside).sum::<usize>()
    };
    const PLACE: usize = 512;
    PLACE + patient.subject.events().iter().map(event).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RecordCounts, uuid::new_uuid};
    use events::{Code, Deidentified, Subject, Time};

    fn patient(events: usize) -> Arc<Patient> {
        let event = |day| Event::new(Time::from_ymd(2020, 1, 1 + day as u32 % 28), Code::of("LOINC", "1-8"));
        #[allow(clippy::disallowed_methods, reason = "a made-up record is nobody's")]
        let subject = Deidentified::vouch(Subject::new(1, (0..events).map(event).collect()));
        Arc::new(Patient { subject, counts: RecordCounts::default(), person: None, dead: false })
    }

    fn kept(bytes: usize, bytes_per_caller: usize, idle: Duration) -> KeptPatients {
        let settings = ServeSettings {
            max_kept_bytes: bytes,
            max_kept_bytes_per_caller: bytes_per_caller,
            max_kept_events: 50,
            kept_idle: idle,
            ..Default::default()
        };
        KeptPatients::new(&settings, Arc::new(Metrics::new()))
    }

    /// Keeps a patient, and says under which name.
    fn put(store: &KeptPatients, owner: &Arc<str>, patient: Arc<Patient>) -> Result<String, ApiError> {
        let (id, weighed) = (new_uuid()?, store.weighed(patient)?);
        store.put(owner, &id, weighed);
        Ok(id)
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn whoever_leaves_more_than_his_share_loses_what_he_used_longest_ago_and_nobody_elses() {
        let one = bytes_of(&patient(1));
        let store = kept(10 * one, 3 * one, HOUR);
        let (ann, bob): (Arc<str>, Arc<str>) = ("ann".into(), "bob".into());
        let of_bob = put(&store, &bob, patient(1)).unwrap();
        let ids: Vec<_> = (0..3).map(|_| put(&store, &ann, patient(1)).unwrap()).collect();
        store.get(&ann, &ids[0]).unwrap();
        let fourth = put(&store, &ann, patient(1)).unwrap();
        assert!(store.get(&ann, &ids[1]).is_err(), "used the longest ago");
        for id in [&ids[0], &ids[2], &fourth] {
            store.get(&ann, id).unwrap();
        }
        store.get(&bob, &of_bob).unwrap();
        assert!(store.get(&bob, &fourth).is_err(), "another's");
        store.delete(&bob, &fourth);
        assert!(store.get(&ann, &fourth).is_ok() && store.turn(&bob, &fourth).is_err());
        store.delete(&ann, &fourth);
        assert!(store.get(&ann, &fourth).is_err() && store.turn(&ann, &fourth).is_err());
        assert_eq!(store.lock().bytes, 3 * one);
    }

    #[test]
    fn everybody_together_fits_and_what_is_too_large_is_refused() {
        let one = bytes_of(&patient(1));
        let store = kept(4 * one, 4 * one, HOUR);
        for caller in 0..20 {
            put(&store, &format!("caller {caller}").into(), patient(1)).unwrap();
            assert!(store.lock().bytes <= 4 * one);
        }
        assert_eq!(store.lock().patients.len(), 4);
        assert_eq!(store.lock().bytes_of.len(), 4);
        assert!(matches!(
            put(&store, &"a".into(), patient(51)),
            Err(ApiError::PatientTooLarge { limit: 50 })
        ));
    }

    #[test]
    fn a_patient_that_grows_makes_others_go() {
        let one = bytes_of(&patient(1));
        let store = kept(8 * one, 8 * one, HOUR);
        let ann: Arc<str> = "ann".into();
        let ids: Vec<_> = (0..8).map(|_| put(&store, &ann, patient(1)).unwrap()).collect();
        store.replace(&ann, &ids[0], store.weighed(patient(40)).unwrap());
        assert_eq!(store.get(&ann, &ids[0]).unwrap().subject.events().len(), 40);
        assert!(store.get(&ann, &ids[1]).is_err());
        assert!(store.lock().bytes <= 8 * one);
    }

    #[test]
    fn who_is_not_asked_about_goes() {
        let store = kept(1 << 20, 1 << 20, Duration::from_millis(800));
        let ann: Arc<str> = "ann".into();
        let (idle, used) = (put(&store, &ann, patient(1)).unwrap(), put(&store, &ann, patient(1)).unwrap());
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(300));
            store.get(&ann, &used).unwrap();
        }
        assert!(store.get(&ann, &idle).is_err());
        store.sweep();
        assert_eq!(store.lock().patients.len(), 1);
        std::thread::sleep(Duration::from_millis(900));
        store.sweep();
        assert!(
            store.lock().patients.is_empty() && store.lock().by_use.is_empty() && store.lock().bytes == 0
        );
    }
}
