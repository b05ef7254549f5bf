// Every call of the slashing pallet.

import assert from "node:assert/strict";

import { asSudo, eventOf, refused, submit, succeed } from "../chain.mjs";
import { require } from "../packages.mjs";
import { encodeReceipt, encodeSpec, receiptHash, specHash, taskIdOf } from "../statements.mjs";

const { u8aToHex } = require("@polkadot/util");

const bytes = (byte) => new Uint8Array(32).fill(byte);

// What `miner` takes on of a task that began at the last block's time, when it had to be done, too.
async function specOf(api, miner, coordinator, fill) {
  const began = (await api.query.timestamp.now()).toNumber();
  return {
    taskId: taskIdOf(began, fill), attempt: 0, link: bytes(1), coordinator: coordinator.publicKey, miner: miner.publicKey,
    modelRoot: bytes(2), numericClass: bytes(6), requestHash: bytes(3), deadlineMs: began, drawing: null,
  };
}

// Two receipts of `miner` for one attempt; they differ in the output.
async function contradiction(api, miner, coordinator, fill) {
  const spec = await specOf(api, miner, coordinator, fill);
  const signed = (output) => {
    const receipt = {
      spec, outputHash: bytes(output), promptTokens: 7, completionTokens: 8, finish: "Stop", commitment: null,
    };
    return { receipt, signature: miner.sign(receiptHash(api.genesisHash, receipt)) };
  };
  return { Receipts: { first: signed(4), second: signed(5) } };
}

// Asks `miner` what came of a task. Returns the number of the challenge.
export async function challenge(api, { miner, stash, coordinator, challenger, fill }) {
  const spec = await specOf(api, miner, coordinator, fill);
  const accepted = { spec, signature: miner.sign(specHash(api.genesisHash, spec)) };
  const call = api.tx.slashing.challenge({ Result: { accepted } });
  assert.equal(u8aToHex(call.args[0].asResult.accepted.spec.toU8a()), u8aToHex(encodeSpec(spec)));
  const asked = await succeed(api, call, challenger, "slashing.Challenged");
  assert(asked.miner.eq(stash.address) && asked.operator.eq(miner.address) && asked.question.isResult, `${asked}`);
  await refused(api, call, challenger, "slashing.AlreadyAsked");
  const open = await api.call.marketApi.challengesAgainst(stash.address, null, 100);
  assert(open.some(([number]) => number.eq(asked.challenge)), `${open}`);
  assert((await api.call.marketApi.challenges(null, 100)).some(([number]) => number.eq(asked.challenge)));
  return asked.challenge;
}

// The miner says that nothing came of it, which it alone can say.
export async function answer(api, number, miner, stranger) {
  const call = api.tx.slashing.answer(number, "Nothing");
  await refused(api, call, stranger, "slashing.NotTheMiner");
  const result = await submit(call, miner);
  assert(!result.dispatchError, `${result.dispatchError}`);
  const answered = eventOf(result, "slashing.Answered");
  assert(answered.by.eq(miner.address) && answered.shown.isNone, `${answered}`);
  assert(eventOf(result, "system.ExtrinsicSuccess").dispatchInfo.paysFee.isNo);
  await refused(api, call, miner, "slashing.NoSuchChallenge");
}

// Reports `miner`, whose stash is `stash`. Returns the number of the case and the evidence.
export async function report(api, { miner, stash, coordinator, reporter, fill }) {
  const evidence = await contradiction(api, miner, coordinator, fill);
  const call = api.tx.slashing.report(evidence);
  const { first } = evidence.Receipts;
  // What was signed is what the chain decodes.
  assert.equal(u8aToHex(call.args[0].asReceipts.first.receipt.toU8a()), u8aToHex(encodeReceipt(first.receipt)));
  await refused(api, api.tx.slashing.report({ Receipts: { first, second: first } }), reporter, "slashing.NoDifference");

  const result = await submit(call, reporter);
  assert(!result.dispatchError, `${result.dispatchError}`);
  const charged = eventOf(result, "slashing.Charged");
  assert.deepEqual([charged.offender, charged.reporter.unwrap()].map(String), [stash.address, reporter.address]);
  assert(charged.fault.isReceiptEquivocation);
  assert(eventOf(result, "system.ExtrinsicSuccess").dispatchInfo.paysFee.isNo);
  await refused(api, call, reporter, "slashing.AlreadyReported");
  await refused(api, api.tx.registration.validate(), stash, "registration.OpenCase");
  const docket = await api.call.marketApi.docket(null, 100);
  assert(docket.some(([number, open]) => number.eq(charged.case) && open.offender.eq(stash.address)), `${docket}`);
  return charged.case;
}

// Governance takes the case off the docket; then the candidate comes back.
export async function cancel(api, number, stash, sudo) {
  const call = api.tx.slashing.cancelSlash(number);
  await refused(api, call, stash, "BadOrigin");
  assert.equal(await asSudo(api, call, sudo), undefined);
  assert.equal(await asSudo(api, call, sudo), "slashing.NoSuchCase");
  await succeed(api, api.tx.registration.validate(), stash, "registration.Validated");
}
