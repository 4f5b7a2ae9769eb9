//! Scenarios made from bytes: policies, a request and its context, biased towards what engines get wrong.
//!
//! Shared by the fuzz target and the differential test. Every byte is a choice, so that what shrinks the bytes shrinks
//! the scenario.

use std::sync::LazyLock;

use iamd_policy::{
    Action, Attached, Context, Decision, Document, Effect, Engine, Evaluator, Index, Policies,
    PolicySet, PolicySetBuilder, Principal, PrincipalKind, PrincipalNumber, Question, Reference,
    Request, Resource, ResourcePolicyKind, SetNumber, Slot, Source, Verdict, decide, decide_each,
};

/// Bytes that are read as choices; zeros follow the last one.
pub(crate) struct Choices<'b>(pub(crate) &'b [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

const ACTIONS: &[&str] = &[
    "*",
    "s3:GetObject",
    "s3:*",
    "s3:Get*",
    "S3:getObject",
    "s3:GetObjectAcl*",
    "s3:GetObjec*",
    "s3:*Object",
    "s3:G?tObject",
    "*:GetObject",
    "s3*",
    "*:*",
    "?3:Get*",
    "iam:*",
    "iam:GetUser",
    "a",
    "",
    ":",
    ":*",
    "s3:",
    "s3:a*a*b",
    "kms:Decrypt",
    "sts:AssumeRole",
    "sts:Assume*",
    "s3:GetObjectAcl",
    "**",
    "s3:G\u{e9}t*",
    "s3:g*t*o*t",
    "*t",
    "s3:ge*:*",
    "iam:Get*er",
    "\u{212a}ms:*",
];
const ASKED: &[&str] = &[
    "s3:GetObject",
    "s3:getobject",
    "s3:GetObjectAcl",
    "s3:PutObject",
    "iam:GetUser",
    "iam:getuser",
    "kms:Decrypt",
    "sts:AssumeRole",
    "a",
    "",
    ":",
    "s3:",
    "s3:aaab",
    "s3:G\u{e9}tX",
    "s3:get:x",
    "s3",
    "kms:x",
];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::${k:a}/*",
    "arn:aws:s3",
    "arn:*",
    "a:*",
    "arn:aws:s3:::b/k",
    "arn:aws:s3:::*/k",
    "arn:aws:s3:::b/${k:a}",
    "arn:aws:s3:::b/${k:c, 'k'}",
    "arn:aws:s3:::b/${k:c, '*'}",
    "arn:aws:s3:::?/k",
    "*${k:a}k",
    "*${k:a}*${k:b}?",
    "${",
    "${k:a}",
    "arn:aws:s3:::b/${*}",
    "arn:aws:${k:a}:::b/k",
    "arn:aws:s3:::b/${k:a}*",
    "*?${k:b}*",
    "arn:aws:iam::*:user/*",
    "",
    "a*a*a*b",
    "arn:${k:a}",
    "arn:aws:s3:::b*b*k",
    "b",
    "arn:aws:s3::${aws:PrincipalAccount}:b/k",
    "${k:b}${k:a}${k:b}*",
    "?*",
    "*${$}*",
    "arn:aws:s3:::${k:a}${k:a}${k:a}${k:a}${k:b}*",
    "arn:aws:iam::111111111111:role/r",
    "*\u{e9}*",
    "arn:aws:s3:::b/*${k:a}${k:b}*",
];
const ASKED_RESOURCES: &[&str] = &[
    "arn:aws:s3:::b/k",
    "*",
    "arn:aws:s3:::b/a",
    "arn:aws:s3:::a/k",
    "arn:aws:s3:::b/*",
    "arn:aws:iam::111111111111:user/alice",
    "arn:aws:iam::111111111111:role/r",
    "aaab",
    "",
    "arn:aws:s3:::b/ab",
    "arn:aws:s3:::b/\u{e9}",
    "arn:aws:s3:::b/abab/aab$",
    "a:b",
    "arn:aws:s3",
    "arn:aws:s3:::${k:a}/k",
    "arn:aws:s3:::aaaab",
    "arn:aws:s3::111111111111:b/k",
];
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
    "Odd",
    "stringequals",
];
const OPERANDS: &[&str] = &[
    "a",
    "b",
    "*",
    "A",
    "\u{c9}",
    "a*",
    "?",
    "5",
    "5.0",
    "1e1",
    "-0",
    "x5",
    "true",
    "FALSE",
    "2026-01-02",
    "2026-01-02T00:00:00Z",
    "1767312000",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::1",
    "10.1.1.1",
    "300.0.0.1",
    "YQ==",
    "YQ=",
    "arn:aws:s3:::*",
    "arn:aws:*",
    "arn:*:s3:*:*:b",
    "${k:a}",
    "${k:b}*",
    "*${k:a}*",
    "${k:c, 'a'}",
    "${k:c}",
    "${",
    "${*}",
    "arn:aws:s3:::${k:a}",
    "${k:a}:aws:s3:::x",
    "arn:${k:b}",
    "",
    "**",
    "*${k:b}",
    "arn:aws:s3:::x",
    "arn:aws:s3:::x:y",
    "arn:aws:s3:*x",
    "*:*:*:*:*:*",
    "\u{130}",
    "i\u{307}",
    "9223372036854775807",
    "ARN:aws:s3:::x",
    "arn:aws:${k:a}*:::x",
    "${k:b}${k:a}",
    "?${k:a}?",
];
const VALUES: &[&str] = &[
    "a",
    "b",
    "ab",
    "A",
    "\u{e9}",
    "*",
    "",
    "5",
    "5.00",
    "10",
    "-0.0",
    "true",
    "False",
    "2026-01-02",
    "2026-01-02T00:00:00Z",
    "1767312000",
    "10.1.1.1",
    "2001:db8::1",
    "::1",
    "YQ==",
    "YR==",
    "arn:aws:s3:::x",
    "arn:aws:s3:::x:y",
    "arn:aws:s3:::a",
    "arn:aws:s3",
    "s3:::b",
    "${k:a}",
    "aab",
    "\u{130}",
    "i\u{307}",
    "9223372036854775808",
    "aws:s3:::x",
    "arn",
    "arn:aws:s3:::",
];
const KEYS: &[&str] = &["k:a", "K:B", "k:c", "aws:PrincipalAccount", "k:d/E"];
const CONTEXT_KEYS: &[&str] = &["k:a", "k:b", "k:c", "K:A", "aws:PrincipalAccount", "k:D/e"];
const PRINCIPALS: &[&str] = &[
    r#""*""#,
    r#"{"AWS":"*"}"#,
    r#"{"AWS":"111111111111"}"#,
    r#"{"AWS":"arn:aws:iam::111111111111:root"}"#,
    r#"{"AWS":"arn:aws:iam::111111111111:user/alice"}"#,
    r#"{"AWS":"arn:aws:iam::111111111111:role/r"}"#,
    r#"{"AWS":"arn:aws:sts::111111111111:assumed-role/r/s"}"#,
    r#"{"AWS":"arn:aws:sts::111111111111:federated-user/f"}"#,
    r#"{"Service":"ec2.amazonaws.com"}"#,
    r#"{"Service":"*"}"#,
    r#"{"Federated":"accounts.google.com"}"#,
    r#"{"CanonicalUser":"x"}"#,
    r#"{"AWS":["arn:aws:iam::111111111111:role/r","arn:aws:iam::111111111111:root","arn:aws:sts::111111111111:assumed-role/r/s"]}"#,
    r#"{"AWS":["arn:aws:iam::111111111111:user/alice","111111111111","arn:aws:sts::111111111111:federated-user/f"]}"#,
    r#"{"AWS":[]}"#,
    r#"{"AWS":"AIDAALICE"}"#,
];

fn list(choices: &mut Choices<'_>, all: &[&str], fewest: usize, most: usize) -> String {
    let count = fewest + choices.below(most - fewest + 1);
    let quoted: Vec<String> =
        (0..count).map(|_| serde_json::to_string(choices.of(all)).unwrap()).collect();
    format!("[{}]", quoted.join(","))
}

fn statement(choices: &mut Choices<'_>, names_principals: bool) -> String {
    let mut members =
        vec![format!(r#""Effect":"{}""#, choices.of(&["Allow", "Allow", "Allow", "Deny"]))];
    if names_principals != choices.one_in(20) {
        let not = if choices.one_in(8) { "Not" } else { "" };
        members.push(format!(r#""{not}Principal":{}"#, choices.of(PRINCIPALS)));
    }
    for (element, all) in [("Action", ACTIONS), ("Resource", RESOURCES)] {
        if !choices.one_in(24) {
            let not = if choices.one_in(6) { "Not" } else { "" };
            let fewest = usize::from(!choices.one_in(24));
            members.push(format!(r#""{not}{element}":{}"#, list(choices, all, fewest, 3)));
        }
    }
    let conditions: Vec<String> = (0..choices.of(&[0, 0, 1, 1, 2]))
        .map(|index| {
            let set = choices.of(&["", "", "", "ForAllValues:", "ForAnyValue:", "ForNoValue:"]);
            let suffix = choices.of(&["", "", "IfExists"]);
            // The same operator twice would be a repeated member; a set prefix makes it another.
            let operator = OPERATORS[(choices.below(OPERATORS.len()) + index) % OPERATORS.len()];
            (format!("{set}{operator}{suffix}"), choices.of(KEYS), list(choices, OPERANDS, 0, 3))
        })
        .fold(Vec::<(String, String)>::new(), |mut all, (operator, key, values)| {
            if all.iter().all(|(it, _)| *it != operator) {
                all.push((operator, format!(r#"{{"{key}":{values}}}"#)));
            }
            all
        })
        .into_iter()
        .map(|(operator, block)| format!(r#""{operator}":{block}"#))
        .collect();
    if !conditions.is_empty() {
        members.push(format!(r#""Condition":{{{}}}"#, conditions.join(",")));
    }
    format!("{{{}}}", members.join(","))
}

fn document(choices: &mut Choices<'_>, names_principals: bool) -> Document {
    let version = choices.of(&[r#""Version":"2012-10-17","#, r#""Version":"2012-10-17","#, ""]);
    let statements: Vec<String> =
        (0..1 + choices.below(4)).map(|_| statement(choices, names_principals)).collect();
    let text = format!(r#"{{{version}"Statement":[{}]}}"#, statements.join(","));
    Document::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn documents(choices: &mut Choices<'_>, most: usize, names_principals: bool) -> Vec<Document> {
    (0..choices.below(most + 1)).map(|_| document(choices, names_principals)).collect()
}

fn context(choices: &mut Choices<'_>) -> Context {
    let mut context = Context::new();
    for _ in 0..choices.below(5) {
        let key = choices.of(CONTEXT_KEYS);
        match choices.below(8) {
            0 => context.set_many(key, Vec::<String>::new()),
            1 => context.set_many(key, [choices.of(VALUES)]),
            2 => context.set_many(key, [choices.of(VALUES), choices.of(VALUES)]),
            3 if choices.one_in(16) => context.set(key, "a".repeat(140_000)),
            _ => context.set(key, choices.of(VALUES)),
        }
    }
    context
}

fn principal(choices: &mut Choices<'_>) -> Principal<'static> {
    use PrincipalKind::{
        Anonymous, FederatedOidc, FederatedSaml, FederatedUser, RoleSession, Root, Service, User,
    };
    let (kind, arn) = choices.of(&[
        (User, "arn:aws:iam::111111111111:user/alice"),
        (User, "arn:aws:iam::111111111111:user/alice"),
        (RoleSession, "arn:aws:sts::111111111111:assumed-role/r/s"),
        (FederatedUser, "arn:aws:sts::111111111111:federated-user/f"),
        (Root, "arn:aws:iam::111111111111:root"),
        (Service, "ec2.amazonaws.com"),
        (Anonymous, "*"),
        (FederatedOidc, "accounts.google.com"),
        (FederatedSaml, "accounts.google.com"),
    ]);
    let account = if kind.has_account() { "111111111111" } else { "" };
    Principal {
        role_arn: (kind == RoleSession).then_some("arn:aws:iam::111111111111:role/r"),
        user_arn: (kind == FederatedUser).then_some("arn:aws:iam::111111111111:user/alice"),
        unique_id: choices.of(&[None, Some("AIDAALICE")]),
        management_account: choices.one_in(8),
        service_linked: kind == RoleSession && choices.one_in(4),
        service: (kind == Service).then_some(arn),
        provider: matches!(kind, FederatedOidc | FederatedSaml).then_some(arn),
        ..Principal::new(kind, arn, account)
    }
}

/// The most requests to one scenario's policies.
const REQUESTS: usize = 24;

/// Decides one scenario with both engines and panics where they differ. Tells each request's effect.
pub(crate) fn compare(bytes: &[u8], mut tell: impl FnMut(Effect)) {
    let choices = &mut Choices(bytes);
    let resource_kind = choices.of(&[
        ResourcePolicyKind::Resource,
        ResourcePolicyKind::Resource,
        ResourcePolicyKind::RoleTrust,
        ResourcePolicyKind::KeyPolicy,
    ]);
    let identity = documents(choices, 3, false);
    let of_resource = choices.one_in(2).then(|| document(choices, true));
    let boundary = choices.one_in(4).then(|| document(choices, false));
    let session = choices.one_in(4).then(|| documents(choices, 2, false));
    let mut levels = |names| -> Option<Vec<Vec<Document>>> {
        choices
            .one_in(4)
            .then(|| (0..choices.below(3)).map(|_| documents(choices, 2, names)).collect())
    };
    let (scps, rcps) = (levels(false), levels(true));

    let attach = |document| Attached { source: Source { name: "p", arn: None }, document };
    let identity_list: Vec<Attached<'_>> = identity.iter().map(attach).collect();
    let session_list: Option<Vec<Attached<'_>>> =
        session.as_ref().map(|it| it.iter().map(attach).collect());
    let scp_lists: Option<Vec<Vec<Attached<'_>>>> = scps
        .as_ref()
        .map(|levels| levels.iter().map(|it| it.iter().map(attach).collect()).collect());
    let rcp_lists: Option<Vec<Vec<Attached<'_>>>> = rcps
        .as_ref()
        .map(|levels| levels.iter().map(|it| it.iter().map(attach).collect()).collect());
    let policies = Policies {
        identity: &identity_list,
        resource: of_resource.as_ref().map(attach),
        resource_kind,
        boundary: boundary.as_ref().map(attach),
        session: session_list.as_deref(),
        scps: scp_lists.as_deref(),
        rcps: rcp_lists.as_deref(),
    };
    let compiled = Forms::of(&policies);
    for number in 0..REQUESTS {
        let context = context(choices);
        let request = Request {
            principal: principal(choices),
            action: &Action::new(choices.of(ASKED)),
            resource: Resource {
                arn: choices.of(ASKED_RESOURCES),
                account: choices.of(&[None, None, Some("111111111111"), Some("222222222222")]),
                management_account: choices.one_in(8),
            },
            context: &context,
        };
        tell(compiled.compare(&request, &policies, number == 0));
        if choices.0.is_empty() {
            break;
        }
    }
}

/// The same policies, put together in every way.
struct Forms {
    splits: [Vec<PolicySet>; 3],
    indexes: [(Index, PrincipalNumber); 2],
}

/// Indexes of which nobody has a set, with few documents and with many.
static OF_OTHERS: LazyLock<[Index; 2]> =
    LazyLock::new(|| [&["*", "s3:GetObject"], ACTIONS].map(of_others));

/// For each of these actions, in every slot, two documents that allow it and two that deny it.
fn of_others(actions: &[&str]) -> Index {
    let mut index = Index::default();
    for action in actions.iter().chain(actions) {
        for (effect, slot) in ["Allow", "Deny"].into_iter().flat_map(|effect| {
            [
                Slot::ResourceControl(0),
                Slot::ServiceControl(0),
                Slot::Resource(ResourcePolicyKind::Resource),
                Slot::Identity,
                Slot::Boundary,
                Slot::Session,
            ]
            .map(|slot| (effect, slot))
        }) {
            let named = matches!(slot, Slot::ResourceControl(_) | Slot::Resource(_));
            let principal = if named { r#","Principal":"*""# } else { "" };
            let statement =
                format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"*"{principal}}}"#);
            let document = Document::parse(&format!(r#"{{"Statement":{statement}}}"#)).unwrap();
            let mut set = PolicySet::builder();
            set.add(slot, document.compiled());
            index.add_set(&set).unwrap();
        }
    }
    index
}

impl Forms {
    fn of(policies: &Policies<'_>) -> Self {
        let indexes = OF_OTHERS.each_ref().map(|others| {
            let mut index = others.clone();
            // A set that nobody has is replaced again and again.
            let other = index.add_set(&PolicySet::builder()).unwrap();
            let mut numbers: Vec<SetNumber> = Vec::new();
            for set in builders(policies, 2) {
                assert!(index.replace_set(other, &set));
                numbers.push(index.add_set(&set).unwrap());
            }
            let principal = index.add_principal(&numbers).unwrap();
            (index, principal)
        });
        Self { splits: [0, 1, 2].map(|split| sets(policies, split)), indexes }
    }

    /// Compares the answers; `whole` is whether also all the statements that they follow from.
    fn compare(&self, request: &Request<'_>, policies: &Policies<'_>, whole: bool) -> Effect {
        let wanted = Reference.decide(request, policies);
        let shown = || format!("{request:#?}\n{}", texts(policies));
        if whole {
            assert_eq!(Engine.decide(request, policies), wanted, "{}", shown());
        }
        let kind = policies.resource_kind;
        for sets in &self.splits {
            let sets: Vec<&PolicySet> = sets.iter().collect();
            assert_verdict(&decide(request, kind, &sets), &wanted, &shown);
        }
        let questions = self.indexes.each_ref().map(|(index, principal)| Question {
            index,
            principal: *principal,
            request,
            resource_kind: kind,
            more: &[],
        });
        let mut verdicts = Vec::new();
        decide_each(&questions, |it| verdicts.push(it));
        for ((index, principal), together) in self.indexes.iter().zip(verdicts) {
            let verdict = index.decide(*principal, request, kind, &[]);
            assert_eq!(verdict, together, "{}", shown());
            assert_verdict(&verdict.unwrap(), &wanted, &shown);
        }
        wanted.effect
    }
}

/// The policies in one set, in a set for each slot, or in a set for each document.
fn sets(policies: &Policies<'_>, split: usize) -> Vec<PolicySet> {
    builders(policies, split).into_iter().map(PolicySetBuilder::build).collect()
}

fn builders(policies: &Policies<'_>, split: usize) -> Vec<PolicySetBuilder> {
    let level = |index: usize| u8::try_from(index).unwrap();
    let mut slots: Vec<(Slot, Vec<Attached<'_>>)> =
        vec![(Slot::Identity, policies.identity.to_vec())];
    slots.extend(policies.resource.map(|it| (Slot::Resource(policies.resource_kind), vec![it])));
    slots.extend(policies.boundary.map(|it| (Slot::Boundary, vec![it])));
    slots.extend(
        policies.session.filter(|it| !it.is_empty()).map(|it| (Slot::Session, it.to_vec())),
    );
    let scps = policies.scps.unwrap_or_default().iter().enumerate();
    slots.extend(scps.map(|(index, it)| (Slot::ServiceControl(level(index)), it.clone())));
    let rcps = policies.rcps.unwrap_or_default().iter().enumerate();
    slots.extend(rcps.map(|(index, it)| (Slot::ResourceControl(level(index)), it.clone())));
    // Which sets come first makes no difference.
    let first = split % slots.len();
    slots.rotate_left(first);
    let mut builders = vec![PolicySet::builder()];
    for (slot, documents) in slots {
        if split > 0 {
            builders.push(PolicySet::builder());
        }
        builders.last_mut().unwrap().require(slot);
        for attached in documents {
            if split > 1 {
                builders.push(PolicySet::builder());
            }
            builders.last_mut().unwrap().add(slot, attached.document.compiled());
        }
    }
    builders
}

fn assert_verdict(verdict: &Verdict, wanted: &Decision<'_>, shown: &impl Fn() -> String) {
    assert_eq!(
        (verdict.effect, Some(verdict.decided_by)),
        (wanted.effect, wanted.decided_by),
        "{}",
        shown()
    );
    let deciding = wanted.matched.iter().filter(|it| it.kind == verdict.decided_by);
    let indexes: Vec<usize> = deciding.map(|it| it.index).collect();
    match verdict.statement {
        Some(place) => assert!(indexes.contains(&place.statement), "{verdict:?}\n{}", shown()),
        None => assert!(indexes.is_empty(), "{verdict:?} has no statement\n{}", shown()),
    }
}

fn texts(policies: &Policies<'_>) -> String {
    let text = |name: &str, list: &[Attached<'_>]| -> String {
        list.iter().map(|it| format!("{name}: {}\n", it.document.text())).collect()
    };
    let levels = |name: &str, levels: Option<&[Vec<Attached<'_>>]>| -> String {
        let levels = levels.unwrap_or_default().iter().enumerate();
        levels.map(|(index, it)| format!("{name} level {index}\n{}", text(name, it))).collect()
    };
    [
        text("identity", policies.identity),
        text("resource", policies.resource.as_slice()),
        text("boundary", policies.boundary.as_slice()),
        text("session", policies.session.unwrap_or_default()),
        levels("scp", policies.scps),
        levels("rcp", policies.rcps),
    ]
    .concat()
}
