use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::api::coordination::v1::Lease;
use tokio::{sync::watch, time::sleep};

use crate::{
    choose::{Choice, choose},
    error::Error,
    evaluate::State,
    held::Held,
    leases::Failure,
    object, reason,
    slots::{Seen, Slots},
};

/// What one attempt came to.
enum Attempt {
    Claimed(Held),
    /// Another was faster: look again at once.
    Beaten,
    /// Nothing to be had; why.
    Full(String),
}

/// How one write came out.
enum Written {
    Claimed(Held),
    Beaten,
    /// The list did not show it, and now it is known.
    Unlisted,
    MayNotCreate(Error),
}

pub(crate) async fn claim(slots: &Slots, waiting: &watch::Sender<Option<String>>) -> Held {
    let timing = slots.config.timing();
    let mut beaten = 0;
    loop {
        let why = match attempt(slots).await {
            Ok(Attempt::Claimed(held)) => {
                tell(waiting, None);
                return held;
            }
            Ok(Attempt::Beaten) => {
                beaten += 1;
                sleep(jitter(beaten)).await;
                continue;
            }
            Ok(Attempt::Full(why)) => why,
            // After a call without an answer the next look tells what became of it.
            Err(error) => error.to_string(),
        };
        beaten = 0;
        tell(waiting, Some(why));
        sleep(timing.look_every()).await;
    }
}

async fn attempt(slots: &Slots) -> Result<Attempt, Error> {
    let seen = slots.look().await?;
    let states: BTreeMap<u32, State> =
        seen.iter().map(|(ordinal, seen)| (*ordinal, slots.state(seen))).collect();
    let mut may_not_create = None;
    loop {
        let choice = choose(&states, slots.config.slots, may_not_create.is_none());
        let written = match choice {
            Choice::Take(ordinal) => write(slots, ordinal, seen.get(&ordinal)).await?,
            Choice::Create(ordinal) => write(slots, ordinal, None).await?,
            Choice::Wait => {
                return Ok(Attempt::Full(reason::full(&slots.config, &states, may_not_create.as_ref())));
            }
        };
        match written {
            Written::Claimed(held) => return Ok(Attempt::Claimed(held)),
            Written::Beaten | Written::Unlisted => return Ok(Attempt::Beaten),
            Written::MayNotCreate(error) => may_not_create = Some(error),
        }
    }
}

async fn write(slots: &Slots, ordinal: u32, seen: Option<&Seen>) -> Result<Written, Error> {
    let lease = seen.map_or_else(|| object::fresh(&slots.config, ordinal), |seen| seen.lease.clone());
    let inherited =
        seen.filter(|seen| !seen.facts.settled).map(|seen| seen.facts.lanes.unwrap_or(slots.config.lanes));
    let lanes = inherited.unwrap_or(0).max(slots.config.lanes);
    let me = slots.config.holder.clone();
    let (sent, answer) = slots.write(lease, &me, lanes).await;
    match answer {
        Ok(lease) => Ok(claimed(slots, ordinal, lease, sent, inherited)),
        Err(Failure::Conflict | Failure::Missing) if seen.is_some() => Ok(Written::Beaten),
        Err(Failure::Exists) => {
            slots.known.lock().unlisted.insert(ordinal);
            Ok(Written::Unlisted)
        }
        Err(failure @ Failure::Forbidden(_)) if seen.is_none() => {
            let error = slots.error("create", failure);
            // Whether it is there is judged after whether we may: it may have been made by hand, without the label.
            match slots.get(ordinal).await {
                Ok(Some(_)) => {
                    slots.known.lock().unlisted.insert(ordinal);
                    Ok(Written::Unlisted)
                }
                // A Role that names the leases forbids even to read others.
                Ok(None) | Err(Error::Forbidden { .. }) => Ok(Written::MayNotCreate(error)),
                Err(error) => Err(error),
            }
        }
        Err(failure) => Err(slots.error(if seen.is_some() { "update" } else { "create" }, failure)),
    }
}

fn claimed(
    slots: &Slots,
    ordinal: u32,
    lease: Lease,
    sent: tokio::time::Instant,
    inherited: Option<u16>,
) -> Written {
    let held = Held::new(slots.keep(ordinal, slots.config.holder.clone(), lease, sent), inherited);
    if held.guard().holds() {
        tracing::info!(ordinal, workload = slots.config.workload, "claimed a slot");
        Written::Claimed(held)
    } else {
        // We were stopped before the answer reached us: it proves nothing about now.
        Written::Beaten
    }
}

fn tell(waiting: &watch::Sender<Option<String>>, why: Option<String>) {
    waiting.send_if_modified(|told| {
        let news = *told != why;
        if news {
            if let Some(why) = &why {
                tracing::info!(why, "waiting for a slot");
            }
            *told = why;
        }
        news
    });
}

/// Pods that start together meet at the same lowest slot: apart, they meet at different ones.
fn jitter(beaten: u32) -> Duration {
    Duration::from_millis(fastrand::u64(0..=20 * u64::from(beaten.min(25))))
}
