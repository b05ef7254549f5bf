//! Random changes of a commission, beside a model that keeps the rate of every era.

use cuckoo_primitives::registry::Candidates as _;
use proptest::prelude::*;
use sp_runtime::Perbill;

use crate::{mock::*, Call, MAX_COMMISSION_RAISE};

const ERAS: usize = 60;

proptest! {
    /// Whoever looks at the rates in one era, and leaves if it dislikes them, never pays a higher one.
    #[test]
    fn nobody_pays_a_rate_it_could_not_avoid(tries in proptest::collection::vec((0..=100u32, 0..3u32), 1..40)) {
        ExtBuilder::default().build_and_execute(|| {
            register_miner(&ALICE, 1).unwrap();
            Stakes::vote(&ALICE, 500);
            let mut era = 1;
            // What counted in each era when it ran.
            let mut counted: Vec<Perbill> = vec![Perbill::zero()];
            for (percent, eras) in tries {
                Stakes::run_to_era(era as u32);
                let rate = Perbill::from_percent(percent % 20);
                let foreseen: Vec<_> = (era..era + 2).map(|e| Registration::commission(&ALICE, e as u32)).collect();
                let done = submit(&ALICE, Call::set_commission { rate });
                // This era is never touched, and the next never dearer.
                assert_eq!(Registration::commission(&ALICE, era as u32), foreseen[0]);
                assert!(Registration::commission(&ALICE, era as u32 + 1) <= foreseen[1]);
                if done.is_ok() {
                    assert_eq!(Registration::commission(&ALICE, era as u32 + 2), rate);
                }
                for _ in 0..eras {
                    counted.push(Registration::commission(&ALICE, era as u32));
                    era += 1;
                }
                Stakes::run_to_era(era as u32);
                Registration::do_try_state().unwrap();
                if era > ERAS {
                    break;
                }
            }
            for pair in counted.windows(2) {
                assert!(pair[1] <= pair[0] || pair[1] - pair[0] <= MAX_COMMISSION_RAISE);
            }
        });
    }
}
