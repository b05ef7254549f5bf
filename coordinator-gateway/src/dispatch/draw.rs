//! The draw of one miner out of a pool.

use std::collections::HashMap;

use cuckoo_selection::{Candidate, Seed, Table};

use super::{
    pool::Pool,
    registry::{Member, OperatorId, PassedOver, Tried},
};

/// Draws one of the pool's available miners that has not been tried, each with its backing as weight.
///
/// With all of them available this is the draw over the whole pool. If only a few are, they are laid out on a line of
/// their own: drawing from the whole line until one of them is hit would take long.
pub(super) fn draw(
    pool: &mut Pool,
    members: &HashMap<OperatorId, Member>,
    seed: &Seed,
    tried: &[Tried],
) -> Option<OperatorId> {
    let is_tried = |id: &OperatorId| {
        tried.iter().any(|tried| {
            tried.operator == *id && members.get(id).is_some_and(|member| member.link.serial() == tried.serial)
        })
    };
    if pool.available.is_empty() {
        return None;
    }
    if pool.available.len() * 4 < pool.members.len() {
        let few = pool.available.iter().filter(|id| !is_tried(id));
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
        let passed_over = if !available.contains(id) {
            members.get(id).and_then(Member::unavailable).map(PassedOver::from)
        } else if is_tried(id) {
            Some(PassedOver::Tried)
        } else {
            return false;
        };
        if let (Some(why), Some(member)) = (passed_over, members.get(id)) {
            member.conduct.record.passed_over(why);
        }
        true
    });
    drawn.map(|drawn| drawn.id)
}
