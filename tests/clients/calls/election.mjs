// The election's call, by governance.

import assert from "node:assert/strict";

import { asSudo, refused } from "../chain.mjs";

export async function setLimits(api, count, minimum, sudo) {
  assert.equal(await asSudo(api, api.tx.election.setLimits(count, minimum), sudo), undefined);
  assert.equal((await api.query.election.minValidators()).toNumber(), minimum);
}

export async function refuseLimits(api, anyone, sudo) {
  await refused(api, api.tx.election.setLimits(1, 1), anyone, "BadOrigin");
  assert.equal(await asSudo(api, api.tx.election.setLimits(1, 2), sudo), "election.CountBelowMinimum");
}
