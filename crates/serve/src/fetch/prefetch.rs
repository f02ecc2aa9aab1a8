//! What a call's prefetch lacks, fetched: the templates' own queries, page by page, within the call's limits.

use super::{FhirServers, client::Failure};
use fetch::{Base, Token};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};
use tokio::{task::JoinSet, time::timeout};

/// What is to be fetched, of which server. It names a patient, and can't be printed.
pub(crate) struct Wanted {
    /// The server, one of those that may be asked.
    pub(crate) base: Base,
    /// The caller's token for it.
    pub(crate) token: Token,
    /// Prefetch keys with their queries, `Patient/p` or `Condition?patient=p&…`.
    pub(crate) queries: Vec<(&'static str, String)>,
}

/// What came, by prefetch key. It is a patient's record, and can't be printed.
#[derive(Default)]
pub(crate) struct Fetched {
    pub(crate) pages: BTreeMap<&'static str, Vec<Box<RawValue>>>,
    /// Why something that was wanted didn't come; the words may be told.
    pub(crate) lack: Option<Lack>,
}

/// Why nothing was fetched, for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// The server fetches nothing.
    Off,
    /// No `fhirServer` with a token came with the call.
    NotAsked,
    /// The address isn't one that may be asked.
    NotNamed,
    /// Too many calls fetch at this moment.
    Busy,
    /// It was tried.
    Failed,
}

impl Lack {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Lack::Off => "",
            Lack::NotAsked => {
                ", nor are there a fhirServer and a fhirAuthorization with which it could be fetched"
            }
            Lack::NotNamed => ", and fhirServer is not among the servers that this one may ask",
            Lack::Busy => ", and too much is being fetched at this moment",
            Lack::Failed => ", and fhirServer did not give it",
        }
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, default)]
    link: Vec<Link<'a>>,
}

#[derive(Deserialize)]
struct Link<'a> {
    #[serde(borrow, default)]
    relation: Cow<'a, str>,
    #[serde(borrow, default)]
    url: Cow<'a, str>,
}

impl FhirServers {
    /// Fetches what is wanted; what fails is left out.
    pub(crate) async fn fetch(&self, wanted: Wanted) -> Fetched {
        let Ok(_turn) = self.turns.clone().try_acquire_owned() else {
            return Fetched { lack: Some(Lack::Busy), ..Fetched::default() };
        };
        let left = std::sync::Arc::new(AtomicUsize::new(self.limits.call_bytes));
        let mut queries = JoinSet::new();
        for (key, query) in wanted.queries {
            let (servers, base, token) = (self.clone(), wanted.base.clone(), wanted.token.clone());
            let left = left.clone();
            queries.spawn(async move { (key, servers.pages(&base, &query, &token, &left).await) });
        }
        let mut fetched = Fetched::default();
        let collect = async {
            while let Some(done) = queries.join_next().await {
                match done {
                    Ok((key, (pages, failure))) => {
                        if !pages.is_empty() {
                            fetched.pages.insert(key, pages);
                        }
                        if let Some(failure) = failure {
                            fetched.lack = Some(Lack::Failed);
                            tracing::info!(key, why = failure.words(), "could not be fetched whole");
                        }
                    }
                    Err(_) => fetched.lack = Some(Lack::Failed),
                }
            }
        };
        // What is still under way then is dropped with the set.
        if timeout(self.limits.time, collect).await.is_err() {
            fetched.lack = Some(Lack::Failed);
            tracing::info!(why = Failure::Late.words(), "could not be fetched whole");
        }
        fetched
    }

    /// The pages of one query, as many as may be. When a later one fails, those before are given: the first's `next` link tells
    /// that there is more.
    async fn pages(
        &self,
        base: &Base,
        query: &str,
        token: &Token,
        left: &AtomicUsize,
    ) -> (Vec<Box<RawValue>>, Option<Failure>) {
        let mut pages: Vec<Box<RawValue>> = Vec::new();
        let mut target = format!("{}/{query}", base.path());
        loop {
            let page = match self.page(base, &target, token, left).await {
                Ok(page) => page,
                Err(failure) => return (pages, Some(failure)),
            };
            let next = next_of(&page);
            pages.push(page);
            match next {
                None => return (pages, None),
                // The page that holds this link is the last one given, and says that it was cut.
                Some(_) if pages.len() >= self.limits.pages => return (pages, None),
                Some(link) => match base.within(&link) {
                    Some(within) => target = within,
                    None => return (pages, Some(Failure::Address)),
                },
            }
        }
    }

    async fn page(
        &self,
        base: &Base,
        target: &str,
        token: &Token,
        left: &AtomicUsize,
    ) -> Result<Box<RawValue>, Failure> {
        let bytes = self.get(base, target, token).await?;
        let take = |left: usize| left.checked_sub(bytes.len());
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).map_err(|_| Failure::Answer)?;
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| Failure::Answer)?;
        RawValue::from_string(text).map_err(|_| Failure::Answer)
    }
}

fn next_of(page: &RawValue) -> Option<String> {
    let page: Page<'_> = serde_json::from_str(page.get()).ok()?;
    let next = page.link.into_iter().find(|link| link.relation == "next")?;
    Some(next.url.into_owned())
}
