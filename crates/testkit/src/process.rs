//! A program that runs: its log, its ready line, its end.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{anyhow, bail, Context};
use nix::{
    sys::signal::{kill, Signal},
    unistd::Pid,
};
use serde_json::Value;

use crate::wait::until;

/// What a program gets to end by itself after SIGTERM.
pub const TERMINATE_LIMIT: Duration = Duration::from_secs(20);
/// The same when its value is dropped: nobody waits for the outcome any more.
const DROP_LIMIT: Duration = Duration::from_secs(5);
/// Bytes of the log's end that a failing test prints.
const TAIL_BYTES: usize = 6_000;

/// How to start a program.
#[derive(Clone, Debug)]
pub struct Command {
    /// Names the log files and messages.
    pub name: String,
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Environment variables that it gets besides the test's own.
    pub env: Vec<(String, String)>,
    /// Where the logs go; later runs under the same name append.
    pub dir: PathBuf,
}

/// A running program. It stays in the process group of its parent, so that whatever ends the whole group (Ctrl-C, a
/// test runner at its time limit) ends it too.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    status: Option<ExitStatus>,
    out: LogFile,
    log: LogFile,
    detached: bool,
}

/// The part of a log file that this run wrote.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    from: u64,
}

impl LogFile {
    fn open(path: PathBuf) -> anyhow::Result<(Self, File)> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let from = file.metadata()?.len();
        Ok((Self { path, from }, file))
    }

    fn text(&self) -> String {
        let bytes = std::fs::read(&self.path).unwrap_or_default();
        let own = bytes.get(self.from as usize..).unwrap_or_default();
        String::from_utf8_lossy(own).into_owned()
    }
}

impl Process {
    /// Starts `command`; its standard output goes to `<name>.out`, its standard error to `<name>.log`.
    pub fn spawn(command: &Command) -> anyhow::Result<Self> {
        let (out, stdout) = LogFile::open(command.dir.join(format!("{}.out", command.name)))?;
        let (log, stderr) = LogFile::open(command.dir.join(format!("{}.log", command.name)))?;
        let child = std::process::Command::new(&command.program)
            .args(&command.args)
            // Logs are read by people without a terminal, and searched.
            .env("NO_COLOR", "1")
            .envs(command.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("cannot start {}", command.program.display()))?;
        Ok(Self { name: command.name.clone(), child, status: None, out, log, detached: false })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it was called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it wrote to standard error so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Where its standard error is kept.
    pub fn log_path(&self) -> &Path {
        &self.log.path
    }

    /// What it wrote to standard output so far.
    pub fn output(&self) -> String {
        self.out.text()
    }

    /// Resident memory in bytes; `None` once it ended.
    pub fn resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        kib.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
    }

    /// How it ended, if it has.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status
    }

    /// Waits for its end.
    pub async fn until_exit(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let name = self.name.clone();
        until(limit, &format!("the end of {name}"), async || {
            self.exit_status().ok_or_else(|| anyhow!("{name} still runs"))
        })
        .await
    }

    /// Waits for the first line of JSON on standard output that says `"event":"ready"`.
    pub async fn until_ready(&mut self, limit: Duration) -> anyhow::Result<Value> {
        self.find_line(limit, "its ready line", |process| process.output().lines().find_map(ready_line)).await
    }

    /// Waits for a line of the log that contains `text`, and returns the first.
    pub async fn until_log(&mut self, limit: Duration, text: &str) -> anyhow::Result<String> {
        let what = format!("{text:?} in its log");
        self.find_line(limit, &what, |process| {
            process.log().lines().find(|line| line.contains(text)).map(str::to_owned)
        })
        .await
    }

    async fn find_line<T>(
        &mut self,
        limit: Duration,
        what: &str,
        find: impl Fn(&Self) -> Option<T>,
    ) -> anyhow::Result<T> {
        let name = self.name.clone();
        let found = until(limit, &format!("{name}: {what}"), async || {
            // Asked before the look, so that what a program wrote just before its end is still seen.
            let status = self.exit_status();
            match (find(self), status) {
                (Some(value), _) => Ok(Ok(value)),
                (None, Some(status)) => Ok(Err(anyhow!("{name} ended ({status}) before {what}"))),
                (None, None) => Err(anyhow!("not there yet")),
            }
        })
        .await;
        found.and_then(|ended| ended).map_err(|error| error.context(self.tail()))
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        if self.status.is_some() {
            bail!("{} has ended already", self.name);
        }
        kill(Pid::from_raw(self.pid() as i32), signal).with_context(|| format!("cannot send {signal} to {}", self.name))
    }

    /// Has it stand still until [`Process::resume`].
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Has it go on.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// SIGTERM, then waits for its end.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        if self.exit_status().is_none() {
            self.signal(Signal::SIGTERM)?;
        }
        let ended = self.until_exit(TERMINATE_LIMIT).await;
        ended.map_err(|error| error.context(self.tail()))
    }

    /// SIGKILL, as a crash or a power cut would end it.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if self.exit_status().is_none() {
            self.signal(Signal::SIGKILL)?;
        }
        self.until_exit(DROP_LIMIT).await.map(drop)
    }

    /// Lets it run on after this value is gone.
    pub fn detach(&mut self) {
        self.detached = true;
    }

    /// The end of both its outputs, for messages.
    pub fn tail(&self) -> String {
        format!(
            "---- {}: standard output\n{}\n---- {}: log\n{}",
            self.name,
            end(&self.output()),
            self.name,
            end(&self.log())
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.tail());
        }
        if self.detached || self.exit_status().is_some() {
            return;
        }
        let _ = self.signal(Signal::SIGTERM);
        let start = Instant::now();
        while self.exit_status().is_none() && start.elapsed() < DROP_LIMIT {
            std::thread::sleep(Duration::from_millis(10));
        }
        if self.status.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn ready_line(line: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(line).ok()?;
    (value.get("event")?.as_str()? == "ready").then_some(value)
}

/// The last [`TAIL_BYTES`] of `text`, from the start of a line.
fn end(text: &str) -> &str {
    if text.len() <= TAIL_BYTES {
        return text;
    }
    let cut = text.len() - TAIL_BYTES;
    let start = text.as_bytes()[cut..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |at| cut + at + 1);
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(dir: &Path, script: &str) -> Process {
        Process::spawn(&Command {
            name: "shell".into(),
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: Vec::new(),
            dir: dir.to_owned(),
        })
        .unwrap()
    }

    #[tokio::test]
    async fn reads_the_ready_line_and_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let script = r#"echo noise; echo '{"event":"ready","http":"127.0.0.1:1"}'; echo "up: yes" >&2; exec sleep 60"#;
        let mut process = shell(dir.path(), script);
        let ready = process.until_ready(Duration::from_secs(5)).await.unwrap();
        assert_eq!(ready["http"], "127.0.0.1:1");
        assert_eq!(process.until_log(Duration::from_secs(5), "up:").await.unwrap(), "up: yes");
        assert!(!process.terminate().await.unwrap().success());
    }

    #[tokio::test]
    async fn an_early_end_is_an_error_with_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = shell(dir.path(), "echo 'no key file' >&2; exit 3");
        let error = format!("{:#}", process.until_ready(Duration::from_secs(5)).await.unwrap_err());
        assert!(error.contains("no key file") && error.contains("exit status: 3"), "{error}");
    }

    #[tokio::test]
    async fn a_later_run_does_not_see_the_earlier_ones_ready_line() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = shell(dir.path(), r#"echo '{"event":"ready"}'"#);
        first.until_exit(Duration::from_secs(5)).await.unwrap();
        let mut second = shell(dir.path(), "exit 0");
        assert!(second.until_ready(Duration::from_secs(5)).await.is_err());
    }

    #[tokio::test]
    async fn what_is_paused_stands_still_until_it_is_resumed() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = shell(dir.path(), "echo begun >&2; while :; do sleep 0.1; done");
        process.until_log(Duration::from_secs(5), "begun").await.unwrap();
        process.pause().unwrap();
        let state = |process: &Process| {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
            stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap()
        };
        until(Duration::from_secs(5), "the stop", async || {
            anyhow::ensure!(state(&process) == 'T', "it is in state {}", state(&process));
            Ok(())
        })
        .await
        .unwrap();
        process.resume().unwrap();
        until(Duration::from_secs(5), "it to go on", async || {
            anyhow::ensure!(state(&process) != 'T', "it still stands");
            Ok(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_drop_ends_even_what_ignores_sigterm() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = shell(dir.path(), "trap '' TERM; echo ready >&2; while :; do sleep 0.1; done");
        process.until_log(Duration::from_secs(5), "ready").await.unwrap();
        let pid = Pid::from_raw(process.pid() as i32);
        drop(process);
        assert!(kill(pid, None).is_err());
    }

    #[test]
    fn the_tail_starts_with_a_whole_line() {
        let text = format!("{}\n{}", "x".repeat(10), "line\n".repeat(TAIL_BYTES / 5 - 1));
        assert!(end(&text).starts_with("line\n"));
    }
}
