//! A client that follows next_action blindly is correct: through every reason of docs/errors.md, and under random faults.

mod acls;
mod brokers;
mod faults;
mod limits;
mod lives;
mod outcomes;
mod reading;
mod requests;
mod support;
mod table;
