// Every call of the settlement pallet.

import assert from "node:assert/strict";

import { CAI, eventOf, refused, submit, succeed } from "../chain.mjs";
import { require } from "../packages.mjs";
import { encodeVoucher, voucherHash } from "../statements.mjs";

const { u8aToHex } = require("@polkadot/util");

export const CHANNEL = new Uint8Array(16).fill(1);

// A voucher for all work of a channel of `stash` with `miner`, signed by `operator`.
function voucherOf(api, { stash, operator, miner }, amount, tasks) {
  const voucher = { coordinator: stash.publicKey, miner: miner.publicKey, channel: CHANNEL, amount, tasks };
  const signature = operator.sign(voucherHash(api.genesisHash, voucher));
  return { voucher, operator: operator.address, signature };
}

const solvencyOf = (api, { stash }) => api.call.settlementApi.solvency(stash.address);

// The coordinator fills its escrow, asks some back, pays the miner and ends owing it `lacking` planck, with no escrow
// left. `anyone` brings the vouchers. Returns the amount of the newest one, and the era from which on what was asked back
// is free and stake pays the debt.
export async function redeem(api, pair, anyone, lacking) {
  const { stash, miner } = pair;
  const { deposit, requestWithdrawal, cancelWithdrawal, withdraw, redeem, collect } = api.tx.settlement;
  await refused(api, deposit(stash.address, 1), stash, "settlement.TooSmall");
  await refused(api, deposit(miner.address, CAI), stash, "settlement.NotACoordinator");
  const deposited = await succeed(api, deposit(stash.address, 100n * CAI), anyone, "settlement.Deposited");
  assert.deepEqual([deposited.coordinator, deposited.from].map(String), [stash.address, anyone.address]);
  const escrow = (await solvencyOf(api, pair)).escrow.toBigInt();

  await refused(api, withdraw(), stash, "settlement.NoWithdrawal");
  await refused(api, requestWithdrawal(escrow + 1n), stash, "settlement.NotEnoughEscrow");
  await succeed(api, requestWithdrawal(CAI), stash, "settlement.WithdrawalRequested");
  await succeed(api, cancelWithdrawal(), stash, "settlement.WithdrawalCancelled");
  await refused(api, cancelWithdrawal(), stash, "settlement.NoWithdrawal");
  const asked = await succeed(api, requestWithdrawal(50n * CAI), stash, "settlement.WithdrawalRequested");
  await refused(api, withdraw(), stash, "settlement.WithdrawalTooEarly");

  const first = voucherOf(api, pair, 1_000n * CAI, 3n);
  const call = redeem([first]);
  // What was signed is what the chain decodes.
  assert.equal(u8aToHex(call.args[0][0].voucher.toU8a()), u8aToHex(encodeVoucher(first.voucher)));
  const redeemed = await submit(call, anyone);
  assert(!redeemed.dispatchError, `${redeemed.dispatchError}`);
  const paid = eventOf(redeemed, "settlement.Redeemed");
  assert.deepEqual([paid.paid, paid.fee, paid.settled].map(BigInt), [1_000n * CAI, 50n * CAI, 1_000n * CAI]);
  const received = redeemed.events.map(({ event }) => event)
    .filter((event) => api.events.balances.Deposit.is(event) && event.data.who.eq(miner.address));
  assert.deepEqual(received.map((event) => event.data.amount.toBigInt()), [950n * CAI]);
  await refused(api, call, anyone, "settlement.NothingDue");
  await refused(api, redeem([]), anyone, "settlement.NoVouchers");
  const forged = { ...first, voucher: { ...first.voucher, amount: 2_000n * CAI } };
  await refused(api, redeem([forged]), anyone, "settlement.BadSignature");
  await refused(api, redeem([{ ...forged, operator: anyone.address }]), anyone, "settlement.UnknownSigner");
  await refused(api, collect(stash.address, miner.address), anyone, "settlement.NoDebt");

  const amount = escrow + lacking;
  const result = await submit(redeem([first, voucherOf(api, pair, amount, 9n)]), anyone);
  assert(!result.dispatchError, `${result.dispatchError}`);
  assert(eventOf(result, "settlement.Skipped").index.eqn(0));
  assert.equal(eventOf(result, "settlement.Redeemed").paid.toBigInt(), escrow - 1_000n * CAI);
  const recorded = eventOf(result, "settlement.DebtRecorded");
  assert.equal(recorded.amount.toBigInt(), lacking);
  await refused(api, withdraw(), stash, "settlement.OwesDebts");
  const { graceEras } = await api.call.settlementApi.terms();
  return { amount, ready: Math.max(asked.freeFrom.toNumber(), recorded.since.toNumber() + graceEras.toNumber()) };
}

// The coordinator's operator finds the miner's work worth that many billionths.
export async function rate(api, { stash, operator, miner }, quality) {
  const { rate } = api.tx.settlement;
  await refused(api, rate([[miner.address, quality]]), stash, "settlement.NotAnOperator");
  await refused(api, rate([]), operator, "settlement.NoRatings");
  await refused(api, rate([[stash.address, quality]]), operator, "settlement.NotAMiner");
  const rated = await succeed(api, rate([[miner.address, quality]]), operator, "settlement.Rated");
  assert.deepEqual([rated.coordinator, rated.miner].map(String), [stash.address, miner.address]);
  assert.equal(rated.quality.toNumber(), quality);
}

// The debt is paid out of the coordinator's stake; then its escrow, filled anew, is withdrawn.
export async function collect(api, pair, anyone, debt) {
  const { stash, miner } = pair;
  const { deposit, withdraw, collect } = api.tx.settlement;
  const result = await submit(collect(stash.address, miner.address), anyone);
  assert(!result.dispatchError, `${result.dispatchError}`);
  const paid = eventOf(result, "settlement.DebtPaid");
  assert.deepEqual([paid.fromEscrow, paid.fromStake, paid.fee].map(BigInt), [0n, debt, debt / 20n]);
  assert.equal(eventOf(result, "stake.FreedForDebt").amount.toBigInt(), debt);
  assert(eventOf(result, "registration.Chilled").candidate.eq(stash.address));
  assert(eventOf(result, "voting.DebtTaken").voter.eq(stash.address));

  await succeed(api, deposit(stash.address, 50n * CAI), stash, "settlement.Deposited");
  const withdrawn = await succeed(api, withdraw(), stash, "settlement.Withdrawn");
  assert.equal(withdrawn.amount.toBigInt(), 50n * CAI);
}

// One more voucher, which escrow does not pay.
export async function owe(api, pair, anyone, amount) {
  await succeed(api, api.tx.settlement.redeem([voucherOf(api, pair, amount, 10n)]), anyone, "settlement.DebtRecorded");
}
