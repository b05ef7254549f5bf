// Every call of the registration pallet.

import assert from "node:assert/strict";

import { CAI, refused, succeed } from "../chain.mjs";
import { consentHash } from "../statements.mjs";

const FIVE_PERCENT = 50_000_000;

// Has `stash` register, do all that a candidate can do, and deregister. Returns the era in which that was over.
export async function register(api, stash, [first, second]) {
  const registration = api.tx.registration;
  const info = (introduction) => ({ name: "Nine miners", introduction, endpoint: "" });
  await refused(api, registration.chill(), stash, "registration.NotRegistered");
  await succeed(api, api.tx.stake.bond(30_000n * CAI), stash, "stake.Bonded");

  const { era, bondingEras } = await api.call.marketApi.era();
  const expires = era.toNumber() + bondingEras.toNumber();
  const hash = consentHash(api.genesisHash, { stash: stash.publicKey, role: "Miner", expires });
  const asMiner = (selfStake, signer, introduction) => registration.register(
    "Miner", first.address, expires, signer.sign(hash), selfStake, info(introduction),
  );
  await refused(api, asMiner(25_000n * CAI, second, "wrong key"), stash, "registration.BadProof");
  await refused(api, asMiner(CAI, first, "too little"), stash, "registration.SelfStakeTooLow");
  const registered = await succeed(api, asMiner(25_000n * CAI, first, "ours"), stash, "registration.Registered");
  assert.equal(registered.operator.toString(), first.address);
  assert(registered.role.isMiner);

  const commission = await succeed(
    api, registration.setCommission(FIVE_PERCENT), stash, "registration.CommissionSet",
  );
  assert.equal(commission.rate.toNumber(), FIVE_PERCENT);
  assert(!(await api.query.registration.commissions(stash.address)).isEmpty);
  await refused(api, registration.updateInfo({ name: " ", introduction: "", endpoint: "" }), stash,
    "registration.NameMissing");
  await succeed(api, registration.updateInfo(info("ours, in Zürich")), stash, "registration.InfoUpdated");
  const candidate = (await api.call.marketApi.candidate(stash.address)).unwrap();
  assert.equal(candidate.info.introduction.toUtf8(), "ours, in Zürich");

  const set = await succeed(
    api, registration.setOperator(second.address, expires, second.sign(hash)), stash, "registration.OperatorSet",
  );
  assert.deepEqual([set.operator, set.retired].map(String), [second.address, first.address]);
  await succeed(api, registration.chill(), stash, "registration.Chilled");
  await refused(api, registration.chill(), stash, "registration.AlreadyChilled");
  await succeed(api, registration.validate(), stash, "registration.Validated");
  await refused(api, registration.forgetOperators(stash.address), stash, "registration.NothingToForget");
  const left = await succeed(api, registration.deregister(), stash, "registration.Deregistered");
  assert.equal(left.released.toBigInt(), 25_000n * CAI);
  return (await api.call.marketApi.era()).era.toNumber();
}

// Anyone takes the keys that served `stash` off the record.
export async function forget(api, stash, anyone) {
  const call = api.tx.registration.forgetOperators(stash.address);
  const forgotten = await succeed(api, call, anyone, "registration.OperatorsForgotten");
  assert.equal(forgotten.count.toNumber(), 2);
}
