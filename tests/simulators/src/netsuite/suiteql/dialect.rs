//! Turns SuiteQL, which speaks Oracle, into the SQL of SQLite. Pure: text in, text out.
//!
//! Only what differs is rewritten: `BUILTIN.DF/CF`, `TOP n` and `FETCH FIRST n ROWS ONLY`, `SYSDATE` and date
//! arithmetic, a date compared with a bare string (which NetSuite reads in the account's date format), and names that
//! SQLite keeps for itself. `NVL`, `TO_CHAR`, `TO_DATE` and their like are functions that the engine adds.

/// A query made ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// The SQL.
    pub(super) sql: String,
    /// Whether the outermost query orders its rows.
    pub(super) ordered: bool,
    /// Every word of the query, in lower case.
    pub(super) words: Vec<String>,
}

/// The columns that hold dates.
pub(super) const DATE_COLUMNS: [&str; 6] = [
    "trandate",
    "createddate",
    "lastmodifieddate",
    "shipdate",
    "actualshipdate",
    "closedate",
];
const TIMES: [&str; 3] = ["SYSDATE", "CURRENT_DATE", "SYSTIMESTAMP"];
const DATE_FUNCTIONS: [&str; 2] = ["TO_DATE", "TO_TIMESTAMP"];
const COMPARISONS: [&str; 8] = ["=", "<", ">", "<=", ">=", "<>", "!=", "BETWEEN"];

/// Rewrites a query. `now` is the time in the account's zone as `YYYY-MM-DD HH:MM:SS`.
///
/// # Errors
/// The reason, when the query is not one SELECT or uses what SuiteQL does not have.
pub(super) fn rewrite(query: &str, now: &str) -> Result<Rewritten, String> {
    let mut tokens = tokens(query)?;
    if tokens.last().is_some_and(|last| last == ";") {
        tokens.pop();
    }
    check(&tokens)?;
    let ordered = outermost(&tokens, "ORDER");
    let words = tokens.iter().map(|token| token.to_ascii_lowercase()).collect();
    let tokens = limits(builtins(tokens)?)?;
    let tokens = tokens.into_iter().map(|token| named(token, now)).collect();
    let sql = dates(tokens).join(" ").replace(" . ", ".");
    Ok(Rewritten { sql, ordered, words })
}

fn check(tokens: &[String]) -> Result<(), String> {
    let first = tokens.first().map(|token| token.to_ascii_uppercase());
    if !matches!(first.as_deref(), Some("SELECT" | "WITH")) {
        return Err("Only SELECT statements are allowed.".into());
    }
    if let Some(foreign) = tokens.iter().find(|token| is(token, "LIMIT") || *token == ";") {
        return Err(format!("Unexpected token '{foreign}'."));
    }
    // What SQLite and this engine have for themselves does not exist for the caller.
    let own = |token: &&String| ["sqlite_", "pragma_", "ns_"].iter().any(|prefix| starts(token, prefix));
    match tokens.iter().find(own) {
        Some(hidden) => Err(format!("Record '{hidden}' was not found.")),
        None => Ok(()),
    }
}

fn starts(token: &str, prefix: &str) -> bool {
    token.to_ascii_lowercase().starts_with(prefix)
}

fn outermost(tokens: &[String], word: &str) -> bool {
    let mut depth = 0_i32;
    tokens.iter().any(|token| {
        match token.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        depth == 0 && is(token, word)
    })
}

/// Splits a query into words, numbers, strings and signs; comments and white space go.
fn tokens(query: &str) -> Result<Vec<String>, String> {
    let chars: Vec<char> = query.chars().collect();
    let mut found = Vec::new();
    let mut rest = chars.as_slice();
    while let Some(&first) = rest.first() {
        let length = match first {
            _ if first.is_whitespace() => spaces(rest),
            '-' if rest.get(1) == Some(&'-') => rest.iter().take_while(|c| **c != '\n').count(),
            '\'' | '"' => quoted(rest, first)?,
            _ if first.is_ascii_digit() => run(rest, |c| c.is_ascii_digit() || c == '.'),
            _ if word_char(first) => run(rest, word_char),
            _ => sign(rest)?,
        };
        let (token, after) = rest.split_at(length.min(rest.len()));
        let comment = first == '-' && rest.get(1) == Some(&'-');
        if !first.is_whitespace() && !comment {
            found.push(token.iter().collect());
        }
        rest = after;
    }
    Ok(found)
}

fn spaces(rest: &[char]) -> usize {
    run(rest, char::is_whitespace)
}

fn run(rest: &[char], belongs: impl Fn(char) -> bool) -> usize {
    rest.iter().take_while(|c| belongs(**c)).count()
}

fn word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn quoted(rest: &[char], mark: char) -> Result<usize, String> {
    let mut at = 1;
    while let Some(c) = rest.get(at) {
        if *c != mark {
            at += 1;
        } else if rest.get(at + 1) == Some(&mark) {
            at += 2;
        } else {
            return Ok(at + 1);
        }
    }
    Err("Unterminated string literal.".into())
}

fn sign(rest: &[char]) -> Result<usize, String> {
    let pair: String = rest.iter().take(2).collect();
    if ["<=", ">=", "<>", "!=", "||"].contains(&pair.as_str()) {
        return Ok(2);
    }
    match rest.first() {
        Some(c) if "()*,.+-/=<>?;".contains(*c) => Ok(1),
        other => Err(format!("Invalid character {other:?}.")),
    }
}

fn is(token: &str, word: &str) -> bool {
    token.eq_ignore_ascii_case(word)
}

fn at(tokens: &[String], index: usize) -> &str {
    tokens.get(index).map_or("", String::as_str)
}

/// The index of the parenthesis that closes the one at `open`.
fn closing(tokens: &[String], open: usize) -> Option<usize> {
    let mut depth = 0_i32;
    tokens.iter().enumerate().skip(open).find_map(|(index, token)| {
        match token.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(index)
    })
}

/// `BUILTIN.DF(x)` and `BUILTIN.CF(x)`: the display name and the code of a column.
fn builtins(tokens: Vec<String>) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        if !(is(at(&tokens, index), "BUILTIN") && at(&tokens, index + 1) == ".") {
            out.push(at(&tokens, index).to_owned());
            index += 1;
            continue;
        }
        let end = closing(&tokens, index + 3).ok_or("Unbalanced parentheses.")?;
        let argument = tokens.get(index + 4..end).unwrap_or_default();
        out.push(builtin(at(&tokens, index + 2), argument)?);
        index = end + 1;
    }
    Ok(out)
}

fn builtin(function: &str, argument: &[String]) -> Result<String, String> {
    let column = argument
        .last()
        .map(|name| name.to_ascii_lowercase())
        .unwrap_or_default();
    let prefix = argument
        .len()
        .checked_sub(1)
        .and_then(|end| argument.get(..end))
        .unwrap_or_default()
        .concat();
    let value = argument.iter().map(|token| protected(token)).collect::<String>();
    let code = match column.as_str() {
        "status" => format!("NS_STATUS({prefix}type, {value})"),
        _ => value.clone(),
    };
    match function.to_ascii_uppercase().as_str() {
        "CF" => Ok(code),
        "DF" => Ok(format!(
            "COALESCE((SELECT d.name FROM ns_display d WHERE d.field = '{column}' AND d.code = CAST({code} AS TEXT)), \
             CAST({value} AS TEXT))"
        )),
        other => Err(format!("Unknown function BUILTIN.{other}.")),
    }
}

/// `SELECT TOP n` and `FETCH FIRST n ROWS ONLY` become `LIMIT n`.
fn limits(tokens: Vec<String>) -> Result<Vec<String>, String> {
    let mut out: Vec<String> = Vec::new();
    let mut top = None;
    let mut index = 0;
    while index < tokens.len() {
        let token = at(&tokens, index);
        if is(token, "TOP") && out.last().is_some_and(|last| is(last, "SELECT")) {
            if out.len() > 1 {
                return Err("TOP is allowed in the outermost SELECT only.".into());
            }
            top = Some(at(&tokens, index + 1).to_owned());
            index += 2;
        } else if is(token, "FETCH") {
            out.extend(["LIMIT".to_owned(), fetched(&tokens, index)?]);
            index += 5;
        } else {
            out.push(token.to_owned());
            index += 1;
        }
    }
    out.extend(top.into_iter().flat_map(|count| ["LIMIT".to_owned(), count]));
    Ok(out)
}

/// The number of a `FETCH FIRST n ROWS ONLY` that starts at `index`.
fn fetched(tokens: &[String], index: usize) -> Result<String, String> {
    let one_of = |offset: usize, words: [&str; 2]| words.iter().any(|word| is(at(tokens, index + offset), word));
    let shape = one_of(1, ["FIRST", "NEXT"]) && one_of(3, ["ROW", "ROWS"]) && one_of(4, ["ONLY", "ONLY"]);
    if shape {
        Ok(at(tokens, index + 2).to_owned())
    } else {
        Err("Malformed FETCH clause.".into())
    }
}

fn named(token: String, now: &str) -> String {
    if TIMES.iter().any(|time| is(&token, time)) {
        format!("NS_TIME('{now}')")
    } else {
        protected(&token)
    }
}

/// Quotes the names that SQLite would take for its own words.
fn protected(token: &str) -> String {
    if is(token, "transaction") {
        r#""transaction""#.into()
    } else {
        token.into()
    }
}

/// Date arithmetic in days, and dates compared with bare strings.
fn dates(tokens: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let Some(end) = date_end(&tokens, index) else {
            out.push(at(&tokens, index).to_owned());
            index += 1;
            continue;
        };
        let (date, after) = shifted(&tokens, index, end);
        out.push(date);
        index = after;
        let compared = COMPARISONS.iter().any(|sign| is(at(&tokens, index), sign));
        let operand = at(&tokens, index + 1);
        if compared && (operand == "?" || operand.starts_with('\'')) {
            out.extend([at(&tokens, index).to_owned(), format!("NS_DATE({operand})")]);
            index += 2;
        }
    }
    out
}

/// Where the date that starts at `index` ends, if one does: after a time, a date function's call or a date column.
fn date_end(tokens: &[String], index: usize) -> Option<usize> {
    let token = at(tokens, index);
    if token.starts_with("NS_TIME(") {
        return Some(index + 1);
    }
    if DATE_FUNCTIONS.iter().any(|name| is(token, name)) {
        return closing(tokens, index + 1).map(|end| end + 1);
    }
    DATE_COLUMNS.iter().any(|name| is(token, name)).then_some(index + 1)
}

/// The date with a following `+ 1`, `- 1/24` or `- ?` taken in; and where the query goes on.
fn shifted(tokens: &[String], index: usize, end: usize) -> (String, usize) {
    let date = tokens.get(index..end).unwrap_or_default().join(" ");
    let amount = at(tokens, end + 1);
    let sign = at(tokens, end);
    let number = amount == "?" || amount.starts_with(|c: char| c.is_ascii_digit());
    if !matches!(sign, "+" | "-") || !number {
        return (date, end);
    }
    let factor = at(tokens, end + 2);
    if matches!(factor, "/" | "*") {
        let by = at(tokens, end + 3);
        return (format!("NS_SHIFT({date}, {sign}1.0 * {amount} {factor} {by})"), end + 4);
    }
    (format!("NS_SHIFT({date}, {sign}{amount})"), end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(query: &str) -> String {
        rewrite(query, "2026-02-03 10:00:00").unwrap().sql
    }

    #[test]
    fn oracle_habits_become_sqlite() {
        assert_eq!(
            sql("select top 5 id from transaction"),
            r#"select id from "transaction" LIMIT 5"#
        );
        assert_eq!(
            sql("SELECT id FROM item FETCH FIRST 3 ROWS ONLY"),
            "SELECT id FROM item LIMIT 3"
        );
        assert!(sql("SELECT 1 FROM t WHERE lastmodifieddate >= SYSDATE - 1/24").contains("NS_SHIFT(NS_TIME('2026"));
        assert!(sql("SELECT 1 FROM t WHERE t.trandate >= ?").contains("trandate >= NS_DATE(?)"));
        assert!(
            sql("SELECT BUILTIN.CF(t.status) AS s FROM transaction t").contains("NS_STATUS(t.type, t.status) AS s")
        );
    }

    #[test]
    fn only_one_select_is_allowed() {
        assert!(rewrite("DELETE FROM item", "").is_err());
        assert!(rewrite("SELECT 1 FROM dual; SELECT 2 FROM dual", "").is_err());
        assert!(rewrite("SELECT id FROM item LIMIT 3", "").is_err());
        assert!(rewrite("SELECT 'open FROM dual", "").is_err());
        assert!(rewrite("SELECT name FROM sqlite_master", "").is_err());
        assert!(rewrite("SELECT id FROM item FETCH NEXT 3 ROWS", "").is_err());
        assert!(rewrite("SELECT id FROM (SELECT TOP 3 id FROM item)", "").is_err());
    }

    #[test]
    fn an_order_by_inside_does_not_order_the_outside() {
        let inner = "SELECT id FROM (SELECT id FROM item ORDER BY id)";
        assert!(!rewrite(inner, "").unwrap().ordered);
        assert!(rewrite("SELECT id FROM item ORDER BY id", "").unwrap().ordered);
    }
}
