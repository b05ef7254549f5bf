// What the metadata says to any client, and to the polkadot.js pages in particular.

import assert from "node:assert/strict";

// Our pallets, as `api.tx` and `api.query` call them.
export const PALLETS = ["stake", "registration", "voting", "slashing", "settlement", "faucet", "election"];

// How amounts and addresses are shown.
export async function checkProperties(api) {
  const properties = await api.rpc.system.properties();
  assert.deepEqual(properties.tokenSymbol.unwrap().toHuman(), ["CAI"]);
  assert.deepEqual(properties.tokenDecimals.unwrap().map(Number), [18]);
  assert.equal(properties.ss58Format.unwrap().toNumber(), api.consts.system.ss58Prefix.toNumber());
  assert.deepEqual([api.registry.chainTokens, api.registry.chainDecimals], [["CAI"], [18]]);
  assert.equal(api.registry.chainSS58, api.consts.system.ss58Prefix.toNumber());
}

// The pages of the polkadot.js UI for FRAME's staking, council and pools look for these names.
export function checkNoPageIsTakenIn(api) {
  const taken = [
    "staking", "nominationPools", "voterBagsList", "electionProviderMultiPhase", "fastUnstake", "phragmenElection",
    "electionsPhragmen", "elections", "council", "society", "bounties", "parachainStaking",
  ];
  for (const name of taken) {
    const used = [api.query, api.tx, api.consts, api.errors, api.events].some((part) => part[name]);
    assert(!used, `there is a pallet \`${name}\``);
  }
  assert.equal(api.derive.staking, undefined, "the library takes a pallet of ours for FRAME's staking");
  assert.equal(api.derive.elections, undefined, "the library takes a pallet of ours for FRAME's elections");
}

// Every call, event, error, storage item and constant of ours has words.
export function checkWords(api) {
  const count = { calls: 0, events: 0, errors: 0, items: 0, constants: 0 };
  const kinds = { calls: api.tx, events: api.events, errors: api.errors, items: api.query, constants: api.consts };
  for (const pallet of PALLETS) {
    for (const [kind, part] of Object.entries(kinds)) {
      for (const [name, entry] of Object.entries(part[pallet] ?? {})) {
        if (name === "palletVersion") continue;
        const meta = kind === "items" ? entry.creator.meta : entry.meta;
        assert(meta.docs.join(" ").trim().length >= 4, `${kind} ${pallet}.${name} has no words`);
        count[kind] += 1;
      }
    }
  }
  return count;
}

// Every error of ours is found by the index and the number that the chain answers with.
export function decodeEveryError(api) {
  let decoded = 0;
  for (const pallet of api.runtimeMetadata.asLatest.pallets) {
    const section = pallet.name.toString().toLowerCase();
    if (!PALLETS.includes(section) || pallet.errors.isNone) continue;
    for (const variant of api.registry.lookup.getSiType(pallet.errors.unwrap().type).def.asVariant.variants) {
      const error = new Uint8Array([variant.index.toNumber(), 0, 0, 0]);
      const dispatch = api.registry.createType("DispatchError", { Module: { index: pallet.index, error } });
      const found = api.registry.findMetaError(dispatch.asModule);
      assert.equal(`${found.section}.${found.name}`, `${section}.${variant.name}`);
      decoded += 1;
    }
  }
  return decoded;
}

// Every event of ours has only fields that the library can decode: those that no call brings about are decoded from
// the values that zeros make.
export function decodeEveryEvent(api) {
  let decoded = 0;
  for (const pallet of api.runtimeMetadata.asLatest.pallets) {
    const section = pallet.name.toString().toLowerCase();
    if (!PALLETS.includes(section) || pallet.events.isNone) continue;
    for (const variant of api.registry.lookup.getSiType(pallet.events.unwrap().type).def.asVariant.variants) {
      const zeros = new Uint8Array(512);
      zeros.set([pallet.index.toNumber(), variant.index.toNumber()]);
      const event = api.registry.createType("Event", zeros);
      assert.equal(`${event.section}.${event.method}`, `${section}.${variant.name}`);
      assert.deepEqual(event.data.names, variant.fields.map((field) => camel(field.name.unwrap().toString())));
      assert(JSON.stringify(event.toHuman()).includes(variant.name.toString()));
      decoded += 1;
    }
  }
  return decoded;
}

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
