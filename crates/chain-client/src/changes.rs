//! Which candidates a block changed, by its events.

use std::collections::BTreeSet;

use cuckoo_primitives::{AccountId, BlockNumber, Hash};
use subxt::{
    client::OnlineClientAtBlock,
    error::EventsError,
    events::{Event, Events},
    ext::scale_decode::DecodeAsType,
    utils::AccountId32,
    SubstrateConfig,
};

use crate::{
    error::ChainError,
    node::{answer, Node},
};

/// The pallets whose events name the candidates that they change.
const PALLETS: [&str; 2] = ["Registration", "Voting"];

/// Events of these pallets that change no candidate.
const ABOUT_NOBODY: [(&str, &str); 1] = [("Voting", "ErasPaid")];

/// What a block changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    /// The candidates of these stashes appeared, changed or went.
    Of(BTreeSet<AccountId>),
    /// Anything may have changed: the events could not be understood.
    Unclear,
}

/// What the block changed, and the version of the runtime after it.
pub(crate) async fn of_block(node: &Node, number: BlockNumber, hash: Hash) -> Result<(Changes, u32), ChainError> {
    let block: OnlineClientAtBlock<SubstrateConfig> = node.at(number, hash).await?;
    let events = answer(block.events().fetch()).await?;
    let changes = of_events(&events).unwrap_or_else(|error| {
        tracing::warn!(target: "chain::follow", %error, block.number = number, "cannot decode events; reading all candidates");
        Changes::Unclear
    });
    Ok((changes, block.spec_version()))
}

fn of_events(events: &Events<SubstrateConfig>) -> Result<Changes, EventsError> {
    let mut changed = BTreeSet::new();
    for event in events.iter() {
        let event = event?;
        if PALLETS.contains(&event.pallet_name()) {
            changed.extend(named_in(&event)?);
        }
    }
    Ok(Changes::Of(changed))
}

/// The candidates that an event of one of [`PALLETS`] names.
fn named_in(event: &Event<'_, SubstrateConfig>) -> Result<Vec<AccountId>, EventsError> {
    if ABOUT_NOBODY.contains(&(event.pallet_name(), event.event_name())) {
        return Ok(Vec::new());
    }
    let stashes = match event.decode_fields_unchecked_as::<OneCandidate>() {
        Ok(one) => vec![one.candidate],
        Err(_) => {
            let two = event.decode_fields_unchecked_as::<TwoCandidates>()?;
            vec![two.from, two.to]
        }
    };
    Ok(stashes.into_iter().map(|stash| AccountId::from(stash.0)).collect())
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct OneCandidate {
    candidate: AccountId32,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct TwoCandidates {
    from: AccountId32,
    to: AccountId32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, RegistrationEvent, RuntimeEvent, StakeEvent, VotingEvent};
    use codec::Encode;
    use cuckoo_primitives::Role;

    fn account(byte: u8) -> AccountId {
        AccountId::from([byte; 32])
    }

    /// Events as a block's storage holds them: phase, event and (no) topics of each.
    fn events(events: Vec<RuntimeEvent>) -> Events<SubstrateConfig> {
        let records: Vec<_> = events
            .into_iter()
            .map(|event| (subxt::events::Phase::ApplyExtrinsic(1), event, Vec::<Hash>::new()))
            .collect();
        fixture::block().events().from_bytes(records.encode())
    }

    fn changed(bytes: impl IntoIterator<Item = u8>) -> Changes {
        Changes::Of(bytes.into_iter().map(account).collect())
    }

    #[test]
    fn a_block_changes_the_candidates_that_its_events_name() {
        let events = events(vec![
            RuntimeEvent::Stake(StakeEvent::Bonded { stash: account(1), amount: 5 }),
            RuntimeEvent::Registration(RegistrationEvent::Registered {
                candidate: account(2),
                role: Role::Miner,
                operator: account(3),
            }),
            RuntimeEvent::Registration(RegistrationEvent::Chilled { candidate: account(4) }),
            RuntimeEvent::Voting(VotingEvent::Voted { voter: account(5), candidate: account(2), amount: 5 }),
            RuntimeEvent::Voting(VotingEvent::Revoted {
                voter: account(5),
                from: account(6),
                to: account(7),
                amount: 5,
            }),
        ]);
        assert_eq!(of_events(&events).unwrap(), changed([2, 4, 6, 7]));
    }

    #[test]
    fn a_debt_changes_the_candidate_whose_votes_pay_it() {
        let debt = VotingEvent::DebtTaken { voter: account(5), candidate: account(8), amount: 5 };
        assert_eq!(of_events(&events(vec![RuntimeEvent::Voting(debt)])).unwrap(), changed([8]));
    }

    #[test]
    fn a_block_without_such_events_changes_nothing() {
        assert_eq!(of_events(&events(vec![])).unwrap(), changed([]));
        let bonded = RuntimeEvent::Stake(StakeEvent::Bonded { stash: account(1), amount: 5 });
        assert_eq!(of_events(&events(vec![bonded])).unwrap(), changed([]));
        let paid = RuntimeEvent::Voting(VotingEvent::ErasPaid { before: 3 });
        assert_eq!(of_events(&events(vec![paid])).unwrap(), changed([]));
    }

    #[test]
    fn events_that_name_no_candidate_or_make_no_sense_are_errors() {
        let unheard = RuntimeEvent::Registration(RegistrationEvent::Unheard { of: 1 });
        assert!(of_events(&events(vec![unheard])).is_err());
        let garbage = fixture::block().events().from_bytes(vec![4, 0, 1, 0, 0, 0, 99, 0]);
        assert!(of_events(&garbage).is_err());
    }
}
