use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api,
    api::{ListParams, PostParams},
};

use crate::{
    config::Config,
    leases::{Answer, Failure, Leases},
    object,
};

/// The leases as a real API server keeps them.
pub(crate) struct Cluster {
    api: Api<Lease>,
    selector: String,
}

// === impl Cluster ===

impl Cluster {
    pub(crate) fn new(client: kube::Client, config: &Config) -> Self {
        Self { api: Api::namespaced(client, &config.namespace), selector: object::selector(&config.workload) }
    }
}

impl Leases for Cluster {
    fn list(&self) -> Answer<'_, Vec<Lease>> {
        Box::pin(async {
            let asked = ListParams::default().labels(&self.selector);
            Ok(self.api.list(&asked).await.map_err(failure)?.items)
        })
    }

    fn get(&self, name: String) -> Answer<'_, Lease> {
        Box::pin(async move { self.api.get(&name).await.map_err(failure) })
    }

    fn create(&self, lease: Lease) -> Answer<'_, Lease> {
        Box::pin(async move { self.api.create(&PostParams::default(), &lease).await.map_err(failure) })
    }

    fn replace(&self, lease: Lease) -> Answer<'_, Lease> {
        Box::pin(async move {
            let name = lease.metadata.name.clone().unwrap_or_default();
            self.api.replace(&name, &PostParams::default(), &lease).await.map_err(failure)
        })
    }
}

fn failure(error: kube::Error) -> Failure {
    let status = match error {
        kube::Error::Api(status) => status,
        other => return Failure::Silent(in_full(&other)),
    };
    match (status.code, status.reason.as_str()) {
        (409, "AlreadyExists") => Failure::Exists,
        (409, _) => Failure::Conflict,
        // A namespace that is missing or going is not a lease that is missing; the text tells.
        (404, _) if status.details.as_ref().is_none_or(|about| about.kind == "leases") => Failure::Missing,
        (401 | 403, _) => Failure::Forbidden(format!("{} {}", status.code, status.message)),
        (code, _) if code >= 500 || code == 429 => Failure::Silent(format!("{code} {}", status.message)),
        (code, _) => Failure::Refused(format!("{code} {}", status.message)),
    }
}

/// kube's errors name their cause ("connection refused") only further down.
fn in_full(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
