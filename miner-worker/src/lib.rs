//! Runs models for coordinators and signs the results.
//!
//! [`run`](mod@run) is the program's main job: it loads the models into an engine, finds the active coordinators on
//! chain, links to each of them ([`link`]), gives each its part of the slots ([`slots`]), runs their tasks and answers
//! for every result with a signed receipt ([`receipt`]). How it drew the tokens is [`kept`] for whoever may ask, and shown
//! on chain where it is asked there ([`answers`]). What it is promised goes into a [`wallet`] and is redeemed on chain
//! ([`settle`]). The other commands help an operator to get there: [`models`], [`doctor`], [`bench`], [`register`],
//! [`keys`].

#![warn(missing_docs)]

pub mod answers;
pub mod asks;
pub mod bench;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod events;
pub mod health;
pub mod kept;
pub mod keys;
pub mod link;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod models;
pub mod openai;
pub mod receipt;
pub mod register;
pub mod run;
pub mod settle;
pub mod slots;
pub mod standing;
pub mod status_page;
pub mod wallet;

pub use error::Error;
