//! Whether miners did what they were paid for.
//!
//! Some attempts are chosen, by a secret that no miner knows before it has signed ([`cuckoo_audit::choice`]). Their miners open how they
//! drew each token; what contradicts what they have signed and sent goes before the chain, which checks it alone
//! ([`opened`]). Who opens nothing is asked on the chain ([`challenger`]). What is found is on record, and how often a miner
//! is audited follows from it ([`standing`]).

mod auditor;
pub(crate) mod challenger;
mod days;
mod finished;
mod onchain;
mod opened;
mod queue;
pub(crate) mod reporter;
mod standing;

pub(crate) use auditor::{AuditTerms, Auditor, Opens, Unopened};
pub(crate) use days::{day_of, ShownDay};
pub(crate) use finished::Finished;
pub(crate) use onchain::OnChain;
pub(crate) use queue::queue;
pub(crate) use standing::Standing;
