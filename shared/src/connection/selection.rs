//! Which documents ship, and under which account: rules that a customer writes and every ERP answers to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{CarrierAccount, Consignment, DocumentKind, Payer, Supplier};

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
    /// A sales order that grows asks for more goods; a purchase order that changes after it was shipped is looked at by a person.
    pub fn usual(kind: DocumentKind) -> Self {
        match kind {
            DocumentKind::SalesOrder => Self::Ship,
            DocumentKind::PurchaseOrder | DocumentKind::Requisition => Self::Hold,
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
            wanted.iter().any(|wanted| is_same(wanted, value))
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
            .any(|given| wanted.iter().any(|wanted| is_same(wanted, given)))
}

/// Case and outer blanks do not tell two names apart.
fn is_same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// One row of the table of accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRule {
    /// The supplier, by name, number or id; `None` is any.
    pub supplier: Option<String>,
    /// The cost centre; `None` is any.
    pub cost_centre: Option<String>,
    /// The account that ships.
    pub account: CarrierAccount,
    /// Who pays for the transport; `None` is what the connection says.
    pub payer: Option<Payer>,
}

/// Why no account can be named; the text tells a person what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAccount {
    /// No row fits.
    #[error(
        "no carrier account is configured for supplier {supplier} and cost centre {cost_centre}: add a row to [[accounts]], or correct the document"
    )]
    Missing {
        /// The supplier.
        supplier: String,
        /// The cost centre.
        cost_centre: String,
    },
    /// The lines belong to several.
    #[error(
        "its lines ship under different carrier accounts ({0}): correct the cost centres, or add a row to [[accounts]]"
    )]
    Several(String),
}

impl AccountRule {
    fn fits(&self, supplier: Option<&Supplier>, cost_centre: Option<&str>) -> bool {
        let named = |wanted: &String| {
            let names = supplier.map(|supplier| [Some(&supplier.id), supplier.name.as_ref()]);
            names.into_iter().flatten().flatten().any(|name| is_same(wanted, name))
        };
        self.supplier.as_ref().is_none_or(named)
            && self
                .cost_centre
                .as_deref()
                .is_none_or(|wanted| cost_centre.is_some_and(|given| is_same(wanted, given)))
    }
}

/// The first row that fits a supplier and a cost centre; `Ok(None)` where there is no table.
///
/// # Errors
/// When there is a table and no row fits: an account is never guessed.
pub fn account_of<'a>(
    accounts: &'a [AccountRule],
    supplier: Option<&Supplier>,
    cost_centre: Option<&str>,
) -> Result<Option<&'a AccountRule>, NoAccount> {
    if accounts.is_empty() {
        return Ok(None);
    }
    let row = accounts.iter().find(|row| row.fits(supplier, cost_centre));
    row.map(Some).ok_or_else(|| NoAccount::Missing {
        supplier: supplier.map_or_else(|| "none".to_owned(), |supplier| supplier.id.clone()),
        cost_centre: cost_centre.unwrap_or("none").to_owned(),
    })
}

/// The row under which a whole consignment ships.
///
/// # Errors
/// When no row fits a line, or different ones do.
pub fn account_for<'a>(
    accounts: &'a [AccountRule],
    consignment: &Consignment,
) -> Result<Option<&'a AccountRule>, NoAccount> {
    let mut rows: Vec<&AccountRule> = Vec::new();
    for line in &consignment.lines {
        let row = account_of(accounts, consignment.supplier.as_ref(), line.cost_centre.as_deref())?;
        let new = row.filter(|row| {
            !rows
                .iter()
                .any(|known| known.account == row.account && known.payer == row.payer)
        });
        rows.extend(new);
    }
    match rows.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => {
            let numbers: Vec<&str> = several.iter().map(|row| row.account.number.as_str()).collect();
            Err(NoAccount::Several(numbers.join(", ")))
        }
    }
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

    fn row(supplier: Option<&str>, cost_centre: Option<&str>, number: &str) -> AccountRule {
        AccountRule {
            supplier: supplier.map(str::to_owned),
            cost_centre: cost_centre.map(str::to_owned),
            account: CarrierAccount {
                number: number.to_owned(),
                merchant: None,
            },
            payer: None,
        }
    }

    /// P32: supplier and cost centre name the account; a default row takes the rest, and without one a miss is a miss.
    #[test]
    fn supplier_and_cost_centre_name_the_account_and_nothing_is_guessed() {
        let supplier = Supplier {
            id: "1001".to_owned(),
            name: Some("Lee Supplies".to_owned()),
            site: None,
            address: None,
        };
        let rows = [
            row(Some("1001"), Some("5110"), "AAAAAA"),
            row(Some("lee supplies"), None, "BBBBBB"),
            row(None, Some("5120"), "CCCCCC"),
        ];
        let number = |supplier: Option<&Supplier>, centre| {
            account_of(&rows, supplier, centre).map(|row| row.map(|row| row.account.number.as_str()))
        };
        assert_eq!(number(Some(&supplier), Some("5110")), Ok(Some("AAAAAA")));
        assert_eq!(number(Some(&supplier), Some("9999")), Ok(Some("BBBBBB")));
        assert_eq!(number(None, Some("5120")), Ok(Some("CCCCCC")));
        let miss = number(None, Some("9999")).unwrap_err().to_string();
        assert!(miss.contains("supplier none and cost centre 9999"), "{miss}");
        let with_default = [rows.to_vec(), vec![row(None, None, "DDDDDD")]].concat();
        let found = account_of(&with_default, None, None).unwrap().unwrap();
        assert_eq!(found.account.number, "DDDDDD");
        assert_eq!(account_of(&[], None, None), Ok(None));
    }
}
