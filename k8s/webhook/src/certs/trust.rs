//! Whether the API server would accept a certificate.

use jiff::Timestamp;
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{sync::Arc, time::Duration};

/// Whether a client that trusts only this authority would accept the certificate for each of the names.
pub fn verifies(
    leaf: &CertificateDer<'_>,
    authority: &CertificateDer<'_>,
    names: &[String],
    now: Timestamp,
) -> bool {
    let mut roots = RootCertStore::empty();
    if roots.add(authority.clone().into_owned()).is_err() {
        return false;
    }
    let provider = Arc::new(ring::default_provider());
    let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build() else {
        return false;
    };
    let now =
        UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default()));
    // The authority's own end is not looked at for a trust anchor; a leaf never outlives it.
    !names.is_empty()
        && names.iter().all(|name| {
            ServerName::try_from(name.as_str())
                .is_ok_and(|name| verifier.verify_server_cert(leaf, &[], &name, &[], now).is_ok())
        })
}

/// Whether a certificate can be made out to it: a DNS name or an IP address.
pub fn is_server_name(text: &str) -> bool {
    ServerName::try_from(text).is_ok()
}
