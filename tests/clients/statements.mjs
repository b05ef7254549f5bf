// What the chain wants signed or hashed, built from its documentation alone: crates/primitives has the same in Rust
// (`signing`, `task`, `faucet`, `settlement`). The vectors at the end were found there.

import assert from "node:assert/strict";

import { require } from "./packages.mjs";

const { hexToU8a, u8aConcat, u8aToHex } = require("@polkadot/util");
const { blake2AsU8a } = require("@polkadot/util-crypto");

const ROLES = ["Miner", "Coordinator", "Validator"];
const FINISHES = ["Stop", "Length"];

function littleEndian(bytes, value) {
  const out = new Uint8Array(bytes);
  let rest = BigInt(value);
  for (let at = 0; at < bytes; at += 1, rest >>= 8n) out[at] = Number(rest & 0xffn);
  return out;
}
const u32 = (value) => littleEndian(4, value);

// blake2_256(length of the domain, domain, genesis hash, SCALE of the statement)
function signingHash(domain, genesis, body) {
  const name = new TextEncoder().encode(domain);
  return blake2AsU8a(u8aConcat([name.length], name, genesis, body), 256);
}

export function consentHash(genesis, { stash, role, expires }) {
  const body = u8aConcat(stash, [ROLES.indexOf(role)], u32(expires));
  return signingHash("cuckoo/operator-consent/v2", genesis, body);
}

export function encodeReceipt(receipt) {
  return u8aConcat(
    receipt.taskId, u32(receipt.attempt), receipt.coordinator, receipt.miner, receipt.link, receipt.modelRoot,
    receipt.requestHash, receipt.outputHash, u32(receipt.promptTokens), u32(receipt.completionTokens),
    [FINISHES.indexOf(receipt.finish)],
  );
}

export const receiptHash = (genesis, receipt) => signingHash("cuckoo/receipt/v1", genesis, encodeReceipt(receipt));

export function encodeVoucher({ coordinator, miner, channel, amount, tasks }) {
  return u8aConcat(coordinator, miner, channel, littleEndian(16, amount), littleEndian(8, tasks));
}

export const voucherHash = (genesis, voucher) => signingHash("cuckoo/voucher/v1", genesis, encodeVoucher(voucher));

// A UUIDv7: the time in 48 bits with the highest first, then version and variant among other bits.
export function taskIdOf(unixMs, fill) {
  const id = new Uint8Array(16).fill(fill);
  id.set(littleEndian(6, unixMs).reverse());
  id[6] = 0x70 | (fill & 0x0f);
  id[8] = 0x80 | (fill & 0x3f);
  return id;
}

// blake2_256(length of the domain, domain, genesis hash, account, block hash, nonce in 64 bits)
export const puzzleHash = ({ genesis, account, blockHash }, nonce) =>
  signingHash("cuckoo/faucet/v1", genesis, u8aConcat(account, blockHash, littleEndian(8, nonce)));

// The first nonce from `first` on that solves the puzzle.
export function solve(puzzle, difficulty, first = 0) {
  for (let nonce = first; ; nonce += 1) if (zeroBits(puzzleHash(puzzle, nonce)) >= difficulty) return nonce;
}

function zeroBits(hash) {
  const at = hash.findIndex((byte) => byte !== 0);
  return at < 0 ? hash.length * 8 : at * 8 + Math.clz32(hash[at]) - 24;
}

const bytes = (byte, length = 32) => new Uint8Array(length).fill(byte);
const receipt = {
  taskId: bytes(1, 16), attempt: 2, coordinator: bytes(3), miner: bytes(4), link: bytes(5), modelRoot: bytes(6),
  requestHash: bytes(7), outputHash: bytes(8), promptTokens: 9, completionTokens: 10, finish: "Length",
};
assert.equal(
  u8aToHex(receiptHash(bytes(11), receipt)), "0x73edf39a0f5c821da051c10fa9b551b961f88b1af4f93effe312ed1bf9d4c9d5",
);
const voucher = { coordinator: bytes(2), miner: bytes(3), channel: bytes(4, 16), amount: 5n, tasks: 6n };
assert.equal(
  u8aToHex(voucherHash(bytes(11), voucher)), "0x0a551011011c824ef688cc8078f4445be4119760d4c33d42b12be090619bd83d",
);
const puzzle = { genesis: bytes(1), account: bytes(2), blockHash: bytes(3) };
assert.equal(
  u8aToHex(puzzleHash(puzzle, 30_907)), "0x00007f397131f8bb3980ccd5f59dcc9c4f863f75a6d3161b78559f40a2f85305",
);
assert.equal(solve(puzzle, 8), 712);
assert.deepEqual(taskIdOf(1_645_557_742_000, 0).subarray(0, 7), hexToU8a("0x017f22e279b070"));
