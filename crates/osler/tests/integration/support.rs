//! Runs `osler`, and keeps what a test needs in one directory that goes away.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory with a key.
pub struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // The same key in every test: digests can be compared across them.
        let key = dir.path().join("site.key");
        std::fs::write(&key, "0123456789abcdef".repeat(4)).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        Site { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A command in this directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osler"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env_remove("OSLER_KEY")
            .env_remove("OSLER_GOVERNANCE")
            .env_remove("OSLER_LEDGER_URL");
        command
    }

    /// Runs `osler` with words separated by spaces.
    pub fn run(&self, line: &str) -> Output {
        self.command(&line.split_whitespace().collect::<Vec<_>>()).output().unwrap()
    }

    /// Runs `osler`, which must succeed.
    #[track_caller]
    pub fn succeed(&self, line: &str) -> Output {
        let output = self.run(line);
        assert!(output.status.success(), "osler {line}\n{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Runs `osler`, which must fail without a panic; gives what it said.
    #[track_caller]
    pub fn fail(&self, line: &str) -> String {
        let output = self.run(line);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "osler {line} should have failed\n{said}");
        assert!(!said.contains("panicked"), "osler {line}\n{said}");
        assert!(output.status.code().is_some(), "osler {line} was killed by a signal");
        said
    }

    /// The output digest in a directory's manifest.
    #[track_caller]
    pub fn digest(&self, name: &str) -> String {
        self.manifest(name)["output_digest"].as_str().unwrap().to_owned()
    }

    /// A directory's manifest.
    #[track_caller]
    pub fn manifest(&self, name: &str) -> serde_json::Value {
        let path = self.path(name).join("manifest.json");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        serde_json::from_str(&text).unwrap()
    }

    /// Every event of every split, as text.
    #[track_caller]
    pub fn events(&self, name: &str) -> Vec<events::Subject> {
        events::Split::ALL
            .into_iter()
            .flat_map(|split| events::meds::read_subjects(&self.path(name), split).unwrap())
            .map(|subject| subject.unwrap())
            .collect()
    }

    /// Everything below the directory, file by file.
    pub fn all_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        walk(self.dir.path(), &mut files);
        files
    }
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => walk(&path, files),
            false => files.push(path),
        }
    }
}

/// The shared data sets. Absent, a test says so and returns; in CI they must be there.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where the data is")]
pub fn shared_data() -> Option<PathBuf> {
    let from_environment = std::env::var_os("OSLER_SHARED_DATA").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let dir = from_environment.unwrap_or(beside);
    if dir.is_dir() {
        return Some(dir);
    }
    assert!(std::env::var_os("CI").is_none(), "the shared data is absent; set OSLER_SHARED_DATA");
    eprintln!("skipped: the shared data is absent; set OSLER_SHARED_DATA");
    None
}
