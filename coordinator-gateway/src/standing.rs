//! Whether an operator may work, as of one finalised block.

use std::sync::Arc;

use cuckoo_chain_client::MarketView;
use cuckoo_primitives::{AccountId, Candidate, CandidateStatus, Role};

/// Why an operator may not work in a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// No candidate has this operator.
    #[error("it is not registered")]
    NotRegistered,
    /// Its candidate is registered for something else.
    #[error("it is registered as {}", name_of(*.0))]
    OtherRole(Role),
    /// Its candidate bonds from another stash than before, whose journal and channels are others.
    #[error("it works for another stash than when it began")]
    OtherStash,
    /// Its candidate stepped back.
    #[error("it is chilled")]
    Chilled,
    /// Its stake counts from the next era on.
    #[error("its stake counts from the next era on")]
    Pending,
    /// Its own stake is too small.
    #[error("its own stake is not above the minimum of its role")]
    BelowMinimum,
}

/// The candidate behind `operator` if it may work as `role` in this view.
pub fn standing(view: &MarketView, operator: &AccountId, role: Role) -> Result<Arc<Candidate>, Unfit> {
    let candidate = view.by_operator(operator).ok_or(Unfit::NotRegistered)?;
    if candidate.role != role {
        return Err(Unfit::OtherRole(candidate.role));
    }
    match candidate.status {
        CandidateStatus::Active => Ok(candidate.clone()),
        CandidateStatus::Chilled => Err(Unfit::Chilled),
        CandidateStatus::Pending => Err(Unfit::Pending),
        CandidateStatus::BelowMinimum => Err(Unfit::BelowMinimum),
    }
}

impl Unfit {
    /// What the operator can do about it.
    pub fn remedy(&self, role: Role) -> String {
        let role_name = name_of(role);
        match self {
            Self::NotRegistered => format!(
                "bond from the stash and register this operator as {role_name} (`{}` prints the call \
                 registration.register for the stash); if another operator is registered, the stash calls registration.setOperator",
                register_command(role)
            ),
            Self::OtherRole(_) => format!("use the operator key of a stash that is registered as {role_name}"),
            Self::OtherStash => match role {
                Role::Coordinator => "start the gateway anew, with a data folder for that stash".into(),
                Role::Miner | Role::Validator => "link again".into(),
            },
            Self::Chilled => "call registration.validate from the stash".into(),
            Self::Pending => "wait for the next era".into(),
            Self::BelowMinimum => "bond more (stake.bondExtra) and vote it behind the stash itself (voting.vote); \
                 it counts from the next era"
                .into(),
        }
    }
}

/// What signs an operator's consent and says what to do with it.
fn register_command(role: Role) -> &'static str {
    match role {
        Role::Miner => "miner-worker register --operator-key FILE --stash ACCOUNT",
        Role::Coordinator => "coordinator-gateway register --operator-key FILE --stash ACCOUNT",
        Role::Validator => "cuckoo-node operator-consent --operator-key FILE --stash ACCOUNT --expires ERA",
    }
}

/// A role as people write it.
pub(crate) fn name_of(role: Role) -> &'static str {
    match role {
        Role::Miner => "Miner",
        Role::Coordinator => "Coordinator",
        Role::Validator => "Validator",
    }
}
