//! The large workload: an [`Index`] for each account. Principals and requests are made when they are asked for, since
//! a million of them would take the memory that the index is to be measured in.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use iamd_policy::{
    Compiled, Effect, Evaluator, Index, PolicyKind, PolicySet, PolicySetBuilder, PrincipalNumber,
    Reference, SetNumber, Slot, Verdict,
};

use super::{Asked, Material, Noise, Owner, RESOURCE_KIND, Shape};

/// Everybody's policies.
pub(crate) struct Large {
    material: Material,
    accounts: Vec<ArcSwap<Index>>,
    /// Each account's policies, by the documents' numbers.
    policies: Vec<HashMap<usize, SetNumber>>,
    /// Each principal's place in its account.
    places: Vec<PrincipalNumber>,
}

/// A request, and who asks it.
pub(crate) struct Question {
    number: usize,
    owner: Owner,
    asked: Asked,
}

/// The sets that all accounts share.
struct Shared {
    policies: Vec<PolicySetBuilder>,
    groups: Vec<PolicySetBuilder>,
    levels: Vec<PolicySetBuilder>,
    boundary: PolicySetBuilder,
}

impl Large {
    /// Makes the sets and gives them to the principals. Also returns how many bytes the index takes beyond them.
    pub(crate) fn new(shape: &Shape) -> (Self, usize) {
        let material = Material::new(shape);
        let shared = Shared::of(&material);
        let (mut made, mut policies) = (None, vec![HashMap::new(); shape.accounts]);
        let counted =
            allocation_counter::measure(|| made = Some(index(&material, &shared, &mut policies)));
        let (accounts, places) = made.unwrap();
        (Self { material, accounts, policies, places }, counted.bytes_current as usize)
    }

    pub(crate) fn principals(&self) -> usize {
        self.places.len()
    }

    /// The median and the most statements of some thousand principals.
    pub(crate) fn statements(&self) -> (usize, usize) {
        let some = (0..self.principals()).step_by(self.principals() / 5000 + 1);
        let mut counts: Vec<usize> =
            some.map(|it| self.material.count(&self.material.owner(it))).collect();
        counts.sort_unstable();
        (counts[counts.len() / 2], counts[counts.len() - 1])
    }

    /// The request of this number, of a random principal.
    pub(crate) fn question(&self, seed: usize) -> Question {
        let mut noise = Noise(seed as u64);
        let number = noise.below(self.principals());
        let owner = self.material.owner(number);
        let asked = super::asked(&mut noise, &self.material, number, &owner);
        Question { number, owner, asked }
    }

    /// From the principal's number to the decision.
    pub(crate) fn decide(&self, question: &Question) -> Verdict {
        let account = self.accounts[question.number % self.accounts.len()].load();
        let request = question.asked.request(&question.owner);
        account.decide(self.places[question.number], &request, RESOURCE_KIND, &[]).unwrap()
    }

    /// What the reference says.
    pub(crate) fn reference(&self, question: &Question) -> (Effect, Option<PolicyKind>) {
        let request = question.asked.request(&question.owner);
        self.material.plain(&question.owner, |policies| {
            let decision = Reference.decide(&request, policies);
            (decision.effect, decision.decided_by)
        })
    }

    /// Writes a policy of one account anew: compiles it, replaces its set and publishes the account's index.
    pub(crate) fn change(&self, seed: usize) {
        let mut noise = Noise(seed as u64);
        let account = noise.below(self.accounts.len());
        let policies: Vec<(&usize, &SetNumber)> = self.policies[account].iter().collect();
        let (document, set) = noise.of(&policies);
        let compiled = Arc::new(Compiled::of(&self.material.documents[*document]));
        let mut index = Index::clone(&self.accounts[account].load());
        assert!(index.replace_set(*set, &set_of([(Slot::Identity, &compiled)])));
        self.accounts[account].store(Arc::new(index));
    }
}

fn index(
    material: &Material,
    shared: &Shared,
    policies: &mut [HashMap<usize, SetNumber>],
) -> (Vec<ArcSwap<Index>>, Vec<PrincipalNumber>) {
    let accounts = material.shape.accounts;
    let mut indexes = vec![Index::default(); accounts];
    let mut groups = vec![HashMap::new(); accounts];
    let boundaries: Vec<SetNumber> =
        indexes.iter_mut().map(|it| it.add_set(&shared.boundary).unwrap()).collect();
    let levels: Vec<SetNumber> = indexes
        .iter_mut()
        .zip(&shared.levels)
        .map(|(index, set)| index.add_set(set).unwrap())
        .collect();
    let mut places = Vec::with_capacity(material.shape.principals);
    for number in 0..material.shape.principals {
        let (account, owner) = (number % accounts, material.owner(number));
        let index = &mut indexes[account];
        let mut list = vec![levels[account]];
        list.extend(owner.boundary.map(|_| boundaries[account]));
        for (known, wanted, sets) in [
            (&mut policies[account], &owner.own, &shared.policies),
            (&mut groups[account], &owner.groups, &shared.groups),
        ] {
            list.extend(wanted.iter().map(|it| {
                let add = || index.add_set(&sets[*it]).unwrap();
                *known.entry(*it).or_insert_with(add)
            }));
        }
        places.push(index.add_principal(&list).unwrap());
    }
    indexes.iter_mut().for_each(Index::shrink_to_fit);
    policies.iter_mut().for_each(HashMap::shrink_to_fit);
    (indexes.into_iter().map(ArcSwap::from_pointee).collect(), places)
}

impl Shared {
    fn of(material: &Material) -> Self {
        let compiled = |it: &usize| material.documents[*it].compiled();
        let identity =
            |documents: &[usize]| set_of(documents.iter().map(|it| (Slot::Identity, compiled(it))));
        let level = |levels: &Vec<Vec<usize>>| {
            let numbered = levels.iter().zip(0..).flat_map(|(documents, level)| {
                documents.iter().map(move |it| (Slot::ServiceControl(level), compiled(it)))
            });
            set_of(numbered)
        };
        Self {
            policies: (0..material.shape.policies).map(|it| identity(&[it])).collect(),
            groups: material.groups.iter().map(|it| identity(it)).collect(),
            levels: material.levels.iter().map(level).collect(),
            boundary: set_of([(Slot::Boundary, compiled(&material.boundary))]),
        }
    }
}

fn set_of<'c>(documents: impl IntoIterator<Item = (Slot, &'c Arc<Compiled>)>) -> PolicySetBuilder {
    let mut builder = PolicySet::builder();
    documents.into_iter().for_each(|(slot, document)| builder.add(slot, document));
    builder
}
