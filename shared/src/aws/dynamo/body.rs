//! How a body lies in the table: as text while it is short, deflated (RFC 1951) where that spares units.
//!
//! DynamoDB bills a write by the kilobyte, twice in a transaction; the JSON of a job or of an audit entry shrinks to a third.
//! Whoever reads takes both.

use std::borrow::Cow;
use std::io::{self, Read as _, Write as _};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// A body shorter than this stays text: beside the rest of its item it would spare no unit.
const SHORT: usize = 600;

/// The first byte of a deflated body.
const DEFLATED: u8 = 1;

/// No body is longer: more does not fit into an item of 400 KB, and what unpacks to more is not ours.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The attribute that says this text.
pub(super) fn pack(text: &str) -> AttributeValue {
    match deflated(text) {
        Ok(Some(bytes)) => AttributeValue::B(Blob::new(bytes)),
        // What cannot be made smaller is kept as it is.
        Ok(None) | Err(_) => AttributeValue::S(text.to_owned()),
    }
}

/// The text that an attribute says; `None` if it is none.
pub(super) fn unpack(attribute: &AttributeValue) -> Option<Cow<'_, str>> {
    match attribute {
        AttributeValue::S(text) => Some(Cow::Borrowed(text)),
        AttributeValue::B(blob) => inflated(blob.as_ref()).map(Cow::Owned),
        _ => None,
    }
}

fn deflated(text: &str) -> io::Result<Option<Vec<u8>>> {
    if text.len() < SHORT {
        return Ok(None);
    }
    let mut encoder = DeflateEncoder::new(vec![DEFLATED], Compression::default());
    encoder.write_all(text.as_bytes())?;
    let bytes = encoder.finish()?;
    Ok(Some(bytes).filter(|bytes| bytes.len() < text.len()))
}

fn inflated(bytes: &[u8]) -> Option<String> {
    let (&DEFLATED, packed) = bytes.split_first()? else {
        return None;
    };
    let mut text = String::new();
    let read = DeflateDecoder::new(packed).take(LONGEST).read_to_string(&mut text);
    read.is_ok().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same(text: &str) -> AttributeValue {
        let packed = pack(text);
        assert_eq!(unpack(&packed).as_deref(), Some(text));
        packed
    }

    #[test]
    fn a_body_comes_back_as_it_was_and_a_long_one_is_small() {
        assert!(is_same("{}").is_s());
        let row = r#"{"line": {"item": "31", "quantity": "5"}, "name": "Zürich Löwenstraße"}"#;
        let long = format!("[{}]", vec![row; 60].join(","));
        let packed = is_same(&long);
        assert!(packed.as_b().unwrap().as_ref().len() * 5 < long.len());
    }

    #[test]
    fn what_does_not_shrink_stays_text() {
        let noise: String = (0_u32..1200)
            .map(|n| char::from_u32(0x4E00 + n.wrapping_mul(2_654_435_761) % 20_000).unwrap_or('x'))
            .collect();
        is_same(&noise);
    }

    #[test]
    fn what_is_no_body_says_nothing() {
        let blob = |bytes: &[u8]| AttributeValue::B(Blob::new(bytes.to_vec()));
        for odd in [
            blob(b""),
            blob(b"\x02abc"),
            blob(b"\x01\xff\xff\xff"),
            AttributeValue::Bool(true),
        ] {
            assert_eq!(unpack(&odd), None, "{odd:?}");
        }
    }
}
