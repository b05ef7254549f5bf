// What the chain wants signed or hashed, built from its documentation alone: crates/primitives has the same in Rust
// (`signing`, `task`, `faucet`, `settlement`). The vectors at the end were found there.

import assert from "node:assert/strict";

import { require } from "./packages.mjs";

const { hexToU8a, u8aConcat, u8aToHex } = require("@polkadot/util");
const { blake2AsU8a } = require("@polkadot/util-crypto");

const ROLES = ["Miner", "Coordinator", "Validator"];
const FINISHES = ["Stop", "Length", "Cancelled"];

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

const option = (value, encode) => (value == null ? new Uint8Array([0]) : u8aConcat([1], encode(value)));

export function encodeSpec(spec) {
  return u8aConcat(
    spec.taskId, u32(spec.attempt), spec.link, spec.coordinator, spec.miner, spec.modelRoot, spec.numericClass,
    spec.requestHash, littleEndian(8, spec.deadlineMs),
    option(spec.drawing, ({ parameters, seed, isShaped, firstPosition, maxTokens }) => u8aConcat(
      u32(parameters.temperature), [parameters.topK], u32(parameters.topP), seed, [Number(isShaped)], u32(firstPosition),
      u32(maxTokens),
    )),
  );
}

export function encodeReceipt(receipt) {
  return u8aConcat(
    encodeSpec(receipt.spec), receipt.outputHash, u32(receipt.promptTokens), u32(receipt.completionTokens),
    [FINISHES.indexOf(receipt.finish)],
    option(receipt.commitment, ({ tokens, tokensRoot, leavesRoot }) => u8aConcat(u32(tokens), tokensRoot, leavesRoot)),
  );
}

export const specHash = (genesis, spec) => signingHash("cuckoo/accept/v1", genesis, encodeSpec(spec));
export const receiptHash = (genesis, receipt) => signingHash("cuckoo/receipt/v2", genesis, encodeReceipt(receipt));

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
  spec: {
    taskId: hexToU8a("0x017f22e279b07cc398c4dc0c0c07398f"), attempt: 0, link: bytes(9), coordinator: bytes(3),
    miner: bytes(4), modelRoot: bytes(6), numericClass: bytes(2), requestHash: bytes(5), deadlineMs: 1_645_557_802_000,
    drawing: {
      parameters: { temperature: 65_536, topK: 64, topP: 65_536 }, seed: bytes(7), isShaped: false, firstPosition: 0,
      maxTokens: 100,
    },
  },
  outputHash: bytes(8), promptTokens: 9, completionTokens: 10, finish: "Length",
  commitment: {
    tokens: 10,
    tokensRoot: hexToU8a("0x1b6b4f1e9715aa99fbd99d7bccf047023eab017c5d95536a9700a7a33de9a9c5"),
    leavesRoot: hexToU8a("0x6abe099815d01d5dd63ee8342d531139eecb3ceff34a953693a93bb14416bf1b"),
  },
};
assert.equal(
  u8aToHex(receiptHash(bytes(11), receipt)), "0xd8974657f5549dfb0a3b1a03f834bc87ccc88dca8e5fd518ed5d0b226e36c9f9",
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
