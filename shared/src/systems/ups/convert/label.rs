//! Labels asked for again, and the pictures in any answer.

use data_encoding::{BASE64, BASE64_NOPAD};

use super::recover::{question, request};
use super::refuse;
use crate::domain::{LabelFormat, LabelImage, Refusal};
use crate::http::Answer;
use crate::ports::{CallError, LabelError, Later, Obstacle};
use crate::systems::ups::account::LabelHeight;
use crate::systems::ups::wire::answer::{self, Image, Recovery};
use crate::systems::ups::wire::request::{Code, LabelSpecification, Recovery as Question, RecoveryBody, StockSize};

/// Not there yet, or not available at the moment.
const LATER: [&str; 3] = ["300000", "300007", "300034"];

/// How a label is asked for. GIF is made for a browser and UPS wants to know which.
pub(super) fn specification(code: &'static str, height: LabelHeight) -> LabelSpecification {
    LabelSpecification {
        http_user_agent: (code == "GIF").then_some("Mozilla/4.5"),
        label_image_format: Code::new(code),
        label_stock_size: StockSize {
            height: height.inches(),
            width: "4",
        },
    }
}

/// Asks for the label of one parcel, or of all if it is the lead. A document can be had here, though not when buying.
pub(crate) fn by_number(
    number: &str,
    format: Option<LabelFormat>,
    height: LabelHeight,
) -> Result<RecoveryBody, Refusal> {
    let label_specification = match format {
        None => None,
        Some(LabelFormat::Pdf) => Some(specification("PDF", height)),
        Some(format) => Some(specification(sold_as(format)?, height)),
    };
    Ok(question(Question {
        request: request(number),
        label_specification,
        tracking_number: Some(number.to_owned()),
        reference_values: None,
    }))
}

/// The code of a format in which labels are sold.
pub(super) fn sold_as(format: LabelFormat) -> Result<&'static str, Refusal> {
    match format {
        LabelFormat::Gif => Ok("GIF"),
        LabelFormat::Zpl => Ok("ZPL"),
        LabelFormat::Epl => Ok("EPL"),
        LabelFormat::Spl => Ok("SPL"),
        LabelFormat::Pdf | LabelFormat::Png => Err(refuse(
            "label",
            format!(
                "UPS sells no labels as {}: choose zpl, epl, spl or gif as the connection's label format",
                format.extension().to_uppercase()
            ),
        )),
    }
}

/// The labels in an answer of Label Recovery, by tracking number.
pub(crate) fn pictures(result: Result<Answer, CallError>, asked: LabelFormat) -> Result<Vec<LabelImage>, LabelError> {
    let answer = result.map_err(label_failure)?;
    let recovery: Option<Recovery> = answer::body(&answer.body, "LabelRecoveryResponse");
    let results = recovery.map(|recovery| recovery.label_results).unwrap_or_default();
    Ok(results
        .into_iter()
        .filter_map(|result| picture(result.label_image.as_ref()?, result.tracking_number, asked))
        .collect())
}

/// Whether a label that was refused may come later.
fn label_failure(error: CallError) -> LabelError {
    match error {
        CallError::Later(later) => LabelError::Later(later),
        CallError::Refused(refusal) if LATER.contains(&refusal.code.as_str()) => {
            LabelError::Later(Later::new(Obstacle::Unreachable, refusal.to_string()))
        }
        CallError::Refused(refusal) => LabelError::Gone(refusal),
    }
}

/// A picture, if its bytes can be read; its format as UPS says it, else as it was asked for.
pub(super) fn picture(image: &Image, tracking_number: Option<String>, asked: LabelFormat) -> Option<LabelImage> {
    let bytes = bytes(image.graphic_image.as_deref()?)?;
    let said = image.image_format.as_ref().and_then(|format| format.code.as_deref());
    Some(LabelImage {
        tracking_number,
        format: said.and_then(format).unwrap_or(asked),
        bytes,
    })
}

pub(super) fn format(code: &str) -> Option<LabelFormat> {
    match code.to_ascii_uppercase().as_str() {
        "GIF" => Some(LabelFormat::Gif),
        "ZPL" => Some(LabelFormat::Zpl),
        "EPL" | "EPL2" => Some(LabelFormat::Epl),
        "SPL" => Some(LabelFormat::Spl),
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
