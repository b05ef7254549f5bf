// Reading what the chain stores and computes.

import assert from "node:assert/strict";

import { PALLETS } from "./metadata.mjs";

// Reads every storage item of our pallets, maps whole. Returns how many hold something, and the names of the others.
export async function readStorage(api) {
  const empty = [];
  let filled = 0;
  for (const pallet of PALLETS) {
    for (const [name, query] of Object.entries(api.query[pallet])) {
      const { type, modifier } = query.creator.meta;
      const values = type?.isMap ? (await query.entries()).map(([key, value]) => [key.args, value]) : [[[], await query()]];
      for (const [key, value] of values) {
        assert(JSON.stringify([key, value.toHuman()]), `${pallet}.${name} cannot be shown`);
        assert.equal(value.isEmpty && modifier?.isOptional && type.isMap, false, `${pallet}.${name} has an empty entry`);
      }
      if (values.some(([, value]) => !value.isEmpty) || (type?.isMap && values.length > 0)) filled += 1;
      else empty.push(`${pallet}.${name}`);
    }
  }
  return { filled, empty };
}

// Calls every method of the market's runtime API and checks what it says of an active chain. `miner` is a registered
// stash with the operator `operator`, `voter` a stash that votes, `convict` one that was slashed.
export async function callRuntimeApi(api, { miner, operator, voter, convict }) {
  const market = api.call.marketApi;
  const expected = [
    "candidate", "candidateOfOperator", "candidates", "convictions", "docket", "emission", "era", "stash",
  ];
  assert.deepEqual(Object.keys(market).sort(), expected, "methods were added; call them here");

  const candidates = await market.candidates("Miner", null, 100);
  assert(candidates.some((candidate) => candidate.stash.eq(miner)), `${candidates}`);
  const rest = await market.candidates("Miner", candidates[0].stash, 100);
  assert.deepEqual(rest.toJSON(), candidates.toJSON().slice(1));
  const candidate = (await market.candidate(miner)).unwrap();
  assert(candidate.operator.eq(operator) && candidate.role.isMiner, `${candidate}`);
  assert.equal((await market.candidateOfOperator(operator)).unwrap().stash.toString(), candidate.stash.toString());
  assert((await market.candidate(operator)).isNone);

  const overview = (await market.stash(voter)).unwrap();
  const voted = overview.positions.reduce((sum, position) => sum + position.nextAmount.toBigInt(), 0n);
  assert.equal(voted, overview.voted.toBigInt());
  const unlocking = overview.unlocking.reduce((sum, part) => sum + part.amount.toBigInt(), 0n);
  assert.equal(overview.active.toBigInt() + unlocking, overview.total.toBigInt());

  const era = await market.era();
  assert.equal(era.slotMs.toNumber(), (await api.query.stake.slotMs()).toNumber());
  const emission = await market.emission();
  const parts = [emission.staking, emission.mining];
  assert(parts.every((part) => part.remaining.toBigInt() > 0n) && emission.staking.emitted.toBigInt() > 0n, `${emission}`);
  assert((await market.docket(null, 100)).every(([, open]) => open.applyIn.gte(era.era)));
  const [conviction] = await market.convictions(convict);
  assert(conviction.fault.isReceiptEquivocation && conviction.loss.toBigInt() > 0n, `${conviction}`);
  return expected.length;
}

// Decodes all events and calls of the blocks up to `last`. Returns how often each event of our pallets came.
export async function readBlocks(api, last) {
  const seen = {};
  for (let number = 1; number <= last; number += 1) {
    const hash = await api.rpc.chain.getBlockHash(number);
    const { block } = await api.rpc.chain.getBlock(hash);
    for (const extrinsic of block.extrinsics) assert(JSON.stringify(extrinsic.toHuman()).length > 0);
    for (const { event } of await (await api.at(hash)).query.system.events()) {
      assert(JSON.stringify(event.toHuman()).includes(event.method), `block ${number}: ${event.section}.${event.method}`);
      if (!PALLETS.includes(event.section)) continue;
      const name = `${event.section}.${event.method}`;
      seen[name] = (seen[name] ?? 0) + 1;
    }
  }
  return seen;
}
