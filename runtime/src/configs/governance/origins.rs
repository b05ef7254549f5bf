//! The powers below root that a referendum can give to a call.

use core::marker::PhantomData;

use frame_support::{parameter_types, traits::EnsureOrigin};
use frame_system::RawOrigin;

pub use pallet_origins::Origin;

use crate::{OriginCaller, RuntimeOrigin};

/// Makes the powers origins of the runtime. It has neither calls nor storage.
#[frame_support::pallet]
// FRAME's macros expand to `expect`s.
#[allow(clippy::expect_used)]
pub mod pallet_origins {
    use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
    use frame_support::pallet_prelude::*;

    /// No setting.
    #[pallet::config]
    pub trait Config: frame_system::Config {}

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// A power that a referendum on its track confers.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
    #[pallet::origin]
    pub enum Origin {
        /// Dispatch, as root, a call that root has marked as urgent.
        WhitelistedCaller,
        /// Stop a referendum that is being voted on; its deposits are returned.
        ReferendumCanceller,
        /// Lift a slash before it is applied.
        SlashCanceller,
        /// Spend any amount of the treasury.
        Treasurer,
        /// Spend little of the treasury, see [`SMALL_SPEND`](super::super::treasury::SMALL_SPEND).
        SmallSpender,
    }
}

impl pallet_origins::Config for crate::Runtime {}

parameter_types! {
    /// [`Origin::WhitelistedCaller`].
    pub const WhitelistedCaller: Origin = Origin::WhitelistedCaller;
    /// [`Origin::ReferendumCanceller`].
    pub const ReferendumCanceller: Origin = Origin::ReferendumCanceller;
    /// [`Origin::SlashCanceller`].
    pub const SlashCanceller: Origin = Origin::SlashCanceller;
    /// [`Origin::Treasurer`].
    pub const Treasurer: Origin = Origin::Treasurer;
}

/// Root, or the power `Power`.
pub struct RootOr<Power>(PhantomData<Power>);

impl<Power: frame_support::traits::Get<Origin>> EnsureOrigin<RuntimeOrigin> for RootOr<Power> {
    type Success = ();

    fn try_origin(origin: RuntimeOrigin) -> Result<(), RuntimeOrigin> {
        use frame_support::traits::OriginTrait;
        match origin.caller() {
            OriginCaller::system(RawOrigin::Root) => Ok(()),
            OriginCaller::Origins(power) if *power == Power::get() => Ok(()),
            _ => Err(origin),
        }
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn try_successful_origin() -> Result<RuntimeOrigin, ()> {
        Ok(Power::get().into())
    }
}
