//! The gRPC service that miners dial.

use std::{pin::Pin, sync::Arc, time::Duration};

use cuckoo_chain_client::Keypair;
use cuckoo_primitives::{AccountId, Role};
use cuckoo_wire::{
    limits::MAX_MINER_MESSAGE_BYTES,
    link::{
        miner_link_server::{MinerLink, MinerLinkServer},
        CoordinatorMessage, MinerMessage, RefusalCode,
    },
};
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{transport::Server, Request, Response, Status, Streaming};

use super::{
    connection::{ConnectionHandle, LinkListener},
    handshake::Refused,
    known_models::KnownModels,
    peer::{Outbound, OUTBOX},
    session,
    turns::Turns,
};
use crate::{
    chain_guard::ChainGuard,
    dispatch::Registry,
    settle::{Adoption, Vouchers},
    standing::standing,
};

/// A dead miner is noticed within the sum of these two.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(8);
/// Streams of one connection at once: one, and the one that replaces it.
const MAX_STREAMS: u32 = 2;
/// Most bytes of a request's headers.
const MAX_HEADER_BYTES: u32 = 16 * 1024;

/// What every link needs.
pub(crate) struct LinkContext {
    /// Our operator key.
    pub(crate) key: Keypair,
    /// Our view of the chain.
    pub(crate) guard: Arc<ChainGuard>,
    /// Where links are entered.
    pub(crate) registry: Arc<Registry>,
    /// Which models are taken for what they say they are.
    pub(crate) known: KnownModels,
    /// Whose turn it is to be linked.
    pub(crate) turns: Turns,
    /// Decides what a miner's channel goes on from.
    pub(crate) adoption: Adoption,
    /// Where promises are signed.
    pub(crate) vouchers: Arc<Vouchers>,
    /// Most links at once.
    pub(crate) max_links: usize,
    /// Cancelled when the gateway begins to stop.
    pub(crate) stop: CancellationToken,
}

impl LinkContext {
    /// Whether this operator may be linked at all, before it proves anything.
    pub(super) fn may_mine(&self, miner: &AccountId) -> Result<(), Refused> {
        if self.stop.is_cancelled() {
            return Err(Refused::new(RefusalCode::Busy, "this gateway is stopping"));
        }
        if self.guard.is_stale() {
            return Err(Refused::new(
                RefusalCode::StaleChain,
                "this gateway cannot see the chain now; try again in a moment",
            ));
        }
        standing(&self.guard.view(), miner, Role::Miner)?;
        match self.turns.has_place(miner) {
            true => Ok(()),
            false => Err(no_place()),
        }
    }
}

/// More handshakes of one operator are under way than it may have links.
pub(super) fn no_place() -> Refused {
    let reason = "more workers of this operator want to link than it may have; try again in a moment";
    Refused::new(RefusalCode::Busy, reason)
}

struct Service(Arc<LinkContext>);

#[tonic::async_trait]
impl MinerLink for Service {
    type ConnectStream = Pin<Box<dyn Stream<Item = Result<CoordinatorMessage, Status>> + Send>>;

    async fn connect(
        &self,
        request: Request<Streaming<MinerMessage>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let connection =
            request.extensions().get::<ConnectionHandle>().cloned().ok_or_else(|| Status::internal("no connection"))?;
        let (outbox, messages) = mpsc::channel(OUTBOX);
        tokio::spawn(session::serve(self.0.clone(), connection, request.into_inner(), outbox));
        let messages = ReceiverStream::new(messages).scan((), |(), outbound| {
            std::future::ready(match outbound {
                Outbound::Message(message) => Some(Ok(*message)),
                Outbound::End => None,
            })
        });
        Ok(Response::new(Box::pin(messages)))
    }
}

/// Serves miners until `closed` is cancelled, then ends what connections are left.
pub(crate) async fn serve_links(
    context: Arc<LinkContext>,
    listener: LinkListener,
    closed: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let service = MinerLinkServer::new(Service(context)).max_decoding_message_size(MAX_MINER_MESSAGE_BYTES);
    let server = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(MAX_STREAMS)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .add_service(service)
        .serve_with_incoming(listener);
    closed.run_until_cancelled(server).await.unwrap_or(Ok(()))
}
