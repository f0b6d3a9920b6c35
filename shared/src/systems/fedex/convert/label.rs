//! Labels and papers in an answer: Base64 beside what they are and in which format.

use data_encoding::{BASE64, BASE64_NOPAD};

use crate::domain::{LabelFormat, LabelImage};
use crate::systems::fedex::wire::answer::Document;

/// The labels of one parcel: the first is its label, whatever else sticks on it are papers.
pub(super) fn of_parcel(
    documents: &[Document],
    tracking_number: Option<&String>,
    asked: LabelFormat,
) -> Vec<LabelImage> {
    let mut labels: Vec<&Document> = documents.iter().filter(|document| is_label(document)).collect();
    labels.sort_by_key(|document| document.content_type.as_deref() != Some("LABEL"));
    let pictures = labels.into_iter().filter_map(|document| {
        let own = tracking_number.or(document.tracking_number.as_ref());
        picture(document, own.cloned(), asked)
    });
    let with_place = pictures.enumerate().map(|(place, picture)| LabelImage {
        tracking_number: picture.tracking_number.filter(|_| place == 0),
        ..picture
    });
    with_place.collect()
}

/// Papers of a whole shipment.
pub(super) fn papers(documents: &[Document]) -> impl Iterator<Item = LabelImage> {
    let papers = documents.iter().filter(|document| !is_label(document));
    papers.filter_map(|document| picture(document, None, LabelFormat::Pdf))
}

/// Labels say so in many ways: `LABEL`, `HAZMAT_LABEL`, `MERGED_LABELS_ONLY`.
fn is_label(document: &Document) -> bool {
    document
        .content_type
        .as_deref()
        .is_some_and(|kind| kind.contains("LABEL"))
}

/// A picture, if its bytes can be read; its format as FedEx says it, else as it was asked for.
fn picture(document: &Document, tracking_number: Option<String>, asked: LabelFormat) -> Option<LabelImage> {
    let bytes = bytes(document.encoded_label.as_deref()?)?;
    Some(LabelImage {
        tracking_number,
        format: document.doc_type.as_deref().and_then(format).unwrap_or(asked),
        bytes,
    })
}

/// A format by FedEx's name of it.
pub(super) fn format(code: &str) -> Option<LabelFormat> {
    match code.to_ascii_uppercase().as_str() {
        "ZPLII" | "ZPL" => Some(LabelFormat::Zpl),
        "EPL2" | "EPL" => Some(LabelFormat::Epl),
        "PDF" => Some(LabelFormat::Pdf),
        "PNG" => Some(LabelFormat::Png),
        _ => None,
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let decoded = BASE64
        .decode(text.as_bytes())
        .or_else(|_| BASE64_NOPAD.decode(text.as_bytes()))
        .ok()?;
    (!decoded.is_empty()).then_some(decoded)
}
