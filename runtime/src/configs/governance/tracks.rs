//! On what terms each power is conferred.
//!
//! A referendum waits for its prepare period, is then decided for as long as its decision period, and is carried when
//! both majorities hold for its whole confirm period; it is enacted after the enactment period at the earliest.
//! *Approval* is the ayes' share of the votes, weighed by conviction. *Support* is the share of all CAI that voted aye,
//! without conviction. Both thresholds fall evenly from the beginning of the decision period to its end.

use alloc::borrow::Cow;

use cuckoo_primitives::{Balance, BlockNumber, CAI};
use frame_system::RawOrigin;
use pallet_referenda::{Curve, Track, TrackInfo, TracksInfo};
use sp_runtime::{str_array, Perbill};

use super::{
    origins::Origin,
    periods::{era_blocks, share_of},
};
use crate::OriginCaller;

/// The tracks of the runtime.
pub struct Tracks;

/// A number of eras as a fraction.
type EraShare = (u32, u32);

/// A threshold in percent: where it begins and where it ends.
type Falling = (u32, u32);

struct Terms {
    id: u16,
    name: &'static str,
    /// Referenda that are decided side by side; the others queue by approval.
    side_by_side: u32,
    /// Deposit before a decision begins, in CAI.
    deposit_cai: Balance,
    prepare: EraShare,
    decision: EraShare,
    confirm: EraShare,
    enactment: EraShare,
    approval: Falling,
    support: Falling,
}

const ROOT: Terms = Terms {
    id: 0,
    name: "root",
    side_by_side: 1,
    deposit_cai: 10_000,
    prepare: (1, 12),
    decision: (14, 1),
    confirm: (1, 1),
    enactment: (1, 1),
    approval: (100, 50),
    support: (50, 5),
};

const WHITELISTED_CALLER: Terms = Terms {
    id: 1,
    name: "whitelisted_caller",
    side_by_side: 10,
    deposit_cai: 1_000,
    prepare: (1, 48),
    decision: (7, 1),
    confirm: (1, 24),
    enactment: (1, 144),
    approval: (100, 50),
    support: (20, 2),
};

const REFERENDUM_CANCELLER: Terms = Terms {
    id: 10,
    name: "referendum_canceller",
    side_by_side: 20,
    deposit_cai: 1_000,
    prepare: (1, 48),
    decision: (7, 1),
    confirm: (1, 8),
    enactment: (1, 144),
    approval: (100, 50),
    support: (20, 2),
};

// Whoever is charged wrongly must get through before the slash is applied.
const SLASH_CANCELLER: Terms = Terms {
    id: 11,
    name: "slash_canceller",
    side_by_side: 20,
    deposit_cai: 1_000,
    prepare: (1, 48),
    decision: (7, 1),
    confirm: (1, 8),
    enactment: (1, 144),
    approval: (100, 50),
    support: (20, 2),
};

const TREASURER: Terms = Terms {
    id: 20,
    name: "treasurer",
    side_by_side: 10,
    deposit_cai: 1_000,
    prepare: (1, 12),
    decision: (14, 1),
    confirm: (2, 1),
    enactment: (1, 1),
    approval: (100, 50),
    support: (50, 2),
};

const SMALL_SPENDER: Terms = Terms {
    id: 21,
    name: "small_spender",
    side_by_side: 50,
    deposit_cai: 100,
    prepare: (1, 12),
    decision: (14, 1),
    confirm: (1, 1),
    enactment: (1, 24),
    approval: (100, 50),
    support: (10, 1),
};

/// By `id`.
const ALL: [Terms; 6] = [ROOT, WHITELISTED_CALLER, REFERENDUM_CANCELLER, SLASH_CANCELLER, TREASURER, SMALL_SPENDER];

impl Terms {
    fn of(power: Origin) -> &'static Terms {
        match power {
            Origin::WhitelistedCaller => &WHITELISTED_CALLER,
            Origin::ReferendumCanceller => &REFERENDUM_CANCELLER,
            Origin::SlashCanceller => &SLASH_CANCELLER,
            Origin::Treasurer => &TREASURER,
            Origin::SmallSpender => &SMALL_SPENDER,
        }
    }

    fn track(&self, era_blocks: BlockNumber) -> Track<u16, Balance, BlockNumber> {
        let blocks = |(n, d): EraShare| share_of(era_blocks, n, d);
        let info = TrackInfo {
            name: str_array(self.name),
            max_deciding: self.side_by_side,
            decision_deposit: CAI.saturating_mul(self.deposit_cai),
            prepare_period: blocks(self.prepare),
            decision_period: blocks(self.decision),
            confirm_period: blocks(self.confirm),
            min_enactment_period: blocks(self.enactment),
            min_approval: falling(self.approval),
            min_support: falling(self.support),
        };
        Track { id: self.id, info }
    }
}

fn falling((begin, end): Falling) -> Curve {
    Curve::LinearDecreasing {
        length: Perbill::one(),
        floor: Perbill::from_percent(end),
        ceil: Perbill::from_percent(begin),
    }
}

impl TracksInfo<Balance, BlockNumber> for Tracks {
    type Id = u16;
    type RuntimeOrigin = OriginCaller;

    fn tracks() -> impl Iterator<Item = Cow<'static, Track<u16, Balance, BlockNumber>>> {
        let era_blocks = era_blocks();
        ALL.iter().map(move |terms| Cow::Owned(terms.track(era_blocks)))
    }

    fn track_for(origin: &OriginCaller) -> Result<u16, ()> {
        match origin {
            OriginCaller::system(RawOrigin::Root) => Ok(ROOT.id),
            OriginCaller::Origins(power) => Ok(Terms::of(*power).id),
            _ => Err(()),
        }
    }
}
