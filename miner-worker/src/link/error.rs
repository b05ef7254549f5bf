//! Why there is no link, and when to try again.

use std::time::Duration;

use cuckoo_chain_client::Cai;
use cuckoo_primitives::{AccountId, Balance};
use cuckoo_wire::{handshake::WrongLength, link::RefusalCode};

use crate::standing::Standing;

/// Why there is no link to a coordinator, or why it ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Nobody answers.
    #[error("cannot reach the coordinator: {0}")]
    Unreachable(String),
    /// The stream broke.
    #[error("the link broke: {0}")]
    Broken(String),
    /// The stream ended.
    #[error("the coordinator ended the link")]
    Ended,
    /// It has carried as many attempts as can be remembered.
    #[error("the link has carried as many tasks as one may, and is renewed")]
    Spent,
    /// The coordinator is shutting down.
    #[error("the coordinator is shutting down: {0}")]
    Closed(String),
    /// The coordinator does not answer or does not read.
    #[error("the coordinator did not {0} in time")]
    TimedOut(&'static str),
    /// The coordinator gave a reason.
    #[error("the coordinator refuses this miner: {reason} ({})", code.as_str_name())]
    Refused {
        /// For programs.
        code: RefusalCode,
        /// In the coordinator's words, shortened.
        reason: String,
    },
    /// The coordinator does not follow the protocol.
    #[error("the coordinator broke the link protocol: {0}; one of the two programs may be too old")]
    Protocol(String),
    /// The signature is not that of the key that it names.
    #[error("whoever answers there did not prove the operator key of {0}; not linking")]
    NotProven(AccountId),
    /// The chain says that another operator answers there.
    #[error("another operator, {found}, answers where the chain says that {expected} does; not linking")]
    OtherOperator {
        /// Registered for this endpoint.
        expected: AccountId,
        /// Who answered.
        found: AccountId,
    },
    /// The chain does not let it work as a coordinator.
    #[error("the coordinator {coordinator} may not work: it is {standing} on chain; not serving it")]
    NotActive {
        /// Its operator.
        coordinator: AccountId,
        /// What it is instead.
        standing: Standing,
    },
    /// The operator of this miner does not want to serve it.
    #[error("the coordinator {0} is on the block list")]
    Blocked(AccountId),
    /// It is this miner's own key.
    #[error("this miner's own operator key answers there; use another key for each program")]
    Ourselves,
    /// There is a link to it over another URL.
    #[error("the coordinator {0} is linked already over another URL")]
    AlreadyLinked(AccountId),
    /// A voucher is not what it should be.
    #[error("the coordinator sent a voucher that cannot be taken: {0}")]
    BadVoucher(String),
    /// It does not know what it promised.
    #[error(
        "the coordinator has promised {} and shows only {}; not working for it before it shows as much",
        Cai(*.held), Cai(*.shown)
    )]
    Forgot {
        /// What the wallet holds.
        held: Balance,
        /// What the coordinator says.
        shown: Balance,
    },
    /// It asks for one new channel after the other.
    #[error(
        "the coordinator refuses this channel, too, and gets no other before it has promised in this one what is worth \
         being redeemed"
    )]
    ChannelKept,
    /// It does not pay.
    #[error("results for {owed} stay unpaid, more than one step ({step})")]
    Unpaid {
        /// What results cost that were sent.
        owed: Cai,
        /// What the last results cost, one for each slot.
        step: Cai,
    },
    /// It did not pay before.
    #[error("the coordinator left too much unpaid on earlier links; waiting until some of that is forgiven")]
    LeftUnpaid,
    /// Nobody could be paid.
    #[error("this miner's operator key is registered for no stash as a miner, so nobody could be paid")]
    NoStash,
    /// Vouchers would go to another stash, or come from one.
    #[error("the coordinator or this miner works for another stash now; the link is opened anew")]
    OtherStash,
    /// What is promised cannot be kept.
    #[error("the wallet cannot be written: {0}")]
    Wallet(String),
    /// What is known of the chain is too old to judge by.
    #[error("no finalised block has arrived for too long, so nobody can be judged")]
    StaleChain,
    /// The chain is only about to begin.
    #[error("no block of the chain is final yet, so nobody can be judged")]
    NotBegun,
    /// The system gives no randomness.
    #[error("the system gives no random bytes: {0}")]
    NoRandomness(String),
    /// The shares of the link's seeds could not be computed.
    #[error("the shares of this link's seeds could not be made: {0}")]
    NoShares(String),
}

impl From<WrongLength> for LinkError {
    fn from(wrong: WrongLength) -> Self {
        Self::Protocol(wrong.to_string())
    }
}

/// How patient to be before the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// It may work again any moment.
    Short,
    /// Somebody has to do something first.
    Long,
    /// Trying again soon would throw another process out, or trust somebody who just broke their word.
    VeryLong,
}

impl Patience {
    /// Bounds of the exponential wait: the first and the longest.
    pub(super) fn bounds(self) -> (Duration, Duration) {
        match self {
            Self::Short => (Duration::from_millis(250), Duration::from_secs(15)),
            Self::Long => (Duration::from_secs(5), Duration::from_secs(60)),
            Self::VeryLong => (Duration::from_secs(30), Duration::from_secs(300)),
        }
    }
}

impl LinkError {
    /// How patient to be before the next try.
    pub(super) fn patience(&self) -> Patience {
        match self {
            Self::Unreachable(_)
            | Self::Broken(_)
            | Self::Ended
            | Self::Spent
            | Self::Closed(_)
            | Self::TimedOut(_)
            | Self::StaleChain
            | Self::NotBegun
            | Self::OtherStash
            | Self::NoRandomness(_)
            | Self::NoShares(_) => Patience::Short,
            Self::Refused { code, .. } => match code {
                RefusalCode::Busy | RefusalCode::StaleChain | RefusalCode::Pending | RefusalCode::Channel => {
                    Patience::Short
                }
                RefusalCode::Replaced => Patience::VeryLong,
                _ => Patience::Long,
            },
            Self::BadVoucher(_) | Self::Forgot { .. } => Patience::VeryLong,
            Self::Protocol(_)
            | Self::NotProven(_)
            | Self::OtherOperator { .. }
            | Self::NotActive { .. }
            | Self::Blocked(_)
            | Self::Ourselves
            | Self::AlreadyLinked(_)
            | Self::Unpaid { .. }
            | Self::LeftUnpaid
            | Self::ChannelKept
            | Self::NoStash
            | Self::Wallet(_) => Patience::Long,
        }
    }

    /// What this miner's operator can do about it; empty if nothing.
    pub fn mend(&self) -> &'static str {
        match self {
            Self::Refused { code: RefusalCode::Replaced, .. } => {
                "another miner-worker runs with the same operator key: stop one of them"
            }
            Self::Refused { code: RefusalCode::NotRegistered, .. } => Standing::NotRegistered.mend(),
            Self::Refused { code: RefusalCode::Chilled, .. } => Standing::Chilled.mend(),
            Self::Refused { code: RefusalCode::BelowMinimum, .. } => Standing::BelowMinimum.mend(),
            Self::Refused { code: RefusalCode::Pending, .. } => Standing::Pending.mend(),
            Self::Refused { code: RefusalCode::WrongChain, .. } => {
                "--chain-url and the coordinator are of different chains"
            }
            Self::Ourselves => "give coordinator and miner an operator key each",
            Self::StaleChain => "check the nodes at --chain-url",
            Self::Unreachable(_) | Self::TimedOut(_) => {
                "check the address (http:// or https://, host and port), whether a gateway listens there (its --link-listen), \
                 and firewalls on the way; the addresses that coordinators registered are on chain \
                 (registration.candidates), --coordinator names one by hand"
            }
            Self::Refused { code: RefusalCode::StaleChain | RefusalCode::Busy, .. } => {
                "try again in a moment; if it stays so, tell the coordinator's operator"
            }
            Self::Protocol(_) => "update both programs; and check whether a gateway's link listens there, not its HTTP API",
            Self::NotProven(_) | Self::OtherOperator { .. } => {
                "do not trust that address; ask the coordinator's operator for the right one"
            }
            Self::NotActive { .. } => "serve another coordinator; this one's operator has to mend its registration",
            Self::Blocked(_) => "take it off --block to serve it",
            Self::AlreadyLinked(_) => "name each coordinator once with --coordinator",
            Self::BadVoucher(_) => {
                "tell the coordinator's operator; what it promised before is in the wallet and is redeemed"
            }
            Self::Forgot { .. } => {
                "the coordinator's operator has to restore its journal; what the wallet holds is redeemed all the same"
            }
            Self::ChannelKept => {
                "the coordinator's operator has to restore its journal and its key; what the wallet holds is redeemed all \
                 the same"
            }
            Self::Unpaid { .. } => "ask the coordinator's operator; the wallet must be writable, too",
            Self::LeftUnpaid => {
                "ask the coordinator's operator to pay for it; --forgive sets how fast it is forgiven without that"
            }
            Self::NoStash => Standing::NotRegistered.mend(),
            Self::Wallet(_) => "free space on the disk of --data-dir",
            Self::NotBegun
            | Self::OtherStash
            | Self::Broken(_)
            | Self::Ended
            | Self::Spent
            | Self::Closed(_)
            | Self::NoRandomness(_)
            | Self::NoShares(_)
            | Self::Refused { .. } => "",
        }
    }

    /// A label for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Broken(_) => "broken",
            Self::Ended => "ended",
            Self::Spent => "spent",
            Self::Closed(_) => "coordinator_closing",
            Self::TimedOut(_) => "timed_out",
            Self::Refused { code, .. } => match code {
                RefusalCode::Unspecified => "refused",
                RefusalCode::Protocol => "refused_protocol",
                RefusalCode::WrongChain => "refused_wrong_chain",
                RefusalCode::BadSignature => "refused_bad_signature",
                RefusalCode::NotRegistered => "refused_not_registered",
                RefusalCode::Chilled => "refused_chilled",
                RefusalCode::BelowMinimum => "refused_below_minimum",
                RefusalCode::Pending => "refused_pending",
                RefusalCode::Replaced => "refused_replaced",
                RefusalCode::Busy => "refused_busy",
                RefusalCode::StaleChain => "refused_stale_chain",
                RefusalCode::InvalidOffer => "refused_invalid_offer",
                RefusalCode::Channel => "refused_channel",
            },
            Self::Protocol(_) => "protocol",
            Self::NotProven(_) => "not_proven",
            Self::OtherOperator { .. } => "other_operator",
            Self::NotActive { .. } => "coordinator_not_active",
            Self::Blocked(_) => "blocked",
            Self::Ourselves => "ourselves",
            Self::AlreadyLinked(_) => "already_linked",
            Self::BadVoucher(_) => "bad_voucher",
            Self::Forgot { .. } => "forgot",
            Self::Unpaid { .. } => "unpaid",
            Self::LeftUnpaid => "left_unpaid",
            Self::ChannelKept => "channel_kept",
            Self::NoStash => "no_stash",
            Self::OtherStash => "other_stash",
            Self::Wallet(_) => "wallet",
            Self::StaleChain => "stale_chain",
            Self::NotBegun => "chain_not_begun",
            Self::NoRandomness(_) => "no_randomness",
            Self::NoShares(_) => "no_shares",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reaches_nobody_is_told_what_to_check() {
        for error in [LinkError::Unreachable("connection refused".into()), LinkError::TimedOut("answer")] {
            for advice in ["address", "--link-listen", "firewall", "--coordinator", "registration.candidates"] {
                assert!(error.mend().contains(advice), "{error}: {advice} is not in {:?}", error.mend());
            }
        }
    }
}
