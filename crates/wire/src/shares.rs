//! A miner's shares of the seeds of one link, and how a coordinator follows them.

use cuckoo_primitives::task::seed::{before, follows, Share};

/// Links between two that are kept, so that of a long chain little is kept and little is computed again.
const STRIDE: usize = 1024;

/// The shares of one link: a hash chain, shown from its end, see [`cuckoo_primitives::task::seed`].
///
/// Of a chain of 450,000 it holds 46 KiB.
#[derive(Clone)]
pub struct Shares {
    /// Every [`STRIDE`]th link, the first one that is shown last.
    marks: Vec<Share>,
    /// Those after the last mark, the next one last.
    next: Vec<Share>,
    /// What the first share follows.
    end: Share,
}

impl Shares {
    /// `count` shares that follow from this secret, which nobody else may know and no other link may have.
    pub fn new(secret: Share, count: usize) -> Self {
        let mut marks = Vec::with_capacity(count / STRIDE + 1);
        let mut link = secret;
        for index in 0..count {
            if index.is_multiple_of(STRIDE) {
                marks.push(link);
            }
            link = before(&link);
        }
        let last = count.checked_rem(STRIDE).filter(|rest| *rest > 0).unwrap_or(STRIDE.min(count));
        let next = marks.pop().map(|mark| run(mark, last)).unwrap_or_default();
        Self { marks, next, end: link }
    }

    /// What the first share follows: shown before there is any task.
    pub fn end(&self) -> &Share {
        &self.end
    }
}

/// The shares in order; none once all are used up.
impl Iterator for Shares {
    type Item = Share;

    fn next(&mut self) -> Option<Share> {
        if self.next.is_empty() {
            self.next = run(self.marks.pop()?, STRIDE);
        }
        self.next.pop()
    }
}

impl std::fmt::Debug for Shares {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shares").field("left", &(self.marks.len() * STRIDE + self.next.len())).finish()
    }
}

/// `count` links of a chain, from `mark` on.
fn run(mark: Share, count: usize) -> Vec<Share> {
    std::iter::successors(Some(mark), |link| Some(before(link))).take(count).collect()
}

/// The shares of one link as the coordinator sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenShares {
    last: Share,
}

impl SeenShares {
    /// None yet; the first will follow what the miner showed at the handshake.
    pub fn new(end: Share) -> Self {
        Self { last: end }
    }

    /// Takes the next share; false if it is not the next, and then nothing has changed.
    pub fn take(&mut self, share: &Share) -> bool {
        let is_next = follows(&self.last, share);
        if is_next {
            self.last = *share;
        }
        is_next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_share_follows_the_one_before() {
        for count in [0, 1, 5, STRIDE - 1, STRIDE, STRIDE + 1, 3 * STRIDE, 3 * STRIDE + 7] {
            let shares = Shares::new([7; 32], count);
            let mut seen = SeenShares::new(*shares.end());
            let all: Vec<Share> = shares.collect();
            assert_eq!(all.len(), count);
            assert!(all.iter().all(|share| seen.take(share)), "{count}");
            assert_eq!(all.last(), (count > 0).then_some(&[7; 32]), "the secret comes last");
        }
    }

    #[test]
    fn what_is_not_next_is_refused_and_changes_nothing() {
        let mut shares = Shares::new([7; 32], 10);
        let mut seen = SeenShares::new(*shares.end());
        let [first, second] = [shares.next().unwrap(), shares.next().unwrap()];
        assert!(!seen.take(&second) && !seen.take(&[0; 32]));
        assert!(seen.take(&first) && !seen.take(&first) && seen.take(&second));
    }

    #[test]
    fn nothing_of_it_is_logged() {
        assert_eq!(format!("{:?}", Shares::new([7; 32], STRIDE + 3)), "Shares { left: 1027 }");
    }
}
