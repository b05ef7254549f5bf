//! What pages, gateways and miners ask the chain.

use alloc::vec::Vec;
use sp_arithmetic::Perbill;

use crate::{
    challenge::{Challenge, ChallengeId},
    docket::{Case, CaseId, Conviction},
    emission::EmissionOverview,
    settlement::{ChannelId, Debt, Settled, SettlementTerms, Solvency},
    AccountId, Balance, Candidate, EraProgress, Role, StashOverview,
};

/// Most candidates that one call of [`MarketApi::candidates`] returns; a larger `limit` is cut to it.
pub const MAX_CANDIDATES_PER_PAGE: u32 = 512;

sp_api::decl_runtime_apis! {
    /// Candidates, positions, the era, what is charged and what is asked.
    #[api_version(3)]
    pub trait MarketApi {
        /// Candidates of `role` in storage order, at most `limit`, those after `after` or from the first.
        fn candidates(role: Role, after: Option<AccountId>, limit: u32) -> Vec<Candidate>;
        /// The candidate that bonded from `stash`.
        fn candidate(stash: AccountId) -> Option<Candidate>;
        /// The candidate whose current operator is `operator`.
        fn candidate_of_operator(operator: AccountId) -> Option<Candidate>;
        /// Bond, votes and reward of `stash`; `None` if it has not bonded.
        fn stash(stash: AccountId) -> Option<StashOverview>;
        /// Where the chain stands in its era.
        fn era() -> EraProgress;
        /// What has been emitted of the two budgets, and what remains.
        fn emission() -> EmissionOverview;
        /// Cases that wait in storage order, at most `limit`, those after `after` or from the first.
        fn docket(after: Option<CaseId>, limit: u32) -> Vec<(CaseId, Case)>;
        /// What `stash` was convicted of, the oldest first.
        fn convictions(stash: AccountId) -> Vec<Conviction>;
        /// Challenges that wait for their answers in storage order, at most `limit` and
        /// [`MAX_CHALLENGES_PER_PAGE`](crate::challenge::MAX_CHALLENGES_PER_PAGE), those after `after` or from the first.
        fn challenges(after: Option<ChallengeId>, limit: u32) -> Vec<(ChallengeId, Challenge)>;
        /// Those among them that the miner with this stash is to answer, the oldest first.
        fn challenges_against(
            miner: AccountId,
            after: Option<ChallengeId>,
            limit: u32,
        ) -> Vec<(ChallengeId, Challenge)>;
    }

    /// What stands behind vouchers, and how far they have been settled.
    #[api_version(3)]
    pub trait SettlementApi {
        /// The rules.
        fn terms() -> SettlementTerms;
        /// What stands behind the vouchers of `coordinator`.
        fn solvency(coordinator: AccountId) -> Solvency;
        /// What stake of `coordinator` will still answer for to `miner` when new work is redeemed, in planck.
        fn cover(coordinator: AccountId, miner: AccountId) -> Balance;
        /// What stake of `coordinator` answers for to `miner` now, in planck: of what a voucher is due and escrow cannot
        /// pay, as much becomes a debt.
        fn claimable(coordinator: AccountId, miner: AccountId) -> Balance;
        /// The part of what `coordinator` pays `miner` that counts for mining rewards, by its last rating; all if it never
        /// rated it.
        fn rating(coordinator: AccountId, miner: AccountId) -> Perbill;
        /// How far the channel has been settled; zeros if no voucher of it ever was.
        fn settled(coordinator: AccountId, miner: AccountId, channel: ChannelId) -> Settled;
        /// Channels of `coordinator` in storage order, at most `limit` and
        /// [`MAX_SETTLED_PER_PAGE`](crate::settlement::MAX_SETTLED_PER_PAGE), those after `after` or from the first.
        fn channels(
            coordinator: AccountId,
            after: Option<(AccountId, ChannelId)>,
            limit: u32,
        ) -> Vec<((AccountId, ChannelId), Settled)>;
        /// What `coordinator` owes to `miner`, and what was lately paid for it out of stake.
        fn debt(coordinator: AccountId, miner: AccountId) -> Debt;
        /// Miners to whom `coordinator` owes, or lately paid out of stake; else as `channels`.
        fn debts(coordinator: AccountId, after: Option<AccountId>, limit: u32) -> Vec<(AccountId, Debt)>;
    }
}
