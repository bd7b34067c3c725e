//! The certificate that is served: each connection takes what is current when it comes.

use super::{authority::Pair, validity::Validity};
use jiff::Timestamp;
use parking_lot::RwLock;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::sync::Arc;

/// The current certificate. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Serving(Arc<RwLock<Option<Served>>>);

#[derive(Clone, Debug)]
struct Served {
    pair: Pair,
    key: Arc<CertifiedKey>,
}

/// Why a certificate cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The certificate's PEM.
    #[error("the certificate is not PEM: {0}")]
    Certificate(String),
    /// Nothing between BEGIN and END.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// The key's PEM.
    #[error("the private key is not PEM (PKCS#8, PKCS#1 or SEC1): {0}")]
    Key(String),
    /// The two do not belong together, or the key's kind is unknown.
    #[error("the certificate and the key cannot be used together: {0}")]
    Pair(String),
}

// === impl Serving ===

impl Serving {
    /// Serves another certificate from the next connection on. False: it was this one already.
    ///
    /// # Errors
    /// If it cannot be used; what was served is kept.
    pub fn set(&self, pair: &Pair) -> Result<bool, Unusable> {
        if self.0.read().as_ref().is_some_and(|served| served.pair == *pair) {
            return Ok(false);
        }
        let key = Arc::new(certified(pair)?);
        *self.0.write() = Some(Served { pair: pair.clone(), key });
        Ok(true)
    }

    /// Whether there is anything to serve.
    pub fn is_set(&self) -> bool {
        self.0.read().is_some()
    }

    /// The certificate that is served.
    pub fn certificate(&self) -> Option<CertificateDer<'static>> {
        self.0.read().as_ref().and_then(|served| served.key.cert.first().cloned())
    }

    /// When what is served expires.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.certificate().and_then(|der| Validity::of(&der)).map(|validity| validity.not_after)
    }

    /// The TLS side of a server that serves it.
    ///
    /// # Errors
    /// None in practice: ring has all the versions.
    pub fn config(&self) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // A resumed session would not see another certificate; connections are few and long.
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.read().as_ref().map(|served| Arc::clone(&served.key))
    }
}

fn certified(pair: &Pair) -> Result<CertifiedKey, Unusable> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).collect();
    let chain = chain.map_err(|error| Unusable::Certificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(Unusable::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes())
        .map_err(|error| Unusable::Key(error.to_string()))?;
    CertifiedKey::from_der(chain, key, &ring::default_provider())
        .map_err(|error| Unusable::Pair(error.to_string()))
}
