//! The auditor's side: what is found of an attempt.

use cuckoo_audit::{
    audit,
    reputation::{Audited, Consequence, Reputation},
    score::{Claim, Failure, Scores},
    threshold::{Judgement, CONVICTION},
    Finding,
};
use cuckoo_primitives::{
    commitment::{hash_of, path},
    docket::Fault,
    evidence::{Evidence, SignedReceipt},
    Hash,
};

use super::{
    attempt::{Attempt, GENESIS},
    checkpoint::Checkpoint,
    stage::Stage,
};

/// What is found of an attempt.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// Nothing came of it: a coordinator takes no receipt that is not signed for its chain and attempt.
    Refused,
    /// The chain convicts by itself.
    Proven(Fault),
    /// What the auditor's engine says.
    Found(Finding),
}

/// By what an attempt was caught, as rows name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Caught {
    Refused,
    Evidence(String),
    Failure(&'static str),
    Statistics,
}

impl Verdict {
    /// By what it is caught, if it is.
    pub(super) fn caught(&self) -> Option<Caught> {
        match self {
            Self::Refused => Some(Caught::Refused),
            Self::Proven(fault) => Some(Caught::Evidence(format!("{fault:?}"))),
            Self::Found(Finding::Failed(failure)) => Some(Caught::Failure(name(failure))),
            Self::Found(Finding::Judged(_, Judgement::Deviant)) => Some(Caught::Statistics),
            Self::Found(Finding::Judged(..) | Finding::Void) => None,
        }
    }

    /// Whether it raises suspicion at least.
    pub(super) fn is_suspicious(&self) -> bool {
        self.caught().is_some() || matches!(self, Self::Found(Finding::Judged(_, Judgement::Suspicious)))
    }

    /// Its distances, if it has any.
    pub(super) fn scores(&self) -> Option<&Scores> {
        match self {
            Self::Found(Finding::Judged(scores, _)) => Some(scores),
            Self::Found(Finding::Failed(_) | Finding::Void) | Self::Refused | Self::Proven(_) => None,
        }
    }

    /// Whether not even an attempt whose every stretch deviates would be convicted by itself, being so short.
    pub(super) fn is_too_short(&self, stage: &Stage) -> bool {
        let Some(scores) = self.scores() else { return false };
        let count = scores.stretches.len() as u64;
        stage.bounds().threshold(count, CONVICTION) > count
    }

    /// What it makes of the miner; whether it gets no more work.
    pub(super) fn suspends(&self, stage: &Stage, reputation: &mut Reputation, of: &Audited) -> bool {
        match self {
            Self::Refused | Self::Proven(_) => true,
            Self::Found(finding) => reputation.take(finding, &stage.bounds(), of) == Consequence::Suspended,
        }
    }

    /// After how many tokens the count of deviating stretches has first convicted; `None` if it never has.
    pub(super) fn tokens_needed(&self, stage: &Stage) -> Option<u32> {
        let scores = self.scores().filter(|_| self.caught() == Some(Caught::Statistics))?;
        let bounds = stage.bounds();
        let part = |count: usize| Scores { stretches: scores.stretches[..count].to_vec(), ..scores.clone() };
        let convicts = |count: &usize| {
            let part = part(*count);
            bounds.deviating(&part) >= bounds.threshold(*count as u64, CONVICTION)
        };
        let stretches = (1..=scores.stretches.len()).find(convicts)?;
        Some(scores.tokens.min(8 * u32::try_from(stretches).ok()?))
    }
}

fn name(failure: &Failure) -> &'static str {
    match failure {
        Failure::Uncommitted => "uncommitted",
        Failure::Empty => "empty",
        Failure::Lengths { .. } => "lengths",
        Failure::Root => "root",
        Failure::OtherToken { .. } => "other token",
        Failure::NotDrawn { .. } => "not drawn",
        Failure::Prompt { .. } => "prompt",
        Failure::End(_) => "end",
        Failure::Output => "output",
        Failure::Impossible { .. } => "impossible",
        Failure::Vector { .. } => "vector",
        Failure::Auditor => "auditor",
    }
}

/// Audits an attempt: first what the chain can check, then what only an engine can.
pub(super) async fn verdict(stage: &Stage, attempt: &Attempt) -> anyhow::Result<Verdict> {
    let signed = attempt.sign()?;
    if !signed.is_signed(&GENESIS) || !signed.receipt.spec.is_same_attempt(&attempt.accepted) {
        return Ok(Verdict::Refused);
    }
    let acceptance = Evidence::Acceptance { accepted: attempt.accept()?, receipt: signed.clone() };
    if let Some(fault) = fault(&acceptance) {
        return Ok(Verdict::Proven(fault));
    }
    if let Some(fault) = attempt.besides.iter().find_map(fault) {
        return Ok(Verdict::Proven(fault));
    }
    if let Some(fault) = proven(attempt, &signed) {
        return Ok(Verdict::Proven(fault));
    }
    let opened = attempt.opened();
    let claim = Claim {
        receipt: &signed.receipt,
        tokens: &attempt.tokens,
        leaves: opened,
        was_cancelled: attempt.was_cancelled,
    };
    // An engine is asked only for as many candidates as there are tokens.
    if opened.len() != attempt.tokens.len() {
        let (sent, opened) = (attempt.tokens.len(), opened.len());
        let committed = u32::try_from(sent)?;
        return Ok(Verdict::Found(Finding::Failed(Failure::lengths(committed, sent, opened))));
    }
    let promised = Checkpoint::Promised.id();
    let own = stage.auditor.own(promised, &attempt.request, &attempt.tokens, opened).await?;
    Ok(Verdict::Found(match own {
        Err(failure) => Finding::Failed(failure),
        Ok(own) => audit(&claim, &own, &stage.bounds()),
    }))
}

fn fault(evidence: &Evidence) -> Option<Fault> {
    evidence.check(&GENESIS).ok().map(|accusation| accusation.fault)
}

/// What the receipt and the openings prove. Of an honest attempt all of it is made and checked too, and proves nothing.
fn proven(attempt: &Attempt, signed: &SignedReceipt) -> Option<Fault> {
    let excess = Evidence::Excess { receipt: signed.clone() };
    let opened = attempt.opened();
    let tokens: Vec<Hash> = attempt.tokens.iter().map(hash_of).collect();
    let leaves: Vec<Hash> = opened.iter().map(hash_of).collect();
    let of_place = |(index, leaf)| {
        let (receipt, leaf_path) = (signed.clone(), path(&leaves, index as usize)?);
        let leaf: &cuckoo_primitives::commitment::Leaf = leaf;
        let sampling = Evidence::Sampling { receipt, index, leaf: leaf.clone(), leaf_path: leaf_path.clone() };
        let leaf_differs = || {
            let (token, token_path) = (*attempt.tokens.get(index as usize)?, path(&tokens, index as usize)?);
            let (receipt, leaf) = (signed.clone(), leaf.clone());
            fault(&Evidence::Leaf { receipt, index, token, token_path, leaf, leaf_path: leaf_path.clone() })
        };
        fault(&sampling).or_else(leaf_differs)
    };
    fault(&excess).or_else(|| (0u32..).zip(opened).find_map(of_place))
}

/// What an auditor knows of the attempt when it thinks of the miner.
pub(super) fn audited(attempt: &Attempt) -> Audited {
    Audited { request: attempt.spec.request_hash, has_fixed_seed: false, at_ms: 0 }
}
