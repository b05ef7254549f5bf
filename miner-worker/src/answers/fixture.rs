//! Challenges, and a chain that has them as a test says.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cuckoo_chain_client::{account_of, Call, ChainError};
use cuckoo_primitives::{
    challenge::{Answer, Challenge, ChallengeId, Question},
    commitment::Leaf,
    evidence::SignedReceipt,
    fixture,
    signing::Statement,
    AccountId, Balance, BlockNumber, Hash, CAI,
};
use parking_lot::Mutex;
use subxt_signer::sr25519::dev;

use super::{Source, Who};
use crate::{kept::fixture::attempt, link::dated::now_ms};

pub(super) const GENESIS: Hash = Hash::repeat_byte(7);
/// What an answer costs until it is valid.
pub(super) const FEE: Balance = CAI / 100;
/// The era in which all answers are due.
pub(super) const DUE_IN: u32 = 8;

pub(super) fn operator() -> AccountId {
    account_of(&dev::bob())
}

/// The only worker of its operator.
pub(super) fn who() -> Who {
    Who { genesis: GENESIS, operator: operator(), workers: 1 }
}

/// A receipt that the operator has just signed, of a task with this number, and its leaves.
pub(super) fn signed(number: u8, tokens: u32) -> (SignedReceipt, Vec<Leaf>) {
    signed_at(number, tokens, now_ms())
}

/// The same of a task that began then.
pub(super) fn signed_at(number: u8, tokens: u32, began_ms: u64) -> (SignedReceipt, Vec<Leaf>) {
    let (mut signed, leaves) = attempt(number, began_ms, tokens);
    signed.receipt.spec.miner = operator();
    signed.signature = dev::bob().sign(signed.receipt.signing_hash(&GENESIS).as_bytes()).0;
    (signed, leaves)
}

/// How this leaf was drawn is asked.
pub(super) fn about_leaf(signed: &SignedReceipt, index: u32) -> Challenge {
    challenge(Question::of_leaf(&signed.receipt, index).unwrap())
}

/// What came of it is asked.
pub(super) fn about_result(signed: &SignedReceipt) -> Challenge {
    challenge(Question::of_result(&signed.receipt.spec, &GENESIS))
}

fn challenge(question: Question) -> Challenge {
    Challenge {
        challenger: fixture::spec().coordinator,
        deposit: CAI,
        miner: AccountId::from([200; 32]),
        operator: operator(),
        question,
        offence_era: DUE_IN - 1,
        due_in: DUE_IN,
    }
}

/// Takes every answer that is right.
#[derive(Default)]
pub(super) struct FakeSource(Mutex<State>);

#[derive(Default)]
pub(super) struct State {
    pub(super) open: BTreeMap<ChallengeId, Challenge>,
    pub(super) balance: Balance,
    /// Nothing can be read.
    pub(super) is_unreadable: bool,
    /// How often challenges were read, and of which stash last.
    pub(super) reads: usize,
    pub(super) stash: Option<AccountId>,
    /// What becomes of the next calls, the last of them first.
    pub(super) failures: Vec<ChainError>,
    pub(super) answered: Vec<(ChallengeId, Answer)>,
}

impl FakeSource {
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock())
    }
}

#[async_trait]
impl Source for FakeSource {
    async fn challenges(&self, stash: Option<&AccountId>) -> Result<Vec<(ChallengeId, Challenge)>, ChainError> {
        self.change(|state| {
            state.reads += 1;
            state.stash = stash.cloned();
            match state.is_unreadable {
                true => Err(ChainError::Disconnected),
                false => Ok(state.open.iter().map(|(id, challenge)| (*id, challenge.clone())).collect()),
            }
        })
    }

    async fn balance(&self) -> Result<Balance, ChainError> {
        Ok(self.change(|state| state.balance))
    }

    async fn fee(&self, call: &Call) -> Result<Balance, ChainError> {
        assert!(matches!(call, Call::Answer { .. }), "nobody asked for {call:?}");
        Ok(FEE)
    }

    async fn submit(&self, call: Call) -> Result<BlockNumber, ChainError> {
        let Call::Answer { id, answer } = call else { panic!("nobody asked for {call:?}") };
        self.change(|state| {
            if let Some(error) = state.failures.pop() {
                return Err(error);
            }
            let is_right = state.open.get(&id).is_some_and(|open| open.question.is_answered_by(&answer, &GENESIS));
            assert!(is_right, "challenge {id} is answered by {answer:?}");
            state.open.remove(&id);
            state.answered.push((id, *answer));
            Ok(1)
        })
    }
}
