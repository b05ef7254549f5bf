//! What was read of the coordinators, and as of when.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use cuckoo_chain_client::{ChainError, MarketView};
use cuckoo_primitives::{AccountId, Balance, BlockNumber, EraIndex, Role};
use futures::StreamExt;
use tokio::time::{timeout, timeout_at, Instant};

use super::{
    errand::Claim,
    look::{self, Look},
    purse::Purse,
    Settlement,
};
use crate::wallet::ChannelKey;

/// The chain is read again after this long even if no block has become final.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// Coordinators of whom is read at once.
const LOOKS_AT_ONCE: usize = 8;
/// Longest time for one of them, so that one for whom the node has much to read does not keep it from the others.
const ONE_LIMIT: Duration = Duration::from_secs(10);
/// Longest time for all of them.
const ALL_LIMIT: Duration = Duration::from_secs(30);

/// What was read of one coordinator.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) look: Look,
    /// It is as of this block, or of later ones.
    pub(super) at: BlockNumber,
}

/// What was read of all of them. One that cannot be read in time is left as it was and keeps nobody from the others.
#[derive(Debug)]
pub(super) struct Observed {
    /// Longest time for one of them.
    pub(super) one_limit: Duration,
    /// Longest time for all of them.
    pub(super) all_limit: Duration,
    /// When, and at which block, the chain was read last.
    looked: Option<(BlockNumber, Instant)>,
    /// How often the chain was read, and in which of these times each coordinator had its turn last.
    rounds: u64,
    turns: BTreeMap<AccountId, u64>,
    /// The coordinators that were read in this era.
    read: (EraIndex, BTreeSet<AccountId>),
    /// Who has debts, whether still a candidate or not, and the era in which that was read.
    debtors: Option<(EraIndex, BTreeSet<AccountId>)>,
    seen: BTreeMap<AccountId, Seen>,
    /// As of which block, or later ones, each channel was read last.
    channels: BTreeMap<ChannelKey, BlockNumber>,
}

/// Somebody of whom to read.
struct Wanted {
    coordinator: AccountId,
    /// Nothing is known of it but that it is a coordinator, or was one. It may owe all the same, to a miner that lost its
    /// wallet.
    is_stranger: bool,
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            one_limit: ONE_LIMIT,
            all_limit: ALL_LIMIT,
            looked: None,
            rounds: 0,
            turns: BTreeMap::new(),
            read: Default::default(),
            debtors: None,
            seen: BTreeMap::new(),
            channels: BTreeMap::new(),
        }
    }
}

impl Observed {
    /// What was read of this coordinator.
    pub(super) fn of(&self, coordinator: &AccountId) -> Option<&Seen> {
        self.seen.get(coordinator)
    }

    /// All that was read.
    pub(super) fn all(&self) -> impl Iterator<Item = (&AccountId, &Seen)> {
        self.seen.iter()
    }

    /// The block as of which it was read last what has become of this claim; `None` if it never was.
    pub(super) fn read_at(&self, claim: &Claim) -> Option<BlockNumber> {
        match claim {
            Claim::Voucher(key) => self.channels.get(key).copied(),
            Claim::Debt { coordinator, .. } => self.of(coordinator).map(|seen| seen.at),
        }
    }

    /// What its coordinator could pay of any claim of this kind, in planck, as far as was read. `own` is the stash of
    /// this miner.
    pub(super) fn payable(&self, claim: &Claim, own: Option<&AccountId>) -> Balance {
        let Some(Seen { look, .. }) = self.of(claim.coordinator()) else { return 0 };
        match claim {
            Claim::Voucher(key) => Purse::of(look).gets(Balance::MAX, own == Some(&key.miner)),
            Claim::Debt { .. } => look.solvency.escrow,
        }
    }

    /// The chain has changed, whatever its height.
    pub(super) fn look_again(&mut self) {
        self.looked = None;
    }

    /// Reads what is new on the chain; false if nothing can be. `own` is the stash of this miner.
    pub(super) async fn renew(
        &mut self,
        settlement: &Arc<Settlement>,
        own: Option<&AccountId>,
        view: &MarketView,
    ) -> bool {
        let is_new = self.looked.is_none_or(|(number, at)| number != view.number || at.elapsed() >= LOOK_AGAIN);
        if !is_new {
            return false;
        }
        let began = Instant::now();
        self.looked = Some((view.number, began));
        self.rounds = self.rounds.saturating_add(1);
        if self.read.0 != view.era.era {
            self.read = (view.era.era, BTreeSet::new());
        }
        let (one_limit, deadline) = (self.one_limit, began + self.all_limit);
        let mut wanted = self.worth_a_look(settlement, own, view);
        // Whoever had no turn before the time was over comes first now.
        wanted.sort_by_cached_key(|wanted| self.turns.get(&wanted.coordinator).copied().unwrap_or(0));
        let wanted = futures::stream::iter(wanted).map(|wanted| {
            let (settlement, own) = (settlement.clone(), own.cloned());
            async move {
                let read = timeout(one_limit, wanted.read(&settlement, own.as_ref(), one_limit / 2)).await;
                (wanted.coordinator, read)
            }
        });
        let mut reads = pin!(wanted.buffer_unordered(LOOKS_AT_ONCE));
        let mut trouble = None;
        loop {
            let (coordinator, read) = match timeout_at(deadline, reads.next()).await {
                Ok(Some(read)) => read,
                Ok(None) => break,
                Err(_) => {
                    trouble = Some("the node is too slow".into());
                    break;
                }
            };
            self.turns.insert(coordinator.clone(), self.rounds);
            match read {
                Ok(Ok(look)) => {
                    self.read.1.insert(coordinator.clone());
                    if let Some(look) = look {
                        self.channels.extend(look.channels.iter().map(|key| (key.clone(), view.number)));
                        trouble = look.trouble.as_ref().map(|why| format!("of {coordinator}: {why}")).or(trouble);
                        self.seen.insert(coordinator, Seen { look, at: view.number });
                    }
                }
                Ok(Err(error)) => trouble = Some(format!("of {coordinator}: {error}")),
                Err(_) => trouble = Some(format!("of {coordinator}: no answer in {one_limit:?}")),
            }
        }
        // Last, so that it is in nobody's way; who is new in it has a turn at the next look.
        if own.is_some() {
            trouble = self.renew_debtors(settlement, view.era.era).await.or(trouble);
        }
        settlement.note_reading(trouble);
        true
    }

    /// Reads once in an era who has debts: who deregistered is no candidate, and may owe all the same. Returns what was
    /// in the way.
    async fn renew_debtors(&mut self, settlement: &Settlement, era: EraIndex) -> Option<String> {
        if self.debtors.as_ref().is_some_and(|(read_in, _)| *read_in == era) {
            return None;
        }
        match timeout(self.one_limit, settlement.source().debtors()).await {
            Ok(Ok(debtors)) => {
                self.debtors = Some((era, debtors.into_iter().collect()));
                None
            }
            Ok(Err(error)) => Some(format!("who has debts: {error}")),
            Err(_) => Some(format!("who has debts: no answer in {:?}", self.one_limit)),
        }
    }

    /// The coordinators that are linked, have promised what is not settled, or owe something; once in an era all of the
    /// wallet, all others that there are, and those that left and have debts.
    fn worth_a_look(&self, settlement: &Settlement, own: Option<&AccountId>, view: &MarketView) -> Vec<Wanted> {
        let linked = settlement.accounts().into_iter().filter(|account| account.standing().is_linked);
        let mut worth: BTreeSet<AccountId> = linked.map(|account| account.coordinator().clone()).collect();
        let owing = self.seen.iter().filter(|(_, seen)| !seen.look.debts.is_empty());
        worth.extend(owing.map(|(coordinator, _)| coordinator.clone()));
        let settled = settlement.settled.lock().clone();
        let is_read = |coordinator: &AccountId| self.read.1.contains(coordinator);
        for (key, held) in settlement.wallet().holdings().vouchers() {
            if look::is_open(held, settled.get(key)) || !is_read(&key.coordinator) {
                worth.insert(key.coordinator.clone());
            }
        }
        let candidates = view.of_role(Role::Coordinator).map(|candidate| &candidate.stash);
        let debtors = self.debtors.iter().flat_map(|(_, debtors)| debtors);
        let others: BTreeSet<&AccountId> = candidates.chain(debtors).collect();
        let others = others.into_iter().filter(|stash| own.is_some() && !worth.contains(*stash) && !is_read(stash));
        let strangers: Vec<Wanted> =
            others.map(|stash| Wanted { coordinator: stash.clone(), is_stranger: true }).collect();
        let known = worth.into_iter().map(|coordinator| Wanted { coordinator, is_stranger: false });
        known.chain(strangers).collect()
    }
}

impl Wanted {
    /// What is said of it, its channels in that time; `None` if it is no concern of this miner.
    async fn read(
        &self,
        settlement: &Settlement,
        own: Option<&AccountId>,
        limit: Duration,
    ) -> Result<Option<Look>, ChainError> {
        if self.is_stranger {
            let owes = match own {
                Some(own) => look::owes(settlement.source(), &self.coordinator, own).await?,
                None => false,
            };
            if !owes {
                return Ok(None);
            }
        }
        settlement.look(&self.coordinator, own, limit).await.map(Some)
    }
}
