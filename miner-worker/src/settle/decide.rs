//! When to redeem, and when to collect a debt.

use cuckoo_primitives::{
    settlement::{Debt, SettlementTerms},
    Balance, EraIndex,
};

/// One channel of the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelFacts {
    /// Promised and not settled, in planck.
    pub(crate) due: Balance,
    /// What of it there is to be had, as far as was read.
    pub(crate) gets: Balance,
    /// The era of the oldest of it.
    pub(crate) since: EraIndex,
    /// The key that signed is still that of the coordinator.
    pub(crate) is_signers_key_current: bool,
    /// It was redeemed in this era already.
    pub(crate) is_done_in_era: bool,
    /// It was redeemed a moment ago.
    pub(crate) is_fresh: bool,
}

/// The coordinator that pays it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CoordinatorFacts {
    /// It may work.
    pub(crate) is_active: bool,
    /// It has asked escrow back.
    pub(crate) is_withdrawing: bool,
    /// It has debts on record.
    pub(crate) is_in_debt: bool,
    /// What is at stake with it, and what may be, if the chain could be read.
    pub(crate) exposure: Option<(Balance, Balance)>,
}

/// The moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) era: EraIndex,
    /// The chain's rules.
    pub(crate) terms: SettlementTerms,
    /// This miner's turn in the era has come.
    pub(crate) is_turn: bool,
    /// What the call costs, in planck.
    pub(crate) fee: Balance,
}

impl Moment {
    /// Whether being paid so much brings more than the call costs, the protocol's part taken off.
    pub(crate) fn is_worth(&self, amount: Balance) -> bool {
        amount.saturating_sub(self.terms.fee.mul_ceil(amount)) > self.fee
    }
}

/// Why a channel is redeemed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The coordinator could not pay somebody.
    Debt,
    /// Its escrow is leaving.
    Withdrawal,
    /// It has stepped back, was chilled, or left.
    Inactive,
    /// The key that signed is retired, and counts for a few eras only.
    Signer,
    /// The oldest voucher might be of a key that ceases to count.
    Age,
    /// Half of what covers this miner is used up.
    Exposure,
    /// Once in every era: the rewards for mining go by what was settled in it.
    Turn,
}

impl Reason {
    /// For logs.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Debt => "the coordinator has debts",
            Self::Withdrawal => "escrow is being withdrawn",
            Self::Inactive => "the coordinator is not active",
            Self::Signer => "the coordinator has a new key",
            Self::Age => "the oldest voucher is old",
            Self::Exposure => "half of the cover is used up",
            Self::Turn => "once in every era",
        }
    }
}

/// Why to redeem this channel now, if there is a reason. Nothing is redeemed that is not worth its fee.
pub(crate) fn reason(channel: &ChannelFacts, coordinator: &CoordinatorFacts, now: &Moment) -> Option<Reason> {
    if !now.is_worth(channel.due) {
        return None;
    }
    let turn = (now.is_turn && !channel.is_done_in_era).then_some(Reason::Turn);
    // What answers to another stash that this wallet has vouchers for is not read. Whether there is more is tried once
    // in an era, and not whenever the coordinator gives reason to: it would cost the miner a fee each time.
    if !now.is_worth(channel.gets) {
        return turn;
    }
    let half_used = |(exposure, limit): (Balance, Balance)| exposure >= limit / 2;
    let urgent = [
        (coordinator.is_in_debt, Reason::Debt),
        (coordinator.is_withdrawing, Reason::Withdrawal),
        (!coordinator.is_active, Reason::Inactive),
        (!channel.is_signers_key_current, Reason::Signer),
        (channel.since.saturating_add(now.terms.redeem_eras) <= now.era, Reason::Age),
        (coordinator.exposure.is_some_and(half_used), Reason::Exposure),
    ];
    let urgent = urgent.into_iter().find(|(holds, _)| *holds).map(|(_, reason)| reason);
    // What is urgent for long, such as a withdrawal, is no reason to pay a fee for every single voucher.
    urgent.filter(|_| !channel.is_fresh).or(turn)
}

/// What collecting this debt would pay now, as far as was read.
pub(crate) fn payable(debt: &Debt, escrow: Balance, now: &Moment) -> Balance {
    let is_grace_over = debt.since.saturating_add(now.terms.grace_eras) <= now.era;
    if is_grace_over {
        debt.open
    } else {
        debt.open.min(escrow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settle::fixture::terms;

    const CHANNEL: ChannelFacts = ChannelFacts {
        due: 100,
        gets: 100,
        since: 10,
        is_signers_key_current: true,
        is_done_in_era: false,
        is_fresh: false,
    };
    const SOUND: CoordinatorFacts =
        CoordinatorFacts { is_active: true, is_withdrawing: false, is_in_debt: false, exposure: Some((100, 1_000)) };

    fn before_turn() -> Moment {
        Moment { era: 10, terms: terms(), is_turn: false, fee: 10 }
    }

    fn at_turn() -> Moment {
        Moment { is_turn: true, ..before_turn() }
    }

    #[test]
    fn a_sound_coordinators_vouchers_are_redeemed_once_in_an_era_when_it_is_their_turn() {
        assert_eq!(reason(&CHANNEL, &SOUND, &before_turn()), None);
        assert_eq!(reason(&CHANNEL, &SOUND, &at_turn()), Some(Reason::Turn));
        let done = ChannelFacts { is_done_in_era: true, ..CHANNEL };
        assert_eq!(reason(&done, &SOUND, &at_turn()), None);
        // That it was redeemed just before the era ended is no matter.
        let fresh = ChannelFacts { is_fresh: true, ..CHANNEL };
        assert_eq!(reason(&fresh, &SOUND, &at_turn()), Some(Reason::Turn));
    }

    #[test]
    fn what_is_urgent_does_not_wait_for_its_turn() {
        let urgent = [
            (CHANNEL, CoordinatorFacts { is_in_debt: true, ..SOUND }, Reason::Debt),
            (CHANNEL, CoordinatorFacts { is_withdrawing: true, ..SOUND }, Reason::Withdrawal),
            (CHANNEL, CoordinatorFacts { is_active: false, ..SOUND }, Reason::Inactive),
            (ChannelFacts { is_signers_key_current: false, ..CHANNEL }, SOUND, Reason::Signer),
            (ChannelFacts { since: 8, ..CHANNEL }, SOUND, Reason::Age),
            (CHANNEL, CoordinatorFacts { exposure: Some((500, 1_000)), ..SOUND }, Reason::Exposure),
        ];
        for (channel, coordinator, expected) in urgent {
            assert_eq!(reason(&channel, &coordinator, &before_turn()), Some(expected));
            let done = ChannelFacts { is_done_in_era: true, ..channel };
            assert_eq!(reason(&done, &coordinator, &before_turn()), Some(expected));
            let fresh = ChannelFacts { is_fresh: true, ..channel };
            assert_eq!(reason(&fresh, &coordinator, &before_turn()), None, "not for every voucher");
        }
        let almost = [
            (ChannelFacts { since: 9, ..CHANNEL }, SOUND),
            (CHANNEL, CoordinatorFacts { exposure: Some((499, 1_000)), ..SOUND }),
            (CHANNEL, CoordinatorFacts { exposure: None, ..SOUND }),
        ];
        for (channel, coordinator) in almost {
            assert_eq!(reason(&channel, &coordinator, &before_turn()), None);
        }
    }

    #[test]
    fn nothing_is_redeemed_that_is_not_worth_its_fee() {
        let broke = CoordinatorFacts { is_in_debt: true, ..SOUND };
        // Of 10 the protocol keeps 1, of 11 too.
        for due in [0, 9, 10, 11] {
            assert_eq!(reason(&ChannelFacts { due, ..CHANNEL }, &broke, &at_turn()), None, "{due}");
        }
        assert_eq!(reason(&ChannelFacts { due: 12, ..CHANNEL }, &broke, &at_turn()), Some(Reason::Debt));
    }

    #[test]
    fn a_coordinator_that_can_pay_dust_only_is_tried_once_in_an_era() {
        let broke = CoordinatorFacts { is_in_debt: true, is_withdrawing: true, ..SOUND };
        for gets in [0, 11] {
            let uncovered = ChannelFacts { gets, ..CHANNEL };
            assert_eq!(reason(&uncovered, &broke, &before_turn()), None);
            assert_eq!(reason(&uncovered, &broke, &at_turn()), Some(Reason::Turn));
            let done = ChannelFacts { is_done_in_era: true, ..uncovered };
            assert_eq!(reason(&done, &broke, &at_turn()), None);
        }
        assert_eq!(reason(&ChannelFacts { gets: 12, ..CHANNEL }, &broke, &before_turn()), Some(Reason::Debt));
    }

    #[test]
    fn debts_are_paid_from_escrow_at_once_and_from_stake_after_the_grace() {
        let debt = Debt { open: 100, since: 5, taken: 0, taken_in: 0 };
        for (escrow, era, expected) in [(0, 5, 0), (10, 6, 10), (101, 6, 100), (0, 7, 100), (10, 8, 100)] {
            let now = Moment { era, ..before_turn() };
            assert_eq!(payable(&debt, escrow, &now), expected, "escrow {escrow}, era {era}");
        }
    }
}
