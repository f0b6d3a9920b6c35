//! Which of a customer's accounts at the carrier ships: a table by supplier and cost centre, of which nothing is guessed.

use serde::{Deserialize, Serialize};

use super::{CarrierAccount, Consignment, Payer, Supplier};

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
            let names = supplier.map(|supplier| [Some(&supplier.id), supplier.number.as_ref(), supplier.name.as_ref()]);
            names
                .into_iter()
                .flatten()
                .flatten()
                .any(|name| is_same_name(wanted, name))
        };
        self.supplier.as_ref().is_none_or(named)
            && self
                .cost_centre
                .as_deref()
                .is_none_or(|wanted| cost_centre.is_some_and(|given| is_same_name(wanted, given)))
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

/// Case and outer blanks do not tell two names apart.
pub fn is_same_name(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            number: None,
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
