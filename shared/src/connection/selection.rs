//! Which documents ship: rules that a customer writes and every ERP answers to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{DocumentKind, is_same_name};

/// Which documents ship.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The ERP's status codes that may ship; empty means the system's own default.
    pub statuses: Vec<String>,
    /// Ship methods by id or name; empty means any.
    pub ship_methods: Vec<String>,
    /// A condition in the ERP's own query language.
    pub condition: Option<String>,
    /// Rules of which a document, or a part of it, must fit one; empty means that all fit.
    #[serde(default)]
    pub rules: Vec<SelectionRule>,
    /// What becomes of goods that are added to a document after a part of it was shipped; `None` is what is usual for its kind.
    #[serde(default)]
    pub additions: Option<Additions>,
}

/// One rule: everything that it names must fit; of several values one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectionRule {
    /// Carriers, by name or code.
    pub carrier: Vec<String>,
    /// Suppliers, by name, number or id.
    pub supplier: Vec<String>,
    /// Suppliers' sites, by name or id.
    pub supplier_site: Vec<String>,
    /// Fields of the ERP's own, with their values.
    pub fields: BTreeMap<String, Vec<String>>,
}

/// What a document says of itself, as far as rules ask for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SelectionFacts {
    /// Its carrier, by every name and code that it is given.
    pub carrier: Vec<String>,
    /// Its supplier, by every name, number and id.
    pub supplier: Vec<String>,
    /// The supplier's site, by every name and id.
    pub supplier_site: Vec<String>,
    /// Fields of the ERP's own.
    pub fields: BTreeMap<String, String>,
}

/// What becomes of goods that are added to a document after a part of it was shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Additions {
    /// They ship like any others.
    Ship,
    /// They are held for a person.
    Hold,
}

impl Additions {
    /// A sales order that grows asks for more goods; a purchase order, or a fulfilment, that changes after it was shipped is looked at
    /// by a person.
    pub fn usual(kind: DocumentKind) -> Self {
        match kind {
            DocumentKind::SalesOrder => Self::Ship,
            DocumentKind::PurchaseOrder
            | DocumentKind::Requisition
            | DocumentKind::Fulfilment
            | DocumentKind::Despatch => Self::Hold,
        }
    }
}

impl Selection {
    /// Whether these facts fit one of the rules.
    ///
    /// # Errors
    /// Why they do not, in plain words.
    pub fn fits(&self, facts: &SelectionFacts) -> Result<(), String> {
        if self.rules.is_empty() || self.rules.iter().any(|rule| rule.fits(facts)) {
            return Ok(());
        }
        let told = |values: &[String]| values.first().cloned().unwrap_or_else(|| "none".to_owned());
        Err(format!(
            "it fits none of the rules (select.rules): its carrier is {}, its supplier {}, its supplier site {}",
            told(&facts.carrier),
            told(&facts.supplier),
            told(&facts.supplier_site)
        ))
    }

    /// The fields of the ERP's own that rules ask for.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.rules
            .iter()
            .flat_map(|rule| rule.fields.keys().map(String::as_str))
    }

    /// What becomes of goods that are added to a document of this kind.
    pub fn additions(&self, kind: DocumentKind) -> Additions {
        self.additions.unwrap_or_else(|| Additions::usual(kind))
    }
}

impl SelectionRule {
    fn fits(&self, facts: &SelectionFacts) -> bool {
        let fields = self.fields.iter().all(|(name, wanted)| {
            let value = facts.fields.get(name).map_or("", String::as_str);
            wanted.iter().any(|wanted| is_same_name(wanted, value))
        });
        fields
            && is_among(&self.carrier, &facts.carrier)
            && is_among(&self.supplier, &facts.supplier)
            && is_among(&self.supplier_site, &facts.supplier_site)
    }
}

fn is_among(wanted: &[String], given: &[String]) -> bool {
    wanted.is_empty()
        || given
            .iter()
            .any(|given| wanted.iter().any(|wanted| is_same_name(wanted, given)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    /// P29: a rule asks for the carrier, the supplier, its site or a field of the customer's own; one rule that fits is enough.
    #[test]
    fn six_ways_in_which_rules_choose() {
        let select = Selection {
            rules: vec![
                SelectionRule {
                    carrier: texts(&["UPS", "United Parcel"]),
                    ..SelectionRule::default()
                },
                SelectionRule {
                    supplier: texts(&["1001"]),
                    supplier_site: texts(&["MAIN"]),
                    ..SelectionRule::default()
                },
                SelectionRule {
                    fields: BTreeMap::from([("shipBy".to_owned(), texts(&["Y", "ups"]))]),
                    ..SelectionRule::default()
                },
            ],
            ..Selection::default()
        };
        let facts = |carrier: &[&str], supplier: &[&str], site: &[&str], field: Option<&str>| SelectionFacts {
            carrier: texts(carrier),
            supplier: texts(supplier),
            supplier_site: texts(site),
            fields: field
                .map(|value| ("shipBy".to_owned(), value.to_owned()))
                .into_iter()
                .collect(),
        };
        for (given, fits) in [
            (facts(&["ups "], &[], &[], None), true),
            (facts(&["FedEx"], &["Lee Supplies", "1001"], &["MAIN"], None), true),
            (facts(&["FedEx"], &["1001"], &["EAST"], None), false),
            (facts(&[], &["1002"], &["MAIN"], None), false),
            (facts(&[], &["1002"], &[], Some("UPS")), true),
            (facts(&[], &[], &[], Some("N")), false),
        ] {
            assert_eq!(select.fits(&given).is_ok(), fits, "{given:?}");
        }
        let why = select.fits(&facts(&["FedEx"], &["1002"], &[], None)).unwrap_err();
        assert!(why.contains("its carrier is FedEx"), "{why}");
        assert_eq!(Selection::default().fits(&SelectionFacts::default()), Ok(()));
    }
}
