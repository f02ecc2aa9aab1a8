//! A server on a port of its own, that answers as a test says, and keeps what it was asked.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub head: String,
    pub body: String,
    /// How often the same was asked before.
    pub before: usize,
}

impl Asked {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<String>,
    pub body: Vec<u8>,
    /// The connection is closed after so many bytes of the body.
    pub cut: Option<usize>,
    /// It is kept open then, and nothing more comes.
    pub stall: bool,
    /// How long the body is isn't said: it ends with the connection.
    pub unbounded: bool,
}

impl Reply {
    pub fn status(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: Vec::new(), cut: None, stall: false, unbounded: false }
    }

    pub fn json(body: serde_json::Value) -> Reply {
        Reply { body: body.to_string().into_bytes(), ..Reply::status(200) }
            .header("content-type: application/json")
    }

    pub fn ndjson(body: impl Into<Vec<u8>>) -> Reply {
        Reply { body: body.into(), ..Reply::status(200) }.header("content-type: application/fhir+ndjson")
    }

    pub fn header(mut self, header: impl Into<String>) -> Reply {
        self.headers.push(header.into());
        self
    }
}

type Answers = dyn Fn(SocketAddr, &Asked) -> Reply + Send + Sync;

#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub async fn start(answers: impl Fn(SocketAddr, &Asked) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server { address, asked: Arc::default() };
        let (answers, shared): (Arc<Answers>, _) = (Arc::new(answers), server.clone());
        let times: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, shared, times) = (answers.clone(), shared.clone(), times.clone());
                tokio::spawn(async move { shared.answer(stream, &*answers, &times).await });
            }
        });
        server
    }

    pub fn base(&self) -> String {
        format!("http://{}/r4", self.address)
    }

    /// Method and target of all that was asked, in order.
    pub fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|asked| format!("{} {}", asked.method, asked.target)).collect()
    }

    /// How often this was asked.
    pub fn times(&self, line: &str) -> usize {
        self.lines().iter().filter(|asked| *asked == line).count()
    }

    async fn answer(&self, mut stream: TcpStream, answers: &Answers, times: &Mutex<HashMap<String, usize>>) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let mut asked = Asked { method, target, head, body: String::new(), before: 0 };
        let length: usize = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        asked.body = String::from_utf8(body).unwrap();
        {
            let mut times = times.lock().unwrap();
            let times = times.entry(format!("{} {}", asked.method, asked.target)).or_default();
            asked.before = *times;
            *times += 1;
        }
        self.asked.lock().unwrap().push(asked.clone());
        let reply = answers(self.address, &asked);
        let mut out = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", reply.status);
        for header in &reply.headers {
            out.push_str(header);
            out.push_str("\r\n");
        }
        if !reply.unbounded {
            out.push_str(&format!("content-length: {}\r\n", reply.body.len()));
        }
        out.push_str("\r\n");
        let _ = stream.write_all(out.as_bytes()).await;
        let _ = stream.write_all(&reply.body[..reply.cut.unwrap_or(reply.body.len())]).await;
        let _ = stream.flush().await;
        if reply.stall {
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        }
    }
}
