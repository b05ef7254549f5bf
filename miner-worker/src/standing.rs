//! Whether an operator may work in a role, and if not, why and how to mend it.

use std::fmt;

use cuckoo_chain_client::MarketView;
use cuckoo_primitives::{AccountId, Candidate, CandidateStatus, Role};
use serde::Serialize;

/// Whether an operator may work in a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It may.
    Active,
    /// No stash has registered it.
    NotRegistered,
    /// It is registered for another role.
    OtherRole(Role),
    /// It stepped back or was chilled.
    Chilled,
    /// Its stake counts from the next era.
    Pending,
    /// Its stash's own stake is too small.
    BelowMinimum,
}

impl Standing {
    /// The standing of `operator` in `role`.
    pub fn of(view: &MarketView, operator: &AccountId, role: Role) -> Self {
        Self::of_candidate(view.by_operator(operator).map(|candidate| candidate.as_ref()), role)
    }

    /// The standing of a candidate, or of nobody, in `role`.
    pub fn of_candidate(candidate: Option<&Candidate>, role: Role) -> Self {
        match candidate {
            None => Self::NotRegistered,
            Some(candidate) if candidate.role != role => Self::OtherRole(candidate.role),
            Some(candidate) => match candidate.status {
                CandidateStatus::Active => Self::Active,
                CandidateStatus::Chilled => Self::Chilled,
                CandidateStatus::Pending => Self::Pending,
                CandidateStatus::BelowMinimum => Self::BelowMinimum,
            },
        }
    }

    /// It may work.
    pub fn is_active(self) -> bool {
        self == Self::Active
    }

    /// A label for metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NotRegistered => "not_registered",
            Self::OtherRole(_) => "other_role",
            Self::Chilled => "chilled",
            Self::Pending => "pending",
            Self::BelowMinimum => "below_minimum",
        }
    }

    /// What a miner's operator does about it.
    pub fn mend(self) -> &'static str {
        match self {
            Self::Active => "nothing to mend",
            Self::NotRegistered => {
                "register it from a stash that has bonded more than 20,000 CAI: `miner-worker register --operator-key FILE \
                 --stash ACCOUNT` prints what it submits"
            }
            Self::OtherRole(_) => "use an operator key of its own for each role",
            Self::Chilled => "call registration.validate from the stash",
            Self::Pending => "wait for the next era",
            Self::BelowMinimum => {
                "bond more and vote it for yourself (stake.bondExtra, voting.vote), until your own stake is above 20,000 CAI; it \
                 counts from the next era"
            }
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::NotRegistered => "not registered",
            Self::OtherRole(Role::Miner) => "registered as a miner",
            Self::OtherRole(Role::Coordinator) => "registered as a coordinator",
            Self::OtherRole(Role::Validator) => "registered as a validator",
            Self::Chilled => "chilled",
            Self::Pending => "waiting for the next era, from which its stake counts",
            Self::BelowMinimum => "registered with too little own stake",
        })
    }
}
