//! How many validate.

use codec::{Decode, Encode};
use core::marker::PhantomData;
use frame_support::{ensure, traits::Get};
use scale_info::TypeInfo;

use crate::{Config, Error, MinValidators, ValidatorCount};

/// The numbers of validators. Only this type reads and writes [`ValidatorCount`] and [`MinValidators`].
pub struct Limits<T>(PhantomData<T>);

/// How many validate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct LimitsOverview {
    /// Most that an election chooses.
    pub count: u32,
    /// Fewest with which the chain goes on.
    pub minimum: u32,
}

impl<T: Config> Limits<T> {
    /// Most validators that an election chooses.
    pub fn count() -> usize {
        usize::try_from(ValidatorCount::<T>::get()).unwrap_or(usize::MAX)
    }

    /// Fewest validators with which the chain goes on.
    pub fn minimum() -> usize {
        usize::try_from(MinValidators::<T>::get()).unwrap_or(usize::MAX)
    }

    /// Both for others to read.
    pub(crate) fn overview() -> LimitsOverview {
        LimitsOverview { count: ValidatorCount::<T>::get(), minimum: MinValidators::<T>::get() }
    }

    /// Sets both.
    ///
    /// # Errors
    /// If the numbers do not fit each other or consensus.
    pub(crate) fn set(count: u32, minimum: u32) -> Result<(), Error<T>> {
        ensure!(minimum > 0, Error::<T>::NoMinimum);
        ensure!(count >= minimum, Error::<T>::CountBelowMinimum);
        ensure!(count <= T::MaxValidators::get(), Error::<T>::TooManyValidators);
        ValidatorCount::<T>::put(count);
        MinValidators::<T>::put(minimum);
        Ok(())
    }
}
