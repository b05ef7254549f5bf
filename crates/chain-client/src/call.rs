//! What a program can ask the chain to do.

use cuckoo_primitives::{
    challenge::{Answer, ChallengeId, Demand},
    evidence::Evidence,
    settlement::SignedVoucher,
    AccountId, Balance, BlockNumber, CandidateInfo, EraIndex, Perbill, Role, Signature,
};
use subxt::{dynamic::Value, ext::scale_value::Composite, tx::DynamicPayload};

use crate::value::value_of;

/// Blocks after the last finalised one within which a transaction can be included, if its call cannot be sent twice
/// without harm; past them it never will be. A power of two.
pub const MORTAL_BLOCKS: BlockNumber = 64;
/// The same for calls that can be sent twice without harm, and must not be lost while blocks do not become final.
const LONG_MORTAL_BLOCKS: u64 = 2_048;

/// A call of the runtime, signed by the account that it concerns. Amounts are in planck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Lock `value` from the signer's balance as its bond.
    Bond {
        /// How much.
        value: Balance,
    },
    /// Add `value` to the signer's bond.
    BondExtra {
        /// How much more.
        value: Balance,
    },
    /// Start to release `value` of the signer's bond.
    Unbond {
        /// How much.
        value: Balance,
    },
    /// Cancel the release of `value`.
    Rebond {
        /// How much.
        value: Balance,
    },
    /// Take out what has been released.
    WithdrawUnbonded,
    /// Enter as a candidate.
    Register {
        /// What the candidate offers.
        role: Role,
        /// The account whose key runs it.
        operator: AccountId,
        /// The era in which the operator's consent ends.
        consent_expires: EraIndex,
        /// The operator's signature over [`OperatorConsent`](cuckoo_primitives::signing::OperatorConsent).
        proof: Signature,
        /// How much of the signer's bond it puts behind itself.
        self_stake: Balance,
        /// How it presents itself.
        info: CandidateInfo,
    },
    /// Change how the signer presents itself.
    UpdateInfo {
        /// All of it, what stays the same included.
        info: CandidateInfo,
    },
    /// Let another account's key run the signer's candidate.
    SetOperator {
        /// The new operator.
        operator: AccountId,
        /// The era in which the new operator's consent ends.
        consent_expires: EraIndex,
        /// The new operator's signature over [`OperatorConsent`](cuckoo_primitives::signing::OperatorConsent).
        proof: Signature,
    },
    /// Step back from work but stay bonded.
    Chill,
    /// Come back from [`Call::Chill`].
    Validate,
    /// Leave.
    Deregister,
    /// Put `amount` of the signer's bond behind `candidate`.
    Vote {
        /// The candidate's stash.
        candidate: AccountId,
        /// How much more than before.
        amount: Balance,
    },
    /// Take `amount` off `candidate`.
    Unvote {
        /// The candidate's stash.
        candidate: AccountId,
        /// How much.
        amount: Balance,
    },
    /// Move `amount` between two candidates.
    Revote {
        /// Stash of the candidate that loses it.
        from: AccountId,
        /// Stash of the candidate that gains it.
        to: AccountId,
        /// How much.
        amount: Balance,
    },
    /// Let a validator's node work with these session keys.
    SetSessionKeys {
        /// sr25519 public key, to produce blocks.
        babe: [u8; 32],
        /// ed25519 public key, to vote on finality.
        grandpa: [u8; 32],
        /// The node's word that it has both and works for the signer (RPC `author_rotateKeysWithOwner`).
        proof: Vec<u8>,
    },
    /// Send `value` to another account; fails rather than to close the signer's.
    Transfer {
        /// Who receives it.
        to: AccountId,
        /// How much.
        value: Balance,
    },
    /// Add `amount` of the signer's balance to a coordinator's escrow.
    Deposit {
        /// The coordinator's stash.
        coordinator: AccountId,
        /// How much.
        amount: Balance,
    },
    /// Ask `amount` of the signer's escrow back.
    RequestWithdrawal {
        /// How much.
        amount: Balance,
    },
    /// Leave in escrow what was asked back.
    CancelWithdrawal,
    /// Take out what was asked back long enough ago.
    Withdraw,
    /// Have vouchers paid to their miners.
    Redeem {
        /// At most `max_vouchers` of the chain's [`SettlementTerms`](cuckoo_primitives::settlement::SettlementTerms).
        vouchers: Vec<SignedVoucher>,
    },
    /// Have a debt on record paid, from escrow or, after the time of grace, from the coordinator's stake.
    Collect {
        /// Stash of the coordinator that owes.
        coordinator: AccountId,
        /// Stash of the miner that is owed.
        miner: AccountId,
    },
    /// Say how good the work of miners is that the signer's coordinator pays.
    Rate {
        /// Stashes of miners, and the part of what they are paid that counts for mining rewards.
        ratings: Vec<(AccountId, Perbill)>,
    },
    /// Report a fault. The fee of valid and new evidence is returned.
    Report {
        /// What proves it.
        evidence: Box<Evidence>,
    },
    /// Ask a miner for what it has signed for. A deposit of the signer is held until the challenge ends.
    Challenge {
        /// What it is to show.
        demand: Box<Demand>,
    },
    /// Answer a challenge. The fee of a valid answer is returned.
    Answer {
        /// Its number.
        id: ChallengeId,
        /// What is shown.
        answer: Box<Answer>,
    },
}

impl Call {
    /// Blocks after the last finalised one within which the call can be included.
    pub(crate) fn mortal_blocks(&self) -> u64 {
        match self {
            // The second of two fails at worst, for a fee.
            Self::Redeem { .. } | Self::Collect { .. } | Self::Report { .. } | Self::Answer { .. } => {
                LONG_MORTAL_BLOCKS
            }
            _ => MORTAL_BLOCKS.into(),
        }
    }

    /// The call's name, for logs.
    pub(crate) fn name(&self) -> &'static str {
        self.parts().1
    }

    /// The call as subxt encodes it by the runtime's metadata, which also finds out when a name or type has changed.
    pub(crate) fn payload(&self) -> DynamicPayload<Composite<()>> {
        let (pallet, call, fields) = self.parts();
        subxt::dynamic::tx(pallet, call, Composite::named(fields))
    }

    /// Pallet, call, and the call's arguments by name.
    fn parts(&self) -> (&'static str, &'static str, Vec<(&'static str, Value)>) {
        match self {
            Self::Bond { value } => ("Stake", "bond", vec![("value", planck(value))]),
            Self::BondExtra { value } => ("Stake", "bond_extra", vec![("value", planck(value))]),
            Self::Unbond { value } => ("Stake", "unbond", vec![("value", planck(value))]),
            Self::Rebond { value } => ("Stake", "rebond", vec![("value", planck(value))]),
            Self::WithdrawUnbonded => ("Stake", "withdraw_unbonded", vec![]),
            Self::Register { role, operator, consent_expires, proof, self_stake, info: presented } => {
                let fields = vec![
                    ("role", variant_of(*role)),
                    ("operator", account(operator)),
                    ("consent_expires", Value::u128((*consent_expires).into())),
                    ("proof", Value::from_bytes(proof)),
                    ("self_stake", planck(self_stake)),
                    ("info", info(presented)),
                ];
                ("Registration", "register", fields)
            }
            Self::UpdateInfo { info: presented } => ("Registration", "update_info", vec![("info", info(presented))]),
            Self::SetOperator { operator, consent_expires, proof } => {
                let fields = vec![
                    ("operator", account(operator)),
                    ("consent_expires", Value::u128((*consent_expires).into())),
                    ("proof", Value::from_bytes(proof)),
                ];
                ("Registration", "set_operator", fields)
            }
            Self::Chill => ("Registration", "chill", vec![]),
            Self::Validate => ("Registration", "validate", vec![]),
            Self::Deregister => ("Registration", "deregister", vec![]),
            Self::Vote { candidate, amount } => {
                ("Voting", "vote", vec![("candidate", account(candidate)), ("amount", planck(amount))])
            }
            Self::Unvote { candidate, amount } => {
                ("Voting", "unvote", vec![("candidate", account(candidate)), ("amount", planck(amount))])
            }
            Self::Revote { from, to, amount } => {
                ("Voting", "revote", vec![("from", account(from)), ("to", account(to)), ("amount", planck(amount))])
            }
            Self::SetSessionKeys { babe, grandpa, proof } => {
                let keys = [("babe", Value::from_bytes(babe)), ("grandpa", Value::from_bytes(grandpa))];
                let fields = vec![("keys", Value::named_composite(keys)), ("proof", Value::from_bytes(proof))];
                ("Session", "set_keys", fields)
            }
            Self::Transfer { to, value } => {
                let to = Value::unnamed_variant("Id", [account(to)]);
                ("Balances", "transfer_keep_alive", vec![("dest", to), ("value", planck(value))])
            }
            Self::Deposit { coordinator, amount } => {
                let fields = vec![("coordinator", account(coordinator)), ("amount", planck(amount))];
                ("Settlement", "deposit", fields)
            }
            Self::RequestWithdrawal { amount } => {
                ("Settlement", "request_withdrawal", vec![("amount", planck(amount))])
            }
            Self::CancelWithdrawal => ("Settlement", "cancel_withdrawal", vec![]),
            Self::Withdraw => ("Settlement", "withdraw", vec![]),
            Self::Redeem { vouchers } => {
                // A bounded list is a tuple of one field, the list.
                let list = Value::unnamed_composite(vouchers.iter().map(voucher));
                ("Settlement", "redeem", vec![("vouchers", Value::unnamed_composite([list]))])
            }
            Self::Collect { coordinator, miner } => {
                let fields = vec![("coordinator", account(coordinator)), ("miner", account(miner))];
                ("Settlement", "collect", fields)
            }
            Self::Rate { ratings } => {
                let rating = |(miner, quality): &(AccountId, Perbill)| {
                    let quality = Value::unnamed_composite([Value::u128(quality.deconstruct().into())]);
                    Value::unnamed_composite([account(miner), quality])
                };
                let list = Value::unnamed_composite(ratings.iter().map(rating));
                ("Settlement", "rate", vec![("ratings", Value::unnamed_composite([list]))])
            }
            Self::Report { evidence } => ("Slashing", "report", vec![("evidence", value_of(evidence))]),
            Self::Challenge { demand } => ("Slashing", "challenge", vec![("demand", value_of(demand))]),
            Self::Answer { id, answer } => {
                ("Slashing", "answer", vec![("id", Value::u128((*id).into())), ("answer", value_of(answer))])
            }
        }
    }
}

fn planck(amount: &Balance) -> Value {
    Value::u128(*amount)
}

fn account(account: &AccountId) -> Value {
    Value::from_bytes(account)
}

fn variant_of(role: Role) -> Value {
    let name = match role {
        Role::Miner => "Miner",
        Role::Coordinator => "Coordinator",
        Role::Validator => "Validator",
    };
    Value::unnamed_variant(name, [])
}

fn info(info: &CandidateInfo) -> Value {
    Value::named_composite([
        ("name", Value::from_bytes(&info.name)),
        ("introduction", Value::from_bytes(&info.introduction)),
        ("endpoint", Value::from_bytes(&info.endpoint)),
    ])
}

fn voucher(signed: &SignedVoucher) -> Value {
    let promised = &signed.voucher;
    let voucher = Value::named_composite([
        ("coordinator", account(&promised.coordinator)),
        ("miner", account(&promised.miner)),
        ("channel", Value::from_bytes(promised.channel)),
        ("amount", planck(&promised.amount)),
        ("tasks", Value::u128(promised.tasks.into())),
    ]);
    Value::named_composite([
        ("voucher", voucher),
        ("operator", account(&signed.operator)),
        ("signature", Value::from_bytes(signed.signature)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use codec::{Compact, Encode};
    use cuckoo_primitives::{
        commitment::{Leaf, Path, Projection},
        evidence::{SignedDelivered, SignedReceipt, SignedSpec},
        fixture as primitives,
        settlement::Voucher,
        task::{Delivered, Drawing, Finish, Receipt, TaskSpec},
        Hash, CAI,
    };

    fn account(byte: u8) -> AccountId {
        AccountId::from([byte; 32])
    }

    fn encoded(call: &Call) -> Vec<u8> {
        fixture::block().tx().call_data(&call.payload()).unwrap()
    }

    /// SCALE as the runtime decodes it: index of the pallet, index of the call, arguments.
    fn expected(pallet: u8, call: u8, arguments: impl Encode) -> Vec<u8> {
        (pallet, call, arguments).encode()
    }

    #[test]
    fn calls_on_stake_encode_as_the_runtime_decodes_them() {
        let value = 25_000 * CAI;
        assert_eq!(encoded(&Call::Bond { value }), expected(fixture::STAKE, 0, Compact(value)));
        assert_eq!(encoded(&Call::BondExtra { value }), expected(fixture::STAKE, 1, Compact(value)));
        assert_eq!(encoded(&Call::Unbond { value }), expected(fixture::STAKE, 2, Compact(value)));
        assert_eq!(encoded(&Call::Rebond { value }), expected(fixture::STAKE, 3, Compact(value)));
        assert_eq!(encoded(&Call::WithdrawUnbonded), expected(fixture::STAKE, 4, ()));
        let transfer = Call::Transfer { to: account(3), value };
        assert_eq!(encoded(&transfer), expected(fixture::BALANCES, 0, (0u8, account(3), Compact(value))));
    }

    #[test]
    fn calls_on_registration_encode_as_the_runtime_decodes_them() {
        // Texts of no byte, one byte and several bytes: subxt must not take them for anything but byte strings.
        for (name, endpoint) in [("n", ""), ("Miner", "x"), ("", "https://gateway.example:7701")] {
            let info = CandidateInfo {
                name: name.as_bytes().to_vec().try_into().unwrap(),
                introduction: b"hello".to_vec().try_into().unwrap(),
                endpoint: endpoint.as_bytes().to_vec().try_into().unwrap(),
            };
            for role in Role::ALL {
                let call = Call::Register {
                    role,
                    operator: account(7),
                    consent_expires: 70_000,
                    proof: [9; 64],
                    self_stake: 25_000 * CAI,
                    info: info.clone(),
                };
                let arguments = (role, account(7), 70_000u32, [9u8; 64], Compact(25_000 * CAI), info.clone());
                assert_eq!(encoded(&call), expected(fixture::REGISTRATION, 0, arguments));
            }
            let call = Call::UpdateInfo { info: info.clone() };
            assert_eq!(encoded(&call), expected(fixture::REGISTRATION, 1, info));
        }
        let call = Call::SetOperator { operator: account(7), consent_expires: 7, proof: [9; 64] };
        assert_eq!(encoded(&call), expected(fixture::REGISTRATION, 2, (account(7), 7u32, [9u8; 64])));
        for (index, call) in [Call::Chill, Call::Validate, Call::Deregister].iter().enumerate() {
            assert_eq!(encoded(call), expected(fixture::REGISTRATION, 3 + index as u8, ()));
        }
    }

    #[test]
    fn calls_on_voting_encode_as_the_runtime_decodes_them() {
        let (candidate, amount) = (account(5), u128::MAX);
        let vote = Call::Vote { candidate: candidate.clone(), amount };
        assert_eq!(encoded(&vote), expected(fixture::VOTING, 0, (candidate.clone(), Compact(amount))));
        let unvote = Call::Unvote { candidate: candidate.clone(), amount };
        assert_eq!(encoded(&unvote), expected(fixture::VOTING, 1, (candidate.clone(), Compact(amount))));
        let revote = Call::Revote { from: candidate.clone(), to: account(6), amount };
        assert_eq!(encoded(&revote), expected(fixture::VOTING, 2, (candidate, account(6), Compact(amount))));
    }

    #[test]
    fn calls_on_settlement_encode_as_the_runtime_decodes_them() {
        let (coordinator, miner, amount) = (account(5), account(6), u128::MAX);
        let deposit = Call::Deposit { coordinator: coordinator.clone(), amount };
        assert_eq!(encoded(&deposit), expected(fixture::SETTLEMENT, 0, (coordinator.clone(), Compact(amount))));
        let request = Call::RequestWithdrawal { amount };
        assert_eq!(encoded(&request), expected(fixture::SETTLEMENT, 1, Compact(amount)));
        assert_eq!(encoded(&Call::CancelWithdrawal), expected(fixture::SETTLEMENT, 2, ()));
        assert_eq!(encoded(&Call::Withdraw), expected(fixture::SETTLEMENT, 3, ()));
        let signed = |tasks: u64| SignedVoucher {
            voucher: Voucher { coordinator: account(5), miner: account(6), channel: [7; 16], amount, tasks },
            operator: account(8),
            signature: [9; 64],
        };
        for count in [0, 1, 2, 64] {
            let vouchers: Vec<_> = (0..count).map(signed).collect();
            let redeem = Call::Redeem { vouchers: vouchers.clone() };
            assert_eq!(encoded(&redeem), expected(fixture::SETTLEMENT, 4, vouchers));
        }
        for count in [0, 1, 64] {
            let ratings: Vec<_> = (0..count).map(|n| (account(n as u8), Perbill::from_parts(n * 10_000_000))).collect();
            let rate = Call::Rate { ratings: ratings.clone() };
            assert_eq!(encoded(&rate), expected(fixture::SETTLEMENT, 6, ratings));
        }
        let collect = Call::Collect { coordinator: coordinator.clone(), miner: miner.clone() };
        assert_eq!(encoded(&collect), expected(fixture::SETTLEMENT, 5, (coordinator, miner)));
    }

    fn signed(receipt: Receipt) -> SignedReceipt {
        SignedReceipt { receipt, signature: [9; 64] }
    }

    /// A leaf with so many candidates.
    fn leaf(candidates: usize, projection: Option<Projection>) -> Leaf {
        let whole = primitives::leaf(&primitives::drawing(), 0);
        let candidates = whole.candidates.iter().take(candidates).copied().collect::<Vec<_>>().try_into().unwrap();
        Leaf { candidates, projection, ..whole }
    }

    fn way(siblings: u8) -> Path {
        Path::try_from((0..siblings).map(Hash::repeat_byte).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn evidence_encodes_as_the_runtime_decodes_it() {
        let (receipt, spec) = (primitives::receipt(), primitives::spec());
        let greedy = Drawing { is_shaped: true, first_position: u32::MAX, ..primitives::drawing() };
        let spec = TaskSpec { drawing: Some(greedy), ..spec };
        let delivered = Delivered {
            task_id: spec.task_id,
            attempt: 3,
            link: spec.link,
            miner: spec.miner.clone(),
            tokens: 32,
            tokens_root: Hash::repeat_byte(1),
        };
        let other = Receipt { finish: Finish::Cancelled, commitment: None, ..receipt.clone() };
        let unchecked = Receipt { spec: TaskSpec { drawing: None, ..spec.clone() }, ..receipt.clone() };
        let all = [
            Evidence::Receipts { first: signed(receipt.clone()), second: signed(other) },
            Evidence::Acceptance {
                accepted: SignedSpec { spec, signature: [8; 64] },
                receipt: signed(unchecked.clone()),
            },
            Evidence::Delivery {
                delivered: SignedDelivered { delivered, signature: [7; 64] },
                receipt: signed(receipt.clone()),
            },
            Evidence::Leaf {
                receipt: signed(receipt.clone()),
                index: 5,
                token: u32::MAX,
                token_path: way(1),
                leaf: leaf(64, Some([i16::MIN; 16])),
                leaf_path: way(20),
            },
            Evidence::Sampling { receipt: signed(receipt), index: 0, leaf: leaf(1, None), leaf_path: way(0) },
            Evidence::Excess { receipt: signed(unchecked) },
        ];
        for evidence in all {
            let call = Call::Report { evidence: Box::new(evidence.clone()) };
            assert_eq!(encoded(&call), expected(fixture::SLASHING, 0, evidence));
        }
    }

    #[test]
    fn demands_and_answers_encode_as_the_runtime_decodes_them() {
        let accepted = SignedSpec { spec: primitives::spec(), signature: [8; 64] };
        for demand in
            [Demand::Opening { receipt: signed(primitives::receipt()), index: 7 }, Demand::Result { accepted }]
        {
            let call = Call::Challenge { demand: Box::new(demand.clone()) };
            assert_eq!(encoded(&call), expected(fixture::SLASHING, 2, demand));
        }
        // Lists of no item, one and several: none must be taken for the item itself.
        let leaves = [(0, 0), (1, 1), (2, 2), (8, 3), (64, 20)].map(|(candidates, siblings)| {
            let projection = (siblings % 2 == 0).then_some([-1; 16]);
            Answer::Leaf { leaf: leaf(candidates, projection), path: way(siblings) }
        });
        let others = [Answer::Receipt(signed(primitives::receipt())), Answer::Nothing];
        for answer in leaves.into_iter().chain(others) {
            let call = Call::Answer { id: u64::MAX, answer: Box::new(answer.clone()) };
            assert_eq!(encoded(&call), expected(fixture::SLASHING, 3, (Compact(u64::MAX), answer)));
        }
    }

    #[test]
    fn what_must_not_be_lost_lives_long() {
        assert_eq!(Call::Redeem { vouchers: vec![] }.mortal_blocks(), 2_048);
        assert_eq!(Call::Answer { id: 1, answer: Box::new(Answer::Nothing) }.mortal_blocks(), 2_048);
        assert_eq!(Call::Chill.mortal_blocks(), 64);
    }

    #[test]
    fn session_keys_encode_as_the_runtime_decodes_them() {
        for proof in [vec![], vec![3], vec![3; 128]] {
            let call = Call::SetSessionKeys { babe: [1; 32], grandpa: [2; 32], proof: proof.clone() };
            assert_eq!(encoded(&call), expected(fixture::SESSION, 0, ([1u8; 32], [2u8; 32], proof)));
        }
    }

    #[test]
    fn a_call_that_the_runtime_does_not_have_is_an_error() {
        let payload = subxt::dynamic::tx("Stake", "no_such_call", Composite::<()>::unnamed([]));
        assert!(fixture::block().tx().call_data(&payload).is_err());
    }
}
