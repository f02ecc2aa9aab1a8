//! The directory with which a site governs its server: keys, ledger, signing key, policy, the records of models.

use crate::key_file::{create_public, create_secret};
use crate::{certificates, clock, environment};
use anyhow::{Context, Result, bail};
use clap::Args;
use govern::access::{Identities, Keyring, KeysAt, Tokens};
use govern::ledger::{
    DatabaseAddress, Entry, Ledger, LedgerSettings, Link, PostgresStore, Record, SqliteStore, Store,
    verify_end,
};
use govern::{PublicKey, SigningKey, others_can_write};
use serve::SignedIn;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Keys of callers.
const ACCESS: &str = "access.db";
/// What was asked and answered.
const LEDGER: &str = "ledger.db";
/// Where the ledger is, if in a database on a server; it holds a password.
const LEDGER_URL: &str = "ledger.url";
/// Certificates of whom to trust that it is that database, where not the system's.
const LEDGER_ROOTS: &str = "ledger.ca.pem";
/// Signs the ledger's checkpoints.
const SIGNING_KEY: &str = "signing.key";
/// The public half, to give away.
const PUBLIC_KEY: &str = "signing.pub";
/// Who may sign tokens, where tokens are taken.
const ISSUERS: &str = "issuers.toml";
/// Who may say who people are and what roles they have, where such tokens are taken.
const IDENTITIES: &str = "oidc.toml";
/// Certificates of whom to trust that it is they, where not the system's.
const IDENTITY_ROOTS: &str = "oidc.ca.pem";
/// What may lie in a directory before it is begun.
const BEFOREHAND: [&str; 6] =
    [LEDGER_URL, LEDGER_ROOTS, ISSUERS, IDENTITIES, IDENTITY_ROOTS, crate::lifecycle::POLICY];

/// Tokens that were used, and open nothing any more.
const USED_TOKENS: &str = "used_tokens.db";
/// What decides who comes in and what they are answered, besides the directory itself, and key sets that the files here name.
const TRUSTED: [&str; 8] = [
    crate::lifecycle::POLICY,
    IDENTITIES,
    IDENTITY_ROOTS,
    ISSUERS,
    USED_TOKENS,
    LEDGER_ROOTS,
    ACCESS,
    crate::lifecycle::MODELS,
];
/// How many entries of the ledger are walked before a server starts: some seconds at most, however many there are.
const WALKED: u64 = 20_000;

/// Which directory.
#[derive(Args, Clone, Debug)]
pub struct GovernanceArguments {
    /// The directory with keys, ledger and policy; else OSLER_GOVERNANCE.
    #[arg(long, global = true, value_name = "DIR")]
    pub governance: Option<PathBuf>,
}

impl GovernanceArguments {
    /// The directory, if one is named.
    pub fn path(&self) -> Option<PathBuf> {
        self.governance.clone().or_else(|| crate::environment::path(crate::environment::GOVERNANCE))
    }

    /// The directory, which must be there.
    pub fn open(&self) -> Result<GovernanceDirectory> {
        GovernanceDirectory::open(&self.required()?)
    }

    /// The directory, begun if it isn't there.
    pub fn open_or_begin(&self) -> Result<GovernanceDirectory> {
        GovernanceDirectory::open_or_begin(&self.required()?)
    }

    fn required(&self) -> Result<PathBuf> {
        self.path().context("name the directory: --governance DIR (or the variable OSLER_GOVERNANCE)")
    }
}

/// A site's governance.
pub struct GovernanceDirectory {
    path: PathBuf,
    /// What looks into a ledger in a database, kept since it is looked at each second.
    reader: Mutex<Option<Box<dyn Store>>>,
}

impl GovernanceDirectory {
    /// Opens one that is there.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join(SIGNING_KEY).is_file() {
            bail!(
                "{} is no governance directory (it has no {SIGNING_KEY}); `osler access grant` or `osler serve` begins one",
                path.display()
            );
        }
        refuse_readable_by_others(&path.join(SIGNING_KEY))?;
        refuse_writable_by_others(path)?;
        for name in TRUSTED {
            refuse_writable_by_others(&path.join(name))?;
        }
        Ok(GovernanceDirectory { path: path.to_owned(), reader: Mutex::default() })
    }

    /// Opens one, or begins it with a signing key of its own. A directory that holds something else is left alone.
    pub fn open_or_begin(path: &Path) -> Result<Self> {
        if path.join(SIGNING_KEY).is_file() {
            return Self::open(path);
        }
        let is_ours = |name: &std::ffi::OsStr| BEFOREHAND.iter().any(|ours| name == *ours);
        let others = |entries: fs::ReadDir| entries.flatten().any(|entry| !is_ours(&entry.file_name()));
        if path.exists() && fs::read_dir(path).map_or(true, others) {
            bail!("{} holds something else; name another directory, or an empty one", path.display());
        }
        create_private(path)?;
        let key = SigningKey::new()?;
        create_secret(&path.join(SIGNING_KEY), &format!("{}\n", *key.to_hex()))?;
        create_public(&path.join(PUBLIC_KEY), &format!("{}\n", key.public()))?;
        Self::open(path)
    }

    /// A file or directory in it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The keys of callers.
    pub fn keyring(&self) -> Result<Keyring> {
        Keyring::open(&self.at(ACCESS)).with_context(|| format!("{}", self.at(ACCESS).display()))
    }

    /// The issuers of tokens, where tokens are taken.
    pub fn tokens(&self) -> Result<Option<Tokens>> {
        let path = self.at(ISSUERS);
        if !path.try_exists().with_context(|| format!("{}", path.display()))? {
            return Ok(None);
        }
        Tokens::open(&path).map(Some).with_context(|| format!("{}", path.display()))
    }

    /// The identity providers, where their tokens are taken.
    pub fn identities(&self) -> Result<Option<SignedIn>> {
        let path = self.at(IDENTITIES);
        // What can't be looked at is not the same as nothing.
        if !path.try_exists().with_context(|| format!("{}", path.display()))? {
            return Ok(None);
        }
        let identities =
            Identities::open(&path, &self.signing_key()?).with_context(|| format!("{}", path.display()))?;
        for place in identities.keys_at() {
            let KeysAt::File(keys) = place else { continue };
            if !keys.is_file() {
                bail!("{}: the key set {} isn't there", path.display(), keys.display());
            }
            if others_can_write(&keys).with_context(|| format!("cannot look at {}", keys.display()))? {
                bail!(
                    "{}: the key set {}, or a directory above it or its link, can be written by others than root and the server's own \
                     user, who would decide whose tokens are believed; run `chmod go-w` on it, or `chown`",
                    path.display(),
                    keys.display()
                );
            }
        }
        let roots = self.at(IDENTITY_ROOTS);
        let roots = match roots.exists() {
            true => fs::read(&roots).with_context(|| format!("cannot read {}", roots.display()))?,
            false => certificates::of_the_system().unwrap_or_default(),
        };
        SignedIn::new(identities, &roots, clock::now())
            .map(Some)
            .with_context(|| format!("{}", path.display()))
    }

    /// The key that signs checkpoints.
    pub fn signing_key(&self) -> Result<SigningKey> {
        read_signing_key(&self.at(SIGNING_KEY))
    }

    /// Its public half.
    pub fn public_key(&self) -> Result<PublicKey> {
        Ok(self.signing_key()?.public())
    }

    /// The ledger, to write.
    pub fn ledger(&self) -> Result<Ledger> {
        let store: Box<dyn Store> = match self.database()? {
            Some(address) => Box::new(PostgresStore::open(address)?),
            None => {
                let path = self.at(LEDGER);
                Box::new(SqliteStore::open(&path).with_context(|| format!("{}", path.display()))?)
            }
        };
        Ok(Ledger::start(store, self.signing_key()?, Arc::new(clock::now), LedgerSettings::default())?)
    }

    /// The ledger, to look at.
    pub fn ledger_to_read(&self) -> Result<Box<dyn Store>> {
        match self.ledger_if_begun()? {
            Some(store) => Ok(store),
            None => bail!("{} has no ledger yet; what is done first begins it", self.path.display()),
        }
    }

    fn ledger_if_begun(&self) -> Result<Option<Box<dyn Store>>> {
        if let Some(address) = self.database()? {
            let store = PostgresStore::open_to_read(address)?;
            return Ok(store.map(|store| Box::new(store) as Box<dyn Store>));
        }
        let path = self.at(LEDGER);
        if !path.exists() {
            return Ok(None);
        }
        let store =
            SqliteStore::open_to_read(&path).with_context(|| format!("the ledger {}", path.display()))?;
        Ok(Some(Box::new(store)))
    }

    /// What the ledger holds of changes: of access, of criteria, of models. Nothing when it wasn't begun. One that can't be read may be the
    /// one that is asked about, so that it isn't passed over.
    pub fn changes(&self) -> Result<Vec<(Link, Record)>> {
        let changes = self.look(|store| store.changes().map_err(Into::into))?.unwrap_or_default();
        let read = |entry: Entry| {
            let record = serde_json::from_str(&entry.record).ok().with_context(|| {
                format!("entry {} holds no record; run `osler ledger verify`", entry.sequence)
            })?;
            Ok((Link { sequence: entry.sequence, digest: entry.digest }, record))
        };
        changes.into_iter().map(read).collect()
    }

    /// Names the ledger, if it was begun.
    pub fn ledger_id(&self) -> Result<Option<String>> {
        self.look(|store| Ok(store.ledger_id().to_owned()))
    }

    fn look<T>(&self, at: impl FnOnce(&dyn Store) -> Result<T>) -> Result<Option<T>> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if reader.is_none() {
            *reader = self.ledger_if_begun()?;
        }
        let found = reader.as_deref().map(at).transpose();
        // A file may be another by the next time, where a database stays the one that it is.
        reader.take_if(|_| self.at(LEDGER).exists());
        found
    }

    /// Walks the end of the ledger, before anything rests on it.
    pub fn check_ledger(&self) -> Result<()> {
        match self.ledger_if_begun()? {
            Some(store) => verify_end(&*store, WALKED, Some(self.public_key()?))
                .context("the ledger is refused; `osler ledger verify` says more"),
            None => Ok(()),
        }
    }

    /// Where the ledger is, if in a database on a server.
    fn database(&self) -> Result<Option<DatabaseAddress>> {
        let (url, whence) = match environment::text(environment::LEDGER_URL) {
            Some(url) => (url, environment::LEDGER_URL.to_owned()),
            None => {
                let path = self.at(LEDGER_URL);
                if !path.exists() {
                    return Ok(None);
                }
                refuse_readable_by_others(&path)?;
                let read = fs::read_to_string(&path);
                (read.with_context(|| format!("cannot read {}", path.display()))?, path.display().to_string())
            }
        };
        let file = self.at(LEDGER);
        if file.exists() {
            bail!(
                "{whence} names a database and {} is there too; a site has one ledger. Verify the file, note what that prints, and \
                 move it to where it is kept",
                file.display()
            );
        }
        let roots = self.at(LEDGER_ROOTS);
        let roots = match roots.exists() {
            true => fs::read(&roots).with_context(|| format!("cannot read {}", roots.display()))?,
            false => certificates::of_the_system().unwrap_or_default(),
        };
        DatabaseAddress::new(&url, &roots).map(Some).context(whence)
    }

    /// Records one thing, and comes back when it is durable; gives its place.
    pub fn record(&self, record: &Record) -> Result<Link> {
        let appended = self.ledger()?.append_blocking(record);
        Ok(appended.context("it could not be recorded in the ledger")?.link)
    }
}

/// Reads a signing key that only its owner can read.
pub fn read_signing_key(path: &Path) -> Result<SigningKey> {
    refuse_readable_by_others(path)?;
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    SigningKey::from_hex(&text).with_context(|| format!("{}", path.display()))
}

/// Makes a directory, where it isn't there, for its owner alone.
pub fn create_private(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).with_context(|| format!("cannot create {}", path.display()))
}

/// Refuses what others than its owner can write, where it is there.
#[cfg(unix)]
fn refuse_writable_by_others(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot look at {}", path.display())),
    };
    if mode & 0o022 != 0 {
        bail!(
            "{} can be written by others, who would decide what is trusted; run `chmod go-w` on it",
            path.display()
        );
    }
    Ok(())
}

/// Refuses what others than its owner can write, where it is there.
#[cfg(not(unix))]
fn refuse_writable_by_others(_: &Path) -> Result<()> {
    Ok(())
}

/// Refuses a secret's file that others than its owner can read.
#[cfg(unix)]
pub fn refuse_readable_by_others(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("{} can be read by others; run `chmod 600` on it", path.display());
    }
    Ok(())
}

/// Refuses a secret's file that others than its owner can read.
#[cfg(not(unix))]
pub fn refuse_readable_by_others(_: &Path) -> Result<()> {
    Ok(())
}
