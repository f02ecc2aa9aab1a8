//! The download directory: identified records, so that only its owner may look into it. What is known of the export is on disk
//! before anything relies on it, so that a run that is killed at any moment can be gone on with.
//!
//! - `export.json`: what was asked, where to ask for it, the list of files; replaced as a whole.
//! - `progress.ndjson`: a line for each file that was begun or is whole; added to, and folded into `export.json` at the end.
//! - `resources/`, `errors/`, `deleted/`: the files; one that is under way ends in `.partial`.
//! - `lock`: held while a run lasts.

use super::{
    manifest::{File as Listed, Manifest, Part, Whole},
    request::ExportRequest,
};
use crate::Error;
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

const STATE: &str = "export.json";
/// What the name of a file that is under way ends in.
const PARTIAL: &str = ".partial";
const JOURNAL: &str = "progress.ndjson";
const LOCK: &str = "lock";
const CHANGED: &str = "lacks a file that it held, or holds it changed; ask for a fresh export";
const PARTS: [Part; 3] = [Part::Resources, Part::Errors, Part::Deleted];

/// What `export.json` holds.
#[derive(Serialize, Deserialize)]
struct State {
    request: ExportRequest,
    /// Where the job is asked for; gone when all files are here.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    #[serde(flatten)]
    manifest: Option<Manifest>,
}

/// A line of `progress.ndjson`.
#[derive(Serialize, Deserialize)]
struct Entry {
    file: usize,
    /// Of a file that was begun: what tells that it is still the same one (ETag or Last-Modified).
    validator: Option<String>,
    #[serde(flatten)]
    whole: Option<Whole>,
}

/// The directory, held by this run alone.
pub(super) struct Directory {
    path: PathBuf,
    inner: Mutex<Inner>,
    _lock: File,
}

struct Inner {
    state: State,
    validators: HashMap<usize, String>,
    journal: File,
}

impl Directory {
    /// Opens the directory for this request: one that isn't there is made, one that holds this very export is gone on with, and any
    /// other is left alone.
    pub(super) fn open(path: &Path, request: &ExportRequest) -> Result<Self, Error> {
        let (lock, state) = enter(path)?;
        let mut state = match state {
            Some(state) if state.request == *request => state,
            Some(_) => {
                return Err(Error::Directory {
                    reason: "holds another export; name another directory, or ask for a fresh export",
                });
            }
            None => State { request: request.clone(), job: None, manifest: None },
        };
        let validators = fold(path, &mut state)?;
        // Before anything else is in it: without it the directory would be taken for somebody else's.
        save(path, &state)?;
        for part in PARTS {
            make_private(&path.join(part.directory()))?;
        }
        let journal = private().append(true).open(path.join(JOURNAL)).and_then(|mut journal| {
            // A line that was being written when a run was killed must not spoil the next one.
            journal.write_all(b"\n")?;
            Ok(journal)
        });
        let journal = journal.map_err(|e| Error::written(&e))?;
        let inner = Mutex::new(Inner { state, validators, journal });
        Ok(Directory { path: path.to_owned(), inner, _lock: lock })
    }

    /// Removes an export from a directory, and the directory when nothing else is in it. What isn't an export's is left alone.
    pub(super) fn discard(path: &Path) -> Result<(), Error> {
        if !path.exists() {
            return Ok(());
        }
        let (_lock, _) = enter(path)?;
        let gone = |result: io::Result<()>| match result {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::written(&error)),
            _ => Ok(()),
        };
        for part in PARTS {
            gone(fs::remove_dir_all(path.join(part.directory())))?;
        }
        for file in [JOURNAL, STATE, LOCK] {
            gone(fs::remove_file(path.join(file)))?;
        }
        // Something of the user's may be in it.
        let _ = fs::remove_dir(path);
        Ok(())
    }

    /// Where the job is asked for.
    pub(super) fn job(&self) -> Option<String> {
        self.inner().state.job.clone()
    }

    pub(super) fn set_job(&self, address: String) -> Result<(), Error> {
        let mut inner = self.inner();
        inner.state.job = Some(address);
        save(&self.path, &inner.state)
    }

    pub(super) fn manifest(&self) -> Option<Manifest> {
        self.inner().state.manifest.clone()
    }

    pub(super) fn set_manifest(&self, manifest: Manifest) -> Result<(), Error> {
        let mut inner = self.inner();
        inner.state.manifest = Some(manifest);
        save(&self.path, &inner.state)
    }

    pub(super) fn part(&self, part: Part) -> PathBuf {
        self.path.join(part.directory())
    }

    /// The files of a part that the list names, in the order of their names.
    pub(super) fn files(&self, manifest: &Manifest, part: Part) -> Vec<PathBuf> {
        let of_part = manifest.files.iter().filter(|file| file.part == part);
        let mut files: Vec<_> = of_part.map(|file| self.part(part).join(&file.name)).collect();
        files.sort();
        files
    }

    /// Sees that what an earlier run left is what it fetched, and that nothing lies beside it. A file that was changed is fetched
    /// again where one knows from where; when all were here, links are forgotten.
    pub(super) async fn verify(&self, manifest: &mut Manifest) -> Result<(), Error> {
        self.refuse_others(manifest)?;
        for file in &mut manifest.files {
            let Some(whole) = &file.whole else { continue };
            if digest(&self.part(file.part).join(&file.name)).await? == whole.blake3 {
                continue;
            }
            if file.url.is_none() {
                return Err(Error::Directory { reason: CHANGED });
            }
            file.whole = None;
        }
        Ok(())
    }

    /// A file that somebody put there would look like one of the server's. Hidden ones are nobody's records: systems leave them.
    fn refuse_others(&self, manifest: &Manifest) -> Result<(), Error> {
        for part in PARTS {
            let names: HashSet<&str> = manifest
                .files
                .iter()
                .filter(|file| file.part == part)
                .map(|file| file.name.as_str())
                .collect();
            for entry in fs::read_dir(self.part(part)).map_err(|e| Error::read(&e))? {
                let name = entry.map_err(|e| Error::read(&e))?.file_name();
                let name = name.to_str().unwrap_or_default();
                if !name.starts_with('.') && !names.contains(name.strip_suffix(PARTIAL).unwrap_or(name)) {
                    return Err(Error::Directory {
                        reason: "holds a file that isn't the export's, in resources/, errors/ or deleted/; take it out, or ask for a fresh \
                                 export",
                    });
                }
            }
        }
        Ok(())
    }

    /// Bytes that are here of a file that isn't whole.
    pub(super) fn partial_bytes(&self, file: &Listed) -> u64 {
        fs::metadata(partial(&self.path, file)).map_or(0, |metadata| metadata.len())
    }

    /// A file that is under way, opened to be added to, with its size and what tells that it is the same one.
    pub(super) fn partial(&self, at: usize, file: &Listed) -> Result<(File, u64, Option<String>), Error> {
        let validator = self.inner().validators.get(&at).cloned();
        let opened = private().read(true).append(true).open(partial(&self.path, file));
        let opened = opened.map_err(|e| Error::written(&e))?;
        let size = opened.metadata().map_err(|e| Error::read(&e))?.len();
        Ok((opened, size, validator))
    }

    /// A file is begun anew; with a validator it can be gone on with.
    pub(super) fn begin(&self, at: usize, validator: Option<String>) -> Result<(), Error> {
        let mut inner = self.inner();
        if inner.validators.get(&at) == validator.as_ref() {
            return Ok(());
        }
        inner.record(&Entry { file: at, validator: validator.clone(), whole: None })?;
        match validator {
            Some(validator) => inner.validators.insert(at, validator),
            None => inner.validators.remove(&at),
        };
        Ok(())
    }

    /// A file is whole. It is on record before it has its name: a run that is killed in between finds it again.
    pub(super) fn finish(&self, at: usize, file: &Listed, opened: &File, whole: Whole) -> Result<(), Error> {
        opened.sync_all().map_err(|e| Error::written(&e))?;
        self.inner().record(&Entry { file: at, validator: None, whole: Some(whole) })?;
        rename(&self.path, file)
    }

    /// All files are here: what is known of them is brought together, and links, which may open what they lead to, are forgotten.
    pub(super) fn complete(&self) -> Result<Manifest, Error> {
        let mut inner = self.inner();
        fold(&self.path, &mut inner.state)?;
        inner.state.job = None;
        let manifest = inner.state.manifest.as_mut().ok_or(Error::Directory { reason: "holds no export" })?;
        manifest.files.iter_mut().for_each(|file| file.url = None);
        let manifest = manifest.clone();
        save(&self.path, &inner.state)?;
        fs::remove_file(self.path.join(JOURNAL)).map_err(|e| Error::written(&e))?;
        Ok(manifest)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn record(&mut self, entry: &Entry) -> Result<(), Error> {
        let mut line = serde_json::to_vec(entry).map_err(|e| Error::written(&e.into()))?;
        line.push(b'\n');
        let written = self.journal.write_all(&line).and_then(|()| self.journal.sync_data());
        written.map_err(|e| Error::written(&e))
    }
}

fn save(path: &Path, state: &State) -> Result<(), Error> {
    let text = serde_json::to_vec_pretty(state).map_err(|e| Error::written(&e.into()))?;
    let new = path.join("export.json.new");
    let written = private().truncate(true).open(&new).and_then(|mut file| {
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, path.join(STATE))?;
        File::open(path)?.sync_all()
    });
    written.map_err(|e| Error::written(&e))
}

fn partial(path: &Path, file: &Listed) -> PathBuf {
    path.join(file.part.directory()).join(format!("{}{PARTIAL}", file.name))
}

async fn digest(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(|e| Error::read(&e))?;
    let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(|e| Error::read(&e))? {
            0 => return Ok(hasher.finalize().to_hex().to_string()),
            n => hasher.update(&buffer[..n]),
        };
        // It may be much, and whoever waits may want to stop.
        tokio::task::yield_now().await;
    }
}

fn rename(path: &Path, file: &Listed) -> Result<(), Error> {
    let whole = path.join(file.part.directory()).join(&file.name);
    fs::rename(partial(path, file), whole).map_err(|e| Error::written(&e))
}

/// Makes the directory if it isn't there, sees that only its owner may look into it, and locks it.
fn enter(path: &Path) -> Result<(File, Option<State>), Error> {
    make_private(path)?;
    // Not even a lock is put where something of the user's is.
    refuse_foreign(path)?;
    let lock = private().append(true).open(path.join(LOCK)).map_err(|e| Error::written(&e))?;
    lock.try_lock().map_err(|_| Error::Directory { reason: "is being written by another run" })?;
    // Read before that, it might be what another run was just about to complete.
    let state = match fs::read(path.join(STATE)) {
        Ok(text) => Some(serde_json::from_slice(&text).map_err(|_| Error::Directory {
            reason: "holds an export.json that can't be read; remove it, or name another directory",
        })?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::read(&error)),
    };
    Ok((lock, state))
}

/// A directory without an export must be empty.
fn refuse_foreign(path: &Path) -> Result<(), Error> {
    if path.join(STATE).exists() {
        return Ok(());
    }
    let mut entries = fs::read_dir(path).map_err(|e| Error::read(&e))?;
    let foreign = |name: &str| ![LOCK, STATE, "export.json.new"].contains(&name);
    match entries.any(|entry| entry.map_or(true, |e| e.file_name().to_str().is_none_or(foreign))) {
        true => Err(Error::Directory {
            reason: "holds something else; name an empty one, or one that isn't there",
        }),
        false => Ok(()),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_private(path: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Error::written(&error)),
    }
    let metadata = fs::metadata(path).map_err(|e| Error::read(&e))?;
    if !metadata.is_dir() {
        return Err(Error::Directory { reason: "is a file" });
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0 {
        return Err(Error::Directory {
            reason: "can be read by others, and what is downloaded is identified; run `chmod 700` on it",
        });
    }
    Ok(())
}

/// Reads what the journal says into the state, and believes of it what the disk bears out.
fn fold(path: &Path, state: &mut State) -> Result<HashMap<usize, String>, Error> {
    let journal = match fs::read(path.join(JOURNAL)) {
        Ok(journal) => journal,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Error::read(&error)),
    };
    let mut validators = HashMap::new();
    let files = state.manifest.as_mut().map(|manifest| manifest.files.as_mut_slice()).unwrap_or_default();
    // A line that was being written when the run was killed is none.
    for entry in journal.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice::<Entry>(line).ok())
    {
        match entry.validator {
            Some(validator) => validators.insert(entry.file, validator),
            None => validators.remove(&entry.file),
        };
        if let (Some(file), Some(whole)) = (files.get_mut(entry.file), entry.whole) {
            file.whole = Some(whole);
        }
    }
    for file in files {
        let Some(whole) = &file.whole else { continue };
        let size = |path: PathBuf| fs::metadata(path).ok().map(|metadata| metadata.len());
        if size(path.join(file.part.directory()).join(&file.name)) == Some(whole.bytes) {
            continue;
        }
        match size(partial(path, file)) == Some(whole.bytes) {
            true => rename(path, file)?,
            false if file.url.is_some() => file.whole = None,
            false => {
                return Err(Error::Directory { reason: CHANGED });
            }
        }
    }
    Ok(validators)
}
