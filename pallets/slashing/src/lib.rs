//! # Slashing: faults of candidates
//!
//! ## Overview
//!
//! Whoever holds [`Evidence`](cuckoo_primitives::evidence::Evidence) of a candidate's fault reports it, and the chain
//! checks it alone. Consensus reports blocks and votes that contradict each other. What only the miner itself can show is
//! asked for by a *challenge*, and silence is a fault too. Each fault becomes a *case* on a public *docket*, where it waits
//! [`DeferEras`] before the slash is applied to all stake that stood behind the candidate when it did it. The candidate is
//! chilled at once. A validator that does not show up is chilled too, but not slashed.
//!
//! ## Lifecycle
//!
//! ```text
//!  fault             report                                            apply
//!   │◄─ EvidenceEras ─►│◄──────────────── DeferEras ────────────────────►│
//!   offence_era        reported_in: offender chilled, case on the docket  apply_in: stake taken, conviction on record
//!                                   └── cancel_slash ──► off the docket
//!
//!  task begins     challenge                  answer                    silence
//!   │◄─ one hour ─►│◄── at least one era ──────►│                        │
//!   offence_era    deposit on hold              due_in: the last era     due_in + 1: a fault, reported by the challenger
//!                       └── answer ──► the deposit is back, but for 2 %   └── the deposit is back
//! ```
//!
//! - One fault of a kind, candidate and era is one case. More evidence of it is refused; a consensus fault that turns
//!   out graver raises the case while it is open.
//! - A fault counts in the era in which it was done. What miners sign is dated by its task's id
//!   ([`began_ms`](cuckoo_primitives::task::began_ms)).
//! - Evidence and deferral together end before stake can have left: genesis refuses lengths for which `EvidenceEras +
//!   DeferEras + 1` is more than the eras that unbonding takes.
//! - Each conviction of the last [`Config::MemoryEras`] doubles the fraction of the candidate's next, up to all.
//! - A case does not depend on the candidate being registered still.
//! - Cases are applied in the order in which they were filed. What the slashes of others have cost the offender is taken
//!   before, a bounded number in a step; until that is done, its case and those behind it wait.
//!
//! A report costs its fee if it is refused, and nothing if it is valid. A tenth of what the offender itself loses goes
//! to the first that reports it; who reports itself loses the other nine. A report lies open in the pool, so that others
//! may copy it and come first: the fault is punished all the same, but the share is no sure income.
//!
//! ## Challenges
//!
//! A miner that signed a receipt has to show how it drew any of its tokens, and one that accepted an attempt has to show
//! what came of it once the time for it is over. Off the chain nobody can tell a miner that keeps silent from a coordinator
//! that says so. So whoever got no answer asks on the chain, where all see the question and the answer.
//!
//! - Anyone may ask what the miner signed, each question once, up to an hour after the task began, and for a result after
//!   its deadline. What is asked about an era is asked so early that evidence of that era counts still when silence is
//!   charged: a challenge that is made in era `e` is charged in `e + 2`, so `offence_era + EvidenceEras >= e + 2`. With
//!   that all else holds that holds for reports: stake cannot leave before the slash that an open challenge may lead to,
//!   and the key that signed is known until then.
//! - The miner answers, by its stash or by the key that is asked: with what it signed or committed to, or that nothing came of
//!   an attempt, which costs it nothing and is on record for whoever chooses miners. Nobody else can: a miner sees a moment
//!   late that its challenge is closed, and whoever answered its own challenges first, again and again, would have it pay
//!   fees for answers to nothing until it can answer no more.
//! - Asking holds [`Config::ChallengeDeposit`]. A valid answer costs no fee and ends the challenge: [`ANSWER_SHARE`] of the
//!   deposit is the answerer's, [`BURNED_SHARE`] is burned, the rest is free again. So asking for nothing costs something,
//!   and who makes others ask on the chain earns no more than its trouble. Silence ends it with the deposit untouched.
//! - There is no limit to the challenges of a miner, so that nobody can fill it with harmless ones. A block takes fewer
//!   challenges than answers, and they have a whole era.
//! - Silence that could not be charged until evidence counts no more, since the chain stood still or because of millions of
//!   others, is not charged.
//!
//! ## What governance can do
//!
//! [`Config::CancelOrigin`] can take a case off the docket while it waits. The offender stays chilled until it
//! validates again, and other evidence of the same fault, candidate and era is not heard again. It cannot file or
//! raise a case, name another offender, shorten the wait, end a challenge, or undo a slash that was applied.
//!
//! ## Owners
//!
//! | owner | storage |
//! |---|---|
//! | [`Docket`] | [`Cases`], [`NextCase`], [`Due`], [`DueFrom`], [`OpenCount`] |
//! | [`Heard`] | [`Seen`], [`SeenFrom`] |
//! | [`CriminalRecord`] | [`Convictions`] |
//! | [`Challenges`] | [`OpenChallenges`], [`NextChallenge`], [`AnswersDue`], [`AnswersDueFrom`], [`ChallengesOf`] |
//! | [`Questions`] | [`Asked`], [`AskedFrom`] |
//! | [`Deposits`] | the hold [`HoldReason::Challenge`] |
//! | [`Liveness`] | [`Produced`], [`Authors`], [`Absences`] |
//! | [`Window`] | [`EvidenceEras`], [`DeferEras`] |
//!
//! ## Invariants
//!
//! `do_try_state` (file `try_state.rs`) names them: every case is due in its era, open counts are the cases of a stash,
//! nothing was due in an era that is done, an open case is seen for as long as its evidence counts; every challenge is due
//! in its era, found by its miner and remembered as asked, and what is held of a challenger is its deposits.

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::float_arithmetic
    )
)]
#![warn(missing_docs)]

extern crate alloc;

mod answer;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod challenges;
mod convictions;
mod demand;
mod deposits;
mod docket;
mod genesis;
mod heard;
mod judge;
mod liveness;
mod offences;
mod penalty;
mod questions;
mod report;
mod silence;
mod try_state;
pub mod weights;
mod window;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use challenges::Challenges;
pub use convictions::{CriminalRecord, MAX_CONVICTIONS};
pub use deposits::{Deposits, ANSWER_SHARE, BURNED_SHARE};
pub use docket::Docket;
pub use heard::Heard;
pub use liveness::{Absence, Liveness, ABSENT_AFTER_BLOCKS};
pub use pallet::*;
pub use questions::Questions;
pub use weights::WeightInfo;
pub use window::Window;

#[frame_support::pallet]
// FRAME's macros expand to `expect`s.
#[allow(clippy::expect_used)]
pub mod pallet {
    use super::{
        answer, demand, judge::Judge, report, silence, Absence, Challenges, CriminalRecord, Deposits, Docket, Heard,
        Liveness, Questions, WeightInfo, MAX_CONVICTIONS,
    };
    use alloc::{boxed::Box, vec::Vec};
    use cuckoo_primitives::{
        challenge::{Answer, Challenge, ChallengeId, Demand, Question},
        docket::{Case, CaseId, Conviction, Fault},
        evidence::Evidence,
        registry::{Candidates, CurrentEra, Operators, Slash, MAX_SETTLED},
        AccountId, Balance, EraIndex, Hash,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{hold, Balanced},
            UnixTime,
        },
        weights::WeightMeter,
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::Perbill;

    /// Layout of this pallet's storage.
    pub(crate) const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);
    /// Charging silence, applying cases and forgetting takes at most one part in so many of a block: 10 %.
    const HOOK_PART: u64 = 10;

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<AccountId = AccountId, Hash = Hash> {
        /// The token that challengers put up.
        type Currency: hold::Mutate<AccountId, Balance = Balance, Reason = Self::RuntimeHoldReason>
            + hold::Balanced<AccountId>
            + Balanced<AccountId, Balance = Balance>;
        /// The runtime's reasons to hold funds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Knows the era, and which one ran when.
        type CurrentEra: CurrentEra;
        /// Knows the time.
        type Time: UnixTime;
        /// Chills candidates.
        type Candidates: Candidates<AccountId>;
        /// Knows for whom a key signs, or signed.
        type Operators: Operators<AccountId>;
        /// Takes stake.
        type Slash: Slash<AccountId>;
        /// Who may cancel a case.
        type CancelOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Eras for which a conviction doubles the fraction of the candidate's next.
        #[pallet::constant]
        type MemoryEras: Get<EraIndex>;
        /// Most validators of a session.
        #[pallet::constant]
        type MaxValidators: Get<u32>;
        /// Validators of a session that are not chilled for their absence, so that the chain is not left to too few.
        #[pallet::constant]
        type MinStanding: Get<u32>;
        /// What is held for a challenge until it ends, in planck. High enough that a miner answers many before somebody who
        /// makes it answer for nothing is poor, and low enough that whoever is denied an answer can ask for it.
        #[pallet::constant]
        type ChallengeDeposit: Get<Balance>;
        /// What the calls and hooks cost.
        type WeightInfo: WeightInfo;
        /// Sets up what is measured.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkMarket: cuckoo_primitives::benchmarking::BenchmarkMarket<AccountId>;
    }

    /// The cases that wait, by number. Owned by [`Docket`].
    #[pallet::storage]
    pub type Cases<T: Config> = StorageMap<_, Twox64Concat, CaseId, Case>;

    /// The number of the next case. Owned by [`Docket`].
    #[pallet::storage]
    pub type NextCase<T: Config> = StorageValue<_, CaseId, ValueQuery>;

    /// Cases by the era from which they are applied, then by number with the highest byte first, so that those of one
    /// era lie in the order in which they were filed. Owned by [`Docket`].
    #[pallet::storage]
    pub type Due<T: Config> = StorageDoubleMap<_, Twox64Concat, EraIndex, Identity, [u8; 8], ()>;

    /// No case is due in an era before this one. Owned by [`Docket`].
    #[pallet::storage]
    pub type DueFrom<T: Config> = StorageValue<_, EraIndex, ValueQuery>;

    /// How many cases of a stash wait. Owned by [`Docket`].
    #[pallet::storage]
    pub type OpenCount<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, u32, ValueQuery>;

    /// The faults that became cases, by the era in which they were done, kept while evidence of them counts. Owned by
    /// [`Heard`].
    #[pallet::storage]
    pub type Seen<T: Config> =
        StorageDoubleMap<_, Twox64Concat, EraIndex, Blake2_128Concat, (Fault, AccountId), CaseId>;

    /// Faults of earlier eras have been forgotten. Owned by [`Heard`].
    #[pallet::storage]
    pub type SeenFrom<T: Config> = StorageValue<_, EraIndex, ValueQuery>;

    /// What a stash was convicted of, the oldest first. Owned by [`CriminalRecord`](super::CriminalRecord).
    #[pallet::storage]
    pub type Convictions<T: Config> =
        StorageMap<_, Blake2_128Concat, AccountId, BoundedVec<Conviction, ConstU32<MAX_CONVICTIONS>>, ValueQuery>;

    /// Why this pallet holds funds.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// A challenge waits for its answer.
        Challenge,
    }

    /// The challenges that wait for their answers, by number. Owned by [`Challenges`].
    #[pallet::storage]
    pub type OpenChallenges<T: Config> = StorageMap<_, Twox64Concat, ChallengeId, Challenge>;

    /// The number of the next challenge. Owned by [`Challenges`].
    #[pallet::storage]
    pub type NextChallenge<T: Config> = StorageValue<_, ChallengeId, ValueQuery>;

    /// Open challenges by the era in which an answer is due, then by number with the highest byte first. Owned by
    /// [`Challenges`].
    #[pallet::storage]
    pub type AnswersDue<T: Config> = StorageDoubleMap<_, Twox64Concat, EraIndex, Identity, [u8; 8], ()>;

    /// No answer that was due in an era before this one is waited for. Owned by [`Challenges`].
    #[pallet::storage]
    pub type AnswersDueFrom<T: Config> = StorageValue<_, EraIndex, ValueQuery>;

    /// Open challenges by the stash of the miner that is asked, then by number with the highest byte first. Owned by
    /// [`Challenges`].
    #[pallet::storage]
    pub type ChallengesOf<T: Config> = StorageDoubleMap<_, Blake2_128Concat, AccountId, Identity, [u8; 8], ()>;

    /// Hashes of the questions that were asked, by the era in which the task began, kept while evidence of it counts. Owned
    /// by [`Questions`].
    #[pallet::storage]
    pub type Asked<T: Config> = StorageDoubleMap<_, Twox64Concat, EraIndex, Identity, Hash, ()>;

    /// Questions about earlier eras have been forgotten. Owned by [`Questions`].
    #[pallet::storage]
    pub type AskedFrom<T: Config> = StorageValue<_, EraIndex, ValueQuery>;

    /// Blocks of this session so far. Owned by [`Liveness`].
    #[pallet::storage]
    pub type Produced<T: Config> = StorageValue<_, u32, ValueQuery>;

    /// Who authored any of them. Owned by [`Liveness`].
    #[pallet::storage]
    pub type Authors<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, ()>;

    /// Validators of the last session that authored nothing in it. Owned by [`Liveness`].
    #[pallet::storage]
    pub type Absences<T: Config> = StorageValue<_, BoundedVec<Absence, T::MaxValidators>, ValueQuery>;

    /// Two: what a chain has whose genesis knew nothing of slashes.
    #[pallet::type_value]
    pub fn DefaultEvidenceEras() -> EraIndex {
        2
    }

    /// Eras after a fault in which evidence of it counts. Owned by [`Window`](super::Window).
    #[pallet::storage]
    pub type EvidenceEras<T: Config> = StorageValue<_, EraIndex, ValueQuery, DefaultEvidenceEras>;

    /// One: what a chain has whose genesis knew nothing of slashes.
    #[pallet::type_value]
    pub fn DefaultDeferEras() -> EraIndex {
        1
    }

    /// Eras that a case waits. Owned by [`Window`](super::Window).
    #[pallet::storage]
    pub type DeferEras<T: Config> = StorageValue<_, EraIndex, ValueQuery, DefaultDeferEras>;

    /// How long evidence counts and slashes wait. Needs the eras' length and number, so it is built after them.
    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// See [`EvidenceEras`]; at least 2, with which a challenge can be made in the era of its task.
        pub evidence_eras: EraIndex,
        /// See [`DeferEras`]. With the evidence's eras and one more it must fit into the eras that unbonding takes.
        pub defer_eras: EraIndex,
        #[doc(hidden)]
        #[serde(skip)]
        pub _config: PhantomData<T>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            Self {
                evidence_eras: DefaultEvidenceEras::get(),
                defer_eras: DefaultDeferEras::get(),
                _config: PhantomData,
            }
        }
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            super::genesis::build(self);
        }
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A fault was proven; the offender is chilled and its case waits on the docket.
        Charged {
            /// Number of the case.
            case: CaseId,
            /// Whose operator did it.
            offender: AccountId,
            /// What it did.
            fault: Fault,
            /// When.
            offence_era: EraIndex,
            /// How much of the liable stake is to be taken, earlier convictions not counted.
            fraction: Perbill,
            /// Who reported it.
            reporter: Option<AccountId>,
            /// blake2_256 of the evidence, or of the challenge that was not answered; none if consensus keeps the proof.
            evidence_hash: Option<Hash>,
            /// The era from which it is applied.
            apply_in: EraIndex,
        },
        /// A fault turned out graver than its case says.
        Raised {
            /// Number of the case.
            case: CaseId,
            /// How much of the liable stake is to be taken now.
            fraction: Perbill,
        },
        /// Governance took a case off the docket.
        SlashCancelled {
            /// The number that it had.
            case: CaseId,
            /// Who is not slashed; it may validate again.
            offender: AccountId,
        },
        /// A case was applied.
        Slashed {
            /// The number that it had.
            case: CaseId,
            /// Whose stake, with that of its voters, was taken.
            offender: AccountId,
            /// The stake of which era was liable.
            offence_era: EraIndex,
            /// How much of it was taken, earlier convictions counted.
            fraction: Perbill,
            /// What the offender itself lost, in planck.
            loss: Balance,
            /// Who earned a share of that.
            reporter: Option<AccountId>,
        },
        /// A validator was chilled because it produced no block.
        ValidatorAbsent {
            /// Its stash.
            validator: AccountId,
            /// Blocks that it should have produced since its last, rounded down.
            missed_blocks: u32,
        },
        /// A miner is asked something that it has to answer.
        Challenged {
            /// Number of the challenge.
            challenge: ChallengeId,
            /// The miner's stash.
            miner: AccountId,
            /// The operator that signed.
            operator: AccountId,
            /// Who asks.
            challenger: AccountId,
            /// What is asked.
            question: Question,
            /// The last era in which an answer is sure to count.
            due_in: EraIndex,
        },
        /// A challenge was answered; the call has what was shown.
        Answered {
            /// The number that it had.
            challenge: ChallengeId,
            /// The miner's stash.
            miner: AccountId,
            /// Who answered.
            by: AccountId,
            /// What was shown: the hash of a leaf in its tree, or the hash under the signature of a receipt; none if the miner
            /// said that nothing came of the attempt.
            shown: Option<Hash>,
        },
        /// Nobody answered a challenge in time; the deposit is back.
        Unanswered {
            /// The number that it had.
            challenge: ChallengeId,
            /// The miner's stash.
            miner: AccountId,
            /// Who asked.
            challenger: AccountId,
            /// Whether it became a case; not if the miner has one for another silence of that kind and era.
            is_charged: bool,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// Both statements say the same. A fault takes two that differ in more than the signature.
        NoDifference,
        /// The statements are not of one miner, link, task and attempt; only such contradict each other.
        OtherAttempt,
        /// The task's id is no UUIDv7, so that nothing says when it was done. Look at `began_ms` before you sign or report.
        Undated,
        /// A statement is not signed by the miner that it names, or was signed for another chain.
        BadSignature,
        /// The task lies so far back that evidence counts no more, or later than this block; for one that has only just
        /// begun, wait for the next block.
        OutsideEvidenceWindow,
        /// The key worked for no candidate when the task began.
        UnknownOperator,
        /// This fault of this candidate in this era has its case already; see `Seen`.
        AlreadyReported,
        /// No such case waits: it was applied or cancelled, or never filed. See `Cases`.
        NoSuchCase,
        /// The receipt commits to no tokens, or to more than the miner signed for while it sent them: then only what it signed
        /// with the last of them counts.
        NotCommitted,
        /// A way does not lead from the item, at this place, to the root that the receipt names. Take it from the tree over
        /// all items.
        WrongPath,
        /// The token was drawn as the receipt's seed and parameters want it. That the logits are not the model's is for
        /// audits to find.
        WellDrawn,
        /// The receipt is for no more tokens than were asked for, and commits to as many as it counts, with or without the
        /// one that ends the text.
        NoExcess,
        /// Miners are challenged within an hour after the task began, and so early that evidence counts still when silence
        /// is charged, two eras from now. Ask off the chain at once, and on it soon.
        TooLateToAsk,
        /// The deadline has not passed, so that the miner may be at work. Ask for the result after it.
        TooEarlyToAsk,
        /// The deadline is more than an hour after the task began. Miners keep results for no longer, so nobody can be
        /// asked for this one; set nearer deadlines.
        DeadlineTooLate,
        /// The key worked for a coordinator or a validator when the task began, which answer for no tasks.
        NotAMiner,
        /// The receipt commits to no token at this place, or to no tokens at all. Places count from 0 in each attempt.
        NoSuchToken,
        /// The miner is asked this, or was. See `Challenged` and `Answered` among the events.
        AlreadyAsked,
        /// No such challenge is open: it was answered, or its time is over, or it was never made. See `OpenChallenges`.
        NoSuchChallenge,
        /// That is not what is asked for: the leaf and its way to the root, or a signed receipt for what was accepted.
        WrongAnswer,
        /// Only the miner can answer: by its stash, or by the operator that is asked.
        NotTheMiner,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        /// Charges silence, applies the cases that are due, then forgets faults and questions of eras of which evidence
        /// counts no more; what does not fit into the block waits for the next. Silence comes first, since it is charged only
        /// while evidence counts; stake waits for cases.
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            let mut meter = WeightMeter::with_limit(Self::hook_limit());
            silence::charge::<T>(&mut meter);
            Judge::<T>::apply_due(&mut meter);
            Heard::<T>::forget(&mut meter);
            Questions::<T>::forget(&mut meter);
            meter.consumed()
        }

        fn integrity_test() {
            let looks = T::WeightInfo::look_for_unanswered().saturating_add(T::WeightInfo::look_for_due());
            let one = looks.saturating_add(T::WeightInfo::apply_case(MAX_SETTLED));
            assert!(one.all_lte(Self::hook_limit()), "no case would ever be applied: one takes {one:?}");
            let one = looks.saturating_add(T::WeightInfo::charge_unanswered());
            assert!(one.all_lte(Self::hook_limit()), "silence would never be charged: once takes {one:?}");
            assert!(!T::ChallengeDeposit::get().is_zero(), "challenges would cost nothing");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Reports a fault. If the evidence is valid and new, the fee is returned, the offender is chilled and its case
        /// is put on the docket.
        #[pallet::call_index(0)]
        #[pallet::weight(report::weight::<T>(evidence))]
        pub fn report(origin: OriginFor<T>, evidence: Box<Evidence>) -> DispatchResultWithPostInfo {
            let reporter = ensure_signed(origin)?;
            let charge = report::charge::<T>(&evidence, reporter)?;
            ensure!(Judge::<T>::hear(charge), Error::<T>::AlreadyReported);
            Ok(Pays::No.into())
        }

        /// Takes a case off the docket. The offender may validate again.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::cancel_slash())]
        pub fn cancel_slash(origin: OriginFor<T>, #[pallet::compact] case: CaseId) -> DispatchResult {
            T::CancelOrigin::ensure_origin(origin)?;
            let cancelled = Docket::<T>::close(case).ok_or(Error::<T>::NoSuchCase)?;
            Self::deposit_event(Event::SlashCancelled { case, offender: cancelled.offender });
            Ok(())
        }

        /// Demands of a miner to show what only it can show. It has until the end of the next era; its silence is a fault,
        /// of which the caller is the reporter. [`Config::ChallengeDeposit`] is held until then.
        #[pallet::call_index(2)]
        #[pallet::weight(demand::weight::<T>(demand))]
        pub fn challenge(origin: OriginFor<T>, demand: Box<Demand>) -> DispatchResult {
            let challenger = ensure_signed(origin)?;
            let demand::Asked { miner, operator, question, offence_era, due_in } = demand::check::<T>(&demand)?;
            let deposit = Deposits::<T>::take(&challenger)?;
            Questions::<T>::remember(offence_era, &operator, &question);
            let challenge = Challenges::<T>::open(Challenge {
                challenger: challenger.clone(),
                deposit,
                miner: miner.clone(),
                operator: operator.clone(),
                question: question.clone(),
                offence_era,
                due_in,
            });
            Self::deposit_event(Event::Challenged { challenge, miner, operator, challenger, question, due_in });
            Ok(())
        }

        /// Answers a challenge to the caller, or to its miner. If the answer is valid, the fee is returned, the caller gets a share
        /// of the deposit, and the challenge is over.
        #[pallet::call_index(3)]
        #[pallet::weight(answer::weight::<T>(answer))]
        pub fn answer(
            origin: OriginFor<T>,
            #[pallet::compact] id: ChallengeId,
            answer: Box<Answer>,
        ) -> DispatchResultWithPostInfo {
            let by = ensure_signed(origin)?;
            let challenge = Challenges::<T>::get(id).ok_or(Error::<T>::NoSuchChallenge)?;
            let shown = answer::check::<T>(&challenge, &answer, &by)?;
            Challenges::<T>::close(id);
            Deposits::<T>::share(&challenge, &by);
            Self::deposit_event(Event::Answered { challenge: id, miner: challenge.miner, by, shown });
            Ok(Pays::No.into())
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The case with this number, if it waits.
        pub fn case(id: CaseId) -> Option<Case> {
            Docket::<T>::get(id)
        }

        /// Cases that wait in storage order, at most `limit` and 256, those after `after` or from the first.
        pub fn docket(after: Option<CaseId>, limit: u32) -> Vec<(CaseId, Case)> {
            Docket::<T>::page(after, limit)
        }

        /// The challenge with this number, if it waits for its answer.
        pub fn open_challenge(id: ChallengeId) -> Option<Challenge> {
            Challenges::<T>::get(id)
        }

        /// Challenges that wait for their answers in storage order, at most `limit` and 64, those after `after` or from the
        /// first.
        pub fn open_challenges(after: Option<ChallengeId>, limit: u32) -> Vec<(ChallengeId, Challenge)> {
            Challenges::<T>::page(after, limit)
        }

        /// Those among them that the miner with this stash is to answer, the oldest first.
        pub fn challenges_against(
            miner: AccountId,
            after: Option<ChallengeId>,
            limit: u32,
        ) -> Vec<(ChallengeId, Challenge)> {
            Challenges::<T>::page_against(&miner, after, limit)
        }

        /// What `stash` was convicted of, the oldest first.
        pub fn convictions(stash: AccountId) -> Vec<Conviction> {
            CriminalRecord::<T>::of(&stash)
        }
    }

    impl<T: Config> Pallet<T> {
        /// `validator` produced this block. To be called once in every block, after the session may have ended: the first
        /// block of a session is one of that session.
        pub fn note_author(validator: &AccountId) {
            Liveness::<T>::note_author(validator);
            Self::account_for(T::WeightInfo::note_author());
        }

        /// A session of these validators is over: those that have been absent for too long are chilled.
        pub fn session_ended(validators: &[AccountId]) {
            let absent = Liveness::<T>::end_session(validators);
            let count = absent.len() as u32;
            for Absence { validator, missed_millionths } in absent {
                if T::Candidates::chill(&validator) {
                    let missed_blocks = Absence::whole_blocks(missed_millionths);
                    Self::deposit_event(Event::ValidatorAbsent { validator, missed_blocks });
                }
            }
            // Those that were chilled before, and leave with a later session, cost nearly as much as the others.
            let others = (validators.len() as u32).saturating_sub(count);
            Self::account_for(T::WeightInfo::session_ended(others, count));
        }

        /// What the hook may take of a block.
        pub fn hook_limit() -> Weight {
            T::BlockWeights::get().max_block.saturating_div(HOOK_PART)
        }

        /// Others call these from their hooks and do not know what they cost.
        fn account_for(weight: Weight) {
            frame_system::Pallet::<T>::register_extra_weight_unchecked(weight, DispatchClass::Mandatory);
        }
    }
}
