//! Labels in the story: a carrier's answer holds each as Base64, and the label store holds the same bytes. Once they are there, the
//! story says where, and does not hold them a second time.
//!
//! What is said leads back to the very text: it is the Base64 of the object under that key, whose digest is named. So only labels whose
//! key belongs to one parcel are replaced; papers of a whole shipment have a name that the next shipment of the job takes over.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, HEXLOWER};

use crate::domain::{LabelImage, LabelRef};
use crate::ports::Recorder;

/// Puts where each label is kept in its place in what was recorded since the last write.
pub(super) fn refer(recorder: &Recorder, labels: &[LabelImage], kept: &[LabelRef]) {
    for (label, kept) in labels.iter().zip(kept) {
        if label.tracking_number.is_none() {
            continue;
        }
        let (image, note) = (BASE64.encode(&label.bytes), note(label, kept));
        // A picture that is shorter than what would be said of it says more.
        if image.len() > note.len() {
            recorder.replace(&image, &note);
        }
    }
}

fn note(label: &LabelImage, kept: &LabelRef) -> String {
    let sum = HEXLOWER.encode(digest(&SHA256, &label.bytes).as_ref());
    let (key, bytes) = (&kept.key, label.bytes.len());
    format!("(kept as {key}: {bytes} bytes, SHA-256 {sum})")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::LabelFormat;
    use crate::ports::Exchange;

    fn label(number: Option<&str>, bytes: &[u8]) -> LabelImage {
        LabelImage {
            tracking_number: number.map(str::to_owned),
            format: LabelFormat::Zpl,
            bytes: bytes.to_vec(),
        }
    }

    fn said_of(received: String, label: &LabelImage) -> String {
        let recorder = Recorder::default();
        recorder.record(Exchange {
            at: Timestamp::UNIX_EPOCH,
            system: "ups".to_owned(),
            operation: "ship".to_owned(),
            base: String::new(),
            request: "POST /ship".to_owned(),
            headers: Vec::new(),
            sent: None,
            status: Some(200),
            vendor_ids: Vec::new(),
            received,
            milliseconds: 1,
        });
        let kept = LabelRef {
            tracking_number: label.tracking_number.clone(),
            format: label.format,
            key: "labels/JOB/1Z.zpl".to_owned(),
        };
        refer(&recorder, std::slice::from_ref(label), &[kept]);
        recorder.drain().remove(0).received
    }

    /// P22: what the story says in a label's place leads back to the whole answer.
    #[test]
    fn a_label_stands_in_the_story_by_where_it_is_kept() {
        let bytes = b"^XA^FDSixteen bytes^FS^XZ".repeat(20);
        let image = BASE64.encode(&bytes);
        let answer = format!("{{\"label\":\"{image}\",\"again\":\"{image}\",\"number\":\"1Z\"}}");
        let said = said_of(answer.clone(), &label(Some("1Z"), &bytes));
        let sum = HEXLOWER.encode(digest(&SHA256, &bytes).as_ref());
        let note = format!("(kept as labels/JOB/1Z.zpl: 500 bytes, SHA-256 {sum})");
        assert_eq!(
            said,
            format!("{{\"label\":\"{note}\",\"again\":\"{note}\",\"number\":\"1Z\"}}")
        );
        assert_eq!(said.replace(&note, &image), answer);
        let papers = said_of(answer.clone(), &label(None, &bytes));
        assert_eq!(papers, answer, "papers may be stored over");
    }

    #[test]
    fn what_is_short_or_empty_stays_as_it_is() {
        for bytes in [b"".as_slice(), b"^XA^XZ"] {
            let answer = format!("{{\"label\":\"{}\"}}", BASE64.encode(bytes));
            assert_eq!(said_of(answer.clone(), &label(Some("1Z"), bytes)), answer);
        }
    }
}
