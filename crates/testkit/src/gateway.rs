//! A coordinator's gateway that runs.

use std::{net::SocketAddr, path::Path, process::ExitStatus, time::Duration};

use anyhow::{ensure, Context};
use serde_json::Value;

use crate::{
    api::Api,
    binaries, keys,
    node::Node,
    process::{Command, Process},
    run_dir::RunDir,
    wait::until,
};

/// What a gateway gets until it is ready.
const START_LIMIT: Duration = Duration::from_secs(60);
/// What a miner gets until a gateway lists it as connected: it may be in the middle of a backoff.
const CONNECT_LIMIT: Duration = Duration::from_secs(60);
const PROGRAM: &str = "coordinator-gateway";

/// How a gateway is started.
#[derive(Clone, Debug)]
pub struct GatewayBuilder {
    chain_urls: Vec<String>,
    operator: String,
    http: SocketAddr,
    link: SocketAddr,
    args: Vec<String>,
}

/// A running gateway. Its data are kept over [`Gateway::restart`], and it comes back on the same ports.
#[derive(Debug)]
pub struct Gateway {
    builder: GatewayBuilder,
    process: Process,
    api: Api,
    dir: RunDir,
}

impl Gateway {
    /// A gateway of `//Coordinator` on the chain of `node`.
    pub fn builder(node: &Node) -> GatewayBuilder {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        GatewayBuilder {
            chain_urls: vec![node.rpc_url()],
            operator: "//Coordinator".into(),
            http: any,
            link: any,
            args: Vec::new(),
        }
    }

    /// Where applications reach it.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.builder.http)
    }

    /// Where miners reach it.
    pub fn link_url(&self) -> String {
        format!("http://{}", self.builder.link)
    }

    /// The same as an address.
    pub fn link_address(&self) -> SocketAddr {
        self.builder.link
    }

    /// A client with a key of its own.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its data folder.
    pub fn data_dir(&self) -> std::path::PathBuf {
        self.dir.join("data")
    }

    /// Creates a further API key.
    pub fn create_key(&self, name: &str) -> anyhow::Result<String> {
        create_key(&self.data_dir(), name)
    }

    /// What `GET /v1/miners` lists.
    pub async fn miners(&self) -> anyhow::Result<Vec<Value>> {
        let answer = self.api.get("/v1/miners").await?.ok()?;
        answer.body["data"].as_array().cloned().with_context(|| format!("no list of miners: {}", answer.text))
    }

    /// What it lists of the miner with this operator.
    pub async fn miner(&self, operator: &str) -> anyhow::Result<Value> {
        let miners = self.miners().await?;
        let account = keys::account(operator)?.to_string();
        let found = miners.iter().find(|miner| miner["operator"] == account.as_str());
        found.cloned().with_context(|| format!("{operator} ({account}) is not among {miners:?}"))
    }

    /// Waits until exactly `count` miners are connected.
    pub async fn until_connected(&self, count: usize) -> anyhow::Result<()> {
        self.until_miners(count, "connected", |miner| miner["connected"] == true).await
    }

    /// Waits until exactly `count` miners are connected and offer slots.
    pub async fn until_serving(&self, count: usize) -> anyhow::Result<()> {
        self.until_miners(count, "serving", |miner| miner["slots"].as_u64().is_some_and(|slots| slots > 0)).await
    }

    async fn until_miners(&self, count: usize, what: &str, is: impl Fn(&Value) -> bool) -> anyhow::Result<()> {
        until(CONNECT_LIMIT, &format!("{count} {what} miners"), async || {
            let miners = self.miners().await?;
            let found = miners.iter().filter(|miner| is(miner)).count();
            ensure!(found == count, "{found} are {what}: {}", Value::from(miners));
            Ok(())
        })
        .await
    }

    /// Waits until `/readyz` says yes.
    pub async fn until_ready(&self) -> anyhow::Result<()> {
        until(START_LIMIT, "/readyz", async || self.api.get("/readyz").await?.ok().map(drop)).await
    }

    /// SIGTERM and wait.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        self.process.terminate().await
    }

    /// SIGKILL.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await
    }

    /// Ends it if it runs, and starts it again with the same data on the same ports.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.process.terminate().await?;
        let (process, addresses) = self.builder.spawn(self.dir.path()).await?;
        ensure!(addresses == (self.builder.http, self.builder.link), "restarted on other ports: {addresses:?}");
        self.process = process;
        Ok(())
    }

    /// Lets program and folder be when this value is gone.
    pub fn detach(mut self) {
        self.process.detach();
        self.dir.keep();
    }
}

impl GatewayBuilder {
    /// Goes through audited answers with an engine of its own, which has the models of this folder.
    pub fn audit_models(self, models: &Path) -> Self {
        self.arg("--audit-models").arg(&models.display().to_string())
    }

    /// Another operator than `//Coordinator`.
    pub fn operator(mut self, suri: &str) -> Self {
        self.operator = suri.into();
        self
    }

    /// A further node to fall back on.
    pub fn chain_url(mut self, url: &str) -> Self {
        self.chain_urls.push(url.into());
        self
    }

    /// A fixed address for applications.
    pub fn http(mut self, address: SocketAddr) -> Self {
        self.http = address;
        self
    }

    /// A fixed address for miners.
    pub fn link(mut self, address: SocketAddr) -> Self {
        self.link = address;
        self
    }

    /// A further argument of `coordinator-gateway run`.
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Creates an API key, starts the gateway and waits until it is ready.
    pub async fn start(mut self) -> anyhow::Result<Gateway> {
        let dir = RunDir::new("gateway")?;
        let data = dir.join("data");
        std::fs::create_dir_all(&data)?;
        let key = create_key(&data, "testkit")?;
        let (process, addresses) = self.spawn(dir.path()).await?;
        (self.http, self.link) = addresses;
        let api = Api::new(&format!("http://{}", self.http), Some(&key))?;
        Ok(Gateway { builder: self, process, api, dir })
    }

    /// Starts it without waiting; for a gateway that is expected to refuse.
    pub fn spawn_unready(&self, dir: &Path) -> anyhow::Result<Process> {
        let mut args: Vec<String> = vec!["run".into()];
        for url in &self.chain_urls {
            args.extend(["--chain-url".into(), url.clone()]);
        }
        args.extend(["--http-listen".into(), self.http.to_string(), "--link-listen".into(), self.link.to_string()]);
        args.extend(self.args.iter().cloned());
        let mut args: Vec<std::ffi::OsString> = args.into_iter().map(Into::into).collect();
        args.extend(["--operator-key".into(), keys::write_file(dir, &self.operator)?.into_os_string()]);
        args.extend(["--data-dir".into(), dir.join("data").into_os_string()]);
        Process::spawn(&Command {
            name: "gateway".into(),
            program: binaries::find(PROGRAM)?,
            args,
            env: Vec::new(),
            dir: dir.to_owned(),
        })
    }

    async fn spawn(&self, dir: &Path) -> anyhow::Result<(Process, (SocketAddr, SocketAddr))> {
        let mut process = self.spawn_unready(dir)?;
        let ready = process.until_ready(START_LIMIT).await?;
        let addresses = (bound_address(&ready, "http")?, bound_address(&ready, "link")?);
        Ok((process, addresses))
    }
}

/// The address that a program's ready line names in `field`, with or without a scheme.
pub fn bound_address(ready: &Value, field: &str) -> anyhow::Result<SocketAddr> {
    let text = ready[field].as_str().with_context(|| format!("no {field:?} in the ready line {ready}"))?;
    let address = text.split("://").last().unwrap_or(text).trim_end_matches('/');
    address.parse().with_context(|| format!("{text:?} is no address"))
}

/// Creates an API key in a gateway's data folder.
pub fn create_key(data_dir: &Path, name: &str) -> anyhow::Result<String> {
    let output = std::process::Command::new(binaries::find(PROGRAM)?)
        .args(["keys", "create", "--name", name, "--data-dir"])
        .arg(data_dir)
        .output()
        .context("cannot run `coordinator-gateway keys create`")?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "`coordinator-gateway keys create` failed: {stderr}");
    secret_in(&stdout).with_context(|| format!("`coordinator-gateway keys create` printed no key; its log: {stderr}"))
}

/// The secret in the output of `keys create`.
fn secret_in(output: &str) -> Option<String> {
    let json = serde_json::from_str::<Value>(output.trim()).ok();
    let field = json.as_ref().and_then(|value| value.get("key")?.as_str());
    field.or_else(|| output.split_whitespace().find(|word| word.starts_with("sk-"))).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn addresses_are_read_with_and_without_scheme() {
        let ready = json!({ "http": "127.0.0.1:80", "link": "http://127.0.0.1:81/" });
        assert_eq!(bound_address(&ready, "http").unwrap().port(), 80);
        assert_eq!(bound_address(&ready, "link").unwrap().port(), 81);
        assert!(bound_address(&ready, "metrics").unwrap_err().to_string().contains("metrics"));
    }
}
