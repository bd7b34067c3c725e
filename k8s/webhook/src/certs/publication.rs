//! The caBundle of our MutatingWebhookConfiguration: whom the API server trusts.

use super::bundle;
use k8s_openapi::{
    ByteString,
    api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};

/// The configuration.
#[derive(Clone, Debug)]
pub struct Publication {
    api: Api<MutatingWebhookConfiguration>,
    name: String,
}

/// What was found.
#[derive(Debug)]
pub enum Found {
    /// There is no such configuration, so nobody calls us.
    Absent,
    /// What every one of its webhooks trusts.
    Bundle(Vec<CertificateDer<'static>>),
}

/// Why the configuration cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("mutatingwebhookconfiguration {name}: {error}")]
pub struct Error {
    name: String,
    error: kube::Error,
}

const CONFLICT: u16 = 409;
const NOT_FOUND: u16 = 404;

// === impl Publication ===

impl Publication {
    /// The configuration of this name.
    pub fn new(client: Client, name: &str) -> Self {
        Self { api: Api::all(client), name: name.to_owned() }
    }

    /// Puts into every webhook's bundle what is wanted, beside what of the present ones `keep` wants. The answer is what
    /// was there before: only what is in there has been published.
    ///
    /// # Errors
    /// If the API server says so.
    pub async fn publish(
        &self,
        wanted: &[CertificateDer<'static>],
        keep: impl Fn(&CertificateDer<'static>) -> bool,
    ) -> Result<Found, Error> {
        let configuration = match self.api.get_opt(&self.name).await {
            Ok(Some(configuration)) => configuration,
            Ok(None) => return Ok(Found::Absent),
            Err(error) => return Err(self.failed(error)),
        };
        let webhooks = configuration.webhooks.unwrap_or_default();
        let changes: Vec<Value> =
            webhooks.iter().filter_map(|webhook| changed(webhook, wanted, &keep)).collect();
        if !changes.is_empty() {
            let patch = json!({
                "metadata": { "resourceVersion": configuration.metadata.resource_version },
                "webhooks": changes,
            });
            self.patch(&patch).await?;
        }
        Ok(Found::Bundle(common(&webhooks)))
    }

    /// A strategic merge patch finds a webhook by its name and owns the caBundle only: whoever manages the rest, by
    /// server-side apply or GitOps, sees no difference.
    async fn patch(&self, patch: &Value) -> Result<(), Error> {
        let params =
            PatchParams { field_manager: Some(crate::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        match self.api.patch(&self.name, &params, &Patch::Strategic(patch)).await {
            Ok(_) => Ok(()),
            // Another replica was first; the next look finds what it did.
            Err(kube::Error::Api(status)) if [CONFLICT, NOT_FOUND].contains(&status.code) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: kube::Error) -> Error {
        Error { name: self.name.clone(), error }
    }
}

fn trusted(webhook: &MutatingWebhook) -> Vec<CertificateDer<'static>> {
    webhook.client_config.ca_bundle.as_ref().map(|bundle| bundle::decode(&bundle.0)).unwrap_or_default()
}

/// The patch of one webhook; None: it is as it should be.
fn changed(
    webhook: &MutatingWebhook,
    wanted: &[CertificateDer<'static>],
    keep: &impl Fn(&CertificateDer<'static>) -> bool,
) -> Option<Value> {
    let current = trusted(webhook);
    let merged = bundle::merge(&current, wanted, keep);
    let pem = ByteString(bundle::encode(&merged).into_bytes());
    (merged != current).then(|| json!({ "name": webhook.name, "clientConfig": { "caBundle": pem } }))
}

/// What all of them trust.
fn common(webhooks: &[MutatingWebhook]) -> Vec<CertificateDer<'static>> {
    let mut bundles = webhooks.iter().map(trusted);
    let mut common = bundles.next().unwrap_or_default();
    for bundle in bundles {
        common.retain(|certificate| bundle.contains(certificate));
    }
    common
}
