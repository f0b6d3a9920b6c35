//! Random keys, and how a new one takes the place of an old one.

use data_encoding::HEXLOWER;
use secrecy::SecretString;
use serde::Serialize;

use crate::output::Failure;

/// Random bytes in hexadecimal; what cannot be random is not made.
pub(crate) fn random<const BYTES: usize>() -> Result<String, Failure> {
    let mut bytes = [0_u8; BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(format!("this machine has no random numbers: {error}. Nothing was done")))?;
    Ok(HEXLOWER.encode(&bytes))
}

/// 256 random bits.
pub(crate) fn key() -> Result<String, Failure> {
    random::<32>()
}

/// The keys after a rotation, the newest first: of the old ones only the newest stays, if any may.
pub(crate) fn rotated(old: &[String], new: String, keep: bool) -> Vec<String> {
    let kept = old.first().filter(|_| keep).cloned();
    std::iter::once(new).chain(kept).collect()
}

/// The body of a secret.
pub(crate) fn sealed(body: &impl Serialize) -> Result<SecretString, Failure> {
    // The serializer's own words are not repeated: they could quote the secret.
    let text = serde_json::to_string(body).map_err(|_| Failure::new("the secret cannot be written as JSON"))?;
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn keys_are_long_hexadecimal_and_never_the_same() {
        let (one, other) = (key().unwrap(), key().unwrap());
        assert!(
            one.len() == 64 && one.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{one}"
        );
        assert_ne!(one, other);
        assert_eq!(random::<16>().unwrap().len(), 32);
    }

    #[test]
    fn a_rotation_puts_the_new_key_first_keeps_one_and_drops_the_third() {
        let first = rotated(&texts(&["a"]), "b".to_owned(), true);
        assert_eq!(first, ["b", "a"]);
        let second = rotated(&first, "c".to_owned(), true);
        assert_eq!(second, ["c", "b"]);
        assert_eq!(rotated(&second, "d".to_owned(), false), ["d"]);
        assert_eq!(rotated(&[], "a".to_owned(), true), ["a"]);
    }
}
