//! Street address validation (`POST /api/addressvalidation/v2/{1|2|3}`), by `AddressValidation.yaml`.
//!
//! Quirks: only the US and Puerto Rico; exactly one of three presence keys says the verdict, all with HTTP 200; the
//! numbers of the 264xxx errors are not published, so callers must not tell them apart.

use axum::extract::{Path, State as Shared};
use serde_json::{Value, json};

use super::Ups;
use super::addresses::{Class, Question, Standard, Verdict, judge};
use super::answer::{Refusal, Reply, head, put, shaped};
use super::call::Call;
use super::read::{at, owned, text, texts};

/// Judges and classifies an address.
pub(super) async fn validate(Shared(ups): Shared<Ups>, Path(option): Path<String>, call: Call) -> Reply {
    let wants = Wants::of(&option)?;
    let request = at(&call.body, "XAVRequest").ok_or_else(|| Refusal::missing("XAVRequest"))?;
    let question = question_of(request)?;
    let most = call
        .parameter("maximumcandidatelistsize")
        .and_then(|text| text.parse().ok())
        .unwrap_or(15);
    let verdict = judge(&question);
    Ok(shaped(
        json!({ "XAVResponse": answer(request, &verdict, &wants, most) }),
        &ups.state().options,
    ))
}

struct Wants {
    validation: bool,
    classification: bool,
}

impl Wants {
    fn of(option: &str) -> Result<Self, Refusal> {
        let (validation, classification) = match option {
            "1" => (true, false),
            "2" => (false, true),
            "3" => (true, true),
            _ => return Err(Refusal::bad("264001", "Invalid request option")),
        };
        Ok(Self {
            validation,
            classification,
        })
    }
}

fn question_of(request: &Value) -> Result<Question, Refusal> {
    let parts = at(request, "AddressKeyFormat").ok_or_else(|| Refusal::missing("AddressKeyFormat"))?;
    let country = text(parts, "CountryCode").ok_or_else(|| Refusal::bad("264003", "Country code is required"))?;
    if !matches!(country, "US" | "PR") {
        return Err(Refusal::bad("264002", "Country code is invalid or not supported"));
    }
    let state = text(parts, "PoliticalDivision1")
        .unwrap_or(if country == "PR" { "PR" } else { "" })
        .to_owned();
    let low = owned(parts, "PostcodePrimaryLow");
    let extended = owned(parts, "PostcodeExtendedLow");
    Ok(Question {
        company: owned(parts, "ConsigneeName"),
        lines: texts(parts, "AddressLine"),
        city: owned(parts, "PoliticalDivision2"),
        state,
        zip: if low.len() == 5 {
            format!("{low}{extended}")
        } else {
            low
        },
    })
}

fn answer(request: &Value, verdict: &Verdict, wants: &Wants, most: usize) -> Value {
    let mut answer = json!({ "Response": head(request, &[]) });
    let (indicator, candidates) = match verdict {
        Verdict::Valid(standard) => ("ValidAddressIndicator", vec![standard]),
        Verdict::Ambiguous(several) => ("AmbiguousAddressIndicator", several.iter().take(most).collect()),
        Verdict::Unknown => ("NoCandidatesIndicator", Vec::new()),
    };
    if wants.validation || matches!(verdict, Verdict::Unknown) {
        put(&mut answer, indicator, "".into());
    }
    if wants.classification {
        let class = if let Verdict::Valid(standard) = verdict {
            standard.class
        } else {
            Class::Unclassified
        };
        put(&mut answer, "AddressClassification", classification(class));
    }
    if wants.validation && !candidates.is_empty() {
        let listed = candidates
            .into_iter()
            .map(|standard| candidate(standard, wants.classification));
        put(&mut answer, "Candidate", listed.collect());
    }
    answer
}

fn classification(class: Class) -> Value {
    match class {
        Class::Unclassified => json!({ "Code": "0", "Description": "UnClassified" }),
        Class::Commercial => json!({ "Code": "1", "Description": "Commercial" }),
        Class::Residential => json!({ "Code": "2", "Description": "Residential" }),
    }
}

fn candidate(standard: &Standard, classified: bool) -> Value {
    let Standard {
        lines,
        city,
        state,
        zip,
        extension,
        class,
    } = standard;
    let mut candidate = json!({});
    if classified {
        put(&mut candidate, "AddressClassification", classification(*class));
    }
    let parts = json!({
        "AddressLine": lines,
        "PoliticalDivision2": city,
        "PoliticalDivision1": state,
        "PostcodePrimaryLow": zip,
        "PostcodeExtendedLow": extension,
        "Region": format!("{city} {state} {zip}-{extension}"),
        "CountryCode": if state == "PR" { "PR" } else { "US" },
    });
    put(&mut candidate, "AddressKeyFormat", parts);
    candidate
}
