// Reading what the chain stores and computes.

import assert from "node:assert/strict";

import { CAI } from "./chain.mjs";
import { PALLETS } from "./metadata.mjs";
import { require } from "./packages.mjs";

const { u8aToHex } = require("@polkadot/util");
const { xxhashAsU8a } = require("@polkadot/util-crypto");

// Reads every storage item of our pallets, maps whole. Returns how many hold something, and the names of the others.
export async function readStorage(api) {
  const empty = [];
  let filled = 0;
  for (const pallet of PALLETS) {
    for (const [name, query] of Object.entries(api.query[pallet])) {
      const { type, modifier } = query.creator.meta;
      const isMap = Boolean(type?.isMap);
      const found = isMap ? (await query.entries()).map(([key, value]) => [key.args, value]) : [[[], await query()]];
      for (const [key, value] of found) {
        assert(JSON.stringify([key, value.toHuman()]).length > 2, `${pallet}.${name} cannot be shown`);
        assert(!(isMap && modifier.isOptional && value.isNone), `${pallet}.${name} has an entry of nothing`);
      }
      if (isMap ? found.length > 0 : !found[0][1].isEmpty) filled += 1;
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
    "candidate", "candidateOfOperator", "candidates", "challenges", "challengesAgainst", "convictions", "docket",
    "emission", "era", "stash",
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
  const { staking, mining } = emission;
  assert([staking.remaining, mining.remaining, staking.emitted].every((part) => part.toBigInt() > 0n), `${emission}`);
  assert((await market.docket(null, 100)).every(([, open]) => open.applyIn.gte(era.era)));
  const asked = await market.challengesAgainst(convict, null, 100);
  assert(asked.every(([, challenge]) => challenge.miner.eq(convict)), `${asked}`);
  assert((await market.challenges(null, 100)).length >= asked.length);
  const [conviction] = await market.convictions(convict);
  assert(conviction.fault.isReceiptEquivocation && conviction.loss.toBigInt() > 0n, `${conviction}`);
  return expected.length;
}

// Calls every method of settlement's runtime API and checks what it says of a coordinator that owes `debt` planck to a
// miner, by a channel whose newest voucher was for `amount`, has no escrow, and finds the miner's work worth `quality`
// billionths. Returns how many methods there are.
export async function callSettlementApi(api, { coordinator, miner, channel, amount, debt, quality }) {
  const settlement = api.call.settlementApi;
  const expected = ["channels", "claimable", "cover", "debt", "debts", "rating", "settled", "solvency", "terms"];
  assert.deepEqual(Object.keys(settlement).sort(), expected, "methods were added; call them here");

  const terms = await settlement.terms();
  assert.deepEqual([terms.redeemEras, terms.withdrawalEras, terms.graceEras].map(Number), [2, 3, 1]);
  const solvency = await settlement.solvency(coordinator);
  assert.deepEqual([solvency.escrow, solvency.owed].map(BigInt), [0n, debt], `${solvency}`);
  assert(solvency.stake.toBigInt() > 2_000_000n * CAI, `${solvency}`);
  const cover = (await settlement.cover(coordinator, miner)).toBigInt();
  assert(cover > 0n && cover < 62n * CAI, `${cover}`);
  const claimable = (await settlement.claimable(coordinator, miner)).toBigInt();
  assert(claimable >= cover && claimable < 62n * CAI, `${claimable}`);
  assert.equal((await settlement.rating(coordinator, miner)).toNumber(), quality);
  const settled = await settlement.settled(coordinator, miner, channel);
  assert.equal(settled.amount.toBigInt(), amount);
  const channels = await settlement.channels(coordinator, null, 10);
  assert.equal(channels.length, 1);
  const [[[payee, name], entry]] = channels;
  assert.deepEqual([payee.toString(), name.toHex(), entry.toJSON()], [miner, channel, settled.toJSON()]);
  assert.equal((await settlement.channels(coordinator, [miner, channel], 10)).length, 0);
  const debts = await settlement.debts(coordinator, null, 10);
  assert.deepEqual(debts.map(([to, entry]) => [to.toString(), entry.open.toBigInt()]), [[miner, debt]]);
  assert.deepEqual((await settlement.debt(coordinator, miner)).toJSON(), debts[0][1].toJSON());
  return expected.length;
}

// Calls a pallet's view function and returns the encoded answer. This library decodes the metadata of view functions but
// has no methods for them, so they are called as it calls every runtime API: by the hashes of the pallet's name and of
// the function's signature.
async function callViewFunction(api, pallet, signature, input) {
  const id = { prefix: xxhashAsU8a(pallet, 128), suffix: xxhashAsU8a(signature, 128) };
  // As hex, since bytes would have to say their own length.
  const answer = await api.call.runtimeViewFunction.executeViewFunction(id, u8aToHex(input));
  assert(answer.isOk, `${pallet}.${signature}: ${answer}`);
  return answer.asOk.toU8a(true);
}

// A view function says what the runtime API says.
export async function checkViewFunctions(api, { miner }) {
  const candidate = await api.call.marketApi.candidate(miner);
  assert(candidate.isSome);
  const signature = "candidate(AccountId) -> Option<Candidate>";
  const viewed = await callViewFunction(api, "Registration", signature, publicKey(api, miner));
  assert.deepEqual(viewed, candidate.toU8a());
}

const publicKey = (api, address) => api.createType("AccountId", address).toU8a();

// Decodes all events and calls of the blocks up to `last`. Returns how often each event and each call of our pallets
// came.
export async function readBlocks(api, last) {
  const seen = { events: {}, calls: {} };
  const count = (kind, what, block) => {
    const { section, method } = what;
    assert(JSON.stringify(what.toHuman()).includes(method), `block ${block}: ${section}.${method} cannot be shown`);
    if (!PALLETS.includes(section)) return;
    const name = `${section}.${method}`;
    seen[kind][name] = (seen[kind][name] ?? 0) + 1;
  };
  for (let number = 1; number <= last; number += 1) {
    const hash = await api.rpc.chain.getBlockHash(number);
    const { block } = await api.rpc.chain.getBlock(hash);
    for (const { method: call } of block.extrinsics) {
      count("calls", call.section === "sudo" ? call.args[0] : call, number);
    }
    for (const { event } of await (await api.at(hash)).query.system.events()) count("events", event, number);
  }
  return seen;
}
