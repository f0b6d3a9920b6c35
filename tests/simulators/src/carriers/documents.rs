//! Documents that every reader opens: small, but real.

use super::places::Address;

/// What stands on a label.
pub(crate) struct LabelText<'a> {
    /// The carrier and what it calls the service.
    pub(crate) service: String,
    pub(crate) name: &'a str,
    pub(crate) to: &'a Address,
    pub(crate) number: &'a str,
    /// The weight with its unit.
    pub(crate) weight: String,
}

/// A label for printers that speak ZPL.
pub(crate) fn zpl(label: &LabelText<'_>) -> Vec<u8> {
    let to = label.to;
    format!(
        "^XA\n^CF0,30\n^FO40,40^FD{service}^FS\n^FO40,90^FDSHIP TO: {name}^FS\n^FO40,130^FD{lines}^FS\n\
         ^FO40,170^FD{city} {state} {postal} {country}^FS\n^FO40,260^BY3^BCN,120,Y,N,N^FD{number}^FS\n\
         ^FO40,440^FD{weight}^FS\n^XZ\n",
        service = label.service,
        name = label.name,
        lines = to.lines.join(" "),
        city = to.city,
        state = to.state,
        postal = to.postal,
        country = to.country,
        number = label.number,
        weight = label.weight,
    )
    .into_bytes()
}

/// A label for printers that speak EPL.
pub(crate) fn epl(carrier: &str, number: &str) -> Vec<u8> {
    format!("N\nA40,40,0,4,1,1,N,\"{carrier}\"\nB40,120,0,1,3,6,120,B,\"{number}\"\nP1\n").into_bytes()
}

/// A PNG of one white pixel.
pub(crate) const PNG: &[u8] =
    b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU\
    \x00\x00\x00\x0aIDATx\xdac\xf8\x0f\x00\x01\x01\x01\x00\x1c\xb0\x8c\x99\x00\x00\x00\x00IEND\xaeB`\x82";

/// A PDF of one page with one line of text, its cross-reference table computed.
pub(crate) fn pdf(text: &str) -> Vec<u8> {
    let stream = format!("BT /F1 18 Tf 40 380 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 288 432] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut document = "%PDF-1.4\n".to_owned();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in (1..).zip(&objects) {
        table.push_str(&format!("{:010} 00000 n \n", document.len()));
        document.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    let start = document.len();
    document.push_str(&format!(
        "{table}trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1
    ));
    document.into_bytes()
}
