//! Applications that read through the sidecar, on a real broker: every record is processed once, in order, whatever happens.

mod copying;
mod failing;
mod rebalancing;
mod support;
mod waiting;
