mod backing;
mod genesis;
mod random;
mod revote;
mod settle;
mod try_state;
mod unvote;
mod vote;
