//! What pages, gateways and miners ask the chain.

use alloc::vec::Vec;

use crate::{AccountId, Candidate, EraProgress, Role, StashOverview};

/// Most candidates that one call of [`MarketApi::candidates`] returns; a larger `limit` is cut to it.
pub const MAX_CANDIDATES_PER_PAGE: u32 = 512;

sp_api::decl_runtime_apis! {
    /// Candidates, positions and the era.
    pub trait MarketApi {
        /// Candidates of `role` in storage order, at most `limit`, those after `after` or from the first.
        fn candidates(role: Role, after: Option<AccountId>, limit: u32) -> Vec<Candidate>;
        /// The candidate that bonded from `stash`.
        fn candidate(stash: AccountId) -> Option<Candidate>;
        /// The candidate whose current operator is `operator`.
        fn candidate_of_operator(operator: AccountId) -> Option<Candidate>;
        /// Bond and votes of `stash`; `None` if it has not bonded.
        fn stash(stash: AccountId) -> Option<StashOverview>;
        /// Where the chain stands in its era.
        fn era() -> EraProgress;
    }
}
