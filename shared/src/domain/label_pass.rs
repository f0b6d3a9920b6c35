//! What a label link holds: a pass to the labels of one job, sealed so that we know our own.
//!
//! Its text is 59 characters that need no escaping in an address: the version `1`, the job's id (26), and in base64url (32)
//! the generation, the last moment and half of an HMAC-SHA256 over all of that. Half is 128 bits, and nobody can try them
//! but by asking us. It names no person and no carrier, and whoever holds it learns nothing that the label does not say.

use aws_lc_rs::{constant_time, hmac};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::JobId;

/// The first character of a token: how the rest is to be read.
const VERSION: &str = "1";

/// What the key signs here and nowhere else: a signature that was made for something else is none.
const PURPOSE: &[u8] = b"waybill label link 1\n";

/// The length of a job's id.
const JOB: usize = 26;

/// The bytes of generation and last moment.
const FACTS: usize = 8;

/// The bytes of the seal.
const SEAL: usize = 16;

/// A shorter key could be guessed.
const SHORTEST_KEY: usize = 32;

/// The keys that seal passes: the newest seals, the older ones still open what they sealed.
#[derive(Debug, Clone, Deserialize)]
pub struct LabelKeys {
    key: SecretString,
    #[serde(default)]
    older: Vec<SecretString>,
}

impl LabelKeys {
    /// The keys in a secret's body, `{"key": "...", "older": ["..."]}`; `None` if it holds something else, or a key that
    /// could be guessed.
    pub fn read(body: &SecretString) -> Option<Self> {
        // The parser's own words may quote the secret and are not repeated.
        let keys: Self = serde_json::from_str(body.expose_secret()).ok()?;
        let good = keys.all().all(|key| key.expose_secret().len() >= SHORTEST_KEY);
        good.then_some(keys)
    }

    fn all(&self) -> impl Iterator<Item = &SecretString> {
        std::iter::once(&self.key).chain(&self.older)
    }
}

/// A pass to the labels of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelPass {
    /// The job.
    pub job: JobId,
    /// Which generation of the job's links it belongs to.
    pub generation: u32,
    /// From then on it opens nothing.
    pub expires: Timestamp,
}

impl LabelPass {
    /// The pass as it stands in an address.
    pub fn token(&self, keys: &LabelKeys) -> String {
        let facts = self.facts();
        let sealed = [facts.as_slice(), &seal(&keys.key, &self.job, &facts)].concat();
        format!("{VERSION}{}{}", self.job, BASE64URL_NOPAD.encode(&sealed))
    }

    /// The pass that a token is, if one of these keys has sealed it.
    pub fn read(token: &str, keys: &LabelKeys) -> Option<Self> {
        let rest = token.strip_prefix(VERSION)?;
        let job: JobId = rest.get(..JOB)?.parse().ok()?;
        let bytes = BASE64URL_NOPAD.decode(rest.get(JOB..)?.as_bytes()).ok()?;
        let (facts, sealed) = bytes.split_at_checked(FACTS)?;
        let fits =
            |key: &&SecretString| constant_time::verify_slices_are_equal(&seal(key, &job, facts), sealed).is_ok();
        // All are compared, whichever fits.
        if keys.all().filter(fits).count() == 0 {
            return None;
        }
        let (generation, seconds) = facts.split_at_checked(FACTS / 2)?;
        Some(Self {
            job,
            generation: number(generation)?,
            expires: Timestamp::from_second(number(seconds)?.into()).ok()?,
        })
    }

    /// Whether it opens what is of this generation now.
    pub fn opens(&self, generation: u32, now: Timestamp) -> bool {
        self.generation == generation && now < self.expires
    }

    /// Whole seconds are enough, and 32 bits of them last until 2106.
    fn facts(&self) -> [u8; FACTS] {
        let seconds = u32::try_from(self.expires.as_second().max(0)).unwrap_or(u32::MAX);
        let facts = (u64::from(self.generation) << 32) | u64::from(seconds);
        facts.to_be_bytes()
    }
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_be_bytes)
}

fn seal(key: &SecretString, job: &JobId, facts: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(PURPOSE);
    context.update(VERSION.as_bytes());
    context.update(job.as_str().as_bytes());
    context.update(facts);
    context.sign().as_ref().iter().copied().take(SEAL).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "old-0123456789abcdef0123456789abcdef";
    const NEW: &str = "new-0123456789abcdef0123456789abcdef";

    fn keys(key: &str, older: &[&str]) -> LabelKeys {
        let body = serde_json::json!({ "key": key, "older": older }).to_string();
        LabelKeys::read(&body.into()).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn pass() -> LabelPass {
        LabelPass {
            job: "OB3XG5DVNZXW64DFOJ2HA3DPNU".parse().unwrap(),
            generation: 3,
            expires: at("2026-08-29T14:00:00Z"),
        }
    }

    #[test]
    fn a_token_is_short_fits_an_address_and_is_read_back() {
        let token = pass().token(&keys(NEW, &[]));
        assert_eq!(token.len(), 59);
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(token.chars().all(legal), "{token}");
        assert_eq!(LabelPass::read(&token, &keys(NEW, &[])), Some(pass()));
        assert_eq!(
            token,
            pass().token(&keys(NEW, &[OLD])),
            "the same pass is the same text"
        );
    }

    /// Whatever character is changed, left away or added: it is no pass any more.
    #[test]
    fn a_token_that_was_touched_is_none() {
        let keys = keys(NEW, &[]);
        let token = pass().token(&keys);
        for place in 0..token.len() {
            for other in ['A', 'B', '2', '-', 'z', '/', 'é'] {
                let mut touched: Vec<char> = token.chars().collect();
                if touched[place] == other {
                    continue;
                }
                touched[place] = other;
                let touched: String = touched.into_iter().collect();
                assert_eq!(LabelPass::read(&touched, &keys), None, "{touched}");
            }
            assert_eq!(LabelPass::read(&token[..place], &keys), None);
        }
        for longer in [
            format!("{token}A"),
            format!("{token}AAAA"),
            format!("1{token}"),
            format!(" {token}"),
        ] {
            assert_eq!(LabelPass::read(&longer, &keys), None, "{longer}");
        }
    }

    #[test]
    fn every_key_opens_and_the_newest_seals() {
        let old = pass().token(&keys(OLD, &[]));
        assert_eq!(LabelPass::read(&old, &keys(NEW, &[OLD])), Some(pass()));
        assert_eq!(
            LabelPass::read(&old, &keys(NEW, &[])),
            None,
            "a key that was ended opens nothing"
        );
        assert_eq!(
            LabelPass::read(&pass().token(&keys(NEW, &[OLD])), &keys(NEW, &[])),
            Some(pass())
        );
    }

    /// What the same key signed for something else is no seal: the purpose is a part of what is sealed.
    #[test]
    fn a_seal_for_another_purpose_is_none() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, NEW.as_bytes());
        let (facts, job) = (pass().facts(), pass().job);
        let signed = hmac::sign(&key, &[VERSION.as_bytes(), job.as_str().as_bytes(), &facts].concat());
        let sealed = [facts.as_slice(), &signed.as_ref()[..SEAL]].concat();
        let token = format!("{VERSION}{job}{}", BASE64URL_NOPAD.encode(&sealed));
        assert_eq!(token.len(), 59);
        assert_eq!(LabelPass::read(&token, &keys(NEW, &[])), None);
    }

    #[test]
    fn it_opens_its_own_generation_until_its_last_moment() {
        let just_before = at("2026-08-29T13:59:59.9Z");
        assert!(pass().opens(3, just_before));
        assert!(!pass().opens(3, pass().expires));
        assert!(!pass().opens(4, just_before) && !pass().opens(2, just_before));
    }

    #[test]
    fn a_secret_without_a_good_key_has_none() {
        let read = |body: &str| LabelKeys::read(&body.to_owned().into()).is_some();
        assert!(read(&format!(r#"{{"key":"{NEW}"}}"#)));
        let short = format!(r#"{{"key":"{NEW}","older":[""]}}"#);
        for body in ["", "{}", r#"{"key":"short"}"#, "hunter2", short.as_str()] {
            assert!(!read(body), "{body}");
        }
        let told = format!("{:?}", keys(NEW, &[OLD]));
        assert!(!told.contains("0123456789"), "{told}");
    }
}
