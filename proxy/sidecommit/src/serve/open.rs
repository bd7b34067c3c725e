//! What an engine is joined with: the journal, the outcomes, the lanes and the members.

use super::{
    front::Front,
    kafka::{AGAIN, Kafka},
};
use crate::{
    cli,
    driver::{Clock, Failpoints, Handle, Parts},
    exit::Failure,
    metrics::Metrics,
    settings::{OutcomesMode, Settings},
};
use sidecommit_core::{Blame, JournalContents, LaneError, LaneErrorKind, LaneEvent, Serving, Start};
use sidecommit_identity::{Identity, Kind};
use sidecommit_journal::{Binding, FolderLock, Journal, Options};
use sidecommit_kafka::{
    Catalog, ClientSettings, Cluster, Consumers, LaneSettings, Lanes, OutcomesPlace, OutcomesReader,
    OutcomesTopic, TopicLimits,
};
use std::{sync::Arc, time::Duration};

/// A journal that was opened for a slot.
pub(super) struct Opened {
    pub(super) journal: Journal,
    pub(super) contents: JournalContents,
}

/// Opens the journal. Never to be given up half-way: the next term opens it again.
pub(super) async fn journal(
    settings: &Settings,
    folder: &FolderLock,
    identity: &Identity,
    cluster_id: &str,
) -> Result<Opened, Failure> {
    let binding = Binding { cluster_id: cluster_id.to_owned(), slot: identity.slot.clone() };
    let options = Options { outcomes_remembered: settings.outcomes_remembered, ..Options::default() };
    let folder = folder.clone();
    let opening = tokio::task::spawn_blocking(move || Journal::open_in(&folder, binding, options));
    let (journal, contents) = opening.await.map_err(Failure::internal)?.map_err(cli::journal_failure)?;
    if !contents.foreign.is_empty() {
        let groups = contents.foreign.len();
        tracing::info!(
            groups,
            "the journal has groups that other slots left undecided: they are decided by reading"
        );
    }
    Ok(Opened { journal, contents })
}

/// Finds or makes the place of the slot's own records; waits for a Kafka that does not answer.
pub(super) async fn outcomes(
    settings: &Arc<Settings>,
    identity: &Identity,
    kafka: &Kafka,
    front: &Front,
) -> Result<OutcomesPlace, Failure> {
    loop {
        let (settings, identity, kafka) = (settings.clone(), identity.clone(), kafka.clone());
        let slot = identity.slot.clone();
        let found = tokio::task::spawn_blocking(move || {
            let place = place(&settings, &identity, &kafka.cluster)?;
            let own = settings.outcomes_topic_of(&identity.prefix);
            let used = [own.as_str()];
            let looked_at: &[&str] = if settings.outcomes_mode == OutcomesMode::Topic { &used } else { &[] };
            kafka.topics.look_for_warnings(looked_at);
            Ok(place)
        });
        match found.await.map_err(Failure::internal)? {
            Ok(place) => return Ok(place),
            Err(Unfound::Unreachable(error)) => {
                tracing::warn!(%error, "waiting for Kafka");
                front.wait(Some(slot), Serving::Connecting(format!("waits for Kafka: {error}")));
                tokio::time::sleep(AGAIN).await;
            }
            Err(Unfound::ForGood(failure)) => return Err(failure),
        }
    }
}

/// Why there is no place for the slot's own records.
enum Unfound {
    Unreachable(sidecommit_kafka::Error),
    ForGood(Failure),
}

/// Where the slot's own records go.
fn place(settings: &Settings, identity: &Identity, cluster: &Cluster) -> Result<OutcomesPlace, Unfound> {
    match settings.outcomes_mode {
        OutcomesMode::Topic => {
            let topic = OutcomesTopic {
                name: settings.outcomes_topic_of(&identity.prefix),
                partitions: settings.outcomes_partitions,
                replication: i32::from(settings.outcomes_replication_factor),
                min_insync_replicas: i32::from(settings.outcomes_min_insync_replicas),
            };
            topic.prepare(cluster, &identity.slot).map_err(|error| match error {
                sidecommit_kafka::Error::Unreachable { .. } => Unfound::Unreachable(error),
                other => Unfound::ForGood(Failure::unavailable(other)),
            })
        }
        OutcomesMode::PrivateGroups => {
            let missing = || {
                let text = "outcomes.private_groups_topic: expected an existing topic".to_owned();
                Unfound::ForGood(Failure::Usage(text))
            };
            Ok(OutcomesPlace::Groups {
                prefix: settings.private_groups_of(&identity.prefix),
                topic: settings.outcomes_private_groups_topic.clone().ok_or_else(missing)?,
                partition: settings.outcomes_private_groups_partition,
            })
        }
    }
}

/// How the lanes of a slot behave, here or when it is settled for somebody else.
pub(super) fn lane_settings(
    settings: &Settings,
    client: ClientSettings,
    place: OutcomesPlace,
) -> LaneSettings {
    LaneSettings {
        transaction_timeout: Duration::from_millis(settings.lane_timeout),
        ..LaneSettings::new(client, place)
    }
}

/// Everything that an engine is started with.
pub(super) fn parts(
    settings: &Settings,
    identity: &Identity,
    kafka: &Kafka,
    opened: Opened,
    place: OutcomesPlace,
    metrics: Metrics,
    clock: Clock,
) -> Result<Parts, Failure> {
    let failpoints = settings.failpoint.as_deref().map(str::parse).transpose();
    let failpoints: Failpoints = failpoints
        .map(Option::unwrap_or_default)
        .map_err(|error| Failure::Usage(format!("failpoint: {error}")))?;
    let slot = identity.slot.clone();
    let Opened { journal, contents } = opened;
    let start = Start {
        slot: slot.clone(),
        pod_uid: identity.pod_uid.clone(),
        journal: contents,
        leased: identity.kind == Kind::Lease,
        limits: settings.limits(),
        seed: fastrand::u64(..),
        now: clock.now(),
    };
    let Kafka { client, cluster, catalog, .. } = kafka.clone();
    let mut lanes = lane_settings(settings, client.clone(), place.clone());
    let doubted = catalog.clone();
    lanes.topic_limits =
        TopicLimits::new(move |topic| catalog.cached(topic).map(|facts| facts.max_message_bytes));
    let (members, read_ahead) = ((client.clone(), cluster.clone()), settings.limits().read_ahead_bytes);
    let consumers = Box::new(move |engine: Handle| {
        let events = Arc::new(move |consumer, event| engine.consumer(consumer, event));
        Consumers::new(members.0, members.1, read_ahead, events)
    });
    let lane_slot = slot.clone();
    let lanes = Box::new(move |engine: Handle, consumers: Consumers| {
        Lanes::start(
            LaneSettings { consumers: Some(consumers), ..lanes },
            lane_slot,
            Arc::new(move |lane, generation, event| {
                if let LaneEvent::Failed(error) = &event {
                    learn(&doubted, error);
                }
                engine.lane(lane, generation, event);
            }),
        )
    });
    let reader = Box::new(move |engine: Handle| {
        let results = Arc::new(move |token, result| engine.read(token, result));
        OutcomesReader::start(&client, cluster, place, slot, results)
    });
    Ok(Parts { start, journal, consumers, lanes, reader, clock, metrics, failpoints })
}

/// What the broker refused tells something of the topic: the next such record is to be refused when it comes.
fn learn(catalog: &Catalog, error: &LaneError) {
    let Blame::Records { topic, .. } = &error.blame else { return };
    match error.kind {
        LaneErrorKind::Record { denied: true } => catalog.deny(topic),
        _ => catalog.doubt(topic),
    }
}
