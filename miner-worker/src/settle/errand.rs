//! What this miner asks the chain to do.

use cuckoo_chain_client::Call;
use cuckoo_primitives::{settlement::SignedVoucher, AccountId, Balance, EraIndex};

use super::decide::Reason;
use crate::wallet::ChannelKey;

/// Most vouchers that a call of ours has, whatever the chain would take.
const MAX_VOUCHERS: u32 = 64;

/// Something that a coordinator has to pay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Claim {
    /// What the newest voucher of a channel promises and the chain has not settled.
    Voucher(ChannelKey),
    /// A debt that is on record.
    Debt {
        /// Who owes.
        coordinator: AccountId,
        /// Whom.
        miner: AccountId,
    },
}

impl Claim {
    /// Who has to pay.
    pub(crate) fn coordinator(&self) -> &AccountId {
        match self {
            Self::Voucher(key) => &key.coordinator,
            Self::Debt { coordinator, .. } => coordinator,
        }
    }

    /// Who is to be paid.
    pub(crate) fn miner(&self) -> &AccountId {
        match self {
            Self::Voucher(key) => &key.miner,
            Self::Debt { miner, .. } => miner,
        }
    }

    /// Whether both are vouchers of the same coordinator for the same miner: what pays one pays the other.
    pub(crate) fn is_voucher_beside(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Voucher(one), Self::Voucher(other)) => {
                one.coordinator == other.coordinator && one.miner == other.miner
            }
            _ => false,
        }
    }
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Have vouchers paid.
    Redeem(Vec<Redemption>),
    /// Have a debt paid.
    Collect {
        /// Who owes.
        coordinator: AccountId,
        /// To whom.
        miner: AccountId,
        /// How much was open.
        open: Balance,
        /// The era in which it is sent.
        era: EraIndex,
    },
}

/// One voucher of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redemption {
    pub(crate) signed: SignedVoucher,
    /// How far its channel was settled before.
    pub(crate) settled: Balance,
    pub(crate) reason: Reason,
    /// The era in which it is sent.
    pub(crate) era: EraIndex,
}

impl Redemption {
    fn sent(&self) -> Sent {
        let Self { signed, settled, reason, era } = self;
        Sent {
            claim: Claim::Voucher(ChannelKey::from(&signed.voucher)),
            before: *settled,
            due: signed.voucher.amount.saturating_sub(*settled),
            signer: Some(signed.operator.clone()),
            reason: *reason,
            era: *era,
        }
    }
}

/// A claim as it was when it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) claim: Claim,
    /// How far its channel was settled, or how much of the debt was open.
    pub(crate) before: Balance,
    /// What is claimed.
    pub(crate) due: Balance,
    /// Whose key signed the voucher; nobody's a debt.
    pub(crate) signer: Option<AccountId>,
    pub(crate) reason: Reason,
    /// The call may be included in the next era, but not in an earlier one.
    pub(crate) era: EraIndex,
}

impl Errand {
    /// What it claims.
    pub(crate) fn claims(&self) -> Vec<Sent> {
        match self {
            Self::Redeem(redemptions) => redemptions.iter().map(Redemption::sent).collect(),
            Self::Collect { coordinator, miner, open, era } => {
                let claim = Claim::Debt { coordinator: coordinator.clone(), miner: miner.clone() };
                vec![Sent { claim, before: *open, due: *open, signer: None, reason: Reason::Debt, era: *era }]
            }
        }
    }

    /// The call.
    pub(crate) fn call(&self) -> Call {
        match self {
            Self::Redeem(redemptions) => {
                Call::Redeem { vouchers: redemptions.iter().map(|redemption| redemption.signed.clone()).collect() }
            }
            Self::Collect { coordinator, miner, .. } => {
                Call::Collect { coordinator: coordinator.clone(), miner: miner.clone() }
            }
        }
    }
}

/// How many vouchers go into one call on a chain that takes at most `allowed`.
pub(crate) fn batch_size(allowed: u32) -> usize {
    allowed.clamp(1, MAX_VOUCHERS) as usize
}
