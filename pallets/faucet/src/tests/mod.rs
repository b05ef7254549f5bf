mod claim;
mod forget;
mod genesis;
mod pool;
mod random;
mod try_state;
