//! A simulated request: the policies of one simulation, decided by the policy engine that decides real
//! requests, and told in the simulator's shapes.
//!
//! The compiled engine decides, as for every real request. The reference, which knows all statements that it takes,
//! says why. Should the two ever differ, there is no answer: a wrong one would be believed.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use iamd_api::iam;
use iamd_api::iam::PolicyEvaluationDecisionType as Answer;
use iamd_policy::{
    Action, Attached, Context, Decision, Document, Effect, Evaluator, MatchedStatement, Policies,
    PolicyKind, PolicySet, Position, Principal, PrincipalKind, Reference, Request, Resource,
    ResourcePolicyKind, Says, Slot, Source, Trace, Verdict, decide,
};
use iamd_types::{Arn, Error};

/// How much deciding one answer may take: evaluations times bytes of policy. About a second.
const MAX_WORK: usize = 200 << 20;

/// A document, and what `SourcePolicyId` calls it.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) document: Arc<Document>,
}

/// Who calls.
pub(crate) struct SimulatedCaller {
    pub(crate) kind: PrincipalKind,
    pub(crate) arn: String,
    pub(crate) account: String,
}

/// Everything that is the same for all actions and resources of a simulation.
pub(crate) struct Simulation {
    pub(crate) caller: SimulatedCaller,
    pub(crate) identity: Vec<Named>,
    pub(crate) boundary: Option<Named>,
    pub(crate) resource: Option<Named>,
    /// Service control policies, a list for each level of an organization from its root.
    pub(crate) organization: Option<Vec<Vec<Named>>>,
    /// Whose resources are whose ARNs do not say.
    pub(crate) resource_owner: Option<String>,
    pub(crate) context: Context,
    /// All of these policies but the resource's, compiled; made when something is first decided.
    pub(crate) compiled: OnceLock<PolicySet>,
}

/// The engine that decides requests and the one that explains decisions do not agree. One of them is wrong, so
/// nothing is answered.
#[derive(Debug, thiserror::Error)]
#[error(
    "the compiled engine and the reference disagree about {action} on {resource}: {decided:?} and {explained:?}"
)]
struct Disagreement {
    action: String,
    resource: String,
    decided: Effect,
    explained: Effect,
}

/// The answer for one action on one resource.
struct Judged {
    answer: Answer,
    matched: Vec<iam::Statement>,
    missing: Vec<String>,
    boundary: Option<bool>,
    organization: Option<bool>,
    /// What each kind of policy says, where caller and resource are of different accounts.
    details: BTreeMap<String, Answer>,
}

impl Simulation {
    /// Refuses to answer when deciding all this would take too long. The limit is ours; AWS has throttling.
    ///
    /// # Errors
    /// `InvalidInput`.
    pub(crate) fn ensure_bounded(&self, actions: usize, resources: usize) -> Result<(), Error> {
        let organization = self.organization.iter().flatten().flatten();
        let named = self.identity.iter().chain(&self.boundary).chain(&self.resource);
        let bytes = named.chain(organization).map(|it| it.document.text().len()).sum::<usize>();
        let evaluations = actions.saturating_mul(resources.max(1));
        if evaluations.saturating_mul(bytes.max(1024)) <= MAX_WORK {
            return Ok(());
        }
        Err(Error::invalid_input(
            "The simulation is too large. Specify fewer actions, resources or policies, or a smaller MaxItems.",
        ))
    }

    /// The result for one action. AWS: without resources, it is simulated on `*`; with one, the result is
    /// that resource's; with several, it is the most restrictive of them (our reading), and its resource
    /// is the form of ARNs that the action works on.
    ///
    /// # Errors
    /// `ServiceFailure` when the engines disagree.
    pub(crate) fn result(
        &self,
        action: &str,
        resources: &[String],
    ) -> Result<iam::EvaluationResult, Error> {
        let [first, ..] = resources else {
            return Ok(top(action, "*".to_owned(), self.judge(action, "*")?));
        };
        let specific = resources.iter().map(|arn| Ok((arn, self.judge(action, arn)?)));
        let specific = specific.collect::<Result<Vec<_>, Error>>()?;
        let mut result = match specific.as_slice() {
            [(arn, judged)] => top(action, (*arn).clone(), judged.clone_without_missing()),
            several => top(action, arn_form(action, first), Judged::together(several)),
        };
        result.eval_decision_details.get_or_insert_default();
        let specific = specific.into_iter().map(|(arn, judged)| specific_result(arn, judged));
        result.resource_specific_results = Some(specific.collect());
        Ok(result)
    }

    fn judge(&self, action: &str, resource: &str) -> Result<Judged, Error> {
        let identity = attached(&self.identity);
        let levels = self.organization.as_ref();
        let scps = levels.map(|levels| levels.iter().map(|it| attached(it)).collect::<Vec<_>>());
        // Without the resource's policy only the caller's side is simulated, whoever owns the resource.
        let owner = self.resource.as_ref().and_then(|_| self.owner_of(resource));
        let policies = Policies {
            identity: &identity,
            resource: self.resource.as_ref().map(Named::attached),
            resource_kind: match self.resource {
                Some(_) => ResourcePolicyKind::of(action, resource),
                None => ResourcePolicyKind::Resource,
            },
            boundary: self.boundary.as_ref().map(Named::attached),
            session: None,
            scps: scps.as_deref(),
            rcps: None,
        };
        let caller = &self.caller;
        let role_arn = (caller.kind == PrincipalKind::RoleSession).then_some(caller.arn.as_str());
        let principal = Principal::new(caller.kind, &caller.arn, &caller.account);
        let request = Request {
            principal: Principal { role_arn, ..principal },
            action: &Action::new(action),
            resource: Resource {
                arn: resource,
                account: owner.as_deref(),
                management_account: false,
            },
            context: &self.context,
        };
        let effect = self.decide(&request, policies.resource_kind).effect;
        let decision = Reference.decide(&request, &policies);
        ensure_agreed(effect, &decision, &request)?;
        let matched = decision.matched.iter().map(|it| self.statement(it)).collect();
        let missing = decision.missing.iter().map(|&key| key.to_owned()).collect();
        let (boundary, organization, details) = self.gates(&request, &policies);
        Ok(Judged { answer: answer(effect), matched, missing, boundary, organization, details })
    }

    /// What the compiled engine says.
    fn decide(&self, request: &Request<'_>, resource_kind: ResourcePolicyKind) -> Verdict {
        let own = self.compiled.get_or_init(|| self.compile());
        let Some(resource) = &self.resource else {
            return decide(request, resource_kind, &[own]);
        };
        let mut builder = PolicySet::builder();
        builder.add(Slot::Resource(resource_kind), resource.document.compiled());
        decide(request, resource_kind, &[own, &builder.build()])
    }

    fn compile(&self) -> PolicySet {
        let mut builder = PolicySet::builder();
        let own = self.identity.iter().map(|it| (Slot::Identity, it));
        let own = own.chain(self.boundary.iter().map(|it| (Slot::Boundary, it)));
        own.for_each(|(slot, named)| builder.add(slot, named.document.compiled()));
        for (number, level) in self.organization.iter().flatten().enumerate() {
            let slot = Slot::ServiceControl(u8::try_from(number).unwrap_or(u8::MAX));
            // A level without policies takes part, too: nothing in it allows.
            builder.require(slot);
            level.iter().for_each(|named| builder.add(slot, named.document.compiled()));
        }
        builder.build()
    }

    /// What the boundary, the organization and, between accounts, each kind of policy says.
    fn gates(
        &self,
        request: &Request<'_>,
        policies: &Policies<'_>,
    ) -> (Option<bool>, Option<bool>, BTreeMap<String, Answer>) {
        let between_accounts =
            request.resource.account.is_some_and(|owner| owner != self.caller.account);
        if self.boundary.is_none() && self.organization.is_none() && !between_accounts {
            return (None, None, BTreeMap::new());
        }
        let trace = Trace::of(request, policies);
        let all_allow = |kind| {
            let mut gates = trace.gates.iter().filter(|gate| gate.kind == kind);
            gates.all(|gate| gate.says == Says::Allows)
        };
        let details = trace.gates.iter().filter(|_| between_accounts).map(|gate| {
            let says = match gate.says {
                Says::Allows => Answer::Allowed,
                Says::Denies => Answer::ExplicitDeny,
                Says::Nothing => Answer::ImplicitDeny,
            };
            (source_type(gate.kind).to_owned(), says)
        });
        (
            self.boundary.as_ref().map(|_| all_allow(PolicyKind::Boundary)),
            self.organization.as_ref().map(|_| all_allow(PolicyKind::ServiceControl)),
            details.collect(),
        )
    }

    /// AWS: the account in the ARN, else `ResourceOwner`, else the caller's.
    fn owner_of(&self, resource: &str) -> Option<String> {
        let arn = Arn::parse(resource).ok();
        let account = arn.as_ref().map(Arn::account).filter(|account| !account.is_empty());
        account.map(str::to_owned).or_else(|| self.resource_owner.clone())
    }

    fn statement(&self, matched: &MatchedStatement<'_>) -> iam::Statement {
        let of_kind: Vec<&Named> = match matched.kind {
            PolicyKind::Boundary => self.boundary.iter().collect(),
            PolicyKind::Resource | PolicyKind::RoleTrust => self.resource.iter().collect(),
            PolicyKind::ServiceControl => self.organization.iter().flatten().flatten().collect(),
            _ => self.identity.iter().collect(),
        };
        let named = of_kind.into_iter().find(|named| named.id == matched.policy.name);
        let text = named.map(|named| named.document.text());
        iam::Statement {
            source_policy_id: Some(matched.policy.name.to_owned()),
            source_policy_type: Some(source_type(matched.kind).to_owned()),
            start_position: Some(match text {
                Some(text) => before(text, matched.span.start),
                None => position(matched.span.start.line, matched.span.start.column),
            }),
            end_position: Some(position(matched.span.end.line, matched.span.end.column)),
        }
    }
}

/// Whether what was decided is what is explained.
fn ensure_agreed(
    decided: Effect,
    decision: &Decision<'_>,
    request: &Request<'_>,
) -> Result<(), Error> {
    let explained = decision.effect;
    if decided == explained {
        return Ok(());
    }
    let (action, resource) = (request.action.name().to_owned(), request.resource.arn.to_owned());
    Err(Error::internal(Disagreement { action, resource, decided, explained }))
}

impl Named {
    fn attached(&self) -> Attached<'_> {
        Attached { source: Source { name: &self.id, arn: None }, document: &self.document }
    }
}

fn attached(named: &[Named]) -> Vec<Attached<'_>> {
    named.iter().map(Named::attached).collect()
}

impl Judged {
    /// With a resource, the keys that are missing are told with the resource (AWS's reference).
    fn clone_without_missing(&self) -> Self {
        Self {
            answer: self.answer,
            matched: self.matched.clone(),
            missing: Vec::new(),
            boundary: self.boundary,
            organization: self.organization,
            details: self.details.clone(),
        }
    }

    fn together(several: &[(&String, Self)]) -> Self {
        let severity = |answer: Answer| match answer {
            Answer::Allowed => 0,
            Answer::ImplicitDeny => 1,
            Answer::ExplicitDeny => 2,
        };
        let answers = several.iter().map(|(_, judged)| judged.answer);
        let all = |of: fn(&Self) -> Option<bool>| {
            several.iter().map(|(_, judged)| of(judged)).reduce(|all, one| Some(all? && one?))
        };
        Self {
            answer: answers.max_by_key(|it| severity(*it)).unwrap_or(Answer::ImplicitDeny),
            matched: Vec::new(),
            missing: Vec::new(),
            boundary: all(|judged| judged.boundary).flatten(),
            organization: all(|judged| judged.organization).flatten(),
            details: BTreeMap::new(),
        }
    }
}

fn top(action: &str, resource: String, judged: Judged) -> iam::EvaluationResult {
    iam::EvaluationResult {
        eval_action_name: action.to_owned(),
        eval_resource_name: Some(resource),
        eval_decision: judged.answer,
        matched_statements: Some(judged.matched),
        missing_context_values: Some(judged.missing),
        organizations_decision_detail: judged.organization.map(|allowed| {
            iam::OrganizationsDecisionDetail { allowed_by_organizations: Some(allowed) }
        }),
        permissions_boundary_decision_detail: judged.boundary.map(boundary_detail),
        eval_decision_details: Some(judged.details).filter(|details| !details.is_empty()),
        resource_specific_results: None,
    }
}

fn specific_result(resource: &str, judged: Judged) -> iam::ResourceSpecificResult {
    iam::ResourceSpecificResult {
        eval_resource_name: resource.to_owned(),
        eval_resource_decision: judged.answer,
        matched_statements: Some(judged.matched),
        missing_context_values: Some(judged.missing),
        eval_decision_details: Some(judged.details).filter(|details| !details.is_empty()),
        permissions_boundary_decision_detail: judged.boundary.map(boundary_detail),
    }
}

fn boundary_detail(allowed: bool) -> iam::PermissionsBoundaryDecisionDetail {
    iam::PermissionsBoundaryDecisionDetail { allowed_by_permissions_boundary: Some(allowed) }
}

fn answer(effect: Effect) -> Answer {
    match effect {
        Effect::Allow => Answer::Allowed,
        Effect::ImplicitDeny => Answer::ImplicitDeny,
        Effect::ExplicitDeny => Answer::ExplicitDeny,
    }
}

/// Recorded for identity policies; the other words are ours, in its manner.
fn source_type(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Boundary => "Permissions Boundary Policy",
        PolicyKind::Resource | PolicyKind::RoleTrust => "Resource Policy",
        PolicyKind::ServiceControl => "Service Control Policy",
        _ => "IAM Policy",
    }
}

/// Where the simulator says that a statement starts (recorded): just after the bracket or statement before it,
/// blanks and comma included.
fn before(text: &str, start: Position) -> iam::Position {
    let head = usize::try_from(start.offset).ok().and_then(|at| text.get(..at)).unwrap_or_default();
    let head = head.trim_end();
    let head = head.strip_suffix(',').map_or(head, str::trim_end);
    let line = head.matches('\n').count() + 1;
    let column = head.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
    position(number(line), number(column))
}

fn position(line: u32, column: u32) -> iam::Position {
    let number = |it| i32::try_from(it).ok();
    iam::Position { line: number(line), column: number(column) }
}

/// The form of the ARNs that an action works on, of those like this one; `*` when there is none.
fn arn_form(action: &str, like: &str) -> String {
    let form = || {
        let (prefix, name) = action.split_once(':')?;
        let service = iamd_policy::vocabulary::service(prefix)?;
        let targets = service.targets(service.action(name)?);
        // AWS's answers show `arn:aws:…`, with the other variables left as they are.
        let mut forms = targets.map(|target| target.resource.arn.replace("${Partition}", "aws"));
        forms.find(|form| is_like(form, like))
    };
    form().unwrap_or_else(|| "*".to_owned())
}

/// Whether an ARN may be one of this form: the same fields, up to the form's first variable in each.
fn is_like(form: &str, arn: &str) -> bool {
    let fields = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (form, arn) = (fields(form), fields(arn));
    form.len() == arn.len()
        && form.iter().zip(&arn).all(|(form, field)| match form.split_once("${") {
            Some((fixed, _)) => field.starts_with(fixed) && !field.is_empty(),
            None => form == field,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_start_where_recorded_answers_say() {
        let place = |text: &str, index: usize| {
            let document = Document::parse(text).unwrap();
            let span = document.statements()[index].span;
            let start = before(text, span.start);
            (start.line.unwrap(), start.column.unwrap(), span.end.line, span.end.column)
        };
        let administrator = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}";
        assert_eq!(place(administrator, 0), (3, 17, 8, 6));
        let two = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}, {"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
        assert_eq!(place(two, 0).1, 38);
        let (_, column, ..) = place(two, 1);
        assert_eq!(two.chars().nth(usize::try_from(column).unwrap() - 1), Some(','));
    }

    #[test]
    fn engines_that_disagree_answer_nothing() {
        let context = Context::new();
        let arn = "arn:aws:iam::111122223333:user/a";
        let request = Request {
            principal: Principal::new(PrincipalKind::User, arn, "111122223333"),
            action: &Action::new("s3:GetObject"),
            resource: Resource { arn: "*", account: None, management_account: false },
            context: &context,
        };
        let policies = Policies::default();
        let decision = Reference.decide(&request, &policies);
        ensure_agreed(Effect::ImplicitDeny, &decision, &request).unwrap();
        for decided in [Effect::Allow, Effect::ExplicitDeny] {
            let error = ensure_agreed(decided, &decision, &request).unwrap_err();
            assert_eq!(error.code(), iamd_types::Code::ServiceFailure);
            let logged = error.internal_source().unwrap().to_string();
            assert!(logged.contains("disagree about s3:GetObject on *"), "{logged}");
            assert!(!error.message().contains("disagree"), "nothing of it is told");
        }
    }

    #[test]
    fn forms_of_arns_come_from_the_vocabulary() {
        let object = "arn:aws:s3:::${BucketName}/${ObjectName}";
        assert_eq!(arn_form("s3:GetObject", "arn:aws:s3:::b/k"), object);
        assert_eq!(arn_form("s3:ListAllMyBuckets", "arn:aws:s3:::b"), "*");
        assert_eq!(arn_form("nothing:AtAll", "arn:aws:s3:::b"), "*");
        let role = "arn:aws:iam::111122223333:role/r";
        let form = "arn:aws:iam::${Account}:role/${RoleNameWithPath}";
        assert_eq!(arn_form("iam:GetRole", role), form);
    }
}
