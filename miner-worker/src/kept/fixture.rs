//! Attempts to be kept in tests.

use cuckoo_primitives::{
    challenge::AttemptOf,
    commitment::Leaf,
    evidence::SignedReceipt,
    fixture,
    task::{began_ms, Drawing, Receipt, TaskId, TaskSpec},
};

use super::record::Record;

/// A task that began so many milliseconds after 1970.
pub(crate) fn task(number: u8, began_ms: u64) -> TaskId {
    let mut id = [number; 16];
    id.iter_mut().zip(began_ms.to_be_bytes().into_iter().skip(2)).for_each(|(to, from)| *to = from);
    id[6] = 0x70;
    id[8] = 0x80;
    id
}

/// Attempt of a task with this number that began then, of so many tokens, and its receipt.
pub(crate) fn attempt(number: u8, began_ms: u64, tokens: u32) -> (SignedReceipt, Vec<Leaf>) {
    // Few candidates, so that records are short.
    let mut drawing = Drawing { first_position: number.into(), ..fixture::drawing() };
    drawing.parameters.temperature = 0;
    let leaves = fixture::leaves(&drawing, tokens);
    let spec = TaskSpec { task_id: task(number, began_ms), drawing: Some(drawing), ..fixture::spec() };
    let receipt = Receipt { spec, ..fixture::receipt_of(&leaves) };
    (SignedReceipt { receipt, signature: [number; 64] }, leaves)
}

/// The attempt that a receipt is of.
pub(crate) fn name(signed: &SignedReceipt) -> AttemptOf {
    AttemptOf::of(&signed.receipt.spec)
}

/// The record of the first attempt of a task with this number.
pub(super) fn record(number: u8, tokens: u32) -> Record {
    let (signed, leaves) = attempt(number, 1_000, tokens);
    let began_ms = began_ms(&signed.receipt.spec.task_id).unwrap();
    Record::new(began_ms, &signed, &leaves).unwrap()
}
