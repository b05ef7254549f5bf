//! Checking receipts, and what they cost, as a gateway does.

use codec::DecodeAll;
use cuckoo_primitives::{
    settlement::Price,
    signing::Statement,
    task::{OutputHasher, Receipt},
    Balance, Signature,
};
use cuckoo_wire::{
    charge::{charged, Delivered},
    link::{Output, Result as TaskResult, Task},
    request::request_hash,
};

use crate::{
    engine::CONTEXT_TOKENS,
    market::{Market, COORDINATOR, MINER},
};

/// The receipt of the market's miner for this task and exactly these outputs.
pub(crate) fn verified(market: &Market, task: &Task, outputs: &[Output], result: &TaskResult) -> Receipt {
    assert_eq!((&result.task_id, result.attempt), (&task.task_id, task.attempt));
    let receipt = Receipt::decode_all(&mut &result.receipt[..]).unwrap();
    let mut hasher = OutputHasher::default();
    for output in outputs {
        hasher.update(output.text.as_bytes());
        hasher.update(&output.vector);
    }
    assert_eq!(receipt.output_hash, hasher.finish());
    let spec = &receipt.spec;
    assert_eq!(spec.request_hash, request_hash(task));
    assert_eq!(receipt.completion_tokens, outputs.iter().map(|output| output.tokens).sum::<u32>());
    assert_eq!((&spec.task_id[..], spec.attempt), (&task.task_id[..], task.attempt));
    assert_eq!((&spec.coordinator, &spec.miner), (&COORDINATOR.account(), &MINER.account()));
    let signature: Signature = result.signature[..].try_into().unwrap();
    assert!(receipt.is_signed_by(&market.genesis(), &MINER.account(), &signature));
    receipt
}

/// What the task costs at this price after these outputs and this receipt.
pub(crate) fn cost(price: &Price, task: &Task, outputs: &[Output], receipt: &Receipt) -> Balance {
    let text_bytes = outputs.iter().map(|output| output.text.len() as u64).sum();
    let vectors = outputs.iter().filter(|output| !output.vector.is_empty()).count();
    price.cost(&charged(task, CONTEXT_TOKENS, receipt, Delivered { text_bytes, vectors }))
}
