// Upgrades a development chain to the code in the file CODE as its token holders do: root marks the call as urgent, a
// referendum carries it, anyone brings the code. Prints one JSON line, ends with an assertion if it fails.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { asSudo, CAI, connect, pair, submit, succeed, until } from "./chain.mjs";
import { require, versionOf } from "./packages.mjs";

const { blake2AsHex } = require("@polkadot/util-crypto");

// Each has ten million CAI; together that is nearly half of all.
const VOTERS = ["Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie"].map((name) => pair(`//${name}//stash`));
const [proposer, sudo, anyone] = ["//Miner3", "//Alice", "//Eve"].map(pair);
const code = readFileSync(process.env.CODE);
const codeHash = blake2AsHex(code);

const api = await connect(process.env.NODE_URL);
const seen = { client: "@polkadot/api", version: versionOf("@polkadot/api") };
const codeOnChain = async () => blake2AsHex((await api.rpc.state.getStorage("0x3a636f6465")).toU8a(true));
seen.before = await codeOnChain();
assert.notEqual(seen.before, codeHash);

// The spec version stays, so its rise must not be asked for.
const upgrade = api.tx.system.authorizeUpgradeWithoutChecks(codeHash);
assert.equal(await asSudo(api, api.tx.whitelist.whitelistCall(upgrade.method.hash), sudo), undefined);
const proposal = api.tx.whitelist.dispatchWhitelistedCallWithPreimage(upgrade).method;
await succeed(api, api.tx.preimage.notePreimage(proposal.toHex()), proposer, "preimage.Noted");
const lookup = { Lookup: { hash: proposal.hash, len: proposal.encodedLength } };
const submitted = api.tx.referenda.submit({ Origins: "WhitelistedCaller" }, lookup, { After: 0 });
const { index } = await succeed(api, submitted, proposer, "referenda.Submitted");
const deposit = api.tx.referenda.placeDecisionDeposit(index);
await succeed(api, deposit, proposer, "referenda.DecisionDepositPlaced");
const ballot = { Standard: { vote: { aye: true, conviction: "Locked1x" }, balance: 9_900_000n * CAI } };
const votes = await Promise.all(VOTERS.map((voter) => submit(api.tx.convictionVoting.vote(index, ballot), voter)));
assert(votes.every((vote) => !vote.dispatchError), `${votes.map((vote) => vote.dispatchError)}`);

await until("the referendum to be enacted", async () => (await api.query.system.authorizedUpgrade()).isSome);
assert((await api.query.referenda.referendumInfoFor(index)).unwrap().isApproved);
const bring = api.tx.system.applyAuthorizedUpgrade(`0x${code.toString("hex")}`);
assert(!(await submit(bring, anyone)).dispatchError);
await until("the new code", async () => (await codeOnChain()) === codeHash);
seen.after = codeHash;
seen.block = (await api.rpc.chain.getHeader()).number.toNumber();

console.log(JSON.stringify(seen));
await api.disconnect();
