//! Makes certificates: an authority of our own, and what it signs for the server. Pure but for randomness.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use std::{fmt, time::Duration};

/// A certificate and its key, both PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS#8.
    pub key: String,
}

/// All authorities' subject: the key's identifier tells them apart, and it needs not be read from a certificate.
const AUTHORITY_NAME: &str = "sidecommit webhook authority";

/// Clocks differ: a certificate is valid since a while before it was made.
const BACKDATED_MAX: Duration = Duration::from_secs(3600);

/// A new authority, valid for `life` from `now` on.
///
/// # Errors
/// If the system has no randomness, or the times are out of range.
pub fn authority(now: Timestamp, life: Duration) -> Result<Pair, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = authority_params()?;
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(now).saturating_sub(backdated(life));
    params.not_after = epoch + since_epoch(now) + life;
    Ok(Pair { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

/// A new certificate for a server of these names, valid for `life` from `now` on but no longer than `until`, its
/// authority's end.
///
/// # Errors
/// If the authority's key cannot be read, a name is none, or the system has no randomness.
pub fn leaf(
    authority: &Pair,
    names: &[String],
    now: Timestamp,
    life: Duration,
    until: Timestamp,
) -> Result<Pair, rcgen::Error> {
    let issuer = Issuer::new(authority_params()?, KeyPair::from_pem(&authority.key)?);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "sidecommit webhook");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(now).saturating_sub(backdated(life));
    params.not_after = epoch + since_epoch(until).min(since_epoch(now) + life);
    Ok(Pair { certificate: params.signed_by(&key, &issuer)?.pem(), key: key.serialize_pem() })
}

fn authority_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, AUTHORITY_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// At most a tenth of the life, so that two thirds of it are still ahead.
fn backdated(life: Duration) -> Duration {
    BACKDATED_MAX.min(life / 10)
}

/// In whole seconds, which is all a certificate holds.
fn since_epoch(at: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(at.as_second()).unwrap_or_default())
}

// === impl Pair ===

impl Pair {
    /// The certificate's DER; None if there is none in the PEM.
    pub fn der(&self) -> Option<CertificateDer<'static>> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).ok()
    }
}

impl fmt::Debug for Pair {
    /// Without the key: it must not come into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}
