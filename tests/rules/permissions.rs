//! Each role of the template allows what its function does, and nothing else: both are read, one from the sources, one from the template.
//!
//! From the sources: the flows that a function's handler calls, the ports that those reach, the adapters of these ports, and what the
//! adapters ask AWS for ([`crate::calls`]). What AWS does for a function (logs, events of queues, failed runs) is read from the function's
//! own entry in the template. Nothing is listed here but what AWS itself defines: which permission an operation needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;

use serde_json::Value;
use yaml_serde::Value as Yaml;

use crate::calls::{Call, Code, Function, Token};
use crate::sources::{Source, beneath, product, project};

/// A permission on a resource, which is named as the template names it: `Table`, `Table/index/due`, `Bucket/labels/*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Verb(String, String);

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.0, self.1)
    }
}

fn verb(action: &str, on: &str) -> Verb {
    Verb(action.to_owned(), on.to_owned())
}

/// The permission that an operation of the AWS SDK needs, where it has the operation's own name.
fn needed(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "get_item" => "dynamodb:GetItem",
        "batch_get_item" => "dynamodb:BatchGetItem",
        "put_item" => "dynamodb:PutItem",
        "update_item" => "dynamodb:UpdateItem",
        "delete_item" => "dynamodb:DeleteItem",
        "batch_write_item" => "dynamodb:BatchWriteItem",
        "put_object" => "s3:PutObject",
        "tagging" => "s3:PutObjectTagging",
        "get_object" => "s3:GetObject",
        "delete_object" => "s3:DeleteObject",
        "list_objects_v2" => "s3:ListBucket",
        "list_object_versions" => "s3:ListBucketVersions",
        "generate_data_key" => "kms:GenerateDataKey",
        "decrypt" => "kms:Decrypt",
        "send_message" | "send_message_batch" => "sqs:SendMessage",
        "get_secret_value" => "secretsmanager:GetSecretValue",
        "put_secret_value" => "secretsmanager:PutSecretValue",
        "create_secret" => "secretsmanager:CreateSecret",
        "list_secrets" => "secretsmanager:ListSecrets",
        _ => return None,
    })
}

/// A query's place is said by the search that is built for it; a transaction needs the permissions of its actions.
const SAID_ELSEWHERE: [&str; 2] = ["query", "transact_write_items"];

/// The queue that a port stands for. `DeadLetters` stands for one beside each; which, the deployment says.
const QUEUES: [(&str, &str); 3] = [
    ("Queue", "Shipments"),
    ("TrackingQueue", "Tracking"),
    ("StockQueue", "Stock"),
];

/// The variable that names a queue to a function, by the field of `Aws`.
const DEAD_LETTERS: [(&str, &str); 3] = [
    ("dead_letters", "WAYBILL_DEAD_LETTERS"),
    ("tracking_dead_letters", "WAYBILL_TRACKING_DEAD_LETTERS"),
    ("stock_dead_letters", "WAYBILL_STOCK_DEAD_LETTERS"),
];

/// Ports through which vendors are called, for which credentials, tokens and limits are needed.
const OUTSIDE: [&str; 2] = ["Systems", "TokenRefresh"];

/// What calls to vendors need of AWS goes through these.
const FOR_OUTSIDE: [&str; 4] = ["Limits", "Secrets", "TokenStore", "Sealer"];

/// The secrets of a stage by what they are for, each with a name of that kind.
const SECRETS: [(&str, &str); 4] = [
    ("credentials", "waybill/${Stage}/acme/ups-AbCdEf"),
    ("keys of hooks", "waybill/${Stage}/acme/ups-hook-AbCdEf"),
    (
        "keys of portals",
        "waybill/${Stage}/acme/portal-acme-netsuite-ups-AbCdEf",
    ),
    (
        "keys of label links",
        "waybill/${Stage}/label-links-${AWS::StackName}-AbCdEf",
    ),
];

/// What the sources say.
struct Reading {
    code: Code,
    /// What each function of the code calls.
    calls: Vec<BTreeSet<Call>>,
    deployment: String,
    environment: BTreeMap<String, String>,
    /// Texts of keys that have names: `TRACK` is `TRACK#`.
    constants: BTreeMap<String, String>,
}

impl Reading {
    fn of(sources: &[Source], environment: BTreeMap<String, String>) -> Self {
        let read = |source: &&Source| {
            let folders = ["flows/", "aws/", "ports", "systems/", "http/"];
            folders.iter().any(|folder| source.path.starts_with(folder)) || source.path.ends_with("/handler.rs")
        };
        let kept: Vec<Source> = sources.iter().filter(read).cloned().collect();
        let deployment = sources.iter().find(|source| source.path == "deployment.rs");
        let code = Code::read(&kept);
        Self {
            calls: code.functions.iter().map(|one| code.calls(one)).collect(),
            code,
            constants: kept
                .iter()
                .filter(|source| source.path.ends_with("/keys.rs"))
                .flat_map(|source| constants(&source.text))
                .collect(),
            deployment: deployment.map(|source| source.text.clone()).unwrap_or_default(),
            environment,
        }
    }

    /// What a function needs: everything that its handler reaches.
    fn verbs(&self, function: &str) -> BTreeSet<Verb> {
        let mut verbs = BTreeSet::new();
        self.reach(function, &mut verbs);
        verbs
    }

    /// The functions that a function's handler reaches; what they need is noted.
    fn reach(&self, function: &str, verbs: &mut BTreeSet<Verb>) -> BTreeSet<usize> {
        let handler = format!("functions/{function}/");
        let all = self.code.functions.iter().enumerate();
        let handlers = all.filter(|(_, one)| one.path.starts_with(&handler));
        let mut waiting: Vec<usize> = handlers.map(|(at, _)| at).collect();
        assert!(!waiting.is_empty(), "{function} has no handler");
        let mut seen = BTreeSet::new();
        while let Some(at) = waiting.pop() {
            if seen.insert(at) {
                let one = &self.code.functions[at];
                if one.path.starts_with("aws/") {
                    verbs.extend(self.asked(one));
                }
                for call in &self.calls[at] {
                    waiting.extend(self.reached(one, call, verbs));
                }
            }
        }
        seen
    }

    /// What the keys of the items begin with that a function reaches by their keys: `JOB#*`.
    fn items(&self, function: &str) -> BTreeSet<String> {
        let reached = self.reach(function, &mut BTreeSet::new());
        let keys = reached
            .iter()
            .flat_map(|at| &self.calls[*at])
            .filter_map(|call| match call {
                Call::Ours(at) => Some(&self.code.functions[*at]),
                Call::Trait(..) => None,
            });
        let keys = keys.filter(|one| one.owner.as_deref() == Some("Key") && one.name != "new");
        keys.map(|one| self.begins(one)).collect()
    }

    /// `Self::new(format!("JOB#{id}"), ...)` begins with `JOB#`, `{TRACK}{key}` with what the constant says.
    fn begins(&self, key: &Function) -> String {
        let first = key.body.iter().find_map(|token| match token {
            Token::Text(text) => Some(text.as_str()),
            _ => None,
        });
        let first = first.unwrap_or_else(|| panic!("what does Key::{} begin with?", key.name));
        let constant = first.strip_prefix('{').and_then(|rest| rest.split('}').next());
        match constant {
            Some(name) => format!("{}*", self.constants[name]),
            None => first
                .split_once('#')
                .map_or(first.to_owned(), |(kind, _)| format!("{kind}#*")),
        }
    }

    /// Where a call leads; what it needs there and then is noted.
    fn reached(&self, from: &Function, call: &Call, verbs: &mut BTreeSet<Verb>) -> Vec<usize> {
        let (port, method) = match call {
            Call::Ours(at) => return vec![*at],
            Call::Trait(port, method) => (port.as_str(), method.as_str()),
        };
        if let Some((_, queue)) = QUEUES.iter().find(|(one, _)| *one == port) {
            verbs.insert(verb("sqs:SendMessage", queue));
            return Vec::new();
        }
        match port {
            "DeadLetters" => {
                verbs.insert(verb("sqs:SendMessage", &self.dead_letters_of(from)));
                Vec::new()
            }
            "Blobs" => {
                verbs.extend(self.on_objects(from, method));
                Vec::new()
            }
            "Secrets" => {
                verbs.extend(self.on_secrets(from, method));
                Vec::new()
            }
            port if OUTSIDE.contains(&port) => {
                let mut reached = self.code.implementations(port, method);
                reached.extend(self.outside(port == "Systems", verbs));
                reached
            }
            port => self.code.implementations(port, method),
        }
    }

    /// Whatever an outside system may need once it is called: which call it will be is not looked at, except that a token request
    /// takes no slot of an account's concurrency.
    fn outside(&self, with_slots: bool, verbs: &mut BTreeSet<Verb>) -> Vec<usize> {
        let all = self.code.functions.iter().zip(&self.calls);
        let callers = all.filter(|(one, _)| one.path.starts_with("systems/") || one.path.starts_with("http/"));
        let mut reached = Vec::new();
        for (caller, calls) in callers {
            for call in calls {
                let Call::Trait(port, method) = call else { continue };
                if FOR_OUTSIDE.contains(&port.as_str()) && (with_slots || !method.ends_with("_slot")) {
                    reached.extend(self.reached(caller, call, verbs));
                }
            }
        }
        reached
    }

    /// What the body of an adapter asks AWS for.
    fn asked(&self, one: &Function) -> Vec<Verb> {
        let mut verbs = Vec::new();
        for (at, token) in one.body.iter().enumerate() {
            let Token::Word(operation) = token else { continue };
            let called = at > 0 && one.body[at - 1] == Token::Mark('.');
            if called && let Some(action) = needed(operation) {
                verbs.extend(placed(action, one));
            }
            if operation == "Search" {
                verbs.extend(search(&one.body[at..]).map(|place| verb("dynamodb:Query", &place)));
            }
            if operation == "TransactWriteItem" {
                verbs.extend(action(&one.body[at..]).map(|action| verb(action, "Table")));
            }
        }
        verbs
    }

    fn dead_letters_of(&self, from: &Function) -> String {
        let owner = from.owner.as_deref().unwrap_or_default();
        let begins = format!(" {owner} {{\n");
        let built = self.deployment.split(&begins).skip(1);
        let mut fields = built.filter_map(|built| {
            let own = built.split('}').next().unwrap_or_default();
            own.split("dead_letters: self.aws.").nth(1)?.split(".clone()").next()
        });
        let field = fields.next().unwrap_or_default();
        let variable = DEAD_LETTERS.iter().find(|(one, _)| *one == field);
        let queue = variable.and_then(|(_, variable)| self.environment.get(*variable));
        queue
            .cloned()
            .unwrap_or_else(|| panic!("whose dead letters are {owner}'s: {field:?}?"))
    }

    /// What a method of the bucket needs, on the folder that its caller names.
    fn on_objects(&self, from: &Function, method: &str) -> Vec<Verb> {
        let (mut waiting, mut seen, mut actions) = (
            self.code.implementations("Blobs", method),
            BTreeSet::new(),
            BTreeSet::new(),
        );
        while let Some(at) = waiting.pop() {
            if !seen.insert(at) {
                continue;
            }
            let one = &self.code.functions[at];
            let words = one.body.iter().filter_map(|token| match token {
                Token::Word(word) => Some(word.as_str()),
                _ => None,
            });
            for word in words {
                actions.extend(needed(word).filter(|action| action.starts_with("s3:")));
                // Whoever may not list is told of an object that is not there that it is forbidden.
                if word == "is_no_such_key" {
                    actions.insert("s3:ListBucket");
                }
            }
            let calls = self.calls[at].iter();
            waiting.extend(calls.filter_map(|call| if let Call::Ours(at) = call { Some(*at) } else { None }));
        }
        let folders = self.folders(from);
        let each = folders
            .iter()
            .flat_map(|folder| actions.iter().map(move |action| verb(action, folder)));
        each.collect()
    }

    /// The folders of the bucket that a function names; where it names none, its file's.
    fn folders(&self, from: &Function) -> BTreeSet<String> {
        let of = |functions: &mut dyn Iterator<Item = &Function>| -> BTreeSet<String> {
            let tokens = functions.flat_map(|one| one.body.iter());
            tokens.filter_map(folder).collect()
        };
        let own = of(&mut std::iter::once(from));
        if own.is_empty() {
            of(&mut self.code.functions.iter().filter(|one| one.path == from.path))
        } else {
            own
        }
    }

    /// What is done to secrets, by what the secrets are for.
    fn on_secrets(&self, from: &Function, method: &str) -> Vec<Verb> {
        let action = match method {
            "read" => "secretsmanager:GetSecretValue",
            "write" => "secretsmanager:PutSecretValue",
            other => panic!("which permission does Secrets::{other} need?"),
        };
        let kinds: &[&str] = match from.path.as_str() {
            "flows/label_link.rs" => &["keys of label links"],
            "flows/order_status.rs" => &["keys of portals"],
            "flows/receive.rs" => &["keys of hooks"],
            // Who asks a carrier to push tells it the hook's key.
            path if path.starts_with("systems/") => &["credentials", "keys of hooks"],
            other => panic!("whose secrets are those of {other}?"),
        };
        kinds.iter().map(|kind| verb(action, kind)).collect()
    }
}

/// `const TRACK: &str = "TRACK#";`.
fn constants(text: &str) -> Vec<(String, String)> {
    let lines = text
        .lines()
        .filter_map(|line| line.split_once("const ")?.1.split_once(": &str = \""));
    lines
        .filter_map(|(name, rest)| Some((name.to_owned(), rest.strip_suffix("\";")?.to_owned())))
        .collect()
}

fn folder(token: &Token) -> Option<String> {
    let Token::Text(text) = token else { return None };
    let (folder, rest) = text.split_once('/')?;
    let names = folder.chars().all(|c| c.is_ascii_lowercase()) && !folder.is_empty() && rest.starts_with('{');
    names.then(|| format!("Bucket/{folder}/*"))
}

/// Where the adapter's own call acts. The bucket's methods act where their callers say, except on labels.
fn placed(action: &str, one: &Function) -> Option<Verb> {
    let service = action.split(':').next().unwrap_or_default();
    match (service, one.of.as_deref()) {
        ("dynamodb", _) => Some(verb(action, "Table")),
        ("kms", _) => Some(verb(action, "Key")),
        ("s3", Some("LabelDoor")) => Some(verb(action, "Bucket/labels/*")),
        _ => None,
    }
}

/// `Search::index("due"` reads the index, any other search the table.
fn search(tokens: &[Token]) -> Option<String> {
    match tokens.get(1..6)? {
        [
            Token::Mark(':'),
            Token::Mark(':'),
            Token::Word(kind),
            Token::Mark('('),
            first,
        ] => match (kind.as_str(), first) {
            ("index", Token::Text(name)) => Some(format!("Table/index/{name}")),
            ("index", other) => panic!("a search of an index must name it, not {other:?}"),
            _ => Some("Table".to_owned()),
        },
        _ => None,
    }
}

/// `TransactWriteItem::builder().put(`.
fn action(tokens: &[Token]) -> Option<&'static str> {
    let Some(
        [
            Token::Word(builder),
            Token::Mark('('),
            Token::Mark(')'),
            Token::Mark('.'),
            Token::Word(what),
        ],
    ) = tokens.get(3..8)
    else {
        return None;
    };
    match (builder.as_str(), what.as_str()) {
        ("builder", "put") => Some("dynamodb:PutItem"),
        ("builder", "update") => Some("dynamodb:UpdateItem"),
        ("builder", "delete") => Some("dynamodb:DeleteItem"),
        ("builder", "condition_check") => Some("dynamodb:ConditionCheckItem"),
        _ => None,
    }
}

/// Operations of AWS clients that the adapters call and of which nobody has said what they need.
fn unknown_operations(sources: &[Source]) -> BTreeSet<String> {
    let adapters = sources.iter().filter(|source| source.path.starts_with("aws/"));
    let mut unknown = BTreeSet::new();
    for source in adapters {
        let tokens = crate::calls::tokens(&source.text);
        for four in tokens.windows(4) {
            let [
                Token::Word(client),
                Token::Mark('.'),
                Token::Word(operation),
                Token::Mark('('),
            ] = four
            else {
                continue;
            };
            let known =
                needed(operation).is_some() || SAID_ELSEWHERE.contains(&operation.as_str()) || operation == "clone";
            if client == "client" && !known {
                unknown.insert(format!("{}: {operation}", source.path));
            }
        }
    }
    unknown
}

/// A template with short forms as their arguments: `!GetAtt Table.Arn` is `Table.Arn`.
fn plain(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Tagged(tagged) => plain(tagged.value),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries
                .into_iter()
                .map(|(name, value)| (name.as_str().unwrap_or_default().to_owned(), plain(value)));
            Value::Object(entries.collect())
        }
        scalar => serde_json::to_value(scalar).unwrap_or_default(),
    }
}

struct Template(Value);

impl Template {
    fn kept() -> Self {
        let text = fs::read_to_string(project().join("infra/template.yaml")).unwrap();
        Self::parse(&text)
    }

    fn parse(text: &str) -> Self {
        Self(plain(yaml_serde::from_str(text).unwrap()))
    }

    /// Functions by the names of their binaries, with their roles.
    fn functions(&self) -> BTreeMap<String, (&Value, &Value)> {
        let resources = self.0["Resources"].as_object().unwrap();
        let functions = resources
            .values()
            .filter(|resource| resource["Type"] == "AWS::Serverless::Function");
        let named = functions.map(|function| {
            let role = function["Properties"]["Role"]
                .as_str()
                .unwrap_or_default()
                .trim_end_matches(".Arn");
            let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap();
            (binary.to_owned(), (&function["Properties"], &resources[role]))
        });
        named.collect()
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let variables = self.0["Globals"]["Function"]["Environment"]["Variables"]
            .as_object()
            .into_iter()
            .flatten();
        variables
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    /// What AWS does with the function's role, by the function's own entry.
    fn around(&self, function: &Value) -> BTreeSet<Verb> {
        let mut verbs = BTreeSet::new();
        let log = function["LoggingConfig"]["LogGroup"].as_str().unwrap();
        verbs.extend(["logs:CreateLogStream", "logs:PutLogEvents"].map(|action| verb(action, log)));
        for event in function["Events"]
            .as_object()
            .into_iter()
            .flat_map(|events| events.values())
        {
            if event["Type"] == "SQS" {
                let queue = resource(event["Properties"]["Queue"].as_str().unwrap());
                let actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
                verbs.extend(actions.map(|action| verb(action, &queue)));
            }
        }
        let failed = function.pointer("/EventInvokeConfig/DestinationConfig/OnFailure/Destination");
        verbs.extend(
            failed
                .and_then(Value::as_str)
                .map(|queue| verb("sqs:SendMessage", &resource(queue))),
        );
        let traced = [&function["Tracing"], &self.0["Globals"]["Function"]["Tracing"]];
        if traced.iter().any(|tracing| **tracing == "Active") {
            verbs.extend(["xray:PutTraceSegments", "xray:PutTelemetryRecords"].map(|action| verb(action, "*")));
        }
        verbs
    }
}

/// `Table.Arn` and `${Table.Arn}/index/due` as `Table` and `Table/index/due`.
fn resource(text: &str) -> String {
    text.replace("${", "").replace('}', "").replacen(".Arn", "", 1)
}

fn listed(value: &Value) -> Vec<String> {
    let texts: Vec<&Value> = value.as_array().map_or_else(|| vec![value], |all| all.iter().collect());
    texts
        .into_iter()
        .filter_map(|one| one.as_str().map(str::to_owned))
        .collect()
}

struct Statement {
    denies: bool,
    actions: Vec<String>,
    on: Vec<String>,
    prefix: Option<String>,
}

fn statements(role: &Value) -> Vec<Statement> {
    let policies = role["Properties"]["Policies"].as_array().unwrap().iter();
    let statements = policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    let read = statements.map(|statement| {
        let prefix = statement["Condition"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.values());
        Statement {
            denies: statement["Effect"] == "Deny",
            actions: listed(&statement["Action"]),
            on: listed(&statement["Resource"]),
            prefix: prefix
                .filter_map(|one| one["s3:prefix"].as_str().map(str::to_owned))
                .next(),
        }
    });
    read.collect()
}

/// What a role allows, secrets apart.
fn allowed(role: &Value) -> BTreeSet<Verb> {
    let mut verbs = BTreeSet::new();
    for statement in statements(role).iter().filter(|statement| !statement.denies) {
        for action in statement
            .actions
            .iter()
            .filter(|action| !action.starts_with("secretsmanager:"))
        {
            for on in &statement.on {
                let on = resource(on);
                let on = statement
                    .prefix
                    .as_ref()
                    .map_or(on.clone(), |prefix| format!("{on}/{prefix}"));
                verbs.insert(verb(action, &on));
            }
        }
    }
    verbs
}

/// What a role may do to secrets, by what those are for: an allowance is needed, and no denial.
fn on_secrets(role: &Value) -> BTreeSet<Verb> {
    let statements = statements(role);
    let actions: BTreeSet<&String> = statements.iter().flat_map(|statement| &statement.actions).collect();
    let mut verbs = BTreeSet::new();
    for action in actions
        .into_iter()
        .filter(|action| action.starts_with("secretsmanager:"))
    {
        for (kind, name) in SECRETS {
            let arn =
                format!("arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}:secret:{name}");
            let meant = |one: &&Statement| one.actions.contains(action) && one.on.iter().any(|on| covers(on, &arn));
            let effects: Vec<bool> = statements.iter().filter(meant).map(|one| one.denies).collect();
            if !effects.is_empty() && !effects.contains(&true) {
                verbs.insert(verb(action, kind));
            }
        }
    }
    verbs
}

/// Whether a pattern of IAM's covers a text.
fn covers(pattern: &str, text: &str) -> bool {
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), next) => {
            covers(&pattern[1..], text) || next.is_some_and(|next| covers(pattern, &text[next.len_utf8()..]))
        }
        (Some('?'), Some(next)) => covers(&pattern[1..], &text[next.len_utf8()..]),
        (Some(wanted), Some(next)) if wanted == next => covers(&pattern[wanted.len_utf8()..], &text[next.len_utf8()..]),
        _ => false,
    }
}

/// How a role differs from what its function needs, in words.
fn differences(function: &str, needed: &BTreeSet<Verb>, allowed: &BTreeSet<Verb>) -> Vec<String> {
    let lacks = needed
        .difference(allowed)
        .map(|verb| format!("{function} lacks {verb}"));
    let surplus = allowed
        .difference(needed)
        .map(|verb| format!("{function} does not need {verb}"));
    lacks.chain(surplus).collect()
}

fn sources() -> Vec<Source> {
    let under = |folder: &str| {
        let files = product(&beneath(folder)).into_iter();
        let prefix = if folder == "functions" { "functions/" } else { "" };
        files.map(move |source| Source {
            path: format!("{prefix}{}", source.path),
            ..source
        })
    };
    under("shared/src").chain(under("functions")).collect()
}

fn compared(sources: &[Source], template: &Template) -> Vec<String> {
    against(&Reading::of(sources, template.environment()), template)
}

fn against(reading: &Reading, template: &Template) -> Vec<String> {
    let mut all = Vec::new();
    for (name, (function, role)) in template.functions() {
        let needed: BTreeSet<Verb> = reading
            .verbs(&name)
            .into_iter()
            .chain(template.around(function))
            .collect();
        let allowed: BTreeSet<Verb> = allowed(role).into_iter().chain(on_secrets(role)).collect();
        all.extend(differences(&name, &needed, &allowed));
    }
    all
}

/// The sources with some words of one of them replaced.
fn changed(path: &str, from: &str, to: &str) -> Vec<Source> {
    let mut sources = sources();
    let source = sources.iter_mut().find(|source| source.path == path);
    let source = source.unwrap_or_else(|| panic!("there is no {path}"));
    assert!(source.text.contains(from), "{path} no longer has {from:?}");
    source.text = source.text.replace(from, to);
    sources
}

/// P24: a function may do what it does and nothing else, on its own resources; read from the code and from the template.
#[test]
fn every_role_allows_what_its_function_does_and_nothing_else() {
    let sources = sources();
    assert_eq!(
        unknown_operations(&sources),
        BTreeSet::new(),
        "which permission do they need?"
    );
    let differences = compared(&sources, &Template::kept());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// What is changed in the template alone is seen: a permission too many or too few, a wider resource, a denial that is gone.
#[test]
fn a_change_of_the_template_is_seen() {
    let text = fs::read_to_string(project().join("infra/template.yaml")).unwrap();
    let reading = Reading::of(&sources(), Template::parse(&text).environment());
    let finds = |from: &str, to: &str, wanted: &[&str]| {
        assert!(text.contains(from), "the template no longer has {from:?}");
        let found = against(&reading, &Template::parse(&text.replacen(from, to, 1)));
        assert_eq!(found, wanted, "{from} -> {to}");
    };
    finds(
        "[dynamodb:GetItem, dynamodb:PutItem]\n",
        "[dynamodb:GetItem, dynamodb:DeleteItem]\n",
        &[
            "webhook-receiver lacks dynamodb:PutItem on Table",
            "webhook-receiver does not need dynamodb:DeleteItem on Table",
        ],
    );
    finds(
        "${Table.Arn}/index/state",
        "${Table.Arn}/index/*",
        &[
            "shipment-worker lacks dynamodb:Query on Table/index/state",
            "shipment-worker does not need dynamodb:Query on Table/index/*",
        ],
    );
    finds(
        "${Bucket.Arn}/hooks/*",
        "${Bucket.Arn}/*",
        &[
            "webhook-receiver lacks s3:PutObject on Bucket/hooks/*",
            "webhook-receiver does not need s3:PutObject on Bucket/*",
        ],
    );
    finds(
        "Sid: NoKeysOfPortals\n                Effect: Deny",
        "Sid: NoKeysOfPortals\n                Effect: Allow",
        &[
            "erp-poller does not need secretsmanager:GetSecretValue on keys of portals",
            "erp-poller does not need secretsmanager:PutSecretValue on keys of portals",
        ],
    );
    finds(
        "Resource: !GetAtt ShipmentsDeadLetters.Arn",
        "Resource: !GetAtt TrackingDeadLetters.Arn",
        &[
            "shipment-worker lacks sqs:SendMessage on ShipmentsDeadLetters",
            "shipment-worker does not need sqs:SendMessage on TrackingDeadLetters",
        ],
    );
}

/// What is changed in the code alone is seen: in a flow, in an adapter, in what the deployment puts together.
#[test]
fn a_change_of_the_code_is_seen() {
    let template = Template::kept();
    let found = |sources: &[Source]| compared(sources, &template);
    let flow = changed("flows/label_link.rs", "self.jobs.load(", "self.jobs.erase(");
    assert!(found(&flow).contains(&"label-link lacks s3:DeleteObject on Bucket/labels/*".to_owned()));
    let adapter = changed("aws/dynamo/due.rs", "Search::index(\"due\"", "Search::index(\"state\"");
    assert!(found(&adapter).contains(&"subscription-renewer lacks dynamodb:Query on Table/index/state".to_owned()));
    let deployment = changed(
        "deployment.rs",
        "self.aws.stock_dead_letters.clone()",
        "self.aws.dead_letters.clone()",
    );
    assert_eq!(
        found(&deployment),
        [
            "stock-worker lacks sqs:SendMessage on ShipmentsDeadLetters",
            "stock-worker does not need sqs:SendMessage on StockDeadLetters"
        ]
    );
    let operation = changed("aws/labels.rs", ".get_object()", ".copy_object()");
    assert_eq!(
        unknown_operations(&operation),
        ["aws/labels.rs: copy_object".to_owned()].into()
    );
}

/// Nobody reaches the bucket from outside, nor without TLS.
#[test]
fn the_bucket_is_private_and_reached_over_tls_only() {
    let template = Template::kept();
    let resources = &template.0["Resources"];
    let closed = resources["Bucket"]["Properties"]["PublicAccessBlockConfiguration"]
        .as_object()
        .unwrap();
    let names: Vec<&str> = closed.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "BlockPublicAcls",
            "BlockPublicPolicy",
            "IgnorePublicAcls",
            "RestrictPublicBuckets"
        ]
    );
    assert!(closed.values().all(|value| *value == true));
    let policy = &resources["BucketOverTlsOnly"]["Properties"];
    assert_eq!(policy["Bucket"], "Bucket");
    let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
    let [statement] = statements.as_slice() else {
        panic!("the bucket's policy allows something: {statements:?}")
    };
    assert_eq!(
        (&statement["Effect"], &statement["Principal"]),
        (&"Deny".into(), &"*".into())
    );
    assert_eq!(statement["Action"], "s3:*");
    assert_eq!(listed(&statement["Resource"]), ["Bucket.Arn", "${Bucket.Arn}/*"]);
    assert_eq!(statement["Condition"]["Bool"]["aws:SecureTransport"], "false");
}

/// The key serves whoever the account's own policies let, the services that keep state for them, and this account's alarms.
#[test]
fn the_key_serves_nobody_else() {
    let template = Template::kept();
    let policy = &template.0["Resources"]["Key"]["Properties"]["KeyPolicy"];
    let mut served = BTreeSet::new();
    for statement in policy["Statement"].as_array().unwrap() {
        let (principal, conditions) = (&statement["Principal"], &statement["Condition"]["StringEquals"]);
        let whose = match (principal["AWS"].as_str(), principal["Service"].as_str()) {
            (Some("arn:${AWS::Partition}:iam::${AWS::AccountId}:root"), _) => "the account".to_owned(),
            (Some("*"), _) => {
                assert_eq!(conditions["kms:CallerAccount"], "AWS::AccountId");
                let through = listed(&conditions["kms:ViaService"]);
                assert!(
                    !through.is_empty() && through.iter().all(|one| !one.contains('*')),
                    "{through:?}"
                );
                let verbs = listed(&statement["Action"]);
                assert!(
                    !verbs
                        .iter()
                        .any(|verb| verb == "kms:*" || verb.contains("Put") || verb.contains("Schedule"))
                );
                "the account, through a service".to_owned()
            }
            (_, Some(service)) => {
                assert_eq!(conditions["aws:SourceAccount"], "AWS::AccountId", "{service}");
                service.to_owned()
            }
            other => panic!("whom does the key serve? {other:?}"),
        };
        served.insert(whose);
    }
    let wanted = [
        "cloudwatch.amazonaws.com",
        "the account",
        "the account, through a service",
    ];
    assert_eq!(served, wanted.map(str::to_owned).into());
}

/// Schedules start what is scheduled, and the poller, whose schedules the CLI makes; nothing else.
#[test]
fn schedules_may_start_what_is_scheduled_and_nothing_else() {
    let template = Template::kept();
    let resources = template.0["Resources"].as_object().unwrap();
    let is_scheduled = |function: &Value| {
        let mut events = function["Properties"]["Events"]
            .as_object()
            .into_iter()
            .flat_map(|events| events.values());
        events.any(|event| event["Type"] == "ScheduleV2")
    };
    let scheduled = resources
        .iter()
        .filter(|(name, resource)| is_scheduled(resource) || *name == "Poller");
    let scheduled: BTreeSet<&str> = scheduled.map(|(name, _)| name.as_str()).collect();
    let allowed = allowed(&resources["SchedulerRole"]);
    let (started, others): (Vec<&Verb>, Vec<&Verb>) =
        allowed.iter().partition(|verb| verb.0 == "lambda:InvokeFunction");
    let started: BTreeSet<&str> = started
        .iter()
        .filter_map(|verb| verb.1.split(['.', ':']).next())
        .collect();
    assert_eq!(started, scheduled);
    assert_eq!(others, [&verb("sqs:SendMessage", "FailedInvocations")]);
}

/// The kinds of items that a role may reach by their keys.
fn kinds(role: &Value) -> BTreeSet<String> {
    let policies = role["Properties"]["Policies"].as_array().unwrap().iter();
    let statements = policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    let of_the_table = statements.filter(|statement| statement["Resource"] == "Table.Arn");
    let kinds = of_the_table.flat_map(|statement| {
        let kinds = listed(&statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]);
        assert!(!kinds.is_empty(), "{} reaches every item", statement["Sid"]);
        kinds
    });
    kinds.collect()
}

/// Whoever is called by the world reaches the items that it works with, and no token, no ledger and no job beside them.
#[test]
fn whoever_the_world_calls_reaches_only_its_own_kinds_of_items() {
    let template = Template::kept();
    let reading = Reading::of(&sources(), template.environment());
    let functions = template.functions();
    for name in ["webhook-receiver", "label-link"] {
        assert_eq!(reading.items(name), kinds(functions[name].1), "{name}");
    }
    let mut items = reading.items("order-status");
    // What the index of numbers leads to has no key of its own in the code.
    items.insert("DOC#*".to_owned());
    assert_eq!(items, kinds(functions["order-status"].1));
}
