//! What became of a void: judged by the summary and by each package, because a void can succeed in part.

use crate::domain::Refusal;
use crate::http::Answer;
use crate::ports::{CallError, Later, Obstacle, VoidError};
use crate::systems::ups::wire::answer::{self, Coded, PackageVoid, Void};

const ALREADY_VOIDED: &str = "190117";
const VOIDED: &str = "1";

/// Whether the shipment is voided now.
pub(crate) fn voided(result: Result<Answer, CallError>) -> Result<(), VoidError> {
    match result {
        Ok(answer) => judge(&answer),
        Err(CallError::Refused(refusal)) if refusal.code == ALREADY_VOIDED => Ok(()),
        Err(CallError::Refused(refusal)) => Err(VoidError::Refused(refusal)),
        Err(CallError::Later(later)) => Err(VoidError::Later(later)),
    }
}

fn judge(answer: &Answer) -> Result<(), VoidError> {
    let void: Option<Void> = answer::body(&answer.body, "VoidShipmentResponse");
    let (summary, packages) = match &void {
        Some(void) => (
            void.summary_result.as_ref().and_then(|summary| summary.status.as_ref()),
            &*void.package_level_results,
        ),
        None => (None, [].as_slice()),
    };
    let alive: Vec<&PackageVoid> = packages
        .iter()
        .filter(|package| !is_voided(package.status.as_ref()))
        .collect();
    if !alive.is_empty() {
        return Err(VoidError::Refused(Refusal::new("partial", still_alive(&alive))));
    }
    match summary {
        Some(status) if is_voided(Some(status)) => Ok(()),
        Some(status) => Err(VoidError::Refused(refused(status))),
        None if !packages.is_empty() => Ok(()),
        None => Err(VoidError::Later(Later::new(
            Obstacle::Unreachable,
            "the answer to the void cannot be read",
        ))),
    }
}

fn is_voided(status: Option<&Coded>) -> bool {
    status.and_then(|status| status.code.as_deref()) == Some(VOIDED)
}

fn still_alive(packages: &[&PackageVoid]) -> String {
    let name = |package: &&PackageVoid| {
        let number = package.tracking_number.as_deref().unwrap_or("a package without number");
        let words = package
            .status
            .as_ref()
            .and_then(|status| status.description.as_deref())
            .unwrap_or("not voided");
        format!("{number}: {words}")
    };
    let names: Vec<String> = packages.iter().map(name).collect();
    format!(
        "only a part of the shipment was voided; not voided: {}",
        names.join(", ")
    )
}

fn refused(status: &Coded) -> Refusal {
    let code = status.code.clone().unwrap_or_else(|| "unknown".to_owned());
    Refusal::new(
        code,
        status
            .description
            .clone()
            .unwrap_or_else(|| "the shipment was not voided".to_owned()),
    )
}
