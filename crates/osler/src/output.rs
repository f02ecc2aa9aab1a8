//! Directories that appear whole or not at all.
//!
//! A command writes into `.NAME.partial` beside its output and renames it at the end. A run that is stopped (Ctrl-C, `SIGTERM`)
//! removes the partial directory; one that is killed leaves it, and the same command again clears it (or, where it can, goes on
//! from it).

use crate::clock;
use crate::manifest::{self, Deidentification, FILE_NAME, FileDigest, Kind, Manifest};
use crate::stopped::Unfinished;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// An output directory being written. Dropped unfinished, it is removed, unless it was asked to stay.
pub struct OutputDirectory {
    out: PathBuf,
    partial: PathBuf,
    kind: Kind,
    force: bool,
    started: String,
    resumable: bool,
    finished: bool,
    // Held for as long as the directory is being written: two runs cannot share an output.
    _lock: File,
    lock_path: PathBuf,
    unfinished: Unfinished,
}

/// What a finished directory's manifest says, beyond what the directory itself tells.
pub struct Provenance {
    /// The data set's name.
    pub dataset: String,
    /// Whether its records are synthetic.
    pub synthetic: bool,
    /// The settings that decided the output.
    pub settings: serde_json::Value,
    /// What it was made from.
    pub inputs: Vec<FileDigest>,
    /// How much of what.
    pub counts: serde_json::Value,
    /// What de-identification did.
    pub deidentification: Option<Deidentification>,
}

/// Lets nobody but the owner read a file (0600) or enter a directory (0700).
pub fn owner_only(path: &Path, mode: u32) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .with_context(|| format!("cannot set the permissions of {}", path.display()))?;
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

/// A directory's manifest names every file in it, so whatever else is written there makes it one that was tampered with.
fn refuse_inside_another(out: &Path, parent: &Path) -> Result<()> {
    let there = parent.ancestors().find_map(|ancestor| match ancestor.as_os_str().is_empty() {
        true => Path::new(".").canonicalize().ok(),
        false => ancestor.canonicalize().ok(),
    });
    let another = there.iter().flat_map(|there| there.ancestors()).find(|dir| manifest::is_oslers(dir));
    let Some(another) = another else { return Ok(()) };
    let name = out.file_name().unwrap_or_default();
    bail!(
        "--out {} lies in {}, which osler wrote: its {FILE_NAME} names every file in it, and with another it could not be used any \
         more; choose a place beside it, such as --out {}",
        out.display(),
        another.display(),
        another.with_file_name(name).display()
    )
}

/// Has a run written anything but what it was asked?
fn holds_work(partial: &Path) -> bool {
    fs::read_dir(partial).is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name() != SETTINGS))
}

/// The paths at which two settings differ, as `model.width`.
fn differing(a: &serde_json::Value, b: &serde_json::Value, at: &str, paths: &mut Vec<String>) {
    match (a, b) {
        _ if a == b => {}
        (serde_json::Value::Object(a), serde_json::Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                let of = |map: &serde_json::Map<_, _>| map.get(name).cloned().unwrap_or_default();
                differing(&of(a), &of(b), &path, paths);
            }
        }
        _ => paths.push(if at.is_empty() { "all".to_owned() } else { at.to_owned() }),
    }
}

impl OutputDirectory {
    /// Lets nobody but the owner enter it: for text of patients, and for what is still protected health information.
    pub fn keep_to_owner(&self) -> Result<()> {
        owner_only(&self.partial, 0o700)
    }

    /// Lets nobody but the owner enter it where nobody else may enter what it is made from.
    pub fn keep_like(&self, source: &Path) -> Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let found =
                fs::metadata(source).with_context(|| format!("cannot look at {}", source.display()))?;
            if found.permissions().mode() & 0o077 == 0 {
                return self.keep_to_owner();
            }
        }
        #[cfg(not(unix))]
        let _ = source;
        Ok(())
    }

    /// Starts an output. What a killed run left behind is cleared first, but for what one could go on from, which `force` alone
    /// clears.
    pub fn create(out: &Path, kind: Kind, force: bool) -> Result<Self> {
        let output = Self::open(out, kind, force, false)?;
        if !force && output.partial.join(SETTINGS).exists() && holds_work(&output.partial) {
            bail!(
                "another command was stopped before it had written {}, and can go on from {}; --force to lose that, or another --out",
                out.display(),
                output.partial.display()
            );
        }
        if output.partial.exists() {
            fs::remove_dir_all(&output.partial).with_context(|| {
                format!("cannot clear {}, which a stopped run left", output.partial.display())
            })?;
        }
        fs::create_dir(&output.partial)
            .with_context(|| format!("cannot create {}", output.partial.display()))?;
        Ok(output)
    }

    /// Starts an output, or goes on from what a killed run with the same settings left. The directory then
    /// stays when this run is stopped too. What a run with other settings left is cleared by `force` alone: it may be hours of work.
    pub fn create_or_resume(
        out: &Path,
        kind: Kind,
        force: bool,
        settings: &serde_json::Value,
    ) -> Result<(Self, bool)> {
        let output = Self::open(out, kind, force, true)?;
        let settings_path = output.partial.join(SETTINGS);
        let text = settings.to_string();
        let left = fs::read_to_string(&settings_path).ok();
        let resumed = left.as_ref() == Some(&text);
        if let Some(left) = left.filter(|_| !resumed && !force && holds_work(&output.partial)) {
            let left: serde_json::Value = serde_json::from_str(&left).unwrap_or_default();
            let mut differ = Vec::new();
            differing(&left, settings, "", &mut differ);
            bail!(
                "a run with other settings ({}) was stopped before it had written {}; give its settings to go on from it, \
                 --force to lose what it left ({}), or another --out",
                differ.join(", "),
                out.display(),
                output.partial.display()
            );
        }
        if !resumed {
            if output.partial.exists() {
                fs::remove_dir_all(&output.partial).with_context(|| {
                    format!("cannot clear {}, which another run left", output.partial.display())
                })?;
            }
            fs::create_dir(&output.partial)
                .with_context(|| format!("cannot create {}", output.partial.display()))?;
            fs::write(&settings_path, text)
                .with_context(|| format!("cannot write {}", settings_path.display()))?;
            sync(&settings_path)?;
        }
        Ok((output, resumed))
    }

    fn open(out: &Path, kind: Kind, force: bool, resumable: bool) -> Result<Self> {
        let (Some(name), parent) = (out.file_name(), out.parent().unwrap_or(Path::new(""))) else {
            bail!("--out {} names no directory", out.display());
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        if out.exists() {
            if !force {
                bail!("{} exists; choose another --out, or --force to replace it", out.display());
            }
            if !out.join(FILE_NAME).is_file() && fs::read_dir(out).map_or(true, |mut d| d.next().is_some()) {
                bail!(
                    "{} was not written by osler (it has no {FILE_NAME}), so --force does not replace it",
                    out.display()
                );
            }
        }
        refuse_inside_another(out, parent)?;
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        let name = name.to_string_lossy();
        let lock_path = parent.join(format!(".{name}.lock"));
        let lock =
            File::create(&lock_path).with_context(|| format!("cannot create {}", lock_path.display()))?;
        if lock.try_lock().is_err() {
            bail!("another osler is writing {} at this moment", out.display());
        }
        let partial = parent.join(format!(".{name}.partial"));
        let unfinished = match resumable {
            false => Unfinished::new(
                vec![partial.clone(), lock_path.clone()],
                Some(format!("what there was of {} is removed", out.display())),
            ),
            true => Unfinished::new(
                vec![lock_path.clone()],
                Some(format!("the same command goes on from what there is of {}", out.display())),
            ),
        };
        Ok(OutputDirectory {
            out: out.to_owned(),
            partial,
            kind,
            force,
            started: clock::timestamp(),
            resumable,
            finished: false,
            _lock: lock,
            lock_path,
            unfinished,
        })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Gives up: what a resumable run has written is not worth going on from.
    pub fn discard(mut self) {
        self.resumable = false;
    }

    /// Syncs every file, writes the manifest, and puts the directory in its place.
    pub fn finish(self, provenance: Provenance) -> Result<Manifest> {
        self.finish_sealed(provenance, |_| Ok(()))
    }

    /// As [`OutputDirectory::finish`], but `seal` may first write one more file, of which the manifest says
    /// nothing since it speaks of the manifest.
    pub fn finish_sealed(
        mut self,
        provenance: Provenance,
        seal: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Manifest> {
        let settings_path = self.partial.join(SETTINGS);
        if settings_path.exists() {
            fs::remove_file(&settings_path)
                .with_context(|| format!("cannot remove {}", settings_path.display()))?;
        }
        let outputs = manifest::digest_directory(&self.partial)?;
        let manifest = Manifest {
            format: 1,
            kind: self.kind,
            osler: env!("CARGO_PKG_VERSION").to_owned(),
            dataset: provenance.dataset,
            synthetic: provenance.synthetic,
            settings: provenance.settings,
            inputs: provenance.inputs,
            output_digest: manifest::digest_of(&outputs),
            outputs,
            counts: provenance.counts,
            deidentification: provenance.deidentification,
            started: self.started.clone(),
            finished: clock::timestamp(),
        };
        for file in &manifest.outputs {
            sync(&self.partial.join(&file.path))?;
        }
        let path = self.partial.join(FILE_NAME);
        fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&manifest)?))
            .with_context(|| format!("cannot write {}", path.display()))?;
        sync(&path)?;
        seal(&self.partial)?;
        sync(&self.partial)?;
        let old = self.partial.with_extension("old");
        let putting = self.unfinished.put_in_place();
        if self.force && self.out.exists() {
            if old.exists() {
                fs::remove_dir_all(&old).with_context(|| format!("cannot remove {}", old.display()))?;
            }
            fs::rename(&self.out, &old).with_context(|| format!("cannot replace {}", self.out.display()))?;
        }
        fs::rename(&self.partial, &self.out)
            .with_context(|| format!("cannot move the result to {}", self.out.display()))?;
        putting.done();
        self.finished = true;
        if old.exists() {
            fs::remove_dir_all(&old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
        if let Some(parent) = self.out.parent().filter(|p| !p.as_os_str().is_empty()) {
            sync(parent)?;
        }
        Ok(manifest)
    }
}

/// The settings of a resumable run, while it is under way.
const SETTINGS: &str = "settings.json";

/// Brings a file, or the names in a directory, to the disk.
pub fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|f| f.sync_all()).with_context(|| format!("cannot sync {}", path.display()))
}

/// Writes a file that a run which goes on takes as done: whole or not at all, whenever the run is killed.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, bytes).with_context(|| format!("cannot write {}", partial.display()))?;
    sync(&partial)?;
    fs::rename(&partial, path).with_context(|| format!("cannot write {}", path.display()))
}

impl Drop for OutputDirectory {
    fn drop(&mut self) {
        if !self.finished && !self.resumable {
            // Best effort: the next run clears what is left.
            let _ = fs::remove_dir_all(&self.partial);
        }
        let _ = fs::remove_file(&self.lock_path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance() -> Provenance {
        Provenance {
            dataset: "test".into(),
            synthetic: true,
            settings: serde_json::json!({}),
            inputs: vec![],
            counts: serde_json::json!({}),
            deidentification: None,
        }
    }

    fn write(out: &Path, force: bool, text: &str) -> Result<Manifest> {
        let output = OutputDirectory::create(out, Kind::Report, force)?;
        fs::create_dir(output.path().join("data"))?;
        fs::write(output.path().join("data/a.txt"), text)?;
        output.finish(provenance())
    }

    #[test]
    fn what_a_killed_run_left_half_written_is_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.json");
        fs::write(dir.path().join("run.partial"), "{").unwrap();
        assert!(!path.exists());
        write_whole(&path, b"{}").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"{}");
        assert!(!dir.path().join("run.partial").exists());
        // What can't be written leaves the one before as it was.
        fs::create_dir(dir.path().join("run.partial")).unwrap();
        write_whole(&path, b"[]").unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"{}");
    }

    #[test]
    fn it_appears_whole_is_verified_and_is_not_overwritten_by_surprise() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("report");
        let first = write(&out, false, "one").unwrap();
        assert_eq!(Manifest::verify(&out, Kind::Report).unwrap().output_digest, first.output_digest);
        assert!(Manifest::verify(&out, Kind::Model).unwrap_err().to_string().contains("is wanted"));
        assert!(write(&out, false, "two").unwrap_err().to_string().contains("--force"));
        assert_ne!(write(&out, true, "two").unwrap().output_digest, first.output_digest);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn every_kind_of_change_is_found_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("report");
        write(&out, false, "one").unwrap();
        let file = out.join("data/a.txt");
        fs::write(&file, "two").unwrap();
        assert!(Manifest::verify(&out, Kind::Report).unwrap_err().to_string().contains("data/a.txt"));
        fs::write(&file, "one").unwrap();
        fs::write(out.join("extra"), "").unwrap();
        assert!(Manifest::verify(&out, Kind::Report).unwrap_err().to_string().contains("extra"));
        fs::remove_file(out.join("extra")).unwrap();
        fs::remove_file(&file).unwrap();
        assert!(Manifest::verify(&out, Kind::Report).unwrap_err().to_string().contains("missing"));
    }

    #[test]
    fn a_stopped_run_is_cleared_and_a_resumable_one_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("model");
        let settings = serde_json::json!({"seed": 1});
        let (output, resumed) =
            OutputDirectory::create_or_resume(&out, Kind::Model, false, &settings).unwrap();
        assert!(!resumed);
        fs::write(output.path().join("checkpoint"), "half").unwrap();
        drop(output);
        let (output, resumed) =
            OutputDirectory::create_or_resume(&out, Kind::Model, false, &settings).unwrap();
        assert!(resumed && output.path().join("checkpoint").exists());
        drop(output);
        let other = serde_json::json!({"seed": 2, "model": {"width": 8}});
        let refused =
            OutputDirectory::create_or_resume(&out, Kind::Model, false, &other).err().unwrap().to_string();
        assert!(refused.contains("(model, seed)") && refused.contains("--force"), "{refused}");
        let (output, resumed) = OutputDirectory::create_or_resume(&out, Kind::Model, true, &other).unwrap();
        assert!(!resumed && !output.path().join("checkpoint").exists());
        drop(output);
        assert!(OutputDirectory::create(&out, Kind::Model, false).is_ok(), "nothing was done");
        let (output, _) = OutputDirectory::create_or_resume(&out, Kind::Model, true, &other).unwrap();
        fs::write(output.path().join("checkpoint"), "half").unwrap();
        drop(output);
        assert!(OutputDirectory::create(&out, Kind::Model, false).is_err(), "another command loses nothing");
        drop(OutputDirectory::create(&out, Kind::Model, true).unwrap());
        // Where nothing was done yet nothing is lost.
        let third = serde_json::json!({"seed": 2, "model": {"width": 16}});
        let (_output, resumed) = OutputDirectory::create_or_resume(&out, Kind::Model, false, &third).unwrap();
        assert!(!resumed);
        assert!(OutputDirectory::create(&out, Kind::Model, false).is_err(), "two at once");
    }

    #[test]
    fn nothing_is_written_into_what_osler_wrote_before() {
        let dir = tempfile::tempdir().unwrap();
        let first = dir.path().join("events");
        write(&first, false, "one").unwrap();
        for inside in ["events/labels/task", "events/data/x", "events/../events/x"] {
            let refused = write(&dir.path().join(inside), false, "two").unwrap_err().to_string();
            assert!(refused.contains("choose a place beside it"), "{refused}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&first, dir.path().join("link")).unwrap();
            assert!(write(&dir.path().join("link/x"), false, "two").is_err());
        }
        Manifest::verify(&first, Kind::Report).unwrap();
        // Another program's manifest is none.
        let site = dir.path().join("site");
        fs::create_dir(&site).unwrap();
        fs::write(site.join(FILE_NAME), r#"{"name": "a web page"}"#).unwrap();
        write(&site.join("report"), false, "one").unwrap();
    }

    #[test]
    fn what_osler_did_not_write_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("precious");
        fs::create_dir(&out).unwrap();
        fs::write(out.join("thesis.txt"), "").unwrap();
        assert!(write(&out, true, "").is_err());
        assert!(out.join("thesis.txt").exists());
    }
}
