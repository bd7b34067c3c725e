//! Puts the sidecar into pod templates: a pure function from a pod to a patch, a skip or a denial.
