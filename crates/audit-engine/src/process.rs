//! The process, from the side of whoever asks it.

use std::{
    ffi::OsString,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use cuckoo_audit::score::{Failure, Scores};
use tokio::{
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{mpsc, oneshot},
};

use crate::{
    frame::{self, FrameError},
    order::{Order, OwnModel, Ready, Reply},
};

/// Longest time for one attempt; then the process is ended and started anew.
const ORDER_LIMIT: Duration = Duration::from_secs(600);
/// Longest time until the models are loaded.
const START_LIMIT: Duration = Duration::from_secs(600);
/// Shortest time between two starts.
const START_PAUSE: Duration = Duration::from_secs(30);
/// Attempts that wait for their turn; they take memory.
const MAX_WAITING: usize = 4;

/// Why an attempt was not looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unable(pub String);

/// Why there is no process.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system starts none.
    #[error("cannot start {program:?}: {source}")]
    Spawn {
        /// What was to be started.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It has ended at once; it has said why on its standard error.
    #[error("the engine for audits has ended before it was ready; see what it says above")]
    Ended,
    /// It does not say that it is ready.
    #[error("the engine for audits does not say what it has: {0}")]
    Frame(#[from] FrameError),
    /// It takes too long.
    #[error("the engine for audits has not loaded its models within {} s", START_LIMIT.as_secs())]
    Late,
    /// It has come back with other models.
    #[error("the models of the engine for audits have changed: restart the gateway")]
    Changed,
}

/// How far an attempt is from what the engine says, if it could look at it.
type Scored = Result<Result<Scores, Failure>, Unable>;

#[derive(Debug)]
struct Job {
    order: Order,
    reply: oneshot::Sender<Scored>,
}

/// An engine in a process of its own. The process has the lowest priority, takes one attempt at a time, and ends with this.
#[derive(Debug)]
pub struct AuditEngine {
    orders: mpsc::Sender<Job>,
    models: Vec<OwnModel>,
}

impl AuditEngine {
    /// Starts `program` with `arguments`, which must [`serve`](crate::serve()) on its standard input and output, and waits until it
    /// has loaded its models.
    ///
    /// # Errors
    /// If it does not get that far.
    pub async fn start(program: PathBuf, arguments: Vec<OsString>) -> Result<Self, StartError> {
        let mut starter = Starter { program, arguments, last: None };
        let running = starter.start().await?;
        let models = running.models.clone();
        let (orders, waiting) = mpsc::channel(MAX_WAITING);
        let desk = Desk { starter, models: models.clone(), running: Some(running) };
        tokio::spawn(desk.run(waiting));
        Ok(Self { orders, models })
    }

    /// The models that it has.
    pub fn models(&self) -> &[OwnModel] {
        &self.models
    }

    /// How far an attempt is from what the engine says. Waits for its turn.
    ///
    /// # Errors
    /// If the engine could not look at it; nobody is to blame.
    pub async fn score(&self, order: Order) -> Scored {
        let ended = || Unable("the engine for audits has ended".into());
        let (reply, replied) = oneshot::channel();
        self.orders.send(Job { order, reply }).await.map_err(|_| ended())?;
        replied.await.map_err(|_| ended())?
    }
}

struct Starter {
    program: PathBuf,
    arguments: Vec<OsString>,
    last: Option<Instant>,
}

struct Running {
    // Killed when this is dropped.
    _child: Child,
    orders: ChildStdin,
    replies: ChildStdout,
    models: Vec<OwnModel>,
}

/// Where attempts wait for their turn.
struct Desk {
    starter: Starter,
    models: Vec<OwnModel>,
    running: Option<Running>,
}

impl Starter {
    async fn start(&mut self) -> Result<Running, StartError> {
        self.last = Some(Instant::now());
        // Whoever serves is served first.
        let mut child = Command::new("nice")
            .args(["-n", "19"])
            .arg(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| StartError::Spawn { program: self.program.clone(), source })?;
        let (Some(orders), Some(mut replies)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(StartError::Ended);
        };
        let ready = tokio::time::timeout(START_LIMIT, frame::read::<Ready>(&mut replies));
        let Ready { models } = ready.await.map_err(|_| StartError::Late)??.ok_or(StartError::Ended)?;
        Ok(Running { _child: child, orders, replies, models })
    }

    /// How long not to start it again yet.
    fn pause(&self) -> Duration {
        self.last.map_or(Duration::ZERO, |last| START_PAUSE.saturating_sub(last.elapsed()))
    }
}

impl Desk {
    async fn run(mut self, mut waiting: mpsc::Receiver<Job>) {
        while let Some(Job { order, reply }) = waiting.recv().await {
            if reply.is_closed() {
                continue;
            }
            let answer = self.answer(&order).await;
            if let Err(Unable(why)) = &answer {
                tracing::warn!(target: "audit_engine", why, "an answer could not be gone through");
            }
            // Whoever asked may be gone.
            drop(reply.send(answer));
        }
    }

    async fn answer(&mut self, order: &Order) -> Scored {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.restarted().await.map_err(|error| Unable(error.to_string()))?,
        };
        match tokio::time::timeout(ORDER_LIMIT, running.exchange(order)).await {
            Ok(Ok(reply)) => {
                self.running = Some(running);
                match reply {
                    Reply::Scored(scored) => Ok(scored),
                    Reply::Unable(why) => Err(Unable(why)),
                }
            }
            // It ends, since it is dropped.
            Ok(Err(error)) => Err(Unable(format!("the engine for audits has ended: {error}"))),
            Err(_) => Err(Unable(format!("the engine for audits took more than {} s", ORDER_LIMIT.as_secs()))),
        }
    }

    async fn restarted(&mut self) -> Result<Running, StartError> {
        tokio::time::sleep(self.starter.pause()).await;
        let running = self.starter.start().await?;
        match running.models == self.models {
            true => Ok(running),
            false => Err(StartError::Changed),
        }
    }
}

impl Running {
    async fn exchange(&mut self, order: &Order) -> Result<Reply, FrameError> {
        frame::write(&mut self.orders, order).await?;
        let ended = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        Ok(frame::read(&mut self.replies).await?.ok_or_else(ended)?)
    }
}
