//! The query parameter `q`: query by example in framework version 1, expressions from version 2.
//!
//! Follows Oracle's page on the framework version. Quirks: version 1 knows `;` and `*` but no `and`; from version 2 texts
//! stand in single quotes, words without quotes are attributes only.

use super::refusal::Refusal;

/// What a filter says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Test(Test),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Test {
    pub(super) attribute: String,
    pub(super) comparison: Comparison,
    pub(super) values: Vec<String>,
}

/// How an attribute and its values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// The value is a pattern; its wildcard stands with it.
    Like(char),
    In,
    Between,
    Null,
    NotNull,
}

/// Reads `q` as the framework version has it.
pub(super) fn parse(text: &str, version: u32) -> Result<Condition, Refusal> {
    if version < 2 {
        by_example(text)
    } else {
        let mut reader = Reader {
            tokens: tokens(text)?,
            at: 0,
        };
        let condition = reader.any()?;
        match reader.next() {
            None => Ok(condition),
            Some(token) => Err(unexpected(&token)),
        }
    }
}

fn malformed(what: impl std::fmt::Display) -> Refusal {
    Refusal::bad(format!("URL request parameter q is malformed: {what}."))
}

fn unexpected(token: &Token) -> Refusal {
    malformed(format!("{token:?} is not expected"))
}

fn by_example(text: &str) -> Result<Condition, Refusal> {
    let tests = outside_quotes(text, ';')
        .into_iter()
        .filter(|term| !term.trim().is_empty());
    let tests = tests.map(|term| example(term.trim()).map(Condition::Test));
    Ok(Condition::All(tests.collect::<Result<_, _>>()?))
}

fn example(term: &str) -> Result<Test, Refusal> {
    const OPERATORS: [(&str, Comparison); 7] = [
        ("!=", Comparison::NotEqual),
        ("<>", Comparison::NotEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<=", Comparison::LessOrEqual),
        ("=", Comparison::Equal),
        (">", Comparison::Greater),
        ("<", Comparison::Less),
    ];
    let name_ends = term
        .find(['!', '<', '>', '='])
        .ok_or_else(|| malformed(format!("{term} has no operator")))?;
    let (name, rest) = term.split_at(name_ends);
    let found = OPERATORS
        .iter()
        .find_map(|(sign, comparison)| rest.strip_prefix(sign).map(|value| (*comparison, value.trim())));
    let (comparison, value) = found.ok_or_else(|| malformed(term))?;
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(malformed(format!("{name} is no attribute")));
    }
    let value = example_value(value)?;
    let pattern = comparison == Comparison::Equal && value.contains('*');
    Ok(Test {
        attribute: name.to_owned(),
        comparison: if pattern { Comparison::Like('*') } else { comparison },
        values: vec![value],
    })
}

fn example_value(text: &str) -> Result<String, Refusal> {
    for quote in ['\'', '"'] {
        if let Some(rest) = text.strip_prefix(quote) {
            let inner = rest
                .strip_suffix(quote)
                .filter(|inner| !inner.contains(quote))
                .ok_or_else(|| malformed(format!("{text} is no value")))?;
            return Ok(inner.to_owned());
        }
    }
    if text.is_empty() || text.contains(['\'', '"', '=', '<', '>']) {
        return Err(malformed(format!("{text} is no value")));
    }
    Ok(text.to_owned())
}

fn outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut quote = None;
    text.split(|character: char| {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
        quote.is_none() && character == separator
    })
    .collect()
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Number(String),
    Text(String),
    Sign(&'static str),
}

fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    const SIGNS: [&str; 10] = ["!=", "<>", ">=", "<=", "=", ">", "<", "(", ")", ","];
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            found.push(Token::Sign(sign));
            rest = rest.get(sign.len()..).unwrap_or_default();
        } else if first == '\'' || first == '"' {
            let (value, after) = quoted(rest, first)?;
            found.push(Token::Text(value));
            rest = after;
        } else if first.is_ascii_digit() || first == '-' {
            let (number, after) = split_while(rest, |one| one.is_ascii_digit() || matches!(one, '.' | '-'));
            found.push(Token::Number(number.to_owned()));
            rest = after;
        } else if first.is_alphabetic() || first == '_' {
            let (word, after) = split_while(rest, |one| one.is_alphanumeric() || matches!(one, '_' | '.'));
            found.push(Token::Word(word.to_owned()));
            rest = after;
        } else {
            return Err(malformed(format!("{first} is not expected")));
        }
        rest = rest.trim_start();
    }
    Ok(found)
}

fn split_while(text: &str, keep: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|one: char| !keep(one)).unwrap_or(text.len());
    text.split_at(end)
}

/// The text between quotes, in which a doubled quote is one, and what follows.
fn quoted(text: &str, quote: char) -> Result<(String, &str), Refusal> {
    let mut value = String::new();
    let mut rest = text.get(1..).unwrap_or_default();
    loop {
        let end = rest.find(quote).ok_or_else(|| malformed("a quote is not closed"))?;
        value.push_str(rest.get(..end).unwrap_or_default());
        rest = rest.get(end + 1..).unwrap_or_default();
        match rest.strip_prefix(quote) {
            Some(more) => {
                value.push(quote);
                rest = more;
            }
            None => return Ok((value, rest)),
        }
    }
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
}

impl Reader {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn takes_sign(&mut self, wanted: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Sign(sign)) if *sign == wanted);
        self.at += usize::from(found);
        found
    }

    fn needs_sign(&mut self, wanted: &str) -> Result<(), Refusal> {
        if self.takes_sign(wanted) {
            Ok(())
        } else {
            Err(malformed(format!("{wanted} is missing")))
        }
    }

    fn any(&mut self) -> Result<Condition, Refusal> {
        let mut all = vec![self.all()?];
        while self.takes("or") {
            all.push(self.all()?);
        }
        Ok(Condition::Any(all))
    }

    fn all(&mut self) -> Result<Condition, Refusal> {
        let mut all = vec![self.one()?];
        while self.takes("and") {
            all.push(self.one()?);
        }
        Ok(Condition::All(all))
    }

    fn one(&mut self) -> Result<Condition, Refusal> {
        if self.takes("not") {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.takes_sign("(") {
            let inner = self.any()?;
            self.needs_sign(")")?;
            return Ok(inner);
        }
        match self.next() {
            Some(Token::Word(attribute)) => self.test(attribute),
            Some(token) => Err(unexpected(&token)),
            None => Err(malformed("it ends too early")),
        }
    }

    fn test(&mut self, attribute: String) -> Result<Condition, Refusal> {
        let negated = self.takes("not");
        let (comparison, values) = self.comparison()?;
        let test = Condition::Test(Test {
            attribute,
            comparison,
            values,
        });
        Ok(if negated { Condition::Not(Box::new(test)) } else { test })
    }

    fn comparison(&mut self) -> Result<(Comparison, Vec<String>), Refusal> {
        if self.takes("like") {
            return Ok((Comparison::Like('%'), vec![self.value()?]));
        }
        if self.takes("in") {
            self.needs_sign("(")?;
            let mut values = vec![self.value()?];
            while self.takes_sign(",") {
                values.push(self.value()?);
            }
            self.needs_sign(")")?;
            return Ok((Comparison::In, values));
        }
        if self.takes("between") {
            let low = self.value()?;
            if !self.takes("and") {
                return Err(malformed("between has no and"));
            }
            return Ok((Comparison::Between, vec![low, self.value()?]));
        }
        if self.takes("is") {
            let negated = self.takes("not");
            if !self.takes("null") {
                return Err(malformed("is stands without null"));
            }
            let comparison = if negated { Comparison::NotNull } else { Comparison::Null };
            return Ok((comparison, Vec::new()));
        }
        let comparison = match self.next() {
            Some(Token::Sign("=")) => Comparison::Equal,
            Some(Token::Sign("!=" | "<>")) => Comparison::NotEqual,
            Some(Token::Sign("<")) => Comparison::Less,
            Some(Token::Sign("<=")) => Comparison::LessOrEqual,
            Some(Token::Sign(">")) => Comparison::Greater,
            Some(Token::Sign(">=")) => Comparison::GreaterOrEqual,
            Some(token) => return Err(unexpected(&token)),
            None => return Err(malformed("it ends too early")),
        };
        Ok((comparison, vec![self.value()?]))
    }

    fn value(&mut self) -> Result<String, Refusal> {
        match self.next() {
            Some(Token::Text(text) | Token::Number(text)) => Ok(text),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false") => {
                Ok(word.to_lowercase())
            }
            Some(token) => Err(unexpected(&token)),
            None => Err(malformed("it ends too early")),
        }
    }
}

/// Whether a text fits a pattern in which `wildcard` stands for any characters.
pub(super) fn fits(text: &str, pattern: &str, wildcard: char) -> bool {
    let mut parts = pattern.split(wildcard);
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(found) = rest.find(part) else {
            return false;
        };
        rest = rest.get(found + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_from_end_to_end() {
        assert!(fits("MF-12", "MF%", '%') && fits("MF", "MF%", '%') && fits("a-b-c", "a%b%c", '%'));
        assert!(!fits("XMF", "MF%", '%') && !fits("abd", "a%c", '%') && !fits("ab", "a", '%'));
    }

    #[test]
    fn each_version_refuses_the_other_ones_words() {
        assert!(parse("A=1;B>2", 1).is_ok());
        assert!(parse("A='x' and B=2", 1).is_err());
        assert!(parse("A = 'x' and (B > 1 or C like 'MF%')", 2).is_ok());
        assert!(parse("A='x';B=2", 2).is_err());
        assert!(parse("A = OPEN", 2).is_err());
        assert!(parse("A in ('x','y') and B is not null", 2).is_ok());
        assert!(parse("(A = 1", 2).is_err());
    }
}
