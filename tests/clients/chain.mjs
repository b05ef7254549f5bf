// A connection through @polkadot/api: accounts, and calls whose outcome is awaited.

import assert from "node:assert/strict";

import { require } from "./packages.mjs";

const { ApiPromise, Keyring, WsProvider } = require("@polkadot/api");
const { cryptoWaitReady } = require("@polkadot/util-crypto");

export const CAI = 10n ** 18n;
const LIMIT_MS = 100_000;

export async function connect(url) {
  await cryptoWaitReady();
  return ApiPromise.create({ provider: new WsProvider(url), throwOnConnect: true, noInitWarn: true });
}

const keyring = new Keyring({ type: "sr25519" });

// The key pair of a development account such as `//Dave//stash`.
export const pair = (suri) => keyring.addFromUri(suri);

// Sends a call, signed by `signer` or, without one, unsigned; resolves once it is in a block, however it ended there.
export function submit(call, signer) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${nameOf(call)} is in no block after ${LIMIT_MS} ms`)), LIMIT_MS);
    const done = (settle, value) => {
      clearTimeout(timer);
      settle(value);
    };
    const seen = (result) => {
      if (result.status.isInBlock) done(resolve, result);
      else if (result.isError) done(reject, new Error(`${nameOf(call)} is ${result.status.type}`));
    };
    const sent = signer ? call.signAndSend(signer, { nonce: -1 }, seen) : call.send(seen);
    sent.catch((error) => done(reject, error));
  });
}

export const nameOf = (call) => `${call.method.section}.${call.method.method}`;

// Sends a call that must go well, and returns the data of its event `name`.
export async function succeed(api, call, signer, name) {
  const result = await submit(call, signer);
  const error = result.dispatchError;
  assert(!error, `${nameOf(call)} failed: ${error && describe(api, error)}`);
  return eventOf(result, name);
}

// Sends a call that must be refused with `name`, as in `stake.NotBonded`.
export async function refused(api, call, signer, name) {
  const result = await submit(call, signer);
  assert(result.dispatchError, `${nameOf(call)} went well, but ${name} was expected`);
  assert.equal(describe(api, result.dispatchError), name);
}

// The data of the event `name`, as in `stake.Bonded`.
export function eventOf(result, name) {
  const events = result.events.map(({ event }) => event);
  const found = events.find((event) => `${event.section}.${event.method}` === name);
  assert(found, `no ${name} among ${events.map((event) => `${event.section}.${event.method}`)}`);
  return found.data;
}

// The name of what a call failed with; an error of a pallet must say what it means.
export function describe(api, error) {
  if (!error.isModule) return error.isBadOrigin ? "BadOrigin" : error.toString();
  const { section, name, docs } = api.registry.findMetaError(error.asModule);
  assert(docs.join(" ").trim().length > 10, `${section}.${name} has no words`);
  return `${section}.${name}`;
}

// Sends `call` as the sudo key's and returns what became of it: nothing, or the name of its error.
export async function asSudo(api, call, sudo) {
  const { sudoResult } = await succeed(api, api.tx.sudo.sudo(call), sudo, "sudo.Sudid");
  return sudoResult.isErr ? describe(api, sudoResult.asErr) : undefined;
}

// Waits until `look` returns something true, and returns that.
export async function until(what, look) {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert(Date.now() < end, `waited ${LIMIT_MS} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
