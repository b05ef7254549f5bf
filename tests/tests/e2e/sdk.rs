//! OpenAI's own clients, unchanged, against a whole network.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{ensure, Context};
use cuckoo_testkit::{setup, Api, Network};
use serde_json::Value;

#[tokio::test]
async fn the_official_clients_work_unchanged() {
    let network = Network::start(&[("//Miner1", 2)]).await.unwrap();
    let api = network.gateway.api();
    for client in [python_client(), npm_client()] {
        let seen = run(client.unwrap(), api).await.unwrap();
        for (kind, status) in [("AuthenticationError", 401), ("NotFoundError", 404), ("BadRequestError", 400)] {
            let error = &seen["errors"][kind];
            assert_eq!(error["status"], status, "{kind}: {error}");
            assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{kind}: {error}");
        }
        println!("{seen}");
    }
}

fn python_client() -> anyhow::Result<Command> {
    let mut command = Command::new(setup::python()?);
    command.arg(script("openai_client.py"));
    Ok(command)
}

fn npm_client() -> anyhow::Result<Command> {
    let mut command = Command::new("node");
    command.arg(script("openai_client.mjs")).env("CUCKOO_NPM", setup::npm("openai")?);
    Ok(command)
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sdk").join(name)
}

/// Runs a client script and returns the JSON of its last line.
async fn run(mut command: Command, api: &Api) -> anyhow::Result<Value> {
    command.env("OPENAI_BASE_URL", api.openai_url()).env("OPENAI_API_KEY", api.key().unwrap_or_default());
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1").stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await?.context("cannot run the client")?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    let line = stdout.lines().last().context("the client printed nothing")?;
    serde_json::from_str(line).with_context(|| format!("the client's last line is no JSON: {line}"))
}
