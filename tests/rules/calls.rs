//! Who calls whom, read from the sources: which methods of ports a function reaches, and what the adapters of those ports ask AWS for.
//!
//! A reading of tokens, not of Rust's types: the type of a receiver is found where it is written down (a field, a parameter, what a
//! function gives, a structure's literal). Where it is not, every method of that name counts whose type the file names; so that the
//! reading errs on the side of too much, which shows as a verb that a role lacks.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::Source;

/// A piece of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name or a number.
    Word(String),
    /// What a literal says.
    Text(String),
    /// Anything else, a character each.
    Mark(char),
}

use Token::{Mark, Text, Word};

/// The pieces of a source whose comments are gone.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while let Some(&char) = chars.get(at) {
        if char.is_alphanumeric() || char == '_' {
            let end = at
                + chars[at..]
                    .iter()
                    .take_while(|c| c.is_alphanumeric() || **c == '_')
                    .count();
            let word: String = chars[at..end].iter().collect();
            if let Some((literal, after)) = raw_text(&word, &chars, end) {
                tokens.push(Text(literal));
                at = after;
                continue;
            }
            tokens.push(Word(word));
            at = end;
        } else if char == '"' {
            let (literal, after) = quoted(&chars, at + 1);
            tokens.push(Text(literal));
            at = after;
        } else if char == '\'' {
            at = after_quote(&chars, at);
        } else {
            if !char.is_whitespace() {
                tokens.push(Mark(char));
            }
            at += 1;
        }
    }
    tokens
}

/// `r"..."`, `r#"..."#`; the word before it is an `r` or `br`.
fn raw_text(word: &str, chars: &[char], at: usize) -> Option<(String, usize)> {
    if !["r", "br"].contains(&word) {
        return None;
    }
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    if chars.get(at + hashes) != Some(&'"') {
        return None;
    }
    let begin = at + hashes + 1;
    let ends = |end: &usize| {
        chars[*end] == '"' && chars[end + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    let end = (begin..chars.len()).find(ends)?;
    Some((chars[begin..end].iter().collect(), end + 1 + hashes))
}

fn quoted(chars: &[char], mut at: usize) -> (String, usize) {
    let mut text = String::new();
    while let Some(&char) = chars.get(at).filter(|c| **c != '"') {
        let escaped = char == '\\';
        text.push(char);
        if escaped {
            text.extend(chars.get(at + 1));
        }
        at += 1 + usize::from(escaped);
    }
    (text, at + 1)
}

/// A lifetime goes on behind its quote; a character ends with another.
fn after_quote(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => at + 3 + chars[at + 3..].iter().position(|c| *c == '\'').unwrap_or(0) + 1,
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

/// A function or method.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    /// The file that has it.
    pub(crate) path: String,
    /// The type whose it is.
    pub(crate) owner: Option<String>,
    /// The trait that it belongs to there.
    pub(crate) of: Option<String>,
    /// Its name.
    pub(crate) name: String,
    /// What its parameters are called, and the tokens of their types.
    parameters: Vec<(String, Vec<Token>)>,
    gives: Vec<Token>,
    /// What it does.
    pub(crate) body: Vec<Token>,
}

/// The file that has a field, and the tokens of its type there.
type Field = (String, Vec<Token>);

/// All functions, structures and traits of some sources.
#[derive(Debug, Default)]
pub(crate) struct Code {
    /// The functions.
    pub(crate) functions: Vec<Function>,
    /// By their structures and names: the files that have such a structure, and the tokens of the field's type there.
    fields: BTreeMap<(String, String), Vec<Field>>,
    /// The traits, with their methods.
    pub(crate) traits: BTreeMap<String, BTreeSet<String>>,
    types: BTreeSet<String>,
    words: BTreeMap<String, BTreeSet<String>>,
    /// The functions of each name.
    named: BTreeMap<String, Vec<usize>>,
}

/// Where a method belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Receiver {
    /// To this type, or trait.
    Known(String),
    /// To a type that is written down and is none of ours.
    Foreign,
    /// Nobody says.
    Unknown,
}

/// What a function calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    /// A method of a trait, on whatever implements it.
    Trait(String, String),
    /// A function of ours, by its place in [`Code::functions`].
    Ours(usize),
}

/// Names that containers, futures and requests have too: of an unknown receiver they are theirs.
const EVERYBODYS: [&str; 16] = [
    "get", "put", "insert", "remove", "send", "iter", "len", "map", "run", "read", "write", "open", "close", "keep",
    "find", "check",
];

/// Where the bracket ends that opens at a place.
pub(crate) fn closing(tokens: &[Token], open: usize) -> usize {
    let (from, to) = match tokens.get(open) {
        Some(Mark('(')) => ('(', ')'),
        Some(Mark('[')) => ('[', ']'),
        Some(Mark('<')) => ('<', '>'),
        _ => ('{', '}'),
    };
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        let arrow = to == '>' && at > 0 && tokens[at - 1] == Mark('-');
        if *token == Mark(from) {
            depth += 1;
        } else if *token == Mark(to) && !arrow {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    tokens.len()
}

fn opening(tokens: &[Token], close: usize) -> Option<usize> {
    let (from, to) = match tokens.get(close)? {
        Mark(')') => ('(', ')'),
        Mark(']') => ('[', ']'),
        Mark('}') => ('{', '}'),
        _ => return None,
    };
    let mut depth = 0_i32;
    for at in (0..=close).rev() {
        if tokens[at] == Mark(to) {
            depth += 1;
        } else if tokens[at] == Mark(from) {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

fn word(token: Option<&Token>) -> Option<&str> {
    match token {
        Some(Word(word)) => Some(word),
        _ => None,
    }
}

/// What stands between commas that no bracket encloses.
pub(crate) fn listed(tokens: &[Token]) -> Vec<&[Token]> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0_i32);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Mark('(' | '[' | '{' | '<') => depth += 1,
            Mark('>') if at > 0 && matches!(tokens[at - 1], Mark('-' | '=')) => {}
            Mark(')' | ']' | '}' | '>') => depth -= 1,
            Mark(',') if depth == 0 => {
                parts.push(&tokens[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[begin..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// `::<`, behind the name of a function whose types are named.
fn is_turbofish(body: &[Token], at: usize) -> bool {
    body.get(at..at + 3) == Some(&[Mark(':'), Mark(':'), Mark('<')])
}

/// `pattern: type`, with tuples taken apart.
fn bound(tokens: &[Token]) -> Vec<(String, Vec<Token>)> {
    let single = |at: &usize| {
        let beside = |at: Option<&Token>| at == Some(&Mark(':'));
        tokens[*at] == Mark(':') && !beside(tokens.get(at + 1)) && !(*at > 0 && beside(tokens.get(at - 1)))
    };
    let Some(colon) = (0..tokens.len()).find(single) else {
        return Vec::new();
    };
    let (pattern, kind) = (&tokens[..colon], &tokens[colon + 1..]);
    let kind = if kind.first() == Some(&Mark('&')) {
        &kind[1..]
    } else {
        kind
    };
    if pattern.first() == Some(&Mark('(')) && kind.first() == Some(&Mark('(')) {
        let inner = |tokens: &[Token]| {
            listed(&tokens[1..tokens.len() - 1])
                .iter()
                .map(|part| part.to_vec())
                .collect::<Vec<_>>()
        };
        let pairs = inner(pattern).into_iter().zip(inner(kind));
        return pairs
            .filter_map(|(name, kind)| Some((word(name.last())?.to_owned(), kind)))
            .collect();
    }
    word(pattern.last())
        .map(|name| (name.to_owned(), kind.to_vec()))
        .into_iter()
        .collect()
}

impl Code {
    /// What these sources have.
    pub(crate) fn read(sources: &[Source]) -> Self {
        let mut code = Self::default();
        for source in sources {
            let tokens = tokens(&source.text);
            let words = tokens.iter().filter_map(|token| word(Some(token)));
            code.words
                .insert(source.path.clone(), words.map(str::to_owned).collect());
            code.items(&source.path, &tokens, None, None);
        }
        for (at, one) in code.functions.iter().enumerate() {
            code.named.entry(one.name.clone()).or_default().push(at);
        }
        code
    }

    fn items(&mut self, path: &str, tokens: &[Token], owner: Option<&str>, of: Option<&str>) {
        let mut at = 0;
        while at < tokens.len() {
            at = match word(tokens.get(at)) {
                Some("struct") => self.structure(path, tokens, at),
                Some("trait") => self.definition(path, tokens, at),
                Some("impl") => self.implementation(path, tokens, at),
                Some("fn") if word(tokens.get(at + 1)).is_some() => self.function(path, tokens, at, (owner, of)),
                _ => at + 1,
            };
        }
    }

    fn structure(&mut self, path: &str, tokens: &[Token], at: usize) -> usize {
        let Some(name) = word(tokens.get(at + 1)) else {
            return at + 1;
        };
        self.types.insert(name.to_owned());
        let begins = |at: &usize| matches!(tokens[*at], Mark('{' | '(' | ';'));
        let Some(open) = (at..tokens.len())
            .find(begins)
            .filter(|open| tokens[*open] != Mark(';'))
        else {
            return at + 2;
        };
        let close = closing(tokens, open);
        for (number, field) in listed(&tokens[open + 1..close]).into_iter().enumerate() {
            let named = match tokens[open] {
                Mark('{') => bound(field),
                _ => vec![(number.to_string(), field.to_vec())],
            };
            for (field, kind) in named {
                let known = self.fields.entry((name.to_owned(), field)).or_default();
                known.push((path.to_owned(), kind));
            }
        }
        close + 1
    }

    fn definition(&mut self, path: &str, tokens: &[Token], at: usize) -> usize {
        let Some(name) = word(tokens.get(at + 1)) else {
            return at + 1;
        };
        let Some(open) = (at..tokens.len()).find(|at| tokens[*at] == Mark('{')) else {
            return at + 1;
        };
        let close = closing(tokens, open);
        let inner = &tokens[open + 1..close];
        let methods = inner.windows(2).filter(|pair| pair[0] == Word("fn".to_owned()));
        let methods = methods
            .filter_map(|pair| word(pair.get(1)).map(str::to_owned))
            .collect();
        self.traits.insert(name.to_owned(), methods);
        self.items(path, inner, Some(name), None);
        close + 1
    }

    fn implementation(&mut self, path: &str, tokens: &[Token], at: usize) -> usize {
        let after = if tokens.get(at + 1) == Some(&Mark('<')) {
            closing(tokens, at + 1) + 1
        } else {
            at + 1
        };
        let Some(open) = (after..tokens.len()).find(|at| tokens[*at] == Mark('{')) else {
            return at + 1;
        };
        // `-> impl Trait {` is no implementation: there is nothing before it but an arrow, a colon or a bracket.
        let stands_alone =
            at == 0 || matches!(tokens[at - 1], Mark('}' | ';' | ']')) || word(tokens.get(at - 1)) == Some("unsafe");
        if !stands_alone {
            return at + 1;
        }
        let header = &tokens[after..open];
        let parted = header.iter().position(|token| *token == Word("for".to_owned()));
        let (of, owner) = match parted {
            Some(parted) => (named(&header[..parted]), named(&header[parted + 1..])),
            None => (None, named(header)),
        };
        let close = closing(tokens, open);
        if let Some(owner) = owner {
            // `impl<T: Blobs> Labels for T`: a letter is no type.
            if owner.len() > 1 {
                self.types.insert(owner.clone());
            }
            self.items(path, &tokens[open + 1..close], Some(&owner), of.as_deref());
        }
        close + 1
    }

    fn function(
        &mut self,
        path: &str,
        tokens: &[Token],
        at: usize,
        (owner, of): (Option<&str>, Option<&str>),
    ) -> usize {
        let name = word(tokens.get(at + 1)).unwrap_or_default().to_owned();
        let open = if tokens.get(at + 2) == Some(&Mark('<')) {
            closing(tokens, at + 2) + 1
        } else {
            at + 2
        };
        let close = closing(tokens, open);
        let begins = |at: &usize| matches!(tokens[*at], Mark('{' | ';'));
        let Some(begin) = (close..tokens.len()).find(begins) else {
            return at + 2;
        };
        let end = if tokens[begin] == Mark('{') {
            closing(tokens, begin)
        } else {
            begin
        };
        let parameters = listed(tokens.get(open + 1..close).unwrap_or_default());
        // `<T: Telling>`: what a generic type can do is what its trait can.
        let generics = listed(tokens.get(at + 3..open.saturating_sub(1)).unwrap_or_default());
        let generics: BTreeMap<String, Token> = generics
            .into_iter()
            .flat_map(bound)
            .filter_map(|(name, kind)| Some((name, kind.first()?.clone())))
            .collect();
        let able = |token: &Token| {
            word(Some(token))
                .and_then(|name| generics.get(name))
                .unwrap_or(token)
                .clone()
        };
        self.functions.push(Function {
            path: path.to_owned(),
            owner: owner.map(str::to_owned),
            of: of.map(str::to_owned),
            name,
            parameters: parameters
                .into_iter()
                .flat_map(bound)
                .map(|(name, kind)| (name, kind.iter().map(able).collect()))
                .collect(),
            gives: tokens[close + 1..begin].to_vec(),
            body: tokens.get(begin + 1..end).unwrap_or_default().to_vec(),
        });
        end + 1
    }

    fn is_ours(&self, name: &str) -> bool {
        self.types.contains(name) || self.traits.contains_key(name)
    }

    /// The first type of ours that some tokens name.
    fn kind(&self, tokens: &[Token], within: &Function) -> Receiver {
        let words = tokens.iter().filter_map(|token| word(Some(token)));
        let mut ours = words.filter_map(|word| match word {
            "Self" => within.owner.clone(),
            word => self.is_ours(word).then(|| word.to_owned()),
        });
        ours.next().map_or(Receiver::Foreign, Receiver::Known)
    }

    fn variables(&self, within: &Function) -> BTreeMap<String, Receiver> {
        let mut variables: BTreeMap<String, Receiver> = within
            .parameters
            .iter()
            .map(|(name, kind)| (name.clone(), self.kind(kind, within)))
            .collect();
        if let Some(owner) = &within.owner {
            variables.insert("self".to_owned(), Receiver::Known(owner.clone()));
        }
        let body = &within.body;
        for at in 0..body.len() {
            let ends: &[char] = match word(body.get(at)) {
                Some("let") if at > 0 && matches!(word(body.get(at - 1)), Some("if" | "while")) => &['{'],
                Some("let") => &[';'],
                Some("for") => &['{'],
                _ => continue,
            };
            let parts = |at: &usize| body[*at] == Mark('=') || word(body.get(*at)) == Some("in");
            let Some(parted) = (at + 1..body.len()).find(parts) else {
                continue;
            };
            let pattern = &body[at + 1..parted];
            if let Some((name, kind)) = bound(pattern).into_iter().next().filter(|_| pattern.len() > 2) {
                variables.insert(name, self.kind(&kind, within));
                continue;
            }
            if pattern.first() == Some(&Mark('(')) && body.get(parted + 1) == Some(&Mark('(')) {
                let inner = |open: usize| listed(&body[open + 1..closing(body, open)]);
                for (name, given) in inner(at + 1).into_iter().zip(inner(parted + 1)) {
                    let kind = self.before(given, given.len(), within, &variables);
                    variables.extend(word(name.last()).map(|name| (name.to_owned(), kind)));
                }
                continue;
            }
            let names: Vec<&str> = pattern.iter().filter_map(|token| word(Some(token))).collect();
            let names: Vec<&str> = names
                .into_iter()
                .filter(|name| !["mut", "Some", "Ok", "ref"].contains(name))
                .collect();
            let [name] = names.as_slice() else { continue };
            let end = end_of(body, parted + 1, ends);
            let kind = self.before(body, end, within, &variables);
            variables.insert((*name).to_owned(), kind);
        }
        variables
    }

    /// The type of the expression that ends before a place.
    fn before(&self, body: &[Token], end: usize, within: &Function, known: &BTreeMap<String, Receiver>) -> Receiver {
        let mut at = end;
        loop {
            at = match at.checked_sub(1) {
                Some(at) => at,
                None => return Receiver::Unknown,
            };
            let awaits = word(body.get(at)) == Some("await") && at > 0 && body[at - 1] == Mark('.');
            if awaits {
                at -= 1;
            } else if body[at] != Mark('?') {
                break;
            }
        }
        match &body[at] {
            Mark(')') => self.given(body, at, within, known),
            Mark('}') => {
                let open = opening(body, at);
                let name = open.and_then(|open| word(body.get(open.checked_sub(1)?)));
                let ours = name.map(|name| {
                    if name == "Self" {
                        within.owner.as_deref().unwrap_or(name)
                    } else {
                        name
                    }
                });
                ours.filter(|name| self.is_ours(name))
                    .map_or(Receiver::Unknown, |name| Receiver::Known(name.to_owned()))
            }
            Word(name) if at > 0 && body[at - 1] == Mark('.') => match self.before(body, at - 1, within, known) {
                Receiver::Known(owner) => {
                    let fields = self.fields.get(&(owner, name.clone())).into_iter().flatten().collect();
                    let fields = nearest(fields, &within.path, |(path, _)| path);
                    let field = fields.first();
                    field.map_or(Receiver::Unknown, |(_, kind)| self.kind(kind, within))
                }
                other => other,
            },
            Word(name) => known.get(name).cloned().unwrap_or(Receiver::Unknown),
            Text(_) => Receiver::Foreign,
            Mark(_) => Receiver::Unknown,
        }
    }

    /// The type of what the call gives that ends at a bracket.
    fn given(&self, body: &[Token], close: usize, within: &Function, known: &BTreeMap<String, Receiver>) -> Receiver {
        let Some(name_at) = opening(body, close).and_then(|open| open.checked_sub(1)) else {
            return Receiver::Unknown;
        };
        let Some(name) = word(body.get(name_at)) else {
            return Receiver::Unknown;
        };
        if name_at > 0 && body[name_at - 1] == Mark('.') {
            let receiver = self.before(body, name_at - 1, within, known);
            let passes = [
                "as_ref",
                "clone",
                "as_deref",
                "cloned",
                "filter",
                "unwrap_or_default",
                "iter",
                "into_iter",
                "get",
                "map_err",
            ];
            return match receiver {
                _ if passes.contains(&name) => receiver,
                Receiver::Known(owner) => self.gives(&owner, name),
                other => other,
            };
        }
        if name_at > 1 && body[name_at - 1] == Mark(':') {
            let owner = word(body.get(name_at - 3)).unwrap_or_default();
            let owner = if owner == "Self" {
                within.owner.as_deref().unwrap_or(owner)
            } else {
                owner
            };
            if self.is_ours(owner) {
                return self.gives(owner, name);
            }
        }
        let free = self.called(name).map(|(_, one)| one).find(|one| one.owner.is_none());
        free.map_or(Receiver::Unknown, |one| self.kind(&one.gives, one))
    }

    /// The functions of a name, with their places.
    fn called(&self, name: &str) -> impl Iterator<Item = (usize, &Function)> {
        let places = self.named.get(name).into_iter().flatten();
        places.map(|at| (*at, &self.functions[*at]))
    }

    fn gives(&self, owner: &str, name: &str) -> Receiver {
        let method = self
            .called(name)
            .map(|(_, one)| one)
            .find(|one| one.owner.as_deref() == Some(owner));
        method.map_or(Receiver::Unknown, |one| self.kind(&one.gives, one))
    }

    /// What a function calls.
    pub(crate) fn calls(&self, within: &Function) -> BTreeSet<Call> {
        let (body, known) = (&within.body, self.variables(within));
        let mut calls = BTreeSet::new();
        for at in 1..body.len() {
            let Some(name) = word(body.get(at)) else { continue };
            let is_called = matches!(body.get(at + 1), Some(Mark('('))) || body.get(at + 1) == Some(&Mark(':'));
            match &body[at - 1] {
                Mark('.') if is_called => match self.before(body, at - 1, within, &known) {
                    Receiver::Known(owner) => calls.extend(self.method(&owner, name, &within.path)),
                    Receiver::Foreign => {}
                    Receiver::Unknown => calls.extend(self.methods_in_sight(name, &within.path)),
                },
                Mark(':') if at > 2 => {
                    let owner = word(body.get(at - 3)).unwrap_or_default();
                    let owner = if owner == "Self" {
                        within.owner.as_deref().unwrap_or(owner)
                    } else {
                        owner
                    };
                    if self.is_ours(owner) {
                        calls.extend(self.method(owner, name, &within.path));
                    } else {
                        calls.extend(self.of_module(owner, name, &within.path));
                    }
                }
                Mark('.' | ':') => {}
                _ if body.get(at + 1) == Some(&Mark('(')) || is_turbofish(body, at + 1) => {
                    calls.extend(self.free(name, &within.path));
                }
                _ => {}
            }
        }
        if let Some(name) = word(body.first()).filter(|_| body.get(1) == Some(&Mark('('))) {
            calls.extend(self.free(name, &within.path));
        }
        calls
    }

    /// A type's own methods come before those of its traits, as in Rust.
    fn method(&self, owner: &str, name: &str, path: &str) -> Vec<Call> {
        if self.traits.get(owner).is_some_and(|methods| methods.contains(name)) {
            return vec![Call::Trait(owner.to_owned(), name.to_owned())];
        }
        let theirs = self.called(name).filter(|(_, one)| one.owner.as_deref() == Some(owner));
        let (own, of_traits): (Vec<_>, Vec<_>) = theirs.partition(|(_, one)| one.of.is_none());
        let found = if own.is_empty() { of_traits } else { own };
        nearest(found, path, |(_, one)| &one.path)
            .into_iter()
            .map(|(at, _)| Call::Ours(at))
            .collect()
    }

    fn methods_in_sight(&self, name: &str, path: &str) -> Vec<Call> {
        if EVERYBODYS.contains(&name) {
            return Vec::new();
        }
        let words = &self.words[path];
        let owners = self
            .called(name)
            .filter_map(|(_, one)| one.owner.as_ref())
            .filter(|one| self.is_ours(one));
        let owners: BTreeSet<&String> = owners.filter(|one| words.contains(*one)).collect();
        owners
            .into_iter()
            .flat_map(|one| self.method(one, name, path))
            .collect()
    }

    /// Functions of this name: the file's own, else those that it may have imported, which are of its own part of the project.
    fn free(&self, name: &str, path: &str) -> Vec<Call> {
        let part = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
        let all = self
            .called(name)
            .filter(|(_, one)| one.owner.is_none() && part(&one.path) == part(path));
        let (here, elsewhere): (Vec<_>, Vec<_>) = all.partition(|(_, one)| one.path == path);
        let found = if here.is_empty() { elsewhere } else { here };
        found.into_iter().map(|(at, _)| Call::Ours(at)).collect()
    }

    /// `module::function`.
    fn of_module(&self, module: &str, name: &str, path: &str) -> Vec<Call> {
        let is_there = |at: usize| {
            let file = self.functions[at].path.trim_end_matches(".rs").trim_end_matches("/mod");
            ["self", "super", "crate"].contains(&module) || file.rsplit('/').next() == Some(module)
        };
        let mut calls = self.free(name, path);
        calls.retain(|call| matches!(call, Call::Ours(at) if is_there(*at)));
        calls
    }

    /// What implements a method of a trait, and its default.
    pub(crate) fn implementations(&self, of: &str, name: &str) -> Vec<usize> {
        let those = self
            .called(name)
            .filter(|(_, one)| one.of.as_deref() == Some(of) || one.owner.as_deref() == Some(of));
        those.map(|(at, _)| at).collect()
    }
}

/// Two modules may have types of one name: those of the file's own folder, if there are any.
fn nearest<T>(found: Vec<T>, path: &str, of: impl Fn(&T) -> &str) -> Vec<T> {
    let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let (near, far): (Vec<T>, Vec<T>) = found.into_iter().partition(|one| folder(of(one)) == folder(path));
    if near.is_empty() { far } else { near }
}

/// The last name of a path, without what stands in angle brackets.
fn named(tokens: &[Token]) -> Option<String> {
    let end = tokens
        .iter()
        .position(|token| matches!(token, Mark('<') | Word(_)) && *token == Mark('<'));
    let clause = tokens.iter().position(|token| *token == Word("where".to_owned()));
    let end = end.into_iter().chain(clause).min().unwrap_or(tokens.len());
    word(tokens[..end].iter().rev().find(|token| matches!(token, Word(_)))).map(str::to_owned)
}

/// Where an expression ends.
fn end_of(body: &[Token], from: usize, ends: &[char]) -> usize {
    let mut at = from;
    while at < body.len() {
        match &body[at] {
            Mark(mark) if ends.contains(mark) => return at,
            Mark('(' | '[' | '{') => at = closing(body, at) + 1,
            Word(word) if word == "else" => return at,
            _ => at += 1,
        }
    }
    at.min(body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        Code::read(&[Source {
            path: "a.rs".to_owned(),
            text: text.to_owned(),
        }])
    }

    fn called(code: &Code, name: &str) -> BTreeSet<Call> {
        let function = code.functions.iter().find(|one| one.name == name).unwrap();
        code.calls(function)
    }

    fn on(of: &str, name: &str) -> Call {
        Call::Trait(of.to_owned(), name.to_owned())
    }

    const PORTS: &str =
        "pub trait Jobs { async fn load(&self); async fn save(&self); } pub trait Queue { async fn send(&self); }
        struct Flow { jobs: Arc<dyn Jobs>, inner: Inner } struct Inner { queue: Option<Arc<dyn Queue>> }";

    #[test]
    fn a_port_is_known_by_the_field_the_parameter_and_the_chain() {
        let text = format!(
            "{PORTS} impl Flow {{ async fn f(&self) {{ self.jobs\n.load().await?; let inner = &self.inner; inner.queue.send(); }}
            fn g(jobs: &dyn Jobs) {{ jobs.save() }} fn h(&self, text: &str) {{ text.load(); \"jobs.save()\" }} }}"
        );
        let code = code(&text);
        assert_eq!(called(&code, "f"), [on("Jobs", "load"), on("Queue", "send")].into());
        assert_eq!(called(&code, "g"), [on("Jobs", "save")].into());
        assert_eq!(
            called(&code, "h"),
            BTreeSet::new(),
            "a text is no port, and says nothing"
        );
    }

    #[test]
    fn functions_are_followed_by_name_and_by_what_they_give() {
        let text = format!(
            "{PORTS} fn made() -> Inner {{ x }} fn f() {{ if made().queue.send() {{}} a::away(); let x = Flow {{ a }}; x.jobs.load(); }}
            fn away() {{}}"
        );
        let code = code(&text);
        let at = |name: &str| Call::Ours(code.functions.iter().position(|one| one.name == name).unwrap());
        assert_eq!(
            called(&code, "f"),
            [on("Jobs", "load"), on("Queue", "send"), at("made"), at("away")].into()
        );
    }
}
