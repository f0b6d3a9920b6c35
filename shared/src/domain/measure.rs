//! Weights and sizes, exact.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::dec;
use serde::{Deserialize, Serialize};

/// The largest number that means anything in trade: with much larger ones sums and products cannot be had.
pub const LARGEST_NUMBER: Decimal = dec!(1_000_000_000_000);

/// A unit of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightUnit {
    /// Pound.
    Lb,
    /// Ounce.
    Oz,
    /// Kilogram.
    Kg,
    /// Gram.
    G,
}

impl WeightUnit {
    fn grams(self) -> Decimal {
        match self {
            Self::Lb => dec!(453.59237),
            Self::Oz => dec!(28.349523125),
            Self::Kg => dec!(1000),
            Self::G => dec!(1),
        }
    }
}

/// A weight in the unit in which it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Weight {
    /// How many of the unit.
    pub value: Decimal,
    /// The unit.
    pub unit: WeightUnit,
}

impl Weight {
    /// A weight in pounds.
    pub fn pounds(value: Decimal) -> Self {
        Self {
            value,
            unit: WeightUnit::Lb,
        }
    }

    /// The same weight in another unit.
    pub fn to(self, unit: WeightUnit) -> Self {
        if self.unit == unit {
            return self;
        }
        Self {
            value: self.value * self.unit.grams() / unit.grams(),
            unit,
        }
    }

    /// The sum, in the unit of `self`.
    pub fn plus(self, other: Weight) -> Self {
        Self {
            value: self.value + other.to(self.unit).value,
            unit: self.unit,
        }
    }

    /// The weight of `count` such things.
    pub fn times(self, count: Decimal) -> Self {
        Self {
            value: self.value * count,
            unit: self.unit,
        }
    }

    /// Whether it weighs more than another.
    pub fn exceeds(self, other: Weight) -> bool {
        self.value > other.to(self.unit).value
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            WeightUnit::Lb => "lb",
            WeightUnit::Oz => "oz",
            WeightUnit::Kg => "kg",
            WeightUnit::G => "g",
        };
        write!(f, "{} {unit}", self.value.round_dp(2).normalize())
    }
}

/// A unit of length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Length {
    /// Inch.
    In,
    /// Centimetre.
    Cm,
}

/// The outer size of a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dimensions {
    /// The longest side.
    pub length: Decimal,
    /// The second side.
    pub width: Decimal,
    /// The third side.
    pub height: Decimal,
    /// The unit of all three.
    pub unit: Length,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_convert_and_add_exactly_enough_for_a_label() {
        let box_of_sensors = Weight {
            value: dec!(85),
            unit: WeightUnit::G,
        }
        .times(dec!(10));
        let both = Weight::pounds(dec!(2)).plus(box_of_sensors);
        assert_eq!(both.value.round_dp(3), dec!(3.874));
        assert!(
            Weight {
                value: dec!(1),
                unit: WeightUnit::Kg
            }
            .exceeds(Weight::pounds(dec!(2.2)))
        );
        assert_eq!(
            Weight {
                value: dec!(16),
                unit: WeightUnit::Oz
            }
            .to(WeightUnit::Lb)
            .value,
            dec!(1)
        );
    }
}
