use crate::{
    error::Error,
    evaluate::is_abandoned,
    leases::Failure,
    slots::{Seen, Slots},
    taken::Taken,
};

/// A slot whose ids nobody looks after, while transactions may be open under them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Abandoned {
    /// The slot's number; may be above the number of slots, if there were more once.
    pub ordinal: u32,
    /// How many lanes its holders had.
    pub lanes: u16,
}

pub(crate) async fn abandoned(slots: &Slots) -> Result<Vec<Abandoned>, Error> {
    let seen = slots.look().await?;
    let all = seen.values().filter(|seen| is_ownerless(slots, seen));
    Ok(all.map(|seen| Abandoned { ordinal: seen.facts.ordinal, lanes: lanes(slots, seen) }).collect())
}

pub(crate) async fn take(slots: &Slots, ordinal: u32) -> Result<Option<Taken>, Error> {
    let seen = slots.look().await?;
    let Some(seen) = seen.get(&ordinal).filter(|seen| is_ownerless(slots, seen)) else {
        return Ok(None);
    };
    let (me, lanes) = (slots.config.settler(), lanes(slots, seen));
    let (sent, answer) = slots.write(seen.lease.clone(), &me, lanes).await;
    match answer {
        Ok(lease) => Ok(Some(Taken::new(slots.keep(ordinal, me, lease, sent), lanes))),
        Err(Failure::Conflict | Failure::Missing) => Ok(None),
        // It may have been done: then our own name expires there like another's, and it is abandoned again.
        Err(failure) => Err(slots.error("update", failure)),
    }
}

fn is_ownerless(slots: &Slots, seen: &Seen) -> bool {
    let ours = slots.known.lock().ours.contains(&seen.facts.ordinal);
    !ours && is_abandoned(&seen.facts, seen.unchanged, slots.config.duration)
}

fn lanes(slots: &Slots, seen: &Seen) -> u16 {
    seen.facts.lanes.unwrap_or(slots.config.lanes)
}
