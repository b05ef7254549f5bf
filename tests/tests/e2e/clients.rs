//! The libraries under wallets and pages, unchanged, against a real node.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{ensure, Context};
use codec::Decode;
use cuckoo_testkit::{binaries, setup, Node};
use serde_json::{json, Value};
use tokio::{io::AsyncReadExt, process::Command, time::timeout};

/// What a script gets to do all it does.
const LIMIT: Duration = Duration::from_secs(180);

#[tokio::test]
async fn polkadot_js_makes_every_call_and_decodes_all_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let chain = chain_of_short_eras(dir.path()).await.unwrap();
    let node = Node::validator(&chain, "node").keys_of("alice").start().await.unwrap();
    node.until_finalised(2, LIMIT).await.unwrap();

    let seen = run(script("polkadot_js.mjs").env("NODE_URL", node.rpc_url())).await.unwrap();
    assert!(seen["version"].as_str().is_some_and(|version| version.starts_with("16.")), "{seen}");
    println!("{seen}");
}

#[tokio::test]
async fn papi_works_with_descriptors_of_the_nodes_metadata() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::dev().start().await.unwrap();
    node.until_finalised(2, LIMIT).await.unwrap();

    let descriptors = generate_descriptors(&node, dir.path()).await.unwrap();
    let mut client = script("papi.mjs");
    let seen = run(client.env("NODE_URL", node.rpc_url()).env("DESCRIPTORS", descriptors)).await.unwrap();
    assert!(seen["version"].as_str().is_some_and(|version| version.starts_with("2.")), "{seen}");
    println!("{seen}");
}

/// The `dev` chain with eras of five seconds: unbonding ends within a minute, and a case waits for long enough to be
/// cancelled.
async fn chain_of_short_eras(dir: &Path) -> anyhow::Result<PathBuf> {
    let mut command = Command::new(binaries::find("cuckoo-node")?);
    let mut spec = output(command.args(["export-chain-spec", "--chain", "dev"])).await?;
    let changes = [
        (r#""sessionBlocks": 10"#, r#""sessionBlocks": 5"#),
        (r#""sessionsPerEra": 3"#, r#""sessionsPerEra": 1"#),
        (r#""bondingEras": 4"#, r#""bondingEras": 8"#),
        (r#""evidenceEras": 2"#, r#""evidenceEras": 3"#),
        (r#""deferEras": 1"#, r#""deferEras": 4"#),
    ];
    // As text, since the amounts in it are no numbers of 64 bits.
    for (before, after) in changes {
        ensure!(spec.matches(before).count() == 1, "not exactly one {before} in the chain's specification");
        spec = spec.replace(before, after);
    }
    let path = dir.join("chain.json");
    std::fs::write(&path, spec)?;
    Ok(path)
}

/// Has PAPI's generator write descriptors from the node's metadata into `dir`, and returns what is to be imported.
async fn generate_descriptors(node: &Node, dir: &Path) -> anyhow::Result<PathBuf> {
    let npm = setup::npm("polkadot-api")?;
    std::fs::write(dir.join("cuckoo.scale"), metadata(node).await?)?;
    std::fs::write(dir.join("package.json"), json!({ "private": true, "type": "module" }).to_string())?;
    // What is generated imports the client.
    std::os::unix::fs::symlink(npm.join("node_modules"), dir.join("node_modules"))?;
    // Without a package of their own the descriptors need no installation, which would ask the registry.
    let config = json!({
        "version": 0,
        "descriptorPath": "descriptors",
        "entries": {},
        "options": { "noDescriptorsPackage": true },
    });
    std::fs::create_dir(dir.join(".papi"))?;
    std::fs::write(dir.join(".papi/polkadot-api.json"), config.to_string())?;

    let mut command = Command::new("node");
    command.arg(npm.join("node_modules/polkadot-api/bin/cli.js"));
    output(command.args(["add", "cuckoo", "--file", "cuckoo.scale"]).current_dir(dir)).await?;
    Ok(dir.join("descriptors/dist/index.js"))
}

/// The metadata in the version that describes runtime APIs and view functions, too.
async fn metadata(node: &Node) -> anyhow::Result<Vec<u8>> {
    const METADATA_VERSION: &str = "0x10000000";
    let answer = node.rpc().call("state_call", json!(["Metadata_metadata_at_version", METADATA_VERSION])).await?;
    let digits = answer.as_str().and_then(|text| text.strip_prefix("0x")).context("the metadata is no hex string")?;
    let found = Option::<Vec<u8>>::decode(&mut hex::decode(digits)?.as_slice())?;
    found.context("the node has no metadata of version 16")
}

pub(crate) fn script(name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients").join(name));
    command
}

/// Runs a client script and returns the JSON of its last line.
pub(crate) async fn run(command: &mut Command) -> anyhow::Result<Value> {
    command.env("CUCKOO_NPM", setup::npm("@polkadot/api")?).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    let said = output(command).await?;
    let line = said.lines().last().context("the client printed nothing")?;
    serde_json::from_str(line).with_context(|| format!("the client's last line is no JSON: {line}"))
}

/// What a program writes to standard output; all that it wrote if it fails or takes too long.
pub(crate) async fn output(command: &mut Command) -> anyhow::Result<String> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut pipes = (child.stdout.take().context("no pipe")?, child.stderr.take().context("no pipe")?);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let running =
        async { tokio::join!(pipes.0.read_to_end(&mut stdout), pipes.1.read_to_end(&mut stderr), child.wait()).2 };
    let ended = timeout(LIMIT, running).await;
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    let status = ended.with_context(|| format!("not done after {LIMIT:?}\n{stdout}\n{stderr}"))??;
    ensure!(status.success(), "{status}\n{stdout}\n{stderr}");
    Ok(stdout.into_owned())
}
