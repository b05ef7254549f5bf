//! What pages, gateways and miners ask the chain.

use alloc::vec::Vec;

use crate::{
    docket::{Case, CaseId, Conviction},
    emission::EmissionOverview,
    AccountId, Candidate, EraProgress, Role, StashOverview,
};

/// Most candidates that one call of [`MarketApi::candidates`] returns; a larger `limit` is cut to it.
pub const MAX_CANDIDATES_PER_PAGE: u32 = 512;

sp_api::decl_runtime_apis! {
    /// Candidates, positions, the era, and what is charged.
    #[api_version(2)]
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
    }
}
