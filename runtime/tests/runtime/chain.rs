//! A chain in memory whose blocks go through [`Executive`] as on a node.

use codec::Encode;
use cuckoo_primitives::{
    signing::{OperatorConsent, Statement},
    AccountId, Balance, CandidateInfo, EraIndex, Role,
};
use cuckoo_runtime::{
    genesis_config_presets, Authorship, Babe, Election, Executive, Faucet, Header, Registration, Runtime, RuntimeCall,
    RuntimeEvent, RuntimeGenesisConfig, RuntimeHoldReason, SessionKeys, Settlement, SignedPayload, Slashing, Stake,
    System, TxExtension, UncheckedExtrinsic, Voting,
};
use frame_support::genesis_builder_helper::build_state;
use serde_json::Value;
use sp_consensus_babe::{
    digests::{CompatibleDigestItem, PreDigest, SecondaryPlainPreDigest},
    Slot,
};
use sp_core::{ed25519, sr25519, Pair, H256};
use sp_runtime::{
    generic::{Digest, DigestItem, Era},
    traits::Header as _,
    DispatchError, MultiSignature,
};

/// Slot of the first block; any but 0.
const FIRST_SLOT: u64 = 1_000;

/// A chain from one of the presets.
pub(crate) struct Chain {
    ext: sp_io::TestExternalities,
    slot: u64,
    parent: H256,
    number: u32,
}

/// Someone who signs transactions.
#[derive(Clone)]
pub(crate) struct Account {
    pair: sr25519::Pair,
}

impl Account {
    /// The key of that SURI.
    pub(crate) fn new(suri: &str) -> Self {
        Self { pair: sr25519::Pair::from_string(suri, None).unwrap() }
    }

    pub(crate) fn id(&self) -> AccountId {
        self.pair.public().into()
    }

    pub(crate) fn pair(&self) -> &sr25519::Pair {
        &self.pair
    }

    /// This operator's consent to work for `stash`: the era in which it ends, the latest that may be, and the proof.
    pub(crate) fn consent(&self, chain: &mut Chain, stash: &Account, role: Role) -> (EraIndex, [u8; 64]) {
        let (genesis, era) = chain.read(|| (System::block_hash(0), Stake::era_progress()));
        let expires = era.era + era.bonding_eras;
        let statement = OperatorConsent { stash: stash.id(), role, expires };
        (expires, self.pair.sign(statement.signing_hash(&genesis).as_bytes()).0)
    }
}

impl Chain {
    /// The chain of the preset `name`, before its first block.
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, Value::Object(Default::default()))
    }

    /// The chain of the preset `name` with `changes` to its genesis, before its first block.
    pub(crate) fn with(name: &str, changes: Value) -> Self {
        let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).unwrap();
        let patch = genesis_config_presets::get_preset(&name.into()).expect("the preset exists");
        merge(&mut config, serde_json::from_slice(&patch).unwrap());
        merge(&mut config, changes);
        let mut ext = sp_io::TestExternalities::default();
        ext.execute_with(|| build_state::<RuntimeGenesisConfig>(config.to_string().into_bytes()).unwrap());
        let mut chain = Self { ext, slot: FIRST_SLOT - 1, parent: H256::repeat_byte(1), number: 0 };
        chain.check();
        chain
    }

    /// The development chain after its first block.
    pub(crate) fn dev() -> Self {
        let mut chain = Self::new("dev");
        chain.block(Vec::new);
        chain
    }

    /// Reads the state.
    pub(crate) fn read<R>(&mut self, read: impl FnOnce() -> R) -> R {
        self.ext.execute_with(read)
    }

    /// The events of the last block.
    pub(crate) fn events(&mut self) -> Vec<RuntimeEvent> {
        self.read(|| System::events().into_iter().map(|record| record.event).collect())
    }

    pub(crate) fn slot(&self) -> u64 {
        self.slot
    }

    pub(crate) fn era(&mut self) -> EraIndex {
        self.read(|| Stake::era_progress().era)
    }

    /// One more block, in the next slot, with the transactions that `transactions` makes in its state.
    pub(crate) fn block(
        &mut self,
        transactions: impl FnOnce() -> Vec<UncheckedExtrinsic>,
    ) -> Vec<Result<(), DispatchError>> {
        self.slot += 1;
        self.number += 1;
        let author =
            PreDigest::SecondaryPlain(SecondaryPlainPreDigest { authority_index: 0, slot: Slot::from(self.slot) });
        let digest = Digest { logs: vec![<DigestItem as CompatibleDigestItem>::babe_pre_digest(author)] };
        let header = Header::new(self.number, H256::zero(), H256::zero(), self.parent, digest);
        let now = self.slot * self.read(Babe::slot_duration);
        let (header, outcomes) = self.ext.execute_with(|| {
            Executive::initialize_block(&header);
            let time = UncheckedExtrinsic::new_bare(pallet_timestamp::Call::set { now }.into());
            Executive::apply_extrinsic(time).unwrap().unwrap();
            let outcomes = transactions()
                .into_iter()
                .map(|transaction| Executive::apply_extrinsic(transaction).expect("the transaction is valid"))
                .collect();
            (Executive::finalize_block(), outcomes)
        });
        self.parent = header.hash();
        self.check();
        outcomes
    }

    /// Makes sure that the next block has room for transactions; the first block of a session has none.
    pub(crate) fn make_room(&mut self) {
        if self.slot + 1 >= self.session_end() {
            self.block(Vec::new);
        }
    }

    /// A block with one transaction; returns what became of it.
    pub(crate) fn submit(&mut self, who: &Account, call: impl Into<RuntimeCall>) -> Result<(), DispatchError> {
        let call = call.into();
        self.make_room();
        self.block(|| vec![signed(who, call)]).remove(0)
    }

    /// `count` more blocks without transactions.
    pub(crate) fn blocks(&mut self, count: u32) {
        for _ in 0..count {
            self.block(Vec::new);
        }
    }

    /// The first block of the next session.
    pub(crate) fn next_session(&mut self) {
        self.slot = self.session_end() - 1;
        self.block(Vec::new);
    }

    /// The first block of the next session; returns the stash that authored it, as transactions in it see it.
    pub(crate) fn next_session_author(&mut self) -> Option<AccountId> {
        self.slot = self.session_end() - 1;
        let mut author = None;
        self.block(|| {
            author = Authorship::author();
            Vec::new()
        });
        author
    }

    /// The slot with which the next session starts.
    fn session_end(&mut self) -> u64 {
        self.read(|| *Babe::current_epoch_start() + Babe::current_epoch().duration)
    }

    /// Blocks until `done`, at most 100.
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut() -> bool) {
        for _ in 0..100 {
            if self.read(&mut done) {
                return;
            }
            self.block(Vec::new);
        }
        panic!("waited 100 blocks until {what}");
    }

    /// The first block of era `era`.
    pub(crate) fn until_era(&mut self, era: EraIndex) {
        while self.era() < era {
            self.next_session();
        }
    }

    /// The invariants of our pallets, which hold after every block.
    fn check(&mut self) {
        self.read(|| {
            Stake::do_try_state().unwrap();
            Registration::do_try_state().unwrap();
            Voting::do_try_state().unwrap();
            Election::do_try_state().unwrap();
            Slashing::do_try_state().unwrap();
            check_deposits();
            Settlement::do_try_state().unwrap();
            Faucet::do_try_state().unwrap();
        });
    }
}

/// Nothing is held for challenges that are not open.
fn check_deposits() {
    let reason = RuntimeHoldReason::Slashing(pallet_cuckoo_slashing::HoldReason::Challenge);
    let holds = pallet_balances::Holds::<Runtime>::iter_values().flatten();
    let held: Balance = holds.filter(|hold| hold.id == reason).map(|hold| hold.amount).sum();
    let open =
        pallet_cuckoo_slashing::OpenChallenges::<Runtime>::iter_values().map(|challenge| challenge.deposit).sum();
    assert_eq!(held, open);
}

/// `call` signed by `who` with its next nonce.
pub(crate) fn signed(who: &Account, call: RuntimeCall) -> UncheckedExtrinsic {
    signed_with_tip(who, call, 0)
}

/// [`signed`], with a tip in planck.
pub(crate) fn signed_with_tip(who: &Account, call: RuntimeCall, tip: Balance) -> UncheckedExtrinsic {
    let extension: TxExtension = (
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckMortality::from(Era::Immortal),
        frame_system::CheckNonce::from(System::account_nonce(who.id())),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::<Runtime>::from(tip),
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
        frame_system::WeightReclaim::new(),
    );
    let payload = SignedPayload::new(call, extension).unwrap();
    let signature = MultiSignature::Sr25519(payload.using_encoded(|bytes| who.pair.sign(bytes)));
    let (call, extension, _) = payload.deconstruct();
    UncheckedExtrinsic::new_signed(call, who.id().into(), signature, extension)
}

/// The session keys of that SURI, with the proof that they belong to `stash`.
pub(crate) fn session_keys(suri: &str, stash: &Account) -> (SessionKeys, Vec<u8>) {
    let babe = sr25519::Pair::from_string(suri, None).unwrap();
    let grandpa = ed25519::Pair::from_string(suri, None).unwrap();
    let statement = sp_core::proof_of_possession::statement_of_ownership(stash.id().as_ref());
    let proof = (babe.sign(&statement), grandpa.sign(&statement)).encode();
    (SessionKeys { babe: babe.public().into(), grandpa: grandpa.public().into() }, proof)
}

/// How a candidate with that name presents itself.
pub(crate) fn info(name: &str, endpoint: &str) -> CandidateInfo {
    CandidateInfo {
        name: name.as_bytes().to_vec().try_into().unwrap(),
        introduction: Default::default(),
        endpoint: endpoint.as_bytes().to_vec().try_into().unwrap(),
    }
}

/// JSON merge patch (RFC 7386), as a node applies presets.
fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch,
    }
}
