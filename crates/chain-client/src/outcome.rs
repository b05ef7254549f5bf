//! What became of a transaction in its block.

use cuckoo_primitives::{BlockNumber, Hash};
use subxt::{error::DispatchError, events::Phase};

use crate::{
    error::ChainError,
    node::{answer, Node},
};

/// Height of the `block` that holds the transaction, if the transaction's call succeeded there.
pub(crate) async fn check(node: &Node, block: Hash, extrinsic: Hash) -> Result<BlockNumber, ChainError> {
    match failure(node, block, extrinsic).await {
        Ok((number, None)) => Ok(number),
        Ok((_, Some(error))) => Err(named(&error)),
        Err(error) => Err(ChainError::Lost { reason: format!("its block cannot be read: {error}") }),
    }
}

/// Height of the block, and the error of the call if it failed.
async fn failure(
    node: &Node,
    block: Hash,
    extrinsic: Hash,
) -> Result<(BlockNumber, Option<DispatchError>), ChainError> {
    let not_there = || ChainError::Node(format!("it does not find {extrinsic:?} in {block:?}"));
    let number = node.height_of(block).await?.ok_or_else(not_there)?;
    let index = node.index_in_block(extrinsic, block).await?.ok_or_else(not_there)?;
    let block = node.at(number, block).await?;
    let events = answer(block.events().fetch()).await?;
    let undecodable = |what, reason: String| ChainError::Decode { what, reason };
    for event in events.iter() {
        let event = event.map_err(|error| undecodable("events", error.to_string()))?;
        let is_failure = (event.pallet_name(), event.event_name()) == ("System", "ExtrinsicFailed");
        if is_failure && event.phase() == Phase::ApplyExtrinsic(index) {
            // The event's fields begin with the error.
            let error = DispatchError::decode_from(event.field_bytes(), block.metadata())
                .map_err(|error| undecodable("dispatch error", error.to_string()))?;
            return Ok((number, Some(error)));
        }
    }
    Ok((number, None))
}

/// The error of a call with the words of the runtime's metadata.
fn named(error: &DispatchError) -> ChainError {
    let of_runtime = |docs: String| ChainError::Dispatch {
        pallet: "Runtime".into(),
        error: format!("{error:?}").split(['(', ' ']).next().unwrap_or_default().into(),
        docs,
    };
    let DispatchError::Module(module) = error else { return of_runtime(error.to_string()) };
    match module.details() {
        Ok(details) => ChainError::Dispatch {
            pallet: details.pallet.name().into(),
            error: details.variant.name.clone(),
            docs: details.variant.docs.join(" ").trim().into(),
        },
        Err(unknown) => of_runtime(unknown.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_runtime_itself_are_named_too() {
        assert_eq!(named(&DispatchError::BadOrigin).to_string(), "Runtime.BadOrigin: Bad origin.");
        let error = DispatchError::Token(subxt::error::TokenError::FundsUnavailable);
        assert_eq!(named(&error).to_string(), "Runtime.Token: Token error: Funds are unavailable.");
    }
}
