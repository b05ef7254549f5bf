//! How long things take.

use core::marker::PhantomData;
use cuckoo_primitives::{registry::CurrentEra, settlement::SettlementTerms, EraIndex};

use crate::{Config, GraceEras, RedeemEras, WithdrawalEras, ERAS_REMEMBERED, FEE, MAX_VOUCHERS};

/// How long things take. Only this type reads and writes [`RedeemEras`], [`WithdrawalEras`] and [`GraceEras`].
///
/// A voucher that is signed in era `e` is redeemed by `e + RedeemEras`. Escrow that is asked back in `e` leaves later
/// than that, and so does stake that is unbonded in `e`: so both still answer for it.
pub struct Terms<T>(PhantomData<T>);

impl<T: Config> Terms<T> {
    /// Longest time between two redemptions of an honest miner, and how long a retired key's vouchers count, in eras.
    pub(crate) fn redeem_eras() -> EraIndex {
        RedeemEras::<T>::get()
    }

    /// By the end of this era vouchers that are signed now will have been redeemed, and stake answered for them.
    pub(crate) fn redeemed_by() -> EraIndex {
        T::CurrentEra::current_era().saturating_add(Self::redeem_eras()).saturating_add(1)
    }

    /// Eras from the request of a withdrawal until escrow can leave.
    pub(crate) fn withdrawal_eras() -> EraIndex {
        WithdrawalEras::<T>::get()
    }

    /// Eras from a debt until stake can be taken for it.
    pub(crate) fn grace_eras() -> EraIndex {
        GraceEras::<T>::get()
    }

    /// All of them, for others to read.
    pub(crate) fn all() -> SettlementTerms {
        SettlementTerms {
            redeem_eras: Self::redeem_eras(),
            withdrawal_eras: Self::withdrawal_eras(),
            grace_eras: Self::grace_eras(),
            fee: FEE,
            max_vouchers: MAX_VOUCHERS,
        }
    }

    /// Sets them at genesis. Stops with the reason if they protect nobody.
    pub(crate) fn set(redeem_eras: EraIndex, withdrawal_eras: EraIndex, grace_eras: EraIndex) {
        let bonding_eras = T::CurrentEra::bonding_eras();
        assert!(redeem_eras > 0, "settlement.redeemEras is 0, but miners need an era to redeem in");
        assert!(grace_eras > 0, "settlement.graceEras is 0, but coordinators need an era to pay in");
        assert!(
            withdrawal_eras > redeem_eras,
            "settlement.withdrawalEras is {withdrawal_eras}, but escrow must stay longer than the {redeem_eras} eras in \
             which miners redeem"
        );
        assert!(
            bonding_eras > redeem_eras,
            "settlement.redeemEras is {redeem_eras}, but stake leaves after {bonding_eras} eras; it must be fewer"
        );
        assert!(
            bonding_eras < ERAS_REMEMBERED,
            "stake leaves after {bonding_eras} eras, but what is taken for debts is remembered for {ERAS_REMEMBERED}"
        );
        RedeemEras::<T>::put(redeem_eras);
        WithdrawalEras::<T>::put(withdrawal_eras);
        GraceEras::<T>::put(grace_eras);
    }
}
