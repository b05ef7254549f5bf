//! Signatures under more than one thing, or under the wrong one.

use cuckoo_primitives::{
    evidence::{Evidence, SignedDelivered},
    signing::Statement,
    task::Delivered,
    Hash,
};

use super::{
    super::attempt::{miner, Attempt},
    Playing, Trial,
};

async fn honest(trial: &Trial<'_>) -> anyhow::Result<Attempt> {
    trial.honest(&trial.request()).await
}

/// Two receipts for one attempt: the second for a text that is longer.
pub(super) fn two_receipts<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = honest(trial).await?;
        let longer = Attempt { text: format!("{} And so on.", attempt.text), ..attempt.clone() };
        attempt.besides.push(Evidence::Receipts { first: attempt.sign()?, second: longer.sign()? });
        Ok(attempt)
    })
}

/// One receipt, signed twice: the signatures differ, and say the same.
pub(super) fn signed_twice<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = honest(trial).await?;
        attempt.besides.push(Evidence::Receipts { first: attempt.sign()?, second: attempt.sign()? });
        Ok(attempt)
    })
}

/// Accepts one temperature, and signs for another, at which it has answered.
pub(super) fn other_understanding<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = honest(trial).await?;
        if let Some(drawing) = &mut attempt.accepted.drawing {
            drawing.parameters.temperature /= 2;
        }
        Ok(attempt)
    })
}

fn delivered(attempt: &Attempt, tokens: &[u32]) -> anyhow::Result<Evidence> {
    let tree: cuckoo_primitives::commitment::Tree = tokens.iter().collect();
    let delivered = Delivered {
        task_id: attempt.spec.task_id,
        attempt: attempt.spec.attempt,
        link: attempt.spec.link,
        miner: attempt.spec.miner.clone(),
        tokens: tree.len(),
        tokens_root: tree.root(),
    };
    let signature = miner()?.sign(delivered.signing_hash(&attempt.genesis).as_bytes()).0;
    Ok(Evidence::Delivery { delivered: SignedDelivered { delivered, signature }, receipt: attempt.sign()? })
}

/// Signs for the tokens that it has sent, and commits to others.
pub(super) fn other_delivery<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = honest(trial).await?;
        let mut sent = attempt.tokens.clone();
        sent[0] ^= 1;
        attempt.besides.push(delivered(&attempt, &sent)?);
        Ok(attempt)
    })
}

/// Signs for the tokens that it has sent, and commits to them.
pub(super) fn honest_delivery<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = honest(trial).await?;
        attempt.besides.push(delivered(&attempt, &attempt.tokens)?);
        Ok(attempt)
    })
}

async fn signs_for(trial: &Trial<'_>, change: impl Fn(&mut Attempt)) -> anyhow::Result<Attempt> {
    let mut attempt = honest(trial).await?;
    change(&mut attempt);
    Ok(attempt)
}

pub(super) fn other_task<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(signs_for(trial, |attempt| attempt.spec.task_id[15] ^= 1))
}

pub(super) fn other_attempt<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(signs_for(trial, |attempt| attempt.spec.attempt += 1))
}

pub(super) fn other_chain<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(signs_for(trial, |attempt| attempt.genesis = Hash::repeat_byte(2)))
}
