//! Requests, drawn at random from few names, so that they meet each other often.

use std::fmt;

pub(crate) const AWS_POLICY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
pub(crate) const ALLOW: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
pub(crate) const DENY: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}}"#;

const USERS: [&str; 4] = ["ann", "Ann", "bob", "cyd"];
const GROUPS: [&str; 3] = ["devs", "DEVS", "ops"];
const ROLES: [&str; 3] = ["reader", "writer", "Writer"];
const POLICIES: [&str; 3] = ["limits", "Limits", "work"];
const PROFILES: [&str; 3] = ["front", "back", "Back"];
const INLINE: [&str; 2] = ["one", "two"];
const PATHS: [&str; 2] = ["/", "/far/"];
const KEYS: [&str; 3] = ["Team", "team", "Cost"];
/// The names under which a client remembers the access keys that it made.
pub(crate) const SLOTS: [&str; 4] = ["{key0}", "{key1}", "{key2}", "{key3}"];

/// Randomness that repeats (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// Now and then.
    fn seldom(&mut self) -> bool {
        self.below(4) == 0
    }
}

/// One request of the root user.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) operation: String,
    pub(crate) pairs: Vec<(String, String)>,
}

impl fmt::Debug for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.operation)?;
        self.pairs.iter().try_for_each(|(name, value)| write!(out, " {name}={value}"))
    }
}

impl Step {
    pub(crate) fn new(operation: impl Into<String>) -> Self {
        Self { operation: operation.into(), pairs: vec![] }
    }

    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.pairs.push((name.into(), value.into()));
        self
    }

    /// The value of a parameter.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that every such step has.
    pub(crate) fn the(&self, name: &str) -> &str {
        self.given(name).unwrap()
    }

    /// The values of `NAME.member.N`, or of a member of each.
    pub(crate) fn all(&self, list: &str, member: &str) -> Vec<String> {
        let of_list = |name: &str| name.starts_with(list) && name.ends_with(member);
        let values = self.pairs.iter().filter(|(name, _)| of_list(name));
        values.map(|(_, value)| value.clone()).collect()
    }

    fn path(self, dice: &mut Dice) -> Self {
        if dice.seldom() { self.with("Path", dice.one(&PATHS)) } else { self }
    }

    fn tags(mut self, dice: &mut Dice) -> Self {
        for at in 1..=1 + dice.below(2) {
            self = self
                .with(format!("Tags.member.{at}.Key"), dice.one(&KEYS))
                .with(format!("Tags.member.{at}.Value"), dice.one(&["x", "y"]));
        }
        self
    }

    fn perhaps_tags(self, dice: &mut Dice) -> Self {
        if dice.seldom() { self.tags(dice) } else { self }
    }
}

fn policy_arns() -> Vec<String> {
    let own = |name: &str| format!("arn:aws:iam::111122223333:policy{name}");
    let own = ["/limits", "/work", "/Limits", "/far/work"].map(own);
    own.into_iter().chain([AWS_POLICY.to_owned()]).collect()
}

fn policy_arn(dice: &mut Dice) -> String {
    let arns = policy_arns();
    arns[dice.below(arns.len())].clone()
}

/// The kinds that hold policies, and their names.
const HOLDERS: [(&str, &[&str]); 3] = [("User", &USERS), ("Group", &GROUPS), ("Role", &ROLES)];

/// A request on one of the names. `slots` are the access keys that this client knows.
pub(crate) fn draw(dice: &mut Dice, slots: &[&str]) -> Step {
    match dice.below(12) {
        0 | 1 => entity(dice),
        2 => membership(dice),
        3 | 9 | 10 => managed_policy(dice),
        4 => inline_policy(dice),
        5 | 6 => attachment(dice),
        7 => credential(dice, slots),
        8 => tag(dice),
        _ => {
            let questions = questions();
            questions[dice.below(questions.len())].clone()
        }
    }
}

fn entity(dice: &mut Dice) -> Step {
    let (user, group, role) = (dice.one(&USERS), dice.one(&GROUPS), dice.one(&ROLES));
    let profile = dice.one(&PROFILES);
    match dice.below(14) {
        0 | 1 => {
            let step = Step::new("CreateUser").with("UserName", user).path(dice).perhaps_tags(dice);
            if dice.seldom() { step.with("PermissionsBoundary", policy_arn(dice)) } else { step }
        }
        2 => Step::new("DeleteUser").with("UserName", user),
        3 => {
            let step = Step::new("UpdateUser").with("UserName", user);
            let step = step.with("NewUserName", dice.one(&USERS));
            if dice.seldom() { step.with("NewPath", dice.one(&PATHS)) } else { step }
        }
        4 | 5 => Step::new("CreateGroup").with("GroupName", group).path(dice),
        6 => Step::new("DeleteGroup").with("GroupName", group),
        7 => {
            let step = Step::new("UpdateGroup").with("GroupName", group);
            step.with("NewGroupName", dice.one(&GROUPS))
        }
        8 | 9 => Step::new("CreateRole")
            .with("RoleName", role)
            .with("AssumeRolePolicyDocument", TRUST)
            .path(dice)
            .perhaps_tags(dice),
        10 => Step::new("DeleteRole").with("RoleName", role),
        11 => Step::new("UpdateRole")
            .with("RoleName", role)
            .with("Description", dice.one(&["old", "new"])),
        12 => Step::new("CreateInstanceProfile")
            .with("InstanceProfileName", profile)
            .path(dice)
            .perhaps_tags(dice),
        _ => Step::new("DeleteInstanceProfile").with("InstanceProfileName", profile),
    }
}

fn membership(dice: &mut Dice) -> Step {
    let of_group = |operation: &str, dice: &mut Dice| {
        let step = Step::new(operation).with("UserName", dice.one(&USERS));
        step.with("GroupName", dice.one(&GROUPS))
    };
    let of_profile = |operation: &str, dice: &mut Dice| {
        let step = Step::new(operation).with("InstanceProfileName", dice.one(&PROFILES));
        step.with("RoleName", dice.one(&ROLES))
    };
    match dice.below(6) {
        0..=2 => of_group("AddUserToGroup", dice),
        3 => of_group("RemoveUserFromGroup", dice),
        4 => of_profile("AddRoleToInstanceProfile", dice),
        _ => of_profile("RemoveRoleFromInstanceProfile", dice),
    }
}

fn document(dice: &mut Dice) -> &'static str {
    [ALLOW, DENY, ALLOW, DENY, ALLOW, DENY, ALLOW, "{}"][dice.below(8)]
}

fn managed_policy(dice: &mut Dice) -> Step {
    let arn = policy_arn(dice);
    let version = dice.one(&["v1", "v2", "v3", "v4"]);
    match dice.below(7) {
        0..=2 => Step::new("CreatePolicy")
            .with("PolicyName", dice.one(&POLICIES))
            .with("PolicyDocument", document(dice))
            .path(dice)
            .perhaps_tags(dice),
        3 => Step::new("DeletePolicy").with("PolicyArn", arn),
        4 => Step::new("CreatePolicyVersion")
            .with("PolicyArn", arn)
            .with("PolicyDocument", document(dice))
            .with("SetAsDefault", dice.one(&["true", "false"])),
        5 => Step::new("SetDefaultPolicyVersion").with("PolicyArn", arn).with("VersionId", version),
        _ => Step::new("DeletePolicyVersion").with("PolicyArn", arn).with("VersionId", version),
    }
}

fn inline_policy(dice: &mut Dice) -> Step {
    let (kind, names) = HOLDERS[dice.below(3)];
    let name = dice.one(&INLINE);
    let owner = (format!("{kind}Name"), dice.one(names));
    if dice.below(3) == 0 {
        let step = Step::new(format!("Delete{kind}Policy")).with(owner.0, owner.1);
        return step.with("PolicyName", name);
    }
    let step = Step::new(format!("Put{kind}Policy")).with(owner.0, owner.1);
    step.with("PolicyName", name).with("PolicyDocument", document(dice))
}

fn attachment(dice: &mut Dice) -> Step {
    let (kind, names) = HOLDERS[dice.below(3)];
    let owner = (format!("{kind}Name"), dice.one(names));
    let arn = policy_arn(dice);
    match dice.below(6) {
        0..=2 => {
            Step::new(format!("Attach{kind}Policy")).with(owner.0, owner.1).with("PolicyArn", arn)
        }
        3 => Step::new(format!("Detach{kind}Policy")).with(owner.0, owner.1).with("PolicyArn", arn),
        4 if kind != "Group" => Step::new(format!("Put{kind}PermissionsBoundary"))
            .with(owner.0, owner.1)
            .with("PermissionsBoundary", arn),
        _ if kind != "Group" => {
            Step::new(format!("Delete{kind}PermissionsBoundary")).with(owner.0, owner.1)
        }
        _ => Step::new("ListEntitiesForPolicy").with("PolicyArn", arn),
    }
}

fn credential(dice: &mut Dice, slots: &[&str]) -> Step {
    let user = dice.one(&USERS);
    let key = |operation: &str, dice: &mut Dice| {
        let slot = dice.one(slots);
        Step::new(operation).with("UserName", user).with("AccessKeyId", slot)
    };
    match dice.below(20) {
        // Which slot remembers the key is told beside the request; it is not sent.
        0..=7 => Step::new("CreateAccessKey").with("UserName", user).with("", dice.one(slots)),
        8..=11 => {
            let status = dice.one(&["Active", "Inactive"]);
            key("UpdateAccessKey", dice).with("Status", status)
        }
        12..=15 => key("DeleteAccessKey", dice),
        16 => Step::new("CreateLoginProfile")
            .with("UserName", user)
            .with("Password", "correct-horse-9"),
        17 | 18 => Step::new("UpdateLoginProfile")
            .with("UserName", user)
            .with("PasswordResetRequired", dice.one(&["true", "false"])),
        _ => Step::new("DeleteLoginProfile").with("UserName", user),
    }
}

fn tag(dice: &mut Dice) -> Step {
    let (kind, (parameter, name)) = match dice.below(4) {
        0 => ("User", ("UserName", dice.one(&USERS).to_owned())),
        1 => ("Role", ("RoleName", dice.one(&ROLES).to_owned())),
        2 => ("Policy", ("PolicyArn", policy_arn(dice))),
        _ => ("InstanceProfile", ("InstanceProfileName", dice.one(&PROFILES).to_owned())),
    };
    if dice.seldom() {
        let step = Step::new(format!("Untag{kind}")).with(parameter, name);
        return step.with("TagKeys.member.1", dice.one(&KEYS));
    }
    Step::new(format!("Tag{kind}")).with(parameter, name).tags(dice)
}

/// Every question about every name: together the answers are the state.
pub(crate) fn questions() -> Vec<Step> {
    let mut all = vec![];
    for (kind, names) in HOLDERS {
        all.push(Step::new(format!("List{kind}s")));
        all.push(Step::new(format!("List{kind}s")).with("PathPrefix", "/far/"));
        for name in names {
            let ask = |operation: String| Step::new(operation).with(format!("{kind}Name"), *name);
            all.push(ask(format!("Get{kind}")));
            all.push(ask(format!("List{kind}Policies")));
            all.push(ask(format!("ListAttached{kind}Policies")));
            let get = |inline| ask(format!("Get{kind}Policy")).with("PolicyName", inline);
            all.extend(INLINE.map(get));
            all.extend(match kind {
                "User" => vec![
                    ask("ListGroupsForUser".to_owned()),
                    ask("ListAccessKeys".to_owned()),
                    ask("GetLoginProfile".to_owned()),
                    ask("ListUserTags".to_owned()),
                ],
                "Role" => {
                    vec![
                        ask("ListInstanceProfilesForRole".to_owned()),
                        ask("ListRoleTags".to_owned()),
                    ]
                }
                _ => vec![],
            });
        }
    }
    all.push(Step::new("ListPolicies").with("Scope", "Local"));
    for arn in policy_arns() {
        let ask = |operation: &str| Step::new(operation).with("PolicyArn", &*arn);
        all.push(ask("ListEntitiesForPolicy"));
        if arn != AWS_POLICY {
            all.extend(["GetPolicy", "ListPolicyVersions", "ListPolicyTags"].map(ask));
            all.push(ask("GetPolicyVersion").with("VersionId", "v2"));
        }
    }
    all.push(Step::new("ListInstanceProfiles"));
    for name in PROFILES {
        let ask = |operation: &str| Step::new(operation).with("InstanceProfileName", name);
        all.extend(["GetInstanceProfile", "ListInstanceProfileTags"].map(ask));
    }
    all
}
