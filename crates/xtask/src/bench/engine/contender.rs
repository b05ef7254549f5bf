//! An engine in a process of its own that answers questions, a line of JSON each.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{bail, ensure, Context};
use cuckoo_testkit::setup;
use serde_json::Value;

use super::model::Model;

const LLAMA_CPP: &str = "scripts/llama-cpp";

/// The process. Ends with this value.
pub(super) struct Contender {
    name: &'static str,
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// A measured answer.
pub(super) struct Timed {
    /// That were read or produced.
    pub(super) tokens: f64,
    pub(super) seconds: f64,
}

impl Contender {
    /// Our engine, with `kv_memory_mib` MiB for the keys and values of `running` texts.
    pub(super) fn engine(
        program: &str,
        model: &Model,
        threads: &str,
        running: u32,
        kv_memory_mib: u64,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.arg(&model.models_dir).args([&model.id, threads]);
        command.args([kv_memory_mib.to_string(), running.to_string()]);
        Self::spawn("the engine", command)
    }

    /// llama.cpp, fetched if it is not there, with memory for `texts` texts of `text_tokens` tokens.
    pub(super) fn llama_cpp(model: &Model, threads: &str, texts: u32, text_tokens: u32) -> anyhow::Result<Self> {
        let install = format!("{LLAMA_CPP}/install");
        let output = Command::new(&install)
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run {install}; run this in the clone's root"))?;
        ensure!(output.status.success(), "llama.cpp could not be fetched: {install} ended with {}", output.status);
        let libraries = String::from_utf8(output.stdout).context("the libraries' folder has an odd name")?;
        let mut command = Command::new(setup::python()?);
        command.env("LLAMA_CPP", libraries.trim()).arg(format!("{LLAMA_CPP}/measure.py")).arg(&model.gguf);
        command.args([threads, &texts.to_string(), &text_tokens.to_string()]);
        Self::spawn("llama.cpp", command)
    }

    fn spawn(name: &'static str, mut command: Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        let questions = child.stdin.take().context("a child without input")?;
        let answers = BufReader::new(child.stdout.take().context("a child without output")?);
        Ok(Self { name, child, questions, answers })
    }

    /// Asks and waits for the answer.
    pub(super) fn ask(&mut self, question: &Value) -> anyhow::Result<Value> {
        let name = self.name;
        writeln!(self.questions, "{question}").with_context(|| format!("{name} takes no more questions"))?;
        let mut line = String::new();
        ensure!(self.answers.read_line(&mut line)? > 0, "{name} ended instead of answering {question}");
        let answer: Value = serde_json::from_str(&line).with_context(|| format!("{name} answered {line:?}"))?;
        match answer.get("failed") {
            Some(reason) => bail!("{name} failed at {question}: {reason}"),
            None => Ok(answer),
        }
    }

    /// Asks for a number.
    pub(super) fn number(&mut self, question: &Value, field: &str) -> anyhow::Result<f64> {
        number(&self.ask(question)?, field)
    }

    /// Asks for a measurement.
    pub(super) fn timed(&mut self, question: &Value) -> anyhow::Result<Timed> {
        let answer = self.ask(question)?;
        Ok(Timed { tokens: number(&answer, "tokens")?, seconds: number(&answer, "seconds")? })
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        // It may be computing; nobody waits for that any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn number(answer: &Value, field: &str) -> anyhow::Result<f64> {
    answer[field].as_f64().with_context(|| format!("{field} is missing in {answer}"))
}
