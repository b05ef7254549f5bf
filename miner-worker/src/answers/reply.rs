//! What to say to a challenge.

use std::time::Duration;

use cuckoo_primitives::{
    challenge::{Answer, Challenge, Question},
    EraIndex,
};

use super::Who;
use crate::{
    kept::{Kept, KeptError},
    link::dated::DEADLINE_SLACK,
};

/// So long after it was first seen that a result is asked for is it said that there is none. It can be asked for from
/// its deadline on; the attempt may run a little longer, and then still be on its way to the disk.
const LAST_WRITES: Duration = Duration::from_secs(60);
// As long again is left for the last writes, and for a miner's clock that is behind the chain's.
const _: () = assert!(LAST_WRITES.as_secs() >= 2 * DEADLINE_SLACK.as_secs());

/// What to do about a challenge now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// To answer this.
    Say(Box<Answer>),
    /// To wait, for this reason.
    Wait(&'static str),
    /// Nothing can be said. People have to see to it.
    Cannot { why: String, mend: &'static str },
}

/// What to say to this challenge, seen `since` so long, in this era; `None`: it is not known which one it is now.
pub(super) async fn reply(
    kept: &Kept,
    who: &Who,
    challenge: &Challenge,
    since: Duration,
    era: Option<EraIndex>,
) -> Reply {
    let reply = match &challenge.question {
        Question::Leaf { attempt, index, .. } => match kept.proof(attempt, *index).await {
            Ok((leaf, path)) => Reply::Say(Box::new(Answer::Leaf { leaf, path })),
            Err(KeptError::Unknown) if who.workers > 1 => {
                Reply::Wait("nothing is kept of it here; another worker has it")
            }
            Err(error) => cannot(error),
        },
        Question::Result { attempt, .. } => match kept.receipt(attempt).await {
            Ok(Some(signed)) => Reply::Say(Box::new(Answer::Receipt(signed))),
            Ok(None) => without_receipt(who, challenge.due_in, since, era),
            Err(error) => cannot(error),
        },
    };
    match reply {
        // Only valid answers are free.
        Reply::Say(answer) if !challenge.question.is_answered_by(&answer, &who.genesis) => Reply::Cannot {
            why: "what is kept does not fit the question".into(),
            mend: "see whether another machine works with this operator's key",
        },
        reply => reply,
    }
}

/// What to say of an attempt that has no receipt. Whoever says that nothing came of it takes it from those who could show
/// one. So it is said as late as is safe, and only by what is known to be true now.
fn without_receipt(who: &Who, due_in: EraIndex, since: Duration, era: Option<EraIndex>) -> Reply {
    match era {
        None => Reply::Wait("the chain stands still, as far as is known here"),
        Some(era) if era < due_in && who.workers > 1 => {
            Reply::Wait("there is no receipt of it here; another worker may have one")
        }
        Some(era) if era < due_in && since < LAST_WRITES => Reply::Wait("there is no receipt of it yet"),
        Some(_) => Reply::Say(Box::new(Answer::Nothing)),
    }
}

fn cannot(error: KeptError) -> Reply {
    let mend = match error {
        KeptError::Unknown | KeptError::NoSuchToken { .. } => {
            "start a worker with the --data-dir with which this operator's worker ran when it did that task"
        }
        _ => "check the disk of --data-dir and start this worker again",
    };
    Reply::Cannot { why: error.to_string(), mend }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::fixture::{about_leaf, about_result, signed, who};

    const DUE_IN: EraIndex = 8;

    async fn of(kept: &Kept, challenge: &Challenge, workers: u32, since_s: u64, era: EraIndex) -> Reply {
        let who = Who { workers, ..who() };
        reply(kept, &who, challenge, Duration::from_secs(since_s), Some(era)).await
    }

    #[tokio::test]
    async fn what_is_kept_is_shown_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::open(dir.path(), 1 << 20).unwrap();
        let (receipt, leaves) = signed(1, 5);
        kept.keep(receipt.clone(), leaves.clone()).await.unwrap();
        for workers in [1, 3] {
            let Reply::Say(answer) = of(&kept, &about_leaf(&receipt, 3), workers, 0, 1).await else { panic!("silent") };
            assert!(matches!(&*answer, Answer::Leaf { leaf, .. } if *leaf == leaves[3]));
            let reply = of(&kept, &about_result(&receipt), workers, 0, 1).await;
            assert_eq!(reply, Reply::Say(Box::new(Answer::Receipt(receipt.clone()))));
        }
    }

    #[tokio::test]
    async fn that_there_is_nothing_is_said_when_nothing_can_come_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::open(dir.path(), 1 << 20).unwrap();
        let challenge = about_result(&signed(1, 5).0);
        let nothing = Reply::Say(Box::new(Answer::Nothing));
        let waits = |reply| matches!(reply, Reply::Wait(_));
        assert!(waits(of(&kept, &challenge, 1, 59, 7).await));
        assert_eq!(of(&kept, &challenge, 1, 60, 7).await, nothing);
        assert_eq!(of(&kept, &challenge, 1, 0, DUE_IN).await, nothing);
        // The others have all the time that there is.
        assert!(waits(of(&kept, &challenge, 2, 100_000, 7).await));
        assert_eq!(of(&kept, &challenge, 2, 0, DUE_IN).await, nothing);
    }

    #[tokio::test]
    async fn what_is_not_kept_cannot_be_shown_but_perhaps_by_another_worker() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::open(dir.path(), 1 << 20).unwrap();
        let challenge = about_leaf(&signed(1, 5).0, 3);
        assert!(matches!(of(&kept, &challenge, 2, 0, DUE_IN).await, Reply::Wait(_)));
        let Reply::Cannot { mend, .. } = of(&kept, &challenge, 1, 0, 7).await else { panic!("what does it say?") };
        assert!(mend.contains("--data-dir"), "{mend}");
    }

    #[tokio::test]
    async fn a_store_that_cannot_be_read_never_says_that_there_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (receipt, leaves) = signed(1, 5);
        let kept = Kept::open(dir.path(), 1 << 20).unwrap();
        kept.keep(receipt.clone(), leaves).await.unwrap();
        kept.keep(signed(2, 5).0, signed(2, 5).1).await.unwrap();
        drop(kept);
        let path = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let kept = Kept::open(dir.path(), 1 << 20).unwrap();
        for challenge in [about_result(&receipt), about_result(&signed(9, 1).0), about_leaf(&receipt, 0)] {
            let reply = of(&kept, &challenge, 1, 100_000, DUE_IN).await;
            assert!(matches!(reply, Reply::Cannot { mend, .. } if mend.contains("disk")), "{challenge:?}");
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_the_question_is_not_sent() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::open(dir.path(), 1 << 20).unwrap();
        let (receipt, leaves) = signed(1, 5);
        kept.keep(receipt.clone(), leaves).await.unwrap();
        let mut other = receipt;
        other.receipt.spec.deadline_ms += 1;
        other.receipt.commitment.as_mut().unwrap().leaves_root = Default::default();
        for challenge in [about_result(&other), about_leaf(&other, 1)] {
            assert!(matches!(of(&kept, &challenge, 1, 0, 1).await, Reply::Cannot { .. }), "{challenge:?}");
        }
    }
}
