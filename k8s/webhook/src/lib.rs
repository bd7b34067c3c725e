//! The mutating admission webhook that injects the sidecar.
