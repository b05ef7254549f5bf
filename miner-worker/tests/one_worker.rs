//! One process for each folder, whatever happened to the one before it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Longer than anything here should take.
const LIMIT: Duration = Duration::from_secs(30);

/// A worker that looks for a chain which does not answer. It ends with this value.
struct Worker(Child);

fn worker(key: &Path, data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_miner-worker"));
    command.args(["run", "--chain-url", "ws://127.0.0.1:1", "--operator-key"]).arg(key).arg("--data-dir").arg(data);
    command
}

impl Worker {
    fn start(key: &Path, data: &Path) -> Self {
        Self(worker(key, data).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Waits until it has written its number into the lock file.
    fn until_locked(&self, data: &Path) {
        let begun = Instant::now();
        while locked_by(data) != Some(self.0.id()) {
            assert!(begun.elapsed() < LIMIT, "the lock is held by {:?}, not by {}", locked_by(data), self.0.id());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // SIGKILL: nothing is tidied up.
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn locked_by(data: &Path) -> Option<u32> {
    let of_operator = fs::read_dir(data).ok()?.next()?.ok()?.path();
    fs::read_to_string(of_operator.join("lock")).ok()?.parse().ok()
}

fn key_file(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, "//Miner1\n").unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    path
}

#[test]
fn a_second_worker_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (key, copy, data) = (key_file(dir.path(), "key"), key_file(dir.path(), "copy"), dir.path().join("data"));
    let first = Worker::start(&key, &data);
    first.until_locked(&data);
    let refused = worker(&copy, &data).output().unwrap();
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && text.contains("another miner-worker"), "{}: {text}", refused.status);
    assert_eq!(locked_by(&data), Some(first.0.id()));
    drop(first);
    Worker::start(&key, &data).until_locked(&data);
}

#[test]
fn workers_of_one_operator_have_a_folder_each() {
    let dir = tempfile::tempdir().unwrap();
    let (key, one, two) = (key_file(dir.path(), "key"), dir.path().join("one"), dir.path().join("two"));
    let first = Worker::start(&key, &one);
    first.until_locked(&one);
    let second = Worker::start(&key, &two);
    second.until_locked(&two);
    assert_eq!(locked_by(&one), Some(first.0.id()));
}
