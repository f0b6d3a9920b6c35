//! Key pairs for client assertions: made here for tests and the demo, and public keys as the account registers them.
//!
//! Follows the rules for certificates of machine-to-machine integrations: RSA of 3072 bits or more, or an elliptic
//! curve; an RSA key of 2048 bits is refused.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
};
use data_encoding::BASE64;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};

/// Kinds of key that can be made here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyKind {
    /// NIST P-256, for ES256.
    #[default]
    #[serde(rename = "ES256")]
    P256,
    /// NIST P-384, for ES384.
    #[serde(rename = "ES384")]
    P384,
    /// RSA of 3072 bits, for PS256.
    #[serde(rename = "PS256")]
    Rsa3072,
}

/// A key pair as PEM texts.
#[derive(Clone, Serialize, Deserialize)]
pub struct MadeKey {
    /// PKCS#8, `PRIVATE KEY`.
    pub private_pem: String,
    /// SubjectPublicKeyInfo, `PUBLIC KEY`.
    pub public_pem: String,
}

impl std::fmt::Debug for MadeKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("MadeKey").finish_non_exhaustive()
    }
}

/// Makes a key pair.
///
/// # Errors
/// When the cryptographic library fails.
pub fn generate(kind: KeyKind) -> Result<MadeKey, Unspecified> {
    match kind {
        KeyKind::P256 => elliptic(&ECDSA_P256_SHA256_FIXED_SIGNING),
        KeyKind::P384 => elliptic(&ECDSA_P384_SHA384_FIXED_SIGNING),
        KeyKind::Rsa3072 => {
            let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa3072)?;
            let private: Pkcs8V1Der<'_> = pair.as_der()?;
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
            Ok(made(private.as_ref(), public.as_ref()))
        }
    }
}

fn elliptic(algorithm: &'static EcdsaSigningAlgorithm) -> Result<MadeKey, Unspecified> {
    let pair = EcdsaKeyPair::generate(algorithm)?;
    let private = pair.to_pkcs8v1()?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    Ok(made(private.as_ref(), public.as_ref()))
}

fn made(private: &[u8], public: &[u8]) -> MadeKey {
    MadeKey {
        private_pem: pem("PRIVATE KEY", private),
        public_pem: pem("PUBLIC KEY", public),
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap_or_default())
        .collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A registered public key.
#[derive(Clone)]
pub struct PublicKey {
    decoding: DecodingKey,
    elliptic: bool,
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("PublicKey")
            .field("elliptic", &self.elliptic)
            .finish_non_exhaustive()
    }
}

/// Why a public key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRefused {
    /// No key could be made, or not a PEM of a public key of a kind that NetSuite takes.
    Unreadable,
    /// RSA with fewer than 3072 bits.
    TooShort,
}

impl PublicKey {
    /// Reads a `PUBLIC KEY` PEM.
    ///
    /// # Errors
    /// When it is no such key, or an RSA key that is too short.
    pub fn from_pem(text: &str) -> Result<Self, KeyRefused> {
        if let Ok(decoding) = DecodingKey::from_ec_pem(text.as_bytes()) {
            return Ok(Self {
                decoding,
                elliptic: true,
            });
        }
        let decoding = DecodingKey::from_rsa_pem(text.as_bytes()).map_err(|_| KeyRefused::Unreadable)?;
        if modulus_bytes(text).ok_or(KeyRefused::Unreadable)? < 384 {
            return Err(KeyRefused::TooShort);
        }
        Ok(Self {
            decoding,
            elliptic: false,
        })
    }

    /// The key for an algorithm that NetSuite accepts with it; RS256 is not among them.
    pub fn for_algorithm(&self, algorithm: Algorithm) -> Option<&DecodingKey> {
        use Algorithm::{ES256, ES384, PS256, PS384, PS512};
        let fits = if self.elliptic {
            matches!(algorithm, ES256 | ES384)
        } else {
            matches!(algorithm, PS256 | PS384 | PS512)
        };
        fits.then_some(&self.decoding)
    }
}

fn modulus_bytes(pem: &str) -> Option<usize> {
    let body: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    let der = BASE64.decode(body.as_bytes()).ok()?;
    rsa::PublicKey::from_der(&der).ok().map(|key| key.modulus_len())
}

impl std::fmt::Display for KeyRefused {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Unreadable => "no key of a kind that is accepted",
            Self::TooShort => "an RSA key must have 3072 bits or more",
        })
    }
}

impl std::error::Error for KeyRefused {}
