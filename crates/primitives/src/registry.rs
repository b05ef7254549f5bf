//! Over which traits the pallets meet; no pallet imports another.

use codec::{Decode, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_arithmetic::Perbill;
use sp_runtime::DispatchError;

use crate::{Balance, EraIndex, Role};

/// Most slashes that one settlement of a voter takes, so that what it costs has a bound. Calls that settle are charged
/// for as many and pay for those that they took.
pub const MAX_SETTLED: u32 = 16;

/// The bonds of all stashes. Offered by the staking pallet.
pub trait Bonds<AccountId> {
    /// What `stash` can vote with, in planck; zero if it has not bonded.
    fn active(stash: &AccountId) -> Balance;
    /// Everything that `stash` bonded, in planck, what unbonds included.
    fn total(stash: &AccountId) -> Balance;
    /// What of everything that `stash` bonded cannot be free by era `through`, in planck.
    fn lasting(stash: &AccountId, through: EraIndex) -> Balance;
    /// Takes up to `amount` planck off what is active and returns what it took.
    fn take_active(stash: &AccountId, amount: Balance, taken: Taken<'_, AccountId>) -> Balance;
    /// Takes up to `amount` planck off what unbonds, that first which would be free last; else as `take_active`.
    fn take_unlocking(stash: &AccountId, amount: Balance, taken: Taken<'_, AccountId>) -> Balance;
}

/// What becomes of stake that is taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<'a, AccountId> {
    /// It is burned.
    Burned,
    /// It is burned, but for the share that this account earns for reporting.
    Reported(&'a AccountId),
    /// It is free balance of its stash, which pays a debt with it at once.
    Freed,
}

impl<AccountId> Clone for Taken<'_, AccountId> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<AccountId> Copy for Taken<'_, AccountId> {}

/// Takes the own stake of one stash, wherever it is voted. Offered by the voting pallet, asked by the settlement pallet.
pub trait OwnStake<AccountId> {
    /// Makes up to `amount` planck of what `stash` bonded free balance: first of what is not voted, then of what
    /// unbonds, then of its votes, the newest position first. What slashes cost it comes before: if more of them wait
    /// than one call takes, it takes as many and frees nothing yet.
    fn free(stash: &AccountId, amount: Balance) -> Freed;
}

/// What became of a wish to free stake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// How much became free, in planck.
    pub amount: Balance,
    /// How many slashes were taken before.
    pub slashes: u32,
    /// More slashes wait, and the next try takes on from here.
    pub is_delayed: bool,
}

/// What is owed. Offered by the settlement pallet, asked by the staking pallet before stake may leave.
pub trait Debts<AccountId> {
    /// What `stash` owes to miners, in planck.
    fn owed(stash: &AccountId) -> Balance;
}

impl<AccountId> Debts<AccountId> for () {
    fn owed(_: &AccountId) -> Balance {
        0
    }
}

/// The era that is running. Offered by the staking pallet.
pub trait CurrentEra {
    /// The current era.
    fn current_era() -> EraIndex;
    /// Eras that unbonding takes; evidence counts for less, so that nothing leaves before it can be slashed.
    fn bonding_eras() -> EraIndex;
    /// The era that ran `unix_ms` milliseconds after 1970; `None` if it lies in the future, or more than
    /// `bonding_eras` back.
    fn era_at(unix_ms: u64) -> Option<EraIndex>;
    /// The era to which session `index` belongs.
    fn era_of_session(index: u32) -> EraIndex;
}

/// What bonded stake is in use. Offered by the voting pallet, asked by the staking pallet before stake may leave.
pub trait VotedStake<AccountId> {
    /// The sum of `stash`'s votes in planck.
    fn voted(stash: &AccountId) -> Balance;
    /// Takes from `stash` all that slashes have cost it up to now. Returns how many slashes that were. Fails, having
    /// taken nothing, if they are more than [`MAX_SETTLED`].
    fn settle(stash: &AccountId) -> Result<u32, DispatchError>;
    /// The same, however many slashes there are. For those who only look, and undo it.
    fn settle_in_full(stash: &AccountId);
}

impl<AccountId> VotedStake<AccountId> for () {
    fn voted(_: &AccountId) -> Balance {
        0
    }

    fn settle(_: &AccountId) -> Result<u32, DispatchError> {
        Ok(0)
    }

    fn settle_in_full(_: &AccountId) {}
}

/// Amounts of the two budgets of the emission, in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Budgets {
    /// For the stake behind candidates of all roles.
    pub staking: Balance,
    /// For the work of miners.
    pub mining: Balance,
}

/// Who has earned what. Offered by the voting pallet, asked by the staking pallet.
pub trait Rewards<AccountId> {
    /// Era `ended` is over, and `budgets` may be paid for it. Returns whether they were accepted; if not, nothing is
    /// paid for that era.
    fn era_ended(ended: EraIndex, budgets: Budgets) -> bool;
    /// Takes what `stash`, which has been settled, has earned off the record and returns it, in planck.
    fn take(stash: &AccountId) -> Result<Balance, DispatchError>;
}

impl<AccountId> Rewards<AccountId> for () {
    fn era_ended(_: EraIndex, _: Budgets) -> bool {
        false
    }

    fn take(_: &AccountId) -> Result<Balance, DispatchError> {
        Ok(0)
    }
}

/// Where rewards wait until they are claimed. Offered by the staking pallet, asked by the voting pallet.
pub trait RewardPot {
    /// Mints `earned` of what an era's budgets allowed into the pot.
    fn mint(earned: Budgets);
    /// Returns to the budgets what nobody earned of an era.
    fn give_back(unearned: Budgets);
    /// What the pot holds for those who have earned it, in planck.
    fn held() -> Balance;
}

/// How much and how well miners worked. Settlement counts the work that is paid for; audits will judge it.
pub trait Work<AccountId> {
    /// What was paid for the work of `miner` in an era that is over, and for that of all miners, in planck; zeros if
    /// nobody knows any more.
    fn settled(miner: &AccountId, era: EraIndex) -> (Balance, Balance);
    /// What audits think of the miner in an era that is over.
    fn quality(miner: &AccountId, era: EraIndex) -> Perbill;
}

/// Nobody counts: every miner has done as much as its stake asks for.
impl<AccountId> Work<AccountId> for () {
    fn settled(_: &AccountId, _: EraIndex) -> (Balance, Balance) {
        (1, 1)
    }

    fn quality(_: &AccountId, _: EraIndex) -> Perbill {
        Perbill::one()
    }
}

/// Who is a candidate. Offered by the registration pallet.
pub trait Candidates<AccountId> {
    /// The role of a registered stash.
    fn role(stash: &AccountId) -> Option<Role>;
    /// The own stake in planck that a registered candidate must stay above; `None` if it is not registered.
    fn own_stake_floor(stash: &AccountId) -> Option<Balance>;
    /// The operator's cut of what `stash` earns in `era`, which is the current one or one that has not been paid yet.
    fn commission(stash: &AccountId, era: EraIndex) -> Perbill;
    /// Whether the candidate has stepped back.
    fn has_stepped_back(stash: &AccountId) -> bool;
    /// Has the candidate step back if it has not; returns whether it did. One that is not registered stays as it is.
    fn chill(stash: &AccountId) -> bool;
}

/// Whose keys worked for whom. Offered by the registration pallet, asked by the slashing and the settlement pallet.
pub trait Operators<AccountId> {
    /// The stash and the role for which `operator` worked in `era`, as long as evidence counts: a key answers for its
    /// stash only while it works for it, whoever has it afterwards.
    fn served_by(operator: &AccountId, era: EraIndex) -> Option<(AccountId, Role)>;
    /// The stash and the role for which `operator` works, or worked last, and the last era in which it did (the current
    /// one while it works), as long as evidence counts.
    fn last_served(operator: &AccountId) -> Option<(AccountId, Role, EraIndex)>;
}

/// How far slashes have come. Offered by the slashing pallet, asked before stake goes free and before what it is liable
/// for is forgotten.
pub trait AppliedSlashes {
    /// All slashes that were due in this era and before have been applied; the current era, if none waits.
    fn applied_through() -> EraIndex;
}

impl AppliedSlashes for () {
    fn applied_through() -> EraIndex {
        EraIndex::MAX
    }
}

/// The stake behind candidates. Offered by the voting pallet.
///
/// What takes the cost of slashes first says how many they were, and fails if they are more than [`MAX_SETTLED`].
pub trait Backing<AccountId> {
    /// Puts `amount` planck of `stash`'s own bond behind itself as a candidate of `role`, counting from the next era.
    /// Returns how many slashes it took first.
    fn stand(stash: &AccountId, role: Role, amount: Balance) -> Result<u32, DispatchError>;
    /// Ends the candidacy: takes all of `stash`'s own votes off itself; the stake stays bonded and can be voted
    /// elsewhere or unbonded. Returns how much that was in planck, and how many slashes it took first.
    fn leave(stash: &AccountId) -> Result<(Balance, u32), DispatchError>;
    /// The candidate steps back: it earns nothing in this era and later ones.
    fn suspend(stash: &AccountId);
    /// The candidate is back: it earns from the next era on.
    fn resume(stash: &AccountId);
    /// Pays the candidate for all eras that are over, and takes what slashes have cost its own stake. To be called
    /// before its commission changes, and before its own stake is judged. Returns how many slashes it took.
    fn bring_up_to_date(stash: &AccountId) -> Result<u32, DispatchError>;
    /// Whether `stash` may stand as a candidate; one that was slashed too often may not.
    fn may_stand(stash: &AccountId) -> bool;
    /// Own stake behind `stash` in planck: what counts in this era, and from the next on.
    fn own_stake(stash: &AccountId) -> (Balance, Balance);
    /// All stake behind `stash` in planck: what counts in this era, and from the next on.
    fn backing(stash: &AccountId) -> (Balance, Balance);
}

/// Takes stake. Offered by the voting pallet, asked by the slashing pallet.
pub trait Slash<AccountId> {
    /// Takes `fraction` of all stake that stood behind `offender` in `offence_era`, wherever it is now. What the
    /// offender itself loses is taken at once, and `reporter` earns its share of that; the loss of others is counted
    /// at once and taken when they are settled. Returns the offender's loss in planck.
    ///
    /// What the slashes of others have cost the offender comes first, at most [`MAX_SETTLED`] of them in one go. If more
    /// are left, the slash is not applied and the answer is `None`: ask again.
    fn slash(
        offender: &AccountId,
        offence_era: EraIndex,
        fraction: Perbill,
        reporter: Option<&AccountId>,
    ) -> Option<Balance>;
}

/// What is charged and not decided. Offered by the slashing pallet, asked by the registration pallet.
pub trait OpenCases<AccountId> {
    /// Whether a slash of `stash` waits for its time.
    fn has_open_case(stash: &AccountId) -> bool;
}

impl<AccountId> OpenCases<AccountId> for () {
    fn has_open_case(_: &AccountId) -> bool {
        false
    }
}
