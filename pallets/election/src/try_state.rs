//! The pallet's invariants, by name.

use frame_support::{ensure, traits::Get};
use sp_runtime::DispatchError;

use crate::{Config, MinValidators, Pallet, ValidatorCount};

impl<T: Config> Pallet<T> {
    /// Checks every invariant; the error names the first that does not hold.
    pub fn do_try_state() -> Result<(), DispatchError> {
        let (count, minimum) = (ValidatorCount::<T>::get(), MinValidators::<T>::get());
        ensure!(minimum > 0, "at least one validator is required");
        ensure!(count >= minimum, "an election may choose as many validators as are required");
        ensure!(count <= T::MaxValidators::get(), "an election chooses no more validators than consensus can have");
        Ok(())
    }
}
