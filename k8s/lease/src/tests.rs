mod api;
mod claiming;
mod holding;
mod pod;
mod pure;
mod race;
mod settling;

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{Config, Held, Slots};

use api::{Api, Network};

const DURATION: Duration = Duration::from_secs(15);

fn config(pod: &str, slots: u32) -> Config {
    Config {
        namespace: "shop".to_owned(),
        workload: "orders".to_owned(),
        holder: format!("uid-{pod}"),
        pod_name: pod.to_owned(),
        slots,
        duration: DURATION,
        lanes: 4,
    }
}

/// A pod with a network of its own.
fn pod(api: &Api, name: &str, slots: u32) -> (Slots, Arc<Network>) {
    let network = Network::to(api);
    (Slots::over(Arc::clone(&network) as _, config(name, slots)), network)
}

async fn claim(slots: &Slots) -> Held {
    slots.claim(&watch::Sender::default()).await
}
