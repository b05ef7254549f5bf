// Every call of the slashing pallet.

import assert from "node:assert/strict";

import { asSudo, eventOf, refused, submit, succeed } from "../chain.mjs";
import { require } from "../packages.mjs";
import { encodeReceipt, receiptHash, taskIdOf } from "../statements.mjs";

const { u8aToHex } = require("@polkadot/util");

// Two receipts of `miner` for one attempt of a task that began at the last block's time; they differ in the output.
async function contradiction(api, miner, coordinator, fill) {
  const began = (await api.query.timestamp.now()).toNumber();
  const bytes = (byte) => new Uint8Array(32).fill(byte);
  const signed = (output) => {
    const receipt = {
      taskId: taskIdOf(began, fill), attempt: 0, coordinator: coordinator.publicKey, miner: miner.publicKey,
      link: bytes(1), modelRoot: bytes(2), requestHash: bytes(3), outputHash: bytes(output), promptTokens: 7,
      completionTokens: 8, finish: "Stop",
    };
    return { receipt, signature: miner.sign(receiptHash(api.genesisHash, receipt)) };
  };
  return { Receipts: { first: signed(4), second: signed(5) } };
}

// Reports `miner`, whose stash is `stash`. Returns the number of the case and the evidence.
export async function report(api, { miner, stash, coordinator, reporter, fill }) {
  const evidence = await contradiction(api, miner, coordinator, fill);
  const call = api.tx.slashing.report(evidence);
  const { first } = evidence.Receipts;
  // What was signed is what the chain decodes.
  assert.equal(u8aToHex(call.args[0].asReceipts.first.receipt.toU8a()), u8aToHex(encodeReceipt(first.receipt)));
  await refused(api, api.tx.slashing.report({ Receipts: { first, second: first } }), reporter, "slashing.SameReceipt");

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
