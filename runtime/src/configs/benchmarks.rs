//! The market in which the pallets' benchmarks measure.

// Built for benchmarks alone, which stop where the market is not what they asked for.
#![allow(clippy::expect_used, clippy::panic)]

use alloc::{format, vec::Vec};

use cuckoo_primitives::{
    benchmarking::BenchmarkMarket,
    candidate::{MAX_ENDPOINT_LEN, MAX_INTRODUCTION_LEN, MAX_NAME_LEN},
    registry::{Slash, MAX_SETTLED},
    signing::{OperatorConsent, Statement},
    AccountId, Balance, CandidateInfo, EraIndex, Hash, Role, Signature, CAI,
};
use frame_benchmarking::account;
use frame_support::traits::{fungible::Mutate, Get, Hooks};
use frame_system::RawOrigin;
use pallet_cuckoo_voting::{benchmarking::fill_records, MAX_OPEN_POTS, MAX_WINDOW_ERAS};
use sp_core::{crypto::KeyTypeId, sr25519};
use sp_runtime::Perbill;

use super::market::MaxPositions;
use crate::{
    genesis_config_presets::well_known::named, Balances, Registration, Runtime, RuntimeOrigin, Slashing, Stake, System,
    Timestamp, Voting,
};

/// Where the benchmarks' keys are kept.
const KEYS: KeyTypeId = KeyTypeId(*b"benc");
/// What joins a position in an era.
const LAYER: Balance = CAI;
/// What is left to spend beside a bond.
const SPARE: Balance = CAI.saturating_mul(1_000);

/// The runtime's market.
pub struct Market;

impl BenchmarkMarket<AccountId> for Market {
    fn widest_window() {
        pallet_cuckoo_staking::BondingEras::<Runtime>::put(MAX_WINDOW_ERAS);
        // With an era between the last slash and the first stake that may leave.
        pallet_cuckoo_slashing::EvidenceEras::<Runtime>::put(MAX_WINDOW_ERAS.saturating_sub(2));
        pallet_cuckoo_slashing::DeferEras::<Runtime>::put(1);
    }

    fn fund(who: &AccountId, amount: Balance) {
        Balances::mint_into(who, amount).expect("the supply has room");
    }

    fn bond(who: &AccountId, amount: Balance) {
        Self::fund(who, amount.saturating_add(SPARE));
        let bonded = match Stake::bond_of(who.clone()) {
            None => Stake::bond(signed(who), amount),
            Some(_) => Stake::bond_extra(signed(who), amount),
        };
        bonded.expect("the funds are free");
    }

    fn key(number: u32) -> AccountId {
        key(&format!("//{number}"))
    }

    fn sign(key: &AccountId, hash: &Hash) -> Signature {
        let public = sr25519::Public::from_raw(*key.as_ref());
        sp_io::crypto::sr25519_sign(KEYS, &public, hash.as_bytes()).expect("the key is kept").0
    }

    fn register(stash: &AccountId, role: Role) -> AccountId {
        let own = pallet_cuckoo_registration::MinSelfStake::<Runtime>::get(role).saturating_add(CAI);
        Self::bond(stash, own);
        let operator = key(&format!("//{}", hex(stash)));
        let progress = Stake::era_progress();
        let expires = progress.era.saturating_add(progress.bonding_eras);
        let consent = OperatorConsent { stash: stash.clone(), role, expires };
        let proof = Self::sign(&operator, &consent.signing_hash(&System::block_hash(0)));
        Registration::register(signed(stash), role, operator.clone(), expires, proof, own, longest_info(role))
            .expect("it may stand");
        operator
    }

    fn set_session_keys(stash: &AccountId) {
        let keys = named("Alice").and_then(|known| known.session_keys()).expect("a node has them");
        // What the session pallet's call asks for besides is a proof that somebody has them.
        pallet_session::NextKeys::<Runtime>::insert(stash, keys);
    }

    fn vote(voter: &AccountId, candidate: &AccountId, amount: Balance) {
        Voting::vote(signed(voter), candidate.clone(), amount).expect("so much is bonded");
    }

    fn pass_eras(count: EraIndex) {
        for _ in 0..count {
            next_era();
            Slashing::on_initialize(System::block_number());
            while pallet_cuckoo_voting::PayoutRun::<Runtime>::exists() {
                Voting::on_initialize(System::block_number());
            }
        }
    }

    fn pass_eras_unpaid() {
        (0..MAX_OPEN_POTS).for_each(|_| next_era());
    }

    fn ran_at(era: EraIndex) -> u64 {
        pallet_cuckoo_staking::EraStarts::<Runtime>::get(era).expect("its start is on record")
    }

    fn slash(candidate: &AccountId, offence_era: EraIndex, fraction: Perbill) {
        // Of what others' slashes have cost the candidate, a bounded number is taken in one go.
        while <Voting as Slash<_>>::slash(candidate, offence_era, fraction, None).is_none() {}
    }

    fn burden(stash: &AccountId, slashes: u32) -> Vec<AccountId> {
        Self::widest_window();
        let itself = Registration::candidate(stash.clone()).map(|_| stash.clone());
        let slashed: AccountId = account("slashed", 0, 0);
        // Besides the slashed candidate's there is one for the stash itself, which it may still register.
        let others = <MaxPositions as Get<u32>>::get().saturating_sub(2);
        let paying: Vec<AccountId> = (0..others).map(|n| account("paying", n, 0)).collect();
        paying.iter().chain([&slashed]).for_each(|candidate| {
            Self::register(candidate, Role::Miner);
        });

        let joining: Vec<&AccountId> = itself.iter().chain(&paying).collect();
        let position = LAYER.saturating_mul(MAX_WINDOW_ERAS.into());
        let debts = position.saturating_mul(2).saturating_mul(MAX_SETTLED.into());
        Self::bond(stash, position.saturating_mul(joining.len() as Balance).saturating_add(debts));
        Self::vote(stash, &slashed, debts);
        for _ in 0..MAX_WINDOW_ERAS {
            joining.iter().for_each(|candidate| Self::vote(stash, candidate, LAYER));
            Self::pass_eras(1);
        }
        let offence_era = Stake::era_progress().era;
        let first = paying.first().expect("there are many").clone();
        Voting::revote(signed(stash), slashed.clone(), first, debts).expect("so much is voted");
        Self::pass_eras_unpaid();
        for taken in 0..slashes.min(MAX_SETTLED) {
            // The same amount each time.
            Self::slash(&slashed, offence_era, Perbill::from_rational(1, MAX_SETTLED.saturating_sub(taken)));
        }
        let candidates: Vec<AccountId> = [slashed].into_iter().chain(paying).collect();
        fill_records::<Runtime>(&candidates);
        // A slash that is nothing to the stash: to know that, it has to look at all that it backs.
        let another = account("another slashed", 0, 0);
        Self::register(&another, Role::Miner);
        Self::slash(&another, Stake::era_progress().era, Perbill::zero());
        candidates
    }
}

fn signed(who: &AccountId) -> RuntimeOrigin {
    RawOrigin::Signed(who.clone()).into()
}

/// The public key of that SURI, whose secret is kept.
fn key(suri: &str) -> AccountId {
    sp_io::crypto::sr25519_generate(KEYS, Some(suri.as_bytes().to_vec())).into()
}

fn hex(account: &AccountId) -> alloc::string::String {
    let bytes: &[u8; 32] = account.as_ref();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The longest that a candidate of `role` may say of itself.
fn longest_info(role: Role) -> CandidateInfo {
    let text = |length: u32| alloc::vec![b'x'; length as usize];
    let mut endpoint = b"https://".to_vec();
    endpoint.resize(MAX_ENDPOINT_LEN as usize, b'x');
    CandidateInfo {
        name: text(MAX_NAME_LEN).try_into().expect("it is as long as may be"),
        introduction: text(MAX_INTRODUCTION_LEN).try_into().expect("it is as long as may be"),
        endpoint: if role == Role::Coordinator { endpoint } else { Vec::new() }
            .try_into()
            .expect("it is as long as may be"),
    }
}

/// The next era starts, and nothing else happens.
fn next_era() {
    let progress = Stake::era_progress();
    let blocks = progress.session_blocks.saturating_mul(progress.sessions_per_era);
    let era_ms = progress.slot_ms.saturating_mul(blocks.into());
    pallet_timestamp::Now::<Runtime>::put(Timestamp::get().saturating_add(era_ms));
    Stake::note_session_started(progress.era.saturating_add(1).saturating_mul(progress.sessions_per_era));
}
