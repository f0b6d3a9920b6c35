//! How lines become parcels.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Consignment, ConsignmentLine, Dimensions, LineId, Weight, WeightUnit};

/// The most parcels that a consignment is divided into; no carrier takes as many in one shipment.
const MOST_PARCELS: usize = 1_000;

/// Which goods share a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParcelRule {
    /// All goods of the consignment.
    PerOrder,
    /// The goods of one line.
    PerLine,
    /// Each piece by itself.
    PerPiece,
}

/// The box that goods are put in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageType {
    /// The carrier's packaging code (UPS: `02` is the customer's own box).
    pub code: String,
    /// Its outer size, where known.
    pub dimensions: Option<Dimensions>,
    /// What it weighs empty.
    pub tare: Option<Weight>,
}

/// The connection's rule for parcels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packing {
    /// Which goods share a parcel.
    pub rule: ParcelRule,
    /// The box.
    pub package: PackageType,
    /// The most that a parcel may weigh with its box; more is divided, piece by piece.
    pub maximum_weight: Weight,
    /// The unit in which parcels are declared.
    pub unit: WeightUnit,
}

/// A part of a line in a parcel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParcelContent {
    /// The order's line.
    pub line: LineId,
    /// What a person orders it by.
    pub sku: String,
    /// How many.
    pub quantity: Decimal,
}

/// One box with what is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parcel {
    /// The carrier's packaging code.
    pub packaging: String,
    /// With the box.
    pub weight: Weight,
    /// Outer size, where known.
    pub dimensions: Option<Dimensions>,
    /// What is in it.
    pub contents: Vec<ParcelContent>,
}

/// Why goods cannot be put into parcels; the text tells a person what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackingError {
    /// An item has no weight.
    #[error("item {sku} has no weight: enter the item's weight and its unit")]
    NoWeight {
        /// The item.
        sku: String,
    },
    /// One piece alone is heavier than a parcel may be.
    #[error(
        "one {sku} weighs {weight} with its box, more than a parcel may weigh ({maximum}): ship it as freight or raise packing.maximum_weight"
    )]
    TooHeavy {
        /// The item.
        sku: String,
        /// One piece in its box.
        weight: String,
        /// The limit.
        maximum: String,
    },
    /// There is no end of parcels.
    #[error(
        "the goods fill more than {MOST_PARCELS} parcels: look at the quantities and weights, and ship so many as freight or in parts"
    )]
    TooMany,
}

impl Packing {
    /// Divides a consignment into parcels.
    pub fn pack(&self, consignment: &Consignment) -> Result<Vec<Parcel>, PackingError> {
        let groups: Vec<&[ConsignmentLine]> = match self.rule {
            ParcelRule::PerOrder => vec![&consignment.lines],
            ParcelRule::PerLine | ParcelRule::PerPiece => consignment.lines.chunks(1).collect(),
        };
        let mut parcels = Vec::new();
        for group in groups {
            self.fill(group, &mut parcels)?;
        }
        Ok(parcels)
    }

    fn fill(&self, lines: &[ConsignmentLine], parcels: &mut Vec<Parcel>) -> Result<(), PackingError> {
        let mut open = self.empty();
        for line in lines {
            let piece = self.weight_of(line)?;
            let mut left = line.quantity;
            while left > Decimal::ZERO {
                if parcels.len() >= MOST_PARCELS {
                    return Err(PackingError::TooMany);
                }
                let fits = self.room(&open, piece).min(left);
                if fits <= Decimal::ZERO {
                    parcels.push(std::mem::replace(&mut open, self.empty()));
                    continue;
                }
                put(&mut open, line, fits, piece);
                left -= fits;
                if self.rule == ParcelRule::PerPiece {
                    open.dimensions = line.dimensions.or(open.dimensions);
                    parcels.push(std::mem::replace(&mut open, self.empty()));
                }
            }
        }
        if !open.contents.is_empty() {
            parcels.push(open);
        }
        Ok(())
    }

    fn empty(&self) -> Parcel {
        let nothing = Weight {
            value: Decimal::ZERO,
            unit: self.unit,
        };
        Parcel {
            packaging: self.package.code.clone(),
            weight: self.package.tare.map_or(nothing, |tare| nothing.plus(tare)),
            dimensions: self.package.dimensions,
            contents: Vec::new(),
        }
    }

    /// How many whole pieces still fit; less than one piece counts as one.
    fn room(&self, parcel: &Parcel, piece: Weight) -> Decimal {
        if self.rule == ParcelRule::PerPiece {
            return Decimal::ONE;
        }
        let left = self.maximum_weight.to(self.unit).value - parcel.weight.value;
        let whole = (left / piece.to(self.unit).value).floor();
        whole.max(Decimal::ZERO)
    }

    fn weight_of(&self, line: &ConsignmentLine) -> Result<Weight, PackingError> {
        let weight = line.weight.filter(|weight| weight.value > Decimal::ZERO);
        let weight = weight.ok_or_else(|| PackingError::NoWeight { sku: line.sku.clone() })?;
        let alone = self.empty().weight.plus(weight);
        if alone.exceeds(self.maximum_weight) {
            let (weight, maximum) = (alone.to_string(), self.maximum_weight.to_string());
            return Err(PackingError::TooHeavy {
                sku: line.sku.clone(),
                weight,
                maximum,
            });
        }
        Ok(weight)
    }
}

fn put(parcel: &mut Parcel, line: &ConsignmentLine, quantity: Decimal, piece: Weight) {
    parcel.weight = parcel.weight.plus(piece.times(quantity));
    parcel.contents.push(ParcelContent {
        line: line.line.clone(),
        sku: line.sku.clone(),
        quantity,
    });
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::domain::{Address, DocumentId};

    fn consignment(quantity: Decimal, weight: Weight) -> Consignment {
        Consignment {
            document: DocumentId::sales_order("1"),
            number: "SO1".to_owned(),
            customer_reference: None,
            ship_method: None,
            ship_to: Address::default(),
            location: None,
            bill_to: None,
            supplier: None,
            lines: vec![ConsignmentLine {
                line: LineId::new("1"),
                sku: "A".to_owned(),
                description: None,
                quantity,
                weight: Some(weight),
                unit_price: None,
                origin_country: None,
                tariff_code: None,
                dimensions: None,
                cost_centre: None,
                flaw: None,
            }],
        }
    }

    fn packing(rule: ParcelRule) -> Packing {
        Packing {
            rule,
            package: PackageType {
                code: "02".to_owned(),
                dimensions: None,
                tare: None,
            },
            maximum_weight: Weight::pounds(dec!(150)),
            unit: WeightUnit::Kg,
        }
    }

    #[test]
    fn a_mistyped_quantity_is_refused_and_fills_no_memory() {
        let pound = Weight::pounds(dec!(1));
        for (rule, quantity) in [
            (ParcelRule::PerOrder, dec!(1_000_000_000_000)),
            (ParcelRule::PerPiece, dec!(1_001)),
        ] {
            let packed = packing(rule).pack(&consignment(quantity, pound));
            assert_eq!(packed, Err(PackingError::TooMany), "{rule:?}");
        }
        let packed = packing(ParcelRule::PerPiece).pack(&consignment(dec!(1_000), pound));
        assert_eq!(packed.map(|parcels| parcels.len()), Ok(1_000));
    }
}
