//! What a program can ask the chain to do.

use cuckoo_primitives::{AccountId, Balance, CandidateInfo, Role, Signature};

/// A call of the runtime, signed by the account that it concerns. Amounts are in planck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Lock `value` from the signer's balance as its bond.
    Bond { value: Balance },
    /// Add `value` to the signer's bond.
    BondExtra { value: Balance },
    /// Start to release `value` of the signer's bond.
    Unbond { value: Balance },
    /// Cancel the release of `value`.
    Rebond { value: Balance },
    /// Take out what has been released.
    WithdrawUnbonded,
    /// Enter as a candidate.
    Register {
        /// What the candidate offers.
        role: Role,
        /// The account whose key runs it.
        operator: AccountId,
        /// The operator's signature over [`OperatorConsent`](cuckoo_primitives::signing::OperatorConsent).
        proof: Signature,
        /// How much of the signer's bond it puts behind itself.
        self_stake: Balance,
        /// How it presents itself.
        info: CandidateInfo,
    },
    /// Change how the signer presents itself.
    UpdateInfo { info: CandidateInfo },
    /// Let another account's key run the signer's candidate.
    SetOperator {
        /// The new operator.
        operator: AccountId,
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
    Vote { candidate: AccountId, amount: Balance },
    /// Take `amount` off `candidate`.
    Unvote { candidate: AccountId, amount: Balance },
    /// Move `amount` between two candidates.
    Revote { from: AccountId, to: AccountId, amount: Balance },
    /// Send `value` to another account; fails rather than to close the signer's.
    Transfer { to: AccountId, value: Balance },
}
