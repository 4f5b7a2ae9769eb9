//! iam-rs: the same documents, one evaluator for each layer of a principal.

use std::collections::HashMap;

use iam_rs::{
    Arn, Context, ContextValue, Decision, EvaluationOptions, IAMPolicy, IAMRequest,
    PolicyEvaluator, Principal, PrincipalId,
};

use crate::workload::Workload;

pub(crate) struct Rs {
    evaluators: HashMap<usize, Vec<PolicyEvaluator>>,
    /// `None` for what its types do not take.
    requests: Vec<(usize, Option<IAMRequest>)>,
}

impl Rs {
    pub(crate) fn new(workload: &Workload) -> Self {
        let read = |text: &str| IAMPolicy::from_json(text).unwrap();
        let policies: Vec<IAMPolicy> =
            workload.documents().iter().map(|it| read(it.text())).collect();
        let mut evaluators = HashMap::new();
        let mut requests = Vec::new();
        for number in 0..workload.requests() {
            let asker = workload.asker(number);
            evaluators.entry(asker).or_insert_with(|| {
                let layer = |layer: &Vec<usize>| {
                    let policies = layer.iter().map(|it| policies[*it].clone()).collect();
                    let options =
                        EvaluationOptions { max_statements: usize::MAX, ..Default::default() };
                    PolicyEvaluator::with_policies(policies).with_options(options)
                };
                workload.layers(asker).iter().map(layer).collect()
            });
            requests.push((asker, request(workload, number)));
        }
        Self { evaluators, requests }
    }

    pub(crate) fn allows(&self, number: usize) -> bool {
        let (asker, request) = &self.requests[number];
        let Some(request) = request else { return false };
        self.evaluators[asker].iter().all(|layer| {
            layer.evaluate(request).is_ok_and(|result| result.decision == Decision::Allow)
        })
    }
}

fn request(workload: &Workload, number: usize) -> Option<IAMRequest> {
    workload.plain(number, |request, _| {
        let mut context = Context::new();
        for (key, values) in request.context.iter() {
            context.insert(spelled(key), ContextValue::String(values.as_slice()[0].clone()));
        }
        let principal = Principal::Aws(PrincipalId::String(request.principal.arn.to_owned()));
        let resource = Arn::parse(request.resource.arn).ok()?;
        Some(IAMRequest::new_with_context(principal, request.action.name(), resource, context))
    })
}

/// Keys as policies spell them, since iam-rs compares them exactly.
fn spelled(key: &str) -> String {
    const KEYS: [&str; 14] = [
        "aws:PrincipalArn",
        "aws:PrincipalAccount",
        "aws:PrincipalType",
        "aws:CurrentTime",
        "aws:EpochTime",
        "aws:SecureTransport",
        "aws:ViaAWSService",
        "aws:RequestedRegion",
        "aws:SourceIp",
        "aws:UserAgent",
        "aws:MultiFactorAuthPresent",
        "aws:MultiFactorAuthAge",
        "aws:PrincipalTag/",
        "aws:ResourceTag/",
    ];
    let known = KEYS.iter().find(|it| {
        let lower = it.to_lowercase();
        if lower.ends_with('/') { key.starts_with(&lower) } else { key == lower }
    });
    known.map_or(key.to_owned(), |it| format!("{it}{}", &key[it.len()..]))
}
