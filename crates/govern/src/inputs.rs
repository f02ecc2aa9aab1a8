//! What was asked, kept for those alone who hold a key that the server doesn't have.
//!
//! A ledger's entry holds the keyed digest of what was asked. Where a site says so, the input itself is kept beside it, encrypted
//! ([age](https://age-encryption.org/v1), X25519 recipients): the server can add to what is kept and read none of it. A file is found
//! again by the day and the digest of its entry, `2026-11-27/DIGEST.age`; the same input, asked again on a day, is kept once.

use crate::{Clock, stamp, together::Together};
use age::{
    Decryptor, Encryptor, Identity, Recipient,
    x25519::{Identity as X25519Identity, Recipient as X25519Recipient},
};
use events::Time;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// Why an input isn't kept, or can't be read. No message holds any of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The recipients can't be used.
    #[error("the recipients' file {0}")]
    Recipients(&'static str),
    /// The identity can't be used.
    #[error("the identity's file must hold AGE-SECRET-KEY-1… lines, as `age-keygen` writes them")]
    Identity,
    /// No file has this digest on that day, or the day after.
    #[error("no input is kept for this entry: none was, or its time is over")]
    NotKept,
    /// The file isn't for this identity, or was changed.
    #[error("the input can't be decrypted: it was kept for others, or was changed")]
    NotForThis,
    /// The directory or a file failed.
    #[error("the directory of inputs could not be {doing} ({kind})")]
    Disk {
        /// `read` or `written`.
        doing: &'static str,
        /// What the operating system said, by class.
        kind: io::ErrorKind,
    },
    /// Others may look into the directory.
    #[error("the directory of inputs can be read by others; run `chmod 700` on it")]
    Open,
}

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputBounds {
    /// Days, that of the call included; older ones are removed.
    pub days: u32,
    /// Bytes, encrypted; when there are more, the oldest days are removed.
    pub bytes: u64,
}

impl Default for InputBounds {
    /// Thirty days, 10 GB.
    fn default() -> Self {
        InputBounds { days: 30, bytes: 10_000_000_000 }
    }
}

/// Where inputs are kept.
pub struct Inputs {
    directory: PathBuf,
    recipients: Vec<X25519Recipient>,
    bounds: InputBounds,
    clock: Clock,
    held: Mutex<Held>,
    /// For how long a day must have been there that the clock jumped to before it is believed.
    patience: Duration,
    /// The day that is written to, and those who wait until its names are on the disk.
    day: Mutex<(PathBuf, Arc<Together>)>,
    /// Files begun.
    begun: AtomicU64,
}

/// What is there.
#[derive(Default)]
struct Held {
    bytes: u64,
    /// The day on which it was last looked for what is over.
    day: String,
    seen: Seen,
}

/// Which day it is, as far as that can be believed: a clock that runs years ahead for one call must not take all that there is. It is
/// written down, so that a server that is started anew goes on from there.
#[derive(Default)]
struct Seen {
    /// The last day that is believed; empty before the first.
    believed: String,
    /// A later one that the clock jumped to, and since when it has been there, where that is since this start.
    jumped_to: Option<(String, Option<Instant>)>,
}

/// Where it is written down, one day a line.
const SEEN: &str = "days-seen";
/// As long as a clock that was set wrong may take to be noticed.
const PATIENCE: Duration = Duration::from_secs(3600);

impl Seen {
    /// What was written down; where nothing is, the last day that anything is kept of, or today where nothing is kept.
    fn read(directory: &Path, today: &str) -> Result<Self, InputError> {
        let written = match fs::read_to_string(directory.join(SEEN)) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(disk("read", &error)),
        };
        let mut lines = written.lines().filter(|line| is_day(line)).map(str::to_owned);
        let kept = || days(directory).map(|days| days.into_iter().map(|day| day.name).max());
        let believed = match lines.next() {
            Some(day) => day,
            None => kept()?.filter(|day| day.as_str() <= today).unwrap_or_else(|| today.to_owned()),
        };
        Ok(Seen { believed, jumped_to: lines.next().map(|day| (day, None)) })
    }

    /// The clock says that it is `today`; `tomorrow` is the day after the one that is believed. True where what is to be written down changed.
    fn look(&mut self, today: &str, tomorrow: &str, patience: Duration) -> bool {
        if today == self.believed && self.jumped_to.is_none() {
            return false;
        }
        if today <= tomorrow {
            // The same day, the next, or one before: a clock that was set right.
            (self.believed, self.jumped_to) = (today.to_owned(), None);
            return true;
        }
        match self.jumped_to.take() {
            // It has been there for long, or since before this start.
            Some((day, since)) if day == today && since.is_none_or(|since| since.elapsed() >= patience) => {
                self.believed = day;
                true
            }
            Some(waiting) if waiting.0 == today => {
                self.jumped_to = Some(waiting);
                false
            }
            // That one went by as days do.
            Some((day, _)) if day.as_str() < today => {
                self.believed = day;
                self.jumped_to = Some((today.to_owned(), Some(Instant::now())));
                true
            }
            _ => {
                self.jumped_to = Some((today.to_owned(), Some(Instant::now())));
                true
            }
        }
    }

    fn write(&self, directory: &Path) -> io::Result<()> {
        let later = self.jumped_to.as_ref().map_or("", |(day, _)| day);
        let partial = directory.join(format!("{SEEN}.{}.partial", std::process::id()));
        write_whole(&partial, &directory.join(SEEN), format!("{}\n{later}\n", self.believed).as_bytes())
    }
}

impl Inputs {
    /// Opens the directory, or makes it for its owner alone; `recipients` is a file's text, `age1…` one a line, `#` for remarks.
    ///
    /// # Errors
    /// When there is no recipient or one that is none, or the directory can't be used.
    pub fn open(
        directory: &Path,
        recipients: &str,
        bounds: InputBounds,
        clock: Clock,
    ) -> Result<Self, InputError> {
        let lines =
            recipients.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let recipients: Vec<X25519Recipient> = lines
            .map(|line| {
                line.parse().map_err(|_| {
                    InputError::Recipients("holds a line that is no X25519 recipient (age1…) and no # remark")
                })
            })
            .collect::<Result<_, _>>()?;
        if recipients.is_empty() {
            return Err(InputError::Recipients(
                "holds no recipient (age1…), so that nobody could read what is kept",
            ));
        }
        make_private(directory)?;
        let inputs = Inputs {
            directory: directory.to_owned(),
            recipients,
            bounds,
            clock,
            held: Mutex::default(),
            patience: PATIENCE,
            day: Mutex::default(),
            begun: AtomicU64::new(0),
        };
        let bytes = days(directory)?.iter().map(|day| day.bytes).sum();
        let seen = Seen::read(directory, &inputs.today())?;
        *inputs.held() = Held { bytes, seen, ..Held::default() };
        Ok(inputs)
    }

    /// Removes what is over. To be called each minute or so, since nobody may ask for days.
    ///
    /// # Errors
    /// When the directory can't be read or written.
    pub fn sweep(&self) -> Result<(), InputError> {
        self.make_room(&self.today(), 0)
    }

    fn today(&self) -> String {
        stamp((self.clock)())[..10].to_owned()
    }

    /// Keeps an input; it is on disk when this returns. `digest` is that of its entry, in hexadecimal digits.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn keep(&self, digest: &str, input: &[u8]) -> Result<(), InputError> {
        let day = self.today();
        let directory = self.directory.join(&day);
        let path = path_of(&directory, digest)?;
        if path.exists() {
            // It has its name, which may not be on the disk yet: who gave it to it may be waiting for that too.
            return self.settle(&directory).map_err(|e| disk("written", &e));
        }
        let encrypted = self.encrypt(input)?;
        self.make_room(&day, encrypted.len() as u64)?;
        make_private(&directory)?;
        // The same may be asked twice at once, of this server and of another: each writes a file of its own, and either may stay.
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let partial = path.with_extension(format!("{}-{number}.partial", std::process::id()));
        let written = write_whole(&partial, &path, &encrypted).and_then(|()| self.settle(&directory));
        written.map_err(|e| disk("written", &e))
    }

    /// Brings the names in a day's directory to the disk, and, the first time, the directory's own.
    fn settle(&self, directory: &Path) -> io::Result<()> {
        let together = {
            let mut day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
            if day.0 != directory {
                // Held meanwhile: nobody goes on before the day itself is there.
                File::open(&self.directory)?.sync_all()?;
                *day = (directory.to_owned(), Arc::default());
            }
            day.1.clone()
        };
        together.sync(directory)
    }

    fn encrypt(&self, input: &[u8]) -> Result<Vec<u8>, InputError> {
        let recipients = self.recipients.iter().map(|recipient| recipient as &dyn Recipient);
        let encryptor = Encryptor::with_recipients(recipients)
            .map_err(|_| InputError::Recipients("holds recipients that don't go together"))?;
        let mut encrypted = Vec::with_capacity(input.len() + 1024);
        let written = encryptor.wrap_output(&mut encrypted).and_then(|mut writer| {
            writer.write_all(input)?;
            writer.finish()
        });
        written.map_err(|e| disk("written", &e))?;
        Ok(encrypted)
    }

    /// Removes what is over, and the oldest days where more would be there than may.
    fn make_room(&self, today: &str, bytes: u64) -> Result<(), InputError> {
        let mut held = self.held();
        held.bytes += bytes;
        let is_settled = held.day == today && held.seen.jumped_to.is_none();
        if is_settled && held.bytes <= self.bounds.bytes {
            return Ok(());
        }
        let days_after = |day: &str, days: f64| {
            let time = parse_day(day)?;
            Some(stamp(time.plus_days(days))[..10].to_owned())
        };
        let tomorrow = days_after(&held.seen.believed, 1.0).unwrap_or_default();
        if held.seen.look(today, &tomorrow, self.patience) {
            held.seen.write(&self.directory).map_err(|e| disk("written", &e))?;
        } else if held.day == today && held.bytes <= self.bounds.bytes {
            return Ok(());
        }
        held.day = today.to_owned();
        let mut days = days(&self.directory)?;
        days.sort_by(|a, b| a.name.cmp(&b.name));
        held.bytes = days.iter().map(|day| day.bytes).sum::<u64>() + bytes;
        let oldest = days_after(&held.seen.believed, 1.0 - f64::from(self.bounds.days.max(1)));
        let oldest = oldest.unwrap_or_default();
        for day in days.iter().filter(|day| day.name != today) {
            if day.name < oldest || held.bytes > self.bounds.bytes {
                removed(fs::remove_dir_all(self.directory.join(&day.name)))?;
                held.bytes -= day.bytes;
            }
        }
        // A day that alone is too much loses its first hours; a tenth more than needed, so that this isn't done for each call.
        if held.bytes > self.bounds.bytes {
            for (path, bytes) in oldest_first(&self.directory.join(today))? {
                if held.bytes <= self.bounds.bytes / 10 * 9 {
                    break;
                }
                removed(fs::remove_file(path))?;
                held.bytes -= bytes;
            }
        }
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a file that has its name once it is whole. On a full disk nothing is left of it: each refused call would leave some more.
fn write_whole(partial: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = private().open(partial).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(partial, path)
    });
    if written.is_err() {
        let _ = fs::remove_file(partial);
    }
    written
}

/// Opens what was kept for an entry: its digest, and when the call came (RFC 3339). `identity` is a file's text, as `age-keygen`
/// writes it.
///
/// # Errors
/// When nothing is kept for it, or not for this identity.
pub fn open_input(
    directory: &Path,
    digest: &str,
    time: &str,
    identity: &str,
) -> Result<Zeroizing<Vec<u8>>, InputError> {
    let lines = identity.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let identities: Vec<X25519Identity> =
        lines.map(|line| line.parse().map_err(|_| InputError::Identity)).collect::<Result<_, _>>()?;
    if identities.is_empty() {
        return Err(InputError::Identity);
    }
    // It was kept when it was answered, which may be after midnight.
    let mut names: Vec<String> = days(directory)?.into_iter().map(|day| day.name).collect();
    names.retain(|name| name.as_str() >= time.get(..10).unwrap_or_default());
    names.sort();
    for name in names.into_iter().take(2) {
        let path = path_of(&directory.join(name), digest)?;
        match File::open(path) {
            Ok(file) => return decrypt(file, &identities),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(disk("read", &error)),
        }
    }
    Err(InputError::NotKept)
}

fn decrypt(file: File, identities: &[X25519Identity]) -> Result<Zeroizing<Vec<u8>>, InputError> {
    let identities = identities.iter().map(|identity| identity as &dyn Identity);
    let decryptor = Decryptor::new(file).map_err(|_| InputError::NotForThis)?;
    let mut reader = decryptor.decrypt(identities).map_err(|_| InputError::NotForThis)?;
    let mut input = Zeroizing::new(Vec::new());
    reader.read_to_end(&mut input).map_err(|_| InputError::NotForThis)?;
    Ok(input)
}

/// What another server removed meanwhile is removed.
fn removed(result: io::Result<()>) -> Result<(), InputError> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk("written", &error)),
        _ => Ok(()),
    }
}

fn disk(doing: &'static str, error: &io::Error) -> InputError {
    InputError::Disk { doing, kind: error.kind() }
}

/// The file of a digest, which is a digest: it becomes a name.
fn path_of(directory: &Path, digest: &str) -> Result<PathBuf, InputError> {
    let is_digest = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_digest {
        return Err(InputError::NotKept);
    }
    Ok(directory.join(format!("{digest}.age")))
}

struct Day {
    name: String,
    bytes: u64,
}

/// The days that are there, with their sizes. Nothing else in the directory is looked at or removed.
fn days(directory: &Path) -> Result<Vec<Day>, InputError> {
    let read = |e: io::Error| disk("read", &e);
    let mut days = Vec::new();
    for entry in fs::read_dir(directory).map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_day(&name) && entry.path().is_dir() {
            let bytes = oldest_first(&entry.path())?.into_iter().map(|(_, bytes)| bytes).sum();
            days.push(Day { name, bytes });
        }
    }
    Ok(days)
}

/// Is this a day's name?
fn is_day(name: &str) -> bool {
    let shape = |(b, s): (u8, &u8)| if *s == b'0' { b.is_ascii_digit() } else { b == *s };
    name.len() == 10 && name.bytes().zip(b"0000-00-00").all(shape)
}

fn parse_day(name: &str) -> Option<Time> {
    Time::from_ymd(
        name.get(..4)?.parse().ok()?,
        name.get(5..7)?.parse().ok()?,
        name.get(8..10)?.parse().ok()?,
    )
}

/// A day's files with their sizes, the oldest first.
fn oldest_first(day: &Path) -> Result<Vec<(PathBuf, u64)>, InputError> {
    let entries = match fs::read_dir(day) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(disk("read", &error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| disk("read", &e))?;
        // One that is being written may have got its name meanwhile.
        let Ok(metadata) = entry.metadata() else { continue };
        files.push((metadata.modified().ok(), entry.path(), metadata.len()));
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path, bytes)| (path, bytes)).collect())
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_private(path: &Path) -> Result<(), InputError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(disk("written", &error)),
    }
    #[cfg(unix)]
    {
        let metadata = fs::metadata(path).map_err(|e| disk("read", &e))?;
        if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0 {
            return Err(InputError::Open);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use age::secrecy::ExposeSecret;
    use std::sync::{Arc, Barrier, atomic::AtomicI32};

    const INPUT: &[u8] = b"{\"name\":\"Ann Canary\"}";

    struct Site {
        home: tempfile::TempDir,
        identity: X25519Identity,
        day: Arc<AtomicI32>,
    }

    impl Site {
        fn new() -> Site {
            let day = Arc::new(AtomicI32::new(1));
            Site { home: tempfile::tempdir().unwrap(), identity: X25519Identity::generate(), day }
        }

        fn directory(&self) -> PathBuf {
            self.home.path().join("inputs")
        }

        fn inputs(&self, bounds: InputBounds) -> Result<Inputs, InputError> {
            let day = self.day.clone();
            let clock: Clock =
                Arc::new(move || Time::from_ymd(2026, 11, day.load(Ordering::SeqCst) as u32).unwrap());
            let recipients = format!("# the board\n{}\n", self.identity.to_public());
            Inputs::open(&self.directory(), &recipients, bounds, clock)
        }

        fn opened(&self, number: u64, day: u32) -> Result<Vec<u8>, InputError> {
            let time = format!("2026-11-{day:02}T10:00:00Z");
            let identity = self.identity.to_string();
            let identity = format!("# created\n{}", identity.expose_secret());
            open_input(&self.directory(), &digest(number), &time, &identity).map(|input| input.to_vec())
        }
    }

    fn digest(number: u64) -> String {
        format!("{number:064x}")
    }

    #[test]
    fn what_is_kept_is_read_by_its_recipient_alone() {
        let site = Site::new();
        let inputs = site.inputs(InputBounds::default()).unwrap();
        inputs.keep(&digest(7), INPUT).unwrap();
        let path = site.directory().join("2026-11-01").join(format!("{}.age", digest(7)));
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.starts_with(b"age-encryption.org/v1\n") && !bytes.windows(6).any(|w| w == b"Canary"));
        assert_eq!(site.opened(7, 1).unwrap(), INPUT);
        // The call came before midnight, and was answered after.
        fs::rename(site.directory().join("2026-11-01"), site.directory().join("2026-11-02")).unwrap();
        assert_eq!(site.opened(7, 1).unwrap(), INPUT);
        assert!(matches!(site.opened(7, 3), Err(InputError::NotKept)));
        assert!(matches!(site.opened(8, 1), Err(InputError::NotKept)));

        let other = X25519Identity::generate().to_string();
        let found = open_input(&site.directory(), &digest(7), "2026-11-02", other.expose_secret());
        assert!(matches!(found, Err(InputError::NotForThis)));
        let path = site.directory().join("2026-11-02").join(format!("{}.age", digest(7)));
        let mut changed = bytes.clone();
        *changed.last_mut().unwrap() ^= 1;
        fs::write(&path, changed).unwrap();
        assert!(matches!(site.opened(7, 2), Err(InputError::NotForThis)));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&site.directory()), mode(&path)), (0o700, 0o600));
            fs::set_permissions(site.directory(), fs::Permissions::from_mode(0o755)).unwrap();
            assert!(matches!(site.inputs(InputBounds::default()), Err(InputError::Open)));
        }
    }

    #[test]
    fn the_same_input_is_kept_once_and_a_name_is_a_digest() {
        let site = Site::new();
        let inputs = site.inputs(InputBounds::default()).unwrap();
        inputs.keep(&digest(1), INPUT).unwrap();
        inputs.keep(&digest(1), INPUT).unwrap();
        assert_eq!(fs::read_dir(site.directory().join("2026-11-01")).unwrap().count(), 1);
        for name in ["", "../x", "..", &"x".repeat(64)] {
            assert!(inputs.keep(name, INPUT).is_err(), "{name}");
        }
    }

    #[test]
    fn the_same_asked_by_many_at_once_is_kept_whole() {
        let site = Site::new();
        let inputs = site.inputs(InputBounds::default()).unwrap();
        let input = INPUT.repeat(50_000);
        for number in 0..8 {
            let together = Barrier::new(8);
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        together.wait();
                        inputs.keep(&digest(number), &input).unwrap();
                    });
                }
            });
            assert!(site.opened(number, 1).unwrap() == input);
        }
        assert_eq!(fs::read_dir(site.directory().join("2026-11-01")).unwrap().count(), 8);
    }

    #[test]
    fn days_and_bytes_are_bounded() {
        let site = Site::new();
        // Large beside the stanzas of random length that age puts into each header.
        let input = INPUT.repeat(1_000);
        let inputs = site.inputs(InputBounds { days: 3, bytes: 1 << 30 }).unwrap();
        for day in 1..=6 {
            site.day.store(day, Ordering::SeqCst);
            inputs.keep(&digest(day as u64), &input).unwrap();
        }
        let there = |days: std::ops::RangeInclusive<u32>| {
            days.filter(|day| site.opened(u64::from(*day), *day).is_ok()).collect::<Vec<_>>()
        };
        assert_eq!(there(1..=6), [4, 5, 6]);
        // A file of the user's is nobody's day.
        fs::write(site.directory().join("README"), "mine").unwrap();
        let size = fs::metadata(site.directory().join("2026-11-06").join(format!("{}.age", digest(6))))
            .unwrap()
            .len();
        let inputs = site.inputs(InputBounds { days: 30, bytes: size * 5 }).unwrap();
        for number in 7..=9 {
            inputs.keep(&digest(number), &input).unwrap();
        }
        let left = there(4..=6);
        assert!(!left.contains(&4) && left.contains(&6), "the oldest day goes first: {left:?}");
        for number in 10..=30 {
            inputs.keep(&digest(number), &input).unwrap();
        }
        let kept = (6..=30).filter(|number| site.opened(*number, 6).is_ok()).collect::<Vec<_>>();
        assert!(kept.contains(&30) && !kept.contains(&6), "{kept:?}");
        let bytes: u64 = days(&site.directory()).unwrap().iter().map(|day| day.bytes).sum();
        assert!(bytes <= size * 5, "{bytes} bytes, {size} each");
        assert!(site.directory().join("README").exists());
    }

    #[test]
    fn a_clock_that_runs_ahead_for_a_while_takes_nothing() {
        let site = Site::new();
        let inputs = site.inputs(InputBounds { days: 3, bytes: 1 << 30 }).unwrap();
        let keep = |day: i32| {
            site.day.store(day, Ordering::SeqCst);
            inputs.keep(&digest(day as u64), INPUT).unwrap();
        };
        let there = |days: &[u32]| -> Vec<u32> {
            days.iter().copied().filter(|day| site.opened(u64::from(*day), *day).is_ok()).collect()
        };
        [1, 2].into_iter().for_each(keep);
        keep(28);
        assert_eq!(there(&[1, 2, 28]), [1, 2, 28], "nobody can tell yet which day it is");
        keep(3);
        assert_eq!(there(&[1, 2, 3, 28]), [1, 2, 3, 28]);
        // A server that stood still for weeks: what is over goes on its second day.
        let inputs = site.inputs(InputBounds { days: 3, bytes: 1 << 30 }).unwrap();
        for day in [20, 21] {
            site.day.store(day, Ordering::SeqCst);
            inputs.keep(&digest(day as u64), INPUT).unwrap();
        }
        assert_eq!(there(&[1, 2, 3, 20, 21]), [20, 21]);
    }

    #[test]
    fn what_is_over_goes_whoever_asks_and_however_seldom() {
        let left = |site: &Site| {
            let mut names: Vec<String> =
                days(&site.directory()).unwrap().into_iter().map(|day| day.name[8..].to_owned()).collect();
            names.sort();
            names
        };
        let keep = |site: &Site, inputs: &Inputs, day: i32| {
            site.day.store(day, Ordering::SeqCst);
            inputs.keep(&digest(day as u64), INPUT).unwrap();
        };
        // For one day alone, that of the call.
        let site = Site::new();
        let inputs = site.inputs(InputBounds { days: 1, bytes: 1 << 30 }).unwrap();
        keep(&site, &inputs, 1);
        keep(&site, &inputs, 2);
        assert_eq!(left(&site), ["02"]);
        // Calls that are further apart than inputs are kept.
        let site = Site::new();
        let inputs = site.inputs(InputBounds { days: 3, bytes: 1 << 30 }).unwrap();
        [1, 8, 15].into_iter().for_each(|day| keep(&site, &inputs, day));
        assert_eq!(left(&site), ["08", "15"]);
        keep(&site, &inputs, 22);
        assert_eq!(left(&site), ["15", "22"]);
        // A server that runs, and that nobody asks any more.
        for day in 22..=26 {
            site.day.store(day, Ordering::SeqCst);
            inputs.sweep().unwrap();
        }
        assert_eq!(left(&site), [""; 0]);
        // One that was off for a while: once the clock has said the same for long enough, or another start found it saying that.
        let site = Site::new();
        let mut inputs = site.inputs(InputBounds { days: 3, bytes: 1 << 30 }).unwrap();
        keep(&site, &inputs, 1);
        site.day.store(20, Ordering::SeqCst);
        inputs.sweep().unwrap();
        inputs.sweep().unwrap();
        assert_eq!(left(&site), ["01"], "it may be the clock");
        inputs.patience = Duration::ZERO;
        inputs.sweep().unwrap();
        assert_eq!(left(&site), [""; 0]);
        keep(&site, &inputs, 20);
        site.day.store(28, Ordering::SeqCst);
        site.inputs(InputBounds { days: 3, bytes: 1 << 30 }).unwrap().sweep().unwrap();
        assert_eq!(left(&site), ["20"]);
        site.inputs(InputBounds { days: 3, bytes: 1 << 30 }).unwrap().sweep().unwrap();
        assert_eq!(left(&site), [""; 0]);
    }

    #[test]
    fn what_can_t_be_written_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let partial = home.path().join("1.partial");
        // A name that can't be given, once the file is whole.
        let written = write_whole(&partial, &home.path().join("gone").join("1.age"), INPUT);
        assert!(written.is_err() && fs::read_dir(home.path()).unwrap().count() == 0);
        // A disk with no room.
        #[cfg(target_os = "linux")]
        {
            std::os::unix::fs::symlink("/dev/full", &partial).unwrap();
            let error = write_whole(&partial, &home.path().join("1.age"), INPUT).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn what_is_no_recipient_and_no_identity_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let clock: Clock = Arc::new(|| Time::from_ymd(2026, 11, 1).unwrap());
        let secret = X25519Identity::generate().to_string();
        for recipients in ["", "# nobody\n", "age1canary", "ssh-ed25519 AAAA", secret.expose_secret()] {
            let opened =
                Inputs::open(&home.path().join("x"), recipients, InputBounds::default(), clock.clone());
            let message = opened.err().unwrap().to_string();
            assert!(message.starts_with("the recipients' file ") && !message.contains("canary"), "{message}");
        }
        for identity in ["", "# nothing", "canary"] {
            let opened = open_input(home.path(), &digest(1), "2026-11-01", identity);
            assert!(matches!(opened, Err(InputError::Identity)));
        }
    }
}
