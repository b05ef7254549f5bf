//! What this miner asks the chain to do.

use cuckoo_chain_client::Call;
use cuckoo_primitives::{settlement::SignedVoucher, AccountId, Balance};

use super::decide::Reason;
use crate::wallet::ChannelKey;

/// Most vouchers that a call of ours has, whatever the chain would take.
const MAX_VOUCHERS: u32 = 64;

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
    },
}

/// One voucher of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redemption {
    pub(crate) signed: SignedVoucher,
    /// How far its channel was settled before.
    pub(crate) settled: Balance,
    pub(crate) reason: Reason,
}

impl Redemption {
    pub(crate) fn key(&self) -> ChannelKey {
        ChannelKey::from(&self.signed.voucher)
    }

    /// What it is worth.
    pub(crate) fn due(&self) -> Balance {
        self.signed.voucher.amount.saturating_sub(self.settled)
    }
}

impl Errand {
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
