//! Whether a text ends as its receipt says, and says what was sent.

use cuckoo_primitives::{
    signing::blake2_256,
    task::{Drawing, Finish},
};

use super::{Claim, End, Failure, Own, WrongEnd};

/// Fails unless the end, the count of tokens and the output follow from the tokens.
pub(super) fn check(claim: &Claim<'_>, drawing: &Drawing, own: &Own) -> Result<(), Failure> {
    let receipt = claim.receipt;
    let produced = receipt.completion_tokens;
    // A token that ends the text is committed to and not counted.
    let silent = u32::from(own.end == End::Token);
    if own.end == End::Early {
        return Err(Failure::End(WrongEnd::GoesOn));
    }
    if claim.tokens.len() as u64 != u64::from(produced) + u64::from(silent) {
        return Err(Failure::End(WrongEnd::Count));
    }
    if produced > drawing.max_tokens {
        return Err(Failure::End(WrongEnd::TooLong));
    }
    let has_ended = own.end != End::Open;
    match receipt.finish {
        Finish::Stop if !has_ended => return Err(Failure::End(WrongEnd::Open)),
        Finish::Length if has_ended => return Err(Failure::End(WrongEnd::Ended)),
        Finish::Length if produced < own.most_tokens.min(drawing.max_tokens) => {
            return Err(Failure::End(WrongEnd::Short));
        }
        Finish::Cancelled if !claim.was_cancelled => return Err(Failure::End(WrongEnd::NotCancelled)),
        Finish::Stop | Finish::Length | Finish::Cancelled => {}
    }
    if receipt.finish == Finish::Cancelled {
        // Text goes ahead of its tokens, and it was cut off somewhere between.
        return Ok(());
    }
    match blake2_256(&[own.certain.as_bytes(), own.held.as_bytes()]) == receipt.output_hash {
        true => Ok(()),
        false => Err(Failure::Output),
    }
}
