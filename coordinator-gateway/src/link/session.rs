//! The task that reads one miner's stream.

use std::{sync::Arc, time::Duration};

use cuckoo_chain_client::MarketView;
use cuckoo_primitives::{settlement::ChannelId, task::TaskId, Candidate, Role};
use cuckoo_wire::{
    handshake::{fixed, Handshake},
    link::{self, coordinator_message, miner_message::Message, MinerMessage, RefusalCode, Voucher},
    shares::SeenShares,
};
use futures::{Stream, StreamExt};
use tokio::{sync::mpsc, time::MissedTickBehavior};
use tonic::Status;

use super::{
    connection::ConnectionHandle,
    handshake::{shake_hands, Broken, Refused, Shaken},
    offer::Offer,
    peer::{Ending, Link, Outbound},
    running::AttemptMessage,
    server::{no_place, LinkContext},
    turns::Place,
};
use crate::{
    dispatch::{AttemptId, TooManyLinks, MAX_LINKS_PER_OPERATOR},
    settle::{ChannelKey, Claim},
    standing::{standing, Unfit},
};

/// How often a voucher is sent again that found no room.
const SWEEP: Duration = Duration::from_secs(1);

/// Longest time from the proof of a key to the welcome; miners wait little longer for it.
const ADOPTION_LIMIT: Duration = Duration::from_secs(8);

/// Longest wait for a miner to read the last message.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Serves one stream from its hello to its end.
pub(super) async fn serve<S>(
    context: Arc<LinkContext>,
    connection: ConnectionHandle,
    mut incoming: S,
    outbox: mpsc::Sender<Outbound>,
) where
    S: Stream<Item = Result<MinerMessage, Status>> + Unpin,
{
    let peer = connection.peer;
    let shaken =
        shake_hands(&context.key, context.guard.genesis(), context.guard.operator(), &mut incoming, &outbox, |miner| {
            context.may_mine(miner)
        })
        .await;
    let Shaken { handshake, claim, shares } = match shaken {
        Ok(shaken) => shaken,
        Err(Broken::Refused(refused)) => return refuse(&outbox, refused, &peer.to_string()).await,
        Err(Broken::Gone(why)) => {
            metrics::counter!("gateway_links_refused_total", "reason" => "no_handshake").increment(1);
            tracing::debug!(target: "gateway::link", %peer, why, "no handshake");
            return;
        }
    };
    let Claim { channel, newest } = claim;
    let miner = handshake.miner.to_string();
    let (link, place) = match take_place(&context, handshake, channel, shares, &outbox) {
        Ok(taken) => taken,
        Err(refused) => return refuse(&outbox, refused, &miner).await,
    };
    let _proven = connection.proven();
    let adopted = tokio::select! {
        // Nobody is kept waiting by those who have gone.
        () = outbox.closed() => return,
        adopted = adopt(&context, &link, newest.as_ref(), place) => adopted,
    };
    if let Err(refused) = adopted.and_then(|()| admit(&context, &link)) {
        return refuse(&outbox, refused, &miner).await;
    }
    tracing::info!(target: "gateway::link", %miner, %peer, "miner linked");
    metrics::counter!("gateway_links_total").increment(1);
    context.vouchers.welcome(&link);
    let ended = read(&context, &link, &mut incoming, &outbox).await;
    context.registry.remove(&link);
    context.vouchers.leave(&link);
    link.close();
    match ended {
        Ended::Left | Ended::Drained => {
            tracing::info!(target: "gateway::link", %miner, "miner left");
            end_stream(&outbox, None).await;
        }
        Ended::Refused(refused) => refuse(&outbox, refused, &miner).await,
    }
}

/// The link of a miner that has proven its key, and its place among those that are to be linked. All that can be told
/// without asking anybody is told here.
fn take_place(
    context: &LinkContext,
    handshake: Handshake,
    channel: ChannelId,
    shares: SeenShares,
    outbox: &mpsc::Sender<Outbound>,
) -> Result<(Arc<Link>, Place), Refused> {
    let stash = standing(&context.guard.view(), &handshake.miner, Role::Miner)?.stash.clone();
    let channel = ChannelKey { miner: stash, channel };
    let link = Arc::new(Link::new(handshake.link_hash(), handshake.miner, channel, shares, outbox.clone()));
    check_room(context, &link)?;
    let place = context.turns.place(link.operator()).ok_or_else(no_place)?;
    Ok((link, place))
}

/// Whether there is room for the link, if it does not wait.
fn check_room(context: &LinkContext, link: &Link) -> Result<(), Refused> {
    if context.registry.load().0 >= context.max_links {
        return Err(Refused::new(RefusalCode::Busy, "this gateway has as many links as it may; try again later"));
    }
    context.registry.check_room(link).map_err(too_many)
}

fn too_many(_: TooManyLinks) -> Refused {
    let reason = format!("this operator has {MAX_LINKS_PER_OPERATOR} links to this gateway, which is all it may");
    Refused::new(RefusalCode::Busy, reason)
}

/// Waits for the link's turn, and has what its channel goes on from committed.
async fn adopt(context: &LinkContext, link: &Link, newest: Option<&Voucher>, place: Place) -> Result<(), Refused> {
    let adopted = async {
        let _turn = place.turn().await;
        context.adoption.adopt(link.channel(), newest).await
    };
    tokio::time::timeout(ADOPTION_LIMIT, adopted).await.unwrap_or_else(|_| {
        Err(Refused::new(RefusalCode::Busy, "many miners want to link to this gateway now; try again in a moment"))
    })
}

/// Puts the link into the registry, in the place of an older one, if the miner may work and there is room.
fn admit(context: &LinkContext, link: &Arc<Link>) -> Result<(), Refused> {
    let view = context.guard.view();
    let backing = of_same_stash(&view, link)?.backing;
    check_room(context, link)?;
    if let Some(replaced) = context.registry.admit(link.clone(), backing).map_err(too_many)? {
        let reason = "a newer link of this operator and channel took over; run one worker on a wallet".into();
        replaced.end(Ending::Refused { code: RefusalCode::Replaced, reason });
    }
    // A block may have been finalised between the look at the view and the entry into the registry.
    if let Err(unfit) = of_same_stash(&context.guard.view(), link) {
        context.registry.remove(link);
        return Err(unfit.into());
    }
    if context.stop.is_cancelled() {
        link.end(Ending::Drained);
    }
    Ok(())
}

/// The miner behind a link, if it may work and works for the stash that the link's channel pays.
pub(crate) fn of_same_stash(view: &MarketView, link: &Link) -> Result<Arc<Candidate>, Unfit> {
    let candidate = standing(view, link.operator(), Role::Miner)?;
    match candidate.stash == link.channel().miner {
        true => Ok(candidate),
        false => Err(Unfit::OtherStash),
    }
}

enum Ended {
    Left,
    Drained,
    Refused(Refused),
}

async fn read<S>(context: &LinkContext, link: &Arc<Link>, incoming: &mut S, outbox: &mpsc::Sender<Outbound>) -> Ended
where
    S: Stream<Item = Result<MinerMessage, Status>> + Unpin,
{
    let mut endings = link.endings();
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut draining = false;
    loop {
        tokio::select! {
            changed = endings.changed() => match (changed, endings.borrow_and_update().clone()) {
                (Ok(()), Some(Ending::Refused { code, reason })) => return Ended::Refused(Refused { code, reason }),
                (Ok(()), Some(Ending::Drained)) => {
                    draining = true;
                    let closing = link::Closing { reason: "the gateway is stopping".into() };
                    link.send(coordinator_message::Message::Closing(closing));
                }
                _ => {}
            },
            () = outbox.closed() => return Ended::Left,
            _ = sweep.tick() => context.vouchers.deliver(link),
            message = incoming.next() => {
                let Some(Ok(MinerMessage { message })) = message else { return Ended::Left };
                if let Err(refused) = handle(context, link, message) {
                    return Ended::Refused(refused);
                }
            }
        }
        if draining && link.is_idle() {
            context.vouchers.deliver(link);
            return Ended::Drained;
        }
    }
}

/// Takes the models out of an offer that are not drawn. The others are, all the same.
fn refuse_unknown(context: &LinkContext, link: &Link, offer: &mut Offer) {
    let Offer { models, refused, .. } = offer;
    models.retain(|model| {
        let Some(reason) = context.known.objection(model) else { return true };
        tracing::info!(
            target: "gateway::link",
            { miner = %link.operator(), model = model.id, class = model.numeric_class, root = ?model.model_root, reason },
            "a model that is offered is not drawn"
        );
        refused.push((model.id.clone(), reason));
        false
    });
}

fn handle(context: &LinkContext, link: &Arc<Link>, message: Option<Message>) -> Result<(), Refused> {
    match message {
        Some(Message::Offer(offer)) => {
            let mut offer = Offer::try_from(offer).map_err(|reason| Refused::new(RefusalCode::InvalidOffer, reason))?;
            refuse_unknown(context, link, &mut offer);
            tracing::debug!(
                target: "gateway::link",
                miner = %link.operator(),
                slots = offer.slots,
                models = offer.models.len(),
                "offer"
            );
            context.registry.set_offer(link, offer);
        }
        Some(Message::Accept(accept)) => link.accept(&attempt_id(&accept.task_id, accept.attempt)?, accept)?,
        Some(Message::Opening(opening)) => link.openings().answered(opening),
        Some(Message::Output(output)) => link.output(&attempt_id(&output.task_id, output.attempt)?, output),
        Some(Message::Result(result)) => {
            link.finish(&attempt_id(&result.task_id, result.attempt)?, AttemptMessage::Result(result));
        }
        Some(Message::Failure(failure)) => {
            link.finish(&attempt_id(&failure.task_id, failure.attempt)?, AttemptMessage::Failure(failure));
        }
        Some(Message::Closing(_)) => context.registry.set_closing(link),
        Some(Message::Hello(_) | Message::Proof(_)) | None => {
            return Err(Refused::new(RefusalCode::Protocol, "a message out of order, or an empty one"));
        }
    }
    Ok(())
}

fn attempt_id(task_id: &[u8], attempt: u32) -> Result<AttemptId, Refused> {
    let task: TaskId = fixed::<16>("task_id", task_id)?;
    Ok(AttemptId { task, attempt })
}

/// Tells the miner why, and ends the stream.
async fn refuse(outbox: &mpsc::Sender<Outbound>, refused: Refused, who: &str) {
    let Refused { code, reason } = refused;
    tracing::info!(target: "gateway::link", who, code = code.as_str_name(), reason, "link refused or cut off");
    metrics::counter!("gateway_links_refused_total", "reason" => code.as_str_name()).increment(1);
    let refusal = link::Refusal { code: code.into(), reason };
    end_stream(outbox, Some(coordinator_message::Message::Refusal(refusal))).await;
}

/// Sends the last message, if there is one, and ends the stream; a miner that reads nothing is not waited for long.
async fn end_stream(outbox: &mpsc::Sender<Outbound>, last: Option<coordinator_message::Message>) {
    let messages = last.map(Outbound::from).into_iter().chain([Outbound::End]);
    let sending = async {
        for message in messages {
            if outbox.send(message).await.is_err() {
                return;
            }
        }
    };
    drop(tokio::time::timeout(LAST_WORDS, sending).await);
}
