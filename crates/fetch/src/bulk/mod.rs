//! A client of FHIR bulk exports (Bulk Data Access 2.0): asks for an export, waits for it, and fetches its files.
//!
//! [`Export::download`] may be killed at any moment; called again with the same request and directory it goes on: the same job, no file
//! twice, and a file that was cut from where it was cut, if the server lets it. What it writes is identified, lies in the
//! directory that the caller named and nowhere else, and can be read by its owner alone.

mod directory;
mod file;
mod fuzz;
mod job;
mod json;
mod limits;
mod lines;
mod manifest;
mod outcome;
mod progress;
mod request;
mod session;

#[doc(hidden)]
pub use fuzz::fuzz_export;
pub use limits::ExportLimits;
pub use outcome::Issues;
pub use progress::{Phase, Progress};
pub use request::{ExportRequest, Level};
pub use session::Credentials;

use crate::{Base, Error, Link, Network, Step, caller::Caller};
use directory::Directory;
use file::Files;
use futures_util::future::try_join_all;
use manifest::{Manifest, Part};
use session::Session;
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, atomic::AtomicU64},
};
use tokio::time::timeout;

/// An export from one server.
pub struct Export {
    session: Session,
    request: ExportRequest,
}

/// Where an export comes from, and how.
pub struct ExportSettings {
    /// Further origins that the server may point to: for files, for pages of their list, for the token endpoint. Without them all must
    /// be at the server's own, where the job is in any case.
    pub hosts: Vec<Base>,
    /// Who asks.
    pub credentials: Credentials,
    /// How connections are opened.
    pub network: Network,
    /// Bounds.
    pub limits: ExportLimits,
    /// Seconds since 1970, for assertions and for dates that the server gives.
    pub now: fn() -> u64,
}

/// An export that is here.
#[derive(Debug)]
pub struct Downloaded {
    /// The directory with the resources' files.
    pub resources: PathBuf,
    /// Those files, in the order of their names: what else may lie there isn't the export's.
    pub listed: Vec<PathBuf>,
    /// The moment for which it holds, as a FHIR instant: the `since` of the next one.
    pub transaction_time: String,
    /// Files with resources.
    pub files: u64,
    /// Resources.
    pub count: u64,
    /// Bytes of resources.
    pub bytes: u64,
    /// Files that an earlier run had fetched.
    pub kept: u64,
    /// Of what the server says that something went wrong with it, or should be known.
    pub issues: Issues,
    /// Resources that were deleted since the moment asked about.
    pub deleted: u64,
}

impl Export {
    /// Prepares an export; nothing is opened.
    ///
    /// # Errors
    /// When the request's server isn't an address that may be opened, or another part of it hasn't its shape.
    pub fn new(request: ExportRequest, settings: ExportSettings) -> Result<Self, Error> {
        let server = Base::parse(&request.server).ok_or(Error::Setting {
            name: "the FHIR server's address",
            reason: "must be such as https://ehr.example/fhir: https, a host, a path without ., .. or %; http for a loopback address only",
        })?;
        request.target(&server)?;
        let mut named = vec![server.origin()];
        named.extend(settings.hosts.iter().map(Base::origin));
        if let Credentials::BackendServices(service) = &settings.credentials {
            named.extend(service.endpoint.iter().map(|endpoint| endpoint.origin().clone()));
        }
        let caller = Caller { network: settings.network, named, answer: settings.limits.answer };
        let session = Session {
            server,
            caller,
            credentials: settings.credentials,
            limits: settings.limits,
            now: settings.now,
            granted: tokio::sync::Mutex::default(),
        };
        Ok(Export { session, request })
    }

    /// Brings the export into `directory`, going on with what is there of it.
    ///
    /// # Errors
    /// When the directory holds something else, the server refuses, points to where it may not or gives what it shouldn't, or a
    /// limit is met. What is here by then stays, for the next call.
    pub async fn download(&self, directory: &Path, progress: &Progress) -> Result<Downloaded, Error> {
        let limit = self.session.limits.time;
        let late = |_| Error::Late { hours: limit.as_secs_f64() / 3600.0 };
        timeout(limit, self.bring(directory, progress)).await.map_err(late)?
    }

    /// Removes what an earlier call left in `directory`; what isn't an export's stays.
    ///
    /// # Errors
    /// When the directory holds something else, or can't be written.
    pub fn discard(directory: &Path) -> Result<(), Error> {
        Directory::discard(directory)
    }

    /// Calls off the job that an unfinished download waits for, and removes what is here of it.
    ///
    /// # Errors
    /// When the server can't be told. What is here stays then.
    pub async fn call_off(&self, directory: &Path) -> Result<(), Error> {
        let job = {
            let directory = Directory::open(directory, &self.request)?;
            directory.job()
        };
        if let Some(job) = job {
            self.session.call_off(&self.session.job(Step::Cancel, &job)?).await?;
        }
        Directory::discard(directory)
    }

    async fn bring(&self, path: &Path, progress: &Progress) -> Result<Downloaded, Error> {
        let directory = Directory::open(path, &self.request)?;
        let mut manifest = self.list(&directory, progress).await?;
        progress.check();
        directory.verify(&mut manifest).await?;
        let kept = manifest.files.iter().filter(|file| file.whole.is_some()).count();
        progress.fetch(kept, manifest.files.len());
        let files = Files {
            session: &self.session,
            requires_access_token: manifest.requires_access_token,
            taken: AtomicU64::new(on_disk(&directory, &manifest)),
            directory,
            progress,
        };
        fetch_all(&files, manifest).await?;
        let directory = &files.directory;
        let manifest = directory.complete()?;
        let resources = || manifest.files.iter().filter(|file| file.part == Part::Resources);
        let sum =
            |of: fn(&manifest::Whole) -> u64| resources().filter_map(|f| f.whole.as_ref()).map(of).sum();
        Ok(Downloaded {
            resources: directory.part(Part::Resources),
            listed: directory.files(&manifest, Part::Resources),
            transaction_time: manifest.transaction_time.clone(),
            files: resources().count() as u64,
            count: sum(|whole| whole.lines),
            bytes: sum(|whole| whole.bytes),
            kept: kept as u64,
            issues: outcome::issues(&directory.files(&manifest, Part::Errors))?,
            deleted: outcome::deleted(&directory.files(&manifest, Part::Deleted))?,
        })
    }

    /// The list of files, with all its pages. Each is on disk before the next is asked for.
    async fn list(&self, directory: &Directory, progress: &Progress) -> Result<Manifest, Error> {
        let Session { limits, server, .. } = &self.session;
        let mut manifest = match directory.manifest() {
            Some(manifest) => manifest,
            None => {
                let first = self.session.wait(&self.job(directory, progress).await?, true, progress).await?;
                let manifest = Manifest::read(&first, limits)?;
                directory.set_manifest(manifest.clone())?;
                manifest
            }
        };
        let mut seen = HashSet::new();
        while let Some(next) = manifest.next.take() {
            let link = self.session.link(Step::Status, &next)?;
            if !seen.insert(next) {
                let reason = "the list of files goes round in a circle";
                return Err(Error::Answer { step: Step::Status, reason });
            }
            // Elsewhere it goes as with files.
            let with_token = manifest.requires_access_token || *link.origin() == server.origin();
            let page = self.session.wait(&link, with_token, progress).await?;
            manifest = manifest.with_page(&page, limits)?;
            directory.set_manifest(manifest.clone())?;
        }
        Ok(manifest)
    }

    /// The job: the one that an earlier run began, or a new one.
    async fn job(&self, directory: &Directory, progress: &Progress) -> Result<Link, Error> {
        if let Some(job) = directory.job() {
            return self.session.job(Step::Status, &job);
        }
        let job = self.session.begin(self.request.target(&self.session.server)?, progress).await?;
        directory.set_job(job.address())?;
        Ok(job)
    }
}

/// Bytes that are here already, of whole files and of parts.
fn on_disk(directory: &Directory, manifest: &Manifest) -> u64 {
    let of = |file: &manifest::File| match &file.whole {
        Some(whole) => whole.bytes,
        None => directory.partial_bytes(file),
    };
    manifest.files.iter().map(of).sum()
}

/// Fetches what isn't here, several files at once. The first that can't be had ends it.
async fn fetch_all(files: &Files<'_>, manifest: Manifest) -> Result<(), Error> {
    let listed = manifest.files.into_iter().enumerate();
    let waiting = Mutex::new(listed.filter(|(_, file)| file.whole.is_none()));
    let worker = async || {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((at, file)) = next else { return Ok::<(), Error>(()) };
            files.fetch(at, &file).await?;
        }
    };
    // In one task: whoever stops waiting stops them all, and the directory is free.
    try_join_all((0..files.session.limits.at_once.max(1)).map(|_| worker())).await?;
    Ok(())
}
