mod choice;
mod keys;
mod limits;
mod next_validators;
mod try_state;
