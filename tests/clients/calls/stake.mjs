// Every call of the staking pallet.

import assert from "node:assert/strict";

import { CAI, refused, succeed } from "../chain.mjs";

// Leaves `stash` with 1,300 CAI of active stake and returns the era from which 200 more can be withdrawn.
export async function bond(api, stash, payee) {
  const stake = api.tx.stake;
  await refused(api, stake.bondExtra(CAI), stash, "stake.NotBonded");
  await refused(api, stake.bond(1), stash, "stake.BelowMinBond");
  const bonded = await succeed(api, stake.bond(1_000n * CAI), stash, "stake.Bonded");
  assert.deepEqual([bonded.stash.toString(), bonded.amount.toBigInt()], [stash.address, 1_000n * CAI]);
  await refused(api, stake.bond(1_000n * CAI), stash, "stake.AlreadyBonded");
  await succeed(api, stake.bondExtra(500n * CAI), stash, "stake.Bonded");
  await refused(api, stake.unbond(5_000n * CAI), stash, "stake.NotEnoughActive");
  const unbonded = await succeed(api, stake.unbond(300n * CAI), stash, "stake.Unbonded");
  const rebonded = await succeed(api, stake.rebond(100n * CAI), stash, "stake.Rebonded");
  assert.equal(rebonded.amount.toBigInt(), 100n * CAI);
  await refused(api, stake.withdrawUnbonded(), stash, "stake.NothingToWithdraw");
  await refused(api, stake.claim(), stash, "stake.NothingToClaim");
  const set = await succeed(api, stake.setPayee({ Account: payee.address }), stash, "stake.PayeeSet");
  assert.equal(set.payee.asAccount.toString(), payee.address);
  const ledger = (await api.query.stake.ledgers(stash.address)).unwrap();
  assert.equal(ledger.active.toBigInt(), 1_300n * CAI);
  return unbonded.freeFrom.toNumber();
}

// The payee gets what `stash` has earned.
export async function claim(api, stash, payee) {
  const before = (await api.query.system.account(payee.address)).data.free.toBigInt();
  const claimed = await succeed(api, api.tx.stake.claim(), stash, "stake.Claimed");
  const after = (await api.query.system.account(payee.address)).data.free.toBigInt();
  assert(claimed.amount.toBigInt() > 0n);
  assert.equal(after - before, claimed.amount.toBigInt());
}

export async function withdraw(api, stash) {
  const withdrawn = await succeed(api, api.tx.stake.withdrawUnbonded(), stash, "stake.Withdrawn");
  assert(withdrawn.amount.toBigInt() > 0n, `${withdrawn}`);
  return withdrawn.amount.toBigInt();
}
