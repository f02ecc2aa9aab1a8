//! A connection that ends when its client takes nothing of what is sent: whoever asks and never reads would hold a place for ever.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// A stream on which writing fails when nothing could be sent for some time. It stands below TLS, whose own buffer would hide that.
pub(crate) struct Progressing<S> {
    stream: S,
    patience: Duration,
    /// Runs out when nothing was sent for too long; set while something waits to be.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> Progressing<S> {
    pub(crate) fn new(stream: S, patience: Duration) -> Self {
        Progressing { stream, patience, stuck: None }
    }

    /// What became of an attempt to send: one that waits may do so until the time is over.
    fn watched<T>(&mut self, context: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.stuck = None;
            return sent;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        match stuck.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Progressing<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Progressing<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watched(context, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.watched(context, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_flush(context);
        self.watched(context, sent)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watched(context, sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::Instant,
    };

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_is_waited_for_and_who_reads_nothing_is_not() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = Progressing::new(server, Duration::from_secs(20));
        let writing =
            tokio::spawn(async move { server.write_all(&[7; 256]).await.map_err(|error| error.kind()) });
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(19)).await;
            client.read_exact(&mut [0; 64]).await.unwrap();
        }
        assert_eq!(writing.await.unwrap(), Ok(()), "57 seconds, and something of it every 19");
        let (_client, server) = tokio::io::duplex(64);
        let mut server = Progressing::new(server, Duration::from_secs(20));
        let begun = Instant::now();
        assert_eq!(server.write_all(&[7; 256]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), 20);
    }
}
