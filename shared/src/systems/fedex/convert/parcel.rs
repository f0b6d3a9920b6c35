//! Weights and sizes as FedEx takes them: pounds and inches or kilograms and centimetres, never mixed, rounded up;
//! sides are whole numbers.

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy, dec};

use super::{number, refuse};
use crate::domain::{Dimensions, Length, Parcel, Refusal, Weight, WeightUnit};
use crate::systems::fedex::wire::request;

const CENTIMETRES_PER_INCH: Decimal = dec!(2.54);
const LONGEST_SIDE: u16 = 999;

const OWN_BOX: &str = "YOUR_PACKAGING";

const PACKAGING: [&str; 11] = [
    OWN_BOX,
    "FEDEX_ENVELOPE",
    "FEDEX_PAK",
    "FEDEX_BOX",
    "FEDEX_SMALL_BOX",
    "FEDEX_MEDIUM_BOX",
    "FEDEX_LARGE_BOX",
    "FEDEX_EXTRA_LARGE_BOX",
    "FEDEX_10KG_BOX",
    "FEDEX_25KG_BOX",
    "FEDEX_TUBE",
];

/// Services that take the customer's own boxes only.
const OWN_BOXES_ONLY: [&str; 3] = ["FEDEX_GROUND", "GROUND_HOME_DELIVERY", "SMART_POST"];

/// Whether FedEx knows this packaging code for its parcels (`YOUR_PACKAGING` is the customer's own box).
pub fn is_packaging(code: &str) -> bool {
    PACKAGING.contains(&code)
}

/// One of FedEx's two systems of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    Imperial,
    Metric,
}

/// A parcel in FedEx's words.
#[derive(Debug, Clone)]
pub(super) struct Boxed {
    pub(super) weight: request::Weight,
    pub(super) dimensions: Option<request::Dimensions>,
}

/// All parcels of a shipment in one system of units.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) system: System,
    /// One for all of them.
    pub(super) packaging: String,
    pub(super) parcels: Vec<Boxed>,
    /// All together, in the units of the parcels.
    pub(super) weight: Weight,
}

impl Load {
    /// All together in pounds, whatever the parcels are declared in.
    pub(super) fn pounds(&self) -> Result<serde_json::Number, Refusal> {
        number(tenths_up(self.weight.to(WeightUnit::Lb).value))
    }
}

/// The parcels as FedEx takes them, at most `most` of them, or why it does not.
pub(super) fn load(parcels: &[Parcel], most: usize) -> Result<Load, Refusal> {
    let Some(first) = parcels.first() else {
        return Err(refuse(
            "parcels",
            "there is nothing to ship: the shipment has no parcel",
        ));
    };
    if parcels.len() > most {
        let many = parcels.len();
        return Err(refuse(
            "parcels",
            format!("{many} parcels are more than the {most} that FedEx takes at once: divide the order"),
        ));
    }
    let system = System::of(first.weight.unit);
    let boxed: Result<Vec<(Boxed, Decimal)>, Refusal> = parcels
        .iter()
        .enumerate()
        .map(|(index, parcel)| system.boxed(index + 1, parcel))
        .collect();
    let (boxed, weights): (Vec<Boxed>, Vec<Decimal>) = boxed?.into_iter().unzip();
    Ok(Load {
        system,
        packaging: packaging(parcels, first)?,
        parcels: boxed,
        weight: Weight {
            value: weights.into_iter().sum(),
            unit: system.unit(),
        },
    })
}

/// Whether a service takes a packaging.
pub(super) fn suits(service: &str, packaging: &str) -> Result<(), Refusal> {
    if packaging != OWN_BOX && OWN_BOXES_ONLY.contains(&service) {
        return Err(refuse(
            "packing.package",
            format!("{service} takes {OWN_BOX} only, not {packaging}: choose it as the connection's package"),
        ));
    }
    Ok(())
}

fn packaging(parcels: &[Parcel], first: &Parcel) -> Result<String, Refusal> {
    let code = &first.packaging;
    if !is_packaging(code) {
        let known = PACKAGING.join(", ");
        return Err(refuse(
            "packing.package",
            format!("FedEx has no packaging {code:?}: choose one of {known}"),
        ));
    }
    if parcels.iter().any(|parcel| parcel.packaging != *code) {
        return Err(refuse(
            "packing.package",
            "FedEx takes one kind of packaging in a shipment: use one for all parcels",
        ));
    }
    Ok(code.clone())
}

impl System {
    fn of(unit: WeightUnit) -> Self {
        match unit {
            WeightUnit::Lb | WeightUnit::Oz => Self::Imperial,
            WeightUnit::Kg | WeightUnit::G => Self::Metric,
        }
    }

    fn unit(self) -> WeightUnit {
        match self {
            Self::Imperial => WeightUnit::Lb,
            Self::Metric => WeightUnit::Kg,
        }
    }

    fn boxed(self, number: usize, parcel: &Parcel) -> Result<(Boxed, Decimal), Refusal> {
        let value = tenths_up(parcel.weight.to(self.unit()).value);
        if value <= Decimal::ZERO {
            return Err(refuse(
                "parcels.weight",
                format!("parcel {number} weighs nothing: enter the weight of its items"),
            ));
        }
        let dimensions = parcel.dimensions.map(|size| self.measured(number, size)).transpose()?;
        let boxed = Boxed {
            weight: self.exactly(value)?,
            dimensions,
        };
        Ok((boxed, value))
    }

    /// A weight in these units, up to the next tenth.
    pub(super) fn weight(self, weight: Weight) -> Result<request::Weight, Refusal> {
        self.exactly(tenths_up(weight.to(self.unit()).value))
    }

    fn exactly(self, value: Decimal) -> Result<request::Weight, Refusal> {
        Ok(request::Weight {
            units: match self {
                Self::Imperial => "LB",
                Self::Metric => "KG",
            },
            value: number(value)?,
        })
    }

    fn measured(self, number: usize, size: Dimensions) -> Result<request::Dimensions, Refusal> {
        let side = |side: Decimal| {
            let whole = self.whole_up(side, size.unit).to_u16();
            whole.filter(|whole| (1..=LONGEST_SIDE).contains(whole)).ok_or_else(|| {
                refuse(
                    "parcels.dimensions",
                    format!("parcel {number} has a side that is not 1 to {LONGEST_SIDE} long: enter its outer size"),
                )
            })
        };
        let mut sides = [side(size.length)?, side(size.width)?, side(size.height)?];
        sides.sort_unstable_by(|a, b| b.cmp(a));
        let [length, width, height] = sides;
        Ok(request::Dimensions {
            length,
            width,
            height,
            units: match self {
                Self::Imperial => "IN",
                Self::Metric => "CM",
            },
        })
    }

    fn whole_up(self, side: Decimal, unit: Length) -> Decimal {
        let side = match (self, unit) {
            (Self::Imperial, Length::Cm) => side / CENTIMETRES_PER_INCH,
            (Self::Metric, Length::In) => side * CENTIMETRES_PER_INCH,
            _ => side,
        };
        side.round_dp(4).ceil()
    }
}

/// Up to the next tenth; what a conversion of units added beyond the sixth place is not weight.
fn tenths_up(value: Decimal) -> Decimal {
    value
        .round_dp(6)
        .round_dp_with_strategy(1, RoundingStrategy::AwayFromZero)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(value: Decimal, unit: WeightUnit, sides: [Decimal; 3], length: Length) -> Parcel {
        let [long, width, height] = sides;
        Parcel {
            packaging: OWN_BOX.into(),
            weight: Weight { value, unit },
            dimensions: Some(Dimensions {
                length: long,
                width,
                height,
                unit: length,
            }),
            contents: Vec::new(),
        }
    }

    fn texts(parcels: &[Parcel]) -> Vec<String> {
        let text = |boxed: &Boxed| {
            let size = boxed.dimensions.clone().unwrap();
            let (weight, units) = (&boxed.weight.value, boxed.weight.units);
            format!(
                "{weight} {units} {}x{}x{} {}",
                size.length, size.width, size.height, size.units
            )
        };
        let load = load(parcels, 40).unwrap();
        load.parcels
            .iter()
            .map(text)
            .chain([load.pounds().unwrap().to_string()])
            .collect()
    }

    #[test]
    fn weights_and_sizes_are_rounded_up_with_the_longest_side_first_and_never_mix_systems() {
        let pounds = parcel(dec!(4.91), WeightUnit::Lb, [dec!(6), dec!(10.2), dec!(0.4)], Length::In);
        let grams = parcel(
            dec!(453.59237),
            WeightUnit::G,
            [dec!(25.4), dec!(2.54), dec!(2.55)],
            Length::Cm,
        );
        assert_eq!(
            texts(&[pounds.clone(), grams.clone()]),
            ["5 LB 11x6x1 IN", "1 LB 10x2x1 IN", "6"]
        );
        assert_eq!(
            texts(&[grams, pounds]),
            ["0.5 KG 26x3x3 CM", "2.3 KG 26x16x2 CM", "6.2"]
        );
    }

    #[test]
    fn what_fedex_does_not_take_is_refused_in_plain_words_before_it_is_sent() {
        let inches = |weight, side| parcel(weight, WeightUnit::Lb, [side, dec!(1), dec!(1)], Length::In);
        let other = |code: &str| Parcel {
            packaging: code.into(),
            ..inches(dec!(1), dec!(1))
        };
        for (parcels, code) in [
            (vec![], "parcels"),
            (vec![inches(dec!(1), dec!(1)); 41], "parcels"),
            (vec![inches(dec!(0), dec!(1))], "parcels.weight"),
            (vec![inches(dec!(1), dec!(999.1))], "parcels.dimensions"),
            (vec![inches(dec!(1), dec!(0))], "parcels.dimensions"),
            (vec![other("02")], "packing.package"),
            (vec![other(OWN_BOX), other("FEDEX_BOX")], "packing.package"),
        ] {
            assert_eq!(load(&parcels, 40).unwrap_err().code, code);
        }
        assert_eq!(suits("FEDEX_GROUND", "FEDEX_BOX").unwrap_err().code, "packing.package");
        assert!(suits("FEDEX_2_DAY", "FEDEX_BOX").is_ok() && suits("FEDEX_GROUND", OWN_BOX).is_ok());
    }
}
