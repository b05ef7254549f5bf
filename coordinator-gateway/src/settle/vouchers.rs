//! Signs what has been promised, and sends it to whom it is promised.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use cuckoo_chain_client::{account_of, Keypair};
use cuckoo_primitives::{
    settlement::{SignedVoucher, Voucher},
    signing::Statement,
    AccountId, Hash,
};
use cuckoo_wire::{
    limits::MAX_MINER_MESSAGE_BYTES,
    link::{coordinator_message::Message, Welcome},
    money::voucher_to_wire,
};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    channel::{ChannelKey, Promise},
    exposure::Exposure,
};
use crate::link::Link;

/// Signs vouchers over what the journal has committed, never over more.
pub(crate) struct Vouchers {
    key: Keypair,
    coordinator: AccountId,
    genesis: Hash,
    exposure: Arc<Exposure>,
    links: Mutex<HashMap<ChannelKey, Arc<Link>>>,
    /// Channels whose promise has grown and may not have been sent; each once, so there are never more than channels.
    due: Mutex<HashSet<ChannelKey>>,
    wake: Notify,
}

impl Vouchers {
    /// For the coordinator with this stash, on the chain with this genesis hash, signed with its operator's key.
    pub(crate) fn new(key: Keypair, coordinator: AccountId, genesis: Hash, exposure: Arc<Exposure>) -> Arc<Self> {
        Arc::new(Self {
            key,
            coordinator,
            genesis,
            exposure,
            links: Mutex::default(),
            due: Mutex::default(),
            wake: Notify::new(),
        })
    }

    /// The promises of these channels have grown; their vouchers are sent in a moment.
    pub(crate) fn have_grown(&self, channels: impl IntoIterator<Item = ChannelKey>) {
        self.due.lock().extend(channels);
        self.wake.notify_one();
    }

    /// Sends vouchers as promises grow, until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        while stop.run_until_cancelled(self.wake.notified()).await.is_some() {
            let due = std::mem::take(&mut *self.due.lock());
            for key in due {
                let link = self.links.lock().get(&key).cloned();
                if let Some(link) = link {
                    self.deliver(&link);
                    // A signature takes a good part of what a task should run at once.
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Welcomes a miner with the newest voucher of its channel, and sends it every newer one until it leaves.
    pub(crate) fn welcome(&self, link: &Arc<Link>) {
        let key = link.channel();
        link.send_promise(|_| {
            let newest = self.newest(key);
            let amount = newest.as_ref().map_or(0, |signed| signed.voucher.amount);
            let newest = newest.as_ref().map(voucher_to_wire);
            let welcome = Welcome { max_message_bytes: MAX_MINER_MESSAGE_BYTES as u32, newest };
            Some((amount, Message::Welcome(welcome)))
        });
        self.links.lock().insert(key.clone(), link.clone());
        // What was committed between the two lines above found no link.
        self.deliver(link);
    }

    /// Its link has ended.
    pub(crate) fn leave(&self, link: &Link) {
        let mut links = self.links.lock();
        if links.get(link.channel()).is_some_and(|current| current.serial() == link.serial()) {
            links.remove(link.channel());
        }
    }

    /// Sends the newest voucher, if it has not been sent over this link; if there is no room for it, a later call does.
    pub(crate) fn deliver(&self, link: &Link) {
        let key = link.channel();
        link.send_promise(|sent| {
            // Signing costs far more than this look.
            if self.exposure.promised(key).amount <= sent {
                return None;
            }
            let signed = self.newest(key)?;
            Some((signed.voucher.amount, Message::Voucher(voucher_to_wire(&signed))))
        });
    }

    /// What a channel promises, signed now; `None` if that is nothing.
    fn newest(&self, key: &ChannelKey) -> Option<SignedVoucher> {
        let promise = self.exposure.promised(key);
        if promise.amount == 0 {
            return None;
        }
        metrics::counter!("gateway_vouchers_total").increment(1);
        Some(sign(&self.key, &self.genesis, &self.coordinator, key, promise))
    }
}

/// The voucher for what a channel promises.
pub(super) fn sign(
    key: &Keypair,
    genesis: &Hash,
    coordinator: &AccountId,
    channel: &ChannelKey,
    promise: Promise,
) -> SignedVoucher {
    let voucher = Voucher {
        coordinator: coordinator.clone(),
        miner: channel.miner.clone(),
        channel: channel.channel,
        amount: promise.amount,
        tasks: promise.tasks,
    };
    let signature = key.sign(voucher.signing_hash(genesis).as_bytes()).0;
    SignedVoucher { voucher, operator: account_of(key), signature }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Sent;
    use subxt_signer::sr25519::dev;

    fn key() -> ChannelKey {
        ChannelKey { miner: AccountId::from([1; 32]), channel: [2; 16] }
    }

    fn vouchers(promised: u128) -> (Arc<Exposure>, Arc<Vouchers>) {
        let exposure = Exposure::new([(key(), Promise { amount: promised, tasks: 1 })]);
        let coordinator = AccountId::from([9; 32]);
        (exposure.clone(), Vouchers::new(dev::alice(), coordinator, Hash::repeat_byte(3), exposure))
    }

    fn amount(message: &Message) -> Option<u128> {
        let sent = match message {
            Message::Welcome(welcome) => welcome.newest.as_ref()?,
            Message::Voucher(voucher) => voucher,
            other => panic!("{other:?}"),
        };
        let signed =
            cuckoo_wire::money::voucher_from_wire(sent, &AccountId::from([9; 32]), &key().miner, key().channel)
                .unwrap();
        assert!(signed.is_signed(&Hash::repeat_byte(3)));
        assert_eq!(signed.operator, account_of(&dev::alice()));
        Some(signed.voucher.amount)
    }

    #[test]
    fn a_welcome_has_the_newest_voucher_or_none() {
        for (promised, expected) in [(0, None), (7, Some(7))] {
            let (_exposure, vouchers) = vouchers(promised);
            let (link, mut sent) = Link::heard(key(), 8);
            vouchers.welcome(&Arc::new(link));
            assert_eq!(amount(&sent.next().unwrap()), expected);
            assert!(sent.next().is_none(), "what the welcome said is not sent again");
        }
    }

    #[test]
    fn only_what_has_grown_is_sent() {
        let (exposure, vouchers) = vouchers(7);
        let (link, mut sent) = Link::heard(key(), 8);
        let link = Arc::new(link);
        vouchers.welcome(&link);
        sent.next().unwrap();
        exposure.set_promised(&key(), Promise { amount: 7, tasks: 2 });
        vouchers.deliver(&link);
        assert!(sent.next().is_none(), "a task that cost nothing is no reason for a voucher");
        exposure.set_promised(&key(), Promise { amount: 9, tasks: 3 });
        vouchers.deliver(&link);
        vouchers.deliver(&link);
        assert_eq!(amount(&sent.next().unwrap()), Some(9));
        assert!(sent.next().is_none());
    }

    #[test]
    fn a_voucher_that_found_no_room_is_sent_later() {
        let (exposure, vouchers) = vouchers(7);
        let (link, mut sent): (Link, Sent) = Link::heard(key(), 1);
        let link = Arc::new(link);
        vouchers.welcome(&link);
        exposure.set_promised(&key(), Promise { amount: 9, tasks: 2 });
        vouchers.deliver(&link);
        assert_eq!(amount(&sent.next().unwrap()), Some(7), "the welcome fills the outbox");
        assert!(sent.next().is_none());
        vouchers.deliver(&link);
        assert_eq!(amount(&sent.next().unwrap()), Some(9));
    }

    #[tokio::test]
    async fn grown_promises_are_sent_over_the_link_of_their_channel() {
        let (exposure, vouchers) = vouchers(0);
        let (older, mut to_older) = Link::heard(key(), 8);
        let (newer, mut to_newer) = Link::heard(key(), 8);
        let (older, newer) = (Arc::new(older), Arc::new(newer));
        [&older, &newer].into_iter().for_each(|link| vouchers.welcome(link));
        vouchers.leave(&older);
        to_older.next().unwrap();
        to_newer.next().unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(vouchers.clone().run(stop.clone()));
        exposure.set_promised(&key(), Promise { amount: 5, tasks: 1 });
        vouchers.have_grown([key()]);
        let arrived = tokio::time::timeout(std::time::Duration::from_secs(5), to_newer.wait()).await.unwrap();
        assert_eq!(amount(&arrived.unwrap()), Some(5));
        assert!(to_older.next().is_none());
        stop.cancel();
        running.await.unwrap();
    }
}
