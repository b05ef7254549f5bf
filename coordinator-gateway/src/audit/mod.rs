//! Whether miners did what they were paid for.
//!
//! Some attempts are chosen, by a secret that no miner knows before it has signed ([`cuckoo_audit::choice`]). Their miners open how they
//! drew each token; what contradicts what they have signed and sent goes before the chain, which checks it alone
//! ([`opened`]). Where the gateway has the model too, its own engine goes through the answer ([`statistics`]), which can take
//! work from a miner, never stake. Who opens nothing is asked on the chain ([`challenger`]).
//! What its work is worth the chain is told, too, for its mining rewards ([`rater`]). What is found is on record, and how often a miner
//! is audited follows from it ([`standing`]).

mod auditor;
pub(crate) mod calibrate;
pub(crate) mod challenger;
mod days;
mod distances;
pub(crate) mod engine;
mod finished;
mod onchain;
mod opened;
mod queue;
pub(crate) mod rater;
pub(crate) mod reporter;
mod standing;
mod statistics;

pub(crate) use auditor::{AuditStores, AuditTerms, Audited, Auditor, Unopened};
pub(crate) use days::{day_of, ShownDay};
pub(crate) use distances::Distances;
pub(crate) use engine::AuditEngineError;
pub(crate) use finished::Finished;
pub(crate) use onchain::OnChain;
pub(crate) use queue::queue;
pub(crate) use standing::{Basis, Standing};
pub(crate) use statistics::Statistics;
