//! The draw of one miner's link out of a pool.

use std::collections::HashMap;

use cuckoo_selection::{Candidate, Seed, Table};

use super::{
    member::{LinkId, Member, PassedOver},
    pool::Pool,
    registry::Tried,
};

/// Draws one of the pool's available links that has not been tried, `is_fit` for the task, and whose miner's pay
/// `is_covered`, each with its part of the operator's backing as weight, so that a miner is drawn by its backing however many links it has.
///
/// With all of them available this is the draw over the whole pool. If only a few are, they are laid out on a line of
/// their own: drawing from the whole line until one of them is hit would take long.
pub(super) fn draw(
    pool: &mut Pool,
    members: &HashMap<LinkId, Member>,
    seed: &Seed,
    tried: &[Tried],
    is_fit: impl Fn(&Member) -> bool,
    is_covered: impl Fn(&Member) -> bool,
) -> Option<LinkId> {
    let is_tried = |id: &LinkId| {
        !tried.is_empty() && members.get(id).is_some_and(|member| tried.contains(&Tried::of(&member.link)))
    };
    let why_not = |id: &LinkId| {
        if is_tried(id) {
            Some(PassedOver::Tried)
        } else if !members.get(id).is_some_and(&is_fit) {
            Some(PassedOver::Unlike)
        } else {
            (!members.get(id).is_some_and(&is_covered)).then_some(PassedOver::Uncovered)
        }
    };
    if pool.available.is_empty() {
        return None;
    }
    if pool.available.len() * 4 < pool.members.len() {
        let few = pool.available.iter().filter(|id| why_not(id).is_none());
        let few = few.filter_map(|id| Some(Candidate { id: *id, share: *pool.members.get(id)? })).collect();
        return Table::new(few).ok()?.draw(seed).map(|drawn| drawn.id);
    }
    let all = &pool.members;
    let table = pool.table.get_or_insert_with(|| {
        let candidates = all.iter().map(|(id, backing)| Candidate { id: *id, share: *backing }).collect();
        // Ids are the keys of a map, so none appears twice.
        Table::new(candidates).unwrap_or_default()
    });
    let available = &pool.available;
    let drawn = table.draw_excluding(seed, |id| {
        let passed_over = match available.contains(id) {
            true => why_not(id),
            false => members.get(id).and_then(Member::unavailable).map(PassedOver::from),
        };
        if let (Some(why), Some(member)) = (passed_over, members.get(id)) {
            member.conduct.record.passed_over(why);
        }
        passed_over.is_some() || !available.contains(id)
    });
    drawn.map(|drawn| drawn.id)
}
