//! The two directions of a client's connection, and what its silence means in each.

use std::{
    future::{poll_fn, Future},
    io,
    pin::{pin, Pin},
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc,
    },
    task::{ready, Context, Poll},
    time::Duration,
};

use futures::future::{FusedFuture, FutureExt};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::{
        tcp::{OwnedReadHalf, OwnedWriteHalf},
        TcpStream,
    },
    time::{sleep, Sleep},
};

/// A client's connection as the HTTP protocol reads and writes it.
///
/// It ends when bytes wait for the client too long and none of them can be sent: an answer that nobody reads would
/// otherwise hold its task, its memory and its place for ever. A peer that reads a byte now and then gains little: the
/// system takes new bytes only when a good part of its buffer has become free.
pub(super) struct Client {
    line: Arc<Line>,
    writing: OwnedWriteHalf,
    patience: Duration,
    /// Set while bytes wait.
    stalled: Option<Pin<Box<Sleep>>>,
}

/// What tells whether a client is still there.
pub(super) struct Line {
    reading: OwnedReadHalf,
    /// The protocol has asked for bytes since [`Line::begin_turn`].
    was_read: AtomicBool,
    /// Bytes wait for the client.
    is_stalled: AtomicBool,
}

impl Client {
    pub(super) fn new(stream: TcpStream, patience: Duration) -> Self {
        let (reading, writing) = stream.into_split();
        let line = Arc::new(Line { reading, was_read: AtomicBool::new(false), is_stalled: AtomicBool::new(false) });
        Self { line, writing, patience, stalled: None }
    }

    /// For [`until_hung_up`].
    pub(super) fn line(&self) -> Arc<Line> {
        self.line.clone()
    }

    fn bounded<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.line.is_stalled.store(written.is_pending(), Ordering::Relaxed);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        if stalled.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        metrics::counter!("gateway_connections_stalled_total").increment(1);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")))
    }
}

impl Line {
    fn begin_turn(&self) {
        self.was_read.store(false, Ordering::Relaxed);
    }

    /// Returns when the client has ended its side, whatever of it is still to be read.
    async fn closed(&self) {
        // Besides the end it waits for urgent data, which is never asked for. An error is an end too.
        drop(self.reading.ready(Interest::PRIORITY).await);
    }
}

/// Drives a connection until it ends by itself, or its client has hung up on an answer that is still being made; then
/// `None`.
///
/// The protocol itself would notice a hang-up only by reading on, which it does not do any more once the client has sent
/// a byte too many, and for which it keeps a buffer for each connection that waits.
pub(super) async fn until_hung_up<F: Future>(line: &Line, connection: F) -> Option<F::Output> {
    let mut connection = pin!(connection);
    let mut closed = pin!(line.closed().fuse());
    poll_fn(|cx| {
        line.begin_turn();
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            return Poll::Ready(Some(ended));
        }
        if !closed.is_terminated() && closed.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        if line.is_stalled.load(Ordering::Relaxed) {
            // It may have ended its side only and still read the answer; if not, it is not waited for long.
            return Poll::Pending;
        }
        if line.was_read.load(Ordering::Relaxed) {
            // What it had sent before is still being read, and must be answered.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(None)
    })
    .await
}

impl AsyncRead for Client {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.line.was_read.store(true, Ordering::Relaxed);
        let stream = self.line.reading.as_ref();
        loop {
            ready!(stream.poll_read_ready(cx))?;
            match stream.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(drop)),
            }
        }
    }
}

impl AsyncWrite for Client {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.writing).poll_write(cx, bytes);
        self.bounded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.writing).poll_write_vectored(cx, slices);
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.writing.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is held back here, so that flushing says nothing about the peer.
        Pin::new(&mut self.writing).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writing).poll_shutdown(cx)
    }
}
