// What a wallet or the polkadot.js pages do with our pallets, by @polkadot/api: every call, event, error, storage item
// and runtime API. Prints one JSON line, ends with an assertion if it fails. Wants a development chain of short eras
// (NODE_URL) that is a few blocks old.

import assert from "node:assert/strict";

import * as election from "./calls/election.mjs";
import * as faucet from "./calls/faucet.mjs";
import * as registration from "./calls/registration.mjs";
import * as settlement from "./calls/settlement.mjs";
import * as slashing from "./calls/slashing.mjs";
import * as stake from "./calls/stake.mjs";
import * as voting from "./calls/voting.mjs";
import { CAI, connect, pair, until } from "./chain.mjs";
import {
  checkNoPageIsTakenIn, checkProperties, checkWords, decodeEveryError, decodeEveryEvent, PALLETS,
} from "./metadata.mjs";
import { require, versionOf } from "./packages.mjs";
import { callRuntimeApi, callSettlementApi, checkViewFunctions, readBlocks, readStorage } from "./reading.mjs";

const { u8aToHex } = require("@polkadot/util");

const api = await connect(process.env.NODE_URL);
const seen = { client: "@polkadot/api", version: versionOf("@polkadot/api") };
const eraIs = (era) => until(`era ${era}`, async () => (await api.call.marketApi.era()).era.gten(era));

await checkProperties(api);
checkNoPageIsTakenIn(api);
seen.words = checkWords(api);
seen.errors_decoded = decodeEveryError(api);
seen.events_decoded = decodeEveryEvent(api);

const [sudo, coordinator, miner1, miner2] = ["//Alice", "//Coordinator", "//Miner1", "//Miner2"].map(pair);
const [stash1, stash2, voter, payee] = ["//Miner1//stash", "//Miner2//stash", "//Dave//stash", "//Eve"].map(pair);
const [candidate, operators] = [pair("//Miner3//stash"), ["//Miner3", "//Miner4"].map(pair)];
const reporter = pair("//Bob");
const payment = { stash: pair("//Coordinator//stash"), operator: coordinator, miner: stash1 };
// Less than what covers the miner.
const [collector, lacking, quality] = [pair("//Charlie"), 10n * CAI, 400_000_000];

// Four stories at a time, each with its own accounts.
const [[freeFrom, votedIn], retiredIn, redeemed] = await Promise.all([
  (async () => [await stake.bond(api, voter, payee), await voting.vote(api, voter, stash1, stash2)])(),
  registration.register(api, candidate, operators),
  (async () => {
    await settlement.rate(api, payment, quality);
    return settlement.redeem(api, payment, collector, lacking);
  })(),
  (async () => {
    const number = await slashing.report(api, { miner: miner1, stash: stash1, coordinator, reporter, fill: 1 });
    await slashing.cancel(api, number, stash1, sudo);
    const asked = { miner: miner1, stash: stash1, coordinator, challenger: reporter, fill: 3 };
    await slashing.answer(api, await slashing.challenge(api, asked), miner1, reporter);
    await election.refuseLimits(api, reporter, sudo);
    // More than there are: the next election finds too few.
    await election.setLimits(api, 21, 2, sudo);
    await faucet.claim(api, pair("//Newcomer"));
  })(),
]);

// Now the votes count: whom they back is slashed, and they with it.
await eraIs(votedIn + 1);
const number = await slashing.report(api, { miner: miner2, stash: stash2, coordinator, reporter, fill: 2 });
seen.case = (await api.query.slashing.cases(number)).unwrap().toHuman();
// It does not answer, and loses by that what is left when its time is over: nothing.
await slashing.challenge(api, { miner: miner2, stash: stash2, coordinator, challenger: reporter, fill: 4 });
const open = await readStorage(api);
await until("a reward", async () =>
  (await api.call.marketApi.stash(voter.address)).unwrap().reward.toBigInt() > 0n);
await stake.claim(api, voter, payee);
await until("the slash", async () =>
  (await api.call.marketApi.convictions(stash2.address)).length > 0);
await voting.settle(api, voter, stash2, reporter);
await election.setLimits(api, 21, 1, sudo);
seen.runtime_api_methods = await callRuntimeApi(api, {
  miner: stash1.address, operator: miner1.address, voter: voter.address, convict: stash2.address,
});
await checkViewFunctions(api, { miner: stash1.address });

await eraIs(redeemed.ready);
await settlement.collect(api, payment, collector, lacking);
await settlement.owe(api, payment, collector, redeemed.amount + lacking);
seen.settlement_api_methods = await callSettlementApi(api, {
  coordinator: payment.stash.address, miner: stash1.address, channel: u8aToHex(settlement.CHANNEL),
  amount: redeemed.amount + lacking, debt: lacking, quality,
});

await eraIs(Math.max(freeFrom, retiredIn + (await api.query.stake.bondingEras()).toNumber()));
seen.withdrawn = String(await stake.withdraw(api, voter));
await registration.forget(api, candidate, reporter);

const after = await readStorage(api);
seen.storage_items = after.filled + after.empty.length;
seen.storage_empty = after.empty.filter((name) => open.empty.includes(name));
// The first went with the candidate, which looked itself; the others hold something for moments only, or on chains of
// more validators.
const mayBeEmpty = [
  "registration.commissions", "voting.openPots", "voting.payoutRun", "slashing.absences", "faucet.claimed",
];
assert.deepEqual(seen.storage_empty.filter((name) => !mayBeEmpty.includes(name)), []);

const last = (await api.rpc.chain.getHeader()).number.toNumber();
seen.blocks = last;
Object.assign(seen, await readBlocks(api, last));
const never = (kind, part) => PALLETS.flatMap((pallet) => Object.keys(part[pallet]).map((name) => `${pallet}.${name}`))
  .filter((name) => !seen[kind][name]);
assert.deepEqual(never("calls", api.tx), []);
// A consensus fault that turns out graver, and a validator that is absent, take more than one validator.
assert.deepEqual(never("events", api.events).sort(), ["slashing.Raised", "slashing.ValidatorAbsent"]);

console.log(JSON.stringify(seen));
await api.disconnect();
