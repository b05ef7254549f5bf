//! A chain that began with the first runtime is upgraded to today's, and after that by its own token holders.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{ensure, Context};
use cuckoo_chain_client::Call;
use cuckoo_primitives::{Balance, CAI};
use cuckoo_testkit::{
    binaries,
    keys::stash_of,
    market::{stash_account, Market},
    until, Node,
};
use serde_json::Value;
use tokio::process::Command;

use crate::clients::{output, run, script};

/// For what takes some blocks.
const SOON: Duration = Duration::from_secs(60);
/// For what takes some eras of half a minute.
const ERAS: Duration = Duration::from_secs(120);
/// What Dave's stash votes for the first miner before the upgrade.
const VOTE: Balance = 25_000 * CAI;

#[tokio::test]
async fn a_chain_of_the_first_runtime_is_upgraded_live_and_then_by_referendum() {
    let dir = tempfile::tempdir().unwrap();
    let (chain, today) = chain_of_the_first_runtime(dir.path()).await.unwrap();
    let node = Node::validator(&chain, "node").keys_of("alice").start().await.unwrap();
    node.until_finalised(2, SOON).await.unwrap();

    let code = dir.path().join("today.wasm");
    std::fs::write(&code, &today).unwrap();
    let mut upgrade = script("upgrade.mjs");
    let upgraded = run(upgrade.env("NODE_URL", node.rpc_url()).env("CODE", &code)).await.unwrap();
    assert!(upgraded["to"].as_u64() > upgraded["from"].as_u64(), "{upgraded}");

    // What is final must be the new runtime's: programs look at nothing else.
    let (height, _) = node.rpc().finalised().await.unwrap();
    node.until_finalised(height + 10, SOON).await.unwrap();

    // Eras go on, and what was voted before the upgrade earns.
    let market = Market::connect(&node).await.unwrap();
    let voter = stash_account("//Dave").unwrap();
    let era = market.chain().view().era.era;
    let miner = market.candidate("//Miner1").unwrap();
    assert!(miner.is_active() && miner.next_backing == 25_000 * CAI + VOTE, "{miner:?}");
    until(ERAS, "a reward, two eras on", async || {
        let now = market.chain().view().era.era;
        ensure!(now >= era + 2, "era {now}, which was {era} after the upgrade");
        let overview = market.chain().stash(&voter).await?.context("Dave has no bond any more")?;
        ensure!(overview.reward > 0, "nothing earned by era {now}: {overview:?}");
        Ok(())
    })
    .await
    .unwrap();
    let unvote = Call::Unvote { candidate: stash_account("//Miner1").unwrap(), amount: VOTE };
    market.submit(&stash_of("//Dave"), unvote).await.unwrap();
    market.until_backing("//Miner1", 25_000 * CAI, ERAS).await.unwrap();

    std::fs::write(&code, with_another_section(&today)).unwrap();
    let mut referendum = script("referendum.mjs");
    let carried = run(referendum.env("NODE_URL", node.rpc_url()).env("CODE", &code)).await.unwrap();
    assert_ne!(carried["before"], carried["after"], "{carried}");
    let (height, _) = node.rpc().finalised().await.unwrap();
    node.until_finalised(height + 5, SOON).await.unwrap();
    println!("{upgraded}\n{carried}");
}

/// Writes the specification of a `dev` chain that begins with the first runtime to a file in `dir`. Returns its path, and
/// the code with which such a chain begins today.
async fn chain_of_the_first_runtime(dir: &Path) -> anyhow::Result<(PathBuf, Vec<u8>)> {
    let first = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/runtime-1/cuckoo_runtime.compressed.wasm");
    let first = std::fs::read(&first).with_context(|| format!("cannot read {}", first.display()))?;
    let mut command = Command::new(binaries::find("cuckoo-node")?);
    let spec = output(command.args(["export-chain-spec", "--chain", "dev"])).await?;
    let mut spec: Value = serde_json::from_str(&spec).context("the exported chain specification is no JSON")?;

    let genesis = spec.pointer_mut("/genesis/runtimeGenesis").context("the specification has no genesis")?;
    let today = genesis["code"].as_str().and_then(|code| code.strip_prefix("0x")).context("genesis has no code")?;
    let today = hex::decode(today)?;
    genesis["code"] = format!("0x{}", hex::encode(first)).into();
    let patch = genesis["patch"].as_object_mut().context("genesis is no patch of the default")?;
    // Pallets that the first runtime did not have.
    for later in ["slashing", "settlement", "faucet"] {
        ensure!(patch.remove(later).is_some(), "genesis says nothing of {later} any more; take this line out");
    }
    let path = dir.join("chain.json");
    std::fs::write(&path, spec.to_string())?;
    Ok((path, today))
}

/// The same compressed code with one more custom section, which changes its hash and nothing else.
///
/// zstd frames one after the other decompress to their contents one after the other, so the section comes in a frame of
/// its own, uncompressed: magic number, content size in one byte, and one last raw block.
fn with_another_section(code: &[u8]) -> Vec<u8> {
    let name = b"cuckoo-upgrade-test";
    // A custom section is number 0, its length, and a name with its own length.
    let mut section = vec![0, name.len() as u8 + 1, name.len() as u8];
    section.extend(name);
    let size = section.len() as u8;
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, size, (size << 3) | 1, size >> 5, 0];
    [code, &frame, &section].concat()
}
