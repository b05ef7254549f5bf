//! When to redeem, and when to collect a debt.

use cuckoo_primitives::{settlement::Debt, Balance, EraIndex};

/// One channel of the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelFacts {
    /// Promised and not settled, in planck.
    pub(crate) due: Balance,
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
    /// See [`SettlementTerms`](cuckoo_primitives::settlement::SettlementTerms).
    pub(crate) redeem_eras: EraIndex,
    /// This miner's turn in the era has come.
    pub(crate) is_turn: bool,
    /// What redeeming costs, in planck.
    pub(crate) fee: Balance,
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
    if channel.due <= now.fee {
        return None;
    }
    let half_used = |(exposure, limit): (Balance, Balance)| exposure >= limit / 2;
    let urgent = [
        (coordinator.is_in_debt, Reason::Debt),
        (coordinator.is_withdrawing, Reason::Withdrawal),
        (!coordinator.is_active, Reason::Inactive),
        (!channel.is_signers_key_current, Reason::Signer),
        (channel.since.saturating_add(now.redeem_eras) <= now.era, Reason::Age),
        (coordinator.exposure.is_some_and(half_used), Reason::Exposure),
    ];
    let urgent = urgent.into_iter().find(|(holds, _)| *holds).map(|(_, reason)| reason);
    let turn = (now.is_turn && !channel.is_done_in_era).then_some(Reason::Turn);
    // What is urgent for long, such as a withdrawal, is no reason to pay a fee for every single voucher.
    urgent.filter(|_| !channel.is_fresh).or(turn)
}

/// Whether collecting this debt would pay anything that is worth its fee.
pub(crate) fn is_collectable(debt: &Debt, escrow: Balance, era: EraIndex, grace_eras: EraIndex, fee: Balance) -> bool {
    let is_grace_over = debt.since.saturating_add(grace_eras) <= era;
    let payable = if is_grace_over { debt.open } else { debt.open.min(escrow) };
    payable > fee
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: ChannelFacts =
        ChannelFacts { due: 100, since: 10, is_signers_key_current: true, is_done_in_era: false, is_fresh: false };
    const SOUND: CoordinatorFacts =
        CoordinatorFacts { is_active: true, is_withdrawing: false, is_in_debt: false, exposure: Some((100, 1_000)) };
    const NOW: Moment = Moment { era: 10, redeem_eras: 2, is_turn: false, fee: 10 };
    const TURN: Moment = Moment { is_turn: true, ..NOW };

    #[test]
    fn a_sound_coordinators_vouchers_are_redeemed_once_in_an_era_when_it_is_their_turn() {
        assert_eq!(reason(&CHANNEL, &SOUND, &NOW), None);
        assert_eq!(reason(&CHANNEL, &SOUND, &TURN), Some(Reason::Turn));
        let done = ChannelFacts { is_done_in_era: true, ..CHANNEL };
        assert_eq!(reason(&done, &SOUND, &TURN), None);
        // That it was redeemed just before the era ended is no matter.
        let fresh = ChannelFacts { is_fresh: true, ..CHANNEL };
        assert_eq!(reason(&fresh, &SOUND, &TURN), Some(Reason::Turn));
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
            assert_eq!(reason(&channel, &coordinator, &NOW), Some(expected));
            let done = ChannelFacts { is_done_in_era: true, ..channel };
            assert_eq!(reason(&done, &coordinator, &NOW), Some(expected));
            let fresh = ChannelFacts { is_fresh: true, ..channel };
            assert_eq!(reason(&fresh, &coordinator, &NOW), None, "not for every voucher");
        }
        let almost = [
            (ChannelFacts { since: 9, ..CHANNEL }, SOUND),
            (CHANNEL, CoordinatorFacts { exposure: Some((499, 1_000)), ..SOUND }),
            (CHANNEL, CoordinatorFacts { exposure: None, ..SOUND }),
        ];
        for (channel, coordinator) in almost {
            assert_eq!(reason(&channel, &coordinator, &NOW), None);
        }
    }

    #[test]
    fn nothing_is_redeemed_that_is_not_worth_its_fee() {
        let broke = CoordinatorFacts { is_in_debt: true, ..SOUND };
        for due in [0, 9, 10] {
            assert_eq!(reason(&ChannelFacts { due, ..CHANNEL }, &broke, &TURN), None);
        }
        assert_eq!(reason(&ChannelFacts { due: 11, ..CHANNEL }, &broke, &TURN), Some(Reason::Debt));
    }

    #[test]
    fn debts_are_collected_from_escrow_at_once_and_from_stake_after_the_grace() {
        let debt = Debt { open: 100, since: 5, taken: 0, taken_in: 0 };
        for (escrow, era, expected) in [(0, 5, false), (10, 5, false), (11, 5, true), (0, 6, false), (0, 7, true)] {
            assert_eq!(is_collectable(&debt, escrow, era, 2, 10), expected, "escrow {escrow}, era {era}");
        }
        assert!(!is_collectable(&Debt { open: 10, ..debt }, 1_000, 9, 2, 10));
    }
}
