//! Ending an attempt before its work is done.

use cuckoo_wire::link::CancelReason;
use tokio::sync::oneshot;

/// Why an attempt is to end before its work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nobody waits for the answer any more; what was sent of it is paid.
    Cancelled,
    /// The coordinator holds this miner at fault, and pays nothing.
    Fault,
    /// This miner is stopping and does not finish it.
    Draining,
}

impl From<CancelReason> for Stop {
    fn from(reason: CancelReason) -> Self {
        match reason {
            CancelReason::Client | CancelReason::Deadline => Self::Cancelled,
            // Whoever does not promise to pay is not trusted to.
            CancelReason::Fault | CancelReason::Unspecified => Self::Fault,
        }
    }
}

/// Tells a running attempt to stop. Only the first reason counts.
#[derive(Debug)]
pub(super) struct Stopper(Option<oneshot::Sender<Stop>>);

impl Stopper {
    /// A stopper, and the end at which its attempt hears of it.
    pub(super) fn new() -> (Self, oneshot::Receiver<Stop>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Some(sender)), receiver)
    }

    /// Stops the attempt if nobody did before.
    pub(super) fn stop(&mut self, why: Stop) {
        if let Some(sender) = self.0.take() {
            // An attempt that has ended by itself needs no reason.
            let _ = sender.send(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_counts() {
        let (mut stopper, mut stopped) = Stopper::new();
        assert!(stopped.try_recv().is_err());
        stopper.stop(Stop::Cancelled);
        stopper.stop(Stop::Fault);
        assert_eq!(stopped.try_recv(), Ok(Stop::Cancelled));
    }

    #[test]
    fn whoever_gives_no_reason_to_pay_is_taken_to_refuse_it() {
        assert_eq!(Stop::from(CancelReason::Client), Stop::Cancelled);
        assert_eq!(Stop::from(CancelReason::Deadline), Stop::Cancelled);
        assert_eq!(Stop::from(CancelReason::Fault), Stop::Fault);
        assert_eq!(Stop::from(CancelReason::Unspecified), Stop::Fault);
    }
}
