//! Programs that may not work say so at once, and how to mend it.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use cuckoo_testkit::{binaries, keys, models::CHAT, Gateway, Miner, Node};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_gateway_that_may_not_work_refuses_to_start() {
    let node = Node::dev().start().await.unwrap();
    // Nobody's operator, a miner's operator.
    for (operator, reason) in [("//Coordinator2", "not registered"), ("//Miner1", "registered as Miner")] {
        let dir = tempfile::tempdir().unwrap();
        let mut gateway = Gateway::builder(&node).operator(operator).spawn_unready(dir.path()).unwrap();
        let status = gateway.until_exit(LIMIT).await.unwrap();
        assert!(!status.success(), "{operator} was let in");
        let log = gateway.log();
        let said = log.lines().find(|line| line.contains(reason));
        println!("{}", said.unwrap_or_else(|| panic!("{operator} is not told that it is {reason}: {log}")));
    }
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let key = keys::write_file(dir.path(), "//Miner1").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    // Keys are read before the chain is, so none is needed.
    let programs =
        [("miner-worker", vec![]), ("coordinator-gateway", vec!["--data-dir".into(), dir.path().join("data")])];
    for (program, args) in programs {
        let mut command = tokio::process::Command::new(binaries::find(program).unwrap());
        command.args(["run", "--chain-url", "ws://127.0.0.1:9", "--operator-key"]).arg(&key).args(args);
        let output = tokio::time::timeout(LIMIT, command.kill_on_drop(true).output()).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{program} took the key");
        assert!(said.contains("chmod 600"), "{program}: {said}");
    }
}

#[tokio::test]
async fn the_doctor_tells_a_sound_miner_from_an_unregistered_one() {
    let node = Node::dev().start().await.unwrap();
    let gateway = Gateway::builder(&node).start().await.unwrap();
    // Before the chain's first block is final it turns every miner away.
    gateway.until_ready().await.unwrap();
    let ask = async |operator: &str| {
        let output = Miner::builder(&node, operator).coordinator(&gateway).models(&[CHAT]).doctor().await.unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (sound, said) = ask("//Miner1").await;
    assert!(sound, "{said}");
    println!("{said}");
    let (sound, said) = ask("//Miner3").await;
    assert!(!sound && said.contains("not registered") && said.contains("miner-worker register"), "{said}");
    println!("{said}");
}
