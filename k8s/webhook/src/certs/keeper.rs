//! Keeps the webhook's own certificates: looks at the Secret and at the caBundle from time to time and does what is due.
//! Every replica has one, and none leads.

use super::{
    material::{Change, Material, Plan},
    publication::{self, Found, Publication},
    secret::{self, Race, Store, Stored},
    serving::{Serving, Unusable},
};
use crate::metrics::Metrics;
use jiff::Timestamp;
use kube::Client;
use rustls::pki_types::CertificateDer;
use std::{collections::HashMap, time::Duration};

/// Keeps certificates.
#[derive(Debug)]
pub struct Keeper {
    plan: Plan,
    poll: Duration,
    store: Store,
    publication: Publication,
    serving: Serving,
    metrics: Metrics,
    /// Since when each authority has been seen in the caBundle.
    published: HashMap<CertificateDer<'static>, Timestamp>,
    /// Since when what is in the caBundle has been seen not to be ours.
    strangers: HashMap<CertificateDer<'static>, Timestamp>,
}

/// Where the certificates are kept and published.
#[derive(Clone, Debug)]
pub struct Place {
    /// The namespace of the Secret.
    pub namespace: String,
    /// The Secret's name.
    pub secret: String,
    /// The MutatingWebhookConfiguration's name.
    pub configuration: String,
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// At leisure.
    Settled,
    /// Soon: something has been begun that is not yet done.
    Soon,
}

/// Why a look ended early. What was served is served on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Secret.
    #[error(transparent)]
    Secret(#[from] secret::Error),
    /// The caBundle.
    #[error(transparent)]
    Publication(#[from] publication::Error),
    /// The certificate could not be made.
    #[error("making certificates: {0}")]
    Making(#[from] rcgen::Error),
    /// The Secret's certificate cannot be served.
    #[error("the secret's certificate: {0}")]
    Unusable(#[from] Unusable),
}

/// API servers see a change of the configuration through a watch, mostly within milliseconds.
const PROPAGATION_MAX: Duration = Duration::from_secs(2);
/// The looks that each replica has had by when it surely serves what is in the Secret. What is in the caBundle and not in
/// the Secret is kept until then: the Secret may have been deleted. No longer, for that may have been because of a theft.
const POLLS_OF_ALL: u32 = 3;
const SOON: Duration = Duration::from_secs(1);

// === impl Keeper ===

impl Keeper {
    /// Keeps the certificates of this place in `serving`.
    pub fn new(
        client: Client,
        place: &Place,
        plan: Plan,
        poll: Duration,
        serving: Serving,
        metrics: Metrics,
    ) -> Self {
        Self {
            plan,
            poll,
            store: Store::new(client.clone(), &place.namespace, &place.secret),
            publication: Publication::new(client, &place.configuration),
            serving,
            metrics,
            published: HashMap::new(),
            strangers: HashMap::new(),
        }
    }

    /// Looks again and again.
    pub async fn run(mut self) {
        loop {
            let look = self.look(Timestamp::now()).await.unwrap_or_else(|error| {
                self.metrics.certificates_failed();
                tracing::warn!(%error, "certificates: looking failed, trying again");
                Look::Soon
            });
            self.metrics.certificate_expires(self.serving.not_after());
            tokio::time::sleep(self.pause(look)).await;
        }
    }

    /// Replicas look at different times, so that mostly one of them does what is due.
    fn pause(&self, look: Look) -> Duration {
        let most = if look == Look::Settled { self.poll } else { SOON.min(self.poll) };
        most.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// One look: what is in the Secret is published, served once that is known to be trusted, and renewed if it is due.
    ///
    /// # Errors
    /// If the API server says so, or a certificate cannot be made or used.
    pub async fn look(&mut self, now: Timestamp) -> Result<Look, Error> {
        let Some(stored) = self.store.read().await? else {
            let race = self.store.create(&Material::new(&self.plan, now)?).await?;
            tracing::info!(?race, "certificates: there were none, made an authority and a certificate");
            return Ok(Look::Soon);
        };
        let Some(material) = &stored.material else {
            let race = self.store.replace(&stored, &Material::new(&self.plan, now)?).await?;
            tracing::info!(
                ?race,
                "certificates: the secret was not filled, made an authority and a certificate"
            );
            return Ok(Look::Soon);
        };
        let trusted = material.trusted();
        let called = self.publish(&trusted, now).await?;
        let served = self.serve(material, now)?;
        // Beyond doubt: a replica which looked just before it was published has looked again.
        let published = trusted.first().is_some_and(|authority| self.since(authority, now, self.poll * 2));
        match material.next(&self.plan, now, published)? {
            Some((next, change)) => {
                self.renew(&stored, &next, change).await?;
                Ok(Look::Soon)
            }
            None if called && served && published => Ok(Look::Settled),
            None => Ok(Look::Soon),
        }
    }

    /// Serves the leaf once its authority has been published for long enough.
    fn serve(&self, material: &Material, now: Timestamp) -> Result<bool, Error> {
        let issuer = material.leaf_issuer(&self.plan.names, now);
        let wait = PROPAGATION_MAX.min(self.poll);
        let trusted = issuer.is_some_and(|issuer| self.since(&issuer, now, wait));
        if trusted && self.serving.set(&material.leaf)? {
            let until = material.leaf_validity().map(|validity| validity.not_after.to_string());
            tracing::info!(until, "certificates: serving the secret's certificate");
        }
        Ok(trusted)
    }

    async fn renew(&self, stored: &Stored, next: &Material, change: Change) -> Result<(), Error> {
        match self.store.replace(stored, next).await? {
            Race::Won => {
                self.metrics.certificates_changed(change);
                tracing::info!(?change, "certificates: renewed");
            }
            Race::Lost => tracing::debug!(?change, "certificates: another replica was first"),
        }
        Ok(())
    }

    /// Publishes, and notes what was there before: a bundle that has only just been written is not yet everywhere. False:
    /// there is no configuration to publish in; as soon as there is one, it waits for us.
    async fn publish(&mut self, trusted: &[CertificateDer<'static>], now: Timestamp) -> Result<bool, Error> {
        let patience = self.poll * POLLS_OF_ALL;
        let strangers = &self.strangers;
        let keep = |certificate: &CertificateDer<'static>| {
            strangers
                .get(certificate)
                .is_none_or(|since| now.duration_since(*since).unsigned_abs() < patience)
        };
        let (there, called) = match self.publication.publish(trusted, keep).await? {
            Found::Bundle(there) => (there, true),
            // Nobody calls us, so nobody is to be waited for.
            Found::Absent => (trusted.to_vec(), false),
        };
        let (ours, others): (Vec<_>, Vec<_>) =
            there.into_iter().partition(|certificate| trusted.contains(certificate));
        remember(&mut self.published, ours, now);
        remember(&mut self.strangers, others, now);
        Ok(called)
    }

    /// Whether the authority has been in the caBundle for this long.
    fn since(&self, authority: &CertificateDer<'static>, now: Timestamp, long: Duration) -> bool {
        let since = self.published.get(authority);
        since.is_some_and(|since| now.duration_since(*since).unsigned_abs() >= long)
    }
}

/// Since when each has been there; what is gone is forgotten.
fn remember(
    since: &mut HashMap<CertificateDer<'static>, Timestamp>,
    there: Vec<CertificateDer<'static>>,
    now: Timestamp,
) {
    since.retain(|certificate, _| there.contains(certificate));
    for certificate in there {
        since.entry(certificate).or_insert(now);
    }
}

#[cfg(test)]
#[path = "keeper/tests.rs"]
mod tests;
