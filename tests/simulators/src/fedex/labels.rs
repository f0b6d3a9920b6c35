//! Labels and invoices: in the answer as Base64, or behind a link that works for a day.

use std::collections::BTreeMap;

use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Response};
use data_encoding::{BASE64, HEXLOWER};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::FedEx;
use super::answer::{Refusal, put};
use super::model::{Document, Package, Shipment};
use crate::carriers::documents::{LabelText, PNG, epl, pdf, zpl};

/// How long a link works.
const LINK_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Makes the documents of one answer.
pub(super) struct Printer<'a> {
    shelf: &'a mut BTreeMap<String, Document>,
    /// The host of links, if documents come as such.
    host: Option<String>,
    now: Timestamp,
}

impl<'a> Printer<'a> {
    pub(super) fn new(shelf: &'a mut BTreeMap<String, Document>, host: Option<String>, now: Timestamp) -> Self {
        Self { shelf, host, now }
    }

    /// A package's label.
    pub(super) fn label(&mut self, image: &str, shipment: &Shipment, package: &Package) -> Value {
        let (kind, bytes) = drawn(image, shipment, package);
        let name = format!("{}_SHIPPING_P", package.tracking_number);
        let mut label = json!({ "contentType": "LABEL", "docType": image, "copiesToPrint": 1 });
        self.enclose(&mut label, shipment, &name, kind, bytes);
        label
    }

    /// The commercial invoice.
    pub(super) fn invoice(&mut self, shipment: &Shipment) -> Value {
        let bytes = pdf(&format!("Commercial invoice {}", shipment.master));
        let name = format!("{}_COMMERCIAL_INVOICE", shipment.master);
        let mut invoice = json!({
            "contentType": "COMMERCIAL_INVOICE",
            "docType": "PDF",
            "copiesToPrint": 1,
            "trackingNumber": shipment.master,
        });
        self.enclose(&mut invoice, shipment, &name, "application/pdf", bytes);
        invoice
    }

    fn enclose(&mut self, document: &mut Value, shipment: &Shipment, name: &str, kind: &'static str, bytes: Vec<u8>) {
        let Some(host) = &self.host else {
            put(document, "encodedLabel", BASE64.encode(&bytes).into());
            return;
        };
        // The link alone opens the document, so nobody must be able to guess it from a tracking number.
        let secret = HEXLOWER.encode(format!("{}{}", shipment.serial, shipment.request_hash).as_bytes());
        let key = format!("SH,{}{name}", secret.get(..24).unwrap_or(&secret));
        let url = format!("http://{host}/document/v2/document/retrieve/{key}/isLabel=true&autoPrint=false");
        put(document, "url", url.into());
        let until = self.now.saturating_add(LINK_LIFE).unwrap_or(Timestamp::MAX);
        self.shelf.insert(key, Document { kind, bytes, until });
    }
}

/// A document by its link.
pub(super) async fn retrieve(
    Shared(fedex): Shared<FedEx>,
    Path((key, _how)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let (now, state) = (fedex.now(), fedex.state());
    let document = state.documents.get(&key).filter(|document| now < document.until);
    let document = document.cloned().ok_or_else(|| {
        let text = "The document is not there, or not any more";
        Refusal::new(StatusCode::NOT_FOUND, "NOT.FOUND.ERROR", text)
    })?;
    Ok(([(CONTENT_TYPE, document.kind)], document.bytes).into_response())
}

fn drawn(image: &str, shipment: &Shipment, package: &Package) -> (&'static str, Vec<u8>) {
    match image {
        "PDF" => ("application/pdf", pdf(&format!("Label {}", package.tracking_number))),
        "PNG" => ("image/png", PNG.to_vec()),
        "EPL2" => ("text/plain", epl("FedEx", &package.tracking_number)),
        _ => ("text/plain", zpl(&text_of(shipment, package))),
    }
}

fn text_of<'a>(shipment: &'a Shipment, package: &'a Package) -> LabelText<'a> {
    LabelText {
        service: format!("FedEx {}", shipment.service),
        name: &shipment.recipient,
        to: &shipment.destination,
        number: &package.tracking_number,
        weight: format!("{} {}", package.weight, package.weight_unit),
    }
}
