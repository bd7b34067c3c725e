//! What a read_committed reader of the outcomes partition learns of one slot.

use super::Log;
use sidecommit_core::{DecodeError, OutcomesKey, OutcomesView, Slot};

/// Reads everything visible below an offset.
///
/// # Errors
/// If a value of the slot cannot be understood.
pub(crate) fn outcomes_view(log: &Log, slot: &Slot, below: i64) -> Result<OutcomesView, DecodeError> {
    let mut view = OutcomesView { truncated: log.start > 0, ..OutcomesView::default() };
    for entry in log.visible(below) {
        let key = entry.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
        if let Some(key) = key.and_then(|key| OutcomesKey::decode(slot, key)) {
            view.apply(key, entry.value.as_deref())?;
        }
    }
    Ok(view)
}
