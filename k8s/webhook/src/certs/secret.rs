//! The one Secret that all replicas share. Nobody leads: it is made if it is absent and replaced by resourceVersion, and
//! who comes second reads what won.

use super::material::Material;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use std::collections::BTreeMap;

/// The Secret.
#[derive(Clone, Debug)]
pub struct Store {
    api: Api<Secret>,
    name: String,
}

/// What was found in it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// None: it is empty, or not all of it is there.
    pub material: Option<Material>,
    secret: Secret,
}

/// Whether a write was the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Race {
    /// It is kept.
    Won,
    /// Another replica was first; read again.
    Lost,
}

/// Why the Secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server's answer.
    #[error("secret {name}: {error}")]
    Api {
        /// The Secret's name.
        name: String,
        /// The answer.
        error: kube::Error,
    },
    /// It holds something else.
    #[error(
        "secret {name} has data but not the label {LABEL}={LABEL_VALUE}: it was made by somebody else; name another one \
         with --secret, or delete it"
    )]
    Foreign {
        /// The Secret's name.
        name: String,
    },
}

const LABEL: &str = "app.kubernetes.io/managed-by";
const LABEL_VALUE: &str = "sidecommit-webhook";
/// What somebody who finds the Secret should know.
const NOTE: (&str, &str) = (
    "sidecommit.dev/note",
    "the webhook's own authority and certificate, renewed by its replicas; deleting it makes them anew",
);
const CONFLICT: u16 = 409;
const NOT_FOUND: u16 = 404;

// === impl Store ===

impl Store {
    /// The Secret of this name.
    pub fn new(client: Client, namespace: &str, name: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), name: name.to_owned() }
    }

    /// What is in it; None: there is no such Secret.
    ///
    /// # Errors
    /// If the API server says so, or the Secret is not ours.
    pub async fn read(&self) -> Result<Option<Stored>, Error> {
        let Some(secret) = self.api.get_opt(&self.name).await.map_err(|error| self.failed(error))? else {
            return Ok(None);
        };
        let data = secret.data.clone().unwrap_or_default();
        let ours = secret.metadata.labels.as_ref().and_then(|labels| labels.get(LABEL));
        if !data.is_empty() && ours.is_none_or(|value| value != LABEL_VALUE) {
            return Err(Error::Foreign { name: self.name.clone() });
        }
        Ok(Some(Stored { material: Material::from_data(&data), secret }))
    }

    /// Makes it.
    ///
    /// # Errors
    /// If the API server says so.
    pub async fn create(&self, material: &Material) -> Result<Race, Error> {
        let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
        let secret = filled(Secret { metadata, ..Secret::default() }, material);
        self.race(self.api.create(&params(), &secret).await)
    }

    /// Replaces what was read, if nobody else did.
    ///
    /// # Errors
    /// If the API server says so.
    pub async fn replace(&self, read: &Stored, material: &Material) -> Result<Race, Error> {
        let secret = filled(read.secret.clone(), material);
        self.race(self.api.replace(&self.name, &params(), &secret).await)
    }

    fn race(&self, written: Result<Secret, kube::Error>) -> Result<Race, Error> {
        match written {
            Ok(_) => Ok(Race::Won),
            // Gone is lost as well: the next read makes it anew.
            Err(kube::Error::Api(status)) if [CONFLICT, NOT_FOUND].contains(&status.code) => Ok(Race::Lost),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: kube::Error) -> Error {
        Error::Api { name: self.name.clone(), error }
    }
}

fn params() -> PostParams {
    PostParams { field_manager: Some(crate::FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

/// Labels that somebody set are kept.
fn filled(mut secret: Secret, material: &Material) -> Secret {
    secret.data = Some(material.to_data());
    let add = |map: &mut Option<BTreeMap<String, String>>, (key, value): (&str, &str)| {
        map.get_or_insert_default().insert(key.to_owned(), value.to_owned());
    };
    add(&mut secret.metadata.labels, (LABEL, LABEL_VALUE));
    add(&mut secret.metadata.annotations, NOTE);
    secret
}
