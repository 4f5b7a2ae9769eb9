//! IAM's rules in the most naive form: a list of entities that is searched for everything.

use crate::step::{AWS_POLICY, Step};

const LIMITS: [(Kind, usize); 5] = [
    (Kind::User, 3),
    (Kind::Group, 2),
    (Kind::Role, 2),
    (Kind::Policy, 2),
    (Kind::InstanceProfile, 2),
];
/// Groups of a user, policies attached to an entity, access keys of a user, tags of an entity.
pub(crate) const FEW: usize = 2;
pub(crate) const VERSIONS: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    User,
    Group,
    Role,
    Policy,
    InstanceProfile,
}

/// What an answer shows: elements, and the texts in them.
pub(crate) type Shown = Vec<(&'static str, Vec<String>)>;
/// What an answer shows, or the code of the refusal.
pub(crate) type Outcome = Result<Shown, &'static str>;

/// Anything that has a name. What a kind has not stays empty.
#[derive(Clone, Debug)]
struct Entity {
    kind: Kind,
    id: usize,
    name: String,
    path: String,
    tags: Vec<(String, String)>,
    attached: Vec<usize>,
    inline: Vec<(String, String)>,
    boundary: Option<usize>,
    groups: Vec<usize>,
    keys: Vec<(String, String)>,
    login: Option<String>,
    role: Option<usize>,
    description: Option<String>,
    versions: Vec<(usize, String)>,
    default: usize,
    latest: usize,
}

impl Entity {
    fn new(kind: Kind, id: usize, name: &str, path: &str) -> Self {
        Self {
            kind,
            id,
            name: name.to_owned(),
            path: path.to_owned(),
            tags: vec![],
            attached: vec![],
            inline: vec![],
            boundary: None,
            groups: vec![],
            keys: vec![],
            login: None,
            role: None,
            description: None,
            versions: vec![],
            default: 1,
            latest: 1,
        }
    }

    fn arn(&self) -> String {
        if self.id == 0 {
            return AWS_POLICY.to_owned();
        }
        format!("arn:aws:iam::111122223333:policy{}{}", self.path, self.name)
    }

    fn is_empty(&self) -> bool {
        self.attached.is_empty()
            && self.inline.is_empty()
            && self.groups.is_empty()
            && self.keys.is_empty()
            && self.login.is_none()
            && self.role.is_none()
    }

    /// Keys of users' and roles' tags compare without case (IAM User Guide, "Rules for tagging").
    fn same_key(&self, one: &str, other: &str) -> bool {
        match self.kind {
            Kind::User | Kind::Role => one.eq_ignore_ascii_case(other),
            _ => one == other,
        }
    }

    fn tag(&mut self, step: &Step) -> Result<(), &'static str> {
        let keys = step.all("Tags.", "Key");
        let tags: Vec<_> = keys.into_iter().zip(step.all("Tags.", "Value")).collect();
        for (at, (key, _)) in tags.iter().enumerate() {
            if tags[..at].iter().any(|(other, _)| self.same_key(key, other)) {
                return Err("InvalidInput");
            }
        }
        let mut merged = self.tags.clone();
        for tag in tags {
            match merged.iter_mut().find(|(key, _)| self.same_key(key, &tag.0)) {
                Some(old) => *old = tag,
                None => merged.push(tag),
            }
        }
        // Policies could not tell such keys apart.
        for (at, (key, _)) in merged.iter().enumerate() {
            if merged[..at].iter().any(|(other, _)| key.eq_ignore_ascii_case(other)) {
                return Err("InvalidInput");
            }
        }
        if merged.len() > FEW {
            return Err("LimitExceeded");
        }
        self.tags = merged;
        Ok(())
    }

    fn show_tags(&self) -> Shown {
        let (keys, values) = self.tags.iter().cloned().unzip();
        vec![("Key", keys), ("Value", values)]
    }
}

/// An account.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    entities: Vec<Entity>,
    made: usize,
}

type Done = Result<(), &'static str>;

fn valid(document: &str) -> Done {
    if document == "{}" { Err("MalformedPolicyDocument") } else { Ok(()) }
}

fn names<'a>(entities: impl IntoIterator<Item = &'a Entity>) -> Vec<String> {
    entities.into_iter().map(|entity| entity.name.clone()).collect()
}

impl Model {
    /// An account in which there is only AWS's policy.
    pub(crate) fn new() -> Self {
        let policy = Entity::new(Kind::Policy, 0, "ReadOnlyAccess", "/");
        Self { entities: vec![policy], made: 1 }
    }

    /// Carries out a step. A refusal changes nothing.
    pub(crate) fn run(&mut self, step: &Step) -> Outcome {
        let mut next = self.clone();
        let outcome = next.carry_out(step);
        if outcome.is_ok() {
            *self = next;
        }
        outcome
    }

    fn carry_out(&mut self, step: &Step) -> Outcome {
        let operation = step.operation.as_str();
        if operation.starts_with("Get") || operation.starts_with("List") {
            return self.answer(step);
        }
        match operation {
            "CreatePolicyVersion" | "SetDefaultPolicyVersion" | "DeletePolicyVersion" => {
                self.version(step)?;
            }
            "AddUserToGroup" | "RemoveUserFromGroup" => self.membership(step)?,
            "AddRoleToInstanceProfile" | "RemoveRoleFromInstanceProfile" => self.profile(step)?,
            "UpdateRole" => {
                let description = step.given("Description").map(str::to_owned);
                self.one(Kind::Role, step)?.description = description;
            }
            "UpdateUser" => self.rename(Kind::User, step, "NewUserName")?,
            "UpdateGroup" => self.rename(Kind::Group, step, "NewGroupName")?,
            "CreateUser" => return self.create(Kind::User, step),
            "CreateGroup" => return self.create(Kind::Group, step),
            "CreateRole" => return self.create(Kind::Role, step),
            "CreatePolicy" => return self.create(Kind::Policy, step),
            "CreateInstanceProfile" => return self.create(Kind::InstanceProfile, step),
            "DeleteUser" => self.delete(Kind::User, step)?,
            "DeleteGroup" => self.delete(Kind::Group, step)?,
            "DeleteRole" => self.delete(Kind::Role, step)?,
            "DeletePolicy" => self.delete(Kind::Policy, step)?,
            "DeleteInstanceProfile" => self.delete(Kind::InstanceProfile, step)?,
            _ if operation.ends_with("AccessKey") => self.access_key(step)?,
            _ if operation.ends_with("LoginProfile") => self.login_profile(step)?,
            _ if operation.ends_with("PermissionsBoundary") => self.boundary(step)?,
            _ if operation.starts_with("Tag") || operation.starts_with("Untag") => {
                self.tag(step)?
            }
            _ if operation.contains("tach") => self.attachment(step)?,
            _ => self.inline(step)?,
        }
        Ok(vec![])
    }

    fn all(&self, kind: Kind) -> Vec<&Entity> {
        let mut all: Vec<_> = self.entities.iter().filter(|it| it.kind == kind).collect();
        all.sort_by_key(|it| it.name.to_lowercase());
        all
    }

    fn get(&self, id: usize) -> &Entity {
        self.entities.iter().find(|it| it.id == id).unwrap()
    }

    fn find(&self, kind: Kind, name: &str) -> Option<&Entity> {
        let same = |it: &&Entity| it.kind == kind && it.name.eq_ignore_ascii_case(name);
        self.entities.iter().find(same).filter(|it| it.id != 0)
    }

    fn policy(&self, arn: &str) -> Result<&Entity, &'static str> {
        let mut policies = self.entities.iter().filter(|it| it.kind == Kind::Policy);
        policies.find(|it| it.arn() == arn).ok_or("NoSuchEntity")
    }

    /// The entity of a kind that a step names.
    fn named(&self, kind: Kind, step: &Step) -> Result<&Entity, &'static str> {
        if kind == Kind::Policy {
            return self.policy(step.the("PolicyArn"));
        }
        self.find(kind, step.the(&format!("{kind:?}Name"))).ok_or("NoSuchEntity")
    }

    fn one(&mut self, kind: Kind, step: &Step) -> Result<&mut Entity, &'static str> {
        let id = self.named(kind, step)?.id;
        Ok(self.entities.iter_mut().find(|it| it.id == id).unwrap())
    }

    /// The kind in an operation's name.
    fn kind(step: &Step) -> Kind {
        let is_in = |kind: &Kind| step.operation.contains(&format!("{kind:?}"));
        let kinds = [Kind::InstanceProfile, Kind::User, Kind::Group, Kind::Role];
        kinds.into_iter().find(is_in).unwrap_or(Kind::Policy)
    }

    fn create(&mut self, kind: Kind, step: &Step) -> Outcome {
        let name = step.the(&format!("{kind:?}Name")).to_owned();
        let mut made = Entity::new(kind, self.made, &name, step.given("Path").unwrap_or("/"));
        if kind == Kind::Policy {
            valid(step.the("PolicyDocument"))?;
            made.versions.push((1, step.the("PolicyDocument").to_owned()));
        }
        if let Some(arn) = step.given("PermissionsBoundary") {
            made.boundary = Some(self.policy(arn)?.id);
        }
        made.tag(step)?;
        if self.find(kind, &name).is_some() {
            return Err("EntityAlreadyExists");
        }
        let limit = LIMITS.iter().find(|(of, _)| *of == kind).unwrap().1;
        if self.all(kind).iter().filter(|it| it.id != 0).count() >= limit {
            return Err("LimitExceeded");
        }
        let shown = vec![("Path", vec![made.path.clone()])];
        self.entities.push(made);
        self.made += 1;
        Ok(shown)
    }

    fn delete(&mut self, kind: Kind, step: &Step) -> Done {
        let entity = self.named(kind, step)?;
        let id = entity.id;
        if id == 0 {
            return Err("AccessDenied");
        }
        let names_it = |other: &Entity| {
            let lists = other.groups.iter().chain(&other.attached).chain(&other.boundary);
            lists.chain(&other.role).any(|it| *it == id)
        };
        let in_use = !entity.is_empty() || entity.versions.len() > 1;
        if in_use || self.entities.iter().any(names_it) {
            return Err("DeleteConflict");
        }
        self.entities.retain(|it| it.id != id);
        Ok(())
    }

    fn rename(&mut self, kind: Kind, step: &Step, parameter: &str) -> Done {
        let id = self.named(kind, step)?.id;
        let name = step.the(parameter).to_owned();
        if self.find(kind, &name).is_some_and(|other| other.id != id) {
            return Err("EntityAlreadyExists");
        }
        let entity = self.one(kind, step)?;
        entity.name = name;
        if let Some(path) = step.given("NewPath") {
            path.clone_into(&mut entity.path);
        }
        Ok(())
    }

    fn membership(&mut self, step: &Step) -> Done {
        let adds = step.operation == "AddUserToGroup";
        self.named(Kind::User, step)?;
        let group = self.named(Kind::Group, step)?.id;
        let groups = &mut self.one(Kind::User, step)?.groups;
        match (adds, groups.contains(&group)) {
            (false, _) => groups.retain(|it| *it != group),
            (true, true) => {}
            (true, false) if groups.len() >= FEW - 1 => return Err("LimitExceeded"),
            (true, false) => groups.push(group),
        }
        Ok(())
    }

    fn profile(&mut self, step: &Step) -> Done {
        let adds = step.operation == "AddRoleToInstanceProfile";
        self.named(Kind::InstanceProfile, step)?;
        let role = self.named(Kind::Role, step)?.id;
        let profile = self.one(Kind::InstanceProfile, step)?;
        match (adds, profile.role) {
            (true, Some(_)) => return Err("LimitExceeded"),
            (false, other) if other != Some(role) => return Err("NoSuchEntity"),
            _ => profile.role = adds.then_some(role),
        }
        Ok(())
    }

    fn version(&mut self, step: &Step) -> Done {
        let policy = self.one(Kind::Policy, step)?;
        if policy.id == 0 {
            return Err("AccessDenied");
        }
        if step.operation == "CreatePolicyVersion" {
            valid(step.the("PolicyDocument"))?;
            if policy.versions.len() >= VERSIONS {
                return Err("LimitExceeded");
            }
            policy.latest += 1;
            policy.versions.push((policy.latest, step.the("PolicyDocument").to_owned()));
            if step.the("SetAsDefault") == "true" {
                policy.default = policy.latest;
            }
            return Ok(());
        }
        let number = step.the("VersionId")[1..].parse().unwrap();
        if !policy.versions.iter().any(|(version, _)| *version == number) {
            return Err("NoSuchEntity");
        }
        if step.operation == "SetDefaultPolicyVersion" {
            policy.default = number;
        } else if policy.default == number {
            return Err("DeleteConflict");
        } else {
            policy.versions.retain(|(version, _)| *version != number);
        }
        Ok(())
    }

    fn inline(&mut self, step: &Step) -> Done {
        let inline = &mut self.one(Self::kind(step), step)?.inline;
        let name = step.the("PolicyName");
        let at = inline.iter().position(|(other, _)| other == name);
        if let Some(document) = step.given("PolicyDocument") {
            valid(document)?;
            at.map(|at| inline.remove(at));
            inline.push((name.to_owned(), document.to_owned()));
            inline.sort();
        } else {
            inline.remove(at.ok_or("NoSuchEntity")?);
        }
        Ok(())
    }

    fn attachment(&mut self, step: &Step) -> Done {
        let attaches = step.operation.starts_with("Attach");
        let kind = Self::kind(step);
        self.named(kind, step)?;
        let policy = self.policy(step.the("PolicyArn"))?.id;
        let attached = &mut self.one(kind, step)?.attached;
        match (attaches, attached.contains(&policy)) {
            (true, true) => {}
            (true, false) if attached.len() >= FEW => return Err("LimitExceeded"),
            (true, false) => attached.push(policy),
            (false, false) => return Err("NoSuchEntity"),
            (false, true) => attached.retain(|it| *it != policy),
        }
        Ok(())
    }

    fn boundary(&mut self, step: &Step) -> Done {
        let kind = Self::kind(step);
        let before = self.named(kind, step)?.boundary;
        let boundary = match step.given("PermissionsBoundary") {
            Some(arn) => Some(self.policy(arn)?.id),
            None if before.is_none() => return Err("NoSuchEntity"),
            None => None,
        };
        self.one(kind, step)?.boundary = boundary;
        Ok(())
    }

    fn access_key(&mut self, step: &Step) -> Done {
        self.named(Kind::User, step)?;
        if let Some(slot) = step.given("") {
            let user = self.one(Kind::User, step)?;
            if user.keys.len() >= FEW {
                return Err("LimitExceeded");
            }
            // The client forgets the key that it had there.
            let forgotten = self.entities.iter_mut().flat_map(|it| &mut it.keys);
            forgotten.filter(|(of, _)| of == slot).for_each(|(of, _)| of.clear());
            let key = (slot.to_owned(), "Active".to_owned());
            self.one(Kind::User, step)?.keys.push(key);
            return Ok(());
        }
        let keys = &mut self.one(Kind::User, step)?.keys;
        let is_it = |(slot, _): &(String, String)| slot == step.the("AccessKeyId");
        let at = keys.iter().position(is_it).ok_or("NoSuchEntity")?;
        match step.given("Status") {
            Some(status) => status.clone_into(&mut keys[at].1),
            None => drop(keys.remove(at)),
        }
        Ok(())
    }

    fn login_profile(&mut self, step: &Step) -> Done {
        let login = &mut self.one(Kind::User, step)?.login;
        match (step.operation.as_str(), login.is_some()) {
            ("CreateLoginProfile", true) => return Err("EntityAlreadyExists"),
            ("CreateLoginProfile", false) => *login = Some("false".to_owned()),
            (_, false) => return Err("NoSuchEntity"),
            ("DeleteLoginProfile", true) => *login = None,
            _ => *login = step.given("PasswordResetRequired").map(str::to_owned),
        }
        Ok(())
    }

    fn tag(&mut self, step: &Step) -> Done {
        let entity = self.one(Self::kind(step), step)?;
        if entity.id == 0 {
            return Err("NoSuchEntity");
        }
        if step.operation.starts_with("Tag") {
            return entity.tag(step);
        }
        let keys = step.all("TagKeys.", "");
        let copy = entity.clone();
        entity.tags.retain(|(key, _)| !keys.iter().any(|other| copy.same_key(key, other)));
        Ok(())
    }

    fn answer(&self, step: &Step) -> Outcome {
        let kind = Self::kind(step);
        let operation = step.operation.as_str();
        Ok(match operation {
            "ListUsers" | "ListGroups" | "ListRoles" | "ListInstanceProfiles" | "ListPolicies" => {
                return Ok(self.listed(kind, step));
            }
            "ListEntitiesForPolicy" => return self.entities_for_policy(step),
            "GetPolicy" | "GetPolicyVersion" | "ListPolicyVersions" => {
                return self.answer_of_policy(step);
            }
            "ListGroupsForUser" => {
                let groups = &self.named(Kind::User, step)?.groups;
                vec![("GroupName", names(groups.iter().map(|id| self.get(*id))))]
            }
            "ListInstanceProfilesForRole" => {
                let role = self.named(Kind::Role, step)?.id;
                let mut profiles = self.all(Kind::InstanceProfile);
                profiles.retain(|it| it.role == Some(role));
                vec![("InstanceProfileName", names(profiles))]
            }
            "ListAccessKeys" => {
                let keys = &self.named(Kind::User, step)?.keys;
                vec![("Status", keys.iter().map(|(_, status)| status.clone()).collect())]
            }
            "GetLoginProfile" => {
                let user = self.named(Kind::User, step)?;
                let login = user.login.clone().ok_or("NoSuchEntity")?;
                vec![("UserName", vec![user.name.clone()]), ("PasswordResetRequired", vec![login])]
            }
            _ if operation.ends_with("Tags") => self.named(kind, step)?.show_tags(),
            _ if operation.starts_with("ListAttached") => {
                let attached = &self.named(kind, step)?.attached;
                let arns = attached.iter().map(|id| self.get(*id).arn()).collect();
                vec![("PolicyArn", arns)]
            }
            _ if operation.starts_with("List") => {
                let inline = &self.named(kind, step)?.inline;
                vec![("member", inline.iter().map(|(name, _)| name.clone()).collect())]
            }
            _ if operation.ends_with("Policy") => {
                let inline = &self.named(kind, step)?.inline;
                let it = inline.iter().find(|(name, _)| name == step.the("PolicyName"));
                vec![("PolicyDocument", vec![it.ok_or("NoSuchEntity")?.1.clone()])]
            }
            _ => return self.in_full(kind, step),
        })
    }

    fn listed(&self, kind: Kind, step: &Step) -> Shown {
        let element = match kind {
            Kind::User => "UserName",
            Kind::Group => "GroupName",
            Kind::Role => "RoleName",
            Kind::Policy => "PolicyName",
            Kind::InstanceProfile => "InstanceProfileName",
        };
        let mut all = self.all(kind);
        let prefix = step.given("PathPrefix").unwrap_or("/");
        all.retain(|it| it.id != 0 && it.path.starts_with(prefix));
        vec![(element, names(all))]
    }

    /// What the operation that gets one entity shows.
    fn in_full(&self, kind: Kind, step: &Step) -> Outcome {
        let entity = self.named(kind, step)?;
        let mut shown = match kind {
            Kind::Group => {
                let mut members = self.all(Kind::User);
                members.retain(|it| it.groups.contains(&entity.id));
                return Ok(vec![("UserName", names(members))]);
            }
            Kind::InstanceProfile => {
                let role = entity.role.map(|id| self.get(id));
                vec![("RoleName", names(role))]
            }
            _ => {
                let boundary = entity.boundary.map(|id| self.get(id).arn());
                let description = entity.description.clone();
                vec![
                    ("Path", vec![entity.path.clone()]),
                    ("PermissionsBoundaryArn", boundary.into_iter().collect()),
                    ("Description", description.into_iter().collect()),
                ]
            }
        };
        shown.extend(entity.show_tags());
        Ok(shown)
    }

    fn entities_for_policy(&self, step: &Step) -> Outcome {
        let id = self.named(Kind::Policy, step)?.id;
        let of = |kind: Kind| {
            let mut all = self.all(kind);
            all.retain(|it| it.attached.contains(&id) || it.boundary == Some(id));
            names(all)
        };
        let (users, groups, roles) = (of(Kind::User), of(Kind::Group), of(Kind::Role));
        Ok(vec![("UserName", users), ("GroupName", groups), ("RoleName", roles)])
    }

    fn answer_of_policy(&self, step: &Step) -> Outcome {
        let policy = self.named(Kind::Policy, step)?;
        if let Some(id) = step.given("VersionId") {
            let number: usize = id[1..].parse().unwrap();
            let version = policy.versions.iter().find(|(version, _)| *version == number);
            let document = version.ok_or("NoSuchEntity")?.1.clone();
            let is_default = (policy.default == number).to_string();
            return Ok(vec![("Document", vec![document]), ("IsDefaultVersion", vec![is_default])]);
        }
        if step.operation == "ListPolicyVersions" {
            let ids = policy.versions.iter().rev().map(|(number, _)| format!("v{number}"));
            let is_default =
                |(number, _): &(usize, String)| (*number == policy.default).to_string();
            let defaults = policy.versions.iter().rev().map(is_default);
            return Ok(vec![
                ("VersionId", ids.collect()),
                ("IsDefaultVersion", defaults.collect()),
            ]);
        }
        let count = |has: &dyn Fn(&Entity) -> bool| {
            vec![self.entities.iter().filter(|it| has(it)).count().to_string()]
        };
        let mut shown = vec![
            ("DefaultVersionId", vec![format!("v{}", policy.default)]),
            ("AttachmentCount", count(&|it| it.attached.contains(&policy.id))),
            ("PermissionsBoundaryUsageCount", count(&|it| it.boundary == Some(policy.id))),
        ];
        shown.extend(policy.show_tags());
        Ok(shown)
    }
}
