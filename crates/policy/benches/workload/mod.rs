//! Seeded workloads: policies, the principals that have them, and their requests.
//!
//! Real action names of fifteen services. About 70 % of the requests are aimed at a statement of the principal, one in
//! eight of those at a Deny.

#![allow(dead_code, reason = "every benchmark and test uses a part of it")]

use std::collections::HashMap;
use std::sync::Arc;

use iamd_policy::{
    Action, Attached, Context, Document, Policies, PolicySet, Principal, PrincipalKind, Request,
    Resource, ResourcePolicyKind, Slot, Source, Verdict, decide,
};

use indexed::Indexed;

mod indexed;
pub(crate) mod large;

/// What a workload is made of.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    principals: usize,
    pub(crate) accounts: usize,
    policies: usize,
    /// How many groups there are, the most groups of a principal, and policies of a group and of a principal.
    existing_groups: usize,
    groups: usize,
    per_group: usize,
    own: usize,
    /// The fewest statements of a policy, and the most.
    statements: (usize, usize),
    conditions: bool,
    levels: usize,
    /// One principal in so many has a boundary; 0 is none.
    bounded: usize,
    hostile: bool,
}

const PLAIN: Shape = Shape {
    name: "simple",
    principals: 100,
    accounts: 1,
    policies: 40,
    existing_groups: 0,
    groups: 0,
    per_group: 0,
    own: 5,
    statements: (3, 14),
    conditions: false,
    levels: 0,
    bounded: 0,
    hostile: false,
};

const MEDIUM: Shape = Shape {
    name: "medium",
    groups: 10,
    per_group: 3,
    own: 4,
    statements: (5, 20),
    conditions: true,
    levels: 2,
    bounded: 5,
    ..PLAIN
};

/// The workload that has an index instead of a set for each principal.
pub(crate) const LARGE: Shape = Shape {
    name: "large",
    principals: 1_000_000,
    accounts: 200,
    policies: 6000,
    existing_groups: 4000,
    ..MEDIUM
};

/// The workloads that have a set for each principal.
pub(crate) const SHAPES: [Shape; 4] = [
    PLAIN,
    Shape {
        name: "small",
        principals: 10,
        policies: 5,
        own: 2,
        statements: (3, 9),
        conditions: true,
        levels: 1,
        ..PLAIN
    },
    Shape {
        name: "medium",
        principals: 1000,
        accounts: 4,
        policies: 200,
        existing_groups: 40,
        ..MEDIUM
    },
    Shape {
        name: "adversarial",
        principals: 4,
        policies: 440,
        existing_groups: 40,
        groups: 10,
        per_group: 10,
        own: 10,
        statements: (14, 21),
        conditions: true,
        levels: 5,
        bounded: 1,
        hostile: true,
        ..PLAIN
    },
];

impl Shape {
    /// One of an account's policies, some far more often than others.
    fn policy(&self, account: usize, noise: &mut Noise) -> usize {
        let there = self.policies / self.accounts;
        account * there + noise.skewed(there)
    }
}

/// A generator of which only the length of the period matters (splitmix64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// Low numbers far more often than high ones.
    fn skewed(&mut self, limit: usize) -> usize {
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((unit * unit * limit as f64) as usize).min(limit.saturating_sub(1))
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn word(&mut self, characters: &str, length: usize) -> String {
        let characters: Vec<char> = characters.chars().collect();
        (0..length).map(|_| self.of(&characters)).collect()
    }
}

/// Services, their resources (`#` is a number or a name) and actions.
const SERVICES: [(&str, &str, &str); 15] = [
    (
        "s3",
        "arn:aws:s3:::bucket-#/data/#",
        "GetObject PutObject DeleteObject GetObjectAcl PutObjectAcl GetObjectTagging ListMultipartUploadParts AbortMultipartUpload GetObjectVersion RestoreObject",
    ),
    (
        "ec2",
        "arn:aws:ec2:us-east-1:111111111111:instance/i-#",
        "RunInstances StartInstances StopInstances TerminateInstances RebootInstances DescribeInstances DescribeImages CreateTags DeleteTags AttachVolume DetachVolume CreateSnapshot",
    ),
    (
        "iam",
        "arn:aws:iam::111111111111:user/team-#/#",
        "GetUser CreateUser DeleteUser ListUsers CreateAccessKey DeleteAccessKey ListAccessKeys AttachUserPolicy DetachUserPolicy PassRole GetRole ListRoles",
    ),
    (
        "dynamodb",
        "arn:aws:dynamodb:us-east-1:111111111111:table/t-#",
        "GetItem PutItem UpdateItem DeleteItem Query Scan BatchGetItem BatchWriteItem DescribeTable CreateTable",
    ),
    (
        "sqs",
        "arn:aws:sqs:us-east-1:111111111111:queue-#",
        "SendMessage ReceiveMessage DeleteMessage GetQueueAttributes GetQueueUrl CreateQueue DeleteQueue PurgeQueue",
    ),
    (
        "sns",
        "arn:aws:sns:us-east-1:111111111111:topic-#",
        "Publish Subscribe Unsubscribe ListTopics CreateTopic DeleteTopic GetTopicAttributes SetTopicAttributes",
    ),
    (
        "lambda",
        "arn:aws:lambda:us-east-1:111111111111:function:f-#",
        "InvokeFunction GetFunction CreateFunction UpdateFunctionCode DeleteFunction ListFunctions AddPermission PublishVersion",
    ),
    (
        "kms",
        "arn:aws:kms:us-east-1:111111111111:key/k-#",
        "Encrypt Decrypt GenerateDataKey DescribeKey ReEncryptFrom ReEncryptTo CreateGrant ListKeys",
    ),
    (
        "logs",
        "arn:aws:logs:us-east-1:111111111111:log-group:g-#:*",
        "CreateLogGroup CreateLogStream PutLogEvents DescribeLogGroups FilterLogEvents GetLogEvents StartQuery",
    ),
    (
        "cloudwatch",
        "*",
        "PutMetricData GetMetricData ListMetrics PutMetricAlarm DescribeAlarms DeleteAlarms",
    ),
    (
        "secretsmanager",
        "arn:aws:secretsmanager:us-east-1:111111111111:secret:s-#",
        "GetSecretValue PutSecretValue CreateSecret DeleteSecret DescribeSecret ListSecrets RotateSecret",
    ),
    (
        "ssm",
        "arn:aws:ssm:us-east-1:111111111111:parameter/p-#/#",
        "GetParameter GetParameters PutParameter DeleteParameter GetParametersByPath SendCommand StartSession",
    ),
    (
        "rds",
        "arn:aws:rds:us-east-1:111111111111:db:d-#",
        "CreateDBInstance DeleteDBInstance DescribeDBInstances ModifyDBInstance RebootDBInstance CreateDBSnapshot",
    ),
    (
        "ecs",
        "arn:aws:ecs:us-east-1:111111111111:service/c-#/s-#",
        "RunTask StopTask CreateService UpdateService DeleteService DescribeServices ListTasks RegisterTaskDefinition",
    ),
    (
        "sts",
        "arn:aws:iam::111111111111:role/r-#",
        "AssumeRole TagSession GetCallerIdentity DecodeAuthorizationMessage GetSessionToken SetSourceIdentity",
    ),
];

/// A statement and what a request that it is about looks like.
struct Written {
    json: String,
    denies: bool,
    action: String,
    resource: String,
    keys: Vec<(String, String)>,
}

/// Everything that principals and requests are made from.
pub(crate) struct Material {
    shape: Shape,
    documents: Vec<Document>,
    written: Vec<Vec<Written>>,
    /// A document that allows everything, and what is a boundary.
    everything: usize,
    boundary: usize,
    /// The documents of each level of each account.
    levels: Vec<Vec<Vec<usize>>>,
    groups: Vec<Vec<usize>>,
}

/// Documents, principals and requests.
pub(crate) struct Workload {
    material: Material,
    principals: Vec<Owner>,
    requests: Vec<Asked>,
    /// The compiled sets of each principal: its own, and its session's.
    sets: Vec<Vec<Arc<PolicySet>>>,
    indexed: Indexed,
}

/// How the policies of a principal are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// In one set, put together for all who have the same.
    Merged,
    /// In the index of the account.
    Indexed,
}

/// A principal's documents, by number.
#[derive(Default)]
struct Owner {
    arn: String,
    account: String,
    /// Its own documents.
    own: Vec<usize>,
    /// Its groups.
    groups: Vec<usize>,
    /// All of them.
    identity: Vec<usize>,
    boundary: Option<usize>,
    session: Option<usize>,
    levels: Vec<Vec<usize>>,
}

#[derive(Clone)]
struct Asked {
    principal: usize,
    action: Action,
    resource: String,
    context: Context,
}

impl Owner {
    /// The documents, by the lists of which each must allow: identity, boundary, session, each level.
    fn layers(&self) -> Vec<Vec<usize>> {
        let single = self.boundary.iter().chain(&self.session).map(|it| vec![*it]);
        std::iter::once(self.identity.clone()).chain(single).chain(self.levels.clone()).collect()
    }
}

impl Material {
    pub(crate) fn new(shape: &Shape) -> Self {
        let mut noise = Noise(7);
        let (mut texts, mut written) = (Vec::new(), Vec::new());
        let mut add = |statements: Vec<Written>| {
            let all: Vec<&str> = statements.iter().map(|it| it.json.as_str()).collect();
            texts.push(format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, all.join(",")));
            written.push(statements);
            texts.len() - 1
        };
        for _ in 0..shape.policies {
            let (fewest, most) = shape.statements;
            let count = fewest + noise.below(most - fewest + 1);
            let statements = (0..count).map(|_| statement(&mut noise, shape)).collect();
            add(statements);
        }
        let everything = add(vec![everything("", false)]);
        let mut level = || {
            let guards = (0..3).map(|_| guard(&mut noise)).collect();
            vec![everything, add(guards)]
        };
        let levels =
            (0..shape.accounts).map(|_| (0..shape.levels).map(|_| level()).collect()).collect();
        let boundary = add(boundary());
        let documents = texts.iter().map(|text| Document::parse(text).unwrap()).collect();
        let groups = (0..shape.existing_groups)
            .map(|group| {
                let account = group * shape.accounts / shape.existing_groups;
                (0..shape.per_group).map(|_| shape.policy(account, &mut noise)).collect()
            })
            .collect();
        Self { shape: *shape, documents, written, everything, boundary, levels, groups }
    }

    /// The principal of this number.
    fn owner(&self, number: usize) -> Owner {
        let shape = &self.shape;
        let mut noise = Noise(number as u64 ^ 0x51ed_2701);
        let account = number % shape.accounts;
        let own = if shape.hostile { shape.own } else { 1 + noise.below(shape.own) };
        let mut own: Vec<usize> = (0..own).map(|_| shape.policy(account, &mut noise)).collect();
        let joined = if shape.hostile { 10 } else { noise.skewed(shape.groups + 1) };
        // Groups belong to accounts.
        let there = self.groups.len() / shape.accounts;
        let mut groups: Vec<usize> =
            (0..joined).map(|_| account * there + noise.skewed(there)).collect();
        let mut identity: Vec<usize> = own.clone();
        identity.extend(groups.iter().flat_map(|group| &self.groups[*group]));
        if shape.hostile {
            // Every one of them another.
            own = (0..identity.len()).map(|it| (it + number * 109) % shape.policies).collect();
            groups = Vec::new();
            identity.clone_from(&own);
        }
        let bounded = shape.bounded > 0 && number.is_multiple_of(shape.bounded);
        Owner {
            arn: format!("arn:aws:iam::{:012}:user/u-{number}", account + 1),
            account: format!("{:012}", account + 1),
            own,
            groups,
            identity,
            boundary: bounded.then_some(self.boundary),
            session: shape.hostile.then_some(self.everything),
            levels: self.levels[account].clone(),
        }
    }

    /// A principal's policies as the reference takes them.
    fn plain<T>(&self, owner: &Owner, decide: impl FnOnce(&Policies<'_>) -> T) -> T {
        let attach = |it: &usize| {
            let document = &self.documents[*it];
            Attached { source: Source { name: "p", arn: None }, document }
        };
        let identity: Vec<Attached<'_>> = owner.identity.iter().map(attach).collect();
        let session: Option<[Attached<'_>; 1]> = owner.session.as_ref().map(|it| [attach(it)]);
        let levels: Vec<Vec<Attached<'_>>> =
            owner.levels.iter().map(|level| level.iter().map(attach).collect()).collect();
        let policies = Policies {
            identity: &identity,
            boundary: owner.boundary.as_ref().map(attach),
            session: session.as_ref().map(|it| it.as_slice()),
            scps: (!levels.is_empty()).then_some(levels.as_slice()),
            ..Policies::default()
        };
        decide(&policies)
    }

    /// How many statements a principal has.
    fn count(&self, owner: &Owner) -> usize {
        let levels = owner.levels.iter().flatten();
        let all = owner.identity.iter().chain(&owner.boundary).chain(&owner.session);
        all.chain(levels).map(|it| self.documents[*it].statements().len()).sum()
    }
}

impl Workload {
    pub(crate) fn new(shape: &Shape, requests: usize) -> Self {
        let material = Material::new(shape);
        let principals: Vec<Owner> =
            (0..shape.principals).map(|number| material.owner(number)).collect();
        let mut noise = Noise(8);
        let ask = |_| {
            let number = noise.below(principals.len());
            asked(&mut noise, &material, number, &principals[number])
        };
        let requests = (0..requests).map(ask).collect();
        Self::of(material, principals, requests)
    }

    fn of(material: Material, principals: Vec<Owner>, requests: Vec<Asked>) -> Self {
        let sets = compile(&principals, &material.documents);
        let (indexed, _) = Indexed::new(&material);
        Self { material, principals, requests, sets, indexed }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.len()
    }

    pub(crate) fn documents(&self) -> &[Document] {
        &self.material.documents
    }

    /// The sets of all principals.
    pub(crate) fn sets(&self) -> Vec<Vec<Arc<PolicySet>>> {
        compile(&self.principals, &self.material.documents)
    }

    /// One request, about one statement with so many stars, on a resource of so many characters. The last star's
    /// segment is not there, which shows only when everything else was found.
    pub(crate) fn stars(stars: usize, length: usize) -> Self {
        let pattern = format!("{}*b?b*b", "*ca?".repeat(stars));
        let text = format!(
            r#"{{"Statement":{{"Effect":"Allow","Action":"s3:*","Resource":"{pattern}"}}}}"#
        );
        let mut material = Material::new(&Shape { principals: 0, policies: 0, ..PLAIN });
        material.documents.push(Document::parse(&text).unwrap());
        let principals = vec![Owner {
            arn: "arn:aws:iam::111111111111:user/u".to_owned(),
            account: "111111111111".to_owned(),
            identity: vec![material.documents.len() - 1],
            ..Owner::default()
        }];
        let requests = vec![Asked {
            principal: 0,
            action: Action::new("s3:GetObject"),
            resource: format!("{}b", "caa".repeat(length / 3)),
            context: Context::new(),
        }];
        Self::of(material, principals, requests)
    }

    /// Puts the sets of all principals together, each for itself.
    pub(crate) fn put_together(&self) {
        for owner in &self.principals {
            drop(compile(std::slice::from_ref(owner), &self.material.documents));
        }
    }

    /// How many statements the principals have: the median, and the most.
    pub(crate) fn statements(&self) -> (usize, usize) {
        let count = |owner: &Owner| self.material.count(owner);
        let mut counts: Vec<usize> = self.principals.iter().map(count).collect();
        counts.sort_unstable();
        (counts[counts.len() / 2], counts[counts.len() - 1])
    }

    /// Whose request this is.
    pub(crate) fn asker(&self, number: usize) -> usize {
        self.requests[number].principal
    }

    /// A principal's documents, by the lists of which each must allow.
    pub(crate) fn layers(&self, principal: usize) -> Vec<Vec<usize>> {
        self.principals[principal].layers()
    }

    /// The request of this number.
    #[inline]
    pub(crate) fn ready(&self, number: usize) -> Ready<'_> {
        self.ready_of(&self.requests[number])
    }

    /// Gives the request of this number, made anew: a request has always just been made when it is decided.
    pub(crate) fn just_made<T>(&self, number: usize, take: impl FnOnce(&Ready<'_>) -> T) -> T {
        take(&self.ready_of(&self.requests[number].clone()))
    }

    #[inline]
    fn ready_of<'w>(&'w self, asked: &'w Asked) -> Ready<'w> {
        Ready { workload: self, principal: asked.principal, request: self.request(asked) }
    }

    /// Gives the request of this number, and the policies of its principal.
    pub(crate) fn plain<T>(
        &self,
        number: usize,
        decide: impl FnOnce(&Request<'_>, &Policies<'_>) -> T,
    ) -> T {
        let asked = &self.requests[number];
        let owner = &self.principals[asked.principal];
        self.material.plain(owner, |policies| decide(&self.request(asked), policies))
    }

    fn request<'a>(&'a self, asked: &'a Asked) -> Request<'a> {
        asked.request(&self.principals[asked.principal])
    }
}

/// A request that can be decided.
pub(crate) struct Ready<'w> {
    workload: &'w Workload,
    principal: usize,
    request: Request<'w>,
}

impl Ready<'_> {
    /// From the principal's number to the decision. Callgrind counts what happens in here.
    #[inline(never)]
    pub(crate) fn decide(&self, form: Form) -> Verdict {
        let Self { workload, principal, request } = self;
        match (form, workload.sets[*principal].as_slice()) {
            (Form::Merged, [own]) => decide(request, RESOURCE_KIND, &[own]),
            (Form::Merged, [own, session]) => decide(request, RESOURCE_KIND, &[own, session]),
            (Form::Indexed, [_]) => workload.indexed.decide(*principal, request, &[]),
            (Form::Indexed, [_, session]) => {
                workload.indexed.decide(*principal, request, &[session])
            }
            _ => unreachable!("more sets than any shape has"),
        }
    }
}

impl Asked {
    fn request<'a>(&'a self, owner: &'a Owner) -> Request<'a> {
        Request {
            principal: Principal::new(PrincipalKind::User, &owner.arn, &owner.account),
            action: &self.action,
            resource: Resource { arn: &self.resource, account: None, management_account: false },
            context: &self.context,
        }
    }
}

/// The sets of each principal; principals with the same documents share them.
fn compile(principals: &[Owner], documents: &[Document]) -> Vec<Vec<Arc<PolicySet>>> {
    let mut known: HashMap<Vec<(Slot, usize)>, Arc<PolicySet>> = HashMap::new();
    let mut set = |key: Vec<(Slot, usize)>| {
        let make = |key: &Vec<(Slot, usize)>| {
            let mut builder = PolicySet::builder();
            key.iter().for_each(|(slot, it)| builder.add(*slot, documents[*it].compiled()));
            Arc::new(builder.build())
        };
        Arc::clone(known.entry(key.clone()).or_insert_with(|| make(&key)))
    };
    principals
        .iter()
        .map(|owner| {
            let mut key: Vec<(Slot, usize)> = Vec::new();
            for (level, number) in owner.levels.iter().zip(0..) {
                key.extend(level.iter().map(|it| (Slot::ServiceControl(number), *it)));
            }
            key.extend(owner.identity.iter().map(|it| (Slot::Identity, *it)));
            key.extend(owner.boundary.map(|it| (Slot::Boundary, it)));
            let mut sets = vec![set(key)];
            sets.extend(owner.session.map(|it| set(vec![(Slot::Session, it)])));
            sets
        })
        .collect()
}

/// What the resource's policy would be.
pub(crate) const RESOURCE_KIND: ResourcePolicyKind = ResourcePolicyKind::Resource;

fn statement(noise: &mut Noise, shape: &Shape) -> Written {
    let (service, form, actions) = noise.of(&SERVICES);
    let actions: Vec<&str> = actions.split(' ').collect();
    let denies = noise.chance(15);
    let mut patterns = Vec::new();
    let mut action = format!("{service}:{}", noise.of(&actions));
    match noise.below(100) {
        0 if !denies => patterns.push("*".to_owned()),
        1..=8 if !denies => patterns.push(format!("{service}:*")),
        9..=38 => {
            let name = noise.of(&actions);
            let verb: String = name
                .char_indices()
                .take_while(|(at, c)| *at == 0 || !c.is_uppercase())
                .map(|(_, c)| c)
                .collect();
            patterns.push(format!("{service}:{verb}*"));
            action = format!("{service}:{name}");
        }
        _ => {
            patterns.push(action.clone());
            patterns
                .extend((0..noise.below(5)).map(|_| format!("{service}:{}", noise.of(&actions))));
        }
    }
    if shape.hostile && noise.chance(30) {
        patterns.push(noise.of(&["*:*t*e*t", "*e*", "*:G*e*t*", "s*:*t"]).to_owned());
    }
    let (resource_pattern, resource) = resource(noise, shape, form, denies);
    let (conditions, keys) =
        if shape.conditions { condition(noise, shape) } else { (String::new(), Vec::new()) };
    let quoted: Vec<String> = patterns.iter().map(|it| format!("\"{it}\"")).collect();
    let effect = if denies { "Deny" } else { "Allow" };
    let json = format!(
        r#"{{"Effect":"{effect}","Action":[{}],"Resource":"{resource_pattern}"{conditions}}}"#,
        quoted.join(",")
    );
    Written { json, denies, action, resource, keys }
}

/// A pattern, and a resource that it matches.
fn resource(noise: &mut Noise, shape: &Shape, form: &str, denies: bool) -> (String, String) {
    let number = noise.below(30);
    let exact = form.replace('#', &number.to_string());
    if shape.hostile && noise.chance(60) {
        let stars = "*a".repeat(4 + noise.below(16));
        let length = 100 + noise.below(800);
        let text = noise.word("aab", length);
        return (format!("{stars}*b"), format!("{text}b"));
    }
    match noise.below(10) {
        0..=2 if !denies => ("*".to_owned(), exact),
        3 if shape.conditions && form.contains('#') => {
            (form.replace('#', "${aws:username}"), form.replace('#', "alice"))
        }
        4 | 5 => (exact.clone(), exact),
        _ => {
            let stem = form.split('#').next().unwrap_or_default();
            (format!("{stem}{number}*"), format!("{stem}{number}/{}", noise.below(1000)))
        }
    }
}

/// A condition block, and keys that satisfy it.
fn condition(noise: &mut Noise, shape: &Shape) -> (String, Vec<(String, String)>) {
    let team = format!("team-{}", noise.below(8));
    let (block, keys): (String, Vec<(&str, String)>) = match noise.below(16) {
        0 => (
            format!(r#""StringEquals":{{"aws:PrincipalTag/team":"{team}"}}"#),
            vec![("aws:PrincipalTag/team", team)],
        ),
        1 => (
            r#""StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}"}"#.to_owned(),
            vec![("aws:ResourceTag/team", team.clone()), ("aws:PrincipalTag/team", team)],
        ),
        2 => (
            r#""IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.168.0.0/16"]}"#.to_owned(),
            vec![("aws:SourceIp", "10.1.2.3".to_owned())],
        ),
        3 => (
            r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#.to_owned(),
            vec![("aws:MultiFactorAuthPresent", "true".to_owned())],
        ),
        4 => (
            r#""StringLike":{"aws:PrincipalTag/project":["red-*","blue-*-x"]}"#.to_owned(),
            vec![("aws:PrincipalTag/project", "blue-1-x".to_owned())],
        ),
        5 => (
            r#""StringEquals":{"aws:RequestedRegion":["us-east-1","eu-west-1"]}"#.to_owned(),
            vec![("aws:RequestedRegion", "eu-west-1".to_owned())],
        ),
        6 => (
            r#""DateGreaterThan":{"aws:CurrentTime":"2025-01-01T00:00:00Z"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}"#.to_owned(),
            vec![("aws:MultiFactorAuthAge", "600".to_owned())],
        ),
        7 if shape.hostile => (
            format!(r#""StringLike":{{"aws:PrincipalTag/long":"{}*b"}}"#, "*a".repeat(4 + noise.below(16))),
            vec![("aws:PrincipalTag/long", noise.word("aab", 256))],
        ),
        _ => return (String::new(), Vec::new()),
    };
    let keys = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    (format!(r#","Condition":{{{block}}}"#), keys)
}

fn everything(conditions: &str, denies: bool) -> Written {
    let effect = if denies { "Deny" } else { "Allow" };
    Written {
        json: format!(r#"{{"Effect":"{effect}","Action":"*","Resource":"*"{conditions}}}"#),
        denies,
        action: "s3:GetObject".to_owned(),
        resource: "*".to_owned(),
        keys: Vec::new(),
    }
}

/// What organizations deny.
fn guard(noise: &mut Noise) -> Written {
    let (service, _, actions) = noise.of(&SERVICES);
    let action = actions.split(' ').next().unwrap_or_default();
    let json = format!(
        r#"{{"Effect":"Deny","Action":["{service}:{action}","organizations:*"],"Resource":"*","Condition":{{"StringNotEquals":{{"aws:RequestedRegion":["us-east-1","eu-west-1"]}}}}}}"#
    );
    Written { json, ..everything("", true) }
}

fn boundary() -> Vec<Written> {
    let mut statements: Vec<Written> = SERVICES
        .iter()
        .map(|(service, _, _)| Written {
            json: format!(r#"{{"Effect":"Allow","Action":"{service}:*","Resource":"*"}}"#),
            ..everything("", false)
        })
        .collect();
    statements.push(Written {
        json:
            r#"{"Effect":"Deny","Action":"iam:*Policy","Resource":"arn:aws:iam::*:user/admin/*"}"#
                .to_owned(),
        ..everything("", true)
    });
    statements
}

fn asked(noise: &mut Noise, material: &Material, number: usize, owner: &Owner) -> Asked {
    let shape = &material.shape;
    let mut context = Context::new();
    for (key, value) in [
        ("aws:PrincipalArn", owner.arn.as_str()),
        ("aws:PrincipalAccount", &owner.account),
        ("aws:PrincipalType", "User"),
        ("aws:userid", "AIDAEXAMPLE"),
        ("aws:username", "alice"),
        ("aws:CurrentTime", "2026-01-02T03:04:05Z"),
        ("aws:EpochTime", "1767323045"),
        ("aws:SecureTransport", "true"),
        ("aws:ViaAWSService", "false"),
        ("aws:RequestedRegion", noise.of(&["us-east-1", "eu-west-1", "us-east-1", "ap-south-1"])),
        ("aws:SourceIp", noise.of(&["10.2.3.4", "203.0.113.7"])),
        ("aws:UserAgent", "aws-cli/2"),
        ("aws:PrincipalTag/team", noise.of(&["team-1", "team-2", "team-3"])),
        ("aws:PrincipalTag/project", noise.of(&["red-1", "green-1"])),
        ("aws:PrincipalTag/cost", "42"),
    ] {
        context.set(key, value);
    }
    if shape.hostile {
        context.set("aws:PrincipalTag/long", noise.word("a", 256));
    }
    let wants_deny = noise.chance(12);
    let policy = &material.written[owner.identity[noise.below(owner.identity.len())]];
    let aimed = policy.iter().filter(|it| it.denies == wants_deny);
    let aimed: Vec<&Written> = aimed.collect();
    if noise.chance(70)
        && let Some(target) = (!aimed.is_empty()).then(|| noise.of(&aimed))
    {
        for (key, value) in &target.keys {
            context.set(key, value.as_str());
        }
        let (action, resource) = (Action::new(&target.action), target.resource.clone());
        return Asked { principal: number, action, resource, context };
    }
    let (service, form, actions) = noise.of(&SERVICES);
    let actions: Vec<&str> = actions.split(' ').collect();
    let action = Action::new(&format!("{service}:{}", noise.of(&actions)));
    let mut resource = form.replace('#', &noise.below(60).to_string());
    if shape.hostile && noise.chance(60) {
        let length = 100 + noise.below(800);
        resource = noise.word("a", length) + noise.of(&["", "b"]);
    }
    Asked { principal: number, action, resource, context }
}
