//! Weights and sizes as UPS takes them: pounds and inches or kilograms and centimetres, never mixed, rounded up.

use rust_decimal::{Decimal, RoundingStrategy, dec};

use super::refuse;
use crate::domain::{Dimensions, Length, Parcel, Refusal, Weight, WeightUnit};
use crate::systems::ups::wire::request;

const MOST_PARCELS: usize = 200;
const CENTIMETRES_PER_INCH: Decimal = dec!(2.54);

const PACKAGING: [&str; 11] = ["01", "02", "03", "04", "21", "24", "25", "30", "2a", "2b", "2c"];

/// Whether UPS knows this packaging code for its parcels (`02` is the customer's own box).
pub fn is_packaging(code: &str) -> bool {
    PACKAGING.contains(&code)
}

/// One of UPS's two systems of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Imperial,
    Metric,
}

/// A parcel in UPS's words, for Shipping and Rating alike.
#[derive(Debug, Clone)]
pub(super) struct Boxed {
    pub(super) packaging: String,
    pub(super) weight: request::Weight,
    pub(super) dimensions: Option<request::Dimensions>,
}

/// All parcels of a shipment in one system of units, and their weight together.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) parcels: Vec<Boxed>,
    pub(super) total: request::Weight,
}

/// Whether units are described, as Rating requires, or only named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wording {
    Described,
    Bare,
}

/// The parcels as UPS takes them, or why it does not.
pub(super) fn load(parcels: &[Parcel], wording: Wording) -> Result<Load, Refusal> {
    let Some(first) = parcels.first() else {
        return Err(refuse(
            "parcels",
            "there is nothing to ship: the shipment has no parcel",
        ));
    };
    if parcels.len() > MOST_PARCELS {
        let many = parcels.len();
        return Err(refuse(
            "parcels",
            format!("{many} parcels are more than the {MOST_PARCELS} that UPS takes in one shipment: divide the order"),
        ));
    }
    let units = Units {
        system: System::of(first.weight.unit),
        wording,
    };
    let boxed: Result<Vec<(Boxed, Decimal)>, Refusal> = parcels
        .iter()
        .enumerate()
        .map(|(index, parcel)| units.boxed(index + 1, parcel))
        .collect();
    let (parcels, weights): (Vec<Boxed>, Vec<Decimal>) = boxed?.into_iter().unzip();
    Ok(Load {
        parcels,
        total: units.weight(weights.into_iter().sum()),
    })
}

impl System {
    fn of(unit: WeightUnit) -> Self {
        match unit {
            WeightUnit::Lb | WeightUnit::Oz => Self::Imperial,
            WeightUnit::Kg | WeightUnit::G => Self::Metric,
        }
    }

    fn weight_unit(self) -> WeightUnit {
        match self {
            Self::Imperial => WeightUnit::Lb,
            Self::Metric => WeightUnit::Kg,
        }
    }

    /// The most that one parcel may weigh.
    fn most_weight(self) -> Decimal {
        match self {
            Self::Imperial => dec!(150),
            Self::Metric => dec!(70),
        }
    }

    /// The longest side, and the length with the girth around it.
    fn most_length(self) -> (Decimal, Decimal) {
        match self {
            Self::Imperial => (dec!(108), dec!(165)),
            Self::Metric => (dec!(270), dec!(419)),
        }
    }
}

#[derive(Clone, Copy)]
struct Units {
    system: System,
    wording: Wording,
}

impl Units {
    fn boxed(self, number: usize, parcel: &Parcel) -> Result<(Boxed, Decimal), Refusal> {
        if !is_packaging(&parcel.packaging) {
            let known = PACKAGING.join(", ");
            return Err(refuse(
                "packing.package.code",
                format!("UPS has no packaging {:?}: choose one of {known}", parcel.packaging),
            ));
        }
        let weight = self.weighed(number, parcel.weight)?;
        let dimensions = parcel.dimensions.map(|size| self.measured(number, size)).transpose()?;
        let boxed = Boxed {
            packaging: parcel.packaging.clone(),
            weight: self.weight(weight),
            dimensions,
        };
        Ok((boxed, weight))
    }

    fn weighed(self, number: usize, weight: Weight) -> Result<Decimal, Refusal> {
        let value = tenths_up(weight.to(self.system.weight_unit()).value);
        if value <= Decimal::ZERO {
            return Err(refuse(
                "parcels.weight",
                format!("parcel {number} weighs nothing: enter the weight of its items"),
            ));
        }
        if value > self.system.most_weight() {
            let most = Weight {
                value: self.system.most_weight(),
                unit: self.system.weight_unit(),
            };
            return Err(refuse(
                "parcels.weight",
                format!(
                    "parcel {number} weighs {weight}, more than the {most} that UPS takes: divide it or ship it as freight"
                ),
            ));
        }
        Ok(value)
    }

    fn measured(self, number: usize, size: Dimensions) -> Result<request::Dimensions, Refusal> {
        let mut sides = [size.length, size.width, size.height].map(|side| self.whole_up(side, size.unit));
        sides.sort_unstable_by(|a, b| b.cmp(a));
        let [length, width, height] = sides;
        let (most, most_around) = self.system.most_length();
        let problem = if height <= Decimal::ZERO {
            Some("has a side without length: enter its outer size".to_owned())
        } else if length > most || length + dec!(2) * (width + height) > most_around {
            let unit = self.length_unit().0;
            Some(format!(
                "is too large: UPS takes {most} {unit} in length and {most_around} {unit} in length and girth"
            ))
        } else {
            None
        };
        match problem {
            Some(problem) => Err(refuse("parcels.dimensions", format!("parcel {number} {problem}"))),
            None => {
                let [length, width, height] = sides.map(|side| side.normalize().to_string());
                let (code, words) = self.length_unit();
                Ok(request::Dimensions {
                    unit_of_measurement: self.described(code, words),
                    length,
                    width,
                    height,
                })
            }
        }
    }

    fn whole_up(self, side: Decimal, unit: Length) -> Decimal {
        let side = match (self.system, unit) {
            (System::Imperial, Length::Cm) => side / CENTIMETRES_PER_INCH,
            (System::Metric, Length::In) => side * CENTIMETRES_PER_INCH,
            _ => side,
        };
        side.round_dp(4).ceil()
    }

    fn length_unit(self) -> (&'static str, &'static str) {
        match self.system {
            System::Imperial => ("IN", "Inches"),
            System::Metric => ("CM", "Centimeters"),
        }
    }

    fn weight(self, value: Decimal) -> request::Weight {
        let (code, words) = match self.system {
            System::Imperial => ("LBS", "Pounds"),
            System::Metric => ("KGS", "Kilograms"),
        };
        request::Weight {
            unit_of_measurement: self.described(code, words),
            weight: value.normalize().to_string(),
        }
    }

    fn described(self, code: &str, words: &str) -> request::Described {
        request::Described {
            code: code.to_owned(),
            description: (self.wording == Wording::Described).then(|| words.to_owned()),
        }
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
        let [length_, width, height] = sides;
        Parcel {
            packaging: "02".into(),
            weight: Weight { value, unit },
            dimensions: Some(Dimensions {
                length: length_,
                width,
                height,
                unit: length,
            }),
            contents: Vec::new(),
        }
    }

    fn texts(parcels: &[Parcel]) -> Vec<String> {
        let load = load(parcels, Wording::Bare).unwrap();
        let text = |boxed: &Boxed| {
            let size = boxed.dimensions.clone().unwrap();
            let units = (&boxed.weight.unit_of_measurement.code, &size.unit_of_measurement.code);
            format!(
                "{} {} {}x{}x{} {}",
                boxed.weight.weight, units.0, size.length, size.width, size.height, units.1
            )
        };
        load.parcels
            .iter()
            .map(text)
            .chain([load.total.weight.clone()])
            .collect()
    }

    #[test]
    fn weights_and_sizes_are_rounded_up_with_the_longest_side_first_and_never_mix_systems() {
        let pounds = parcel(dec!(4.91), WeightUnit::Lb, [dec!(6), dec!(10.2), dec!(8)], Length::In);
        let grams = parcel(
            dec!(453.59237),
            WeightUnit::G,
            [dec!(25.4), dec!(2.54), dec!(2.55)],
            Length::Cm,
        );
        assert_eq!(
            texts(&[pounds.clone(), grams.clone()]),
            ["5 LBS 11x8x6 IN", "1 LBS 10x2x1 IN", "6"]
        );
        assert_eq!(
            texts(&[grams, pounds]),
            ["0.5 KGS 26x3x3 CM", "2.3 KGS 26x21x16 CM", "2.8"]
        );
        let heaviest = parcel(dec!(149.91), WeightUnit::Lb, [dec!(1), dec!(1), dec!(1)], Length::In);
        assert_eq!(texts(&[heaviest]), ["150 LBS 1x1x1 IN", "150"]);
    }

    #[test]
    fn what_ups_does_not_take_is_refused_in_plain_words_before_it_is_sent() {
        let inches = |weight, sides| parcel(weight, WeightUnit::Lb, sides, Length::In);
        let small = [dec!(1), dec!(1), dec!(1)];
        let bad_code = Parcel {
            packaging: "99".into(),
            ..inches(dec!(1), small)
        };
        let many = vec![inches(dec!(1), small); 201];
        for (parcels, code) in [
            (vec![], "parcels"),
            (many, "parcels"),
            (vec![inches(dec!(150.01), small)], "parcels.weight"),
            (vec![inches(dec!(0), small)], "parcels.weight"),
            (
                vec![inches(dec!(1), [dec!(108.5), dec!(1), dec!(1)])],
                "parcels.dimensions",
            ),
            (
                vec![inches(dec!(1), [dec!(60), dec!(30), dec!(30)])],
                "parcels.dimensions",
            ),
            (
                vec![inches(dec!(1), [dec!(60), dec!(0), dec!(30)])],
                "parcels.dimensions",
            ),
            (vec![bad_code], "packing.package.code"),
        ] {
            assert_eq!(load(&parcels, Wording::Bare).unwrap_err().code, code);
        }
    }
}
