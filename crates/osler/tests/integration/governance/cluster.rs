//! A PostgreSQL of a test's own, which may be stopped in the middle of things.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The password of its account, and the canary that no log may hold.
pub const PASSWORD: &str = "canary-of-the-ledger";

pub struct Cluster {
    directory: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
}

impl Cluster {
    /// A new one, running; nothing where no PostgreSQL is installed, which in CI is a failure.
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment that they run in CI")]
    pub fn start() -> Option<Cluster> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "no PostgreSQL; `apt-get install postgresql`");
            eprintln!("skipped: no PostgreSQL (apt-get install postgresql)");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        if is_root(directory.path()) {
            // It refuses to run as root.
            assert!(Command::new("chown").arg("postgres").arg(directory.path()).status().unwrap().success());
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Cluster { directory, programs, port };
        cluster.run("sh", &["-c", &format!("umask 077; echo {PASSWORD} > {}", cluster.at("password"))]);
        let (data, password) = (cluster.at("data"), cluster.at("password"));
        let accounts = ["-U", "osler", "-A", "scram-sha-256", "--pwfile", &password];
        cluster.run(&cluster.program("initdb"), &[&["-D", &data], &accounts[..]].concat());
        cluster.go_on();
        Some(cluster)
    }

    /// How it is reached.
    pub fn url(&self) -> String {
        format!("postgresql://osler:{PASSWORD}@127.0.0.1:{}/postgres", self.port)
    }

    /// As a machine that loses power leaves it: nothing is folded in, nobody is told.
    pub fn crash(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// As an administrator stops it: whoever is connected is put out.
    pub fn stop(&self) {
        self.control(&["-m", "fast", "stop"]);
    }

    /// Starts it again, and waits until it takes connections.
    pub fn go_on(&self) {
        let options = format!("-p {} -h 127.0.0.1 -k {}", self.port, self.directory.path().display());
        self.control(&["-w", "-l", &self.at("log"), "-o", &options, "start"]);
    }

    fn control(&self, arguments: &[&str]) {
        self.run(&self.program("pg_ctl"), &[&["-D", &self.at("data")], arguments].concat());
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = match is_root(self.directory.path().parent().unwrap()) {
            true => Command::new("runuser"),
            false => Command::new(program),
        };
        if command.get_program() == "runuser" {
            command.args(["-u", "postgres", "--", program]);
        }
        let status = command.args(arguments).stdout(Stdio::null()).current_dir("/").status().unwrap();
        assert!(status.success(), "{program} {arguments:?}");
    }

    fn program(&self, name: &str) -> String {
        self.programs.join(name).display().to_string()
    }

    fn at(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.crash();
        }
    }
}

/// The newest installed PostgreSQL's programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
    versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists()).max()
}

fn is_root(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).unwrap().uid() == 0
}
