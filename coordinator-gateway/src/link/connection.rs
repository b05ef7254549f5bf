//! TCP connections of miners, before and after they have proven a key.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        atomic::{AtomicUsize, Ordering},
        Arc,
    },
    task::{ready, Context, Poll},
    time::Duration,
};

use cuckoo_wire::limits::HANDSHAKE_TIMEOUT_MS;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep},
};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use super::limits::{UnprovenLink, UnprovenLinks};

/// How long a connection may live without a proven link on it.
const UNPROVEN_TIMEOUT: Duration = Duration::from_millis(2 * HANDSHAKE_TIMEOUT_MS);
/// Pause after the system refused to accept, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a request on a connection can know and say about it.
#[derive(Clone)]
pub(crate) struct ConnectionHandle {
    /// Who dialled.
    pub(crate) peer: SocketAddr,
    state: Arc<ConnectionState>,
}

struct ConnectionState {
    proven_links: AtomicUsize,
    unproven: Mutex<Option<UnprovenLink>>,
}

/// Held while a proven link lives on the connection.
pub(crate) struct ProvenLink(Arc<ConnectionState>);

impl ConnectionHandle {
    /// A link on this connection has proven its key.
    pub(crate) fn proven(&self) -> ProvenLink {
        self.state.proven_links.fetch_add(1, Ordering::Relaxed);
        drop(self.state.unproven.lock().take());
        ProvenLink(self.state.clone())
    }
}

impl Drop for ProvenLink {
    fn drop(&mut self) {
        self.0.proven_links.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that ends by itself when nobody proves a key on it.
pub(crate) struct LinkConnection {
    stream: TcpStream,
    handle: ConnectionHandle,
    deadline: Pin<Box<Sleep>>,
    /// Until a key is proven: another connection was given the place.
    displaced: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl Connected for LinkConnection {
    type ConnectInfo = ConnectionHandle;

    fn connect_info(&self) -> ConnectionHandle {
        self.handle.clone()
    }
}

impl AsyncRead for LinkConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.handle.state.proven_links.load(Ordering::Relaxed) > 0 {
            // The time counts again from the moment when the last link has ended; keep-alive pings bring us back here.
            self.deadline.as_mut().reset(Instant::now() + UNPROVEN_TIMEOUT);
            self.displaced = None;
        } else if self.displaced.as_mut().is_some_and(|displaced| displaced.as_mut().poll(cx).is_ready()) {
            metrics::counter!("gateway_links_refused_total", "reason" => "displaced").increment(1);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "others came, and no key was proven yet")));
        } else if self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "no operator key was proven in time")));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for LinkConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Accepts connections within the limits on unproven ones. Those of an address that has too many are closed at once, as
/// their miners try again.
pub(crate) struct LinkListener {
    listener: TcpListener,
    unproven: Arc<UnprovenLinks>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl LinkListener {
    pub(crate) fn new(listener: TcpListener, unproven: Arc<UnprovenLinks>) -> Self {
        Self { listener, unproven, pause: None }
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr) -> Option<LinkConnection> {
        let Some(unproven) = self.unproven.admit(peer.ip()) else {
            metrics::counter!("gateway_links_refused_total", "reason" => "too_many_unproven").increment(1);
            return None;
        };
        drop(stream.set_nodelay(true));
        let displaced = Some(Box::pin(unproven.lost().cancelled_owned()));
        let state = ConnectionState { proven_links: AtomicUsize::new(0), unproven: Mutex::new(Some(unproven)) };
        let handle = ConnectionHandle { peer, state: Arc::new(state) };
        let deadline = Box::pin(tokio::time::sleep(UNPROVEN_TIMEOUT));
        Some(LinkConnection { stream, handle, deadline, displaced })
    }
}

impl futures::Stream for LinkListener {
    type Item = io::Result<LinkConnection>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(pause) = self.pause.as_mut() {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok((stream, peer)) => {
                    if let Some(connection) = self.take(stream, peer) {
                        return Poll::Ready(Some(Ok(connection)));
                    }
                }
                Err(error) => {
                    tracing::warn!(target: "gateway::link", %error, "cannot accept a connection");
                    self.pause = Some(Box::pin(tokio::time::sleep(ACCEPT_PAUSE)));
                }
            }
        }
    }
}
