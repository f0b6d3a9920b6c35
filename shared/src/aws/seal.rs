//! Sealing: AES-256-GCM under a data key of KMS, bound to its owner by the encryption context and by the additional
//! data.
//!
//! A sealed text is `1.<wrapped data key>.<nonce>.<ciphertext and tag>`, each in base64. Data keys are kept in the
//! process for some minutes, so that KMS is asked once per cold start and not once per call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::failure;
use crate::ports::{Clock, Sealer, StoreError};

/// For how long a data key is used.
const KEPT: SignedDuration = SignedDuration::from_mins(5);

/// The form of sealed texts.
const FORM: &str = "1";

/// The encryption context's only name.
const OWNER: &str = "owner";

/// A data key, and itself wrapped by the master key.
pub struct DataKey {
    /// 32 bytes.
    pub plain: SecretSlice<u8>,
    /// What the master key makes of them.
    pub wrapped: Vec<u8>,
}

/// Makes and unwraps data keys.
#[async_trait]
pub trait DataKeys: Send + Sync {
    /// A new data key for an owner.
    async fn generate(&self, owner: &str) -> Result<DataKey, StoreError>;
    /// The data key that was wrapped for this owner.
    async fn unwrap(&self, owner: &str, wrapped: &[u8]) -> Result<SecretSlice<u8>, StoreError>;
}

/// Data keys of a KMS key.
pub struct KmsKeys {
    client: Client,
    key: String,
}

impl KmsKeys {
    /// The master key of this ARN.
    pub fn new(client: Client, key: impl Into<String>) -> Self {
        Self {
            client,
            key: key.into(),
        }
    }
}

#[async_trait]
impl DataKeys for KmsKeys {
    async fn generate(&self, owner: &str) -> Result<DataKey, StoreError> {
        let request = self
            .client
            .generate_data_key()
            .key_id(&self.key)
            .key_spec(DataKeySpec::Aes256);
        let answer = request.encryption_context(OWNER, owner).send().await;
        let answer = answer.map_err(|error| failure("making a data key", &error))?;
        let missing = || StoreError("KMS gave no data key".to_owned());
        let plain = answer.plaintext.ok_or_else(missing)?.into_inner().into();
        let wrapped = answer.ciphertext_blob.ok_or_else(missing)?.into_inner();
        Ok(DataKey { plain, wrapped })
    }

    async fn unwrap(&self, owner: &str, wrapped: &[u8]) -> Result<SecretSlice<u8>, StoreError> {
        let request = self
            .client
            .decrypt()
            .key_id(&self.key)
            .ciphertext_blob(Blob::new(wrapped));
        let answer = request.encryption_context(OWNER, owner).send().await;
        let answer = answer.map_err(|error| failure("unwrapping a data key", &error))?;
        let plain = answer
            .plaintext
            .ok_or_else(|| StoreError("KMS gave no data key".to_owned()))?;
        Ok(plain.into_inner().into())
    }
}

/// Seals in envelopes: the data key travels with what it sealed.
pub struct Envelopes {
    keys: Arc<dyn DataKeys>,
    clock: Arc<dyn Clock>,
    sealing: Mutex<HashMap<String, Kept>>,
    opening: Mutex<HashMap<(String, Vec<u8>), Kept>>,
}

#[derive(Clone)]
struct Kept {
    key: Arc<RandomizedNonceKey>,
    wrapped: Vec<u8>,
    since: Timestamp,
}

impl Envelopes {
    /// Envelopes under these keys.
    pub fn new(keys: Arc<dyn DataKeys>, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys,
            clock,
            sealing: Mutex::default(),
            opening: Mutex::default(),
        }
    }

    async fn sealing_key(&self, owner: &str) -> Result<Kept, StoreError> {
        if let Some(kept) = self.known(&self.sealing, owner) {
            return Ok(kept);
        }
        let made = self.keys.generate(owner).await?;
        let kept = self.kept(&made.plain, made.wrapped)?;
        keep(&self.sealing, owner.to_owned(), &kept);
        keep(&self.opening, (owner.to_owned(), kept.wrapped.clone()), &kept);
        Ok(kept)
    }

    async fn opening_key(&self, owner: &str, wrapped: Vec<u8>) -> Result<Kept, StoreError> {
        let name = (owner.to_owned(), wrapped);
        if let Some(kept) = self.known(&self.opening, &name) {
            return Ok(kept);
        }
        let plain = self.keys.unwrap(owner, &name.1).await?;
        let kept = self.kept(&plain, name.1.clone())?;
        keep(&self.opening, name, &kept);
        Ok(kept)
    }

    fn kept(&self, plain: &SecretSlice<u8>, wrapped: Vec<u8>) -> Result<Kept, StoreError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, plain.expose_secret());
        let key = Arc::new(key.map_err(|_| StoreError("a data key is not one of AES-256".to_owned()))?);
        Ok(Kept {
            key,
            wrapped,
            since: self.clock.now(),
        })
    }

    /// A key that is still kept; those that are not are forgotten.
    fn known<N, Q>(&self, keys: &Mutex<HashMap<N, Kept>>, name: &Q) -> Option<Kept>
    where
        N: std::borrow::Borrow<Q> + std::hash::Hash + Eq,
        Q: std::hash::Hash + Eq + ?Sized,
    {
        let now = self.clock.now();
        let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|_, kept| now.duration_since(kept.since) < KEPT);
        keys.get(name).cloned()
    }
}

fn keep<N: std::hash::Hash + Eq>(keys: &Mutex<HashMap<N, Kept>>, name: N, kept: &Kept) {
    keys.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(name, kept.clone());
}

#[async_trait]
impl Sealer for Envelopes {
    async fn seal(&self, owner: &str, plain: &SecretString) -> Result<String, StoreError> {
        let kept = self.sealing_key(owner).await?;
        let mut text = plain.expose_secret().as_bytes().to_vec();
        let nonce = kept
            .key
            .seal_in_place_append_tag(Aad::from(owner.as_bytes()), &mut text);
        let nonce = nonce.map_err(|_| StoreError("a text cannot be sealed".to_owned()))?;
        let parts = [kept.wrapped.as_slice(), nonce.as_ref().as_slice(), text.as_slice()];
        Ok(std::iter::once(FORM.to_owned())
            .chain(parts.map(|part| BASE64.encode(part)))
            .collect::<Vec<_>>()
            .join("."))
    }

    async fn open(&self, owner: &str, sealed: &str) -> Result<SecretString, StoreError> {
        let unreadable = || StoreError("a sealed text cannot be opened".to_owned());
        let (wrapped, nonce, mut text) = parts(sealed).ok_or_else(unreadable)?;
        let kept = self.opening_key(owner, wrapped).await?;
        let nonce = Nonce::try_assume_unique_for_key(&nonce).map_err(|_| unreadable())?;
        let plain = kept.key.open_in_place(nonce, Aad::from(owner.as_bytes()), &mut text);
        let plain = plain.map_err(|_| unreadable())?;
        Ok(std::str::from_utf8(plain).map_err(|_| unreadable())?.to_owned().into())
    }
}

fn parts(sealed: &str) -> Option<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let mut parts = sealed.split('.');
    if parts.next()? != FORM {
        return None;
    }
    let mut bytes = || BASE64.decode(parts.next()?.as_bytes()).ok();
    Some((bytes()?, bytes()?, bytes()?))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counting {
        made: AtomicU32,
        unwrapped: AtomicU32,
    }

    /// A master key that wraps by naming the owner.
    #[async_trait]
    impl DataKeys for Counting {
        async fn generate(&self, owner: &str) -> Result<DataKey, StoreError> {
            self.made.fetch_add(1, Ordering::Relaxed);
            Ok(DataKey {
                plain: vec![7; 32].into(),
                wrapped: owner.as_bytes().to_vec(),
            })
        }

        async fn unwrap(&self, owner: &str, wrapped: &[u8]) -> Result<SecretSlice<u8>, StoreError> {
            self.unwrapped.fetch_add(1, Ordering::Relaxed);
            let right = owner.as_bytes() == wrapped;
            right
                .then(|| vec![7; 32].into())
                .ok_or_else(|| StoreError("denied".to_owned()))
        }
    }

    struct Turned(Mutex<Timestamp>);

    impl Clock for Turned {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    fn envelopes() -> (Envelopes, Arc<Counting>, Arc<Turned>) {
        let (keys, clock) = (
            Arc::new(Counting::default()),
            Arc::new(Turned(Mutex::new(Timestamp::UNIX_EPOCH))),
        );
        (Envelopes::new(keys.clone(), clock.clone()), keys, clock)
    }

    /// P24: what was sealed for one owner is denied to every other.
    #[tokio::test]
    async fn what_was_sealed_is_opened_by_its_owner_only() {
        let (envelopes, _, _) = envelopes();
        let sealed = envelopes
            .seal("ups#acme#-", &"eyJ.token".to_owned().into())
            .await
            .unwrap();
        assert!(!sealed.contains("eyJ.token"));
        let opened = envelopes.open("ups#acme#-", &sealed).await.unwrap();
        assert_eq!(opened.expose_secret(), "eyJ.token");
        envelopes.open("ups#other#-", &sealed).await.unwrap_err();
        let again = envelopes
            .seal("ups#acme#-", &"eyJ.token".to_owned().into())
            .await
            .unwrap();
        assert_ne!(again, sealed, "each sealing has its own nonce");
    }

    #[tokio::test]
    async fn what_was_touched_is_not_opened() {
        let (envelopes, _, _) = envelopes();
        let sealed = envelopes.seal("owner", &"secret".to_owned().into()).await.unwrap();
        let (head, tail) = sealed.rsplit_once('.').unwrap();
        let mut text = BASE64.decode(tail.as_bytes()).unwrap();
        text[0] ^= 1;
        for bad in [
            format!("{head}.{}", BASE64.encode(&text)),
            head.to_owned(),
            format!("2{}", &sealed[1..]),
        ] {
            envelopes.open("owner", &bad).await.unwrap_err();
        }
    }

    #[tokio::test]
    async fn the_master_key_is_asked_once_in_some_minutes() {
        let (envelopes, keys, clock) = envelopes();
        let sealed = envelopes.seal("owner", &"secret".to_owned().into()).await.unwrap();
        for _ in 0..10 {
            envelopes.open("owner", &sealed).await.unwrap();
            envelopes.seal("owner", &"secret".to_owned().into()).await.unwrap();
        }
        assert_eq!(
            (
                keys.made.load(Ordering::Relaxed),
                keys.unwrapped.load(Ordering::Relaxed)
            ),
            (1, 0)
        );
        *clock.0.lock().unwrap() += KEPT;
        envelopes.open("owner", &sealed).await.unwrap();
        envelopes.open("owner", &sealed).await.unwrap();
        assert_eq!(
            (
                keys.made.load(Ordering::Relaxed),
                keys.unwrapped.load(Ordering::Relaxed)
            ),
            (1, 1)
        );
    }
}
