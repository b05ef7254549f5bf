// Upgrades a development chain of the first runtime to the code in the file CODE, by sudo, and checks that nobody's
// stake has changed. Prints one JSON line, ends with an assertion if it fails.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { CAI, connect, pair, submit, succeed, until } from "./chain.mjs";
import { versionOf } from "./packages.mjs";

const ROLES = ["Miner", "Coordinator", "Validator"];
const code = `0x${readFileSync(process.env.CODE).toString("hex")}`;
const [voter, miner, sudo] = ["//Dave//stash", "//Miner1//stash", "//Alice"].map(pair);

let api = await connect(process.env.NODE_URL);
const seen = { client: "@polkadot/api", version: versionOf("@polkadot/api"), from: specVersion(api) };
assert.equal(seen.from, 1);
await succeed(api, api.tx.stake.bond(40_000n * CAI), voter, "stake.Bonded");
await succeed(api, api.tx.voting.vote(miner.address, 25_000n * CAI), voter, "voting.Voted");
await succeed(api, api.tx.stake.unbond(5_000n * CAI), voter, "stake.Unbonded");
const before = await standing(api);
assert.deepEqual(before.voter, {
  total: 40_000n * CAI, active: 35_000n * CAI, voted: 25_000n * CAI, unlocking: [5_000n * CAI],
  positions: [[miner.address, 25_000n * CAI]],
});
assert.equal(before.candidates.length, 4);

// The events of that block are the old runtime's, and the library may read them by what the new one says: what counts is
// the version.
await submit(api.tx.sudo.sudo(api.tx.system.setCode(code)), sudo);
await until("the new runtime", async () =>
  (await api.rpc.state.getRuntimeVersion()).specVersion.toNumber() > seen.from);
await api.disconnect();
// Anew, so that nothing is decoded by what the old runtime said.
api = await connect(process.env.NODE_URL);
seen.to = specVersion(api);
assert.deepEqual(await standing(api), before);
seen.era = (await api.call.marketApi.era()).era.toNumber();
assert((await api.call.marketApi.emission()).staking.remaining.toBigInt() > 0n);

// What is new begins with the terms that it has by default, and with nothing in it.
const { redeemEras, withdrawalEras, graceEras } = await api.call.settlementApi.terms();
assert.deepEqual([redeemEras, withdrawalEras, graceEras].map(Number), [2, 3, 1]);
const solvency = await api.call.settlementApi.solvency(pair("//Coordinator//stash").address);
assert.deepEqual([solvency.escrow, solvency.owed].map(BigInt), [0n, 0n]);

console.log(JSON.stringify(seen));
await api.disconnect();

function specVersion(connected) {
  return connected.runtimeVersion.specVersion.toNumber();
}

// What the voter has bonded and voted, and every candidate: all that does not change with the era.
async function standing(connected) {
  const market = connected.call.marketApi;
  const candidates = [];
  for (const role of ROLES) {
    for (const it of await market.candidates(role, null, 100)) {
      candidates.push({
        stash: it.stash.toString(), operator: it.operator.toString(), role, info: it.info.toHuman(),
        own: it.ownStake.toBigInt(), backing: it.nextBacking.toBigInt(), status: it.status.toString(),
      });
    }
  }
  const { total, active, voted, unlocking, positions } = (await market.stash(voter.address)).unwrap();
  return {
    candidates,
    voter: {
      total: total.toBigInt(), active: active.toBigInt(), voted: voted.toBigInt(),
      unlocking: unlocking.map((part) => part.amount.toBigInt()),
      positions: positions.map((it) => [it.candidate.toString(), it.nextAmount.toBigInt()]),
    },
  };
}
