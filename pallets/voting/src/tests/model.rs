//! The same walk in this pallet and in a model that does everything at once for every voter: the results are the same
//! within rounding.

use std::collections::BTreeMap;

use cuckoo_primitives::{registry::Candidates, AccountId, Balance, EraIndex, Role, CAI};
use proptest::prelude::*;
use sp_core::U256;
use sp_runtime::{PerThing, Perbill};

use super::steps::{everybody, ignore, step, Step};
use crate::{fixed::per_unit, mock::*, Voters};

/// What rounding may come to in a walk, in planck: some of stake for each slash, and each of these earns.
const ROUNDING: Balance = 10_000_000;

/// Fixed-point bits of the model's rewards.
const BITS: usize = 64;

#[derive(Clone, Default)]
struct Stake {
    /// (from, amount)
    live: Vec<(EraIndex, Balance)>,
    /// (from, until, amount)
    left: Vec<(EraIndex, EraIndex, Balance)>,
}

impl Stake {
    fn counted(&self, era: EraIndex) -> Balance {
        let live = self.live.iter().filter(|(from, _)| *from <= era).map(|(_, amount)| amount);
        let left = self.left.iter().filter(|(from, until, _)| *from <= era && era <= *until).map(|(.., amount)| amount);
        live.chain(left).sum()
    }

    fn total(&self) -> Balance {
        self.live.iter().map(|(_, amount)| amount).sum()
    }

    /// Takes the youngest; what counts now does so until the era ends, if it `leaves`.
    fn take(&mut self, mut amount: Balance, leaves: Option<EraIndex>) {
        for (from, here) in self.live.iter_mut().rev() {
            let taken = amount.min(*here);
            *here -= taken;
            amount -= taken;
            if let Some(now) = leaves.filter(|now| *from <= *now && taken > 0) {
                self.left.push((*from, now, taken));
            }
        }
        self.live.retain(|(_, amount)| *amount > 0);
    }
}

#[derive(Clone, Default)]
struct Voter {
    active: Balance,
    unlocking: Vec<(EraIndex, Balance)>,
    stakes: BTreeMap<AccountId, Stake>,
    /// Planck in units of 2^-64.
    reward: U256,
}

impl Voter {
    fn voted(&self) -> Balance {
        self.stakes.values().map(Stake::total).sum()
    }

    fn total(&self) -> Balance {
        self.active + self.unlocking.iter().map(|(_, amount)| amount).sum::<Balance>()
    }
}

#[derive(Clone)]
struct Standing {
    role: Role,
    from: Option<EraIndex>,
    commission: Perbill,
    blocks: u32,
}

/// Everything, done at once for everybody.
#[derive(Default)]
struct Model {
    era: EraIndex,
    voters: BTreeMap<AccountId, Voter>,
    standing: BTreeMap<AccountId, Standing>,
    /// Backing of this era's authors, and the sum of it over their blocks: as it was when they authored.
    authors: (Balance, Balance),
}

impl Model {
    fn genesis() -> Self {
        let mut model = Self::default();
        for who in everybody() {
            model.voter(&who).active = bonded(&who);
        }
        for miner in MINERS {
            let standing = Standing { role: Role::Miner, from: Some(0), commission: Perbill::zero(), blocks: 0 };
            model.standing.insert(miner.clone(), standing);
            model.voter(&miner).stakes.entry(miner.clone()).or_default().live.push((0, OWN * CAI));
        }
        model
    }

    fn voter(&mut self, who: &AccountId) -> &mut Voter {
        self.voters.entry(who.clone()).or_default()
    }

    fn backing(&self, candidate: &AccountId, era: EraIndex) -> Balance {
        self.voters.values().filter_map(|voter| voter.stakes.get(candidate)).map(|stake| stake.counted(era)).sum()
    }

    fn vote(&mut self, who: &AccountId, to: &AccountId, amount: Balance) {
        let from = self.era + 1;
        self.voter(who).stakes.entry(to.clone()).or_default().live.push((from, amount));
    }

    fn unvote(&mut self, who: &AccountId, from: &AccountId, amount: Balance) {
        let now = self.era;
        self.voter(who).stakes.entry(from.clone()).or_default().take(amount, Some(now));
    }

    fn stood(&self, candidate: &AccountId) -> Option<&Standing> {
        self.standing.get(candidate).filter(|standing| standing.from.is_some_and(|from| from <= self.era))
    }

    fn end_era(&mut self, staking: Balance, mining: Balance) {
        let era = self.era;
        let all: Vec<AccountId> = self.standing.keys().cloned().collect();
        let backing: BTreeMap<_, _> = all.iter().map(|who| (who.clone(), self.backing(who, era))).collect();
        let sum = |role: Role, of: &dyn Fn(&AccountId, &Standing) -> Balance| -> Balance {
            all.iter()
                .filter_map(|who| Some((who, self.stood(who)?)))
                .filter(|(_, it)| it.role == role)
                .map(|(who, it)| of(who, it))
                .sum()
        };
        let miners = sum(Role::Miner, &|who, _| backing[who]);
        let coordinators = sum(Role::Coordinator, &|who, _| backing[who]);
        let (authors, block_backing) = std::mem::take(&mut self.authors);
        let whole = miners + coordinators + authors;
        let part = |amount: Balance, of: Balance, whole: Balance| {
            if whole == 0 {
                U256::zero()
            } else {
                (U256::from(amount) << BITS) * U256::from(of) / U256::from(whole)
            }
        };
        let mut rewards = Vec::new();
        for who in &all {
            let Some(standing) = self.stood(who) else { continue };
            let reward = match standing.role {
                Role::Miner => part(staking, backing[who], whole) + part(mining, backing[who], miners),
                Role::Coordinator => part(staking, backing[who], whole),
                Role::Validator => {
                    let own = backing[who] * Balance::from(standing.blocks);
                    if block_backing == 0 {
                        U256::zero()
                    } else {
                        part(staking, authors, whole) * U256::from(own) / U256::from(block_backing)
                    }
                }
            };
            rewards.push((who.clone(), reward, standing.commission));
        }
        for (who, reward, commission) in rewards {
            // What cannot be counted for each planck of stake is not paid: two to the 32nd planck and more.
            if per_unit((reward >> BITS).as_u128(), backing[&who]).is_none() {
                continue;
            }
            let cut = reward * U256::from(commission.deconstruct()) / U256::from(Perbill::ACCURACY);
            self.voter(&who).reward += cut;
            for voter in self.voters.values_mut() {
                let counted = voter.stakes.get(&who).map_or(0, |stake| stake.counted(era));
                voter.reward += (reward - cut) * U256::from(counted) / U256::from(backing[&who]);
            }
        }
        self.standing.values_mut().for_each(|standing| standing.blocks = 0);
        self.era += 1;
    }

    fn slash(&mut self, offender: &AccountId, era: EraIndex, fraction: Perbill) {
        let keep = fraction.left_from_one();
        for (who, voter) in self.voters.iter_mut() {
            let Some(stake) = voter.stakes.get_mut(offender) else { continue };
            let (mut live, mut debt) = (0, 0);
            for (from, amount) in stake.live.iter_mut().filter(|(from, _)| *from <= era) {
                let kept = if *from <= era { keep.mul_floor(*amount) } else { *amount };
                live += *amount - kept;
                *amount = kept;
            }
            for (from, until, amount) in stake.left.iter_mut() {
                if *from <= era && era <= *until {
                    let kept = keep.mul_floor(*amount);
                    debt += *amount - kept;
                    *amount = kept;
                }
            }
            voter.active -= live;
            pay_debt(who, voter, debt);
            let total = voter.total();
            if live + debt > 0 {
                for stake in voter.stakes.values_mut() {
                    stake.left.iter_mut().for_each(|(.., amount)| *amount = (*amount).min(total));
                }
            }
        }
    }
}

/// Idle stake first, then what unbonds, the latest first, then the votes, the latest position and in it the youngest
/// stake first.
fn pay_debt(who: &AccountId, voter: &mut Voter, mut debt: Balance) {
    let idle = debt.min(voter.active - voter.voted());
    voter.active -= idle;
    debt -= idle;
    for (_, chunk) in voter.unlocking.iter_mut().rev() {
        let taken = debt.min(*chunk);
        *chunk -= taken;
        debt -= taken;
    }
    let order: Vec<_> = Voters::<Test>::get(who)
        .map(|record| record.positions)
        .unwrap_or_default()
        .into_iter()
        .map(|it| it.candidate)
        .collect();
    for candidate in order.iter().rev() {
        let Some(stake) = voter.stakes.get_mut(candidate) else { continue };
        let taken = debt.min(stake.total());
        stake.take(taken, None);
        voter.active -= taken;
        debt -= taken;
    }
}

/// Does a step in the pallet, and if it was not refused, in the model.
fn run(model: &mut Model, who: &AccountId, step: &Step) {
    let all = everybody();
    match step {
        Step::Bond(value) => {
            let value = *value.min(&(2_000 * CAI));
            bond(who, value);
            model.voter(who).active += value;
        }
        Step::Unbond(value) => {
            if unbond(who, *value).is_ok() {
                let free_from = model.era + BONDING_ERAS;
                let voter = model.voter(who);
                voter.active -= value;
                voter.unlocking.push((free_from, *value));
            }
        }
        Step::Withdraw => {
            withdraw(who);
            let now = model.era;
            model.voter(who).unlocking.retain(|(free_from, _)| *free_from > now);
        }
        Step::Vote(to, amount) => {
            if vote(who, &all[*to], *amount).is_ok() {
                model.vote(who, &all[*to], *amount);
            }
        }
        Step::Unvote(from, amount) => {
            if unvote(who, &all[*from], *amount).is_ok() {
                model.unvote(who, &all[*from], *amount);
            }
        }
        Step::Revote(from, to, amount) => {
            if revote(who, &all[*from], &all[*to], *amount).is_ok() {
                model.unvote(who, &all[*from], *amount);
                model.vote(who, &all[*to], *amount);
            }
        }
        Step::Settle(candidate) => ignore(settle(who, &all[*candidate])),
        Step::Register(role, own) => {
            if Market::role(who).is_none() && *own > MIN_SELF_STAKE * CAI && register(who, *role, *own).is_ok() {
                let from = Some(model.era + 1);
                let commission = Market::commission(who, 0);
                let standing = Standing { role: *role, from, commission, blocks: 0 };
                model.standing.insert(who.clone(), standing);
                model.vote(who, who, *own);
            }
        }
        Step::Chill => {
            if chill(who) {
                stop(model, who);
            }
        }
        Step::Validate => {
            if validate(who) {
                let from = Some(model.era + 1);
                model.standing.entry(who.clone()).and_modify(|standing| standing.from = from);
            }
        }
        Step::Deregister => {
            if Market::role(who).is_some() {
                if let Ok(amount) = deregister(who) {
                    model.unvote(who, who, amount);
                    stop(model, who);
                }
            }
        }
        Step::Commission(percent) => {
            set_commission(who, *percent);
            let commission = Perbill::from_percent(*percent);
            model.standing.entry(who.clone()).and_modify(|standing| standing.commission = commission);
        }
        Step::Author => {
            Voting::note_author(who);
            if let Some(standing) = model.stood(who).filter(|standing| standing.role == Role::Validator) {
                let (first, backing) = (standing.blocks == 0, model.backing(who, model.era));
                model.authors.0 += if first { backing } else { 0 };
                model.authors.1 += backing;
                model.standing.entry(who.clone()).and_modify(|standing| standing.blocks += 1);
            }
        }
        Step::Claim => {
            let claimed = U256::from(claim(who)) << BITS;
            let voter = model.voter(who);
            let difference = if voter.reward > claimed { voter.reward - claimed } else { claimed - voter.reward };
            assert!(
                (difference >> BITS) <= U256::from(ROUNDING),
                "{who:?} claims as much in the model: {claimed} {}",
                voter.reward
            );
            voter.reward = U256::zero();
        }
        Step::Slash(back, percent) => {
            let era = model.era.saturating_sub(*back);
            model.slash(who, era, Perbill::from_percent(*percent));
            slash(who, era, *percent);
            chill(who);
            stop(model, who);
            // The model does at once what anyone may do here.
            for voter in &all {
                for position in Voters::<Test>::get(voter).map(|it| it.positions).unwrap_or_default() {
                    ignore(settle(voter, &position.candidate));
                }
                if Market::role(voter).is_some() && is_chilled(voter) {
                    stop(model, voter);
                }
            }
        }
        Step::EndEra(staking, mining) => {
            // Each era is paid before the next one ends.
            assert!(end_era(*staking, *mining));
            pay_all();
            model.end_era(*staking, *mining);
        }
        Step::PayPage => {}
    }
}

fn stop(model: &mut Model, who: &AccountId) {
    model.standing.entry(who.clone()).and_modify(|standing| standing.from = None);
}

fn compare(model: &Model) {
    for (who, voter) in &model.voters {
        let near = |a: Balance, b: Balance| a.abs_diff(b) <= ROUNDING;
        assert!(near(bonded(who), voter.total()), "{who:?} has bonded as much: {} {}", bonded(who), voter.total());
        assert!(near(Market::active_of(who), voter.active), "{who:?} has as much active");
        for (candidate, stake) in &voter.stakes {
            let position = positions(who).into_iter().find(|(it, ..)| it == candidate);
            let (_, current, next) = position.unwrap_or((candidate.clone(), 0, 0));
            assert!(
                near(current, stake.counted(model.era)),
                "{who:?} counts as much: {current} {}",
                stake.counted(model.era)
            );
            assert!(near(next, stake.total()), "{who:?} stays with as much");
        }
    }
    for candidate in model.standing.keys() {
        assert!(backing(candidate).0.abs_diff(model.backing(candidate, model.era)) <= ROUNDING, "as much is behind it");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn the_pallet_and_the_model_agree(steps in prop::collection::vec((0..MINERS.len() + 2, step()), 20..200)) {
        // Large stakes, beside which rounding is small.
        ExtBuilder::default().times(CAI).build_and_execute(|| {
            let mut model = Model::genesis();
            for (who, step) in &steps {
                run(&mut model, &everybody()[*who], step);
                compare(&model);
            }
        });
    }
}
