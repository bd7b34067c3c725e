//! What the Secret holds, and what becomes of it next. Pure: each replica comes to the same conclusion, and the
//! Secret's resourceVersion decides whose is kept.
//!
//! An authority is replaced in steps, so that at each moment every certificate that a replica may be serving has its
//! authority in the caBundle: the new authority is published beside the old one; once that is seen to have been done,
//! it signs a new leaf; the old authority is dropped when its last leaf has expired, for a replica that cannot reach the
//! API goes on serving that one.

use super::{
    authority::{self, Pair},
    trust,
    validity::Validity,
};
use jiff::Timestamp;
use k8s_openapi::ByteString;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use std::{collections::BTreeMap, time::Duration};

/// What certificates are to be like.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server's names: what the API server may call it.
    pub names: Vec<String>,
    /// How long an authority is valid.
    pub authority_life: Duration,
    /// How long a server's certificate is valid.
    pub leaf_life: Duration,
}

/// What the Secret holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Material {
    /// Signs from now on.
    pub authority: Pair,
    /// What is served.
    pub leaf: Pair,
    /// Signed until now; its key is thrown away.
    pub previous: Option<Previous>,
}

/// An authority that signs no more but is trusted for what it signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Its certificate, PEM.
    pub certificate: String,
    /// When the last leaf of it expires; None: that leaf is still the one that is served.
    pub until: Option<Timestamp>,
}

/// What is done next, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new authority, which signs nothing yet.
    Authority,
    /// A new leaf.
    Leaf,
    /// A new authority and a new leaf: nothing there was of use.
    Both,
    /// The previous authority is trusted no more.
    Dropped,
}

const AUTHORITY: &str = "ca.crt";
const AUTHORITY_KEY: &str = "ca.key";
const LEAF: &str = "tls.crt";
const LEAF_KEY: &str = "tls.key";
const PREVIOUS: &str = "previous-ca.crt";
const PREVIOUS_UNTIL: &str = "previous-ca-until";

// === impl Plan ===

impl Plan {
    fn leaf(&self, authority: &Pair, now: Timestamp) -> Result<Pair, rcgen::Error> {
        let end =
            authority.der().and_then(|der| Validity::of(&der)).map_or(now, |validity| validity.not_after);
        authority::leaf(authority, &self.names, now, self.leaf_life, end)
    }
}

// === impl Material ===

impl Material {
    /// The first.
    ///
    /// # Errors
    /// If a name is none, or the system has no randomness.
    pub fn new(plan: &Plan, now: Timestamp) -> Result<Self, rcgen::Error> {
        let authority = authority::authority(now, plan.authority_life)?;
        let leaf = plan.leaf(&authority, now)?;
        Ok(Self { authority, leaf, previous: None })
    }

    /// Every authority that must be in the caBundle.
    pub fn trusted(&self) -> Vec<CertificateDer<'static>> {
        let previous = self.previous.as_ref().and_then(Previous::der);
        self.authority.der().into_iter().chain(previous).collect()
    }

    /// Which of our authorities the leaf is good under, as the API server would judge it now.
    pub fn leaf_issuer(&self, names: &[String], now: Timestamp) -> Option<CertificateDer<'static>> {
        let leaf = self.leaf.der()?;
        self.trusted().into_iter().find(|authority| trust::verifies(&leaf, authority, names, now))
    }

    /// What is to be in the Secret instead; None: nothing is due. `published`: the authority is known to have been in
    /// the caBundle for long enough that every API server has it.
    ///
    /// # Errors
    /// If a key cannot be read, or the system has no randomness.
    pub fn next(
        &self,
        plan: &Plan,
        now: Timestamp,
        published: bool,
    ) -> Result<Option<(Self, Change)>, rcgen::Error> {
        let authority_due = self.authority.due(now);
        let issuer = self.leaf_issuer(&plan.names, now);
        let by_current = issuer.is_some() && issuer == self.authority.der();
        match &self.previous {
            _ if issuer.is_none() => self.replaced(plan, now).map(Some),
            None if authority_due => {
                let previous =
                    Some(Previous { certificate: self.authority.certificate.clone(), until: None });
                let authority = authority::authority(now, plan.authority_life)?;
                Ok(Some((Self { authority, leaf: self.leaf.clone(), previous }, Change::Authority)))
            }
            Some(_) if !by_current => published.then(|| self.with_leaf(plan, now)).transpose(),
            _ if self.leaf.due(now) => self.with_leaf(plan, now).map(Some),
            Some(Previous { until: Some(until), .. }) if *until < now => {
                Ok(Some((Self { previous: None, ..self.clone() }, Change::Dropped)))
            }
            _ => Ok(None),
        }
    }

    /// The API server would not accept the leaf: it has expired, the names are others now, or somebody edited.
    fn replaced(&self, plan: &Plan, now: Timestamp) -> Result<(Self, Change), rcgen::Error> {
        if !self.authority.due(now)
            && let Ok((next, change)) = self.with_leaf(plan, now)
            && next.leaf_issuer(&plan.names, now).is_some()
        {
            return Ok((next, change));
        }
        let previous = self.leaf_validity().map(|validity| Previous {
            certificate: self.authority.certificate.clone(),
            until: Some(validity.not_after),
        });
        Ok((Self { previous, ..Self::new(plan, now)? }, Change::Both))
    }

    fn with_leaf(&self, plan: &Plan, now: Timestamp) -> Result<(Self, Change), rcgen::Error> {
        let mut next = Self { leaf: plan.leaf(&self.authority, now)?, ..self.clone() };
        if let Some(previous) = &mut next.previous
            && previous.until.is_none()
        {
            previous.until = self.leaf_validity().map(|validity| validity.not_after).or(Some(now));
        }
        Ok((next, Change::Leaf))
    }

    /// From when until when the leaf is valid.
    pub fn leaf_validity(&self) -> Option<Validity> {
        self.leaf.der().and_then(|der| Validity::of(&der))
    }

    /// Reads a Secret's data; None if something is missing.
    pub fn from_data(data: &BTreeMap<String, ByteString>) -> Option<Self> {
        let text = |key: &str| data.get(key).and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
        let pair = |certificate, key| Some(Pair { certificate: text(certificate)?, key: text(key)? });
        let until = text(PREVIOUS_UNTIL).and_then(|until| until.parse().ok());
        let previous = text(PREVIOUS).map(|certificate| Previous { certificate, until });
        Some(Self { authority: pair(AUTHORITY, AUTHORITY_KEY)?, leaf: pair(LEAF, LEAF_KEY)?, previous })
    }

    /// A Secret's data.
    pub fn to_data(&self) -> BTreeMap<String, ByteString> {
        let mut data = BTreeMap::new();
        let mut put = |key: &str, text: &str| data.insert(key.to_owned(), ByteString(text.into()));
        put(AUTHORITY, &self.authority.certificate);
        put(AUTHORITY_KEY, &self.authority.key);
        put(LEAF, &self.leaf.certificate);
        put(LEAF_KEY, &self.leaf.key);
        if let Some(previous) = &self.previous {
            put(PREVIOUS, &previous.certificate);
            if let Some(until) = previous.until {
                put(PREVIOUS_UNTIL, &until.to_string());
            }
        }
        data
    }
}

// === impl Previous ===

impl Previous {
    fn der(&self) -> Option<CertificateDer<'static>> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).ok()
    }
}

// === impl Pair ===

impl Pair {
    /// Whether two thirds of its life are over, or it cannot be read.
    fn due(&self, now: Timestamp) -> bool {
        self.der().and_then(|der| Validity::of(&der)).is_none_or(|validity| validity.renewal() <= now)
    }
}

#[cfg(test)]
#[path = "material/tests.rs"]
mod tests;
