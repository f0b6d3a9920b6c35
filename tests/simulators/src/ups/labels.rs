//! Labels and forms: small, but real ZPL, GIF and PDF.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::answer::put;
use super::model::{Package, Shipment};
use crate::carriers::documents::{LabelText, epl, pdf, zpl};

/// The formats that the Ship API makes.
pub(super) const SHIP_FORMATS: [&str; 4] = ["GIF", "ZPL", "EPL", "SPL"];
/// The formats that Label Recovery makes.
pub(super) const RECOVERY_FORMATS: [&str; 5] = ["GIF", "PDF", "ZPL", "EPL", "SPL"];

/// A one-pixel GIF.
const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// The label of a package as base64.
pub(super) fn image(format: &str, shipment: &Shipment, package: &Package) -> String {
    let bytes = match format {
        "GIF" => GIF.to_vec(),
        "PDF" => pdf(&format!("Label {}", package.tracking_number)),
        "EPL" => epl("UPS", &package.tracking_number),
        _ => zpl(&text_of(shipment, package)),
    };
    BASE64.encode(&bytes)
}

/// The `ShippingLabel` element of a ship answer.
pub(super) fn shipping_label(format: &str, shipment: &Shipment, package: &Package) -> Value {
    let mut label = json!({
        "ImageFormat": { "Code": format, "Description": format },
        "GraphicImage": image(format, shipment, package),
    });
    if format == "GIF" {
        put(&mut label, "HTMLImage", html_page(package).into());
    }
    label
}

/// The page that shows a GIF label in a browser, as base64.
pub(super) fn html_page(package: &Package) -> String {
    let page = format!(
        "<html><body><img src=\"label{}.gif\"></body></html>",
        package.tracking_number
    );
    BASE64.encode(page.as_bytes())
}

/// The international form of a shipment: the `Form` element of a ship answer.
pub(super) fn form(shipment: &Shipment) -> Value {
    let image = BASE64.encode(&pdf(&format!("Commercial invoice {}", shipment.id)));
    json!({
        "Code": "01",
        "Description": "All Requested International Forms",
        "Image": { "ImageFormat": { "Code": "PDF", "Description": "PDF" }, "GraphicImage": image },
        "FormGroupId": shipment.id,
    })
}

fn text_of<'a>(shipment: &'a Shipment, package: &'a Package) -> LabelText<'a> {
    LabelText {
        service: format!("UPS {}", shipment.service),
        name: &shipment.consignee,
        to: &shipment.destination,
        number: &package.tracking_number,
        weight: format!("{} {}", package.weight, package.weight_unit),
    }
}
