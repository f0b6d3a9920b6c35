//! What `infra/template.yaml` must hold beyond what the linters see.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;

use jiff::SignedDuration;
use local::deploy::SHORT_TIMES;
use local::functions::FUNCTIONS;
use local::place::Place;
use local::template::Template;
use serde_json::{Value, json};
use waybill::aws::{KEEP_DAYS, KEEP_TAG};
use waybill::ports::{RENEWED_BEFORE, UNUSED_BEFORE};

fn template() -> Value {
    let text = fs::read_to_string(Place::kept().template()).expect("the template is there");
    Template::parse(&text).expect("the template is YAML").json().clone()
}

fn resources(template: &Value, kind: &str) -> Vec<(String, Value)> {
    let all = template["Resources"].as_object().expect("a template has resources");
    let of_kind = all.iter().filter(|(_, resource)| resource["Type"] == kind);
    of_kind
        .map(|(name, resource)| (name.clone(), resource.clone()))
        .collect()
}

fn functions(template: &Value) -> Vec<(String, Value)> {
    resources(template, "AWS::Serverless::Function")
}

fn triggers<'a>(function: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let events = function["Properties"]["Events"].as_object();
    events
        .into_iter()
        .flat_map(|events| events.values())
        .filter(move |event| event["Type"] == kind)
}

#[test]
fn every_function_of_the_template_is_built_and_has_an_event_to_try_it_with() {
    let template = template();
    let binary = |function: &Value| {
        function["Metadata"]["BuildProperties"]["Binary"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let binaries: BTreeSet<String> = functions(&template)
        .iter()
        .map(|(_, function)| binary(function))
        .collect();
    assert_eq!(binaries, FUNCTIONS.map(str::to_owned).into());
    for name in binaries {
        let event = Place::kept().root().join(format!("events/{name}.json"));
        let json = fs::read(&event).unwrap_or_else(|error| panic!("{}: {error}", event.display()));
        assert!(serde_json::from_slice::<Value>(&json).unwrap().is_object(), "{name}");
    }
}

/// The version of a function that is in force.
fn in_force(function: &str) -> Value {
    json!({ "Ref": format!("{function}.Alias") })
}

/// Whether the HTTP API waits for a function's answer, so that whoever asked learns of a failure.
fn is_asked(template: &Value, function: &str) -> bool {
    let mut integrations = resources(template, "AWS::ApiGatewayV2::Integration").into_iter();
    integrations.any(|(_, integration)| integration["Properties"]["IntegrationUri"] == in_force(function))
}

#[test]
fn a_failed_run_of_a_function_ends_in_a_queue() {
    let template = template();
    for (name, function) in functions(&template) {
        let queues: Vec<_> = triggers(&function, "SQS").collect();
        for queue in &queues {
            assert_eq!(
                queue["Properties"]["FunctionResponseTypes"][0], "ReportBatchItemFailures",
                "{name}"
            );
        }
        if is_asked(&template, &name) {
            assert!(queues.is_empty(), "{name} answers who waits");
            continue;
        }
        let destination = function.pointer("/Properties/EventInvokeConfig/DestinationConfig/OnFailure/Destination");
        assert!(
            !queues.is_empty() || destination.is_some(),
            "{name} has neither a queue nor a failure destination"
        );
        for schedule in triggers(&function, "ScheduleV2") {
            assert!(schedule.pointer("/Properties/DeadLetterConfig/Arn").is_some(), "{name}");
            assert_eq!(
                schedule["Properties"]["OmitName"], true,
                "{name}: two stacks would share a schedule"
            );
        }
    }
}

#[test]
fn a_queue_that_feeds_a_function_has_dead_letters() {
    let template = template();
    for (name, function) in functions(&template) {
        for trigger in triggers(&function, "SQS") {
            let queue = trigger["Properties"]["Queue"]["Fn::GetAtt"][0].as_str().unwrap();
            let redrive = &template["Resources"][queue]["Properties"]["RedrivePolicy"];
            assert!(redrive["deadLetterTargetArn"].is_object(), "{name}: {queue}");
            assert_eq!(redrive["maxReceiveCount"], 5, "{name}: {queue}");
        }
    }
}

#[test]
fn roles_name_their_verbs_and_what_they_act_on() {
    let roles = resources(&template(), "AWS::IAM::Role");
    assert_eq!(roles.len(), FUNCTIONS.len() + 1, "one per function and the scheduler's");
    for (name, role) in roles {
        assert!(role["Properties"]["ManagedPolicyArns"].is_null(), "{name}");
        let policies = role["Properties"]["Policies"].as_array().unwrap();
        let statements = policies
            .iter()
            .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
        for statement in statements {
            let actions = statement["Action"].to_string();
            assert!(!actions.contains('*'), "{name}: {actions}");
            let traces = statement["Action"] == json!(["xray:PutTraceSegments", "xray:PutTelemetryRecords"]);
            assert_eq!(
                statement["Resource"] == "*",
                traces,
                "{name}: {actions}: only X-Ray knows no resource"
            );
        }
    }
}

#[test]
fn only_who_renews_tokens_may_change_a_secret() {
    let template = template();
    let may_change = |role: &Value| role.to_string().contains("secretsmanager:PutSecretValue");
    let roles = resources(&template, "AWS::IAM::Role");
    let names: BTreeSet<_> = roles
        .iter()
        .filter(|(_, role)| may_change(role))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        names,
        BTreeSet::from([
            "PollerRole",
            "RefresherRole",
            "StockWorkerRole",
            "SubscriptionRenewerRole",
            "SweeperRole",
            "TrackingPollerRole",
            "TrackingWorkerRole",
            "WorkerRole"
        ])
    );
}

#[test]
fn what_a_schedule_says_is_an_event_to_try_its_function_with() {
    let events = fs::read_dir(Place::kept().root().join("events")).unwrap();
    let texts = events.map(|event| fs::read_to_string(event.unwrap().path()).unwrap());
    let known: Vec<Value> = texts.map(|text| serde_json::from_str(&text).unwrap()).collect();
    for (name, function) in functions(&template()) {
        for schedule in triggers(&function, "ScheduleV2") {
            let input = schedule["Properties"]["Input"]
                .as_str()
                .unwrap_or_else(|| panic!("{name}"));
            let input: Value = serde_json::from_str(input).unwrap();
            assert!(known.contains(&input), "{name}: no file of events/ is {input}");
        }
    }
}

#[test]
fn every_alarm_is_told_to_the_topic() {
    let alarms = resources(&template(), "AWS::CloudWatch::Alarm");
    assert!(alarms.len() >= 4);
    for (name, alarm) in alarms {
        assert!(
            alarm["Properties"]["AlarmActions"].to_string().contains("AlarmTopic"),
            "{name}"
        );
        // Where few are too few, none at all is told as well; elsewhere silence is good news.
        let few = alarm["Properties"]["ComparisonOperator"] == "LessThanThreshold";
        let silence = if few { "breaching" } else { "notBreaching" };
        assert_eq!(alarm["Properties"]["TreatMissingData"], silence, "{name}");
    }
}

/// A role that may do what no code does is a door that nobody watches; so is a variable that nobody reads.
#[test]
fn no_function_is_given_what_no_code_uses() {
    let template = template();
    let roles = resources(&template, "AWS::IAM::Role");
    for verb in ["sns:Publish", "kms:Encrypt", "dynamodb:ConditionCheckItem"] {
        let given: Vec<_> = roles
            .iter()
            .filter(|(_, role)| role.to_string().contains(verb))
            .collect();
        assert!(given.is_empty(), "{verb}: {given:?}");
    }
    let config = fs::read_to_string(Place::kept().root().join("shared/src/config.rs")).unwrap();
    let functions = functions(&template);
    let own = functions
        .iter()
        .map(|(_, function)| &function["Properties"]["Environment"]);
    let environments = own.chain([&template["Globals"]["Function"]["Environment"]]);
    let variables = environments.filter_map(|environment| environment["Variables"].as_object());
    for variable in variables.flat_map(|variables| variables.keys()) {
        assert!(
            config.contains(&format!("\"{variable}\"")),
            "{variable} is read by nobody"
        );
    }
}

/// Gaps ring without the jobs that are held, for which a person is waited for anyway; and that nobody compares rings too.
#[test]
fn gaps_and_missing_reconciliations_ring() {
    let template = template();
    let metric = |alarm: &str| template["Resources"][alarm]["Properties"]["MetricName"].clone();
    let counted = code();
    for (alarm, name) in [
        ("ReconciliationGapsAlarm", "ReconciliationGaps"),
        ("ReconciliationMissingAlarm", "ReconciliationRuns"),
    ] {
        assert_eq!(metric(alarm), name);
        assert!(counted.contains(&format!("\"{name}\"")), "{name} is counted nowhere");
    }
}

/// The code of the library and of the functions.
fn code() -> String {
    let root = Place::kept().root().to_owned();
    let mut code = String::new();
    let mut folders = vec![root.join("shared/src"), root.join("functions")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                code.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    code
}

/// An alarm on a metric that nobody counts never rings.
#[test]
fn whatever_rings_is_counted_by_some_code() {
    let code = code();
    for (name, alarm) in resources(&template(), "AWS::CloudWatch::Alarm") {
        let own = alarm["Properties"]["Namespace"].is_object();
        let metric = alarm["Properties"]["MetricName"].to_string();
        assert!(!own || code.contains(&metric), "{name}: {metric} is counted nowhere");
    }
}

/// P24: whoever does not work with tokens cannot open what the key seals, and nobody may administer the key.
#[test]
fn only_functions_that_use_tokens_may_open_what_the_key_seals() {
    let template = template();
    let verbs = |role: &Value| -> BTreeSet<String> {
        let policies = role["Properties"]["Policies"].as_array().unwrap().iter();
        let statements = policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
        let actions = statements.flat_map(|statement| match &statement["Action"] {
            Value::Array(actions) => actions.clone(),
            one => vec![one.clone()],
        });
        let actions = actions.map(|action| action.as_str().unwrap().to_owned());
        actions.filter(|action| action.starts_with("kms:")).collect()
    };
    let roles = resources(&template, "AWS::IAM::Role");
    assert_eq!(
        verbs(&roles.iter().find(|(name, _)| name == "SchedulerRole").unwrap().1),
        BTreeSet::new()
    );
    let allowed = ["kms:Decrypt", "kms:GenerateDataKey"].map(str::to_owned);
    for (name, role) in &roles {
        let unexpected: Vec<String> = verbs(role).into_iter().filter(|verb| !allowed.contains(verb)).collect();
        assert!(unexpected.is_empty(), "{name}: {unexpected:?}");
    }
    let opens = roles.iter().filter(|(_, role)| verbs(role).contains("kms:Decrypt"));
    let reads_secrets = |role: &Value| role.to_string().contains("secretsmanager:GetSecretValue");
    for (name, role) in opens {
        assert!(
            reads_secrets(role),
            "{name} opens tokens and has no credential to make one"
        );
    }
}

/// An address of the API holds a secret: what is logged of a request is never its path. And the API may call what it leads to.
#[test]
fn the_api_is_throttled_logs_no_path_and_may_call_its_functions() {
    let template = template();
    let mut stages = resources(&template, "AWS::ApiGatewayV2::Stage").into_iter();
    let (_, stage) = stages.next().unwrap();
    let settings = &stage["Properties"]["DefaultRouteSettings"];
    let limits = [
        ("ThrottlingBurstLimit", "ApiBurst", 500),
        ("ThrottlingRateLimit", "ApiRequestsPerSecond", 1000),
    ];
    for (limit, parameter, usual) in limits {
        assert_eq!(settings[limit], json!({ "Ref": parameter }));
        assert_eq!(template["Parameters"][parameter]["Default"], usual, "{parameter}");
    }
    let format = stage["Properties"]["AccessLogSettings"]["Format"].as_str().unwrap();
    let logged: Value = serde_json::from_str(format).unwrap();
    let mut logged: Vec<&str> = logged
        .as_object()
        .unwrap()
        .values()
        .map(|one| one.as_str().unwrap())
        .collect();
    logged.sort_unstable();
    let harmless = [
        "$context.identity.sourceIp",
        "$context.requestId",
        "$context.responseLatency",
        "$context.routeKey",
        "$context.status",
    ];
    assert_eq!(logged, harmless);
    let routes = resources(&template, "AWS::ApiGatewayV2::Route");
    let keys: BTreeSet<&str> = routes
        .iter()
        .map(|(_, route)| route["Properties"]["RouteKey"].as_str().unwrap())
        .collect();
    let wanted = [
        "GET /labels/{token}",
        "GET /labels/{token}/{number}",
        "GET /orders/{connection}/{number}",
        "POST /hooks/{hook}",
        "POST /hooks/{hook}/token",
    ];
    assert_eq!(keys, wanted.into());
    // Whatever people ask is throttled for itself, so that it takes nothing from what vendors push.
    let own = &stage["Properties"]["RouteSettings"];
    for asked in wanted.into_iter().filter(|route| route.starts_with("GET ")) {
        assert_eq!(own[asked]["ThrottlingRateLimit"], 50, "{asked}");
    }
    let permissions = resources(&template, "AWS::Lambda::Permission");
    for (name, integration) in resources(&template, "AWS::ApiGatewayV2::Integration") {
        let function = &integration["Properties"]["IntegrationUri"];
        let may = |permission: &Value| permission["Properties"]["FunctionName"] == *function;
        assert!(permissions.iter().any(|(_, permission)| may(permission)), "{name}");
    }
}

/// P22: personal data in the bucket lives by the connection's retention: for each class of days in the code the bucket has a rule that
/// deletes what bears it after so many days, and no rule deletes labels or bodies otherwise.
#[test]
fn the_bucket_deletes_what_was_kept_for_long_enough() {
    let template = template();
    let rules = &template["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"];
    let rules = rules.as_array().unwrap();
    let tagged: Vec<&Value> = rules.iter().filter(|rule| !rule["TagFilters"].is_null()).collect();
    let wanted = KEEP_DAYS.map(|days| {
        serde_json::json!({
            "Id": format!("kept-{days}-days"),
            "Status": "Enabled",
            "TagFilters": [{ "Key": KEEP_TAG, "Value": days.to_string() }],
            "ExpirationInDays": days,
        })
    });
    assert_eq!(tagged, wanted.iter().collect::<Vec<_>>());
    let others = rules.iter().filter(|rule| rule["TagFilters"].is_null());
    for rule in others.filter(|rule| !rule["ExpirationInDays"].is_null()) {
        assert_eq!(rule["Prefix"], "hooks/", "{rule}");
    }
}

/// Whoever stores what bears a class of days may say which; S3 refuses the whole object otherwise.
#[test]
fn whoever_stores_what_expires_may_say_when() {
    let roles = resources(&template(), "AWS::IAM::Role");
    let mut putting = 0;
    for (name, role) in &roles {
        let policies = role["Properties"]["Policies"].as_array().unwrap();
        let statements = policies
            .iter()
            .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
        for statement in statements {
            let actions: BTreeSet<&str> = statement["Action"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            if !actions.contains("s3:PutObject") {
                assert!(!actions.contains("s3:PutObjectTagging"), "{name}: {statement}");
                continue;
            }
            let on_hooks = statement["Resource"].to_string().contains("/hooks/*");
            assert_eq!(
                actions.contains("s3:PutObjectTagging"),
                !on_hooks,
                "{name}: {statement}"
            );
            putting += 1;
        }
    }
    assert!(putting >= 6, "only {putting} statements were read");
}

/// Whoever takes webhooks from the world can neither read the table's indexes nor open what the key seals, and changes
/// nothing.
#[test]
fn whoever_takes_webhooks_may_do_little() {
    let roles = resources(&template(), "AWS::IAM::Role");
    let role = |wanted: &str| roles.iter().find(|(name, _)| name == wanted).unwrap().1.to_string();
    for verb in [
        "kms:",
        "dynamodb:Query",
        "dynamodb:DeleteItem",
        "dynamodb:UpdateItem",
        "s3:GetObject",
        "/index/",
    ] {
        assert!(!role("WebhookReceiverRole").contains(verb), "{verb}");
    }
    for verb in ["kms:", "dynamodb:PutItem", "dynamodb:DeleteItem", "s3:", "sqs:"] {
        assert!(!role("OrderStatusRole").contains(verb), "{verb}");
    }
}

/// Whoever opens labels for the world reads a job by its id, its own keys and the labels, and nothing else.
#[test]
fn whoever_opens_labels_may_read_them_and_nothing_else() {
    let roles = resources(&template(), "AWS::IAM::Role");
    let (_, role) = roles.iter().find(|(name, _)| name == "LabelLinkRole").unwrap();
    let statements = &role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let allowed: Vec<(String, String)> = statements
        .as_array()
        .unwrap()
        .iter()
        .map(|statement| (statement["Action"].to_string(), statement["Resource"].to_string()))
        .collect();
    let keys = "secret:waybill/${Stage}/label-links-${AWS::StackName}-??????";
    let wanted = [
        ("logs:PutLogEvents", "LabelLinkLog"),
        ("xray:PutTraceSegments", "\"*\""),
        ("[\"dynamodb:GetItem\"]", "{\"Fn::GetAtt\":[\"Table\",\"Arn\"]}"),
        ("[\"secretsmanager:GetSecretValue\"]", keys),
        ("[\"s3:GetObject\"]", "${Bucket.Arn}/labels/*"),
    ];
    let only_jobs = &statements[2]["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    assert_eq!(
        only_jobs,
        &serde_json::json!(["JOB#*"]),
        "no token, no connection, no webhook"
    );
    assert_eq!(allowed.len(), wanted.len());
    for ((action, resource), (verb, what)) in allowed.iter().zip(wanted) {
        assert!(
            action.contains(verb) && resource.contains(what),
            "{action} on {resource}"
        );
    }
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

/// Whether a role may do this to a resource, whose name is written as the template writes it: an allowance is needed, and no denial.
fn may(role: &Value, action: &str, resource: &str) -> bool {
    let policies = role["Properties"]["Policies"].as_array().unwrap().iter();
    let statements = policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    let listed = |value: &Value| match value {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    let effects: BTreeSet<&str> = statements
        .filter(|statement| listed(&statement["Action"]).iter().any(|one| one == action))
        .filter(|statement| {
            let on = |one: &Value| one["Fn::Sub"].as_str().is_some_and(|pattern| covers(pattern, resource));
            listed(&statement["Resource"]).iter().any(on)
        })
        .map(|statement| statement["Effect"].as_str().unwrap())
        .collect();
    effects == BTreeSet::from(["Allow"])
}

/// Whoever reads the keys of label links can make links to any label. Those who make and open links read them and nobody else does,
/// however wide a role's prefix is; and no function changes them. The same of portals' keys and who answers portals.
#[test]
fn only_who_needs_a_key_of_our_own_may_read_it() {
    let template = template();
    let roles = resources(&template, "AWS::IAM::Role");
    let named = |name: &str| {
        let region = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}";
        format!("{region}:secret:{name}-AbCdEf")
    };
    let keys = named(
        template["Resources"]["LabelKeys"]["Properties"]["Name"]["Fn::Sub"]
            .as_str()
            .unwrap(),
    );
    let those_who = |action: &str, resource: &str| -> BTreeSet<String> {
        let may = roles.iter().filter(|(_, role)| may(role, action, resource));
        may.map(|(name, _)| name.clone()).collect()
    };
    let readers = those_who("secretsmanager:GetSecretValue", &keys);
    assert_eq!(readers, ["LabelLinkRole", "WorkerRole"].map(str::to_owned).into());
    assert_eq!(those_who("secretsmanager:PutSecretValue", &keys), BTreeSet::new());
    let portal = named("waybill/${Stage}/acme/portal-acme-netsuite-ups");
    let readers = those_who("secretsmanager:GetSecretValue", &portal);
    assert_eq!(
        readers,
        BTreeSet::from(["OrderStatusRole".to_owned()]),
        "a portal's key is its connection's orders"
    );
    let credential = named("waybill/${Stage}/acme/ups");
    assert_eq!(
        those_who("secretsmanager:GetSecretValue", &credential).len(),
        8,
        "the others' own are read"
    );
    assert!(covers("a*-??", "a-b-cd") && !covers("a*-??", "a-b-c") && !covers("a", "ab"));
}

/// Links to labels are sealed with a secret of the stack's own, which nobody has ever read.
#[test]
fn the_keys_of_label_links_are_made_by_the_stack_and_are_its_own() {
    let template = template();
    let keys = &template["Resources"]["LabelKeys"]["Properties"];
    let name = keys["Name"]["Fn::Sub"].as_str().unwrap();
    assert!(
        name.starts_with("waybill/${Stage}/") && name.contains("${AWS::StackName}"),
        "{name}"
    );
    let made = &keys["GenerateSecretString"];
    assert_eq!(
        (&made["GenerateStringKey"], &made["PasswordLength"]),
        (&"key".into(), &64.into())
    );
    assert!(keys["SecretString"].is_null());
    let told = |function: &str| {
        let variables = &template["Resources"][function]["Properties"]["Environment"]["Variables"];
        variables["WAYBILL_LABEL_KEYS"]["Fn::Sub"].as_str().map(str::to_owned)
    };
    for function in ["Worker", "LabelLink"] {
        assert_eq!(told(function).as_deref(), Some(name), "{function}");
    }
    assert_eq!(template["Outputs"]["LabelKeys"]["Value"]["Fn::Sub"], name);
    assert!(
        template["Resources"]["Worker"]["Properties"]["Environment"]["Variables"]["WAYBILL_API_URL"].is_object(),
        "who writes links must know where they begin"
    );
}

/// P10: from the moment at which a token is to be renewed until workers cease to use it the refresher comes round, whenever its
/// schedule happened to fire, and has time to renew it.
#[test]
fn the_refresher_comes_round_before_a_token_is_no_longer_used() {
    let template = template();
    let refresher = &template["Resources"]["Refresher"];
    let schedules: Vec<&Value> = triggers(refresher, "ScheduleV2").collect();
    let [schedule] = schedules.as_slice() else {
        panic!("{schedules:?}")
    };
    let rate = schedule["Properties"]["ScheduleExpression"].as_str().unwrap();
    let minutes = rate
        .strip_prefix("rate(")
        .and_then(|rest| rest.strip_suffix(" minute)").or(rest.strip_suffix(" minutes)")));
    let round = SignedDuration::from_mins(minutes.unwrap_or_else(|| panic!("{rate}")).parse().unwrap());
    let renewing = SignedDuration::from_secs(15);
    assert!(RENEWED_BEFORE - UNUSED_BEFORE >= round + renewing, "{rate}");
}

/// The times that depend on each other, as a stack gets them.
struct Times<'a>(&'a dyn Fn(&str) -> String);

impl Times<'_> {
    fn seconds(&self, name: &str) -> u64 {
        (self.0)(name).parse().unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn hold(&self) {
        let worker = self.seconds("WorkerTimeoutSeconds");
        assert!(
            self.seconds("CallTimeoutSeconds") < worker,
            "a call ends before its function"
        );
        assert!(self.seconds("LeaseSeconds") > worker, "a lease outlives its invocation");
        assert!(
            self.seconds("VisibilityTimeoutSeconds") > worker,
            "a message stays hidden while a worker has it"
        );
    }
}

#[test]
fn the_default_times_hold_what_they_must() {
    let template = template();
    let default = |name: &str| match &template["Parameters"][name]["Default"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let times = Times(&default);
    times.hold();
    let six_runs = 6 * times.seconds("WorkerTimeoutSeconds");
    assert!(times.seconds("VisibilityTimeoutSeconds") >= six_runs + times.seconds("TrackingBatchSeconds"));
}

/// P79: what a carrier pushes is in the ERP within half a minute: it waits for others once when it comes and once when it is told, is
/// collected in between, and ten seconds are left for the work. The longest that may be configured leaves them too.
#[test]
fn a_push_waits_for_others_and_is_told_within_half_a_minute() {
    let template = template();
    let number = |name: &str, what: &str| template["Parameters"][name][what].as_u64().unwrap();
    for what in ["Default", "MaxValue"] {
        let waits = 2 * number("TrackingBatchSeconds", what) + number("TellAfterSeconds", "Default");
        assert!(waits + 9 <= 30, "{waits} s of waiting");
    }
    let window = |name: &str| {
        let function = &template["Resources"][name];
        let (_, event) = function["Properties"]["Events"]
            .as_object()
            .unwrap()
            .iter()
            .next()
            .unwrap();
        event["Properties"]["MaximumBatchingWindowInSeconds"].clone()
    };
    assert_eq!(window("TrackingWorker"), json!({ "Ref": "TrackingBatchSeconds" }));
    for at_once in ["Worker", "StockWorker"] {
        assert!(
            window(at_once).is_null(),
            "{at_once}: an order does not wait for others"
        );
    }
}

/// Whoever waits for vendors at the end of a queue is given as much memory as is configured, and no less than Lambda gives.
#[test]
fn workers_of_queues_share_one_setting_of_memory() {
    let template = template();
    for (name, function) in functions(&template) {
        let of_a_queue = triggers(&function, "SQS").count() > 0;
        let configured = function["Properties"]["MemorySize"] == json!({ "Ref": "WorkerMemory" });
        assert_eq!(configured, of_a_queue, "{name}");
    }
    let memory = &template["Parameters"]["WorkerMemory"];
    assert_eq!((&memory["Default"], &memory["MinValue"]), (&json!(256), &json!(256)));
}

#[test]
fn the_short_times_hold_what_they_must_and_are_parameters() {
    let template = template();
    for (name, _) in SHORT_TIMES {
        assert!(template["Parameters"][name].is_object(), "{name} is no parameter");
    }
    let short = |name: &str| {
        let time = SHORT_TIMES.iter().find(|(time, _)| *time == name);
        time.unwrap_or_else(|| panic!("{name} is not shortened")).1.to_owned()
    };
    Times(&short).hold();
}

// ---- versions ------------------------------------------------------------------------------------------------------

/// A parameter that changes makes a version too, and whatever calls a function calls the version in force: else a new one would be
/// in force at once for some callers, and never for others.
#[test]
fn whatever_calls_a_function_calls_the_version_in_force() {
    let template = template();
    let globals = &template["Globals"]["Function"];
    assert_eq!(globals["AutoPublishAlias"], "live");
    for (name, function) in functions(&template) {
        assert_eq!(function["Properties"]["AutoPublishAliasAllProperties"], true, "{name}");
        let own = &function["Properties"]["AutoPublishAlias"];
        assert!(own.is_null(), "{name}: one alias for all");
    }
    let mut called = Vec::new();
    for (name, integration) in resources(&template, "AWS::ApiGatewayV2::Integration") {
        called.push((name.clone(), integration["Properties"]["IntegrationUri"].clone()));
        let first = integration["DependsOn"].as_str().unwrap_or_default();
        assert_eq!(
            template["Resources"][first]["Properties"]["FunctionName"], integration["Properties"]["IntegrationUri"],
            "{name}: the permission is there before it is needed"
        );
    }
    for (name, permission) in resources(&template, "AWS::Lambda::Permission") {
        called.push((name, permission["Properties"]["FunctionName"].clone()));
    }
    let outputs = template["Outputs"].as_object().unwrap().iter();
    let of_functions = outputs.filter(|(name, _)| name.ends_with("Function") || name.ends_with("FunctionArn"));
    called.extend(of_functions.map(|(name, output)| (name.clone(), output["Value"].clone())));
    assert_eq!(called.len(), 3 + 3 + FUNCTIONS.len() + 1);
    for (name, target) in called {
        let alias = target["Ref"].as_str().is_some_and(|target| target.ends_with(".Alias"));
        assert!(alias, "{name}: {target}");
    }
    let scheduler = &template["Resources"]["SchedulerRole"]["Properties"]["Policies"][0]["PolicyDocument"];
    let invoked = &scheduler["Statement"][0]["Resource"];
    for (name, function) in functions(&template) {
        let scheduled = triggers(&function, "ScheduleV2").count() > 0 || name == "Poller";
        let may = invoked.as_array().unwrap().contains(&in_force(&name));
        assert_eq!(may, scheduled, "{name}");
    }
}

/// The parameters that a value names.
fn named_parameters(template: &Value, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => {
            let name = entries.get("Ref").and_then(Value::as_str);
            found.extend(
                name.filter(|name| template["Parameters"][*name].is_object())
                    .map(str::to_owned),
            );
            let text = entries.get("Fn::Sub").and_then(Value::as_str).unwrap_or_default();
            let parts = text.split("${").skip(1).filter_map(|part| part.split('}').next());
            found.extend(
                parts
                    .filter(|name| template["Parameters"][*name].is_object())
                    .map(str::to_owned),
            );
            entries
                .values()
                .for_each(|value| named_parameters(template, value, found));
        }
        Value::Array(all) => all.iter().for_each(|value| named_parameters(template, value, found)),
        _ => {}
    }
}

/// A parameter that changes makes a version of exactly those functions that are given it: of one that is given it and gets none the
/// alias would go on with what was, and of one that is not given it Lambda would publish none, so that the deployment failed.
#[test]
fn a_parameter_that_changes_makes_a_version_of_whatever_is_given_it() {
    let template = template();
    let globals = &template["Globals"]["Function"];
    for (name, function) in functions(&template) {
        let own = function["Properties"].as_object().unwrap();
        let beside = [
            "AutoPublishAliasAllProperties",
            "DeploymentPreference",
            "EventInvokeConfig",
            "Events",
            "VersionDescription",
        ];
        let mut given = BTreeSet::new();
        for (property, value) in own.iter().filter(|(property, _)| !beside.contains(&property.as_str())) {
            named_parameters(&template, value, &mut given);
            assert!(property != "Timeout" || value.is_u64(), "{name}");
        }
        for (property, value) in globals.as_object().unwrap() {
            // The environments are put together; of everything else the function's own is taken.
            if property == "Environment" || !own.contains_key(property) {
                named_parameters(&template, value, &mut given);
            }
        }
        let mut described = BTreeSet::new();
        named_parameters(&template, &own["VersionDescription"], &mut described);
        assert_eq!(described, given, "{name}");
        assert!(described.contains("LogLevel"), "{name}");
    }
}

/// Where messages or requests come in, a version takes over in steps, and its own alarm puts the old one back. What runs once a
/// minute is too seldom for that.
#[test]
fn a_version_that_fails_is_put_back_by_its_alarm() {
    let template = template();
    let rollouts: Vec<&str> = template["Parameters"]["Rollout"]["AllowedValues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_str().unwrap())
        .collect();
    let gradual = &template["Mappings"]["Rollouts"];
    assert_eq!(gradual.as_object().unwrap().len(), rollouts.len());
    for rollout in &rollouts {
        let steps = if *rollout == "AllAtOnce" { "false" } else { "true" };
        assert_eq!(gradual[rollout]["Gradual"], steps, "{rollout}");
    }
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    for (name, function) in functions(&template) {
        let preference = &function["Properties"]["DeploymentPreference"];
        let comes_in = is_asked(&template, &name) || triggers(&function, "SQS").count() > 0;
        assert_eq!(preference.is_object(), comes_in, "{name}");
        if !comes_in {
            continue;
        }
        assert_eq!(preference["Type"], json!({ "Ref": "Rollout" }), "{name}");
        let wanted = json!({ "Fn::FindInMap": ["Rollouts", { "Ref": "Rollout" }, "Gradual"] });
        assert_eq!(preference["Enabled"], wanted, "{name}");
        let ringing = preference["Alarms"].as_array().unwrap();
        assert!(ringing.len() >= 2, "{name}: its own errors, and what comes of them");
        assert_eq!(ringing[0]["Ref"], format!("{name}ErrorsAlarm"), "{name}");
        for alarm in ringing {
            assert!(
                alarms.iter().any(|(known, _)| alarm["Ref"] == *known),
                "{name}: {alarm}"
            );
        }
    }
    let configured = fs::read_to_string(Place::kept().root().join("samconfig.toml")).unwrap();
    let prod = configured.split("[prod.deploy.parameters]").nth(1).unwrap();
    let steps = rollouts.iter().filter(|rollout| **rollout != "AllAtOnce");
    assert!(
        steps
            .into_iter()
            .any(|rollout| prod.contains(&format!("Rollout={rollout}"))),
        "production takes a new version in steps"
    );
}

/// Each function rings for itself, the version in force, and its refused runs.
#[test]
fn every_function_rings_when_it_fails_and_when_it_is_refused() {
    let template = template();
    for (name, _) in functions(&template) {
        let errors = &template["Resources"][format!("{name}ErrorsAlarm")]["Properties"];
        assert_eq!(
            (&errors["Namespace"], &errors["MetricName"]),
            (&json!("AWS/Lambda"), &json!("Errors")),
            "{name}"
        );
        let wanted = json!([
            { "Name": "FunctionName", "Value": { "Ref": name } },
            { "Name": "Resource", "Value": { "Fn::Sub": format!("${{{name}}}:live") } }
        ]);
        assert_eq!(errors["Dimensions"], wanted, "{name}");
        let refused = &template["Resources"][format!("{name}ThrottlesAlarm")]["Properties"];
        assert_eq!(refused["MetricName"], "Throttles", "{name}");
        assert_eq!(refused["Dimensions"][0]["Value"]["Ref"], name);
    }
}

/// A trace begins wherever something comes in, and every role may tell of it.
#[test]
fn every_function_is_traced() {
    let template = template();
    assert_eq!(template["Globals"]["Function"]["Tracing"], "Active");
    for (name, function) in functions(&template) {
        let role = function["Properties"]["Role"]["Fn::GetAtt"][0].as_str().unwrap();
        let role = template["Resources"][role].to_string();
        assert!(role.contains("xray:PutTraceSegments"), "{name}");
    }
}

/// `sam build` takes each function's binary from where the Makefile puts it: for every function of the template, and no other.
#[test]
fn the_makefile_builds_what_the_template_names() {
    let makefile = fs::read_to_string(Place::kept().root().join("infra/Makefile")).unwrap();
    let listed = makefile
        .split("FUNCTIONS :=")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let listed: BTreeSet<String> = listed
        .split_whitespace()
        .filter(|word| *word != "\\")
        .map(str::to_owned)
        .collect();
    let named: BTreeSet<String> = functions(&template())
        .iter()
        .map(|(name, function)| {
            let metadata = &function["Metadata"];
            assert_eq!(metadata["BuildMethod"], "makefile", "{name}");
            assert_eq!(
                (&metadata["ContextPath"], &metadata["WorkingDirectory"]),
                (&json!("."), &json!("..")),
                "{name}"
            );
            format!("{name}:{}", metadata["BuildProperties"]["Binary"].as_str().unwrap())
        })
        .collect();
    assert_eq!(listed, named);
}

// ---- what must outlive a deployment --------------------------------------------------------------------------------

/// What holds state is known by its logical id and by what CloudFormation makes it anew for: neither changes from one release to the
/// next, and what cannot be had again outlives the stack. `kept.json` is what has been deployed: nothing in it is ever changed.
#[test]
fn what_holds_state_is_never_made_anew() {
    let template = template();
    let known = fs::read_to_string(Place::kept().own("tests/kept.json")).unwrap();
    let known: Value = serde_json::from_str(&known).unwrap();
    let kinds = [
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::SecretsManager::Secret",
        "AWS::Scheduler::ScheduleGroup",
        "AWS::ApiGatewayV2::Api",
        "AWS::SNS::Topic",
    ];
    let stateful: BTreeSet<String> = kinds
        .into_iter()
        .flat_map(|kind| resources(&template, kind))
        .map(|(name, _)| name)
        .collect();
    let known = known.as_object().unwrap();
    assert_eq!(
        stateful,
        known.keys().cloned().collect(),
        "a new one is added to kept.json, none is taken out"
    );
    for (name, wanted) in known {
        let resource = &template["Resources"][name];
        assert_eq!(resource["Type"], wanted["Type"], "{name}");
        for (property, value) in wanted["MadeAnewFor"].as_object().unwrap() {
            let now = &resource["Properties"][property];
            // An index may come beside those that are there.
            let same = match value {
                Value::Array(all) => all
                    .iter()
                    .all(|one| now.as_array().is_some_and(|now| now.contains(one))),
                one => now == one,
            };
            assert!(same, "{name}: {property} is {now}");
        }
        if wanted["Kept"] == true {
            let policies = (&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]);
            assert_eq!(policies, (&json!("Retain"), &json!("Retain")), "{name}");
        }
    }
    assert_eq!(
        template["Resources"]["Table"]["Properties"]["DeletionProtectionEnabled"],
        true
    );
}

// ---- the dashboard -------------------------------------------------------------------------------------------------

/// The dashboard's body with everything that CloudFormation puts in replaced by its name; and those names.
fn dashboard(template: &Value) -> (Value, BTreeSet<String>) {
    let sub = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"];
    let text = sub[0].as_str().unwrap();
    let mut names = BTreeSet::new();
    let mut plain = String::new();
    for (at, part) in text.split("${").enumerate() {
        match part.split_once('}') {
            Some((name, rest)) if at > 0 => {
                names.insert(name.to_owned());
                plain.push_str(name);
                plain.push_str(rest);
            }
            _ => plain.push_str(part),
        }
    }
    let own: BTreeSet<String> = sub[1].as_object().unwrap().keys().cloned().collect();
    let named = names.difference(&own).cloned().collect();
    (serde_json::from_str(&plain).expect("the dashboard is JSON"), named)
}

fn widgets(body: &Value) -> impl Iterator<Item = &Value> {
    body["widgets"].as_array().unwrap().iter()
}

/// What a row of a widget shows: namespace and metric; a row may also be an expression.
fn shown(widget: &Value) -> Vec<(String, String)> {
    let rows = widget["properties"]["metrics"].as_array().into_iter().flatten();
    let mut shown = Vec::new();
    for row in rows {
        match (row[0].as_str(), row[0]["expression"].as_str()) {
            (Some(namespace), _) => shown.push((namespace.to_owned(), row[1].as_str().unwrap().to_owned())),
            (None, Some(expression)) => {
                let searched = expression.split("MetricName=\"").nth(1);
                let searched = searched.map(|rest| rest.split('"').next().unwrap().to_owned());
                shown.extend(searched.map(|metric| ("Waybill/AWS::StackName".to_owned(), metric)));
            }
            _ => panic!("{row} is neither a metric nor an expression"),
        }
    }
    shown
}

/// What AWS counts by itself, as far as we show it.
const COUNTED_BY_AWS: [(&str, &[&str]); 6] = [
    ("AWS/ApiGateway", &["Count"]),
    (
        "AWS/DynamoDB",
        &["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"],
    ),
    ("AWS/Lambda", &["Duration", "Errors", "Invocations", "Throttles"]),
    ("AWS/Logs", &["IncomingBytes"]),
    (
        "AWS/SQS",
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfEmptyReceives",
            "NumberOfMessagesDeleted",
            "NumberOfMessagesReceived",
            "NumberOfMessagesSent",
        ],
    ),
    ("Waybill/AWS::StackName", &[]),
];

/// A curve of a metric that nobody counts is empty for ever, and looks like good news.
#[test]
fn whatever_the_dashboard_shows_is_counted() {
    let template = template();
    let (body, _) = dashboard(&template);
    let code = code();
    let mut own = BTreeSet::new();
    for widget in widgets(&body) {
        for (namespace, metric) in shown(widget) {
            let known = COUNTED_BY_AWS.iter().find(|(known, _)| *known == namespace);
            let (_, by_aws) = known.unwrap_or_else(|| panic!("{namespace} is nobody's"));
            let counted = by_aws.contains(&metric.as_str()) || code.contains(&format!("\"{metric}\""));
            assert!(counted, "{namespace}: {metric} is counted nowhere");
            if by_aws.is_empty() {
                own.insert(metric);
            } else {
                assert!(by_aws.contains(&metric.as_str()), "{namespace} has no {metric}");
            }
        }
    }
    for wanted in [
        "OrdersFound",
        "ShipmentsMade",
        "JobsHeld",
        "SecondsToTracking",
        "Calls",
        "CallErrors",
        "CallsThrottled",
        "TokenBudgetUsed",
        "PushesPromised",
        "TrackingGapSeconds",
        "ReconciliationGaps",
    ] {
        assert!(own.contains(wanted), "{wanted} is not shown");
    }
}

/// The dashboard names only what the template has, shows every alarm, and no widget covers another.
#[test]
fn the_dashboard_is_whole() {
    let template = template();
    let (body, named) = dashboard(&template);
    for name in named {
        let resource = name.split('.').next().unwrap();
        assert!(
            name.starts_with("AWS::")
                || template["Resources"][resource].is_object()
                || template["Parameters"][name.as_str()].is_object(),
            "{name} is neither a resource nor a parameter"
        );
    }
    let mut taken = BTreeSet::new();
    for widget in widgets(&body) {
        let place = |name: &str| widget[name].as_u64().unwrap();
        assert!(place("x") + place("width") <= 24, "{widget}");
        for x in place("x")..place("x") + place("width") {
            for y in place("y")..place("y") + place("height") {
                assert!(taken.insert((x, y)), "{} covers another", widget["properties"]["title"]);
            }
        }
        let ids: Vec<&str> = widget["properties"]["metrics"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|row| row.as_array().unwrap().last().unwrap()["id"].as_str())
            .collect();
        let different: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(different.len(), ids.len(), "{ids:?}");
    }
    let alarms: BTreeSet<String> = widgets(&body)
        .filter_map(|widget| widget["properties"]["alarms"].as_array())
        .flatten()
        .map(|alarm| alarm.as_str().unwrap().trim_end_matches(".Arn").to_owned())
        .collect();
    let all = resources(&template, "AWS::CloudWatch::Alarm").into_iter();
    assert_eq!(alarms, all.map(|(name, _)| name).collect());
}

/// The dashboard reckons with the prices that `waybill cost` does.
#[test]
fn the_estimate_knows_the_prices() {
    let prices = fs::read_to_string(Place::kept().root().join("cli/src/cost/prices.json")).unwrap();
    let prices: Value = serde_json::from_str(&prices).unwrap();
    let template = template();
    let sub = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"];
    let by_processor = &sub[1]["GigabyteSecond"]["Fn::If"];
    assert_eq!(by_processor[0], "IsArm");
    let number = |text: &Value| text.as_str().unwrap().parse::<f64>().unwrap();
    let close = |one: f64, other: f64| (one - other).abs() < 1e-12;
    assert!(close(
        number(&by_processor[1]),
        prices["lambda_gb_second"].as_f64().unwrap()
    ));
    let body = sub[0].as_str().unwrap();
    let price = |expression: &str| -> f64 {
        let rest = body.split(expression).nth(1).unwrap_or_else(|| panic!("{expression}"));
        let digits: String = rest
            .chars()
            .take_while(|one| one.is_ascii_digit() || *one == '.')
            .collect();
        digits.parse().unwrap()
    };
    for (expression, name, of) in [
        (r#"SUM(FILL(METRICS(\"runs\"),0))*"#, "lambda_requests_million", 1e6),
        (r#"SUM(FILL(METRICS(\"written\"),0))*"#, "write_units_million", 1e6),
        (r#"SUM(FILL(METRICS(\"read\"),0))*"#, "read_units_million", 1e6),
        (r#"SUM(FILL(METRICS(\"message\"),0)))*"#, "sqs_requests_million", 1e6),
        (r#"SUM(FILL(METRICS(\"bytes\"),0))*"#, "logs_gb", 1.0),
        ("FILL(asked,0)*", "http_api_requests_million", 1e6),
        ("FILL(shipped,0)*", "s3_puts_thousand", 1e3),
    ] {
        let published = prices[name].as_f64().unwrap() / of;
        assert!(
            close(price(expression), published),
            "{name}: {expression} {}",
            price(expression)
        );
    }
}

/// The estimate counts every function with its own memory, every index, every queue and every log.
#[test]
fn the_estimate_leaves_nothing_out() {
    let template = template();
    let (body, _) = dashboard(&template);
    let estimate = widgets(&body).find(|widget| {
        let title = widget["properties"]["title"].as_str();
        title.is_some_and(|title| title.contains("costs"))
    });
    let rows = estimate.unwrap()["properties"]["metrics"].as_array().unwrap();
    let row = |metric: &str, of: &str| {
        rows.iter()
            .find(|row| row[1] == metric && row.to_string().contains(&format!("\"{of}\"")))
    };
    let usual = template["Globals"]["Function"]["MemorySize"].as_u64().unwrap();
    for (name, function) in functions(&template) {
        assert!(row("Invocations", &name).is_some(), "{name}");
        let time = row("Duration", &name).unwrap_or_else(|| panic!("{name}"));
        let id = time.as_array().unwrap().last().unwrap()["id"].as_str().unwrap();
        let memory = &function["Properties"]["MemorySize"];
        if id.starts_with("waiting") {
            assert_eq!(*memory, json!({ "Ref": "WorkerMemory" }), "{name}");
        } else {
            assert_eq!(memory.as_u64().unwrap_or(usual), 256, "{name}");
        }
    }
    for (name, _) in resources(&template, "AWS::Logs::LogGroup") {
        assert!(row("IncomingBytes", &name).is_some(), "{name}");
    }
    let indexes = &template["Resources"]["Table"]["Properties"]["GlobalSecondaryIndexes"];
    for index in indexes.as_array().unwrap() {
        let name = index["IndexName"].as_str().unwrap();
        assert!(row("ConsumedWriteCapacityUnits", name).is_some(), "{name}");
    }
    for (name, queue) in resources(&template, "AWS::SQS::Queue") {
        let works = queue["Properties"]["RedrivePolicy"].is_object();
        let counted = row("NumberOfEmptyReceives", &format!("{name}.QueueName")).is_some();
        assert_eq!(counted, works, "{name}");
    }
}
