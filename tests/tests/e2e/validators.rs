//! Four founding validators: one more comes in by votes, one that runs twice is punished, some stop and come back.

use std::time::Duration;

use anyhow::{ensure, Context};
use cuckoo_chain_client::Call;
use cuckoo_primitives::{
    docket::{Case, Conviction, Fault},
    AccountId, Balance, Candidate, CandidateStatus, Role, CAI,
};
use cuckoo_testkit::{
    consensus::{author, convictions, docket, finality_keys, rotate_keys, validators},
    keys::stash_of,
    market::{stash_account, Market},
    rpc::Rpc,
    until, ChainSpec, Node, Validators,
};
use futures::future::{try_join, try_join_all};

/// For what takes some blocks.
const SOON: Duration = Duration::from_secs(60);
/// For what takes some eras of half a minute.
const ERAS: Duration = Duration::from_secs(180);

const FOUNDERS: [&str; 4] = ["alice", "bob", "charlie", "dave"];
/// Dave's stake, as much as the others have.
const STAKE: Balance = 200_000 * CAI;

#[tokio::test]
async fn votes_bring_a_fifth_validator_in() {
    let mut network = Validators::start(&four().unwrap(), &FOUNDERS, SOON).await.unwrap();
    let eve = network.another("eve").await.unwrap().start().await.unwrap();
    let market = Market::connect(&network.nodes[0]).await.unwrap();
    let stash = stash_account("//Eve").unwrap();

    // Her own stake and a vote of somebody else.
    let (own, vote) = (120_000 * CAI, 60_000 * CAI);
    let voter = stash_of("//Ferdie");
    let registered = market.register("//Eve", Role::Validator, own, "");
    let bonded = market.submit(&voter, Call::Bond { value: vote });
    try_join(registered, async { bonded.await.map(drop) }).await.unwrap();
    let keys = rotate_keys(eve.rpc(), &stash).await.unwrap();
    let set = Call::SetSessionKeys { babe: keys.babe, grandpa: keys.grandpa, proof: keys.proof };
    let voted = market.submit(&voter, Call::Vote { candidate: stash.clone(), amount: vote });
    try_join(market.submit(&stash_of("//Eve"), set), voted).await.unwrap();

    let first = network.nodes[0].rpc();
    let joined = until(ERAS, "Eve among the validators", async || {
        let (height, hash) = first.finalised().await?;
        let now = validators(first, &hash).await?;
        ensure!(now.contains(&stash), "{} others validate at {height}", now.len());
        ensure!(now.len() == 5, "only {} validate", now.len());
        Ok(height)
    })
    .await
    .unwrap();
    assert_eq!(market.candidate("//Eve").unwrap().backing, own + vote);
    let authored = until_authored_by(first, &stash, joined).await.unwrap();

    // Four of five must vote: with one of the others stopped, finality goes on only if Eve's node does.
    let (_, hash) = first.finalised().await.unwrap();
    let voters = finality_keys(first, &hash).await.unwrap();
    assert!(voters.len() == 5 && voters.contains(&keys.grandpa), "{voters:?}");
    network.nodes[3].terminate().await.unwrap();
    let (stopped, _) = network.nodes[0].rpc().finalised().await.unwrap();
    let height = network.nodes[0].until_finalised(stopped + 8, SOON).await.unwrap();
    eve.until_finalised(stopped + 8, SOON).await.unwrap();
    println!("Eve validates from {joined}, authored {authored}; final with her and three others: {height}");
}

#[tokio::test]
async fn a_validator_that_runs_twice_is_slashed_and_leaves() {
    let vote = 40_000 * CAI;
    let spec = four().unwrap().bond("//Ferdie", vote).unwrap().vote("//Ferdie", "//Dave", vote).unwrap();
    let network = Validators::start(&spec, &FOUNDERS, SOON).await.unwrap();
    let market = Market::connect(&network.nodes[0]).await.unwrap();
    let (dave, ferdie) = (stash_account("//Dave").unwrap(), stash_account("//Ferdie").unwrap());
    assert!(market.candidate("//Dave").unwrap().is_active());

    let _twin = network.another("dave-twin").await.unwrap().keys_of("dave").start().await.unwrap();
    let first = network.nodes[0].rpc();
    let case: Case = until(SOON, "a case against Dave", async || {
        let (height, hash) = first.finalised().await?;
        let cases = docket(first, &hash).await?;
        Ok(cases.into_iter().next().with_context(|| format!("no case at {height}"))?.1)
    })
    .await
    .unwrap();
    assert_eq!((&case.offender, case.role, case.fault), (&dave, Role::Validator, Fault::ConsensusEquivocation));
    // One of four: (3 * 1 / 4)^2.
    assert_eq!(case.fraction.deconstruct(), 562_500_000);
    assert!(case.reporter.is_some(), "{case:?}");
    let charged = until_chilled(&market, "//Dave").await.unwrap();
    assert_eq!(charged.own_stake, STAKE, "slashed before the time in which governance can cancel");

    until(SOON, "Dave to leave the validators", async || {
        let (height, hash) = first.finalised().await?;
        let now = validators(first, &hash).await?;
        ensure!(now.len() == 3 && !now.contains(&dave), "{} validate at {height}", now.len());
        Ok(())
    })
    .await
    .unwrap();

    let convicted: Vec<Conviction> = until(ERAS, "the slash", async || {
        let (height, hash) = first.finalised().await?;
        let convicted = convictions(first, &dave, &hash).await?;
        ensure!(!convicted.is_empty(), "none at {height} of era {}", market.chain().view().era.era);
        ensure!(docket(first, &hash).await?.is_empty(), "another case waits at {height}");
        Ok(convicted)
    })
    .await
    .unwrap();
    assert!(convicted[0].applied_in >= case.apply_in, "{convicted:?}");
    assert!(convicted[0].fraction >= case.fraction && convicted[0].loss == convicted[0].fraction * STAKE);
    network.until_finalised(3, SOON).await.unwrap();
    // Whoever is convicted in two eras loses all, and so do those who voted for it: then nothing is bonded any more.
    let own = market.chain().stash(&dave).await.unwrap().map_or(0, |stash| stash.total);
    let voted = market.chain().stash(&ferdie).await.unwrap().map_or(0, |stash| stash.voted);
    assert_eq!(own, STAKE - convicted.iter().map(|it| it.loss).sum::<Balance>());
    assert!(voted <= vote - case.fraction * vote, "Dave's voter still has {voted} of {vote}");

    // The two nodes follow the chain of the others, who do without them.
    network.until_finalised(3, SOON).await.unwrap();
    println!(
        "Dave, charged in era {} and convicted {} times by era {}, has {} CAI left, his voter {} of {}",
        case.reported_in,
        convicted.len(),
        convicted[convicted.len() - 1].applied_in,
        own / CAI,
        voted / CAI,
        vote / CAI
    );
}

#[tokio::test]
async fn finality_survives_one_of_four_and_waits_for_the_second() {
    let mut network = Validators::start(&four().unwrap(), &FOUNDERS, SOON).await.unwrap();

    network.nodes[3].terminate().await.unwrap();
    let (one_stopped, _) = network.nodes[0].rpc().finalised().await.unwrap();
    for node in &network.nodes[..3] {
        node.until_finalised(one_stopped + 10, SOON).await.unwrap();
    }

    // As in a crash.
    network.nodes[2].kill().await.unwrap();
    let (two_stopped, _) = network.nodes[0].rpc().finalised().await.unwrap();
    until(SOON, "blocks built by two of four", async || {
        let (best, _) = network.nodes[0].rpc().best().await?;
        ensure!(best >= two_stopped + 8, "the best block is {best}, {two_stopped} was final when the second stopped");
        Ok(())
    })
    .await
    .unwrap();
    let (halted, _) = network.nodes[0].rpc().finalised().await.unwrap();
    assert!(halted <= two_stopped + 3, "finality went on from {two_stopped} to {halted} with two of four");

    try_join_all(network.nodes[2..].iter_mut().map(Node::restart)).await.unwrap();
    for node in &network.nodes {
        node.until_finalised(two_stopped + 9, SOON).await.unwrap();
    }
    let resumed = network.until_finalised(5, SOON).await.unwrap();
    // A short absence costs nobody the place.
    let rpc = network.nodes[0].rpc();
    let (_, hash) = rpc.finalised().await.unwrap();
    assert_eq!(validators(rpc, &hash).await.unwrap().len(), 4);
    println!("final: {one_stopped} with four, halted at {halted} with two, {resumed} with four again");
}

/// The `local` chain with Dave as a fourth founder.
fn four() -> anyhow::Result<ChainSpec> {
    ChainSpec::local()?.validator("//Dave", STAKE)
}

/// Waits for a final block above `from` that `stash` authored, and returns its height.
async fn until_authored_by(rpc: &Rpc, stash: &AccountId, from: u32) -> anyhow::Result<u32> {
    let mut next = from + 1;
    until(SOON, "a block of the new validator", async || {
        let (finalised, _) = rpc.finalised().await?;
        while next <= finalised {
            let hash = rpc.block_hash(next).await?;
            if author(rpc, &hash).await? == *stash {
                return Ok(next);
            }
            next += 1;
        }
        anyhow::bail!("others authored all up to {finalised}")
    })
    .await
}

async fn until_chilled(market: &Market, operator: &str) -> anyhow::Result<Candidate> {
    until(SOON, &format!("{operator} to be chilled"), async || {
        let candidate = market.candidate(operator)?;
        ensure!(candidate.status == CandidateStatus::Chilled, "it is {:?}", candidate.status);
        Ok(candidate)
    })
    .await
}
