// The faucet's call, unsigned.

import assert from "node:assert/strict";

import { succeed } from "../chain.mjs";
import { solve } from "../statements.mjs";

// `newcomer`, who has nothing, works for the faucet's coins.
export async function claim(api, newcomer) {
  const terms = (await api.query.faucet.faucetTerms()).unwrap();
  const header = await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead());
  const puzzle = { genesis: api.genesisHash, account: newcomer.publicKey, blockHash: header.hash };
  const difficulty = terms.difficulty.toNumber();
  const nonce = solve(puzzle, difficulty);
  const claimOf = (account, nonce) => api.tx.faucet.claim(account, header.number.unwrap(), nonce);

  // The pool refuses a proof that was made for another account, and who is not poor.
  await assert.rejects(claimOf(new Uint8Array(32).fill(9), nonce).send(), /bad signature/);
  const dripped = await succeed(api, claimOf(newcomer.address, nonce), undefined, "faucet.Dripped");
  assert.equal(dripped.account.toString(), newcomer.address);
  const { free } = (await api.query.system.account(newcomer.address)).data;
  assert.equal(free.toBigInt(), terms.drip.toBigInt());
  const another = solve(puzzle, difficulty, nonce + 1);
  await assert.rejects(claimOf(newcomer.address, another).send(), /Custom error: 1/);
}
