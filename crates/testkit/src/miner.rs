//! A miner that runs.

use std::{ffi::OsString, path::Path, process::ExitStatus, time::Duration};

use anyhow::Context;
use serde_json::Value;

use crate::{
    api::Api,
    binaries,
    gateway::{bound_address, Gateway},
    keys, models,
    node::Node,
    process::{Command, Process},
    run_dir::RunDir,
};

/// What a miner gets until it is ready: it reads and checks its models first.
const START_LIMIT: Duration = Duration::from_secs(90);
const PROGRAM: &str = "miner-worker";

/// How a miner is started.
#[derive(Clone, Debug)]
pub struct MinerBuilder {
    chain_url: String,
    operator: String,
    coordinators: Vec<String>,
    models: Vec<String>,
    slots: u32,
    args: Vec<String>,
}

/// A running miner.
#[derive(Debug)]
pub struct Miner {
    builder: MinerBuilder,
    process: Process,
    dir: RunDir,
}

impl Miner {
    /// A miner with the operator key of `operator` (`//Miner1`) on the chain of `node`, with one slot and all models.
    pub fn builder(node: &Node, operator: &str) -> MinerBuilder {
        MinerBuilder {
            chain_url: node.rpc_url(),
            operator: operator.into(),
            coordinators: Vec::new(),
            models: vec![models::CHAT.into(), models::EMBEDDING.into()],
            slots: 1,
            args: Vec::new(),
        }
    }

    /// The SURI of its operator key.
    pub fn operator(&self) -> &str {
        &self.builder.operator
    }

    /// The program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// SIGTERM and wait: it finishes its tasks.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        self.process.terminate().await
    }

    /// SIGKILL.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await
    }

    /// Ends it if it runs, and starts it again.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.process.terminate().await?;
        self.process = self.builder.spawn(self.dir.path()).await?;
        Ok(())
    }

    /// What its `/status` shows; for a miner that was started with [`MinerBuilder::status_page`].
    pub async fn status(&mut self) -> anyhow::Result<Value> {
        let ready = self.process.until_ready(START_LIMIT).await?;
        let api = Api::new(&format!("http://{}", bound_address(&ready, "metrics")?), None)?;
        Ok(api.get("/status").await?.ok()?.body)
    }

    /// What `miner-worker wallet` with these arguments says about its wallet, and how it ends. The miner may run.
    pub async fn wallet(&self, args: &[&str]) -> anyhow::Result<std::process::Output> {
        let mut command = tokio::process::Command::new(binaries::find(PROGRAM)?);
        command.arg("wallet").args(args).args(["--chain-url", &self.builder.chain_url]);
        command.arg("--operator-key").arg(keys::write_file(self.dir.path(), &self.builder.operator)?);
        command.arg("--data-dir").arg(self.dir.join("data")).env("NO_COLOR", "1").kill_on_drop(true);
        let output = tokio::time::timeout(START_LIMIT, command.output()).await;
        Ok(output.context("`miner-worker wallet` does not end")??)
    }

    /// Lets program and folder be when this value is gone.
    pub fn detach(mut self) {
        self.process.detach();
        self.dir.keep();
    }
}

impl MinerBuilder {
    /// A coordinator to serve; without one the miner finds them on chain.
    pub fn coordinator(self, gateway: &Gateway) -> Self {
        self.coordinator_url(&gateway.link_url())
    }

    /// The same by URL.
    pub fn coordinator_url(mut self, url: &str) -> Self {
        self.coordinators.push(url.into());
        self
    }

    /// How many tasks it runs at once.
    pub fn slots(mut self, slots: u32) -> Self {
        self.slots = slots;
        self
    }

    /// Which models it serves, instead of all.
    pub fn models(mut self, ids: &[&str]) -> Self {
        self.models = ids.iter().map(|&id| id.into()).collect();
        self
    }

    /// Serves `/status` and `/metrics` on a free port.
    pub fn status_page(self) -> Self {
        self.arg("--metrics-listen").arg("127.0.0.1:0")
    }

    /// A further argument of `miner-worker run`.
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Starts it and waits until it is ready to dial coordinators.
    pub async fn start(self) -> anyhow::Result<Miner> {
        let dir = RunDir::new("miner")?;
        let process = self.spawn(dir.path()).await?;
        Ok(Miner { builder: self, process, dir })
    }

    /// Starts it without waiting; for a miner that is expected to refuse.
    pub fn start_unready(self) -> anyhow::Result<Miner> {
        let dir = RunDir::new("miner")?;
        let process = self.spawn_unready(dir.path())?;
        Ok(Miner { builder: self, process, dir })
    }

    async fn spawn(&self, dir: &Path) -> anyhow::Result<Process> {
        let mut process = self.spawn_unready(dir)?;
        process.until_ready(START_LIMIT).await?;
        Ok(process)
    }

    fn spawn_unready(&self, dir: &Path) -> anyhow::Result<Process> {
        let mut args: Vec<OsString> = vec!["run".into(), "--slots".into(), self.slots.to_string().into()];
        args.extend(self.common_args(dir)?);
        args.extend(["--data-dir".into(), dir.join("data").into_os_string()]);
        args.extend(self.args.iter().map(OsString::from));
        Process::spawn(&Command {
            name: self.operator.trim_start_matches('/').replace('/', "-"),
            program: binaries::find(PROGRAM)?,
            args,
            env: Vec::new(),
            dir: dir.to_owned(),
        })
    }

    /// What `miner-worker doctor` says about such a miner, and how it ends.
    pub async fn doctor(&self) -> anyhow::Result<std::process::Output> {
        let dir = RunDir::new("doctor")?;
        let mut command = tokio::process::Command::new(binaries::find(PROGRAM)?);
        command.arg("doctor").args(self.common_args(dir.path())?).env("NO_COLOR", "1").kill_on_drop(true);
        let output = tokio::time::timeout(START_LIMIT, command.output()).await;
        Ok(output.context("`miner-worker doctor` does not end")??)
    }

    /// Chain, key, models and coordinators.
    fn common_args(&self, dir: &Path) -> anyhow::Result<Vec<OsString>> {
        let mut args: Vec<OsString> = vec!["--chain-url".into(), self.chain_url.clone().into()];
        args.extend(["--operator-key".into(), keys::write_file(dir, &self.operator)?.into_os_string()]);
        args.extend(["--models-dir".into(), models::dir(&self.models)?.into_os_string()]);
        for model in &self.models {
            args.extend(["--model".into(), model.into()]);
        }
        for url in &self.coordinators {
            args.extend(["--coordinator".into(), url.into()]);
        }
        Ok(args)
    }
}
