//! The open wallet: what it holds, and the thread that writes what comes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use cuckoo_primitives::{
    currency::EXISTENTIAL_DEPOSIT,
    settlement::{ChannelId, SignedVoucher},
    signing::blake2_256,
    AccountId, Balance, EraIndex, Hash,
};
use parking_lot::{Condvar, Mutex};
use rand::TryRngCore;
use tokio::sync::watch;

use super::{
    error::WalletError,
    file::{file_name, WalletFile},
    holdings::{ChannelKey, Held, Holdings, Unpaid},
    pending::Pending,
    record::{Entry, Seed},
};

/// Channels with one coordinator that are left for the next one. Honest pairs need a few in their life; whoever asks
/// for more would only fill the wallet.
const MAX_GENERATION: u32 = 255;
/// So many of them may be left with nothing in them that is worth being redeemed.
const MAX_LEFT_EMPTY: u32 = 4;
/// Pause after a failed write.
const RETRY: Duration = Duration::from_secs(1);
/// At the start a file is written anew if it has more than twice as many records as it needs, and these on top.
const SPARE_RECORDS: u64 = 64;

/// An open wallet. The folder's lock must be held for as long as it lives: it is its file's only writer.
///
/// What is given to it is written by a thread, in groups with one sync each, and counts only from then on. Dropping it
/// writes what is left.
#[derive(Debug)]
pub struct Wallet {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// What is on the disk.
    holdings: Mutex<Holdings>,
    queue: Mutex<Queue>,
    /// Something has been put into the queue.
    wake: Condvar,
    /// Something has been written.
    done: Condvar,
    written: watch::Sender<u64>,
    trouble: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Queue {
    pending: Pending,
    /// The newest generation that was put in for each coordinator, whether it waits, is being written or is written.
    generations: BTreeMap<AccountId, u32>,
    /// How many things were ever put in, and how many of them are written.
    put: u64,
    written: u64,
    is_closing: bool,
}

impl Shared {
    fn new(path: PathBuf, holdings: Holdings) -> Self {
        Self {
            path,
            holdings: Mutex::new(holdings),
            queue: Mutex::default(),
            wake: Condvar::new(),
            done: Condvar::new(),
            written: watch::Sender::new(0),
            trouble: Mutex::default(),
        }
    }
}

impl Wallet {
    /// Opens the wallet of the chain with this genesis hash in `folder`, or makes it.
    pub fn open(folder: &Path, genesis: &Hash) -> Result<Self, WalletError> {
        let path = folder.join(file_name(genesis));
        let (mut file, records) = WalletFile::open(&path)?;
        let now_s = now_unix_s();
        let holdings = match records.is_empty() {
            true => {
                let seed = new_seed()?;
                // Before any link: a channel must be found again by whoever reads this file back.
                let holdings = Holdings::new(*genesis, seed, now_s);
                let first: Vec<Entry> = holdings.records(now_s).into_iter().map(|(_, entry)| entry).collect();
                file.append(now_s, &first)?;
                holdings
            }
            false => Holdings::of(records).ok_or_else(|| WalletError::NoWallet { path: path.clone() })?,
        };
        if holdings.genesis() != *genesis {
            return Err(WalletError::OtherChain { path, found: holdings.genesis(), expected: *genesis });
        }
        let needed = holdings.records(now_s);
        if file.records() > (needed.len() as u64).saturating_mul(2).saturating_add(SPARE_RECORDS) {
            tidy(&mut file, needed);
        }
        Self::start(path, holdings, file)
    }

    /// Writes to this file what comes on top of what it holds.
    fn start(path: PathBuf, holdings: Holdings, file: WalletFile) -> Result<Self, WalletError> {
        let shared = Arc::new(Shared::new(path, holdings));
        let writer = {
            let shared = shared.clone();
            let thread = std::thread::Builder::new().name("wallet".into());
            thread.spawn(move || write(&shared, file)).map_err(WalletError::Thread)?
        };
        Ok(Self { shared, writer: Some(writer) })
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// The channel for new links to the coordinator with this stash.
    pub fn channel(&self, coordinator: &AccountId) -> ChannelId {
        let generation = self.generation(coordinator);
        self.shared.holdings.lock().channel(coordinator, generation)
    }

    /// Leaves the channel with this coordinator for the next one; false if there have been too many, or if nothing was
    /// promised in this one: channels that cost nothing could be had without end.
    pub fn next_generation(&self, coordinator: &AccountId) -> bool {
        let generation = self.generation(coordinator).saturating_add(1);
        let may_leave = generation <= MAX_LEFT_EMPTY || self.is_used(coordinator);
        let is_possible = generation <= MAX_GENERATION && may_leave;
        if is_possible {
            self.put(|queue| {
                queue.generations.insert(coordinator.clone(), generation);
                queue.pending.generation(coordinator.clone(), generation);
            });
        }
        is_possible
    }

    /// Whether this coordinator has promised in its present channel what the chain would open it for.
    fn is_used(&self, coordinator: &AccountId) -> bool {
        let channel = self.channel(coordinator);
        let holdings = self.shared.holdings.lock();
        let of_channel = |key: &ChannelKey| key.coordinator == *coordinator && key.channel == channel;
        holdings.vouchers().iter().any(|(key, held)| of_channel(key) && held.amount() >= EXISTENTIAL_DEPOSIT)
    }

    fn generation(&self, coordinator: &AccountId) -> u32 {
        let put_in = self.shared.queue.lock().generations.get(coordinator).copied();
        put_in.unwrap_or(0).max(self.shared.holdings.lock().generation(coordinator))
    }

    /// Keeps a voucher that came in this era. It counts as soon as it is written, see [`Wallet::written`].
    pub fn keep(&self, signed: SignedVoucher, era: EraIndex) {
        self.put(|queue| queue.pending.voucher(signed, era, true));
    }

    /// Keeps a voucher that was earned elsewhere or long ago.
    pub fn import(&self, signed: SignedVoucher) {
        self.put(|queue| queue.pending.voucher(signed, 0, false));
    }

    /// Keeps what this coordinator has left unpaid.
    pub fn write_off(&self, coordinator: &AccountId, amount: Balance, permille: u32) {
        self.put(|queue| queue.pending.unpaid(coordinator.clone(), amount, permille));
    }

    fn put(&self, change: impl FnOnce(&mut Queue)) {
        let mut queue = self.shared.queue.lock();
        change(&mut queue);
        queue.put = queue.put.saturating_add(1);
        self.shared.wake.notify_one();
    }

    /// Changes whenever more has been written.
    pub fn written(&self) -> watch::Receiver<u64> {
        self.shared.written.subscribe()
    }

    /// What the newest written voucher of this channel promises, in planck.
    pub fn paid(&self, key: &ChannelKey) -> Balance {
        self.shared.holdings.lock().vouchers().get(key).map_or(0, Held::amount)
    }

    /// The newest written voucher of this channel.
    pub fn newest(&self, key: &ChannelKey) -> Option<SignedVoucher> {
        self.shared.holdings.lock().vouchers().get(key).map(|held| held.signed.clone())
    }

    /// What this coordinator has left unpaid, as it was written last.
    pub fn unpaid(&self, coordinator: &AccountId) -> Unpaid {
        self.shared.holdings.lock().unpaid().get(coordinator).copied().unwrap_or_default()
    }

    /// A copy of all that is written.
    pub fn holdings(&self) -> Holdings {
        self.shared.holdings.lock().clone()
    }

    /// Why nothing can be written at the moment.
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble.lock().clone()
    }

    /// A number in 0..1,000 that this wallet of this operator always has, so that not all miners redeem at once.
    pub fn phase_permille(&self, operator: &AccountId) -> u32 {
        let holdings = self.shared.holdings.lock();
        let hash = blake2_256(&[b"cuckoo/redeem-phase/v1", operator.as_ref(), &holdings.seed().0]);
        hash.as_bytes().iter().take(4).fold(0, |number: u32, byte| (number << 8) | u32::from(*byte)) % 1_000
    }

    /// Waits until all that was put in before is written; false if that takes longer than `limit`.
    pub fn flush(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut queue = self.shared.queue.lock();
        let wanted = queue.put;
        while queue.written < wanted {
            if self.shared.done.wait_until(&mut queue, deadline).timed_out() {
                return queue.written >= wanted;
            }
        }
        true
    }
}

impl Drop for Wallet {
    fn drop(&mut self) {
        self.shared.queue.lock().is_closing = true;
        self.shared.wake.notify_one();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has said so already.
            let _ = writer.join();
        }
    }
}

/// Writes what comes until the wallet is closed and nothing is left.
fn write(shared: &Shared, mut file: WalletFile) {
    loop {
        let Some((pending, put)) = taken(shared) else { return };
        let now_s = now_unix_s();
        let entries = pending.entries(&shared.holdings.lock(), now_s);
        let appended = match entries.is_empty() {
            true => Ok(()),
            false => file.append(now_s, &entries),
        };
        let Err(error) = appended else {
            written(shared, &entries, now_s, put);
            compact(shared, &mut file, now_s);
            continue;
        };
        say(shared, error.to_string());
        let mut queue = shared.queue.lock();
        queue.pending.put_back(pending);
        if queue.is_closing {
            return;
        }
        shared.wake.wait_for(&mut queue, RETRY);
    }
}

/// Waits for something to write, and takes all that there is; `None` when the wallet is closed and nothing is left. The
/// number is that of all things that were put in by now.
fn taken(shared: &Shared) -> Option<(Pending, u64)> {
    let mut queue = shared.queue.lock();
    while queue.pending.is_empty() {
        if queue.is_closing {
            return None;
        }
        shared.wake.wait(&mut queue);
    }
    Some((std::mem::take(&mut queue.pending), queue.put))
}

/// What was written counts from now on.
fn written(shared: &Shared, entries: &[Entry], now_s: u64, put: u64) {
    let mut holdings = shared.holdings.lock();
    entries.iter().for_each(|entry| holdings.apply(now_s, entry));
    drop(holdings);
    if shared.trouble.lock().take().is_some() {
        tracing::info!(target: "miner::wallet", "the wallet can be written again");
    }
    // Before those who wait in `flush` go on, so that they find it said.
    shared.written.send_replace(put);
    shared.queue.lock().written = put;
    shared.done.notify_all();
}

/// Writes a file that has grown large anew.
fn compact(shared: &Shared, file: &mut WalletFile, now_s: u64) {
    if file.is_large() {
        let records = shared.holdings.lock().records(now_s);
        tidy(file, records);
    }
}

/// Puts a new file of these records in the place of this one. If that fails, as on a full disk, the old one is still
/// whole and goes on.
fn tidy(file: &mut WalletFile, records: Vec<(u64, Entry)>) {
    let replaced = WalletFile::replace(file.path(), records);
    match replaced {
        Ok(new) => *file = new,
        Err(error) => {
            tracing::warn!(target: "miner::wallet", path = %file.path().display(), %error, "cannot tidy up the wallet");
        }
    }
}

/// Says once what keeps the wallet from being written.
fn say(shared: &Shared, trouble: String) {
    let mut known = shared.trouble.lock();
    if known.as_ref() != Some(&trouble) {
        tracing::error!(
            target: "miner::wallet",
            path = %shared.path.display(),
            error = trouble,
            "cannot write the wallet, so nothing counts as paid; to mend it, free space on its disk"
        );
        *known = Some(trouble);
    }
}

fn new_seed() -> Result<Seed, WalletError> {
    let mut seed = [0; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut seed).map_err(|error| WalletError::Randomness(error.to_string()))?;
    Ok(Seed(seed))
}

/// Seconds since 1970.
pub(crate) fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
