// What an application does with PAPI and descriptors generated from the node's metadata: read storage, call the runtime
// API and view functions, submit a call, decode its event and an error. Prints one JSON line, ends with an assertion if it fails.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

import { CAI, pair } from "./chain.mjs";
import { load, require, versionOf } from "./packages.mjs";

const { cryptoWaitReady } = require("@polkadot/util-crypto");
const { createClient } = await load("polkadot-api");
const { getWsProvider } = await load("polkadot-api/ws");
const { getPolkadotSigner } = await load("polkadot-api/signer");
const { cuckoo } = await import(pathToFileURL(process.env.DESCRIPTORS));

await cryptoWaitReady();
const client = createClient(getWsProvider(process.env.NODE_URL));
const api = client.getTypedApi(cuckoo);
const seen = { client: "polkadot-api", version: versionOf("polkadot-api") };

const { name, properties } = await client.getChainSpecData();
assert.deepEqual([properties.tokenSymbol, properties.tokenDecimals], ["CAI", 18]);
assert.equal(properties.ss58Format, await api.constants.System.SS58Prefix());
seen.chain = name;

const stash = pair("//Dave//stash");
const signer = getPolkadotSigner(stash.publicKey, "Sr25519", (bytes) => stash.sign(bytes));
const miner = pair("//Miner1");

assert.equal(await api.query.Stake.Ledgers.getValue(stash.address), undefined);
const minimum = await api.query.Stake.MinBond.getValue();
assert.equal(minimum, CAI);
const ledgers = await api.query.Stake.Ledgers.getEntries();
assert(ledgers.some(({ keyArgs: [who], value }) => who === pair("//Miner1//stash").address && value.active > 0n));

const candidate = await api.apis.MarketApi.candidate_of_operator(miner.address);
assert.deepEqual([candidate.stash, candidate.role.type], [pair("//Miner1//stash").address, "Miner"]);
const candidates = await api.apis.MarketApi.candidates({ type: "Miner", value: undefined }, undefined, 100);
assert(candidates.some((other) => other.stash === candidate.stash));
assert((await api.apis.MarketApi.emission()).staking.remaining > 0n);

const tooLittle = await api.tx.Stake.bond({ value: 1n }).signAndSubmit(signer);
assert(!tooLittle.ok);
const { type: pallet, value: reason } = tooLittle.dispatchError.value;
assert.deepEqual([pallet, reason.type], ["Stake", "BelowMinBond"]);
const result = await api.tx.Stake.bond({ value: 5n * CAI }).signAndSubmit(signer);
assert(result.ok, JSON.stringify(result.dispatchError));
const [bonded] = api.event.Stake.Bonded.filter(result.events);
seen.event = { ...bonded.payload, amount: String(bonded.payload.amount) };
assert.deepEqual(seen.event, { stash: stash.address, amount: String(5n * CAI) });
assert.equal((await api.query.Stake.Ledgers.getValue(stash.address)).active, 5n * CAI);
assert.equal((await api.apis.MarketApi.stash(stash.address)).active, 5n * CAI);

const none = await api.tx.Settlement.redeem({ vouchers: [] }).signAndSubmit(signer);
assert.deepEqual([none.dispatchError.value.type, none.dispatchError.value.value.type], ["Settlement", "NoVouchers"]);
const coordinator = pair("//Coordinator//stash").address;
const deposit = api.tx.Settlement.deposit({ coordinator, amount: 3n * CAI });
const [deposited] = api.event.Settlement.Deposited.filter((await deposit.signAndSubmit(signer)).events);
assert.deepEqual([deposited.payload.from, deposited.payload.amount], [stash.address, 3n * CAI]);
const solvency = await api.apis.SettlementApi.solvency(coordinator);
assert.deepEqual([solvency.escrow, solvency.owed], [10_003n * CAI, 0n]);
assert.deepEqual(await api.view.Settlement.solvency(coordinator), solvency);
assert.equal(await api.query.Settlement.RedeemEras.getValue(), (await api.apis.SettlementApi.terms()).redeem_eras);

const bond = await api.view.Stake.bond_of(stash.address);
assert.deepEqual([bond.total, bond.active], [5n * CAI, 5n * CAI]);
assert.equal((await api.view.Registration.candidate_of_operator(miner.address)).stash, candidate.stash);
const terms = await api.view.Faucet.terms();
assert.equal(await api.view.Faucet.left(), terms.era_cap);

console.log(JSON.stringify(seen));
client.destroy();
