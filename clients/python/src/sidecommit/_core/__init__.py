"""What both drivers share and what does no I/O: decisions, schedules, bookkeeping, and calls as generators of effects."""
