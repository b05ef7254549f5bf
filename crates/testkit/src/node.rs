//! A node that runs.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use anyhow::{ensure, Context};
use serde_json::json;

use crate::{
    binaries,
    process::{Command, Process},
    rpc::Rpc,
    run_dir::RunDir,
    wait::until,
    ChainSpec,
};

/// What the node says when the kernel is not ready, and how often it is started again for that.
const BUSY: &str = "cannot add seals to the memfd: Device or resource busy";
const BUSY_STARTS: usize = 3;
/// What a node gets until its RPC server answers.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Network identity of a node that has no peers.
const ALONE_KEY: &str = "0000000000000000000000000000000000000000000000000000000000000001";

/// Which chain, which validator, which ports.
#[derive(Clone, Debug)]
pub struct NodeBuilder {
    name: String,
    chain_args: Vec<OsString>,
    /// Of a chain of its own, until it is written.
    spec: Option<ChainSpec>,
    base_path: Option<PathBuf>,
    rpc_port: u16,
    p2p_port: u16,
    bootnodes: Vec<String>,
}

/// A running validator. Its chain is kept over [`Node::restart`].
#[derive(Debug)]
pub struct Node {
    builder: NodeBuilder,
    process: Process,
    rpc_address: String,
    rpc: Rpc,
    // After the process: dropped, and with it removed, when nobody writes to it any more.
    dir: RunDir,
}

impl Node {
    /// The one validator of a `dev` chain.
    pub fn dev() -> NodeBuilder {
        NodeBuilder::new("node", vec!["--dev".into()])
    }

    /// Alice, who validates alone on the chain of `spec`.
    pub fn alone(spec: &ChainSpec) -> NodeBuilder {
        // An authority refuses to make a network identity up.
        let args = ["--alice", "--validator", "--node-key", ALONE_KEY].map(OsString::from);
        NodeBuilder { spec: Some(spec.clone()), ..NodeBuilder::new("node", args.into()) }
    }

    /// One of the validators of a `local` chain: `alice`, `bob` or `charlie`.
    pub fn local(validator: &str) -> NodeBuilder {
        Self::validator(Path::new("local"), validator).keys_of(validator)
    }

    /// A node that is ready to validate on `chain`, a specification's file or a preset's name, but has no session keys.
    /// `name` is not longer than 32 bytes.
    pub fn validator(chain: &Path, name: &str) -> NodeBuilder {
        // Each validator has a network identity of its own; an authority refuses to make one up.
        let node_key = format!("{:0>64}", hex::encode(name));
        let args = ["--chain".into(), chain.into(), "--validator".into(), "--node-key".into(), node_key.into()];
        NodeBuilder::new(name, args.into())
    }

    /// The RPC server's WebSocket URL.
    pub fn rpc_url(&self) -> String {
        format!("ws://{}", self.rpc_address)
    }

    /// Calls of its JSON-RPC.
    pub fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// The program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The address under which other nodes find it.
    pub async fn bootnode(&self) -> anyhow::Result<String> {
        let id = self.rpc.call("system_localPeerId", json!([])).await?;
        let id = id.as_str().context("system_localPeerId returned no id")?.to_owned();
        let port = until(START_LIMIT, "the node's listen address", async || {
            let addresses = self.rpc.call("system_localListenAddresses", json!([])).await?;
            let addresses = addresses.as_array().cloned().unwrap_or_default();
            let port = addresses.iter().filter_map(|address| tcp_port(address.as_str()?)).next();
            port.with_context(|| format!("no TCP address among {addresses:?}"))
        })
        .await?;
        Ok(format!("/ip4/127.0.0.1/tcp/{port}/p2p/{id}"))
    }

    /// Waits until block `height` is final, and returns the height that is.
    pub async fn until_finalised(&self, height: u32, limit: Duration) -> anyhow::Result<u32> {
        until(limit, &format!("block {height} to be final"), async || {
            let (finalised, _) = self.rpc.finalised().await?;
            ensure!(finalised >= height, "{finalised} is the last final block");
            Ok(finalised)
        })
        .await
    }

    /// SIGTERM and wait.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        self.process.terminate().await
    }

    /// SIGKILL.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await
    }

    /// Ends it if it runs, and starts it again with the same chain on the same ports.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.restart_with(&[]).await
    }

    /// The same with further arguments, until it is restarted again.
    pub async fn restart_with(&mut self, args: &[&str]) -> anyhow::Result<()> {
        self.process.terminate().await?;
        let mut builder = self.builder.clone();
        builder.chain_args.extend(args.iter().map(OsString::from));
        let (process, address) = builder.spawn_patiently(self.dir.path()).await?;
        ensure!(address == self.rpc_address, "restarted on {address} instead of {}", self.rpc_address);
        self.process = process;
        Ok(())
    }

    /// Lets node and folder be when this value is gone.
    pub fn detach(mut self) {
        self.process.detach();
        self.dir.keep();
    }
}

impl NodeBuilder {
    fn new(name: &str, chain_args: Vec<OsString>) -> Self {
        let name = name.into();
        Self { name, chain_args, spec: None, base_path: None, rpc_port: 0, p2p_port: 0, bootnodes: Vec::new() }
    }

    /// Gives it the session keys of a well-known validator, such as `alice`.
    pub fn keys_of(mut self, validator: &str) -> Self {
        self.chain_args.push(format!("--{validator}").into());
        self
    }

    /// A further argument.
    pub fn arg(mut self, arg: &str) -> Self {
        self.chain_args.push(arg.into());
        self
    }

    /// Keeps the chain in this folder instead of one that is removed in the end.
    pub fn base_path(mut self, path: &Path) -> Self {
        self.base_path = Some(path.to_owned());
        self
    }

    /// A fixed RPC port instead of a free one.
    pub fn rpc_port(mut self, port: u16) -> Self {
        self.rpc_port = port;
        self
    }

    /// A node to begin with.
    pub fn bootnode(mut self, address: String) -> Self {
        self.bootnodes.push(address);
        self
    }

    /// Starts it and waits until its RPC server answers.
    pub async fn start(mut self) -> anyhow::Result<Node> {
        let dir = RunDir::new(&self.name)?;
        if let Some(spec) = self.spec.take() {
            let chain = spec.write(dir.path())?;
            self.chain_args.extend(["--chain".into(), chain.into_os_string()]);
        }
        let (process, rpc_address) = self.spawn_patiently(dir.path()).await?;
        let rpc = Rpc::new(&rpc_address)?;
        // From now on fixed: whoever is connected finds it there after a restart.
        self.rpc_port = port_of(&rpc_address)?;
        let mut node = Node { builder: self, process, rpc_address, rpc, dir };
        let address = node.bootnode().await?;
        node.builder.p2p_port = tcp_port(&address).context("the node has no TCP port")?;
        Ok(node)
    }

    /// Starts it again if the kernel was not ready: for a moment it may hold pages of the memory that the node's WebAssembly
    /// engine seals, and refuses that with EBUSY. Whoever supervises a node does the same.
    async fn spawn_patiently(&self, dir: &Path) -> anyhow::Result<(Process, String)> {
        for _ in 0..BUSY_STARTS {
            match self.spawn(dir).await {
                Err(error) if format!("{error:?}").contains(BUSY) => {}
                started => return started,
            }
        }
        self.spawn(dir).await
    }

    async fn spawn(&self, dir: &Path) -> anyhow::Result<(Process, String)> {
        let base_path = self.base_path.clone().unwrap_or_else(|| dir.join("chain"));
        let mut args = self.chain_args.clone();
        args.extend(["--base-path".into(), base_path.into_os_string()]);
        args.extend(["--rpc-port".into(), self.rpc_port.to_string().into()]);
        args.extend(["--listen-addr".into(), format!("/ip4/127.0.0.1/tcp/{}", self.p2p_port).into()]);
        args.extend(["--no-prometheus", "--no-telemetry", "--no-mdns"].map(OsString::from));
        for address in &self.bootnodes {
            args.extend(["--bootnodes".into(), address.into()]);
        }
        let mut process = Process::spawn(&Command {
            name: self.name.clone(),
            program: binaries::find("cuckoo-node")?,
            args,
            env: vec![("RUST_LOG".into(), "info".into())],
            dir: dir.to_owned(),
        })?;
        let line = process.until_log(START_LIMIT, "Running JSON-RPC server").await?;
        let address = rpc_address(&line).with_context(|| format!("no address in {line:?}"))?;
        Ok((process, address))
    }
}

/// The first IPv4 address in the log line `... Running JSON-RPC server: addr=127.0.0.1:9944,[::1]:9944`.
fn rpc_address(line: &str) -> Option<String> {
    let addresses = line.split("addr=").nth(1)?;
    addresses.split(',').map(str::trim).find(|address| address.starts_with("127.")).map(str::to_owned)
}

fn port_of(address: &str) -> anyhow::Result<u16> {
    let port = address.rsplit(':').next().unwrap_or_default();
    port.parse().with_context(|| format!("{address:?} has no port"))
}

/// The port in a multiaddress `/ip4/127.0.0.1/tcp/30333/p2p/..`; none for WebSocket addresses.
fn tcp_port(address: &str) -> Option<u16> {
    let mut parts = address.split('/').skip(1);
    match (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()) {
        ("ip4", _, "tcp", port, None | Some("p2p")) => port.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_rpc_address_in_the_log() {
        let line = "2026-11-22 Running JSON-RPC server: addr=127.0.0.1:41873,[::1]:41873";
        assert_eq!(rpc_address(line).as_deref(), Some("127.0.0.1:41873"));
        assert_eq!(rpc_address("Running JSON-RPC server: addr=127.0.0.1:9944,").as_deref(), Some("127.0.0.1:9944"));
        assert_eq!(port_of("127.0.0.1:41873").unwrap(), 41873);
    }

    #[test]
    fn only_plain_tcp_addresses_count() {
        assert_eq!(tcp_port("/ip4/127.0.0.1/tcp/30333/p2p/12D3"), Some(30333));
        assert_eq!(tcp_port("/ip4/127.0.0.1/tcp/30333"), Some(30333));
        assert_eq!(tcp_port("/ip4/127.0.0.1/tcp/30333/ws/p2p/12D3"), None);
        assert_eq!(tcp_port("/ip6/::1/tcp/30333"), None);
    }
}
