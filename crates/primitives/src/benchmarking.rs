//! How a benchmark sets up a market, across pallets that do not import each other.

use alloc::vec::Vec;
use sp_arithmetic::Perbill;

use crate::{Balance, EraIndex, Hash, Role, Signature};

/// A market to measure in. Offered by the runtime, which drives its real pallets; it begins as the genesis of the chain
/// on which the benchmarks run.
///
/// A market that is not as it was asked for would have something else measured, so whoever offers it stops the benchmark
/// with a reason.
pub trait BenchmarkMarket<AccountId> {
    /// Lets stake be liable, and evidence count, for as many eras as on any network. To be called first.
    fn widest_window();

    /// Gives `who` that much more free balance, in planck.
    fn fund(who: &AccountId, amount: Balance);
    /// Funds `who` and bonds that much more, in planck.
    fn bond(who: &AccountId, amount: Balance);
    /// A key that can sign.
    fn key(number: u32) -> AccountId;
    /// What `key` signs.
    fn sign(key: &AccountId, hash: &Hash) -> Signature;
    /// Bonds just above the minimum and registers `stash` with the longest introduction; returns the operator, which can
    /// sign.
    fn register(stash: &AccountId, role: Role) -> AccountId;
    /// Puts session keys of `stash` on chain.
    fn set_session_keys(stash: &AccountId);
    /// `voter` puts `amount` planck of what it has bonded behind `candidate`.
    fn vote(voter: &AccountId, candidate: &AccountId, amount: Balance);

    /// So many eras pass. In each all candidates are paid and the slashes that are due are applied.
    fn pass_eras(count: EraIndex);
    /// As many eras pass as can wait for being paid. Nobody is, and no slash is applied.
    fn pass_eras_unpaid();
    /// Milliseconds after 1970 at which `era` ran.
    fn ran_at(era: EraIndex) -> u64;

    /// Applies a slash of all that stood behind `candidate` in `offence_era`.
    fn slash(candidate: &AccountId, offence_era: EraIndex, fraction: Perbill);
    /// Leaves `stash` as costly to touch as any can be: it has as many positions as it may, all that it bonded in them,
    /// with stake that joined in every era of the window, behind itself too if it is a candidate; then
    /// [`pass_eras_unpaid`](Self::pass_eras_unpaid), and `slashes` slashes (at most
    /// [`MAX_SETTLED`](crate::registry::MAX_SETTLED)) for which it is not settled yet make it owe what only other
    /// positions can pay: two of them for each slash. Returns whom it backs beside itself, the one that was slashed first
    /// and the first to pay last.
    fn burden(stash: &AccountId, slashes: u32) -> Vec<AccountId>;
}
