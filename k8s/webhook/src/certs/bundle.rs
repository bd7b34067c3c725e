//! PEM bundles of authorities: what a caBundle is. Pure.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

const LINE: usize = 64;

/// The certificates of a bundle; what is none is left out.
pub fn decode(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect()
}

/// A bundle of certificates.
pub fn encode(certificates: &[CertificateDer<'_>]) -> String {
    let mut pem = String::new();
    for certificate in certificates {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        let mut rest = STANDARD.encode(certificate);
        while !rest.is_empty() {
            let tail = rest.split_off(rest.len().min(LINE));
            pem.push_str(&rest);
            pem.push('\n');
            rest = tail;
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

/// What a bundle should be: what is wanted, then what is there besides and is to be kept, each once.
pub fn merge(
    current: &[CertificateDer<'static>],
    wanted: &[CertificateDer<'static>],
    keep: impl Fn(&CertificateDer<'static>) -> bool,
) -> Vec<CertificateDer<'static>> {
    let mut merged: Vec<CertificateDer<'static>> = Vec::new();
    let kept = current.iter().filter(|certificate| keep(certificate));
    for certificate in wanted.iter().chain(kept) {
        if !merged.contains(certificate) {
            merged.push(certificate.clone());
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(byte: u8) -> CertificateDer<'static> {
        CertificateDer::from(vec![byte; 100])
    }

    #[test]
    fn a_bundle_comes_back() {
        let certificates = [certificate(1), certificate(2)];
        let pem = encode(&certificates);
        assert_eq!(decode(pem.as_bytes()), certificates);
        assert!(pem.lines().all(|line| line.len() <= LINE), "{pem}");
    }

    #[test]
    fn what_is_no_certificate_is_left_out() {
        assert_eq!(decode(b"\n"), []);
        let mixed = format!("nonsense\n{}", encode(&[certificate(1)]));
        assert_eq!(decode(mixed.as_bytes()), [certificate(1)]);
    }

    #[test]
    fn old_and_new_stand_together_until_the_old_is_not_kept() {
        let (old, new) = ([certificate(1)], [certificate(2)]);
        let both = merge(&old, &new, |_| true);
        assert_eq!(both, [new.clone(), old.clone()].concat());
        assert_eq!(merge(&both, &new, |_| true), both, "settled: nothing to patch");
        assert_eq!(merge(&both, &new, |certificate| !old.contains(certificate)), new);
    }
}
