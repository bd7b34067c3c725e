//! Slots by Lease: who holds which, decided purely, and claimed by compare-and-swap.
