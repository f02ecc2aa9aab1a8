//! A running `osler serve`, and calls to it over a socket.

use crate::support::Site;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

pub struct Server {
    child: Child,
    address: String,
}

pub struct Answer {
    pub status: u16,
    head: String,
    pub body: serde_json::Value,
}

impl Answer {
    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

impl Server {
    /// Starts it, and waits until it listens.
    pub fn start(site: &Site, arguments: &[&str]) -> Server {
        Self::start_logging(site, arguments, Stdio::null())
    }

    /// The same, of another model than the demo's.
    pub fn of(site: &Site, model: &str, arguments: &[&str]) -> Server {
        Self::listening(site, model, arguments, Stdio::null())
    }

    /// As [`Server::start`], with its log going there.
    pub fn start_logging(site: &Site, arguments: &[&str], log: impl Into<Stdio>) -> Server {
        Self::listening(site, &super::model(), arguments, log.into())
    }

    fn listening(site: &Site, model: &str, arguments: &[&str], log: Stdio) -> Server {
        let mut all = vec!["serve", "--json", "--listen", "127.0.0.1:0", "--model", model];
        all.extend(arguments);
        let mut child = site.command(&all).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: serde_json::Value = serde_json::from_str(&line).expect("the server did not start");
        let address = told["listening"].as_str().unwrap().trim_start_matches("http://").to_owned();
        Server { child, address }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// SIGHUP.
    pub fn hang_up(&self) {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    }

    pub fn post(&self, path: &str, key: &str, body: &str) -> Answer {
        call(&self.address, "POST", path, key, body).unwrap()
    }

    pub fn get(&self, path: &str, key: &str) -> Answer {
        call(&self.address, "GET", path, key, "").unwrap()
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One call on a connection of its own. `None` when no whole answer came.
pub fn call(address: &str, method: &str, path: &str, key: &str, body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: osler\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let answer = Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head: head.to_owned(),
        body: serde_json::from_str(body).unwrap_or_default(),
    };
    let whole = answer.header("content-length").parse() == Ok(body.len());
    whole.then_some(answer)
}
