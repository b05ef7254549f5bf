//! Why something could not be kept or shown.

/// Why something could not be kept or shown, in words that are fit for coordinators: what exactly the system said, and of
/// which file, is in this miner's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeptError {
    /// No such attempt, or it is too long ago, or it was another coordinator's.
    #[error("nothing is kept of this attempt")]
    Unknown,
    /// The attempt has fewer tokens.
    #[error("the attempt has {tokens} tokens, and what is asked for lies behind them")]
    NoSuchToken {
        /// How many it has.
        tokens: u32,
    },
    /// An attempt is kept once.
    #[error("this attempt is kept already")]
    Twice,
    /// No list is that long.
    #[error("an attempt of so many tokens cannot be kept")]
    TooLong,
    /// It would take more of the disk than may be taken.
    #[error("the miner has no room to keep more")]
    Full,
    /// The system refuses to write.
    #[error("the miner cannot write what it has to keep; its log says why")]
    Unwritable,
    /// The system refuses to read, or what it reads is not what was written.
    #[error("the miner cannot read what it has kept; its log says why")]
    Unreadable,
    /// Nothing says whether the attempt was ever kept, since some of what was kept is damaged.
    #[error(
        "some of what the miner has kept is damaged, so that it is not known whether it kept this; its log says more"
    )]
    Incomplete,
    /// Another version of this program wrote it.
    #[error("what is kept was written by a newer miner-worker; update this one")]
    Newer,
}
