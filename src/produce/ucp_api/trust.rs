//! Whom to trust: the authorities that may have issued the server's certificate.
//!
//! Promises: there is always a check; a file without any certificate is refused. Refuses to know: who the server is.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::produce::Trouble;
use crate::report::{name, sentence};

/// Whom to trust.
#[derive(Debug, Clone)]
pub enum Trust {
    /// The authorities in a file, as UCP gives its own under `/ca`, and no others.
    File {
        /// What the file is called, for sentences.
        name: String,
        /// Its content: certificates in PEM.
        pem: Vec<u8>,
    },
    /// The authorities that this system trusts.
    System,
}

impl Trust {
    pub(super) fn roots(&self) -> Result<RootCertStore, Trouble> {
        match self {
            Self::File { name: file, pem } => {
                let file = name(file.as_bytes());
                let no = |why: &str| {
                    Trouble::Usage(format!(
                        "{file} cannot be used as the CA of UCP: {why}; give the certificates in PEM, as https://HOST/ca has them"
                    ))
                };
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    let certificate = certificate.map_err(|error| no(&sentence(&error.to_string())))?;
                    roots.add(certificate).map_err(|error| no(&sentence(&error.to_string())))?;
                }
                if roots.is_empty() { Err(no("there is no certificate in it")) } else { Ok(roots) }
            }
            Self::System => {
                let found = rustls_native_certs::load_native_certs();
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    let errors: Vec<String> = found.errors.iter().map(|error| sentence(&error.to_string())).collect();
                    let errors = if errors.is_empty() { "none was found".to_owned() } else { errors.join("; ") };
                    return Err(Trouble::Usage(format!(
                        "this system trusts no authority ({errors}); install its CA certificates, or give the CA of UCP by a file"
                    )));
                }
                Ok(roots)
            }
        }
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, Trouble> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder =
            builder.map_err(|error| Trouble::Refused(format!("TLS cannot be set up: {error}; please report this")))?;
        let mut config = builder.with_root_certificates(self.roots()?).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
