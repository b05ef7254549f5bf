// Every call of the voting pallet.

import assert from "node:assert/strict";

import { CAI, eventOf, refused, submit, succeed } from "../chain.mjs";

// Leaves 700 CAI of `voter` behind `one` and 300 behind `other`. Returns the era after which they count.
export async function vote(api, voter, one, other) {
  const voting = api.tx.voting;
  await refused(api, voting.vote(voter.address, CAI), voter, "voting.NotACandidate");
  await refused(api, voting.vote(one.address, 9_000n * CAI), voter, "voting.ExceedsBond");
  const voted = await succeed(api, voting.vote(one.address, 1_200n * CAI), voter, "voting.Voted");
  assert.deepEqual([voted.voter, voted.candidate].map(String), [voter.address, one.address]);
  await refused(api, api.tx.stake.unbond(1_300n * CAI), voter, "stake.StillVoted");
  await succeed(api, voting.unvote(one.address, 200n * CAI), voter, "voting.Unvoted");
  await refused(api, voting.revote(one.address, one.address, CAI), voter, "voting.SameCandidate");
  const revoted = await succeed(
    api, voting.revote(one.address, other.address, 300n * CAI), voter, "voting.Revoted",
  );
  assert.deepEqual([revoted.from, revoted.to].map(String), [one.address, other.address]);
  return (await api.call.marketApi.era()).era.toNumber();
}

// Anyone settles what a slash of `candidate` cost `voter`, free of charge. Nothing of it is left then.
export async function settle(api, voter, candidate, anyone) {
  const call = api.tx.voting.settle(voter.address, candidate.address);
  const result = await submit(call, anyone);
  assert(!result.dispatchError, `${result.dispatchError}`);
  assert.equal(eventOf(result, "voting.Settled").lost.toBigInt(), 300n * CAI);
  assert(eventOf(result, "system.ExtrinsicSuccess").dispatchInfo.paysFee.isNo);
  await refused(api, api.tx.voting.settle(anyone.address, candidate.address), anyone, "voting.NothingToSettle");
}
